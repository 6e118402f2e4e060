use chrono::{DateTime, Utc};
use rocket::serde::json::{Json, Value, json};
use rocket::{Route, State, get, routes};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::domain::Stamp;
use crate::http::service::Service;
use crate::http::wire::Problem;
use crate::http::wire::schema::problems;
use crate::store::{Forwarding, Reader, Schema, SchemaState, StoreError};

pub(crate) fn routes() -> Vec<Route> {
    routes![livez, readyz, admin, health]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(livez, readyz, admin, health))]
pub(crate) struct Documented;

problems! {
    /// Why requests are not served.
    NotReady = NOT_READY, INTERNAL
}

problems! {
    /// No failure of the store makes them fail.
    Defect = INTERNAL
}

/// 200 while the process runs. Does not ask the store: a database's failure must not restart it.
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "view_liveness",
    tag = "Service",
    summary = "Whether the process runs.",
    security(()),
    responses((status = 200, description = "It runs.", body = Alive), Defect),
)]
#[get("/livez")]
fn livez() -> Value {
    json!({"status": "alive"})
}

/// 200 while requests can be served.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "view_readiness",
    tag = "Service",
    summary = "Whether requests can be served.",
    security(()),
    responses((status = 200, description = "They can.", body = Ready), NotReady),
)]
#[get("/readyz")]
async fn readyz(service: &State<Service>) -> Result<Value, Problem> {
    readiness(service).await.1.map(|()| json!({"status": "ready"}))
}

/// The same as `/readyz`, for health checks of the k8-barona demo.
#[utoipa::path(
    get,
    path = "/admin",
    operation_id = "view_readiness_as_the_demo",
    tag = "Service",
    summary = "The same as `/readyz`, for older health checks.",
    security(()),
    responses((status = 200, description = "Requests can be served.", body = Ready), NotReady),
)]
#[get("/admin")]
async fn admin(service: &State<Service>) -> Result<Value, Problem> {
    readyz(service).await
}

/// The answer of `/livez` in the API documents.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the answer is written above")]
struct Alive {
    #[schema(example = "alive")]
    status: String,
}

/// The answer of `/readyz` in the API documents.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the answer is written above")]
struct Ready {
    #[schema(example = "ready")]
    status: String,
}

/// The details behind liveness and readiness.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ready` or `not_ready`.
    status: &'static str,
    version: &'static str,
    store: StoreHealth,
    schema: SchemaHealth,
    queue: QueueHealth,
    /// `open` or `token`.
    access: &'static str,
    /// Of a gate agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<UpstreamHealth>,
}

#[derive(Serialize, ToSchema)]
struct StoreHealth {
    /// `postgres` or `embedded`.
    kind: &'static str,
    reachable: bool,
}

/// `applied` is the last version that the store has, `known` that of this binary.
#[derive(Serialize, ToSchema)]
struct SchemaHealth {
    /// `current`, `behind`, `ahead` or `unknown`.
    state: &'static str,
    #[schema(required = true)]
    applied: Option<String>,
    #[schema(required = true)]
    known: Option<String>,
}

/// How many entries wait for the store, and how many may.
#[derive(Serialize, ToSchema)]
struct QueueHealth {
    depth: usize,
    limit: usize,
}

/// What a gate agent has forwarded, and what it still holds; null where the store cannot be read.
#[derive(Serialize, ToSchema)]
struct UpstreamHealth {
    /// `reachable`, `unreachable` or `refused`.
    state: &'static str,
    #[schema(required = true)]
    pending: Option<u64>,
    #[schema(required = true)]
    oldest_pending: Option<String>,
    #[schema(required = true)]
    rejected: Option<u64>,
    #[schema(required = true)]
    last_forwarded_at: Option<String>,
    #[schema(required = true)]
    reason: Option<String>,
}

/// The details, always with 200.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "view_health",
    tag = "Service",
    summary = "The details of both.",
    security(()),
    responses((status = 200, description = "Always 200, ready or not.", body = Health), Defect),
)]
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
    let state = forwarding.state();
    let backlog = reader.backlog(state.up_to).await.ok();
    let shown = |moment: DateTime<Utc>| Stamp::utc(moment).as_str().to_owned();
    UpstreamHealth {
        state: state.reach.as_str(),
        pending: backlog.map(|backlog| backlog.pending),
        oldest_pending: backlog.and_then(|backlog| backlog.oldest_pending).map(shown),
        rejected: backlog.map(|backlog| backlog.rejected.count()),
        last_forwarded_at: state.last_forwarded_at.map(shown),
        reason: state.explain(&backlog.unwrap_or_default()),
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
