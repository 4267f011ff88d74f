//! The other generators. `None`: not installed.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

/// Connections, as many as oha has by default.
const CONNECTIONS: &str = "50";
/// wrk2 does not count its first 10 s.
const WRK2_LOST: Duration = Duration::from_secs(10);

/// The first line that each of them prints about itself.
pub fn versions() -> String {
    let first = |name: &str| {
        let output = Command::new(name).arg("--version").stdin(Stdio::null()).output();
        // wrk2 prints its version beside its options, and exits with 1.
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().next().map_or_else(|| format!("{name} is not installed"), |line| line.trim().to_owned())
    };
    format!("{}; {}", first("oha"), first("wrk2"))
}

/// The p99 in milliseconds, from when each request was due.
pub fn oha(url: &str, rate: u32, duration: Duration) -> Option<f64> {
    let report =
        output(Command::new("oha").args(["--no-tui", "--output-format", "json", "--latency-correction"]).args([
            "-c",
            CONNECTIONS,
            "-q",
            &rate.to_string(),
            "-z",
            &format!("{}s", duration.as_secs()),
            url,
        ]))?;
    let report: serde_json::Value = serde_json::from_str(&report).expect("a report in JSON");
    Some(report["latencyPercentiles"]["p99"].as_f64().expect("a p99") * 1e3)
}

/// The same of wrk2.
pub fn wrk2(url: &str, rate: u32, duration: Duration) -> Option<f64> {
    let seconds = (duration + WRK2_LOST).as_secs();
    let report = output(Command::new("wrk2").args(["-t1", "-c", CONNECTIONS, "--latency"]).args([
        &format!("-R{rate}"),
        &format!("-d{seconds}s"),
        url,
    ]))?;
    let line = report.lines().find_map(|line| line.trim().strip_prefix("99.000%")).expect("a p99").trim();
    let (number, factor) = ["us", "ms", "s"]
        .iter()
        .zip([1e-3, 1.0, 1e3])
        .find_map(|(unit, factor)| Some((line.strip_suffix(unit)?, factor)))
        .expect("a unit");
    Some(number.parse::<f64>().expect("a number") * factor)
}

fn output(command: &mut Command) -> Option<String> {
    let output = match command.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        output => output.expect("run the generator"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("a report in UTF-8"))
}
