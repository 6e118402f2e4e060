CREATE TABLE attendance (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry_id uuid NOT NULL UNIQUE,
    login timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lastname varchar(100) NOT NULL,
    firstname varchar(100) NOT NULL,
    gate varchar(100)
);

-- A sheet is a range of logins.
CREATE INDEX attendance_login_idx ON attendance (login);
