use rocket::{Route, get, routes};

use crate::http::pages::{Asset, asset};
use crate::http::wire::Problem;

pub(crate) fn routes() -> Vec<Route> {
    routes![file]
}

/// A file that the pages load.
#[get("/assets/<name>")]
fn file(name: &str) -> Result<Asset, Problem> {
    asset(name).ok_or_else(Problem::not_found)
}
