//! The clock, and the signal that ends a wait. The only place that reads the time or waits.

mod moment;

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

pub use moment::{Moment, minute, rfc3339};

/// Reads the time and waits. Wall time goes into reports; judges use [`Moment`]s.
pub trait Clock: Send + Sync {
    fn now(&self) -> Moment;
    fn wall(&self) -> Timestamp;
    /// Waits until `wake` is notified, the command is cancelled, or the clock reaches `until`; `None`: without a time limit.
    fn park(&self, wake: &WakeSignal, until: Option<Moment>);
}

/// Ends the wait of the loops. Every fact, the end of every look and SIGINT or SIGTERM notify it.
#[derive(Default)]
pub struct WakeSignal {
    state: Mutex<WakeState>,
    changed: Condvar,
}

#[derive(Default)]
struct WakeState {
    /// A notification arrived since the last wait.
    notified: bool,
    cancelled: bool,
    /// Looks that have not ended. The leaping clock of the tests moves only while there are none.
    in_flight: usize,
}

impl WakeSignal {
    pub fn notify(&self) {
        self.lock().notified = true;
        self.changed.notify_all();
    }

    /// The process received SIGINT or SIGTERM: every wait ends.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.changed.notify_all();
    }

    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    pub(crate) fn begin_look(&self) {
        self.lock().in_flight += 1;
    }

    pub(crate) fn end_look(&self) {
        let mut state = self.lock();
        state.in_flight -= 1;
        state.notified = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, WakeState> {
        // A panic while the lock is held cannot leave two flags and a counter half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine's clock.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    #[must_use]
    #[expect(clippy::new_without_default, reason = "starting a clock has an effect")]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

/// Measures how long one exchange took, where the duration itself is observed: the latency of a probe.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn park(&self, wake: &WakeSignal, until: Option<Moment>) {
        let mut state = wake.lock();
        while !state.notified && !state.cancelled {
            state = match until.map(|until| until.saturating_sub(self.now())) {
                Some(Duration::ZERO) => break,
                Some(rest) => {
                    wake.changed.wait_timeout(state, rest).map_or_else(|error| error.into_inner().0, |(state, _)| state)
                }
                None => wake.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.notified = false;
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A clock that leaps to the end of a wait as soon as no look is in flight.
    #[derive(Default)]
    pub struct LeapClock {
        now: Mutex<Moment>,
    }

    impl Clock for LeapClock {
        fn now(&self) -> Moment {
            *self.now.lock().unwrap()
        }

        fn wall(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH + self.now()
        }

        fn park(&self, wake: &WakeSignal, until: Option<Moment>) {
            let mut state = wake.lock();
            loop {
                if state.notified || state.cancelled {
                    break;
                }
                match until {
                    Some(until) if state.in_flight == 0 => {
                        let mut now = self.now.lock().unwrap();
                        *now = (*now).max(until);
                        break;
                    }
                    _ => state = wake.changed.wait(state).unwrap(),
                }
            }
            state.notified = false;
        }
    }

    #[test]
    fn a_wait_ends_at_its_time_by_a_notification_and_by_a_cancellation() {
        let (clock, wake) = (SystemClock::new(), WakeSignal::default());
        clock.park(&wake, Some(clock.now() + Duration::from_millis(5)));
        assert!(clock.now() >= Duration::from_millis(5));
        wake.notify();
        clock.park(&wake, None);
        std::thread::scope(|scope| {
            scope.spawn(|| wake.cancel());
            clock.park(&wake, None);
        });
        assert!(wake.is_cancelled());
    }
}
