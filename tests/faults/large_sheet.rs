use crate::support::Fresh;

/// The number of entries. With names of 100 characters, their sheet does not fit into a
/// connection's buffers.
pub const COUNT: usize = 40_000;

/// Where the sheet is.
pub const PATH: &str = "/table/view/date:20260302";

/// Inserts the entries.
pub fn insert(store: &Fresh) {
    store.sql(&match store {
        Fresh::Postgres(_) => format!(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
             SELECT gen_random_uuid(), '2026-03-02T00:15:00Z', now(), repeat('ж', 100), \
             repeat('я', 100) FROM generate_series(1, {COUNT})"
        ),
        Fresh::Embedded(_) => format!(
            "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT {COUNT}) \
             INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
             SELECT printf('%08x-0000-4000-8000-000000000000', n), 1772410500000000, 0, \
             printf('%.100c', 'x'), printf('%.100c', 'y') FROM number"
        ),
    });
}
