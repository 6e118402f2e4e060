use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::credential::Credential;
use super::origin::Origin;
use super::refusal::refuse;
use crate::domain::TokenHash;
use crate::http::watch::Metrics;
use crate::http::wire::Problem;

/// The request does not come from a page of another site. For routes that need no credential.
pub(crate) struct FromOwnSite;

/// The same, for a route that changes what the session cookie names: with the cookie the request
/// must say where it comes from. Has the hash of the session's secret.
pub(crate) struct OwnSession(pub Option<TokenHash>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for FromOwnSite {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        check(request, &Credential::None, Self)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for OwnSession {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let credential = Credential::of(request.headers());
        let session = match credential {
            Credential::Session(hash) => Some(hash),
            _ => None,
        };
        check(request, &credential, Self(session))
    }
}

fn check<T>(request: &Request<'_>, credential: &Credential, value: T) -> Outcome<T, ()> {
    if credential.may_come_from(Origin::of(request.headers())) {
        return Outcome::Success(value);
    }
    if let Some(metrics) = request.rocket().state::<Metrics>() {
        metrics.refused();
    }
    refuse(request, Problem::cross_site())
}
