//! What a load test wrote, and what the gate says of it.

use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    service::{P99, Service, refusing},
};

/// The output of a shell script in the folder of a step.
pub fn output(runner: &Runner, script: &str) -> Vec<u8> {
    let ran = std::process::Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", script])
        .current_dir(runner.workspace())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("a shell");
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// How many times longer than the service a busy machine may make a response. Units are a thousand apart.
pub const BUSY: f64 = 3.0;

/// The gate over these results, with a baseline that a busy machine does not exceed.
pub fn judge(results: &[u8]) -> Ended {
    let runner = Runner::new().input("results", "results").input("baseline", "baseline.json");
    runner.write("results", results);
    runner.write("baseline.json", json!({ "p99_latency": BUSY * P99 }).to_string());
    runner.run(&["performance"])
}

/// Requests and failures, as the gate reports them.
pub fn requests(ended: &Ended) -> (u64, u64) {
    let findings = ended.report["findings"].as_array().expect("findings");
    let failed = findings.iter().find(|finding| finding["check"] == "failed requests");
    let text = failed.and_then(|finding| finding["actual"].as_str()).unwrap_or_else(|| panic!("{}", ended.log));
    let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
    if let Some(all) = text.strip_prefix("all ").and_then(|rest| number(rest.split(':').next()?)) {
        return (all, all);
    }
    let (failures, rest) = text.split_once(" of ").expect("failures of requests");
    (number(rest.split(' ').next().unwrap_or_default()).expect(text), number(failures).expect(text))
}

pub fn p99(ended: &Ended) -> f64 {
    let p99 = ended.outputs.get("p99").and_then(|p99| p99.parse().ok());
    p99.unwrap_or_else(|| panic!("no p99: {}", ended.log))
}

/// Results of the healthy service: passed, with the p99 that it has.
pub fn assert_healthy(format: &str, ended: &Ended) {
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{format}: {}", ended.log);
    let p99 = p99(ended);
    assert!((0.95 * P99..1.2 * BUSY * P99).contains(&p99), "{format}: a p99 of {p99} ms\n{}", ended.log);
}

/// `load_test` gets the address of a service, and returns what it wrote in each format.
pub fn understood(load_test: impl Fn(&str) -> Vec<(&'static str, Vec<u8>)>) {
    let service = Service::slower(1.0);
    for (format, results) in load_test(service.url()) {
        assert_healthy(format, &judge(&results));
    }
    // Every tenth request fails.
    let service = Service::failing(10);
    for (format, results) in load_test(service.url()) {
        let ended = judge(&results);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{format}: {}", ended.log);
        let (all, failed) = requests(&ended);
        let tenth = all / 10;
        assert!(failed.abs_diff(tenth) <= 2, "{format}: {failed} of {all} requests failed");
    }
    for (format, results) in load_test(&refusing()) {
        let ended = judge(&results);
        assert_ne!(ended.code, 0, "{format}, connections refused: {}", ended.log);
        assert_ne!(ended.outputs["verdict"], "passed", "{format}, connections refused: {}", ended.log);
    }
}

pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
