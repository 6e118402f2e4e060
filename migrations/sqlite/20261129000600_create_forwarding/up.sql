-- How far a gate agent has forwarded the entries of this file to its upstream: all with ids up to this
-- one, except those in `held_back`. Without a row, none is forwarded.
-- Moments are microseconds since 1970-01-01 00:00 UTC.
CREATE TABLE forwarding (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    upstream TEXT NOT NULL,
    up_to INTEGER NOT NULL,
    last_forwarded_at INTEGER
) STRICT;

-- Entries that the upstream did not store when they were forwarded. A rejected one is not sent again
-- before the next start.
CREATE TABLE held_back (
    id INTEGER PRIMARY KEY REFERENCES attendance (id),
    is_rejected INTEGER NOT NULL CHECK (is_rejected IN (0, 1)),
    status INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
