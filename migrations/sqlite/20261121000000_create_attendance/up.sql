-- AUTOINCREMENT, so that an id is never given twice, not even after a row was deleted.
-- Moments are microseconds since 1970-01-01 00:00 UTC.
CREATE TABLE attendance (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_id TEXT NOT NULL UNIQUE CHECK (length(entry_id) = 36),
    login INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    lastname TEXT NOT NULL CHECK (length(lastname) BETWEEN 1 AND 100),
    firstname TEXT NOT NULL CHECK (length(firstname) BETWEEN 1 AND 100),
    gate TEXT CHECK (length(gate) BETWEEN 1 AND 100)
) STRICT;

-- A sheet is a range of logins.
CREATE INDEX attendance_login_idx ON attendance (login);
