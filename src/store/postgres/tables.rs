//! The tables as Diesel sees them; `migrations/postgres` makes them.

diesel::table! {
    attendance (id) {
        id -> BigInt,
        entry_id -> Uuid,
        login -> Timestamptz,
        received_at -> Timestamptz,
        lastname -> VarChar,
        firstname -> VarChar,
        gate -> Nullable<VarChar>,
    }
}

diesel::table! {
    /// Diesel's own list of what was applied.
    __diesel_schema_migrations (version) {
        version -> VarChar,
        run_on -> Timestamp,
    }
}
