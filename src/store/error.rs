use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// The failures of a store, of the queue and of reads. The texts are for the log, never for a client.
///
/// Cloneable, because one failure may be the answer to many requests.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The queue is full. Nothing was recorded.
    #[error("the queue is full")]
    Busy,
    /// No answer in time. What was asked for may still happen.
    #[error("the store did not answer within {0:?}")]
    TimedOut(Duration),
    /// No connection, or it broke. A commit that was under way may have happened.
    #[error("the store cannot be reached")]
    Unreachable(#[source] Cause),
    /// The store lacks this migration, which the binary needs.
    #[error("the store has not been migrated: {0} is missing")]
    NotMigrated(String),
    /// The role that the service connects as lacks a privilege.
    #[error("the service's role lacks a privilege")]
    NotPermitted(#[source] Cause),
    /// The replica lags behind its primary by more than a sheet may, or its lag is unknown.
    #[error("the replica's lag is unknown or more than {} s", .0.as_secs())]
    Stale(Duration),
    /// Too many long reads are running for this one to go on. It is started again later.
    #[error("deferred, so that short reads can run")]
    Deferred,
    /// The store is there and refuses. A row that is recorded may be the cause, or the store's own
    /// trouble, such as a full disk.
    #[error("the store refused")]
    Refused(#[source] Cause),
    /// The store refuses a row, though it takes others.
    #[error("the store refuses this row")]
    RefusedRow(#[source] Cause),
    /// A sheet cannot be written to a temporary file.
    #[error("no temporary file can be written")]
    Unspooled(#[source] Cause),
    /// A defect of this program: a panic, or stored data that makes no sense.
    #[error("defect")]
    Defect(#[source] Cause),
}

/// The source of an error: a driver's error, or a text.
pub type Cause = Arc<dyn Error + Send + Sync>;

impl StoreError {
    pub fn unreachable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreachable(Arc::from(cause.into()))
    }

    pub fn not_permitted(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::NotPermitted(Arc::from(cause.into()))
    }

    pub fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Refused(Arc::from(cause.into()))
    }

    pub fn unspooled(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unspooled(Arc::from(cause.into()))
    }

    pub fn defect(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Defect(Arc::from(cause.into()))
    }
}
