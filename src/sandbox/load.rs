//! A small load generator: sends real requests and computes the results that the performance gate reads.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde::Serialize;

/// A request that takes longer counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The result of a load test. Latencies are in milliseconds, percentiles by nearest rank, over the requests with a 2xx
/// response.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadResults {
    pub requests: usize,
    /// Requests without a response, or with one that is not 2xx.
    pub failures: usize,
    pub p50_latency: f64,
    pub p95_latency: f64,
    pub p99_latency: f64,
    pub max_latency: f64,
}

/// Sends `requests` requests to `url` from `users` concurrent users; each user waits for a response before its next
/// request. `now` is a monotonic clock.
///
/// # Errors
/// When no request got a 2xx response, so that no latency is known.
pub fn run_load_test(
    url: &str,
    requests: usize,
    users: usize,
    now: impl Fn() -> Duration + Sync,
) -> io::Result<LoadResults> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(REQUEST_TIMEOUT)).max_redirects(0).proxy(None).build().into();
    let started = AtomicUsize::new(0);
    let user = || {
        let mut latencies = Vec::new();
        while started.fetch_add(1, Ordering::Relaxed) < requests {
            let start = now();
            if let Ok(mut response) = agent.get(url).call()
                && response.status().is_success()
                && response.body_mut().read_to_vec().is_ok()
            {
                latencies.push(now().saturating_sub(start));
            }
        }
        latencies
    };
    let mut latencies: Vec<Duration> = thread::scope(|scope| {
        let users: Vec<_> = (0..users).map(|_| scope.spawn(user)).collect();
        // A user that panicked returns no latencies; its requests count as failures.
        users.into_iter().flat_map(|user| user.join().unwrap_or_default()).collect()
    });
    latencies.sort_unstable();
    let percentile = |percent| nearest_rank(&latencies, percent).map(|latency| latency.as_secs_f64() * 1e3);
    let (Some(p50_latency), Some(p95_latency), Some(p99_latency), Some(max_latency)) =
        (percentile(50), percentile(95), percentile(99), percentile(100))
    else {
        return Err(io::Error::other(format!("{url} answered none of {requests} requests with 2xx")));
    };
    let failures = requests - latencies.len();
    Ok(LoadResults { requests, failures, p50_latency, p95_latency, p99_latency, max_latency })
}

/// The smallest value that at least `percent` percent of the values do not exceed.
fn nearest_rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sandbox::{
        server::FakeResponse,
        staging::{ResponseScript, Staging},
    };

    /// A clock whose n-th pair of readings is n milliseconds apart.
    fn clock_with_growing_intervals() -> impl Fn() -> Duration + Sync {
        let readings = Mutex::new((0_u64, 0_u64));
        move || {
            let mut readings = readings.lock().unwrap();
            readings.0 += 1;
            if readings.0.is_multiple_of(2) {
                readings.1 += readings.0 / 2;
            }
            Duration::from_millis(readings.1)
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole milliseconds")]
    fn percentiles_are_by_nearest_rank() {
        let staging = Staging::start().unwrap();
        staging.deploy("frontend", "7");
        let url = format!("{}/frontend/api/cart", staging.url());
        let results = run_load_test(&url, 200, 1, clock_with_growing_intervals()).unwrap();
        assert_eq!((results.requests, results.failures), (200, 0));
        assert_eq!([results.p50_latency, results.p95_latency], [100.0, 190.0]);
        assert_eq!([results.p99_latency, results.max_latency], [198.0, 200.0]);
        assert_eq!(staging.requests().len(), 200, "every request reached the server");
    }

    #[test]
    fn failures_are_counted_and_a_test_without_success_has_no_results() {
        let staging = Staging::start().unwrap();
        let [up, down, away] = [FakeResponse::status(200), FakeResponse::status(503), FakeResponse::close()];
        staging.script("/a", ResponseScript::cycle([up, down.clone(), FakeResponse::redirect("/login"), away]));
        let results = run_load_test(&format!("{}/a", staging.url()), 40, 4, || Duration::ZERO).unwrap();
        assert_eq!((results.requests, results.failures), (40, 30));
        staging.script("/a", ResponseScript::always(down));
        let error = run_load_test(&format!("{}/a", staging.url()), 4, 2, || Duration::ZERO).unwrap_err();
        assert!(error.to_string().ends_with("/a answered none of 4 requests with 2xx"), "{error}");
    }

    #[test]
    fn the_nearest_rank_is_one_of_the_values() {
        let ms = |values: &[u64]| values.iter().map(|&ms| Duration::from_millis(ms)).collect::<Vec<_>>();
        for (values, percent, expected) in [
            (ms(&[]), 50, None),
            (ms(&[7]), 1, Some(7)),
            (ms(&[7]), 100, Some(7)),
            (ms(&[1, 2]), 50, Some(1)),
            (ms(&[1, 2]), 51, Some(2)),
            (ms(&[1, 2, 3, 4, 5]), 99, Some(5)),
        ] {
            assert_eq!(nearest_rank(&values, percent), expected.map(Duration::from_millis), "p{percent} of {values:?}");
        }
    }
}
