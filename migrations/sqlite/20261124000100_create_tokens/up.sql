-- Who may send requests. A row is never deleted, so that a name stays unique for ever.
-- Moments are microseconds since 1970-01-01 00:00 UTC.
CREATE TABLE tokens (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 63),
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    role TEXT NOT NULL CHECK (role IN ('gate', 'reader', 'clerk', 'admin')),
    gate TEXT CHECK (gate IS NULL OR role = 'gate'),
    created_at INTEGER NOT NULL,
    created_by TEXT,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- A table of its own, because it is written often and by every process.
CREATE TABLE token_uses (
    name TEXT PRIMARY KEY REFERENCES tokens (name),
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
