use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, delete, get, post, routes};
use serde::Serialize;
use utoipa::OpenApi;

use crate::domain::{IssuedToken, Token, TokenName, TokenRequest};
use crate::http::guard::{Browser, MayAdminister, ObjectBody};
use crate::http::pages::{Frame, Page, Tab, Viewer, new_token_page, tokens_page};
use crate::http::service::Service;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{Problem, SeeOther, TokenJson, TokenList};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![list, create, revoke, delete]
}

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(list, create, revoke, delete))]
pub(crate) struct Documented;

problems! {
    /// Why no tokens are listed.
    NotListed = UNAUTHENTICATED, FORBIDDEN, INTERNAL, STORE_UNAVAILABLE
}

problems! {
    /// Why no token is made.
    NotMade = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, UNAUTHENTICATED, FORBIDDEN, CROSS_SITE, NAME_TAKEN,
        BODY_TOO_LARGE, INTERNAL, STORE_UNAVAILABLE
}

problems! {
    /// Why a token is not revoked.
    NotRevoked = BAD_REQUEST, UNAUTHENTICATED, FORBIDDEN, CROSS_SITE, NOT_FOUND, INTERNAL, STORE_UNAVAILABLE
}

/// All tokens, revoked and expired ones too.
#[utoipa::path(
    get,
    path = "/admin/tokens",
    operation_id = "list_tokens",
    tag = "Tokens",
    description = "By name. `/admin/tokens` always needs an admin, with open access too.",
    params(schema::PageForm),
    responses(
        (
            status = 200,
            description = "The tokens, without their secrets.",
            content((schema::Tokens = "application/json"), (String = "text/html"))
        ),
        NotListed,
    ),
)]
#[get("/admin/tokens")]
async fn list(
    by: MayAdminister,
    browser: Browser,
    service: &State<Service>,
) -> Result<TokenAnswer, Problem> {
    let tokens = service.reader.read(|store| store.tokens()).await?;
    let tokens = tokens.iter().map(|(_, token)| token);
    if browser.wants_page {
        let (site, now) = (&service.site, service.clock.now());
        return tokens_page(frame(&by, browser), tokens, site, now).map(TokenAnswer::Page);
    }
    TokenAnswer::json(Status::Ok, &TokenList::new(tokens))
}

/// Makes a token. Its secret is in this answer, and nowhere else.
#[utoipa::path(
    post,
    path = "/admin/tokens",
    operation_id = "create_token",
    tag = "Tokens",
    description = "It works at once in this process, and everywhere within 5 seconds.",
    params(schema::PageForm),
    request_body(content(
        (schema::NewToken = "application/json"),
        (schema::NewTokenForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (
            status = 201,
            description = "The token with its secret.",
            content((schema::TokenWithSecret = "application/json"), (String = "text/html"))
        ),
        NotMade,
    ),
)]
#[post("/admin/tokens")]
async fn create(
    by: MayAdminister,
    body: ObjectBody<'_>,
    browser: Browser,
    service: &State<Service>,
) -> Result<TokenAnswer, Problem> {
    let now = service.clock.now();
    let request = TokenRequest::parse(&body.json, now)?;
    if request.name.is_reserved() {
        return Err(Problem::name_taken());
    }
    let creator = by.caller.as_ref().map(|caller| caller.name.clone());
    let token = IssuedToken::new(request, now, creator);
    let secret = Token::generate().map_err(|error| Problem::from(StoreError::defect(error)))?;
    let (hash, stored) = (secret.hash(), token.clone());
    if !service.reader.read(move |store| store.create_token(&hash, &stored)).await? {
        return Err(Problem::name_taken());
    }
    // The token is stored. If the set cannot be read now, that is tried again anyway.
    let _ = service.admission.credentials.read_again().await;
    if browser.wants_page {
        return new_token_page(frame(&by, browser), &token, &secret).map(TokenAnswer::Page);
    }
    TokenAnswer::json(Status::Created, &TokenJson::with_secret(&token, &secret))
}

/// Revokes a token for good.
#[utoipa::path(
    post,
    path = "/admin/tokens/{name}/revoke",
    operation_id = "revoke_token",
    tag = "Tokens",
    description = "It stops working at once in this process, and everywhere within 5 seconds. Once more is 200 too.",
    params(("name" = schema::TokenName, Path, description = "The name of the token."), schema::PageForm),
    responses(
        (status = 200, description = "The token, revoked.", body = schema::Token),
        (
            status = 303,
            description = "The same, where a page is wanted.",
            headers(("Location" = String, description = "The list of the tokens."))
        ),
        NotRevoked,
    ),
)]
#[post("/admin/tokens/<name>/revoke")]
async fn revoke(
    _by: MayAdminister,
    name: &str,
    browser: Browser,
    service: &State<Service>,
) -> Result<TokenAnswer, Problem> {
    let name = TokenName::parse(name).map_err(|_| Problem::not_found())?;
    let now = service.clock.now();
    let revoked = service.reader.read(move |store| match store.revoke_token(&name, now)? {
        true => Ok(store.tokens()?.into_iter().find(|(_, token)| token.name == name)),
        false => Ok(None),
    });
    let (_, token) = revoked.await?.ok_or_else(Problem::not_found)?;
    // Only then this process refuses the token. A retry is safe.
    service.admission.credentials.read_again().await?;
    if browser.wants_page {
        return Ok(TokenAnswer::SeeList);
    }
    TokenAnswer::json(Status::Ok, &TokenJson::of(&token))
}

/// The same as the route that ends in `revoke`.
#[utoipa::path(
    delete,
    path = "/admin/tokens/{name}",
    operation_id = "delete_token",
    tag = "Tokens",
    params(("name" = schema::TokenName, Path, description = "The name of the token."), schema::PageForm),
    responses(
        (status = 200, description = "The token, revoked.", body = schema::Token),
        (
            status = 303,
            description = "The same, where a page is wanted.",
            headers(("Location" = String, description = "The list of the tokens."))
        ),
        NotRevoked,
    ),
)]
#[delete("/admin/tokens/<name>")]
async fn delete(
    by: MayAdminister,
    name: &str,
    browser: Browser,
    service: &State<Service>,
) -> Result<TokenAnswer, Problem> {
    revoke(by, name, browser, service).await
}

fn frame(by: &MayAdminister, browser: Browser) -> Frame {
    let viewer = Viewer::new(by.access(), by.caller.as_deref());
    Frame::new(viewer, Tab::Tokens, browser)
}

/// What no cache on the way may keep.
enum TokenAnswer {
    Json {
        status: Status,
        json: Vec<u8>,
    },
    Page(Page),
    /// A browser goes back to the list.
    SeeList,
}

impl TokenAnswer {
    fn json(status: Status, content: &impl Serialize) -> Result<Self, Problem> {
        let json = serde_json::to_vec(content).map_err(|e| Problem::from(StoreError::defect(e)))?;
        Ok(Self::Json { status, json })
    }
}

impl<'r> Responder<'r, 'static> for TokenAnswer {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = match self {
            Self::Page(page) => return page.respond_to(request),
            Self::SeeList => return SeeOther("/admin/tokens".to_owned()).respond_to(request),
            Self::Json { status, json } => Response::build()
                .status(status)
                .header(ContentType::JSON)
                .sized_body(json.len(), Cursor::new(json))
                .finalize(),
        };
        response.set_header(Header::new("Vary", "Accept"));
        response.set_header(Header::new("Cache-Control", "no-store"));
        Ok(response)
    }
}
