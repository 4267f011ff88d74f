//! Collects the reports that a comment shows: whole ones where the files of the gates are at hand, else the compact ones that travel
//! as outputs.

use std::collections::BTreeSet;

use crate::{
    error::CommandError,
    finding::Finding,
    report::{MAX_FILE_SIZE, Report, Run},
    results::{ReceivedReport, ReceivedReports, files::report_files},
    subject::Subject,
    world::files::{self, Glob},
};

/// The reports of the gates, and findings on those that are missing or cannot be read.
#[derive(Debug, Default)]
pub struct Collected {
    pub reports: Vec<Report>,
    pub missing: Vec<Finding>,
}

/// Collects the reports of `results` and of the files, without those of the command `own`. `required`: the commands that must
/// have one.
///
/// # Errors
/// Bad input: `results` is something else, or a pattern matches no file.
pub fn collect(
    results: Option<&str>,
    patterns: &[Glob],
    required: &[String],
    run: Option<&Run>,
    own: &str,
) -> Result<Collected, CommandError> {
    let mut received = results.map_or_else(|| Ok(ReceivedReports::default()), ReceivedReports::from_results)?;
    let mut whole = results.map(report_files).unwrap_or_default();
    for (path, bytes) in files::read_matching(patterns, MAX_FILE_SIZE).map_err(CommandError::BadInput)? {
        received.add(&path.display().to_string(), String::from_utf8_lossy(&bytes).trim());
    }
    let mut collected = Collected { missing: std::mem::take(&mut received.unreadable), ..Collected::default() };
    let mut known = BTreeSet::new();
    for ReceivedReport { source, text, .. } in &received.received {
        // A report of `run` comes once for each gate in it.
        if !known.insert(text.as_str()) {
            continue;
        }
        let Ok(compact) = serde_json::from_str::<Report>(text) else { continue };
        if let Some(other) = of_other_run(&compact, run) {
            collected.missing.push(Finding::inconclusive(source).actual(format!("a report of another run: {other}")));
            continue;
        }
        let report = compact.full_sha256.as_ref().and_then(|sum| whole.remove(sum)).unwrap_or(compact);
        collected.reports.extend(gates(report).into_iter().filter(|report| report.command != own));
    }
    let has = |name: &&String| !collected.reports.iter().any(|report| report.command == **name);
    let missing: Vec<String> = required.iter().filter(has).cloned().collect();
    let none = ReceivedReports { received: Vec::new(), ..received };
    collected.missing.extend(none.required_findings(&missing, &Subject::default(), run));
    Ok(collected)
}

/// The gates of a `run` in place of it; any other report as it is.
fn gates(report: Report) -> Vec<Report> {
    if report.reports.is_empty() {
        return vec![report];
    }
    let Report { reports, run, dry_run, .. } = report;
    let inner = |gate: Report| Report { run: run.clone(), dry_run: dry_run || gate.dry_run, ..gate };
    reports.into_iter().map(inner).collect()
}

/// The address of the report's run, if it is not this one.
fn of_other_run(report: &Report, run: Option<&Run>) -> Option<String> {
    let (own, other) = run.zip(report.run.as_ref())?;
    ((own.id, &own.repository) != (other.id, &other.repository)).then(|| other.url.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        finding::Verdict,
        report::{
            Outcome, Table,
            compact::{compact, hex_sha256},
        },
    };

    fn run(id: u64) -> Run {
        let url = format!("https://github.com/acme/shop/actions/runs/{id}");
        Run { repository: "acme/shop".to_owned(), id, attempt: 1, url, job: String::new() }
    }

    fn report(command: &str, id: u64) -> Report {
        let mut report = Report { run: Some(run(id)), ..Report::open(command, String::new()) };
        let tables = vec![Table::new("Files", &["File"], [["a.js"]])];
        let outcome = Outcome { tables, ..Outcome::from(vec![Finding::passed("check").actual("fine")]) };
        report.close(Ok(outcome), "2026-01-01T00:00:00Z".to_owned());
        report
    }

    /// A step's outputs, with the report in a file.
    fn step(folder: &Path, report: &Report) -> Value {
        let path = folder.join(format!("{}.json", report.command));
        let text = serde_json::to_string(report).unwrap();
        std::fs::write(&path, &text).unwrap();
        let compact = compact(report, &hex_sha256(text.as_bytes())).text;
        json!({ "outcome": "success", "outputs": { "report": compact, "report-path": path } })
    }

    fn collected(results: &Value, required: &[&str]) -> Collected {
        let required: Vec<String> = required.iter().map(ToString::to_string).collect();
        collect(Some(&results.to_string()), &[], &required, Some(&run(7)), "comment").unwrap()
    }

    #[test]
    fn a_whole_report_counts_only_with_its_sum() {
        let folder = tempfile::tempdir().unwrap();
        let results = json!({ "gate": step(folder.path(), &report("bundle-size", 7)) });
        assert_eq!(collected(&results, &["bundle-size"]).reports[0].tables.len(), 1);
        let path = folder.path().join("bundle-size.json");
        let changed = std::fs::read_to_string(&path).unwrap().replace("fine", "forged");
        std::fs::write(&path, changed).unwrap();
        let compact = collected(&results, &["bundle-size"]);
        assert_eq!((compact.reports[0].tables.len(), compact.missing.len()), (0, 0));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(collected(&results, &[]).reports[0].findings[0].actual, "fine");
    }

    #[test]
    fn the_gates_of_run_stand_for_it_and_own_reports_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let inner = vec![report("health", 7), report("smoke", 7)];
        let outer = Report { reports: inner, dry_run: true, ..report("run", 7) };
        let results = json!({ "run": step(folder.path(), &outer), "own": step(folder.path(), &report("comment", 7)) });
        let reports = collected(&results, &["health"]).reports;
        let commands: Vec<(&str, bool)> =
            reports.iter().map(|report| (report.command.as_str(), report.dry_run)).collect();
        assert_eq!(commands, [("health", true), ("smoke", true)]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let results = json!({
            "old": step(folder.path(), &report("smoke", 6)),
            "torn": { "outputs": { "report": "{" } },
            "health": { "result": "failure", "outputs": {} },
        });
        let Collected { reports, missing } = collected(&results, &["health", "smoke"]);
        assert!(reports.is_empty());
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        for part in [
            "no report",
            "another run: https://github.com/acme/shop/actions/runs/6",
            "job `health` ended as failure",
            "smoke: ",
        ] {
            assert!(missing.iter().any(|finding| finding.contains(part)), "{part} in {missing:?}");
        }
        assert!(collect(Some("no JSON"), &[], &[], None, "comment").is_err());
        assert_eq!(reports.iter().map(|report| report.verdict).max(), None::<Verdict>);
    }
}
