use std::convert::Infallible;
use std::sync::Arc;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::admission::Admission;
use super::credential::Credential;
use crate::domain::Caller;
use crate::http::wire::{Problem, forwarded_scheme};

/// Whoever opens a page that everybody may open. A credential that is not valid counts as none.
pub(crate) struct Visitor {
    credential: Credential,
    origin: String,
}

impl Visitor {
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let headers = request.headers();
        let scheme = forwarded_scheme(headers).unwrap_or("http");
        let host = headers.get_one("Host").unwrap_or("this-host");
        Self { credential: Credential::of(headers), origin: format!("{scheme}://{host}") }
    }

    /// The service, as the visitor reached it: `https://host`. It is what the client sent.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Who it is, if a credential was sent. A token that is not valid is refused, and a session that is over
    /// counts as none.
    pub(crate) async fn admit(
        &self,
        admission: &Admission,
    ) -> Result<Option<Arc<Caller>>, Problem> {
        let caller = admission.identify(&self.credential).await?;
        match &self.credential {
            Credential::None | Credential::Session(_) => Ok(caller),
            _ => caller.map(Some).ok_or_else(Problem::unauthenticated),
        }
    }

    /// Who it is, if that is known.
    pub(crate) async fn identify(&self, admission: &Admission) -> Option<Arc<Caller>> {
        admission.identify(&self.credential).await.ok().flatten()
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Visitor {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}
