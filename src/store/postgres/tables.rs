//! The tables for Diesel; `migrations/postgres` creates them.

diesel::table! {
    attendance (id) {
        id -> BigInt,
        entry_id -> Uuid,
        login -> Timestamptz,
        received_at -> Timestamptz,
        lastname -> VarChar,
        firstname -> VarChar,
        gate -> Nullable<VarChar>,
        direction -> VarChar,
        person_ref -> Nullable<VarChar>,
    }
}

diesel::table! {
    amendment (change) {
        change -> BigInt,
        entry_id -> Uuid,
        number -> SmallInt,
        replacement -> Nullable<Uuid>,
        reason -> VarChar,
        made_by -> Nullable<VarChar>,
        made_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(attendance, amendment);

diesel::table! {
    /// Diesel's list of applied migrations.
    __diesel_schema_migrations (version) {
        version -> VarChar,
        run_on -> Timestamp,
    }
}
