ALTER TABLE attendance
    ADD COLUMN direction TEXT NOT NULL DEFAULT 'in' CHECK (direction IN ('in', 'out'));
ALTER TABLE attendance
    ADD COLUMN person_ref TEXT CHECK (length(person_ref) BETWEEN 1 AND 100);
