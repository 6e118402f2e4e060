use crate::run::Run;
use crate::statistics::median;

/// One line of the table: what was measured in every round, beside its baseline.
pub struct Figure {
    what: String,
    unit: Unit,
    rollcall: Vec<f64>,
    /// Of the same rounds; empty if there is none.
    baseline: Vec<f64>,
    bound: Option<Bound>,
}

#[derive(Clone, Copy)]
pub enum Unit {
    PerSecond,
    Milliseconds,
    /// Millions of bytes.
    Megabytes,
    /// The baseline.
    Times,
}

/// What is asked of the ratio to the baseline, or of the figure itself if it has none.
#[derive(Clone, Copy)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    /// A figure beside the baseline of the same rounds.
    pub fn compared(
        what: impl Into<String>,
        unit: Unit,
        rollcall: Vec<f64>,
        baseline: Vec<f64>,
        bound: Option<Bound>,
    ) -> Self {
        Self { what: what.into(), unit, rollcall, baseline, bound }
    }

    /// A figure that stands for itself.
    pub fn alone(
        what: impl Into<String>,
        unit: Unit,
        rollcall: Vec<f64>,
        bound: Option<Bound>,
    ) -> Self {
        Self::compared(what, unit, rollcall, Vec::new(), bound)
    }

    /// The rates of creates.
    pub fn rates(
        what: impl Into<String>,
        rollcall: &[Run],
        baseline: &[Run],
        bound: Option<Bound>,
    ) -> Self {
        let rates = |runs: &[Run]| runs.iter().map(|run| run.rate).collect();
        Self::compared(what, Unit::PerSecond, rates(rollcall), rates(baseline), bound)
    }

    /// The median latencies of creates.
    pub fn medians(
        what: impl Into<String>,
        rollcall: &[Run],
        baseline: &[Run],
        bound: Option<Bound>,
    ) -> Self {
        let medians = |runs: &[Run]| runs.iter().filter_map(Run::median_ms).collect();
        Self::compared(what, Unit::Milliseconds, medians(rollcall), medians(baseline), bound)
    }

    pub fn what(&self) -> &str {
        &self.what
    }

    /// Whether the bound is met, if there is one.
    pub fn is_met(&self) -> Option<bool> {
        let ratios = self.ratios();
        let figure = median(if ratios.is_empty() { &self.rollcall } else { &ratios });
        self.bound.map(|bound| match bound {
            Bound::AtLeast(floor) => figure >= floor,
            Bound::AtMost(ceiling) => figure <= ceiling,
        })
    }

    /// The ratio of each round, because a round and its baseline saw the same minute. None without
    /// a baseline.
    fn ratios(&self) -> Vec<f64> {
        self.rollcall.iter().zip(&self.baseline).map(|(ours, theirs)| ours / theirs).collect()
    }

    pub const HEADING: [&str; 7] =
        ["what", "rollcall", "baseline", "ratio", "its rounds", "bound", ""];

    /// Its line, in the columns of [`HEADING`](Self::HEADING).
    pub fn cells(&self) -> [String; 7] {
        let ratios = self.ratios();
        let unit = if ratios.is_empty() { self.unit } else { Unit::Times };
        [
            self.what.clone(),
            self.unit.show_median(&self.rollcall),
            self.unit.show_median(&self.baseline),
            Unit::Times.show_median(&ratios),
            unit.show_spread(if ratios.is_empty() { &self.rollcall } else { &ratios }),
            match self.bound {
                Some(Bound::AtLeast(floor)) => format!("at least {floor}{}", unit.name()),
                Some(Bound::AtMost(ceiling)) => format!("at most {ceiling}{}", unit.name()),
                None => String::new(),
            },
            match self.is_met() {
                Some(true) => "met".to_owned(),
                Some(false) => "FELL SHORT".to_owned(),
                None => String::new(),
            },
        ]
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Milliseconds => " ms",
            Self::Megabytes => " MB",
            Self::Times => "x",
        }
    }

    /// As many digits as mean something.
    fn digits(self, figure: f64) -> String {
        match self {
            Self::PerSecond => format!("{figure:.0}"),
            Self::Milliseconds => format!("{figure:.3}"),
            Self::Megabytes => format!("{figure:.1}"),
            Self::Times => format!("{figure:.2}"),
        }
    }

    /// Nothing of none.
    fn show_median(self, figures: &[f64]) -> String {
        match figures {
            [] => String::new(),
            figures => self.digits(median(figures)) + self.name(),
        }
    }

    /// From the least to the most.
    fn show_spread(self, figures: &[f64]) -> String {
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{} to {}", self.digits(least), self.digits(most))
    }
}
