-- Sign-ins of browsers. A session names its token by the hash, because the token of the admin `env`
-- has no row and may be changed. A row is deleted when its session is ended, or long after it expired.
-- Moments are microseconds since 1970-01-01 00:00 UTC.
CREATE TABLE sessions (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    token_sha256 BLOB NOT NULL CHECK (length(token_sha256) = 32),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
