use super::{
    Amendments, Changes, Entries, Erasing, Forwards, Gates, Replication, Sessions, Tokens,
    Versioned,
};

/// A database, by what it can do. All calls block, and any number of threads may make them.
pub trait Store:
    Entries
    + Amendments
    + Changes
    + Erasing
    + Versioned
    + Tokens
    + Sessions
    + Gates
    + Send
    + Sync
    + 'static
{
    /// `postgres` or `embedded`, for people and programs.
    fn kind(&self) -> &'static str;

    /// Where this store can have replicas, its position in their log.
    fn replication(&self) -> Option<&dyn Replication> {
        None
    }

    /// Where a gate agent can have this store, what it needs.
    fn forwards(&self) -> Option<&dyn Forwards> {
        None
    }
}
