//! What is acknowledged is on disk, also where the database's default says otherwise.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::json;

use crate::connection::post;
use crate::support::{Fresh, Process, StoreKind};

/// Turns it off for every session, and has each insert write down what holds for it.
const WITNESS: &str = "
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
    END $$;
    CREATE TABLE witness (setting text);
    CREATE FUNCTION testify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO witness VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER testify AFTER INSERT ON attendance EXECUTE FUNCTION testify()";

#[test]
fn entries_are_flushed_to_disk_where_the_databases_default_is_not_to() {
    let store = Fresh::migrated(StoreKind::Postgres);
    store.sql(WITNESS);
    let mut session = store.postgres();
    let mut text =
        |query: &str| diesel::select(sql::<Text>(query)).get_result::<String>(&mut session);
    assert_eq!(text("current_setting('synchronous_commit')").as_deref(), Ok("off"));

    let service = Process::serve(&store.environment());
    let answer = post(service.address(), &json!({"firstname": "Arvin", "lastname": "Cudanin"}));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(text("(SELECT string_agg(setting, ' ') FROM witness)").as_deref(), Ok("on"));
}
