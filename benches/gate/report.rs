use std::fmt;
use std::time::Duration;

use crate::figure::Figure;
use crate::run::Run;
use crate::statistics::median;
use crate::table::aligned;

/// All that was measured.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
    costs: Vec<Cost>,
}

/// What creates cost in some rounds of the same kind.
struct Cost {
    who: String,
    runs: Vec<Run>,
}

impl Report {
    pub fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Latency and processor time of creates by `who`.
    pub fn cost(&mut self, who: impl Into<String>, runs: Vec<Run>) {
        self.costs.push(Cost { who: who.into(), runs });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut figures = vec![Figure::HEADING.map(str::to_owned)];
        figures.extend(self.figures.iter().map(Figure::cells));
        let mut costs = vec![Cost::HEADING.map(str::to_owned)];
        costs.extend(self.costs.iter().map(Cost::cells));
        writeln!(f, "{}\n{}", aligned(&figures), aligned(&costs))?;

        let bounds = self.figures.iter().filter(|figure| figure.is_met().is_some()).count();
        let short: Vec<&str> = self
            .figures
            .iter()
            .filter(|figure| figure.is_met() == Some(false))
            .map(Figure::what)
            .collect();
        match short.len() {
            0 => writeln!(f, "All {bounds} bounds were met."),
            n => writeln!(f, "{n} of {bounds} bounds FELL SHORT: {}.", short.join("; ")),
        }
    }
}

impl Cost {
    const HEADING: [&str; 6] = [
        "one create",
        "p50 latency",
        "p99 latency",
        "service's CPU",
        "PostgreSQL's CPU",
        "client's CPU",
    ];

    fn cells(&self) -> [String; 6] {
        let milliseconds = |pick: fn(&Run) -> Option<Duration>| {
            self.median_micros(pick).map(|us| format!("{:.3} ms", us / 1e3)).unwrap_or_default()
        };
        let microseconds = |pick: fn(&Run) -> Option<Duration>| {
            self.median_micros(pick).map(|us| format!("{us:.1} us")).unwrap_or_default()
        };
        [
            self.who.clone(),
            milliseconds(|run| run.median),
            milliseconds(|run| run.p99),
            microseconds(|run| run.service),
            microseconds(|run| run.database),
            microseconds(|run| Some(run.client)),
        ]
    }

    /// The median over the rounds in microseconds, if it was measured in all of them.
    fn median_micros(&self, pick: impl Fn(&Run) -> Option<Duration>) -> Option<f64> {
        let micros: Option<Vec<f64>> =
            self.runs.iter().map(|run| pick(run).map(|time| time.as_secs_f64() * 1e6)).collect();
        micros.map(|micros| median(&micros))
    }
}
