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

diesel::table! {
    erasure (change) {
        change -> BigInt,
        entry_id -> Uuid,
        erased_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(attendance, amendment, erasure);

diesel::table! {
    /// Diesel's list of applied migrations.
    __diesel_schema_migrations (version) {
        version -> VarChar,
        run_on -> Timestamp,
    }
}

diesel::table! {
    tokens (name) {
        name -> VarChar,
        sha256 -> Bytea,
        role -> VarChar,
        gate -> Nullable<VarChar>,
        created_at -> Timestamptz,
        created_by -> Nullable<VarChar>,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    token_uses (name) {
        name -> VarChar,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    gate_contacts (name) {
        name -> VarChar,
        last_contact -> Timestamptz,
        last_entry -> Nullable<Timestamptz>,
        pending -> Nullable<BigInt>,
        oldest_pending -> Nullable<Timestamptz>,
        reported_at -> Nullable<Timestamptz>,
        complete_until -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(token_uses -> tokens (name));
diesel::joinable!(gate_contacts -> tokens (name));
diesel::allow_tables_to_appear_in_same_query!(tokens, token_uses, gate_contacts);

diesel::table! {
    sessions (sha256) {
        sha256 -> Bytea,
        token_sha256 -> Bytea,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
    }
}
