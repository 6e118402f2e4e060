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
    amendment (change) {
        change -> BigInt,
        entry_id -> Text,
        number -> SmallInt,
        replacement -> Nullable<Text>,
        reason -> Text,
        made_by -> Nullable<Text>,
        made_at -> BigInt,
    }
}

diesel::table! {
    erasure (change) {
        change -> BigInt,
        entry_id -> Text,
        erased_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(attendance, amendment, erasure);

diesel::table! {
    /// How far a gate agent has forwarded the entries: one row, or none.
    forwarding (only_row) {
        only_row -> Integer,
        upstream -> Text,
        up_to -> BigInt,
        last_forwarded_at -> Nullable<BigInt>,
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
    tokens (name) {
        name -> Text,
        sha256 -> Binary,
        role -> Text,
        gate -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Nullable<Text>,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    token_uses (name) {
        name -> Text,
        last_seen_at -> BigInt,
    }
}

diesel::table! {
    gate_contacts (name) {
        name -> Text,
        last_contact -> BigInt,
        last_entry -> Nullable<BigInt>,
        pending -> Nullable<BigInt>,
        oldest_pending -> Nullable<BigInt>,
        reported_at -> Nullable<BigInt>,
        complete_until -> Nullable<BigInt>,
    }
}

diesel::joinable!(token_uses -> tokens (name));
diesel::joinable!(gate_contacts -> tokens (name));
diesel::allow_tables_to_appear_in_same_query!(tokens, token_uses, gate_contacts);

diesel::table! {
    sessions (sha256) {
        sha256 -> Binary,
        token_sha256 -> Binary,
        created_at -> BigInt,
        last_used_at -> BigInt,
    }
}
