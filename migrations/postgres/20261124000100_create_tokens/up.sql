-- Who may send requests. A row is never deleted, so that a name stays unique for ever.
CREATE TABLE tokens (
    name varchar(63) PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    role varchar(10) NOT NULL CHECK (role IN ('gate', 'reader', 'clerk', 'admin')),
    gate varchar(100) CHECK (gate IS NULL OR role = 'gate'),
    created_at timestamptz NOT NULL,
    created_by varchar(63),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- A table of its own, because it is written often and by every process.
CREATE TABLE token_uses (
    name varchar(63) PRIMARY KEY REFERENCES tokens (name),
    last_seen_at timestamptz NOT NULL
);
