use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, delete, get, post, routes};
use serde::Serialize;

use crate::domain::{IssuedToken, Token, TokenName, TokenRequest};
use crate::http::guard::{Browser, MayAdminister, ObjectBody};
use crate::http::pages::{Frame, Page, Tab, Viewer, new_token_page, tokens_page};
use crate::http::service::Service;
use crate::http::wire::{Problem, TokenJson, TokenList};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![list, create, revoke, delete]
}

/// All tokens, revoked and expired ones too.
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
            Self::SeeList => Response::build()
                .status(Status::SeeOther)
                .header(Header::new("Location", "/admin/tokens"))
                .finalize(),
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
