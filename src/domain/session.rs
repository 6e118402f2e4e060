use chrono::{DateTime, TimeDelta, Utc};

use super::TokenHash;

/// How long a session lasts after its last use.
const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// A sign-in of a browser, as a store holds it, without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of the token that was signed in with. The session ends with that token.
    pub token: TokenHash,
    pub created_at: DateTime<Utc>,
    /// Right to a minute.
    pub last_used_at: DateTime<Utc>,
}

impl Session {
    /// A session that begins at `now`.
    pub fn new(token: TokenHash, now: DateTime<Utc>) -> Self {
        Self { token, created_at: now, last_used_at: now }
    }

    /// Whether it still lasts at `now`, if its token is valid.
    pub fn lasts(&self, now: DateTime<Utc>) -> bool {
        now - self.last_used_at < LIFETIME
    }

    /// Sessions that were last used before this moment have ended in every process, also where a
    /// last use has not been noted yet.
    pub fn ended_before(now: DateTime<Utc>) -> DateTime<Utc> {
        now - LIFETIME * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_for_twelve_hours_after_its_last_use() {
        let noon = "2026-11-24T12:00:00Z".parse().unwrap();
        let session = Session::new(TokenHash::of(b"a"), noon);
        let second = TimeDelta::seconds(1);
        assert!(session.lasts(noon + LIFETIME - second));
        assert!(!session.lasts(noon + LIFETIME));
        let used = Session { last_used_at: noon + second, ..session };
        assert!(used.lasts(noon + LIFETIME));
        assert!(Session::ended_before(noon) <= noon - LIFETIME);
    }
}
