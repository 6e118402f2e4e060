use super::Passage;

/// A passage as a store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The store's own number. It grows with each entry, and is never used again.
    pub id: i64,
    pub passage: Passage,
}

/// The outcome of recording a [`Passage`], once its transaction is committed and flushed to disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is new.
    Created(Entry),
    /// It is a retry; the entry was stored before.
    Replayed(Entry),
    /// Its `entry_id` names an entry with other content. Nothing was stored.
    Reused,
}
