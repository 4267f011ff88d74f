//! Repeats a single read, outside the loop that looks.

use std::time::Duration;

use crate::{clock::Moment, error::CommandError, execution::Execution, finding::Finding};

/// The first pause of [`Pauses`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Measured with twenty concurrent writers: at 5 s the last one waits a quarter of its time while no other writes.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses between attempts. Each is twice as long as the one before, and randomised, so that writers do not collide again.
pub struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Pauses {
    /// The next pause: at least `at_least`.
    fn next(&mut self, at_least: Duration) -> Duration {
        let pause = self.next.mul_f64(0.5 + fastrand::f64()).max(at_least);
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        pause
    }

    /// Waits for the next pause, until `deadline`, or until a signal.
    pub fn wait(&mut self, execution: &Execution, deadline: Moment) {
        let end = execution.clock.now() + self.next(Duration::ZERO);
        execution.clock.park(&execution.wake, Some(end.min(deadline)));
    }
}

/// An error that knows whether a later attempt may succeed.
pub trait MayPass {
    /// The pause that the same attempt needs at least; `None`: it would fail again.
    fn retry_after(&self) -> Option<Duration>;

    /// The error of a read for which no time is left.
    fn out_of_time() -> Self;
}

impl MayPass for Finding {
    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn out_of_time() -> Self {
        Self::inconclusive("time limit")
            .actual("`timeout` was over before this was read")
            .expected("an answer before that")
            .next("run this step again; a longer `timeout` leaves more time")
    }
}

impl MayPass for CommandError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unobservable(finding) => finding.retry_after,
            Self::BadInput(_) | Self::Refused(_) | Self::Cancelled => None,
        }
    }

    fn out_of_time() -> Self {
        Finding::out_of_time().unobservable()
    }
}

/// Reads until there is an answer: a busy server or a cut connection is asked again, at most for `limit`, and no longer than
/// the command's own time limit. The read must change nothing.
///
/// # Errors
/// The last one of `read`, when it would come again, when the time is up, or on a signal; when no time is left for the first.
pub fn read_until_answered<T, E: MayPass>(
    execution: &Execution,
    limit: Duration,
    read: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let left = execution.time_left(limit);
    if left.is_zero() && !limit.is_zero() { Err(E::out_of_time()) } else { read_at_least_once(execution, left, read) }
}

/// As [`read_until_answered`], and reads once however late it is.
///
/// # Errors
/// As [`read_until_answered`].
pub fn read_at_least_once<T, E: MayPass>(
    execution: &Execution,
    limit: Duration,
    mut read: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    // A limit may be as long as there is.
    let deadline = execution.clock.now().saturating_add(execution.time_left(limit));
    let mut pauses = Pauses::default();
    loop {
        let error = match read() {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(at_least) = error.retry_after() else { return Err(error) };
        let end = execution.clock.now() + pauses.next(at_least);
        if end > deadline {
            return Err(error);
        }
        execution.clock.park(&execution.wake, Some(end));
        if execution.wake.is_cancelled() {
            return Err(error);
        }
        log::debug!("reads again: the last read may have failed for a moment only");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::test_execution;

    /// Reads from a server that fails as the errors say, one after the other, and then answers. Returns the result, how many
    /// reads were made, and how long it took.
    fn play(limit: u64, errors: &[Finding]) -> (Result<(), Finding>, usize, Duration) {
        let execution = test_execution();
        let mut reads = 0;
        let end = read_until_answered(&execution, Duration::from_secs(limit), || {
            reads += 1;
            errors.get(reads - 1).map_or(Ok(()), |error| Err(error.clone()))
        });
        (end, reads, execution.clock.now())
    }

    fn busy(pause: u64) -> Finding {
        Finding::inconclusive("server").actual("502").temporary(Duration::from_secs(pause))
    }

    #[test]
    fn a_busy_server_is_asked_again_until_it_answers() {
        assert_eq!((Ok(()), 3), {
            let (end, reads, _) = play(30, &[busy(0), busy(0)]);
            (end, reads)
        });
    }

    #[test]
    fn an_error_that_would_come_again_ends_at_once() {
        let forbidden = Finding::inconclusive("server").actual("401");
        assert_eq!(play(30, std::slice::from_ref(&forbidden)), (Err(forbidden), 1, Duration::ZERO));
    }

    #[test]
    fn the_pause_that_a_server_asks_for_is_kept() {
        let (end, reads, took) = play(30, &[busy(7)]);
        assert_eq!((end, reads), (Ok(()), 2));
        assert!(took >= Duration::from_secs(7), "{took:?}");
        assert_eq!(
            play(30, &[busy(31)]),
            (Err(busy(31)), 1, Duration::ZERO),
            "a pause past the limit is not waited for"
        );
    }

    #[test]
    fn a_server_that_never_answers_ends_at_the_limit() {
        let (end, reads, took) = play(30, &vec![busy(0); 10_000]);
        assert_eq!(end, Err(busy(0)));
        assert!((15..100).contains(&reads), "{reads} reads");
        assert!(took <= Duration::from_secs(30), "{took:?}");
    }

    #[test]
    fn the_time_limit_of_the_command_ends_the_reads_too() {
        let execution = test_execution().within(Duration::from_secs(10));
        let hour = Duration::from_secs(3600);
        let end = read_until_answered(&execution, hour, || Err::<(), _>(busy(1)));
        assert_eq!((end, execution.clock.now() <= Duration::from_secs(10)), (Err(busy(1)), true));
        execution.clock.park(&execution.wake, Some(Duration::from_secs(10)));
        let late: Result<(), Finding> = read_until_answered(&execution, hour, || panic!("no time is left"));
        assert!(late.unwrap_err().actual.contains("`timeout` was over"));
        let (mut reads, busy) = (0, busy(0));
        let last = read_at_least_once(&execution, hour, || {
            reads += 1;
            Err::<(), _>(busy.clone())
        });
        assert_eq!((last, reads), (Err(busy), 1));
        assert_eq!(execution.within(hour).deadline, execution.deadline, "an earlier end stays");
    }

    #[test]
    fn a_signal_ends_the_pause() {
        let execution = test_execution();
        execution.wake.cancel();
        let end: Result<(), _> = read_until_answered(&execution, Duration::from_secs(30), || Err(busy(0)));
        assert_eq!((end, execution.clock.now() < Duration::from_secs(1)), (Err(busy(0)), true));
    }
}
