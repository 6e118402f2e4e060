use std::io;
use std::process::exit;
use std::thread;

use tokio::runtime;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the next SIGTERM or SIGINT, to its number. From now on neither signal ends the process
/// by itself.
///
/// Must be called within a runtime.
pub(super) fn stop_signal() -> io::Result<impl Future<Output = i32>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        select! {
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    })
}

/// Lets SIGTERM and SIGINT end the process at once, with the exit status that a shell gives them. That
/// is their default, except for the first process of a container.
pub(super) fn end_at_signals() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = runtime.block_on(async { stop_signal() })?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        exit(128 + runtime.block_on(stop));
    })?;
    Ok(())
}
