ALTER TABLE attendance
    DROP COLUMN direction,
    DROP COLUMN person_ref;
