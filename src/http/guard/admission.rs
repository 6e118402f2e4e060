use std::sync::Arc;

use super::credential::Credential;
use crate::domain::{Access, Caller, Clock, Permission};
use crate::http::watch::Metrics;
use crate::http::wire::Problem;
use crate::store::Credentials;

/// Decides who may do what.
pub(crate) struct Admission {
    pub access: Access,
    pub credentials: Credentials,
    pub clock: Clock,
}

impl Admission {
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
