//! A small load generator: the results file that a performance gate reads, from requests that were really made.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde::Serialize;

/// After this long a request has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a run found. Latencies are in milliseconds and percentiles by nearest rank, over the requests answered 2xx.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    pub requests: usize,
    /// Requests not answered, or not with 2xx.
    pub failures: usize,
    pub p50_latency: f64,
    pub p95_latency: f64,
    pub p99_latency: f64,
    pub max_latency: f64,
}

/// Requests `url` so many times, `users` at a time, each sending its next request when it has its answer.
/// `now` is a monotonic clock.
///
/// # Errors
/// When not one request was answered with 2xx: there is nothing to say about latency.
pub fn run(url: &str, requests: usize, users: usize, now: impl Fn() -> Duration + Sync) -> io::Result<Results> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).proxy(None).build().into();
    let taken = AtomicUsize::new(0);
    let user = || {
        let mut latencies = Vec::new();
        while taken.fetch_add(1, Ordering::Relaxed) < requests {
            let start = now();
            if let Ok(mut answer) = agent.get(url).call()
                && answer.status().is_success()
                && answer.body_mut().read_to_vec().is_ok()
            {
                latencies.push(now().saturating_sub(start));
            }
        }
        latencies
    };
    let mut latencies: Vec<Duration> = thread::scope(|scope| {
        let users: Vec<_> = (0..users).map(|_| scope.spawn(user)).collect();
        // A user that panicked has no latencies: its requests count as failures.
        users.into_iter().flat_map(|user| user.join().unwrap_or_default()).collect()
    });
    latencies.sort_unstable();
    let at = |percent| nearest_rank(&latencies, percent).map(|latency| latency.as_secs_f64() * 1e3);
    let (Some(p50_latency), Some(p95_latency), Some(p99_latency), Some(max_latency)) =
        (at(50), at(95), at(99), at(100))
    else {
        return Err(io::Error::other(format!("{url} answered none of {requests} requests with 2xx")));
    };
    let failures = requests - latencies.len();
    Ok(Results { requests, failures, p50_latency, p95_latency, p99_latency, max_latency })
}

/// The smallest value that at least `percent` of all values do not exceed.
fn nearest_rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sandbox::{
        server::Answer,
        staging::{Script, Staging},
    };

    /// The n-th pair of looks at this clock is n milliseconds apart.
    fn slower_and_slower() -> impl Fn() -> Duration + Sync {
        let looks = Mutex::new((0_u64, 0_u64));
        move || {
            let mut looks = looks.lock().unwrap();
            looks.0 += 1;
            if looks.0.is_multiple_of(2) {
                looks.1 += looks.0 / 2;
            }
            Duration::from_millis(looks.1)
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole milliseconds")]
    fn percentiles_are_true_ones() {
        let staging = Staging::start().unwrap();
        staging.deploy("frontend", "7");
        let url = format!("{}/frontend/api/cart", staging.url());
        let results = run(&url, 200, 1, slower_and_slower()).unwrap();
        assert_eq!((results.requests, results.failures), (200, 0));
        assert_eq!([results.p50_latency, results.p95_latency], [100.0, 190.0]);
        assert_eq!([results.p99_latency, results.max_latency], [198.0, 200.0]);
        assert_eq!(staging.asked().len(), 200, "each was really made");
    }

    #[test]
    fn failures_are_counted_and_no_answer_at_all_is_no_result() {
        let staging = Staging::start().unwrap();
        let [up, down, away] = [Answer::status(200), Answer::status(503), Answer::close()];
        staging.script("/a", Script::in_circles([up, down.clone(), Answer::redirect("/login"), away]));
        let results = run(&format!("{}/a", staging.url()), 40, 4, || Duration::ZERO).unwrap();
        assert_eq!((results.requests, results.failures), (40, 30));
        staging.script("/a", Script::always(down));
        let error = run(&format!("{}/a", staging.url()), 4, 2, || Duration::ZERO).unwrap_err();
        assert!(error.to_string().ends_with("/a answered none of 4 requests with 2xx"), "{error}");
    }

    #[test]
    fn the_nearest_rank_is_a_value_that_was_seen() {
        let ms = |values: &[u64]| values.iter().map(|&ms| Duration::from_millis(ms)).collect::<Vec<_>>();
        for (values, percent, seen) in [
            (ms(&[]), 50, None),
            (ms(&[7]), 1, Some(7)),
            (ms(&[7]), 100, Some(7)),
            (ms(&[1, 2]), 50, Some(1)),
            (ms(&[1, 2]), 51, Some(2)),
            (ms(&[1, 2, 3, 4, 5]), 99, Some(5)),
        ] {
            assert_eq!(nearest_rank(&values, percent), seen.map(Duration::from_millis), "p{percent} of {values:?}");
        }
    }
}
