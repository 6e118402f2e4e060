use std::marker::PhantomData;
use std::sync::Arc;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::admission::Admission;
use super::credential::Credential;
use super::refusal::refuse;
use crate::domain::{Caller, Permission};
use crate::http::watch::Metrics;
use crate::http::wire::Problem;

/// The sender has the permission that `N` names.
pub(crate) struct Admitted<N> {
    /// Who it is, if a token was sent.
    pub caller: Option<Arc<Caller>>,
    need: PhantomData<N>,
}

/// What a handler needs, as a type, so that it stands in the handler's signature.
pub(crate) trait Need {
    const PERMISSION: Permission;
}

macro_rules! guards {
    ($($(#[$doc:meta])* $guard:ident = $permission:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) type $guard = Admitted<$permission>;

        pub(crate) enum $permission {}

        impl Need for $permission {
            const PERMISSION: Permission = Permission::$permission;
        }
    )*};
}

guards! {
    /// The sender may record entries.
    MayCreate = Create;
    /// The sender may read sheets and metrics.
    MayRead = Read;
    /// The sender may void and correct entries.
    MayAmend = Amend;
    /// The sender may manage tokens.
    MayAdminister = Administer;
}

impl<N> Admitted<N> {
    /// The name of the token that was sent, if one was.
    pub(crate) fn name(&self) -> Option<String> {
        self.caller.as_ref().map(|caller| caller.name.to_string())
    }
}

#[rocket::async_trait]
impl<'r, N: Need> FromRequest<'r> for Admitted<N> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match admit(request, N::PERMISSION).await {
            Ok(caller) => Outcome::Success(Self { caller, need: PhantomData }),
            Err(problem) => refuse(request, problem),
        }
    }
}

async fn admit(
    request: &Request<'_>,
    permission: Permission,
) -> Result<Option<Arc<Caller>>, Problem> {
    // The app manages both.
    let rocket = request.rocket();
    let admission = rocket.state::<Arc<Admission>>().ok_or_else(Problem::internal)?;
    let metrics = rocket.state::<Metrics>().ok_or_else(Problem::internal)?;
    admission.admit(Credential::of(request.headers()), permission, metrics).await
}
