use chrono::{DateTime, Utc};
use rocket::serde::json::{Json, Value, json};
use rocket::{Route, State, get, routes};
use serde::Serialize;

use crate::domain::Stamp;
use crate::http::service::Service;
use crate::http::wire::Problem;
use crate::store::{Forwarding, ForwardingState, Reader, Schema, SchemaState, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![livez, readyz, admin, health]
}

/// 200 while the process runs. Does not ask the store: a database's failure must not restart it.
#[get("/livez")]
fn livez() -> Value {
    json!({"status": "alive"})
}

/// 200 while requests can be served.
#[get("/readyz")]
async fn readyz(service: &State<Service>) -> Result<Value, Problem> {
    readiness(service).await.1.map(|()| json!({"status": "ready"}))
}

/// The same as `/readyz`, for health checks of the k8-barona demo.
#[get("/admin")]
async fn admin(service: &State<Service>) -> Result<Value, Problem> {
    readyz(service).await
}

/// The details behind liveness and readiness.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    store: StoreHealth,
    schema: SchemaHealth,
    queue: QueueHealth,
    access: &'static str,
    /// Of a gate agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<UpstreamHealth>,
}

#[derive(Serialize)]
struct StoreHealth {
    kind: &'static str,
    reachable: bool,
}

/// `applied` is the last version that the store has, `known` that of this binary.
#[derive(Serialize)]
struct SchemaHealth {
    state: &'static str,
    applied: Option<String>,
    known: Option<String>,
}

/// How many entries wait for the store, and how many may.
#[derive(Serialize)]
struct QueueHealth {
    depth: usize,
    limit: usize,
}

/// What a gate agent has forwarded, and what it still holds; null where the store cannot be read.
#[derive(Serialize)]
struct UpstreamHealth {
    state: &'static str,
    pending: Option<u64>,
    oldest_pending: Option<String>,
    rejected: Option<u64>,
    last_forwarded_at: Option<String>,
    reason: Option<String>,
}

/// The details, always with 200.
#[get("/health")]
async fn health(service: &State<Service>) -> Json<Health> {
    let (schema, ready) = readiness(service).await;
    let Service { reader, queue, .. } = &**service;
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
        access: service.admission.access.as_str(),
        upstream: match &service.forwarding {
            Some(forwarding) => Some(upstream(reader, forwarding).await),
            None => None,
        },
    })
}

async fn upstream(reader: &Reader, forwarding: &Forwarding) -> UpstreamHealth {
    let ForwardingState { reach, reason, last_forwarded_at, up_to, .. } = forwarding.state();
    let backlog = reader.backlog(up_to).await.ok();
    let shown = |moment: DateTime<Utc>| Stamp::utc(moment).as_str().to_owned();
    UpstreamHealth {
        state: reach.as_str(),
        pending: backlog.map(|backlog| backlog.pending),
        oldest_pending: backlog.and_then(|backlog| backlog.oldest_pending).map(shown),
        rejected: backlog.map(|backlog| backlog.rejected),
        last_forwarded_at: last_forwarded_at.map(shown),
        reason,
    }
}

/// The store's schema if it answered, and whether requests can be served.
async fn readiness(service: &Service) -> (Option<Schema>, Result<(), Problem>) {
    let schema = service.reader.read(|store| store.schema()).await;
    let ready = match &schema {
        _ if service.stopping.has_begun() => {
            Err(Problem::not_ready("The service is stopping.", None))
        }
        Ok(schema) => schema.require().map_err(|cause| {
            Problem::not_ready(
                "The store lacks migrations of this release. Run 'rollcall migrate'.",
                Some(cause),
            )
        }),
        Err(cause @ (StoreError::Refused(_) | StoreError::NotPermitted(_))) => {
            Err(Problem::not_ready("The store refuses to be read.", Some(cause.clone())))
        }
        Err(cause) => Err(Problem::not_ready("The store does not answer.", Some(cause.clone()))),
    };
    (schema.ok(), ready)
}
