-- Without a replacement an amendment voids its entry, which only the first one can do. Of two
-- amendments with the same number, made at once, one is refused.
--
-- `change` is drawn from the sequence of the entries' ids, so that all changes have one order.
CREATE TABLE amendment (
    change INTEGER PRIMARY KEY,
    entry_id TEXT NOT NULL REFERENCES attendance (entry_id),
    number INTEGER NOT NULL CHECK (number IN (1, 2)),
    replacement TEXT UNIQUE REFERENCES attendance (entry_id),
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    made_by TEXT CHECK (length(made_by) BETWEEN 1 AND 100),
    made_at INTEGER NOT NULL,
    UNIQUE (entry_id, number),
    CHECK (replacement IS NOT NULL OR number = 1)
) STRICT;
