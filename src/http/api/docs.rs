use rocket::http::{ContentType, Header};
use rocket::{Responder, Route, State, get, routes};
use utoipa::OpenApi;

use crate::http::pages::{Page, docs_page};
use crate::http::wire::Problem;
use crate::http::wire::schema::problems;

pub(crate) fn routes() -> Vec<Route> {
    routes![page, openapi]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(page, openapi))]
pub(crate) struct Documented;

problems! {
    /// No failure of the store makes them fail.
    Defect = INTERNAL
}

/// The document of the API, as JSON.
pub(crate) struct Document(pub String);

/// The routes in detail, to read and to try out.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "view_docs",
    tag = "Documents",
    security(()),
    responses(
        (
            status = 200,
            description = "The page.",
            body = String,
            content_type = "text/html",
            headers(
                ("Cache-Control" = String, description = "`no-store`."),
                ("Vary" = String, description = "`Accept`, as with other pages."),
            )
        ),
        Defect,
    ),
)]
#[get("/docs")]
fn page() -> Result<Page, Problem> {
    docs_page()
}

/// The same for programs, as OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "view_openapi",
    tag = "Documents",
    security(()),
    responses(
        (
            status = 200,
            description = "This document.",
            body = Object,
            headers(("Cache-Control" = String, description = "`no-cache`: another release has another document."))
        ),
        Defect,
    ),
)]
#[get("/openapi.json")]
fn openapi(document: &State<Document>) -> DocumentAnswer {
    DocumentAnswer {
        json: (ContentType::JSON, document.0.clone()),
        // Another release has another document.
        cache: Header::new("Cache-Control", "no-cache"),
    }
}

#[derive(Responder)]
struct DocumentAnswer {
    json: (ContentType, String),
    cache: Header<'static>,
}
