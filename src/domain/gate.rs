use chrono::{DateTime, TimeDelta, Utc};

use super::{Text, TokenName};

/// After which time without a sign of life a gate counts as silent.
const SILENT_AFTER: TimeDelta = TimeDelta::minutes(2);

/// A gate, by the valid token that is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    pub gate: Text,
    pub token: TokenName,
    /// When the token was made. Before the first report the gate is complete until then.
    pub since: DateTime<Utc>,
    /// When the last request, and the last entry in a batch, were received.
    pub last_contact: Option<DateTime<Utc>>,
    pub last_entry: Option<DateTime<Utc>>,
    /// What the gate still holds, by its newest report.
    pub pending: Option<u64>,
    pub oldest_pending: Option<DateTime<Utc>>,
    /// No entry with an earlier `login` follows from this gate.
    pub complete_until: DateTime<Utc>,
}

impl Gate {
    /// By the names of the gates, then by those of the tokens.
    pub fn in_order(mut gates: Vec<Self>) -> Vec<Self> {
        gates.sort_by(|one, other| (&*one.gate, &*one.token).cmp(&(&*other.gate, &*other.token)));
        gates
    }

    /// Whether the gate gives no sign of life at `now`.
    pub fn is_silent(&self, now: DateTime<Utc>) -> bool {
        now - self.last_contact.unwrap_or(self.since) > SILENT_AFTER
    }

    /// Until when all of these gates are complete; `None` without any.
    pub fn all_complete_until(gates: &[Self]) -> Option<DateTime<Utc>> {
        gates.iter().map(|gate| gate.complete_until).min()
    }
}
