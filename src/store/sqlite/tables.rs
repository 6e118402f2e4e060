//! The tables for Diesel; `migrations/sqlite` creates them.

diesel::table! {
    attendance (id) {
        id -> BigInt,
        entry_id -> Text,
        login -> BigInt,
        received_at -> BigInt,
        lastname -> Text,
        firstname -> Text,
        gate -> Nullable<Text>,
        direction -> Text,
        person_ref -> Nullable<Text>,
    }
}

diesel::table! {
    /// Diesel's list of applied migrations.
    __diesel_schema_migrations (version) {
        version -> Text,
        run_on -> Timestamp,
    }
}

diesel::table! {
    /// SQLite's list of what is in the file.
    sqlite_master (name) {
        name -> Text,
    }
}
