//! Acknowledged entries are flushed to disk, even if the database's default is not to.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::json;

use crate::connection::post;
use crate::support::{Fresh, Process, StoreKind};

/// Turns `synchronous_commit` off for every session, and has each insert record the setting that
/// is in effect.
const RECORD_SETTING: &str = "
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
    END $$;
    CREATE TABLE effective (setting text);
    CREATE FUNCTION record_setting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO effective VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER record_setting AFTER INSERT ON attendance EXECUTE FUNCTION record_setting()";

#[test]
fn entries_are_flushed_to_disk_even_if_the_databases_default_is_off() {
    let store = Fresh::migrated(StoreKind::Postgres);
    store.sql(RECORD_SETTING);
    let mut session = store.postgres();
    let mut text =
        |query: &str| diesel::select(sql::<Text>(query)).get_result::<String>(&mut session);
    assert_eq!(text("current_setting('synchronous_commit')").as_deref(), Ok("off"));

    let service = Process::serve(&store.environment());
    let answer = post(service.address(), &json!({"firstname": "Arvin", "lastname": "Cudanin"}));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(text("(SELECT string_agg(setting, ' ') FROM effective)").as_deref(), Ok("on"));
}
