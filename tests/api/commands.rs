//! The commands of the binary.

use std::io::{Read, Write};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Fresh, StoreKind, TestApp, last_version, migrations, on_both_stores};

fn rollcall(arguments: &[&str], environment: &[(&str, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

on_both_stores! {
    fn migrate_reports_what_it_applied_and_applies_it_once(store: StoreKind) {
        let fresh = Fresh::bare(store);
        let environment = fresh.environment();
        let made = || matches!(&fresh, Fresh::Embedded(_)) && fresh.file().exists();
        let list = || lines(&rollcall(&["migrate", "--list"], &environment).stdout);
        let each = |state: &str| migrations().iter().map(|name| format!("{name}  {state}")).collect::<Vec<_>>();
        assert_eq!(list(), each("missing"));
        assert!(!made(), "--list has created the file");
        let first = rollcall(&["migrate"], &environment);
        assert_eq!(first.status.code(), Some(0));
        let mut expected: Vec<_> = migrations().iter().map(|name| format!("applied {name}")).collect();
        expected.push(format!("the schema is current: {}", last_version()));
        assert_eq!(lines(&first.stdout), expected);
        assert_eq!(list(), each("applied"));
        let second = rollcall(&["migrate"], &environment);
        assert_eq!((second.status.code(), lines(&second.stdout)), (Some(0), vec![format!("the schema is current: {}", last_version())]));
    }

    fn migrate_does_not_change_a_schema_that_is_ahead(store: StoreKind) {
        let fresh = Fresh::migrated(store);
        fresh.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
        let longest_timeout = ["migrate", "--timeout", "18446744073709551615"];
        let done = rollcall(&longest_timeout, &fresh.environment());
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        assert!(lines(&done.stdout)[0].contains("ahead"), "{done:?}");
    }

    fn wait_for_schema_succeeds_only_for_a_migrated_store(store: StoreKind) {
        let fresh = Fresh::bare(store);
        let waited = rollcall(&["wait-for-schema", "--timeout", "0"], &fresh.environment());
        assert_eq!(waited.status.code(), Some(1));
        assert!(lines(&waited.stderr)[0].contains(&format!("{} is missing", migrations()[0])), "{waited:?}");
        assert_eq!(rollcall(&["migrate"], &fresh.environment()).status.code(), Some(0));
        let waited = rollcall(&["wait-for-schema"], &fresh.environment());
        assert_eq!(waited.status.code(), Some(0), "{waited:?}");
    }

    fn healthcheck_requests_readyz_of_the_local_server(store: StoreKind) {
        let app = TestApp::start(store);
        let environment = [("ROCKET_PORT", app.address().port().to_string()), ("ROCKET_ADDRESS", "0.0.0.0".into())];
        assert_eq!(rollcall(&["healthcheck"], &environment).status.code(), Some(0));
        let behind = TestApp::with(Fresh::bare(store), Default::default());
        let checked = rollcall(&["healthcheck"], &[("ROCKET_PORT", behind.address().port().to_string())]);
        assert_eq!(checked.status.code(), Some(1));
        assert!(lines(&checked.stderr)[0].contains("not_ready"), "{checked:?}");
    }

    fn healthcheck_requests_the_url_that_it_is_given(store: StoreKind) {
        let app = TestApp::start(store);
        let check = |url: &str| rollcall(&["healthcheck", "--url", url], &[]);
        let port = app.address().port();
        for host in ["localhost", "127.0.0.1"] {
            let checked = check(&format!("http://{host}:{port}/readyz"));
            assert_eq!(checked.status.code(), Some(0), "{checked:?}");
        }
        let checked = check(&format!("http://localhost:{port}/nothing/here"));
        assert_eq!(checked.status.code(), Some(1));
        assert!(lines(&checked.stderr)[0].contains("404"), "{checked:?}");
        for url in ["localhost", "https://localhost/readyz", "/readyz", "http:///readyz", "http://localhost"] {
            let checked = check(url);
            assert_eq!(checked.status.code(), Some(2), "{url}");
            assert!(lines(&checked.stderr)[0].contains("http://host:port/path"), "{checked:?}");
        }
    }
}

#[test]
fn healthcheck_fails_without_a_server() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let checked = rollcall(&["healthcheck"], &[("ROCKET_PORT", port.to_string())]);
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(lines(&checked.stderr).len(), 1, "{checked:?}");
}

#[test]
fn healthcheck_reports_an_unexpected_answer_in_one_line_without_control_characters() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        // Reads the whole request: closing a connection with unread data would discard the answer.
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            connection.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        connection.write_all(b"HTTP/1.1 500 x\r\n\r\n\x1b[2Jtwo\nlines\x07").unwrap();
    });
    let checked = rollcall(&["healthcheck"], &[("ROCKET_PORT", port.to_string())]);
    peer.join().unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(lines(&checked.stderr), ["rollcall: not ready: 500 [2Jtwo lines"]);
}

#[test]
fn commands_give_up_with_the_reason_when_the_database_cannot_be_reached() {
    let no_database = [
        ("DATABASE_HOSTNAME", "127.0.0.1".into()),
        ("DATABASE_PORT", "1".into()),
        ("DATABASE_PASSWORD", "hunter2".into()),
    ];
    for command in ["migrate", "wait-for-schema"] {
        let started = Instant::now();
        let done = rollcall(&[command, "--timeout", "1"], &no_database);
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        let output = String::from_utf8_lossy(&done.stderr).into_owned()
            + &String::from_utf8_lossy(&done.stdout);
        assert!(output.contains("gave up waiting"), "{output}");
        assert_eq!(lines(&done.stderr).len(), 1, "{output}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        assert!(!output.contains("hunter2"));
    }
}

#[test]
fn an_invalid_setting_stops_every_command_with_one_line() {
    for command in [&["serve"][..], &[], &["migrate"], &["wait-for-schema"], &["healthcheck"]] {
        let refused = rollcall(command, &[("DATABASE_PORT", "54x32".into())]);
        assert_eq!(refused.status.code(), Some(2), "{command:?}");
        assert_eq!(
            lines(&refused.stderr),
            ["rollcall: DATABASE_PORT is \"54x32\"; it must be a port from 1 to 65535"]
        );
    }
}

#[test]
fn every_command_warns_of_misspelt_settings_and_shows_no_value() {
    let fresh = Fresh::migrated(StoreKind::Embedded);
    // The port is in use, so that `serve` ends.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut environment = fresh.environment();
    environment.extend([
        ("ROCKET_PORT", port.to_string()),
        ("ROLLCALL_TIMEZON", "hunter2".to_owned()),
        ("ROLLCALL_ADMIN_TOKE", "hunter2".to_owned()),
        ("ROLLCALL_SERVICE_HOST", "hunter2".to_owned()),
    ]);
    let warning =
        |name: &str, meant: &str| format!("the variable {name} is ignored; did you mean {meant}?");
    let expected = [
        warning("ROLLCALL_ADMIN_TOKE", "ROLLCALL_ADMIN_TOKEN"),
        warning("ROLLCALL_TIMEZON", "ROLLCALL_TIMEZONE"),
    ];
    let shown = |output: &Output| {
        let (out, err) = (lines(&output.stdout), lines(&output.stderr));
        assert!(![&*out, &*err].concat().concat().contains("hunter2"), "{output:?}");
        (out, err)
    };
    for command in [
        &["migrate"][..],
        &["wait-for-schema"],
        &["healthcheck", "--url", "http://127.0.0.1:1/readyz"],
        &["copy", "--from-file", "x"],
        &["erase", "--older-than", "1"],
        &["import", "x"],
        &["token", "list"],
    ] {
        let (_, mut err) = shown(&rollcall(command, &environment));
        err.truncate(2);
        err.sort();
        let expected = expected.clone().map(|warning| format!("rollcall: warning: {warning}"));
        assert_eq!(err, expected, "{command:?}");
    }
    let serve = rollcall(&["serve"], &environment);
    assert_eq!(serve.status.code(), Some(1));
    let (out, _) = shown(&serve);
    let log: Vec<Value> = out.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut warned: Vec<_> = log.iter().filter(|line| line["level"] == "WARN").collect();
    warned.sort_by_key(|line| line["message"].to_string());
    assert_eq!(warned.iter().map(|line| &line["message"]).collect::<Vec<_>>(), expected.each_ref());

    // The reason why the start is refused.
    let refused = rollcall(
        &["serve"],
        &[("ROCKET_ADDRESS", "0.0.0.0".into()), ("ROLLCALL_ACESS", "open".into())],
    );
    assert_eq!(refused.status.code(), Some(2));
    let (_, err) = shown(&refused);
    let warning = warning("ROLLCALL_ACESS", "ROLLCALL_ACCESS");
    assert_eq!(err[0], format!("rollcall: warning: {warning}"));
    assert!(err.len() == 2 && err[1].contains("ROLLCALL_ACCESS is not set"), "{err:?}");
}

#[test]
fn a_refused_setting_that_holds_a_token_is_named_without_it() {
    let token = format!("rollcall_{}", "A".repeat(43));
    for (name, value) in [
        ("ROLLCALL_ACCESS", token.clone()),
        ("ROLLCALL_ACCESS", format!("token={token}")),
        ("ROLLCALL_TIMEZONE", format!("{token}\n")),
        ("ROLLCALL_LOG", token.clone()),
        ("DATABASE_PORT", token.clone()),
        ("ROCKET_ADDRESS", token.clone()),
        ("PORT", token.clone()),
        ("ROLLCALL_ADMIN_TOKEN", format!("{token} ")),
    ] {
        let refused = rollcall(&["serve"], &[(name, value)]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let error = lines(&refused.stderr).concat();
        assert!(error.contains(name) && error.contains("not shown"), "{error}");
        assert!(!error.contains("AAAA") && refused.stdout.is_empty(), "{error}");
    }
}

#[test]
fn a_file_that_is_not_a_database_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(
        &file,
        "not a database, only some notes of more than a hundred bytes. ".repeat(20),
    )
    .unwrap();
    for path in
        [file.display().to_string(), folder.path().join("no/such/folder/x").display().to_string()]
    {
        let refused = rollcall(&["migrate", "--timeout", "1"], &[("DATABASE_FILE", path.clone())]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(lines(&refused.stderr)[0].contains(&path), "{refused:?}");
    }
}

#[test]
fn every_command_has_a_help_text() {
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["wait-for-schema", "--help"],
        &["healthcheck", "--help"],
        &["copy", "--help"],
        &["erase", "--help"],
        &["import", "--help"],
    ] {
        let help = rollcall(command, &[]);
        assert_eq!(help.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: rollcall"), "{command:?}");
    }
    assert_eq!(rollcall(&["nonsense"], &[]).status.code(), Some(2));
    assert_eq!(
        lines(&rollcall(&["--version"], &[]).stdout),
        [concat!("rollcall ", env!("CARGO_PKG_VERSION"))]
    );
}

/// As on a gate's own computer that is being set up: nothing has served the file yet.
#[test]
fn the_first_command_may_make_the_embedded_file() {
    let rows = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(rows.path(), "firstname,lastname,login\na,b,2026-09-21T06:00:00Z\n").unwrap();
    let import = ["import", rows.path().to_str().unwrap()];
    for (arguments, said) in [
        (&import[..], "1 recorded, 0 there before, 0 refused"),
        (&["token", "create", "a", "--role", "gate"], "rollcall_"),
    ] {
        let fresh = Fresh::bare(StoreKind::Embedded);
        let done = rollcall(arguments, &fresh.environment());
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let printed = lines(&done.stdout);
        assert!(printed.len() == 1 && printed[0].starts_with(said), "{printed:?}");

        // Where it must not migrate by itself, the command says what to do.
        let fresh = Fresh::bare(StoreKind::Embedded);
        let by_hand = [("ROLLCALL_MIGRATE_ON_START", "false".to_owned())];
        let refused = rollcall(arguments, &[&fresh.environment()[..], &by_hand].concat());
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(lines(&refused.stderr)[0].contains("run rollcall migrate first"), "{refused:?}");
    }
}
