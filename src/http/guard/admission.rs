use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::credential::Credential;
use crate::domain::{Access, Caller, Clock, Permission, TokenHash};
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

impl Admission {
    /// Returns when the token with this hash is no longer valid.
    pub(super) async fn end_of(&self, hash: &TokenHash) {
        while self.credentials.is_valid(hash, self.clock.now()) {
            sleep(CHECK_EVERY).await;
        }
    }

    /// Who sent `credential`, if that sender may do what needs `permission`.
    pub(super) async fn admit(
        &self,
        credential: Credential,
        permission: Permission,
        metrics: &Metrics,
    ) -> Result<Option<Arc<Caller>>, Problem> {
        let refused = |problem| {
            metrics.refused();
            Err(problem)
        };
        let caller = match credential {
            Credential::None => {
                metrics.without_credential();
                None
            }
            Credential::Malformed => return refused(Problem::unauthenticated()),
            Credential::Sent(hash) => match self.credentials.find(&hash, self.clock.now()).await? {
                None => return refused(Problem::unauthenticated()),
                caller => caller,
            },
        };
        let is_open = self.access == Access::Open && permission != Permission::Administer;
        match &caller {
            _ if is_open => Ok(caller),
            Some(known) if known.role.may(permission) => Ok(caller),
            Some(_) => refused(Problem::forbidden(permission)),
            None => refused(Problem::unauthenticated()),
        }
    }
}
