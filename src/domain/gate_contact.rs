use chrono::{DateTime, Utc};

use super::{GateReport, TokenName};

/// What a batch tells of the gate that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateContact {
    pub token: TokenName,
    /// When the batch was received.
    pub received_at: DateTime<Utc>,
    /// When the latest of its entries was received, if one is stored.
    pub last_entry: Option<DateTime<Utc>>,
    pub report: Option<GateReport>,
}
