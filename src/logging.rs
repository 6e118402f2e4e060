//! Where log lines go: standard output, one line each, as text or as JSON.

use std::io::{IsTerminal, stdout};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Starts logging for the whole process. `json` is `None` for text on a terminal and JSON elsewhere.
pub fn start(filter: Targets, json: Option<bool>) {
    // Rocket logs three lines a request, with what clients sent in them. What counts of it (a
    // socket that cannot be accepted) is kept; all else of a request is in its access line.
    let quiet = [
        ("rocket", LevelFilter::OFF),
        ("hyper", LevelFilter::OFF),
        ("rocket_http::listener", LevelFilter::WARN),
    ];
    let filter = Targets::new()
        .with_targets(quiet)
        .with_targets(filter.iter())
        .with_default(filter.default_level().unwrap_or(LevelFilter::OFF));
    let layer = tracing_subscriber::fmt::layer();
    let layer = match json.unwrap_or_else(|| !stdout().is_terminal()) {
        true => {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        false => layer.with_ansi(stdout().is_terminal()).boxed(),
    };
    // Fails only if something else logs already, which then stays.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    // A disabled `log` line costs one comparison below this level, and a look-up above it.
    log::set_max_level(log::LevelFilter::Warn);

    // A panic's own words may hold what a client sent: the place is enough to find it.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "a defect: the program panicked");
    }));
}
