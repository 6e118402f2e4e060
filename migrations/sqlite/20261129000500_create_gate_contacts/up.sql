-- What gates say of themselves in batches, by the token that is bound to the gate. The newest report
-- holds `reported_at` and `complete_until`: up to when all entries of the gate are stored.
-- Moments are microseconds since 1970-01-01 00:00 UTC.
CREATE TABLE gate_contacts (
    name TEXT PRIMARY KEY REFERENCES tokens (name),
    last_contact INTEGER NOT NULL,
    last_entry INTEGER,
    pending INTEGER CHECK (pending >= 0),
    oldest_pending INTEGER,
    reported_at INTEGER,
    complete_until INTEGER,
    CHECK ((reported_at IS NULL) = (complete_until IS NULL))
) STRICT, WITHOUT ROWID;
