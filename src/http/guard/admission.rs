use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::credential::Credential;
use super::origin::Origin;
use crate::domain::{Access, Caller, Clock, Permission};
use crate::http::watch::Metrics;
use crate::http::wire::Problem;
use crate::store::Credentials;

/// How often a request that lasts checks its token. The set of tokens is read every 2 seconds, so
/// the end of a token is noticed within 5 seconds.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Decides who may do what.
pub(crate) struct Admission {
    pub access: Access,
    pub credentials: Credentials,
    pub clock: Clock,
}

/// What is known of a request before it is handled.
pub(super) struct Attempt {
    pub credential: Credential,
    pub permission: Permission,
    /// Where the request comes from, if that decides whether it may be made.
    pub origin: Option<Origin>,
    /// Whether a request without credential may come from a page of any site.
    pub from_any_site: bool,
}

impl Admission {
    /// Returns when `credential`, which was valid, is no longer.
    pub(super) async fn end_of(&self, credential: &Credential) {
        while self.is_valid(credential) {
            sleep(CHECK_EVERY).await;
        }
    }

    fn is_valid(&self, credential: &Credential) -> bool {
        let now = self.clock.now();
        match credential {
            Credential::None | Credential::Malformed => false,
            Credential::Bearer(token) | Credential::Basic(token) => {
                self.credentials.is_valid(&token.hash(), now)
            }
            Credential::Session(hash) => self.credentials.is_valid_session(hash, now),
        }
    }

    /// Who made `attempt`, if it may be made.
    pub(super) async fn admit(
        &self,
        attempt: &Attempt,
        metrics: &Metrics,
    ) -> Result<Option<Arc<Caller>>, Problem> {
        let permission = attempt.permission;
        let refused = |problem| {
            metrics.refused();
            Err(problem)
        };
        let caller = self.identify(&attempt.credential).await?;
        match (&caller, &attempt.credential) {
            (Some(_), _) => {}
            // A session that is over counts as none.
            (None, Credential::None | Credential::Session(_)) => metrics.without_credential(),
            (None, _) => return refused(Problem::unauthenticated()),
        }
        let is_open = self.access == Access::Open && permission != Permission::Administer;
        match &caller {
            _ if is_open => {}
            Some(known) if known.role.may(permission) => {}
            Some(_) => return refused(Problem::forbidden(permission)),
            None => return refused(Problem::unauthenticated()),
        }
        let credential = if caller.is_some() { &attempt.credential } else { &Credential::None };
        let is_free = attempt.from_any_site && *credential == Credential::None;
        match attempt.origin {
            Some(origin) if !is_free && !credential.may_come_from(origin) => {
                refused(Problem::cross_site())
            }
            _ => Ok(caller),
        }
    }

    /// Whose credential it is; `None` if it is none, or is not valid.
    pub(super) async fn identify(
        &self,
        credential: &Credential,
    ) -> Result<Option<Arc<Caller>>, Problem> {
        let now = self.clock.now();
        Ok(match credential {
            Credential::None | Credential::Malformed => None,
            Credential::Bearer(token) | Credential::Basic(token) => {
                self.credentials.find(token, now).await?
            }
            Credential::Session(hash) => self.credentials.find_by_session(hash, now).await?,
        })
    }
}
