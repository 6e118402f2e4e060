use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Caller, IssuedToken, TokenHash, TokenName};

/// A use is noted when the one noted before is at least so old. Together with the time between two
/// reads of the set that is less than a minute.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(30);

/// The tokens that one read found, by their hashes.
#[derive(Default)]
pub(super) struct TokenSet(HashMap<TokenHash, Known>);

struct Known {
    token: IssuedToken,
    caller: Arc<Caller>,
    /// The last use in this process, in microseconds since 1970; shared with later sets.
    used: Arc<AtomicI64>,
}

impl TokenSet {
    /// `before` is the set that this one replaces.
    pub(super) fn new(tokens: Vec<(TokenHash, IssuedToken)>, before: &Self) -> Self {
        let known = tokens.into_iter().map(|(hash, token)| {
            let used = match before.0.get(&hash) {
                Some(known) => known.used.clone(),
                None => Arc::new(AtomicI64::new(i64::MIN)),
            };
            (hash, Known { caller: Arc::new(token.caller()), token, used })
        });
        Self(known.collect())
    }

    /// `None` if no token has this hash; else its caller, if it is valid at `now`.
    pub(super) fn find(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<Option<Arc<Caller>>> {
        let known = self.0.get(hash)?;
        if !known.token.is_valid(now) {
            return Some(None);
        }
        known.used.fetch_max(now.timestamp_micros(), Ordering::Relaxed);
        Some(Some(known.caller.clone()))
    }

    /// Whether the token is known and valid at `now`. This is not a use.
    pub(super) fn is_valid(&self, hash: &TokenHash, now: DateTime<Utc>) -> bool {
        self.0.get(hash).is_some_and(|known| known.token.is_valid(now))
    }

    /// Whether a token is bound to a gate and valid at `now`.
    pub(super) fn has_gates(&self, now: DateTime<Utc>) -> bool {
        let is_gate = |known: &Known| known.caller.is_bound() && known.token.is_valid(now);
        self.0.values().any(is_gate)
    }

    /// The uses to be noted in the store, by ascending names.
    pub(super) fn unnoted_uses(&self) -> Vec<(TokenName, DateTime<Utc>)> {
        let mut uses: Vec<_> = self.0.values().filter_map(Known::unnoted_use).collect();
        uses.sort();
        uses
    }
}

impl Known {
    fn unnoted_use(&self) -> Option<(TokenName, DateTime<Utc>)> {
        let used = match self.used.load(Ordering::Relaxed) {
            i64::MIN => return None,
            micros => DateTime::from_timestamp_micros(micros)?,
        };
        let is_new = self.token.last_seen_at.is_none_or(|noted| used - noted >= NOTED_EVERY);
        is_new.then(|| (self.token.name.clone(), used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Role, TokenRequest};

    fn issued(name: &str, last_seen_at: Option<DateTime<Utc>>) -> (TokenHash, IssuedToken) {
        let request = TokenRequest {
            name: TokenName::parse(name).unwrap(),
            role: Role::Reader,
            gate: None,
            expires_at: None,
        };
        let token = IssuedToken::new(request, noon(), None);
        (TokenHash::of(name.as_bytes()), IssuedToken { last_seen_at, ..token })
    }

    fn noon() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_use_is_noted_at_first_and_then_every_half_minute() {
        let hash = TokenHash::of(b"a");
        let first = TokenSet::new(vec![issued("a", None), issued("b", None)], &TokenSet::default());
        assert_eq!(first.unnoted_uses(), []);
        assert!(first.find(&hash, noon()).unwrap().is_some());
        assert_eq!(first.unnoted_uses(), [(TokenName::parse("a").unwrap(), noon())]);

        // The next set has read what was noted, and still counts uses of the first.
        let next = TokenSet::new(vec![issued("a", Some(noon()))], &first);
        assert_eq!(next.unnoted_uses(), []);
        for (seconds, noted) in [(29, 0), (30, 1)] {
            first.find(&hash, noon() + TimeDelta::seconds(seconds));
            assert_eq!(next.unnoted_uses().len(), noted, "{seconds}");
        }
    }

    #[test]
    fn a_token_is_unknown_invalid_or_valid() {
        let (hash, token) = issued("a", None);
        let revoked = IssuedToken { revoked_at: Some(noon()), ..issued("b", None).1 };
        let revoked_hash = TokenHash::of(b"b");
        let set = TokenSet::new(vec![(hash, token), (revoked_hash, revoked)], &TokenSet::default());
        assert_eq!(&*set.find(&hash, noon()).unwrap().unwrap().name, "a");
        assert_eq!(set.find(&revoked_hash, noon()), Some(None));
        assert_eq!(set.find(&TokenHash::of(b"c"), noon()), None);
    }
}
