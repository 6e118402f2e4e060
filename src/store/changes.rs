use super::StoreError;
use crate::domain::Change;

/// Reads the history of all entries.
pub trait Changes {
    /// Opens a connection that finds out which changes are settled.
    fn follower(&self) -> Result<Box<dyn Follower>, StoreError>;

    /// The changes with numbers above `after` and up to `settled`, in order, `limit` at most.
    fn changes(&self, after: i64, settled: i64, limit: u16) -> Result<Vec<Change>, StoreError>;
}

/// One connection that follows the numbers of changes; used by one thread. After an error it must
/// not be used again, and what its looks found does not count for another connection, which may
/// reach another server.
pub trait Follower {
    /// Looks at the numbers once.
    fn look(&mut self) -> Result<Look, StoreError>;
}

/// The state of the numbers at one moment.
///
/// A number is drawn before its transaction commits, so numbers can become visible out of order.
/// Every number up to `highest` belongs to a transaction that has ended and is visible to every
/// later snapshot, that was rolled back, or that is one of `writers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The highest number that was ever drawn.
    pub drawn: i64,
    /// The highest visible number.
    pub highest: i64,
    /// The transactions that may have drawn numbers and had not ended, asked for after `highest`.
    pub writers: Vec<OpenWriter>,
}

/// A transaction that has drawn numbers, or is about to, and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenWriter {
    /// Never used again for another transaction of the same server.
    pub name: String,
    /// Whether it is prepared for a two-phase commit. Preparing it may change its name.
    pub is_prepared: bool,
}
