use std::io::{IsTerminal, stdout};
use std::sync::OnceLock;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use super::access_log::{self, AccessFormat, AccessLog};

static ACCESS_LOG: OnceLock<AccessLog> = OnceLock::new();

/// Starts logging for the whole process. `json` is `None` for text on a terminal and JSON elsewhere.
pub fn start(filter: Targets, json: Option<bool>) {
    // Rocket and hyper log what clients sent. The access line has what is needed of a request.
    // Rocket's macros add a warning to each handler whose guard refuses a request.
    let quiet = ["rocket", "hyper", "rollcall::http::api"].map(|target| (target, LevelFilter::OFF));
    let filter = Targets::new()
        .with_targets(quiet)
        .with_targets(filter.iter())
        .with_default(filter.default_level().unwrap_or(LevelFilter::OFF));
    let is_json = json.unwrap_or_else(|| !stdout().is_terminal());
    let layer = tracing_subscriber::fmt::layer();
    let layer = match is_json {
        true => {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        false => layer.with_ansi(stdout().is_terminal()).boxed(),
    };
    // Fails only if something else logs already, which then stays.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    // Rocket and hyper log each request through the `log` crate at lower levels. This skips their
    // lines before the filter is asked.
    log::set_max_level(log::LevelFilter::Warn);
    let format = if is_json { AccessFormat::Json } else { AccessFormat::Text };
    ACCESS_LOG.get_or_init(|| AccessLog::start(format));

    // A panic's message may contain what a client sent. Its location is enough to find it.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "a defect: the program panicked");
    }));
}

/// Writes an access line, unless the filter excludes it. `write` appends the message and the fields
/// in the given format.
pub fn access(write: impl FnOnce(AccessFormat, &mut Vec<u8>)) {
    if let Some(log) = ACCESS_LOG.get()
        && tracing::enabled!(target: access_log::TARGET, Level::INFO)
    {
        log.push(write);
    }
}

/// Writes the access lines that are still buffered. For the end of the process.
pub fn finish() {
    if let Some(log) = ACCESS_LOG.get() {
        log.flush();
    }
}
