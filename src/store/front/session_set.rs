use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Session, TokenHash};

/// A use is noted when the one noted before is at least so old, as for tokens.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(30);

/// The sessions that one read found, by their hashes.
#[derive(Default)]
pub(super) struct SessionSet(HashMap<TokenHash, Known>);

struct Known {
    session: Session,
    /// The last use in this process, in microseconds since 1970; shared with later sets.
    used: Arc<AtomicI64>,
}

impl SessionSet {
    /// `before` is the set that this one replaces.
    pub(super) fn new(sessions: Vec<(TokenHash, Session)>, before: &Self) -> Self {
        let known = sessions.into_iter().map(|(hash, session)| {
            let used = match before.0.get(&hash) {
                Some(known) => known.used.clone(),
                None => Arc::new(AtomicI64::new(i64::MIN)),
            };
            (hash, Known { session, used })
        });
        Self(known.collect())
    }

    /// `None` if no session has this hash; else the hash of its token, if it lasts at `now`.
    pub(super) fn find(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<Option<TokenHash>> {
        let known = self.0.get(hash)?;
        if !known.session_with_its_last_use().lasts(now) {
            return Some(None);
        }
        known.used.fetch_max(now.timestamp_micros(), Ordering::Relaxed);
        Some(Some(known.session.token))
    }

    /// The token of the session, if it is known and lasts at `now`. This is not a use.
    pub(super) fn token_of(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<TokenHash> {
        let known = self.0.get(hash)?;
        known.session_with_its_last_use().lasts(now).then_some(known.session.token)
    }

    /// The uses to be noted in the store, by ascending hashes.
    pub(super) fn unnoted_uses(&self) -> Vec<(TokenHash, DateTime<Utc>)> {
        let uses = self.0.iter().map(|(hash, known)| {
            let noted = known.session.last_used_at;
            (*hash, known.session_with_its_last_use().last_used_at, noted)
        });
        let mut unnoted: Vec<_> = uses
            .filter(|(_, used, noted)| *used - noted >= NOTED_EVERY)
            .map(|(hash, used, _)| (hash, used))
            .collect();
        unnoted.sort();
        unnoted
    }
}

impl Known {
    /// The last use is that in this process, where it is later than the one noted.
    fn session_with_its_last_use(&self) -> Session {
        let used = DateTime::from_timestamp_micros(self.used.load(Ordering::Relaxed));
        let noted = self.session.last_used_at;
        let last_used_at = used.map_or(noted, |used| used.max(noted));
        Session { last_used_at, ..self.session.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn set(last_used_at: DateTime<Utc>, before: &SessionSet) -> SessionSet {
        let session = Session { last_used_at, ..Session::new(TokenHash::of(b"token"), noon()) };
        SessionSet::new(vec![(TokenHash::of(b"a"), session)], before)
    }

    #[test]
    fn a_session_is_unknown_ended_or_that_of_a_token() {
        let set = set(noon(), &SessionSet::default());
        let hash = TokenHash::of(b"a");
        assert_eq!(set.find(&TokenHash::of(b"b"), noon()), None);
        assert_eq!(set.find(&hash, noon()), Some(Some(TokenHash::of(b"token"))));
        assert_eq!(set.find(&hash, noon() + TimeDelta::hours(12)), Some(None));
    }

    #[test]
    fn a_use_keeps_a_session_before_it_is_noted() {
        let hash = TokenHash::of(b"a");
        let first = set(noon(), &SessionSet::default());
        let later = noon() + TimeDelta::hours(11);
        assert_eq!(first.unnoted_uses(), []);
        assert!(first.find(&hash, later).unwrap().is_some());
        assert_eq!(first.unnoted_uses(), [(hash, later)]);
        // The next read has not seen what was noted, and the one after that has.
        let next = set(noon(), &first);
        assert!(next.find(&hash, later + TimeDelta::hours(11)).unwrap().is_some());
        let noted = set(later + TimeDelta::hours(11), &next);
        assert_eq!(noted.unnoted_uses(), []);
        noted.find(&hash, later + TimeDelta::hours(11) + TimeDelta::seconds(29));
        assert_eq!(noted.unnoted_uses(), []);
        noted.find(&hash, later + TimeDelta::hours(11) + TimeDelta::seconds(30));
        assert_eq!(noted.unnoted_uses().len(), 1);
    }
}
