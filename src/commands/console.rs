use std::io::{self, Write};

/// Writes a line to standard output. A closed pipe is ignored, so that the command goes on.
pub(super) fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes a line to standard error, as [`print_line`] does.
pub(super) fn eprint_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
