//! SIGINT, SIGTERM and SIGHUP: the runner's way to cancel a step, and a terminal's.

use std::{io, sync::Arc, thread};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
};

use crate::clock::WakeSignal;

/// Cancels the bell and calls `then` at every signal.
///
/// # Errors
/// When the handlers cannot be installed: without them a cancelled command would end without a report.
pub fn watch(wake: Arc<WakeSignal>, then: impl Fn() + Send + 'static) -> io::Result<()> {
    // A file larger than the machine allows is an error of that write, as a full disk is, and not the end of the process.
    flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            wake.cancel();
            then();
        }
    })?;
    Ok(())
}
