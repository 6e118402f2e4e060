-- Sign-ins of browsers. A session names its token by the hash, because the token of the admin `env`
-- has no row and may be changed. A row is deleted when its session is ended, or long after it expired.
CREATE TABLE sessions (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    token_sha256 bytea NOT NULL CHECK (length(token_sha256) = 32),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL
);
