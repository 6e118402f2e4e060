use std::time::Duration;

use chrono::{DateTime, Utc};
use rocket::http::Header;
use rocket::response::Response;

use crate::domain::Stamp;

/// How current the rows of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// The rows contain every change up to this number, and perhaps some above it.
    pub change: i64,
    /// The upper bound of the replica's lag, if a replica was read.
    pub replica_lag: Option<Duration>,
    /// Until when all gates have sent their entries, if gates say so.
    pub complete_until: Option<DateTime<Utc>>,
}

impl Freshness {
    /// Of rows that the primary has.
    pub(crate) fn of_primary(change: i64) -> Self {
        Self { change, replica_lag: None, complete_until: None }
    }

    /// Sets `Rollcall-Change`, `Rollcall-Replica-Lag` in seconds, and `Rollcall-Complete-Until`.
    pub(crate) fn set_headers(self, response: &mut Response<'_>) {
        response.set_header(Header::new("Rollcall-Change", self.change.to_string()));
        if let Some(lag) = self.replica_lag {
            let seconds = format!("{:.3}", lag.as_secs_f64());
            response.set_header(Header::new("Rollcall-Replica-Lag", seconds));
        }
        if let Some(moment) = self.complete_until {
            let stamp = Stamp::utc(moment).as_str().to_owned();
            response.set_header(Header::new("Rollcall-Complete-Until", stamp));
        }
    }
}
