use chrono::{DateTime, Utc};

use super::{GateReport, TokenName};

/// What a request tells of the gate that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateContact {
    pub token: TokenName,
    /// When the request was received.
    pub received_at: DateTime<Utc>,
    /// When the latest of its entries was received, if one is stored.
    pub last_entry: Option<DateTime<Utc>>,
    pub report: Option<GateReport>,
}

impl GateContact {
    /// An entry of its own, which says nothing else of the gate.
    pub fn of_entry(token: TokenName, received_at: DateTime<Utc>) -> Self {
        Self { token, received_at, last_entry: Some(received_at), report: None }
    }
}
