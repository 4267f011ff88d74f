//! Whether the runs measured the service, or the machine that sent the load.

use crate::{
    finding::Finding,
    load_results::RecordedRun,
    values::figures::{rounded, rounded_beside},
};

/// How late this machine may send its requests, as a part of the p99. What is late is part of every latency on both sides, and makes a
/// ratio smaller: at a quarter, 1.25 reads as 1.2.
const LATE_PART: f64 = 0.25;
/// So much, in milliseconds, is that of a timer. A ratio of latencies as short as this needs `min-delta` anyway.
const LATE_ALWAYS: f64 = 0.5;
/// A moment in which the machine was busy is noise, which the pairs allow for. So most of the runs must be late, of at least these.
const FEWEST_RUNS: usize = 4;

/// How late the requests of each run were.
#[derive(Debug, Default)]
pub struct Lateness(Vec<LateRun>);

/// At the 99th percentile, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct LateRun {
    late: f64,
    p99: f64,
}

impl LateRun {
    const fn limit(self) -> f64 {
        (LATE_PART * self.p99).max(LATE_ALWAYS)
    }
}

impl Lateness {
    pub fn add(&mut self, run: &RecordedRun) {
        if let Some(p99) = run.figures.least_p99() {
            self.0.push(LateRun { late: run.p99_late, p99: p99.to_f64() });
        }
    }

    /// The finding if most runs were sent too late. `pace`: what was sent.
    #[must_use]
    pub fn judge(&self, pace: &str) -> Option<Finding> {
        let late = self.0.iter().filter(|run| run.late > run.limit()).count();
        let last = self.0.iter().rev().find(|run| run.late > run.limit())?;
        (self.0.len() >= FEWEST_RUNS && 2 * late > self.0.len()).then(|| {
            let [sent, limit] = rounded_beside(last.late, last.limit());
            Finding::inconclusive("load")
                .actual(format!(
                    "in {late} of {} runs this machine was late with its requests: with one in a hundred by {sent} ms or more, at \
                     {pace} with a p99 of {} ms",
                    self.0.len(),
                    rounded(last.p99)
                ))
                .expected(format!("at most {limit} ms: else the load measures this machine"))
                .next("lower `rate` or `users`, or run the gate where nothing else runs")
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load_results::{Exchange, ExchangeEnd, ExchangeRecorder};

    /// The finding on runs with this p99, each with how late its requests were.
    fn judged(p99: f64, late: &[f64]) -> Option<Finding> {
        let mut lateness = Lateness::default();
        for late in late {
            let mut recorder = ExchangeRecorder::new(Duration::ZERO, Duration::from_secs(10));
            for _ in 0..200 {
                recorder.add(&Exchange {
                    due: Duration::ZERO,
                    late: Duration::from_secs_f64(late / 1e3),
                    latency: Duration::from_secs_f64(p99 / 1e3),
                    end: ExchangeEnd::Status(200),
                });
            }
            lateness.add(&recorder.finish());
        }
        lateness.judge("100 requests/s")
    }

    #[test]
    fn most_runs_must_be_late_by_more_than_a_quarter_of_the_p99() {
        assert_eq!(judged(20.0, &[4.9, 4.9, 4.9, 4.9]), None);
        let finding = judged(20.0, &[6.0, 0.1, 6.0, 6.0]).expect("a finding");
        let actual = "in 3 of 4 runs this machine was late with its requests: with one in a hundred by 6 ms or more, at 100 requests/s \
                      with a p99 of 20 ms";
        assert_eq!((finding.actual.as_str(), finding.expected.contains("at most 5 ms")), (actual, true));
        assert_eq!(judged(20.0, &[6.0, 0.1, 6.0, 0.1]), None, "half of the runs");
        assert_eq!(judged(20.0, &[6.0, 6.0, 6.0]), None, "too few to tell");
    }

    #[test]
    fn a_timer_is_late_by_a_part_of_a_millisecond() {
        assert_eq!(judged(0.3, &[0.4; 6]), None);
        assert!(judged(0.3, &[0.6; 6]).is_some());
    }
}
