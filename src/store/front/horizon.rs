use std::time::Instant;

use crate::store::{Look, OpenWriter};

/// How far changes are settled, by looks that follow each other on one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Horizon {
    settled: i64,
    as_of: Option<Instant>,
    pending: Option<Pending>,
}

/// A number that is settled once these transactions have ended.
#[derive(Debug, Clone)]
struct Pending {
    number: i64,
    writers: Vec<OpenWriter>,
    since: Instant,
}

impl Horizon {
    /// No change with this number or a lower one can appear any more: what a snapshot that is taken
    /// from now on does not show was rolled back.
    pub(super) fn settled(&self) -> i64 {
        self.settled
    }

    /// A moment: every change that was visible then is settled.
    pub(super) fn as_of(&self) -> Option<Instant> {
        self.as_of
    }

    /// Since when open transactions hold up changes that are visible.
    pub(super) fn held_up_since(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.since)
    }

    /// Takes in a look that began at `at`, after the one before it had ended.
    pub(super) fn see(&mut self, look: &Look, at: Instant) {
        if look.highest < self.settled {
            // Rows are never deleted, so this is another history.
            *self = Self::default();
        }
        if let Some(over) = self.pending.take_if(|pending| pending.is_over(look)) {
            self.settle(over.number, over.since);
        }
        if self.pending.is_some() {
            return;
        }
        if look.highest <= self.settled || look.writers.is_empty() {
            return self.settle(look.highest, at);
        }
        let (number, writers) = (look.highest, look.writers.clone());
        self.pending = Some(Pending { number, writers, since: at });
    }

    fn settle(&mut self, number: i64, as_of: Instant) {
        self.settled = number;
        self.as_of = Some(as_of);
    }
}

impl Pending {
    /// Whether all of its transactions have ended.
    fn is_over(&mut self, look: &Look) -> bool {
        let before = self.writers.len();
        self.writers.retain(|writer| look.writers.contains(writer));
        if self.writers.len() < before {
            // One that is not there any more has ended, or was prepared and has another name now.
            for writer in look.writers.iter().filter(|writer| writer.is_prepared) {
                if !self.writers.contains(writer) {
                    self.writers.push(writer.clone());
                }
            }
        }
        self.writers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn look(highest: i64, writers: &[&str]) -> Look {
        let writer =
            |name: &&str| OpenWriter { name: (*name).into(), is_prepared: name.starts_with("-1/") };
        Look { drawn: highest, highest, writers: writers.iter().map(writer).collect() }
    }

    /// The settled number after each of the looks.
    fn settled(looks: &[(i64, &[&str])]) -> Vec<i64> {
        let mut horizon = Horizon::default();
        let see = |(highest, writers): &(i64, &[&str])| {
            horizon.see(&look(*highest, writers), Instant::now());
            horizon.settled()
        };
        looks.iter().map(see).collect()
    }

    #[test]
    fn a_number_is_settled_when_the_writers_of_its_look_have_ended() {
        assert_eq!(settled(&[(0, &[]), (5, &[]), (5, &["1/1"])]), [0, 5, 5]);
        let looks: &[(i64, &[&str])] =
            &[(5, &["1/1", "2/1"]), (7, &["2/1", "3/1"]), (8, &["3/1"]), (9, &["4/1"])];
        assert_eq!(settled(looks), [0, 0, 5, 8]);
    }

    #[test]
    fn a_writer_that_is_prepared_under_another_name_is_still_waited_for() {
        let looks: &[(i64, &[&str])] =
            &[(5, &["1/1"]), (6, &["-1/700"]), (6, &["-1/700"]), (6, &[])];
        assert_eq!(settled(looks), [0, 0, 0, 6]);
    }

    #[test]
    fn another_history_starts_over() {
        assert_eq!(settled(&[(9, &[]), (4, &["1/1"]), (4, &[])]), [9, 0, 4]);
    }

    #[test]
    fn it_is_known_as_of_when_changes_are_settled_and_since_when_they_are_held_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut horizon = Horizon::default();
        for (seconds, highest, writers, as_of, held_up_since) in [
            (0, 5, &["1/1"][..], None, Some(0)),
            (1, 6, &["1/1", "2/1"], None, Some(0)),
            (2, 6, &["2/1"], Some(0), Some(2)),
            (3, 6, &[], Some(3), None),
            // Nothing visible is above the settled number.
            (4, 6, &["3/1"], Some(4), None),
        ] {
            horizon.see(&look(highest, writers), at(seconds));
            assert_eq!(horizon.as_of(), as_of.map(at), "{seconds}");
            assert_eq!(horizon.held_up_since(), held_up_since.map(at), "{seconds}");
        }
    }

    /// What one of some writers does next, or the follower.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Begin(usize),
        Draw(usize),
        Prepare(usize),
        Commit(usize),
        RollBack(usize),
        /// The first half of a look, which finds the highest visible number.
        FindHighest,
        /// The second half, which finds the writers.
        FindWriters,
    }

    #[derive(Debug, Default)]
    struct Writer {
        name: String,
        drawn: Vec<i64>,
    }

    fn step() -> impl Strategy<Value = Step> {
        let writer = 0..4_usize;
        prop_oneof![
            writer.clone().prop_map(Step::Begin),
            writer.clone().prop_map(Step::Begin),
            writer.clone().prop_map(Step::Draw),
            writer.clone().prop_map(Step::Draw),
            writer.clone().prop_map(Step::Prepare),
            writer.clone().prop_map(Step::Commit),
            writer.clone().prop_map(Step::Commit),
            writer.prop_map(Step::RollBack),
            Just(Step::FindHighest),
            Just(Step::FindWriters),
            Just(Step::FindWriters),
        ]
    }

    proptest! {
        #[test]
        fn no_number_below_the_settled_one_appears_later(
            steps in proptest::collection::vec(step(), 1..300)
        ) {
            let (mut horizon, mut open) = (Horizon::default(), Vec::<Option<Writer>>::new());
            open.resize_with(4, || None);
            let (mut drawn, mut begun, mut visible, mut found) = (0, 0, 0, None);
            for step in steps {
                match step {
                    Step::Begin(i) if open[i].is_none() => {
                        begun += 1;
                        open[i] = Some(Writer { name: format!("{i}/{begun}"), drawn: Vec::new() });
                    }
                    Step::Draw(i) => if let Some(writer) = &mut open[i]
                        && !writer.name.starts_with("-1/")
                    {
                        drawn += 1;
                        writer.drawn.push(drawn);
                    },
                    Step::Prepare(i) => if let Some(writer) = &mut open[i] {
                        begun += 1;
                        writer.name = format!("-1/{begun}");
                    },
                    Step::Commit(i) => if let Some(writer) = open[i].take() {
                        let settled = horizon.settled();
                        prop_assert!(writer.drawn.iter().all(|number| *number > settled));
                        visible = writer.drawn.into_iter().fold(visible, i64::max);
                    },
                    Step::RollBack(i) => open[i] = None,
                    Step::FindHighest => found = Some(visible),
                    Step::FindWriters => if let Some(highest) = found.take() {
                        let names: Vec<_> = open.iter().flatten().map(|w| &*w.name).collect();
                        horizon.see(&look(highest, &names), Instant::now());
                    },
                    Step::Begin(_) => {}
                }
            }
            // Once nobody writes, a look settles everything.
            for writer in open.into_iter().flatten() {
                visible = writer.drawn.into_iter().fold(visible, i64::max);
            }
            horizon.see(&look(visible, &[]), Instant::now());
            prop_assert_eq!(horizon.settled(), visible);
            prop_assert_eq!(horizon.held_up_since(), None);
        }
    }
}
