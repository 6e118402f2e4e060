-- The entries whose names were erased. Their rows, and the amendments of their chains, were changed
-- in the same transaction.
--
-- As those of amendments, `change` is drawn from the sequence of the entries' ids.
CREATE TABLE erasure (
    change INTEGER PRIMARY KEY,
    entry_id TEXT NOT NULL UNIQUE REFERENCES attendance (entry_id),
    erased_at INTEGER NOT NULL
) STRICT;
