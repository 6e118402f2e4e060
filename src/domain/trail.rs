use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Amendment, Change, Correction, Entry, Erasure, Passage, Reason, State, StoredAmendment,
};

/// An entry, with everything that happened to its chain: the entries that it replaced and those that
/// replaced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    entry: Entry,
    /// All entries of the chain, this one included.
    entries: Vec<Entry>,
    amendments: Vec<StoredAmendment>,
    erasures: Vec<Erasure>,
}

/// What is to be stored for a request to amend an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<T> {
    Append(T),
    /// Nothing: the same request was stored before.
    Replay,
}

/// The replacement that a correction makes, and the amendment that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub passage: Passage,
    pub amendment: Amendment,
}

/// The reasons to refuse an amendment, in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAmendable {
    /// The `entry_id` of the replacement is used for something else.
    EntryIdReused,
    /// The entry is voided or replaced by another amendment.
    AlreadyAmended,
    /// The entry's names were erased.
    Erased,
    /// The correction changes nothing of an entry that stands.
    NothingToCorrect,
}

impl Trail {
    /// The trail of the entry `entry_id`, out of the entries, amendments and erasures of its chain in
    /// any order. `None` if it is not among them.
    pub fn new(
        entry_id: Uuid,
        entries: Vec<Entry>,
        amendments: Vec<StoredAmendment>,
        erasures: Vec<Erasure>,
    ) -> Option<Self> {
        let entry = entries.iter().find(|entry| entry.passage.entry_id == entry_id)?.clone();
        Some(Self { entry, entries, amendments, erasures })
    }

    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    pub fn state(&self) -> State {
        let last = self.own().max_by_key(|amendment| amendment.number);
        last.map_or(State::Stands, Amendment::state)
    }

    /// The entry that this one replaces.
    pub fn replaces(&self) -> Option<Uuid> {
        let id = Some(self.entry.passage.entry_id);
        let replaced = self.amendments.iter().find(|stored| stored.amendment.replacement == id)?;
        Some(replaced.amendment.entry_id)
    }

    /// All changes of the chain, oldest first.
    pub fn history(&self) -> Vec<Change> {
        let created = self.entries.iter().cloned().map(Change::Created);
        let amended = self.amendments.iter().cloned().map(Change::Amended);
        let erased = self.erasures.iter().copied().map(Change::Erased);
        let mut changes: Vec<_> = created.chain(amended).chain(erased).collect();
        changes.sort_by_key(Change::number);
        changes
    }

    /// The same trail after `stored`, which voids its entry.
    pub fn followed_by(mut self, stored: StoredAmendment) -> Self {
        self.amendments.push(stored);
        self
    }

    /// Whether exactly `amendment` is stored.
    pub fn has_amendment_of(&self, amendment: &Amendment) -> bool {
        self.own().any(|own| own == amendment)
    }

    /// The same, whatever the reasons are.
    pub fn has_amendment_except_for_reason(&self, amendment: &Amendment) -> bool {
        self.own()
            .any(|own| Amendment { reason: amendment.reason.clone(), ..own.clone() } == *amendment)
    }

    /// Whether the entry's names were erased. What a retry says cannot be compared with it any more.
    pub fn is_erased(&self) -> bool {
        let id = self.entry.passage.entry_id;
        self.erasures.iter().any(|erasure| erasure.entry_id == id)
    }

    /// The entry that replaces this one, if one does.
    pub fn replacement(&self) -> Option<&Entry> {
        let id = self.own().find_map(|amendment| amendment.replacement)?;
        self.entries.iter().find(|entry| entry.passage.entry_id == id)
    }

    /// What voiding the entry means. The same reason again is a replay, even if the entry was
    /// replaced since; once the reason is erased, any reason is.
    pub fn void(
        &self,
        reason: Reason,
        by: Option<String>,
        at: DateTime<Utc>,
    ) -> Result<Decision<Amendment>, NotAmendable> {
        let voided = self.own().find(|amendment| amendment.replacement.is_none());
        match (voided, self.state()) {
            (Some(voided), _) if self.is_erased() || voided.reason == reason => {
                Ok(Decision::Replay)
            }
            (None, State::Stands) if !self.is_erased() => {
                let entry_id = self.entry.passage.entry_id;
                let number = 1;
                let replacement = None;
                Ok(Decision::Append(Amendment { entry_id, number, replacement, reason, by, at }))
            }
            _ if self.is_erased() => Err(NotAmendable::Erased),
            _ => Err(NotAmendable::AlreadyAmended),
        }
    }

    /// What `correction`, which arrived at `at`, means. The same correction again is a replay, even
    /// if the entry was amended since; once the entry is erased, any correction with the `entry_id` of
    /// its replacement is. `is_used` says whether an entry with the `entry_id` of the
    /// replacement is stored.
    pub fn correct(
        &self,
        correction: &Correction,
        is_used: bool,
        by: Option<String>,
        at: DateTime<Utc>,
    ) -> Result<Decision<Replacement>, NotAmendable> {
        let old = &self.entry.passage;
        let passage = correction.apply(old, at);
        let stored = self.own().find(|amendment| amendment.replacement == Some(passage.entry_id));
        if let (Some(stored), Some(replacement)) = (stored, self.replacement()) {
            let is_same = self.is_erased()
                || (stored.reason == correction.reason
                    && replacement.passage.has_the_content_of(&passage));
            return if is_same { Ok(Decision::Replay) } else { Err(NotAmendable::EntryIdReused) };
        }
        if is_used {
            return Err(NotAmendable::EntryIdReused);
        }
        let number = match self.state() {
            _ if self.is_erased() => return Err(NotAmendable::Erased),
            State::Replaced => return Err(NotAmendable::AlreadyAmended),
            State::Stands if passage.has_the_content_of(old) => {
                return Err(NotAmendable::NothingToCorrect);
            }
            State::Stands => 1,
            State::Voided => 2,
        };
        let amendment = Amendment {
            entry_id: old.entry_id,
            number,
            replacement: Some(passage.entry_id),
            reason: correction.reason.clone(),
            by,
            at,
        };
        Ok(Decision::Append(Replacement { passage, amendment }))
    }

    /// The amendments of the entry itself.
    fn own(&self) -> impl Iterator<Item = &Amendment> {
        let id = self.entry.passage.entry_id;
        let amendments = self.amendments.iter().map(|stored| &stored.amendment);
        amendments.filter(move |amendment| amendment.entry_id == id)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{parse_correction, parse_submission};

    fn noon() -> DateTime<Utc> {
        "2019-06-24T12:00:00Z".parse().unwrap()
    }

    /// A store in memory, with the rule that it has to keep: one amendment for each number.
    #[derive(Default)]
    struct Book {
        entries: Vec<Entry>,
        amendments: Vec<StoredAmendment>,
        erasures: Vec<Erasure>,
        last: i64,
    }

    impl Book {
        fn number(&mut self) -> i64 {
            self.last += 1;
            self.last
        }

        fn create(&mut self) -> Uuid {
            let body = br#"{"firstname": "a", "lastname": "b", "gate": "A"}"#;
            let passage = parse_submission(body, &[], noon()).unwrap();
            let (id, entry_id) = (self.number(), passage.entry_id);
            self.entries.push(Entry { id, passage });
            entry_id
        }

        fn trail(&self, entry_id: Uuid) -> Trail {
            let (entries, amendments) = (self.entries.clone(), self.amendments.clone());
            Trail::new(entry_id, entries, amendments, self.erasures.clone()).unwrap()
        }

        fn amend(&mut self, amendment: Amendment) {
            let key = |amendment: &Amendment| (amendment.entry_id, amendment.number);
            let is_new = self.amendments.iter().all(|s| key(&s.amendment) != key(&amendment));
            assert!(is_new, "{amendment:?} has the number of another one");
            let change = self.number();
            self.amendments.push(StoredAmendment { change, amendment });
        }

        fn void(&mut self, id: Uuid, reason: &str) -> Result<(), NotAmendable> {
            let reason = Reason::parse(reason).unwrap();
            if let Decision::Append(amendment) = self.trail(id).void(reason, None, noon())? {
                self.amend(amendment);
            }
            Ok(())
        }

        fn correct(&mut self, id: Uuid, new: Uuid, gate: &str) -> Result<(), NotAmendable> {
            let body = format!(r#"{{"reason": "r", "gate": "{gate}", "entry_id": "{new}"}}"#);
            let at = noon() + TimeDelta::hours(1);
            let correction = parse_correction(body.as_bytes(), &[], at).unwrap();
            let is_used = self.entries.iter().any(|entry| entry.passage.entry_id == new);
            let decision = self.trail(id).correct(&correction, is_used, None, at)?;
            if let Decision::Append(Replacement { passage, amendment }) = decision {
                let id = self.number();
                self.entries.push(Entry { id, passage });
                self.amend(amendment);
            }
            Ok(())
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Void(u8),
        Correct(u8),
    }

    proptest! {
        /// Whatever is asked of whichever entry: one entry of the chain stands at most, whatever was
        /// done can be repeated without any effect, and the history is in order.
        #[test]
        fn a_chain_has_at_most_one_standing_entry(
            steps in proptest::collection::vec(
                (any::<proptest::sample::Index>(), prop_oneof![
                    (0..3u8).prop_map(Step::Void), (0..3u8).prop_map(Step::Correct),
                ]),
                0..12,
            ),
        ) {
            let mut book = Book::default();
            let mut ids = vec![book.create()];
            for (n, (index, step)) in steps.iter().enumerate() {
                let id = ids[index.index(ids.len())];
                let before = book.last;
                let new = Uuid::from_u128(n as u128 + 1);
                let ask = |book: &mut Book| match step {
                    Step::Void(reason) => book.void(id, &format!("reason {reason}")),
                    Step::Correct(gate) => book.correct(id, new, &format!("G{gate}")),
                };
                let outcome = ask(&mut book);
                let after = book.last;
                match outcome {
                    Ok(()) => prop_assert_eq!(ask(&mut book), Ok(()), "a repetition"),
                    Err(_) => prop_assert_eq!(after, before, "a refusal stores nothing"),
                }
                prop_assert_eq!(book.last, after, "a repetition stores nothing");
                ids = book.entries.iter().map(|entry| entry.passage.entry_id).collect();
                let standing = ids.iter().filter(|id| book.trail(**id).state() == State::Stands);
                prop_assert!(standing.count() <= 1);
                for pair in ids.windows(2) {
                    prop_assert_eq!(book.trail(pair[1]).replaces(), Some(pair[0]));
                    prop_assert_eq!(book.trail(pair[0]).state(), State::Replaced);
                }
                let numbers: Vec<_> = book.trail(id).history().iter().map(Change::number).collect();
                prop_assert_eq!(numbers, (1..=book.last).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_voided_entry_is_restored_by_a_correction_that_changes_nothing() {
        let mut book = Book::default();
        let (id, new) = (book.create(), Uuid::from_u128(1));
        assert_eq!(book.correct(id, new, "A"), Err(NotAmendable::NothingToCorrect));
        book.void(id, "x").unwrap();
        assert_eq!(book.correct(id, id, "A"), Err(NotAmendable::EntryIdReused));
        book.correct(id, new, "A").unwrap();
        assert_eq!(book.correct(id, new, "B"), Err(NotAmendable::EntryIdReused));
        assert_eq!(book.correct(id, Uuid::from_u128(2), "B"), Err(NotAmendable::AlreadyAmended));
        assert_eq!(book.void(id, "y"), Err(NotAmendable::AlreadyAmended));
        let restored = book.trail(new);
        assert_eq!((restored.state(), restored.replaces()), (State::Stands, Some(id)));
        assert!(restored.entry().passage.has_the_content_of(&book.trail(id).entry().passage));
    }

    #[test]
    fn an_erased_entry_answers_its_retries_and_cannot_be_amended() {
        let mut book = Book::default();
        let (stands, voided, replaced) = (book.create(), book.create(), book.create());
        let (new, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        book.void(voided, "x").unwrap();
        book.correct(replaced, new, "B").unwrap();
        for entry_id in [stands, voided, replaced, new] {
            let change = book.number();
            book.erasures.push(Erasure { change, entry_id, at: noon() });
        }
        let last = book.last;
        for id in [stands, replaced, new] {
            assert_eq!(book.void(id, "x"), Err(NotAmendable::Erased));
        }
        assert_eq!(book.void(voided, "a reason that cannot be compared"), Ok(()));
        assert_eq!(book.correct(replaced, new, "C"), Ok(()));
        assert_eq!(book.correct(stands, new, "B"), Err(NotAmendable::EntryIdReused));
        for id in [stands, voided, replaced, new] {
            assert_eq!(book.correct(id, other, "A"), Err(NotAmendable::Erased));
            assert!(book.trail(id).is_erased());
        }
        assert_eq!(book.last, last, "nothing is stored");
        let (history, numbers) = (book.trail(new).history(), book.last - 3..=book.last);
        assert_eq!(
            history[history.len() - 4..].iter().map(Change::number).collect::<Vec<_>>(),
            numbers.collect::<Vec<_>>()
        );
    }
}
