use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::domain::TokenName;
use crate::store::{Store, StoreError};

/// When the last entries of gates were received that came one by one and not in batches. They are kept here
/// until they are noted in the store, many together, so that no create pays for it.
#[derive(Default)]
pub(super) struct LastEntries(Mutex<BTreeMap<TokenName, DateTime<Utc>>>);

impl LastEntries {
    /// An entry is stored that was sent with the token.
    pub(super) fn add(&self, token: &TokenName, received_at: DateTime<Utc>) {
        // No panic can happen while the lock is held.
        let mut unnoted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match unnoted.get_mut(token) {
            Some(last) => *last = received_at.max(*last),
            None => drop(unnoted.insert(token.clone(), received_at)),
        }
    }

    /// Notes them in the store, or keeps them for the next time.
    pub(super) fn note_in(&self, store: &dyn Store) -> Result<(), StoreError> {
        let entries = self.take();
        if entries.is_empty() {
            return Ok(());
        }
        store.note_entries(&entries).inspect_err(|_| {
            entries.iter().for_each(|(token, at)| self.add(token, *at));
        })
    }

    /// By ascending names of the tokens.
    fn take(&self) -> Vec<(TokenName, DateTime<Utc>)> {
        let mut unnoted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *unnoted).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_each_token_is_kept_until_it_is_taken() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let [a, b] = ["a", "b"].map(|name| TokenName::parse(name).unwrap());
        let last = LastEntries::default();
        for (token, second) in [(&b, 1), (&a, 2), (&b, 4), (&b, 3)] {
            last.add(token, at(second));
        }
        assert_eq!(last.take(), [(a, at(2)), (b, at(4))]);
        assert_eq!(last.take(), []);
    }
}
