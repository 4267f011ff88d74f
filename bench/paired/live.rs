//! Real runs of the gate: it runs this program as the load test of two services, one of which is slower.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use promote_gates::clock::Stopwatch;

use crate::{goals::Goals, service};

/// The work of a request on the baseline target, in milliseconds.
const WORK: f64 = 2.0;

/// The load test: reads its environment as any other does, and prints the latencies as a list.
#[expect(clippy::disallowed_methods, reason = "a load test reads from its environment what to do")]
pub fn load_test() {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let target = variable("TARGET");
    let duration = variable("DURATION").trim_end_matches('s').parse().expect("a number of seconds");
    let address = target.trim_start_matches("http://").parse().expect("an address");
    let latencies = service::load(address, Duration::from_secs(duration), fastrand::u64(..));
    let latencies: Vec<String> = latencies.iter().map(|latency| format!("{latency:.4}")).collect();
    println!("[{}]", latencies.join(","));
}

/// Runs the gate against a service that is as fast, 1.5 times slower, and 3 times slower.
pub fn compare(binary: &Path, seconds: u64, goals: &mut Goals) {
    println!("\nlive: `performance` with `argv`, {seconds} s a run, at most 12 pairs");
    let this = env::current_exe().expect("the path of this program");
    let baseline = service::start(WORK);
    for (ratio, expected) in [(1.0, "passed"), (1.5, "blocked"), (3.0, "blocked")] {
        let target = service::start(WORK * ratio);
        let began = Stopwatch::start();
        let folder = tempfile::tempdir().expect("a folder");
        let output = Command::new(binary)
            .args(["performance", "--results-unit", "ms", "--duration", &format!("{seconds}s")])
            .args(["--target", &format!("http://{target}"), "--baseline-target", &format!("http://{baseline}")])
            .args(["--argv", &this.display().to_string(), "--argv", "load-test"])
            .args(["--report-file", "report.json"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("run the gate");
        let report = std::fs::read(folder.path().join("report.json")).unwrap_or_default();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
        let verdict = report["verdict"].as_str().unwrap_or("no report").to_owned();
        println!(
            "  ×{ratio}: {verdict} after {:.0} s: {}",
            began.elapsed().as_secs_f64(),
            report["findings"][0]["actual"].as_str().unwrap_or(&String::from_utf8_lossy(&output.stdout))
        );
        let right = if verdict == expected { 1.0 } else { 0.0 };
        goals.at_least(1.0, right, &format!("live, ratio {ratio}: {expected}"));
    }
}
