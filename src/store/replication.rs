use super::StoreError;

/// A store whose log replicas follow.
pub trait Replication {
    /// How far this server's log goes, by which a replica can be compared with its primary.
    fn position(&self) -> Result<Position, StoreError>;
}

/// A position in a log. Servers at the same or a higher position have the same entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub bytes: i64,
    /// Whether the server is a replica, which only replays what its primary recorded.
    pub is_replica: bool,
}
