//! Connections to a database that refuses unencrypted ones.

use std::process::Command;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

use crate::connection::{get, post, sheet};
use crate::support::{Cluster, Process};

/// A cluster that accepts TCP connections only with TLS.
fn cluster() -> Cluster {
    let cluster = Cluster::start_with_tls();
    let rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
    std::fs::write(cluster.path("data/pg_hba.conf"), rules).unwrap();
    cluster.stop();
    cluster.start_again();
    cluster
}

/// A self-signed certificate that is not the server's.
fn other_certificate(cluster: &Cluster) -> String {
    let [key, certificate] = ["other.key", "other.crt"].map(|name| cluster.path(name));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout"])
        .args([key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    certificate.display().to_string()
}

#[test]
fn tls_and_certificate_checks_follow_the_settings() {
    let cluster = cluster();
    let own = cluster.path("server.crt").display().to_string();
    let other = other_certificate(&cluster);
    let serve = |host: &str, mode: &str, root: Option<&str>, migrate: bool| {
        let mut environment = cluster.environment();
        environment.push(("DATABASE_HOSTNAME", host.into()));
        environment.push(("DATABASE_SSLMODE", mode.into()));
        environment.extend(root.map(|file| ("DATABASE_SSLROOTCERT", file.to_owned())));
        environment.push(("DATABASE_TIMEOUT_SECONDS", "1".into()));
        environment.push(("ROLLCALL_MIGRATE_ON_START", migrate.to_string()));
        Process::serve(&environment)
    };

    let accepted = [
        ("127.0.0.1", "require", None),
        ("127.0.0.1", "prefer", None),
        ("localhost", "verify-full", Some(&*own)),
        ("127.0.0.1", "verify-ca", Some(&*own)),
    ];
    for (number, (host, mode, root)) in accepted.into_iter().enumerate() {
        let service = serve(host, mode, root, true);
        let answer = post(service.address(), &json!({"firstname": "Arvin", "lastname": mode}));
        assert_eq!(answer.status, 201, "{mode}: {answer:?}");
        assert_eq!(sheet(service.address(), "today").len(), number + 1);
        let plain = "(SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                      WHERE application_name = 'rollcall' AND NOT ssl)";
        let plain = diesel::select(sql::<BigInt>(plain)).get_result(&mut cluster.session());
        assert_eq!(plain, Ok(0_i64));
    }

    let refused = [
        ("127.0.0.1", "disable", None),
        ("127.0.0.1", "verify-ca", Some(&*other)),
        ("localhost", "verify-full", Some(&*other)),
    ];
    for (host, mode, root) in refused {
        let service = serve(host, mode, root, false);
        get(service.address(), "/readyz").problem(503, "not_ready");
        let answer = post(service.address(), &json!({"firstname": "Arvin", "lastname": mode}));
        answer.problem(503, "store_unavailable");
    }
}
