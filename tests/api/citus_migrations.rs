//! Later migrations must be what Citus accepts for tables that it distributes already: see `deploy/citus`.
//! `make citus-test` distributes after the migrations of this release, so that it cannot tell.

use crate::support::migrations;

/// The last migration that need not keep to this. Tables are distributed after it.
const LAST_FREE: &str = "20261129000600_create_forwarding";

/// Why Citus would refuse the statements of a migration, which are sent together.
fn refusal(sql: &str) -> Option<&'static str> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap());
    let sql = lines.collect::<Vec<_>>().join(" ").to_uppercase();
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let block = sql.strip_prefix("DO $$ BEGIN ").and_then(|sql| sql.strip_suffix(" END $$;"));
    let statements: Vec<_> = block.unwrap_or(&sql).split_terminator(';').map(str::trim).collect();
    if block.is_none() && statements.len() > 1 {
        return Some(
            "more than one statement: put them into one DO block, `DO $$ BEGIN ... END $$;`",
        );
    }
    statements.into_iter().find_map(|statement| match statement.starts_with("ALTER TABLE") {
        true => refusal_of_change(statement),
        false if statement.contains("TRIGGER") => Some("a trigger"),
        false => None,
    })
}

fn refusal_of_change(statement: &str) -> Option<&'static str> {
    let parts = top_level_parts(statement);
    let has = |part: &str, words: &[&str]| words.iter().any(|word| part.contains(word));
    if parts.len() > 1 && parts.iter().any(|part| has(part, &["ADD CONSTRAINT"])) {
        return Some("ADD CONSTRAINT beside another change: give it a statement of its own");
    }
    let added = |part: &&String| has(part, &["ADD COLUMN"]);
    for column in parts.iter().filter(added) {
        if has(column, &[" CHECK", " UNIQUE", " REFERENCES", " PRIMARY KEY", " CONSTRAINT"]) {
            return Some("a constraint within ADD COLUMN: add it by a statement of its own");
        }
        if has(column, &["NEXTVAL", "IDENTITY", "SERIAL"]) {
            return Some("a new column that draws numbers: the table has rows");
        }
    }
    has(statement, &["IDENTITY", "TRIGGER"]).then_some("a change of an identity or a trigger")
}

/// The parts of a statement between the commas that are in no brackets.
fn top_level_parts(statement: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for character in statement.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(character);
    }
    parts
}

fn read(migration: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    std::fs::read_to_string(format!("{folder}/{migration}/up.sql")).unwrap()
}

#[test]
fn later_migrations_are_what_citus_accepts() {
    let migrations = migrations();
    assert!(migrations.iter().any(|name| name == LAST_FREE), "{LAST_FREE} is not there");
    for migration in migrations.iter().filter(|name| name.as_str() > LAST_FREE) {
        if let Some(reason) = refusal(&read(migration)) {
            panic!("{migration} cannot be applied to tables that Citus distributes: {reason}");
        }
    }
}

#[test]
fn what_citus_refused_when_it_was_tried_is_found() {
    for (sql, found) in [
        ("ALTER TABLE a ADD COLUMN x int; ALTER TABLE b ADD COLUMN x int;", "more than one"),
        ("CREATE TABLE a (x int);\nCREATE INDEX i ON a (x);", "more than one"),
        ("ALTER TABLE a ADD COLUMN x int CHECK (x > 0);", "within ADD COLUMN"),
        ("ALTER TABLE a ADD COLUMN x uuid UNIQUE;", "within ADD COLUMN"),
        ("ALTER TABLE a ADD COLUMN x bigint DEFAULT nextval('s');", "draws numbers"),
        ("ALTER TABLE a ALTER COLUMN id DROP IDENTITY;", "identity"),
        ("CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f();", "trigger"),
        (
            "DO $$ BEGIN\n ALTER TABLE a ADD COLUMN x int, ADD CONSTRAINT c CHECK (x > 0);\nEND $$;",
            "beside another",
        ),
    ] {
        assert!(refusal(sql).is_some_and(|reason| reason.contains(found)), "{sql}");
    }
    assert!(refusal(&read("20261124000200_add_direction_and_person_ref")).is_some());
}

#[test]
fn what_citus_accepted_when_it_was_tried_is_not_refused() {
    for sql in [
        "ALTER TABLE a ADD COLUMN x varchar(3) NOT NULL DEFAULT 'in', ADD COLUMN y numeric(1, 2);",
        "-- Why; and how.\nALTER TABLE a ADD CONSTRAINT c CHECK (x IN ('in', 'out')) NOT VALID;",
        "CREATE INDEX i ON a (x);",
        "CREATE TABLE b (x bigint PRIMARY KEY, y uuid NOT NULL REFERENCES a (y));",
        "DO $$ BEGIN\n ALTER TABLE a ADD COLUMN x int;\n ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0);\nEND $$;",
    ] {
        assert_eq!(refusal(sql), None, "{sql}");
    }
}
