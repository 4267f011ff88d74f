//! The endpoint checks of `health` against a real nginx: every way in which a service, or what stands before it, answers.
//!
//! Run by `tests/e2e/endpoints.sh`, which brings nginx.

#![expect(clippy::expect_used, reason = "what cannot be staged is a failed test")]

mod answers;
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

/// Nothing here takes that long.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// A gate that asks in quick succession.
fn asking(endpoints: &str) -> Runner {
    Runner::new().input("endpoints", endpoints).input("interval", "50ms").input("attempts", "2")
}

/// Holds the end of a gate with one endpoint: its verdict, and words of what was seen.
fn holds(end: &Ended, verdict: &str, words: &[&str]) {
    let code = match verdict {
        "passed" => 0,
        "blocked" => 1,
        _ => 3,
    };
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (code, verdict), "{}", end.log);
    let finding = &findings(end)[0];
    let told = format!("{} {}", finding["actual"], finding["next"]).replace("\\\"", "\"");
    for words in words {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
}

fn findings(end: &Ended) -> &[Value] {
    end.report["findings"].as_array().map_or(&[], Vec::as_slice)
}

/// The rows of the table of probes: endpoint, attempt, time, latency, outcome, seen.
fn probes(end: &Ended) -> Vec<Vec<String>> {
    let texts = |row: &Value| serde_json::from_value(row.clone()).expect("a row of texts");
    end.report["tables"][0]["rows"].as_array().expect("a table of probes").iter().map(texts).collect()
}

/// How long a probe took, in milliseconds.
fn latency(row: &[String]) -> u64 {
    row[3].strip_suffix(" ms").and_then(|number| number.parse().ok()).expect("milliseconds")
}
