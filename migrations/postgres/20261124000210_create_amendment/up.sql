-- Without a replacement an amendment voids its entry, which only the first one can do. Of two
-- amendments with the same number, made at once, one is refused.
CREATE TABLE amendment (
    change bigint PRIMARY KEY,
    entry_id uuid NOT NULL REFERENCES attendance (entry_id),
    number smallint NOT NULL CHECK (number IN (1, 2)),
    replacement uuid UNIQUE REFERENCES attendance (entry_id),
    reason varchar(500) NOT NULL,
    made_by varchar(100),
    made_at timestamptz NOT NULL,
    UNIQUE (entry_id, number),
    CHECK (replacement IS NOT NULL OR number = 1)
);

-- Amendments draw their numbers from the sequence of the entries' ids, inside their INSERT, so that
-- all changes have one order. The role of the service needs USAGE on that sequence.
DO $$ BEGIN
    EXECUTE format(
        'ALTER TABLE amendment ALTER COLUMN change SET DEFAULT nextval(%L::regclass)',
        pg_get_serial_sequence('attendance', 'id')
    );
END $$;
