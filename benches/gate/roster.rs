use std::fmt::Write;
use std::time::Duration;

use crate::Result;

/// Last and first names of many scripts, as gates see them.
const NAMES: [(&str, &str); 12] = [
    ("Cudanin", "Arvin"),
    ("O''Brien", "Siobhán"),
    ("Nguyễn", "Thị Minh Khai"),
    ("王", "小明"),
    ("Иванова", "Екатерина"),
    ("الفارسي", "سلمان"),
    ("Παπαδόπουλος", "Γιώργος"),
    ("佐藤", "さくら"),
    ("김", "민준"),
    ("Müller-Lüdenscheidt", "Anna-Lena"),
    ("शर्मा", "आराध्या"),
    ("ใจดี", "สมชาย"),
];

/// A sheet of known length, on a day of its own.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    /// As `YYYY-MM-DD`.
    pub day: &'static str,
    pub rows: u32,
}

/// An ordinary day at a large site.
pub const DAY: Sheet = Sheet { day: "2030-01-10", rows: 10_000 };
/// More than any site has, to see what grows.
pub const CROWD: Sheet = Sheet { day: "2030-01-11", rows: 100_000 };
/// No one came: it warms a process up without making it larger.
pub const EMPTY: Sheet = Sheet { day: "2030-01-12", rows: 0 };

impl Sheet {
    /// SQL for PostgreSQL that makes the entries.
    pub fn postgres_insert(self) -> String {
        let Self { day, rows } = self;
        let names = names();
        format!(
            "WITH {names}
            INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate)
            SELECT gen_random_uuid(), moment, moment, lastname, firstname, {GATE}
            FROM generate_series(0, {rows} - 1) AS n JOIN names ON k = n % {count},
                LATERAL (SELECT timestamptz '{day} 00:00Z' + n * interval '1 day' / {rows}) AS at (moment)
            ORDER BY n;",
            count = NAMES.len(),
        )
    }

    /// SQL for SQLite that makes the same entries.
    pub fn sqlite_insert(self) -> String {
        let Self { day, rows } = self;
        let names = names();
        format!(
            "WITH RECURSIVE {names}, numbers (n) AS (
                SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {rows}),
            moments (n, moment) AS (
                SELECT n, unixepoch('{day}') * 1000000 + n * 86400000000 / {rows} FROM numbers)
            INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate)
            SELECT {RANDOM_UUID}, moment, moment, lastname, firstname, {GATE}
            FROM moments JOIN names ON k = n % {count}
            ORDER BY n;",
            count = NAMES.len(),
        )
    }

    /// SQL for PostgreSQL that selects what the service's answer is made of, in its order.
    pub fn postgres_select(self) -> String {
        let Self { day, .. } = self;
        format!(
            "SELECT id, entry_id, login, received_at, lastname, firstname, gate FROM attendance
            WHERE login >= '{day} 00:00Z' AND login < timestamptz '{day} 00:00Z' + interval '1 day'
            ORDER BY id"
        )
    }

    /// Entries per second while `read`, which says how long it took, reads it again and again for
    /// `time`.
    pub fn rate(self, time: Duration, mut read: impl FnMut() -> Result<Duration>) -> Result<f64> {
        let (mut taken, mut times) = (Duration::ZERO, 0.0);
        while taken < time {
            taken += read()?;
            times += 1.0;
        }
        Ok(times * f64::from(self.rows) / taken.as_secs_f64())
    }

    /// Where the service shows it.
    pub fn path(self) -> String {
        format!("/table/view/date:{}", self.day.replace('-', ""))
    }
}

/// One gate of seven, and now and then none.
const GATE: &str = "CASE n % 10 WHEN 0 THEN NULL ELSE 'Gate ' || n % 7 END";

/// SQLite makes no UUIDs; this is version 4 in all but two fixed digits.
const RANDOM_UUID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
    substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

/// The names as a table expression that both stores read, numbered from 0.
fn names() -> String {
    let mut table = String::from("names (k, lastname, firstname) AS (VALUES ");
    for (k, (lastname, firstname)) in NAMES.iter().enumerate() {
        let comma = if k > 0 { ", " } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(table, "{comma}({k}, '{lastname}', '{firstname}')");
    }
    table + ")"
}
