-- The entries whose names were erased. Their rows, and the amendments of their chains, were changed
-- in the same transaction. The role of the service may only read this table.
CREATE TABLE erasure (
    change bigint PRIMARY KEY,
    entry_id uuid NOT NULL UNIQUE REFERENCES attendance (entry_id),
    erased_at timestamptz NOT NULL
);

-- As amendments do, erasures draw their numbers from the sequence of the entries' ids.
DO $$ BEGIN
    EXECUTE format(
        'ALTER TABLE erasure ALTER COLUMN change SET DEFAULT nextval(%L::regclass)',
        pg_get_serial_sequence('attendance', 'id')
    );
END $$;
