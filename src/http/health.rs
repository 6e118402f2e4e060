use std::sync::atomic::{AtomicBool, Ordering};

use rocket::fairing::{AdHoc, Fairing};
use rocket::serde::json::{Json, Value, json};
use rocket::{Route, State, get, routes};
use serde::Serialize;

use super::problem::Problem;
use crate::store::{Queue, Reader, Schema, SchemaState, StoreError};

pub fn routes() -> Vec<Route> {
    routes![livez, readyz, admin, health]
}

/// Whether the end has been asked for.
#[derive(Default)]
struct Stopping(AtomicBool);

/// Notes that the end has come, so that nobody is sent here any more.
pub fn stopping() -> impl Fairing {
    AdHoc::on_ignite("stopping", |rocket| async {
        rocket.manage(Stopping::default()).attach(AdHoc::on_shutdown("stopping", |rocket| {
            Box::pin(async {
                if let Some(stopping) = rocket.state::<Stopping>() {
                    stopping.0.store(true, Ordering::Relaxed);
                }
                tracing::info!("stopping: finishing what is in flight");
            })
        }))
    })
}

/// 200 while the process runs. Touches no store, so that a database's trouble restarts nothing.
#[get("/livez")]
fn livez() -> Value {
    json!({"status": "alive"})
}

/// 200 while requests can be served.
#[get("/readyz")]
async fn readyz(reader: &State<Reader>, stopping: &State<Stopping>) -> Result<Value, Problem> {
    readiness(reader, stopping).await.1.map(|()| json!({"status": "ready"}))
}

/// What the demo's health check asks: the same as `/readyz`.
#[get("/admin")]
async fn admin(reader: &State<Reader>, stopping: &State<Stopping>) -> Result<Value, Problem> {
    readyz(reader, stopping).await
}

/// The details, as `GET /health` shows them.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    store: StoreHealth,
    schema: SchemaHealth,
    queue: QueueHealth,
}

#[derive(Serialize)]
struct StoreHealth {
    kind: &'static str,
    reachable: bool,
}

/// `applied` and `known` are the last versions of each.
#[derive(Serialize)]
struct SchemaHealth {
    state: &'static str,
    applied: Option<String>,
    known: Option<String>,
}

/// Entries that wait for the store, and how many may.
#[derive(Serialize)]
struct QueueHealth {
    depth: usize,
    limit: usize,
}

/// The details, always with 200.
#[get("/health")]
async fn health(
    reader: &State<Reader>,
    queue: &State<Queue>,
    stopping: &State<Stopping>,
) -> Json<Health> {
    let (schema, ready) = readiness(reader, stopping).await;
    let schema = schema.as_ref();
    Json(Health {
        status: if ready.is_ok() { "ready" } else { "not_ready" },
        version: env!("CARGO_PKG_VERSION"),
        store: StoreHealth { kind: reader.kind(), reachable: schema.is_some() },
        schema: SchemaHealth {
            state: match schema.map(Schema::state) {
                Some(SchemaState::Current) => "current",
                Some(SchemaState::Behind) => "behind",
                Some(SchemaState::Ahead) => "ahead",
                None => "unknown",
            },
            applied: schema.and_then(Schema::last_applied).map(str::to_owned),
            known: reader.last_known_migration(),
        },
        queue: QueueHealth { depth: queue.depth(), limit: queue.limit() },
    })
}

/// The store's schema if it answered, and whether requests can be served.
async fn readiness(reader: &Reader, stopping: &Stopping) -> (Option<Schema>, Result<(), Problem>) {
    let schema = reader.read(|store, _| store.schema()).await;
    let ready = match &schema {
        _ if stopping.0.load(Ordering::Relaxed) => {
            Err(Problem::not_ready("The service is stopping.", None))
        }
        Ok(schema) => schema.require().map_err(|cause| {
            Problem::not_ready(
                "The store lacks migrations of this release. Run 'rollcall migrate'.",
                Some(cause),
            )
        }),
        Err(cause @ StoreError::Refused(_)) => {
            Err(Problem::not_ready("The store refuses to be read.", Some(cause.clone())))
        }
        Err(cause) => Err(Problem::not_ready("The store does not answer.", Some(cause.clone()))),
    };
    (schema.ok(), ready)
}
