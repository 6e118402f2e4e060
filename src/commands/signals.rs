use std::io;
use std::process::exit;
use std::thread;

use rocket::tokio::runtime;
use rocket::tokio::select;
use rocket::tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT from now on, as its number. From now on neither ends the
/// process by itself any more.
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

/// Lets SIGTERM and SIGINT end the process at once, whatever it is doing, with the exit status that
/// a shell gives to them. That is what they do anyway, but not to the first process of a container.
pub(super) fn end_at_signals() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = runtime.block_on(async { stop_signal() })?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        exit(128 + runtime.block_on(stop));
    })?;
    Ok(())
}
