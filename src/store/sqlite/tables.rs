//! The tables for Diesel; `migrations/sqlite` creates them.

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    attendance (id) {
        id -> BigInt,
        entry_id -> UuidText,
        login -> Moment,
        received_at -> Moment,
        lastname -> Text,
        firstname -> Text,
        gate -> Nullable<Text>,
        direction -> Text,
        person_ref -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    amendment (change) {
        change -> BigInt,
        entry_id -> UuidText,
        number -> SmallInt,
        replacement -> Nullable<UuidText>,
        reason -> Text,
        made_by -> Nullable<Text>,
        made_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    erasure (change) {
        change -> BigInt,
        entry_id -> UuidText,
        erased_at -> Moment,
    }
}

diesel::allow_tables_to_appear_in_same_query!(attendance, amendment, erasure);

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    /// How far a gate agent has forwarded the entries: one row, or none.
    forwarding (only_row) {
        only_row -> Integer,
        upstream -> Text,
        up_to -> BigInt,
        last_forwarded_at -> Nullable<Moment>,
    }
}

diesel::table! {
    /// Entries that the upstream of a gate agent did not store.
    held_back (id) {
        id -> BigInt,
        is_rejected -> Integer,
        status -> Integer,
        code -> Text,
        detail -> Text,
    }
}

diesel::joinable!(held_back -> attendance (id));
diesel::allow_tables_to_appear_in_same_query!(attendance, held_back);
diesel::allow_tables_to_appear_in_same_query!(amendment, held_back);

diesel::table! {
    /// SQLite's list of the highest numbers that tables with AUTOINCREMENT have drawn.
    sqlite_sequence (name) {
        name -> Text,
        seq -> BigInt,
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

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    tokens (name) {
        name -> Text,
        sha256 -> Binary,
        role -> Text,
        gate -> Nullable<Text>,
        created_at -> Moment,
        created_by -> Nullable<Text>,
        expires_at -> Nullable<Moment>,
        revoked_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    token_uses (name) {
        name -> Text,
        last_seen_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    gate_contacts (name) {
        name -> Text,
        last_contact -> Moment,
        last_entry -> Nullable<Moment>,
        pending -> Nullable<BigInt>,
        oldest_pending -> Nullable<Moment>,
        reported_at -> Nullable<Moment>,
        complete_until -> Nullable<Moment>,
    }
}

diesel::joinable!(token_uses -> tokens (name));
diesel::joinable!(gate_contacts -> tokens (name));
diesel::allow_tables_to_appear_in_same_query!(tokens, token_uses, gate_contacts);

diesel::table! {
    use diesel::sql_types::*;

    use crate::store::sqlite::types::*;

    sessions (sha256) {
        sha256 -> Binary,
        token_sha256 -> Binary,
        created_at -> Moment,
        last_used_at -> Moment,
    }
}
