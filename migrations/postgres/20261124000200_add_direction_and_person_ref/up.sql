-- Constant defaults and a check of new rows only: nothing is rewritten or scanned under the lock.
-- Every row that is there gets the default, which the check allows.
ALTER TABLE attendance
    ADD COLUMN direction varchar(3) NOT NULL DEFAULT 'in',
    ADD COLUMN person_ref varchar(100),
    ADD CONSTRAINT attendance_direction_check CHECK (direction IN ('in', 'out')) NOT VALID;
