use std::time::Duration;

use crate::Result;

/// Uncounted, before the first round: caches fill and plans are made.
const WARM_UP: Duration = Duration::from_secs(1);

/// How often something is measured, and for how long each time.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    pub count: u32,
    pub time: Duration,
}

impl Rounds {
    /// Measures two things in turn, A B A B and so on, so that both see the same minute of the
    /// machine. Each is told how long to take.
    pub fn in_turn<A, B>(
        self,
        mut one: impl FnMut(Duration) -> Result<A>,
        mut other: impl FnMut(Duration) -> Result<B>,
    ) -> Result<(Vec<A>, Vec<B>)> {
        one(WARM_UP)?;
        other(WARM_UP)?;
        let mut measured = (Vec::new(), Vec::new());
        for _ in 0..self.count {
            measured.0.push(one(self.time)?);
            measured.1.push(other(self.time)?);
        }
        Ok(measured)
    }

    /// Measures one thing that has no baseline.
    pub fn measure<A>(self, one: impl FnMut(Duration) -> Result<A>) -> Result<Vec<A>> {
        Ok(self.in_turn(one, |_| Ok(()))?.0)
    }
}
