use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::console::eprint_line;

/// The progress of a command: a bar on a terminal, else a line for each tenth.
pub(super) struct Progress {
    bar: ProgressBar,
    unit: &'static str,
}

impl Progress {
    /// Of a number of entries.
    pub(super) fn of(total: u64) -> Self {
        Self::with_template(total, "entries", "{bar:40} {pos}/{len} entries, {eta} left")
    }

    /// Of a file of so many bytes.
    pub(super) fn of_bytes(total: u64) -> Self {
        Self::with_template(total, "bytes", "{bar:40} {bytes}/{total_bytes}, {eta} left")
    }

    fn with_template(total: u64, unit: &'static str, template: &str) -> Self {
        // The template is one of ours and is valid.
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, unit }
    }

    pub(super) fn advance(&self, entries: usize) {
        self.advance_to(self.bar.position() + entries as u64);
    }

    /// So much is done in all.
    pub(super) fn advance_to(&self, done: u64) {
        // There may be more than were counted at first, if gates keep posting.
        let total = self.bar.length().unwrap_or(0).max(done);
        let tenth = |done: u64| (done * 10).checked_div(total);
        let before = self.bar.position();
        self.bar.set_position(done);
        if !std::io::stderr().is_terminal() && tenth(before) != tenth(done) {
            eprint_line(&format!("{done} of {total} {}", self.unit));
        }
    }

    /// Writes a line without disturbing the bar.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| eprint_line(line));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
