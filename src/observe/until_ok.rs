//! One read, repeated until it succeeds.

use std::time::Duration;

use super::{BlockingCall, Judgement, PollInterval, Source, observe_until_decided};
use crate::{error::CommandError, execution::Execution, finding::Finding, values::HumanDuration};

/// Pause before a read is repeated.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub finding: Finding,
    /// Whether the same read may succeed later.
    pub is_transient: bool,
}

/// Makes a blocking call until it succeeds, fails for good, or `limit` is over. Returns its value, or why there is none.
/// `findings` are those of the command so far; the partial report keeps them.
///
/// # Errors
/// [`CommandError::Cancelled`] on a signal.
pub fn observe_until_ok<T: Send + 'static>(
    execution: &Execution,
    limit: Duration,
    name: &str,
    findings: &[Finding],
    call: impl Fn() -> BlockingCall<Result<T, ReadError>>,
) -> Result<Result<T, Finding>, CommandError> {
    let mut read: Option<Result<T, ReadError>> = None;
    let source = Source::blocking(PollInterval::Every(PAUSE), &call).named(name);
    let absorb = |read: &mut Option<Result<T, ReadError>>, _, fact| *read = Some(fact);
    observe_until_decided(execution, limit, vec![source], &mut read, absorb, |read, _| match read {
        Some(Ok(_) | Err(ReadError { is_transient: false, .. })) => Judgement::decided(findings.to_vec()),
        _ => Judgement::pending(findings.to_vec()),
    })?;
    Ok(match read {
        Some(result) => result.map_err(|error| error.finding),
        None => Err(Finding::inconclusive(name)
            .actual(format!("no answer within {}", HumanDuration(limit)))
            .expected("an answer in time")
            .next("run this job again; if it happens again, give a longer `timeout`")),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::execution::tests::test_execution;

    fn error(is_transient: bool) -> ReadError {
        ReadError { finding: Finding::inconclusive("x").actual("502"), is_transient }
    }

    /// Reads with failures before the success; returns the result and how many reads there were.
    fn read(failures: usize, is_transient: bool) -> (Result<usize, Finding>, usize) {
        let execution = test_execution();
        let looks = Arc::new(AtomicUsize::new(0));
        let so_far = [Finding::passed("before")];
        let result = observe_until_ok(&execution, Duration::from_secs(10), "x", &so_far, || {
            let looks = Arc::clone(&looks);
            Box::new(move || match looks.fetch_add(1, Ordering::Relaxed) {
                look if look < failures => Err(error(is_transient)),
                look => Ok(look),
            })
        });
        assert_eq!(execution.partial.copy().findings[0], so_far[0], "the findings so far are kept");
        (result.unwrap(), looks.load(Ordering::Relaxed))
    }

    #[test]
    fn a_transient_failure_is_repeated_within_the_limit_and_no_other() {
        assert_eq!(read(0, true), (Ok(0), 1));
        assert_eq!(read(2, true), (Ok(2), 3));
        let (result, looks) = read(100, true);
        assert_eq!(result, Err(error(true).finding));
        assert!((2..=11).contains(&looks), "{looks}");
        assert_eq!(read(1, false), (Err(error(false).finding), 1));
    }
}
