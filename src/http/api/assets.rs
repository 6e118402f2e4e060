use rocket::{Route, get, routes};
use utoipa::OpenApi;

use crate::http::pages::{Asset, asset};
use crate::http::wire::Problem;
use crate::http::wire::schema::problems;

pub(crate) fn routes() -> Vec<Route> {
    routes![file]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(file))]
pub(crate) struct Documented;

problems! {
    /// Why there is no file.
    NoFile = BAD_REQUEST, NOT_FOUND, INTERNAL
}

/// A file that the pages load.
#[utoipa::path(
    get,
    path = "/assets/{name}",
    operation_id = "load_asset",
    tag = "Documents",
    description = "Its name has a hash of its content, and belongs to this release.",
    params(("name" = String, Path, description = "The name of the file, as a page has it.")),
    security(()),
    responses(
        (
            status = 200,
            description = "The file.",
            content(
                (String = "text/css"),
                (String = "text/javascript"),
                (String = "image/svg+xml"),
            ),
            headers(
                ("Content-Encoding" = String, description = "`gzip` for the files of `/docs`."),
                ("Cache-Control" = String, description = "For ever, unless the name is that of another release."),
            )
        ),
        NoFile,
    ),
)]
#[get("/assets/<name>")]
fn file(name: &str) -> Result<Asset, Problem> {
    asset(name).ok_or_else(Problem::not_found)
}
