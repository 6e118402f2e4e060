use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use rollcall::store::{Password, PostgresStore, PostgresTarget, SqliteStore, Store};
use tempfile::TempDir;

/// The two kinds of store. Most test bodies run on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Postgres,
    Embedded,
}

/// An empty store for one test, deleted when it is dropped.
pub enum Fresh {
    Postgres(PostgresTarget),
    Embedded(TempDir),
}

impl Fresh {
    /// With every migration applied.
    pub fn migrated(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Postgres => Self::Postgres(create_database(Some(template()))),
            StoreKind::Embedded => {
                let fresh = Self::bare(kind);
                migrate(&*fresh.open(1, Duration::from_secs(5)));
                fresh
            }
        }
    }

    /// Without any table.
    pub fn bare(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Postgres => Self::Postgres(create_database(None)),
            StoreKind::Embedded => Self::Embedded(tempfile::tempdir().unwrap()),
        }
    }

    /// Opens it as the service does.
    pub fn open(&self, pool_size: u32, timeout: Duration) -> Arc<dyn Store> {
        match self {
            Self::Postgres(target) => {
                Arc::new(PostgresStore::new(target.clone(), pool_size, timeout))
            }
            Self::Embedded(_) => Arc::new(SqliteStore::new(self.file(), pool_size, timeout)),
        }
    }

    /// The environment variables for a service that uses this store.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Postgres(target) => vec![
                ("DATABASE_HOSTNAME", target.host.clone()),
                ("DATABASE_PORT", target.port.to_string()),
                ("DATABASE_USER", target.user.clone()),
                ("DATABASE_NAME", target.dbname.clone()),
            ],
            Self::Embedded(_) => vec![("DATABASE_FILE", self.file().display().to_string())],
        }
    }

    /// Runs SQL in the store directly, as an operator would.
    pub fn sql(&self, statements: &str) {
        match self {
            Self::Postgres(target) => connect(target).batch_execute(statements),
            Self::Embedded(_) => {
                let mut connection =
                    SqliteConnection::establish(self.file().to_str().unwrap()).unwrap();
                connection.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                connection.batch_execute(statements)
            }
        }
        .unwrap();
    }

    /// A direct session in the PostgreSQL database.
    pub fn postgres(&self) -> PgConnection {
        match self {
            Self::Postgres(target) => connect(target),
            Self::Embedded(_) => panic!("not a PostgreSQL store"),
        }
    }

    /// The embedded store's file.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Embedded(folder) => folder.path().join("rollcall.sqlite3"),
            Self::Postgres(_) => panic!("not an embedded store"),
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Self::Postgres(target) = self {
            let drop = format!("DROP DATABASE \"{}\" WITH (FORCE)", target.dbname);
            // A test may have stopped the server itself.
            for mut maintenance in servers().filter_map(|server| try_connect(&server).ok()) {
                let _ = maintenance.batch_execute(&drop);
            }
        }
    }
}

/// The PostgreSQL server that `make test` has started.
pub fn server(dbname: &str) -> PostgresTarget {
    let variable = |name: &str| {
        std::env::var(name)
            .unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test`"))
    };
    PostgresTarget {
        host: variable("ROLLCALL_TEST_POSTGRES_HOST"),
        port: variable("ROLLCALL_TEST_POSTGRES_PORT").parse().unwrap(),
        dbname: dbname.into(),
        user: "postgres".into(),
        password: Password("unused".into()),
        sslmode: "prefer".into(),
        sslrootcert: None,
    }
}

/// The maintenance databases of that server and, where `make citus-test` has made it the coordinator
/// of a Citus, of its workers.
fn servers() -> impl Iterator<Item = PostgresTarget> {
    let ports = std::env::var("ROLLCALL_TEST_CITUS_WORKER_PORTS").unwrap_or_default();
    let ports: Vec<u16> = ports.split_whitespace().map(|port| port.parse().unwrap()).collect();
    let worker = |port| PostgresTarget { port, ..server("postgres") };
    std::iter::once(server("postgres")).chain(ports.into_iter().map(worker))
}

pub fn try_connect(target: &PostgresTarget) -> ConnectionResult<PgConnection> {
    let PostgresTarget { host, port, dbname, user, .. } = target;
    PgConnection::establish(&format!("host={host} port={port} dbname={dbname} user={user}"))
}

fn connect(target: &PostgresTarget) -> PgConnection {
    try_connect(target).unwrap()
}

/// A database with a unique name, as a copy of `template` if there is one.
fn create_database(template: Option<&str>) -> PostgresTarget {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let target = server(&format!("rollcall_{}_{number}", std::process::id()));
    let template = template.unwrap_or("template0");
    let create = format!("CREATE DATABASE \"{}\" TEMPLATE \"{template}\"", target.dbname);
    for server in servers() {
        connect(&server).batch_execute(&create).unwrap();
    }
    target
}

/// One migrated database for this process. To copy it is faster than to migrate for each test.
/// `make citus-test` makes it, with distributed tables.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        if let Ok(name) = std::env::var("ROLLCALL_TEST_CITUS_TEMPLATE") {
            return name;
        }
        let target = create_database(None);
        migrate(&PostgresStore::new(target.clone(), 1, Duration::from_secs(5)));
        target.dbname
    })
}

fn migrate(store: &dyn Store) {
    store.migrate(Instant::now() + Duration::from_secs(30), &mut |_| {}).unwrap();
}
