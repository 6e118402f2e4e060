use chrono::{DateTime, Utc};

use crate::domain::{Site, Stamp};

/// A moment in the site's time, in parts that a page arranges.
pub(super) struct ShownMoment {
    /// For programs: RFC 3339.
    pub stamp: String,
    /// `2019-06-24`
    pub date: String,
    /// `09:12`
    pub minutes: String,
    /// `09:12:21`
    pub seconds: String,
}

impl ShownMoment {
    pub(super) fn new(moment: DateTime<Utc>, site: &Site) -> Self {
        let offset = site.offset_at(moment);
        let local = moment.with_timezone(&offset);
        Self {
            stamp: Stamp::local(moment, offset).as_str().to_owned(),
            date: local.format("%Y-%m-%d").to_string(),
            minutes: local.format("%H:%M").to_string(),
            seconds: local.format("%H:%M:%S").to_string(),
        }
    }
}
