use rocket::http::ContentType;
use rocket::{Route, State, get, routes};

use crate::http::guard::MayRead;
use crate::http::service::Service;
use crate::http::watch::{Gauges, Metrics};
use crate::http::wire::Problem;

pub(crate) fn routes() -> Vec<Route> {
    routes![metrics]
}

/// All metrics in the text format of OpenMetrics 1.0.
#[get("/metrics")]
async fn metrics(
    _caller: MayRead,
    metrics: &State<Metrics>,
    service: &State<Service>,
) -> Result<(ContentType, String), Problem> {
    let gauges = Gauges {
        queue_depth: service.queue.depth(),
        queue_limit: service.queue.limit(),
        feed: service.changes.state().await,
        now: service.clock.now(),
    };
    // Writing to a String cannot fail.
    let body = metrics.encode(&gauges).map_err(|_| Problem::internal())?;
    let content_type = ContentType::new("application", "openmetrics-text")
        .with_params([("version", "1.0.0"), ("charset", "utf-8")]);
    Ok((content_type, body))
}
