use chrono::{DateTime, Utc};

/// What a batch says of what its gate still holds beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateReport {
    /// How many entries; `None` if only the oldest of them is named.
    pub pending: Option<u64>,
    pub oldest_pending: Option<DateTime<Utc>>,
    pub completeness: Option<Completeness>,
}

/// Up to when a gate has sent all of its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completeness {
    /// By which the newest one is found: the gate's own clock, but not later than the receipt.
    pub made_at: DateTime<Utc>,
    /// No entry with an earlier `login` follows.
    pub until: DateTime<Utc>,
}

impl GateReport {
    /// The report in a batch that was received at `received_at`, if the batch has one.
    pub fn new(
        received_at: DateTime<Utc>,
        as_of: Option<DateTime<Utc>>,
        pending: Option<u64>,
        oldest_pending: Option<DateTime<Utc>>,
    ) -> Option<Self> {
        if as_of.is_none() && pending.is_none() && oldest_pending.is_none() {
            return None;
        }
        // A moment says that there is one, unless the number says that there is none.
        let oldest_pending = oldest_pending.filter(|_| pending != Some(0));
        let is_known = oldest_pending.is_some() || pending.unwrap_or(0) == 0;
        let completeness = as_of.filter(|_| is_known).map(|as_of| {
            let made_at = as_of.min(received_at);
            Completeness { made_at, until: oldest_pending.map_or(made_at, |at| at.min(made_at)) }
        });
        let pending = if oldest_pending.is_some() { pending } else { pending.or(Some(0)) };
        Some(Self { pending, oldest_pending, completeness })
    }

    /// The same while an entry with this `login`, which was in the batch, is not stored and may follow.
    pub fn still_holding(self, login: DateTime<Utc>) -> Self {
        let completeness = self
            .completeness
            .map(|complete| Completeness { until: complete.until.min(login), ..complete });
        Self { completeness, ..self }
    }

    /// The same while an entry is not stored and may follow whose moment is not known.
    pub fn promising_nothing(self) -> Self {
        Self { completeness: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_561_338_000 + minute * 60, 0).unwrap()
    }

    #[test]
    fn a_gate_is_complete_until_its_oldest_pending_entry_else_until_its_own_clock() {
        let received_at = at(10);
        for (as_of, pending, oldest, expected) in [
            (None, None, None, None),
            (Some(8), None, None, Some((Some(0), Some(8)))),
            (Some(8), Some(0), None, Some((Some(0), Some(8)))),
            (Some(8), Some(3), Some(2), Some((Some(3), Some(2)))),
            (Some(8), None, Some(2), Some((None, Some(2)))),
            // A clock that is ahead promises nothing about the future.
            (Some(99), None, None, Some((Some(0), Some(10)))),
            (Some(99), Some(1), Some(50), Some((Some(1), Some(10)))),
            (Some(8), Some(1), Some(9), Some((Some(1), Some(8)))),
            // It stays.
            (None, Some(0), None, Some((Some(0), None))),
            (None, Some(3), Some(2), Some((Some(3), None))),
            (Some(8), Some(3), None, Some((Some(3), None))),
            // The number says that there is no oldest one.
            (Some(8), Some(0), Some(2), Some((Some(0), Some(8)))),
        ] {
            let report = GateReport::new(received_at, as_of.map(at), pending, oldest.map(at));
            let found = report.map(|report| (report.pending, report.completeness.map(|c| c.until)));
            let expected = expected.map(|(pending, until)| (pending, until.map(at)));
            assert_eq!(found, expected, "{as_of:?} {pending:?} {oldest:?}");
        }
    }

    proptest! {
        #[test]
        fn completeness_is_never_later_than_what_the_gate_or_the_server_knows(
            received_at in 0i64..100,
            as_of in proptest::option::of(0i64..100),
            pending in proptest::option::of(0u64..3),
            oldest in proptest::option::of(0i64..100),
            login in 0i64..100,
        ) {
            let report = GateReport::new(at(received_at), as_of.map(at), pending, oldest.map(at));
            let Some(report) = report else { return Ok(()) };
            let Some(complete) = report.completeness else { return Ok(()) };
            let as_of = at(as_of.unwrap());
            prop_assert!(complete.until <= at(received_at));
            prop_assert!(complete.until <= as_of);
            prop_assert!(complete.made_at <= at(received_at) && complete.made_at <= as_of);
            if let Some(oldest) = report.oldest_pending {
                prop_assert!(complete.until <= oldest);
            }
            prop_assert!(pending.unwrap_or(0) == 0 || report.oldest_pending.is_some());
            let held = report.still_holding(at(login)).completeness.unwrap();
            prop_assert_eq!(held.until, complete.until.min(at(login)));
        }
    }
}
