ALTER TABLE attendance DROP COLUMN direction;
ALTER TABLE attendance DROP COLUMN person_ref;
