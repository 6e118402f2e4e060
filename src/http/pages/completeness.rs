use std::ops::Range;

use chrono::{DateTime, Utc};

use super::shown_moment::ShownMoment;
use crate::domain::{Gate, Site};

/// Until when the gates have sent their entries, for the page of a sheet.
pub(super) struct Completeness<'a> {
    pub until: Until,
    /// The gates that are silent, unless they have sent all entries of the day.
    pub silent: Vec<SilentGate<'a>>,
}

pub(super) enum Until {
    EndOfDay,
    Moment(BriefMoment),
}

pub(super) struct SilentGate<'a> {
    pub gate: &'a str,
    /// Tells the gate from others with the same name.
    pub token: Option<&'a str>,
    /// The last sign of life, if there was any.
    pub since: Option<BriefMoment>,
}

/// A moment that is shown without its date if that is today's.
pub(super) struct BriefMoment {
    pub moment: ShownMoment,
    pub has_date: bool,
}

impl<'a> Completeness<'a> {
    /// Of the sheet of the day that has these `instants`. `None` without gates that report.
    pub(super) fn of(
        gates: &'a [Gate],
        instants: &Range<DateTime<Utc>>,
        now: DateTime<Utc>,
        site: &Site,
    ) -> Option<Self> {
        let until = Gate::all_complete_until(gates)?;
        let brief = |moment| BriefMoment::new(moment, now, site);
        let silent = gates.iter().filter(|gate| gate.complete_until < instants.end);
        let silent = silent.filter(|gate| gate.is_silent(now)).map(|gate| {
            let is_other = |other: &Gate| other.gate == gate.gate && other.token != gate.token;
            SilentGate {
                gate: &gate.gate,
                token: gates.iter().any(is_other).then_some(&*gate.token),
                since: gate.last_contact.map(brief),
            }
        });
        let silent = silent.collect();
        let until = match until < instants.end {
            true => Until::Moment(brief(until)),
            false => Until::EndOfDay,
        };
        Some(Self { until, silent })
    }
}

impl BriefMoment {
    fn new(moment: DateTime<Utc>, now: DateTime<Utc>, site: &Site) -> Self {
        let moment = ShownMoment::new(moment, site);
        let has_date = moment.date != ShownMoment::new(now, site).date;
        Self { moment, has_date }
    }
}
