use std::future::pending;
use std::marker::PhantomData;
use std::sync::Arc;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::admission::Admission;
use super::credential::Credential;
use super::refusal::refuse;
use crate::domain::{Caller, Permission, TokenHash};
use crate::http::watch::Metrics;
use crate::http::wire::Problem;

/// The sender has the permission that `N` names.
pub(crate) struct Admitted<N> {
    /// Who it is, if a token was sent.
    pub caller: Option<Arc<Caller>>,
    admission: Arc<Admission>,
    /// Of the token that was sent.
    hash: Option<TokenHash>,
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

    /// Returns when the token that was sent is no longer valid; never if none was sent. For requests
    /// that last longer than a few seconds.
    pub(crate) fn token_end(&self) -> impl Future<Output = ()> + Send + use<N> {
        let (admission, hash) = (self.admission.clone(), self.hash);
        async move {
            match &hash {
                Some(hash) => admission.end_of(hash).await,
                None => pending().await,
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
    let credential = Credential::of(request.headers());
    let hash = credential.hash();
    let caller = admission.admit(credential, N::PERMISSION, metrics).await?;
    Ok(Admitted { caller, admission: admission.clone(), hash, need: PhantomData })
}
