//! The document of the API, made of what stands beside the routes.

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, Content, Ref, RefOr, Required};

use super::api::{
    amendments, assets, batch, by_hand, changes, docs, entries, export, gates, health, index,
    inside, people, scrape, sessions, sheets, tokens,
};
use super::pages::has_page;
use super::wire::schema::{CACHE_CONTROL, Problem, REQUEST_ID, SHARED_HEADERS, VARY};

const DESCRIPTION: &str = "\
Records who passed which gate, and serves the complete attendance sheet of a day.

**Errors** are `application/problem+json` with a stable `code`, on unknown paths (404 `not_found`) and unknown \
methods (405 `method_not_allowed`, with `Allow`) too. Where an answer may be a page, an error is one for a browser. \
A refused request changed nothing, except that a 503 may leave open whether an entry was recorded: it is safe to \
send it again with the same `entry_id`.

**Access.** With `ROLLCALL_ACCESS=open` only `/admin/tokens` needs a token. Otherwise all requests need one, except \
those that are marked as free. A token is sent as Bearer, or as the password of Basic with any user name. What changes \
something and comes from a browser must come from a page of this service.

**Methods.** `HEAD` goes wherever `GET` does. `/table/` and `/admin/` are `/table` and `/admin`.

**Queries.** Unknown parameters are ignored, empty ones are absent, and one that is given twice is an error.";

/// What does not belong to one route.
#[derive(OpenApi)]
#[openapi(
    info(title = "Rollcall", description = DESCRIPTION, license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(Problem)),
    security(("bearer" = []), ("basic" = []), ("session" = [])),
    tags(
        (name = "Entries", description = "Record who passed a gate."),
        (name = "Reading", description = "Sheets and what is made of them."),
        (name = "Amendments", description = "Void and correct entries, and see their history."),
        (name = "Changes", description = "Follow what happens."),
        (name = "Tokens", description = "Who may do what. For admins."),
        (name = "Sessions", description = "For browsers."),
        (name = "Service", description = "Its state."),
        (name = "Documents", description = "This document, and what pages load."),
    ),
)]
struct Base;

/// The document as JSON: of a service, or of a gate agent.
pub fn document(is_agent: bool) -> String {
    let mut api = Base::openapi();
    for part in [
        entries::Documented::openapi(),
        batch::Documented::openapi(),
        by_hand::Documented::openapi(),
        sheets::Documented::openapi(),
        export::Documented::openapi(),
        people::Documented::openapi(),
        inside::Documented::openapi(),
        gates::Documented::openapi(),
        amendments::Documented::openapi(),
        if is_agent { Default::default() } else { amendments::AmendingDocumented::openapi() },
        changes::Documented::openapi(),
        tokens::Documented::openapi(),
        sessions::Documented::openapi(),
        index::Documented::openapi(),
        health::Documented::openapi(),
        scrape::Documented::openapi(),
        docs::Documented::openapi(),
        assets::Documented::openapi(),
    ] {
        api.merge(part);
    }
    add_components(api.components.get_or_insert_default());
    for (path, item) in &mut api.paths.paths {
        for operation in operations(item) {
            add_what_every_route_has(operation, has_page(path));
        }
    }
    // All of it is strings, numbers and lists, which always serialize.
    let mut json = serde_json::to_string_pretty(&api).unwrap_or_default();
    json.push('\n');
    json
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten()
}

/// Adds what routes refer to by name, and schemas do not bring along.
fn add_components(components: &mut Components) {
    let session =
        ApiKeyValue::with_description("rollcall_session", "What `POST /session` gives a browser.");
    let schemes = [
        ("bearer", http(HttpAuthScheme::Bearer, "A token, as `Authorization: Bearer TOKEN`.")),
        ("basic", http(HttpAuthScheme::Basic, "A token as the password, and any user name.")),
        ("session", SecurityScheme::ApiKey(ApiKey::Cookie(session))),
    ];
    for (name, scheme) in schemes {
        components.security_schemes.insert(name.to_owned(), RefOr::T(scheme));
    }
    for header in SHARED_HEADERS {
        components.headers.insert(header.name.to_owned(), RefOr::T(header.described()));
    }
    let id = ParameterBuilder::new()
        .name(REQUEST_ID.name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 128 visible ASCII characters, which come back and stand in the log. Another text is ignored.",
        ))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    components.parameters.insert(REQUEST_ID.name.to_owned(), RefOr::T(id));
}

fn http(scheme: HttpAuthScheme, description: &str) -> SecurityScheme {
    let mut http = Http::new(scheme);
    http.description = Some(description.to_owned());
    SecurityScheme::Http(http)
}

/// Adds the request's id to `operation` and its answers. If its path has pages, adds the headers that depend on that, and
/// pages to its errors.
fn add_what_every_route_has(operation: &mut Operation, has_page: bool) {
    let id = Ref::new(format!("#/components/parameters/{}", REQUEST_ID.name));
    operation.parameters.get_or_insert_default().push(RefOr::Ref(id));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        REQUEST_ID.add_to(response);
        if !has_page {
            continue;
        }
        CACHE_CONTROL.add_to(response);
        VARY.add_to(response);
        if status.as_str() >= "400" {
            let page = Content::new(Some(Object::with_type(Type::String)));
            response.content.insert("text/html".to_owned(), RefOr::T(page));
        }
    }
}
