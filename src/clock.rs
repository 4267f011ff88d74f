//! The clock, and the bell that the core waits for. The only place that reads the time or waits for it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// Monotonic time since the command started.
pub type Moment = Duration;

/// Time, and waiting. Wall time is for evidence only; judging uses [`Moment`]s.
pub trait Clock: Send + Sync {
    fn now(&self) -> Moment;
    fn wall(&self) -> Timestamp;
    /// Waits until the bell rings, the command is cancelled, or `until` has come; `None` waits for the bell alone.
    fn park(&self, wake: &WakeSignal, until: Option<Moment>);
}

/// Rung by every fact, by the end of every look, and by a signal.
#[derive(Default)]
pub struct WakeSignal {
    state: Mutex<WakeState>,
    ring: Condvar,
}

#[derive(Default)]
struct WakeState {
    /// Somebody rang since the last wait.
    heard: bool,
    cancelled: bool,
    /// Looks that an answer is awaited from. A clock of a test leaps only while there is none.
    in_flight: usize,
}

impl WakeSignal {
    pub fn ring(&self) {
        self.lock().heard = true;
        self.ring.notify_all();
    }

    /// A signal came: whoever waits ends.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.ring.notify_all();
    }

    pub fn cancelled(&self) -> bool {
        self.lock().cancelled
    }

    pub(crate) fn begin_look(&self) {
        self.lock().in_flight += 1;
    }

    pub(crate) fn end_look(&self) {
        let mut rung = self.lock();
        rung.in_flight -= 1;
        rung.heard = true;
        self.ring.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, WakeState> {
        // A panic elsewhere leaves two flags and a counter, which are whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine's clock.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a clock that starts is not a default value")]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

/// How long one exchange with the outside took, where that is a fact of its own (the latency of a probe).
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
        let mut rung = wake.lock();
        while !rung.heard && !rung.cancelled {
            rung = match until.map(|until| until.saturating_sub(self.now())) {
                Some(Duration::ZERO) => break,
                Some(rest) => {
                    wake.ring.wait_timeout(rung, rest).map_or_else(|error| error.into_inner().0, |(rung, _)| rung)
                }
                None => wake.ring.wait(rung).unwrap_or_else(PoisonError::into_inner),
            };
        }
        rung.heard = false;
    }
}

/// RFC 3339 in UTC with whole seconds: how reports tell time.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A clock that leaps to the next moment of interest as soon as no answer is awaited.
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
            let mut rung = wake.lock();
            loop {
                if rung.heard || rung.cancelled {
                    break;
                }
                match until {
                    Some(until) if rung.in_flight == 0 => {
                        let mut now = self.now.lock().unwrap();
                        *now = (*now).max(until);
                        break;
                    }
                    _ => rung = wake.ring.wait(rung).unwrap(),
                }
            }
            rung.heard = false;
        }
    }

    #[test]
    fn parking_ends_at_its_moment_by_a_ring_and_by_a_cancel() {
        let (clock, wake) = (SystemClock::new(), WakeSignal::default());
        clock.park(&wake, Some(clock.now() + Duration::from_millis(5)));
        assert!(clock.now() >= Duration::from_millis(5));
        wake.ring();
        clock.park(&wake, None);
        std::thread::scope(|scope| {
            scope.spawn(|| wake.cancel());
            clock.park(&wake, None);
        });
        assert!(wake.cancelled());
    }
}
