use std::future::pending;
use std::marker::PhantomData;
use std::sync::Arc;

use rocket::Request;
use rocket::http::Method;
use rocket::request::{FromRequest, Outcome};

use super::admission::{Admission, Attempt};
use super::credential::Credential;
use super::origin::Origin;
use super::refusal::refuse;
use crate::domain::{Access, Caller, Permission};
use crate::http::watch::Metrics;
use crate::http::wire::Problem;

/// The sender has the permission that `N` names.
pub(crate) struct Admitted<N> {
    /// Who it is, if a token was sent.
    pub caller: Option<Arc<Caller>>,
    admission: Arc<Admission>,
    credential: Credential,
    need: PhantomData<N>,
}

/// What a handler needs, as a type, so that it stands in the handler's signature.
pub(crate) trait Need {
    const PERMISSION: Permission;
    /// Whether a request without credential may come from a page of any site while access is open.
    const FROM_ANY_SITE: bool;
}

macro_rules! guards {
    ($($(#[$doc:meta])* $guard:ident = $need:ident: $permission:ident, $from_any_site:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) type $guard = Admitted<$need>;

        pub(crate) enum $need {}

        impl Need for $need {
            const PERMISSION: Permission = Permission::$permission;
            const FROM_ANY_SITE: bool = $from_any_site;
        }
    )*};
}

guards! {
    /// The sender may record entries.
    MayCreate = Create: Create, false;
    /// The same for the one route of release 0.1.0 that changes something: while
    /// access is open, its clients may be pages of any site.
    MayCreateFromAnySite = CreateFromAnySite: Create, true;
    /// The sender may read sheets and metrics.
    MayRead = Read: Read, false;
    /// The sender may void and correct entries.
    MayAmend = Amend: Amend, false;
    /// The sender may manage tokens.
    MayAdminister = Administer: Administer, false;
}

impl<N> Admitted<N> {
    /// The name of the token that was sent, if one was.
    pub(crate) fn name(&self) -> Option<String> {
        self.caller.as_ref().map(|caller| caller.name.to_string())
    }

    /// Whether the sender needed a token.
    pub(crate) fn access(&self) -> Access {
        self.admission.access
    }

    /// Returns when the token or the session is no longer valid; never if there was none. For requests
    /// that last longer than a few seconds.
    pub(crate) fn token_end(&self) -> impl Future<Output = ()> + Send + use<N> {
        let (admission, credential) = (self.admission.clone(), self.credential);
        let is_known = self.caller.is_some();
        async move {
            match is_known {
                true => admission.end_of(&credential).await,
                false => pending().await,
            }
        }
    }
}

#[rocket::async_trait]
impl<'r, N: Need> FromRequest<'r> for Admitted<N> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match admit(request).await {
            Ok(admitted) => Outcome::Success(admitted),
            Err(problem) => refuse(request, problem),
        }
    }
}

async fn admit<N: Need>(request: &Request<'_>) -> Result<Admitted<N>, Problem> {
    // The app manages both.
    let rocket = request.rocket();
    let admission = rocket.state::<Arc<Admission>>().ok_or_else(Problem::internal)?;
    let metrics = rocket.state::<Metrics>().ok_or_else(Problem::internal)?;
    let headers = request.headers();
    let credential = Credential::of(headers);
    let changes_nothing = [Method::Get, Method::Head].contains(&request.method());
    let attempt = Attempt {
        credential,
        permission: N::PERMISSION,
        origin: if changes_nothing { None } else { Some(Origin::of(headers)) },
        from_any_site: N::FROM_ANY_SITE,
    };
    let caller = admission.admit(&attempt, metrics).await?;
    let admission = admission.clone();
    Ok(Admitted { caller, admission, credential, need: PhantomData })
}
