use rocket::http::ContentType;
use rocket::{Route, State, get, routes};
use utoipa::OpenApi;

use crate::http::guard::MayRead;
use crate::http::service::Scraped;
use crate::http::watch::{AgentGauged, Gauged, Metrics};
use crate::http::wire::Problem;
use crate::http::wire::schema::problems;
use crate::store::Reader;

pub(crate) fn routes() -> Vec<Route> {
    routes![metrics]
}

/// The same for a port of its own, which needs no token.
pub(crate) fn free_routes() -> Vec<Route> {
    routes![free_metrics]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(metrics))]
pub(crate) struct Documented;

problems! {
    /// Why no metrics are told.
    NotScraped = UNAUTHENTICATED, FORBIDDEN, INTERNAL, STORE_UNAVAILABLE
}

/// All metrics in the text format of OpenMetrics 1.0.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "view_metrics",
    tag = "Service",
    description = "For Prometheus. With `ROLLCALL_METRICS_PORT` they have a port of their own, where they need no token, \
        and are not here.",
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "application/openmetrics-text"),
        NotScraped,
    ),
)]
#[get("/metrics")]
async fn metrics(
    _caller: MayRead,
    metrics: &State<Metrics>,
    scraped: &State<Scraped>,
) -> Result<(ContentType, String), Problem> {
    scrape(metrics, scraped).await
}

#[get("/metrics")]
async fn free_metrics(
    metrics: &State<Metrics>,
    scraped: &State<Scraped>,
) -> Result<(ContentType, String), Problem> {
    scrape(metrics, scraped).await
}

async fn scrape(metrics: &Metrics, scraped: &Scraped) -> Result<(ContentType, String), Problem> {
    let agent = match &scraped.forwarding {
        Some(forwarding) => {
            let state = forwarding.state();
            // If the store cannot be read, the last figures stay.
            let backlog = scraped.reader.backlog(state.up_to).await.ok();
            Some(AgentGauged { forwarded: state.forwarded, backlog })
        }
        None => None,
    };
    let gauges = Gauged {
        queue_depth: scraped.queue.depth(),
        queue_limit: scraped.queue.limit(),
        primary: scraped.reader.load(),
        replica: scraped.replica.as_ref().map(Reader::load),
        agent,
        feed: scraped.changes.state().await,
        now: scraped.clock.now(),
    };
    // Writing to a String cannot fail.
    let body = metrics.encode(&gauges).map_err(|_| Problem::internal())?;
    let content_type = ContentType::new("application", "openmetrics-text")
        .with_params([("version", "1.0.0"), ("charset", "utf-8")]);
    Ok((content_type, body))
}
