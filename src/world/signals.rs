//! SIGINT, SIGTERM and SIGHUP, with which a runner or a terminal cancels the program.

use std::{io, sync::Arc, thread};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
};

use crate::clock::WakeSignal;

/// Starts a thread that cancels `wake` and calls `then` at the first signal. Later ones change nothing.
///
/// # Errors
/// When the handlers cannot be installed. Without them, a cancelled command would end without a report.
pub fn watch(wake: Arc<WakeSignal>, then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // A write beyond the file size limit must fail like a write to a full disk, instead of ending the process.
    flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut then = Some(then);
        for _ in signals.forever() {
            wake.cancel();
            if let Some(then) = then.take() {
                then();
            }
        }
    })?;
    Ok(())
}
