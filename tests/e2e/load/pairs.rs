//! The gate runs the load test of a tool in pairs, with the command that the documentation gives for it.

use std::thread;

use crate::{
    LIMIT,
    house::{Ended, Runner},
    results::BUSY,
    service::{P99, Service},
};

/// The command of a tool in the table of performance/README.md, and the file that it writes, if it writes one.
fn documented(tool: &str) -> (String, Option<String>) {
    let readme = include_str!("../../../performance/README.md");
    let row = readme.lines().find(|line| line.starts_with(&format!("| {tool} | `"))).expect("a row of the table");
    // A pipe inside of a cell is escaped.
    let row = row.replace("\\|", "\u{1}");
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let code = |cell: &str| cell.split('`').nth(1).map(|code| code.replace('\u{1}', "|"));
    (code(cells[2]).expect("a command"), code(cells[3]))
}

/// Measures services that are so many times slower than the one in production, in runs of so many seconds. All at once: they mostly
/// wait, and what they take from each other, they take from both sides of a pair.
pub fn measure(tool: &str, files: &[(&str, &str)], factors: &[f64], seconds: u32) {
    thread::scope(|scope| {
        for factor in factors {
            scope.spawn(|| measure_one(tool, files, *factor, seconds));
        }
    });
}

fn measure_one(tool: &str, files: &[(&str, &str)], factor: f64, seconds: u32) {
    let (baseline, target) = (Service::slower(1.0), Service::slower(factor));
    let (command, results) = documented(tool);
    let runner = Runner::new()
        .input("service", "shop")
        .input("command", &command)
        .input("target", target.url())
        .input("baseline-target", baseline.url())
        .input("duration", &format!("{seconds}s"))
        .input("users", "10");
    let runner = results.iter().fold(runner, |runner, results| runner.input("results", results));
    for (path, text) in files {
        runner.write(path, text);
    }
    let measured = || runner.start(&["performance"]).end_within(LIMIT);
    // A machine that gives a run no processor at all has measured nothing.
    let starved = |ended: &Ended| ended.outputs["reason"].contains(" requests in one run");
    let ended = Some(measured()).filter(|ended| !starved(ended)).unwrap_or_else(measured);
    assert_verdict(tool, &ended, factor);
}

/// A release that is as fast is never blocked, and one that is three times slower is. On a busy machine a smaller difference may stay
/// undecided, after all pairs.
fn assert_verdict(tool: &str, ended: &Ended, factor: f64) {
    let (verdict, reason) = (ended.outputs["verdict"].as_str(), &ended.outputs["reason"]);
    let right = if factor > 1.2 { "blocked" } else { "passed" };
    let undecided = verdict == "inconclusive" && reason.contains("not decided by the last pair");
    assert!(verdict == right || undecided && factor < 2.0, "{tool}, {factor} times slower: {reason}\n{}", ended.log);
    let figure = |name: &str| ended.outputs[name].parse::<f64>().expect("a figure");
    let (p99, baseline) = (figure("p99"), figure("baseline-p99"));
    assert!((0.95 * P99..2.0 * BUSY * P99).contains(&baseline), "{tool}: a baseline of {baseline} ms");
    assert!(p99 >= 0.95 * factor * P99, "{tool}, {factor} times slower: a p99 of {p99} ms");
    assert!(ended.outputs["pairs"].parse::<u32>().is_ok_and(|pairs| pairs >= 6), "{tool}: {:?}", ended.outputs);
}
