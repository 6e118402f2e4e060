use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Direction, Text};

/// One person passing one gate at one moment: what a gate submits and what a store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Names this entry for good, so that a retry cannot record it twice.
    pub entry_id: Uuid,
    /// When the person passed: the moment that the gate sent, else the server's clock.
    pub login: DateTime<Utc>,
    /// When the server received it. Equals `login` if, and only if, the gate sent no moment.
    pub received_at: DateTime<Utc>,
    pub firstname: Text,
    pub lastname: Text,
    pub gate: Option<Text>,
    pub direction: Direction,
    /// A badge or staff number, which identifies the person better than names do.
    pub person_ref: Option<Text>,
}

impl Passage {
    /// Whether `other`, which has the same `entry_id`, is a retry of this passage: the same
    /// content, and the same moment or none in both.
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        self.occurred_at() == other.occurred_at() && self.has_the_same_members(other)
    }

    /// Whether `other`, which may have another `entry_id`, says the same: the same members and the
    /// same moment, named by the gate or not.
    pub fn has_the_content_of(&self, other: &Self) -> bool {
        self.login == other.login && self.has_the_same_members(other)
    }

    fn has_the_same_members(&self, other: &Self) -> bool {
        self.firstname == other.firstname
            && self.lastname == other.lastname
            && self.gate == other.gate
            && self.direction == other.direction
            && self.person_ref == other.person_ref
    }

    /// The moment that the gate sent, if it sent one.
    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        (self.login != self.received_at).then_some(self.login)
    }
}
