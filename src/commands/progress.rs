use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::console::eprint_line;

/// The progress of a command: a bar on a terminal, else a line for each tenth.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn of(total: u64) -> Self {
        // The template is a constant and is valid.
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn advance(&self, entries: usize) {
        // There may be more than were counted at first, if gates keep posting.
        let total = self.0.length().unwrap_or(0).max(self.0.position() + entries as u64);
        let tenth = |done: u64| (done * 10).checked_div(total);
        let before = self.0.position();
        self.0.inc(entries as u64);
        if !std::io::stderr().is_terminal() && tenth(before) != tenth(self.0.position()) {
            eprint_line(&format!("{} of {total} entries", self.0.position()));
        }
    }

    /// Writes a line without disturbing the bar.
    pub(super) fn say(&self, line: &str) {
        self.0.suspend(|| eprint_line(line));
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
