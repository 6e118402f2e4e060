//! Two roles in PostgreSQL: one owns the tables, migrates and erases; the service connects as the
//! other, which can neither change nor delete what was recorded.

use std::process::Output;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::{Value, json};

use crate::connection::{Connection, get, post, sheet};
use crate::support::database::try_connect;
use crate::support::process::rollcall;
use crate::support::{Answer, Fresh, Process, StoreKind, last_version, migrations, wait_until};

const ADMIN: &str = "the-admin-token-of-the-settings-32";

/// An empty database with two roles of its own.
struct Roles {
    store: Fresh,
    owner: String,
    /// Its name has to be quoted.
    app: String,
}

impl Roles {
    fn create() -> Self {
        let store = Fresh::bare(StoreKind::Postgres);
        let Fresh::Postgres(target) = &store else { panic!("not PostgreSQL") };
        let name = target.dbname.clone();
        let roles = Self { owner: format!("{name}_owner"), app: format!("{name} \"A'pp\""), store };
        let (owner, app) = (quoted(&roles.owner), quoted(&roles.app));
        roles.store.sql(&format!(
            "CREATE ROLE {owner} LOGIN; GRANT CREATE ON SCHEMA public TO {owner}; CREATE ROLE {app} LOGIN"
        ));
        roles
    }

    fn environment(&self, user: &str) -> Vec<(&'static str, String)> {
        let mut environment = self.store.environment();
        environment.push(("DATABASE_USER", user.to_owned()));
        environment
    }

    /// As the owner, with `app_role` as `DATABASE_APP_ROLE`.
    fn migrate(&self, app_role: &str) -> Output {
        let mut environment = self.environment(&self.owner);
        environment.push(("DATABASE_APP_ROLE", app_role.to_owned()));
        rollcall(&["migrate", "--timeout", "10"], &environment)
    }

    /// A direct session of the service's role.
    fn app_session(&self) -> PgConnection {
        let Fresh::Postgres(target) = &self.store else { panic!("not PostgreSQL") };
        let mut session = try_connect(target).unwrap();
        session.batch_execute(&format!("SET SESSION AUTHORIZATION {}", quoted(&self.app))).unwrap();
        session
    }
}

/// Roles belong to the server and not to the database, so they must be dropped explicitly.
impl Drop for Roles {
    fn drop(&mut self) {
        let (owner, app) = (quoted(&self.owner), quoted(&self.app));
        self.store.sql(&format!("DROP OWNED BY {owner}, {app} CASCADE; DROP ROLE {owner}, {app}"));
    }
}

fn quoted(role: &str) -> String {
    format!("\"{}\"", role.replace('"', "\"\""))
}

#[track_caller]
fn lines(output: &Output, status: i32) -> Vec<String> {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let bytes = if status == 0 { &output.stdout } else { &output.stderr };
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_denied(session: &mut PgConnection, statement: &str) {
    let error = session.batch_execute(statement).expect_err(statement).to_string();
    assert!(error.contains("permission denied"), "{statement}: {error}");
}

fn send(service: &Process, path: &str, body: &Value) -> Answer {
    send_with(service, "POST", path, ADMIN, &body.to_string())
}

fn send_with(service: &Process, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let authorization = format!("Authorization: Bearer {token}\r\n");
    let mut connection = Connection::open(service.address()).unwrap();
    connection.send(method, path, &authorization, body).unwrap()
}

/// Uses everything of the service that writes.
fn use_all_of(service: &Process) {
    let address = service.address();
    assert_eq!(get(address, "/readyz").status, 200);
    let person = |id: &str| json!({"firstname": "Arvin", "lastname": "Cudanin", "person_ref": "7", "entry_id": id});
    let [one, other, new] = [
        "95844c14-bc2f-4249-8dc5-bd17377c5215",
        "85844c14-bc2f-4249-8dc5-bd17377c5215",
        "75844c14-bc2f-4249-8dc5-bd17377c5215",
    ];
    for (id, status) in [(one, 201), (other, 201), (one, 200)] {
        let answer = post(address, &person(id));
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let voided = send(service, &format!("/table/entry/{one}/void"), &json!({"reason": "twice"}));
    assert_eq!(voided.status, 200, "{voided:?}");
    let correction = json!({"reason": "gate", "gate": "B", "entry_id": new});
    let corrected = send(service, &format!("/table/entry/{other}/correct"), &correction);
    assert_eq!(corrected.status, 201, "{corrected:?}");
    assert_eq!(sheet(address, "today"), [corrected.json()]);
    assert_eq!(get(address, &format!("/table/entry/{other}")).json()["state"], "replaced");
    let changes = get(address, "/table/changes").json();
    assert_eq!(changes["changes"].as_array().unwrap().len(), 5, "{changes}");
    let today = get(address, "/table/view/date:today");
    assert_eq!(today.header("rollcall-change"), Some(&*changes["next"].to_string()));
    let made = send(service, "/admin/tokens", &json!({"name": "a", "role": "reader"}));
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let read = send_with(service, "GET", "/table/view/date:today", &token, "");
    assert_eq!(read.status, 200, "{read:?}");
    let tokens = || send_with(service, "GET", "/admin/tokens", ADMIN, "").json();
    wait_until("the token's use is noted", || !tokens()["tokens"][0]["last_seen_at"].is_null());
    let revoked = send(service, "/admin/tokens/a/revoke", &json!({}));
    assert_eq!(revoked.status, 200, "{revoked:?}");
}

#[test]
fn the_services_role_can_do_all_that_the_service_does_and_change_nothing() {
    let roles = Roles::create();
    let current = [
        format!("the role {} has the privileges that the service needs", roles.app),
        format!("the schema is current: {}", last_version()),
    ];
    let applied = migrations().into_iter().map(|name| format!("applied {name}"));
    let expected: Vec<_> = applied.chain(current.clone()).collect();
    assert_eq!(lines(&roles.migrate(&roles.app), 0), expected);

    // Every table is in the list of what is granted.
    let mut session = roles.app_session();
    let forgotten = "(SELECT coalesce(string_agg(relname, ', '), '') FROM pg_class \
                     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
                     AND NOT has_table_privilege(oid, 'SELECT'))";
    let forgotten = diesel::select(sql::<Text>(forgotten)).get_result::<String>(&mut session);
    assert_eq!(forgotten.unwrap(), "");

    let mut environment = roles.environment(&roles.app);
    environment.push(("ROLLCALL_ADMIN_TOKEN", ADMIN.into()));
    let service = Process::serve(&environment);
    use_all_of(&service);

    // A role that has too much loses it again, while the service runs.
    let app = quoted(&roles.app);
    roles.store.sql(&format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {app}"));
    assert_eq!(lines(&roles.migrate(&roles.app), 0), current);
    for table in ["attendance", "amendment", "erasure"] {
        for statement in [
            format!("UPDATE {table} SET entry_id = gen_random_uuid()"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table} CASCADE"),
        ] {
            assert_denied(&mut session, &statement);
        }
    }
    for statement in [
        "UPDATE attendance SET lastname = 'x'",
        "UPDATE amendment SET reason = 'x'",
        "INSERT INTO erasure (entry_id, erased_at) SELECT entry_id, now() FROM attendance",
        "SELECT setval(pg_get_serial_sequence('attendance', 'id'), 1)",
        "DELETE FROM tokens",
        "UPDATE tokens SET role = 'admin'",
        "DELETE FROM __diesel_schema_migrations",
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('1')",
    ] {
        assert_denied(&mut session, statement);
    }

    // Only the owner erases, and what it erased can be read.
    let erase = ["erase", "--person-ref", "7"];
    let refused = lines(&rollcall(&erase, &roles.environment(&roles.app)), 1);
    let reason = format!(
        "rollcall: the store refused: only the owner of the tables may erase: connect as {} instead of {}",
        roles.owner, roles.app
    );
    assert_eq!(refused, [reason]);
    let erased = lines(&rollcall(&erase, &roles.environment(&roles.owner)), 0);
    assert_eq!(erased.last().unwrap(), "entries erased: 3, of 1 days", "{erased:?}");
    let entry = get(service.address(), "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215");
    assert_eq!(entry.json()["history"][2]["kind"], "erased", "{entry:?}");
    // Two entries, an amendment, a replacement and its amendment, and three erasures.
    let changes = get(service.address(), "/table/changes").json();
    assert_eq!(changes["changes"].as_array().unwrap().len(), 8, "{changes}");
}

#[test]
fn a_role_that_cannot_be_limited_is_refused_and_nothing_is_applied() {
    let roles = Roles::create();
    for (role, reason) in [
        ("nobody's \"role\"", "there is no role nobody's \"role\", which DATABASE_APP_ROLE names"),
        ("public", "there is no role public"),
        (roles.owner.as_str(), "may do all that the owner of the tables may"),
        ("postgres", "may do all that the owner of the tables may"),
    ] {
        let refused = lines(&roles.migrate(role), 1);
        assert!(refused.len() == 1 && refused[0].contains(reason), "{refused:?}");
    }
    let list = lines(&rollcall(&["migrate", "--list"], &roles.environment(&roles.owner)), 0);
    assert!(list.iter().all(|line| line.ends_with("missing")), "{list:?}");
}

#[test]
fn a_role_that_may_change_entries_by_other_grants_is_refused_and_the_schema_stays_migrated() {
    let roles = Roles::create();
    lines(&roles.migrate(&roles.app), 0);
    let group = Group::create(&roles);
    let (app, group) = (quoted(&roles.app), quoted(&group.0));
    for (grant, revoke, privilege, table) in [
        (
            "UPDATE ON attendance TO PUBLIC",
            "UPDATE ON attendance FROM PUBLIC",
            "UPDATE",
            "attendance",
        ),
        (
            "UPDATE (reason) ON amendment TO PUBLIC",
            "UPDATE (reason) ON amendment FROM PUBLIC",
            "UPDATE",
            "amendment",
        ),
        ("TRUNCATE ON erasure TO PUBLIC", "TRUNCATE ON erasure FROM PUBLIC", "TRUNCATE", "erasure"),
        ("INSERT ON erasure TO PUBLIC", "INSERT ON erasure FROM PUBLIC", "INSERT", "erasure"),
        ("DELETE ON amendment TO GROUP", "DELETE ON amendment FROM GROUP", "DELETE", "amendment"),
    ] {
        roles.store.sql(&format!("GRANT {}", grant.replace("GROUP", &group)));
        for inherit in ["INHERIT", "NOINHERIT"] {
            roles.store.sql(&format!("ALTER ROLE {app} {inherit}; GRANT {group} TO {app}"));
            let refused = lines(&roles.migrate(&roles.app), 1);
            let reason = format!(
                "rollcall: the store refused: the role {} of DATABASE_APP_ROLE still has the privilege {privilege} \
                 on the table {table}: revoke it from PUBLIC and from the roles that {0} is a member of",
                roles.app
            );
            assert_eq!(refused, [reason], "{grant} {inherit}");
            roles.store.sql(&format!("REVOKE {group} FROM {app}"));
        }
        roles.store.sql(&format!("REVOKE {}", revoke.replace("GROUP", &group)));
        lines(&roles.migrate(&roles.app), 0);
    }
    let list = lines(&rollcall(&["migrate", "--list"], &roles.environment(&roles.owner)), 0);
    assert!(list.iter().all(|line| line.ends_with("applied")), "{list:?}");
}

/// A role that others are members of.
struct Group<'a>(String, &'a Roles);

impl<'a> Group<'a> {
    fn create(roles: &'a Roles) -> Self {
        let name = format!("{}_group", roles.owner);
        roles.store.sql(&format!("CREATE ROLE {}", quoted(&name)));
        Self(name, roles)
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        let group = quoted(&self.0);
        self.1.store.sql(&format!("DROP OWNED BY {group}; DROP ROLE {group}"));
    }
}

#[test]
fn requests_of_a_role_without_privileges_are_503_until_it_gets_them() {
    let roles = Roles::create();
    lines(&roles.migrate(&roles.app), 0);
    let service = Process::serve(&roles.environment(&roles.app));
    let app = quoted(&roles.app);
    roles.store.sql(&format!("REVOKE ALL ON attendance, amendment FROM {app}"));
    let entry = json!({"firstname": "Arvin", "lastname": "Cudanin"});
    for answer in [
        post(service.address(), &entry),
        get(service.address(), "/table/view/date:today"),
        get(service.address(), "/table/changes"),
    ] {
        answer.problem(503, "store_unavailable");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert!(!answer.body.contains("permission"), "{answer:?}");
    }
    lines(&roles.migrate(&roles.app), 0);
    assert_eq!(post(service.address(), &entry).status, 201);
    assert_eq!(sheet(service.address(), "today").len(), 1);
    let told = |line: &String| line.contains("permission denied for table attendance");
    wait_until("the log has the cause", || service.log().iter().any(told));
}

/// The service's role cannot see what sessions of other roles do, so that all of them count.
#[test]
fn a_transaction_of_another_role_holds_up_the_changes_that_the_services_role_reads() {
    let roles = Roles::create();
    lines(&roles.migrate(&roles.app), 0);
    let service = Process::serve(&roles.environment(&roles.app));
    let address = service.address();
    let mut late = roles.store.postgres();
    let insert = "BEGIN; INSERT INTO attendance (entry_id, login, received_at, lastname, firstname) \
         VALUES (gen_random_uuid(), now(), now(), 'Late', 'Commit')";
    late.batch_execute(insert).unwrap();
    assert_eq!(post(address, &json!({"firstname": "Arvin", "lastname": "Cudanin"})).status, 201);
    let numbers = || {
        let changes = get(address, "/table/changes").json();
        let changes = changes["changes"].as_array().unwrap().iter();
        changes.map(|change| change["change"].clone()).collect::<Vec<_>>()
    };
    assert!(numbers().is_empty());
    late.batch_execute("COMMIT").unwrap();
    assert_eq!(numbers(), [1, 2]);
}
