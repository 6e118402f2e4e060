use std::io::Cursor;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use rocket::{Request, Route, State, delete, get, post, routes};
use serde::Serialize;

use crate::domain::{IssuedToken, Token, TokenName, TokenRequest};
use crate::http::guard::{EntryBody, MayAdminister};
use crate::http::service::Service;
use crate::http::wire::{Problem, TokenJson, TokenList};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![list, create, revoke, delete]
}

/// All tokens, revoked and expired ones too.
#[get("/admin/tokens")]
async fn list(_caller: MayAdminister, service: &State<Service>) -> Result<TokenAnswer, Problem> {
    let tokens = service.reader.read(|store| store.tokens()).await?;
    TokenAnswer::new(Status::Ok, &TokenList::new(tokens.iter().map(|(_, token)| token)))
}

/// Makes a token. Its secret is in this answer, and nowhere else.
#[post("/admin/tokens")]
async fn create(
    by: MayAdminister,
    body: EntryBody<'_>,
    service: &State<Service>,
) -> Result<TokenAnswer, Problem> {
    let request = TokenRequest::parse(body.0)?;
    if request.name.is_reserved() {
        return Err(Problem::name_taken());
    }
    let creator = by.caller.map(|caller| caller.name.clone());
    let token = IssuedToken::new(request, service.clock.now(), creator);
    let secret = Token::generate().map_err(|error| Problem::from(StoreError::defect(error)))?;
    let (hash, stored) = (secret.hash(), token.clone());
    if !service.reader.read(move |store| store.create_token(&hash, &stored)).await? {
        return Err(Problem::name_taken());
    }
    // The token is stored. If the set cannot be read now, that is tried again anyway.
    let _ = service.admission.credentials.read_again().await;
    TokenAnswer::new(Status::Created, &TokenJson::with_secret(&token, &secret))
}

/// Revokes a token for good.
#[post("/admin/tokens/<name>/revoke")]
async fn revoke(
    _caller: MayAdminister,
    name: &str,
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
    TokenAnswer::new(Status::Ok, &TokenJson::of(&token))
}

/// The same as the route that ends in `revoke`.
#[delete("/admin/tokens/<name>")]
async fn delete(
    caller: MayAdminister,
    name: &str,
    service: &State<Service>,
) -> Result<TokenAnswer, Problem> {
    revoke(caller, name, service).await
}

/// JSON that no cache on the way may keep.
struct TokenAnswer {
    status: Status,
    json: Vec<u8>,
}

impl TokenAnswer {
    fn new(status: Status, content: &impl Serialize) -> Result<Self, Problem> {
        let json = serde_json::to_vec(content).map_err(|e| Problem::from(StoreError::defect(e)))?;
        Ok(Self { status, json })
    }
}

impl<'r> Responder<'r, 'static> for TokenAnswer {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        Response::build()
            .status(self.status)
            .header(ContentType::JSON)
            .header(Header::new("Cache-Control", "no-store"))
            .sized_body(self.json.len(), Cursor::new(self.json))
            .ok()
    }
}
