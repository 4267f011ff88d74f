//! Tests of the endpoint checks of `health` and of `smoke`'s file of checks against a real nginx: responses of services and of the
//! proxies in front of them.
//!
//! Run by `tests/e2e/endpoints.sh`, which installs nginx.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

mod answers;
mod checks;
#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
mod nginx;
mod redirects;
mod secrets;
mod slow;
mod tls;

use serde_json::Value;

use house::{Ended, Runner};

/// No gate here takes this long.
pub const LIMIT: std::time::Duration = std::time::Duration::from_mins(5);

/// A gate with two attempts and a short interval.
fn gate_for(endpoints: &str) -> Runner {
    Runner::new().input("endpoints", endpoints).input("interval", "50ms").input("attempts", "2")
}

/// Asserts the verdict of a gate, and texts in its first finding.
fn assert_end(end: &Ended, verdict: &str, words: &[&str]) {
    let code = match verdict {
        "passed" => 0,
        "blocked" => 1,
        _ => 3,
    };
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (code, verdict), "{}", end.log);
    let finding = &findings(end)[0];
    let text = format!("{} {}", finding["actual"], finding["next"]).replace("\\\"", "\"");
    for part in words {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

fn findings(end: &Ended) -> &[Value] {
    end.report["findings"].as_array().map_or(&[], Vec::as_slice)
}

/// The rows of the probe table: endpoint, attempt, time, latency, outcome, response.
fn probes(end: &Ended) -> Vec<Vec<String>> {
    let texts = |row: &Value| serde_json::from_value(row.clone()).expect("a row of texts");
    end.report["tables"][0]["rows"].as_array().expect("a table of probes").iter().map(texts).collect()
}

/// The latency of a probe, in milliseconds.
fn latency(row: &[String]) -> u64 {
    row[3].strip_suffix(" ms").and_then(|number| number.parse().ok()).expect("milliseconds")
}
