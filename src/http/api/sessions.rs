use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use rocket::serde::json::{Value, json};
use rocket::{Request, Route, State, get, post, routes};
use utoipa::OpenApi;

use crate::domain::{Session, SignIn, Token};
use crate::http::guard::{Browser, FromOwnSite, ObjectBody, OwnSession};
use crate::http::pages::{Frame, Page, ReturnTo, Tab, Viewer, sign_in_page};
use crate::http::service::Service;
use crate::http::watch::Metrics;
use crate::http::wire::schema::{self, problems};
use crate::http::wire::{Problem, SeeOther, clear_session, return_path, set_session};
use crate::store::StoreError;

pub(crate) fn routes() -> Vec<Route> {
    routes![page, begin, end]
}

/// Where a browser goes that does not say where to.
const START: &str = "/table";

/// The routes in the API documents.
#[derive(OpenApi)]
#[openapi(paths(page, begin, end))]
pub(crate) struct Documented;

problems! {
    /// Why there is no form.
    NoForm = INTERNAL
}

problems! {
    /// Why no session begins.
    NoSession = BAD_REQUEST, INVALID_JSON, INVALID_ENTRY, UNAUTHENTICATED, CROSS_SITE, BODY_TOO_LARGE, INTERNAL,
        STORE_UNAVAILABLE
}

problems! {
    /// Why a session does not end.
    NotEnded = CROSS_SITE, INTERNAL, STORE_UNAVAILABLE
}

/// The form to sign in with. `next` is where to go then.
#[utoipa::path(
    get,
    path = "/session",
    operation_id = "view_sign_in",
    tag = "Sessions",
    summary = "The form to sign in with.",
    params(("next" = Option<String>, Query, description = "The page to go to then: a path of this service.")),
    security(()),
    responses((status = 200, description = "The form.", body = String, content_type = "text/html"), NoForm),
)]
#[get("/session?<next>")]
fn page(next: Option<&str>, browser: Browser) -> Result<Page, Problem> {
    let next = next.and_then(return_path).unwrap_or(START);
    sign_in_page(Frame::new(Viewer::default(), Tab::SignIn, browser), next)
}

/// Begins a session with a token. Its secret is in the cookie, and nowhere else.
#[utoipa::path(
    post,
    path = "/session",
    operation_id = "begin_session",
    tag = "Sessions",
    description = "For 12 hours after its last use, or until the token ends. For browsers: programs send the token itself.",
    request_body(content(
        (schema::SignIn = "application/json"),
        (schema::SignInForm = "application/x-www-form-urlencoded"),
    )),
    security(()),
    responses(
        (
            status = 200,
            description = "Who has signed in. To JSON.",
            body = schema::SignedIn,
            headers(("Set-Cookie" = String, description = "The cookie `rollcall_session`."))
        ),
        (
            status = 303,
            description = "The same. To a form.",
            headers(
                ("Location" = String, description = "The page to go to."),
                ("Set-Cookie" = String, description = "The cookie `rollcall_session`."),
            )
        ),
        NoSession,
    ),
)]
#[post("/session")]
async fn begin(
    _from: FromOwnSite,
    body: ObjectBody<'_>,
    service: &State<Service>,
    metrics: &State<Metrics>,
) -> Result<Begun, NotBegun> {
    let SignIn { token, next } = SignIn::parse(&body.json).map_err(Problem::from)?;
    let next = next.as_deref().and_then(return_path).unwrap_or(START).to_owned();
    let credentials = &service.admission.credentials;
    let now = service.clock.now();
    let Some(caller) = credentials.find(&token, now).await.map_err(Problem::from)? else {
        metrics.refused();
        return Err(NotBegun { problem: Problem::unauthenticated(), next: Some(next) });
    };
    let secret = Token::generate().map_err(|error| Problem::from(StoreError::defect(error)))?;
    let hash = secret.hash();
    let session = Session::new(token.hash(), now);
    let create = service
        .reader
        .read(move |store| store.create_session(&hash, &session, Session::ended_before(now)));
    create.await.map_err(Problem::from)?;
    // The session is stored. If the set cannot be read now, that is tried again anyway.
    let _ = credentials.read_again().await;
    let answer = match body.is_form {
        true => Answer::GoTo(next),
        false => Answer::Caller(json!({"name": &*caller.name, "role": caller.role.as_str()})),
    };
    Ok(Begun { secret, answer })
}

/// Ends the session of the cookie, if it has one.
#[utoipa::path(
    post,
    path = "/session/end",
    operation_id = "end_session",
    tag = "Sessions",
    security((), ("session" = [])),
    responses(
        (
            status = 303,
            description = "It is over.",
            headers(
                ("Location" = String, description = "The form to sign in with."),
                ("Set-Cookie" = String, description = "Takes the cookie `rollcall_session` away."),
            )
        ),
        NotEnded,
    ),
)]
#[post("/session/end")]
async fn end(session: OwnSession, service: &State<Service>) -> Result<Ended, Problem> {
    if let Some(hash) = session.0 {
        service.reader.read(move |store| store.end_session(&hash)).await?;
        // Only then this process refuses the session. A retry is safe.
        service.admission.credentials.read_again().await?;
    }
    Ok(Ended)
}

/// A session that has begun.
struct Begun {
    secret: Token,
    answer: Answer,
}

enum Answer {
    /// A browser is sent to this path.
    GoTo(String),
    /// Any other client is told who it is.
    Caller(Value),
}

/// A session that has not begun, and where the browser wanted to go.
struct NotBegun {
    problem: Problem,
    next: Option<String>,
}

/// A session that is over.
struct Ended;

impl From<Problem> for NotBegun {
    fn from(problem: Problem) -> Self {
        Self { problem, next: None }
    }
}

impl<'r> Responder<'r, 'static> for Begun {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = match self.answer {
            Answer::GoTo(path) => SeeOther(path).respond_to(request)?,
            Answer::Caller(caller) => {
                let mut response = Response::build_from(caller.to_string().respond_to(request)?);
                response.header(ContentType::JSON).finalize()
            }
        };
        response.set_header(set_session(&self.secret, request.headers()));
        response.set_header(Header::new("Cache-Control", "no-store"));
        Ok(response)
    }
}

impl<'r> Responder<'r, 'static> for NotBegun {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        if let Some(next) = self.next {
            ReturnTo::leave(request, &next);
        }
        self.problem.respond_to(request)
    }
}

impl<'r> Responder<'r, 'static> for Ended {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = SeeOther("/session".to_owned()).respond_to(request)?;
        response.set_header(clear_session(request.headers()));
        Ok(response)
    }
}
