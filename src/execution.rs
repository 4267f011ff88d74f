//! The running state of one command: clock, wake signal, partial report, writes in flight, dry-run.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    clock::{Clock, WakeSignal, rfc3339},
    report::partial::PartialReport,
};

/// Shared by a command, the two loops and the supervisor. Cheap to clone.
#[derive(Clone)]
pub struct Execution {
    pub clock: Arc<dyn Clock>,
    pub wake: Arc<WakeSignal>,
    pub partial: PartialReport,
    pub dry_run: bool,
    pub writes: WritesInFlight,
}

impl Execution {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, partial: PartialReport) -> Self {
        Self { clock, wake: Arc::default(), partial, dry_run: false, writes: WritesInFlight::default() }
    }

    /// The current time in RFC 3339, as findings and reports record it.
    #[must_use]
    pub fn wall(&self) -> String {
        rfc3339(self.clock.wall())
    }
}

/// How many writes are in flight.
#[derive(Clone, Default)]
pub struct WritesInFlight(Arc<AtomicUsize>);

impl WritesInFlight {
    /// Until the guard is dropped, a signal waits for the outcome of the write instead of ending the process.
    #[must_use]
    pub fn begin(&self) -> WriteInFlight {
        self.0.fetch_add(1, Ordering::AcqRel);
        WriteInFlight(Arc::clone(&self.0))
    }

    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

/// A write in flight.
pub struct WriteInFlight(Arc<AtomicUsize>);

impl Drop for WriteInFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{clock::tests::LeapClock, report::Report};

    /// An execution whose clock leaps.
    pub fn test_execution() -> Execution {
        Execution::new(Arc::new(LeapClock::default()), PartialReport::new(Report::open("test", String::new())))
    }
}
