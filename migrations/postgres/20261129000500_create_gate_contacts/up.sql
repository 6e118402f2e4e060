-- What gates say of themselves in batches, by the token that is bound to the gate. The newest report
-- holds `reported_at` and `complete_until`: up to when all entries of the gate are stored.
CREATE TABLE gate_contacts (
    name varchar(63) PRIMARY KEY REFERENCES tokens (name),
    last_contact timestamptz NOT NULL,
    last_entry timestamptz,
    pending bigint CHECK (pending >= 0),
    oldest_pending timestamptz,
    reported_at timestamptz,
    complete_until timestamptz,
    CHECK ((reported_at IS NULL) = (complete_until IS NULL))
);
