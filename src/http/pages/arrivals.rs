use crate::domain::{DaySummary, Passages, Site};

/// The height of the tallest bar, in the units of the drawing.
const HEIGHT: u64 = 80;

/// The width of an hour, and of its bar.
const STEP: u64 = 20;
const BAR: u64 = 14;

/// The people who passed in each hour, as a drawing and as a table.
pub(super) struct Arrivals {
    pub bars: Vec<Bar>,
    pub width: u64,
    pub most: u64,
}

pub(super) struct Bar {
    /// `08:00`
    pub hour: String,
    pub passages: Passages,
    pub x: u64,
    pub middle: u64,
    pub width: u64,
    pub ins_y: u64,
    pub ins_height: u64,
    pub outs_y: u64,
    pub outs_height: u64,
    /// Whether the axis names it.
    pub is_named: bool,
}

impl Arrivals {
    pub(super) fn of(summary: &DaySummary, site: &Site) -> Self {
        let most = summary.hours.iter().map(|hour| hour.total()).max().unwrap_or(0);
        let hours = summary.hours.iter().zip(summary.hour_starts()).enumerate();
        let bars = hours.map(|(index, (&passages, start))| {
            // A few people are seen too.
            let height = |count: u64| match count {
                0 => 0,
                count => (count * HEIGHT / most.max(1)).max(1),
            };
            let (ins_height, outs_height) = (height(passages.ins), height(passages.outs));
            let x = index as u64 * STEP + (STEP - BAR) / 2;
            Bar {
                hour: site.time_at(start).format("%H:%M").to_string(),
                passages,
                x,
                middle: x + BAR / 2,
                width: BAR,
                ins_y: HEIGHT.saturating_sub(ins_height),
                ins_height,
                outs_y: HEIGHT.saturating_sub(ins_height + outs_height),
                outs_height,
                is_named: index % 3 == 0,
            }
        });
        Self { bars: bars.collect(), width: summary.hours.len() as u64 * STEP, most }
    }
}
