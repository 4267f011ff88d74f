//! `run`: several gates from the config file in one step.

use promote_gates::{finding::Verdict, results::ReceivedReports};

use crate::house::{Ended, Runner};

/// A checkout whose first gate's p99 is `p99` and whose second one passes.
fn step(p99: u32, config: &str, arguments: &[&str]) -> Ended {
    let runner = Runner::new().input("service", "checkout-service").input("tag", "1.4.2");
    runner.write("stats.json", format!("{{\"p99_latency\": {p99}}}"));
    runner.write("baseline.json", "{\"p99_latency\": 100}");
    runner.write(".github/promote-gates.yml", config);
    runner.run(&[&["run"], arguments].concat())
}

const TWO: &str = "performance: { baseline: baseline.json }
gates:
  - performance: { results: stats.json }
  - performance:
      results: stats.json
      max-ratio: 9
";

#[test]
fn gates_run_in_order_and_each_report_counts_separately() {
    let ended = step(119, TWO, &[]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
    let mut reports = ReceivedReports::default();
    reports.add("the step", &ended.outputs["report"]);
    assert_eq!(reports.received.iter().filter(|received| received.report.command == "performance").count(), 2);
    let subject = r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().expect("a subject");
    let found = reports.require(&["performance".to_owned()], &subject, None);
    assert_eq!(found[0].verdict, Verdict::Passed, "{found:?}");
    assert_eq!(ended.report["reports"][1]["settings"]["max-ratio"], 9);
    assert_eq!(ended.report["reports"][0]["origins"]["baseline"], ".github/promote-gates.yml:1:26");
    assert!(ended.summary.starts_with("### ✅ run: 2 of 2 gates passed"), "{}", ended.summary);
    assert_eq!(ended.summary.matches("| ✅ | performance | ").count(), 2, "one row for each gate: {}", ended.summary);
}

#[test]
fn the_first_gate_that_does_not_pass_ends_the_run() {
    let ended = step(130, TWO, &[]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{}", ended.log);
    assert_eq!(ended.report["reports"].as_array().map(Vec::len), Some(1));
    let findings = ended.report["findings"].to_string();
    assert!(findings.contains("130 ms") && findings.contains("not run"), "{findings}");
    let heading = ended.summary.lines().next().unwrap_or_default();
    assert!(heading.starts_with("### ⛔ run: performance blocked: p99"), "{heading}");
    assert!(heading.contains("130 ms") && heading.ends_with("(1 of 2 gates; 1 not run)"), "{heading}");
    assert!(ended.summary.contains("| ❓ | performance | not run: performance did not pass |"), "{}", ended.summary);
}

#[test]
fn a_gate_in_dry_run_does_not_change_the_verdict() {
    let dry_run = TWO.replace("{ results: stats.json }", "{ results: stats.json, dry-run: true }");
    let ended = step(130, &dry_run, &[]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.report["reports"][0]["verdict"], "blocked");
    assert_eq!(ended.report["reports"][0]["dry-run"], true);
    assert!(
        ended.summary.starts_with("### ✅ run: 1 of 1 gates passed, 1 in dry-run not counted"),
        "{}",
        ended.summary
    );
}

#[test]
fn with_all_gates_in_dry_run_the_step_is_in_dry_run() {
    let dry_run = TWO.replace("results: stats.json }", "results: stats.json, dry-run: true }");
    let dry_run = dry_run.replace("max-ratio: 9", "max-ratio: 9\n      dry-run: true");
    for (config, arguments) in [(&*dry_run, &[][..]), (TWO, &["--dry-run"])] {
        let ended = step(130, config, arguments);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "blocked"), "{}", ended.log);
        assert_eq!(
            (&ended.report["dry-run"], &ended.report["reports"][1]["verdict"]),
            (&true.into(), &"passed".into())
        );
    }
}

#[test]
fn every_entry_is_resolved_before_any_runs() {
    let broken = TWO.replace("max-ratio: 9", "max-ratio: nine");
    let ended = step(130, &broken, &[]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains(".github/promote-gates.yml:6:18"), "{}", ended.outputs["reason"]);
    assert!(ended.report["reports"].is_null(), "no gate ran: {}", ended.report);
}

#[test]
fn an_error_in_the_config_file_is_reported_with_line_and_column() {
    for (config, parts) in [
        ("gates:\n  - perfomance\n", &[":2:5", "perfomance", "did you mean `performance`"][..]),
        ("gates:\n  - promote\n", &[":2:5", "promote", "one of health"]),
        ("performance:\n  max-rato: 1\n", &[":2:3", "max-rato", "did you mean `max-ratio`"]),
        ("gates: health\n", &[":1:8", "a text", "list of gates"]),
        ("record: { token: x }\n", &[":1:11", "secret"]),
        ("gates: []\n", &["no gate"]),
        ("gates: [performance\n", &["line 2"]),
        ("", &["no gate"]),
    ] {
        let ended = step(1, config, &[]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{config}\n{}", ended.log);
        for part in parts {
            assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
        }
    }
}

#[test]
fn a_configured_config_file_must_exist() {
    let ended = step(1, TWO, &["--config=elsewhere.yml"]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("no file at elsewhere.yml"), "{}", ended.outputs["reason"]);
}

#[test]
fn report_file_applies_even_if_the_config_file_is_broken() {
    let runner = Runner::new().input("report-file", "reports/run.json");
    runner.write(".github/promote-gates.yml", "gates: [");
    let ended = runner.run(&["run"]);
    assert_eq!((ended.code, ended.outputs["report-path"].as_str()), (2, "reports/run.json"), "{}", ended.log);
    let report = std::fs::read_to_string(runner.workspace().join("reports/run.json")).expect("a report");
    assert!(report.contains("\"inconclusive\""), "{report}");
}
