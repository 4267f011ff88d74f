//! Reads the reports of earlier jobs and steps, and checks that all required ones passed.

pub mod batch;
mod digest;
pub mod files;
pub mod output;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::CommandError,
    finding::{Finding, Verdict},
    report::{Report, Run, SCHEMA},
    subject::Subject,
    values::clip,
};

/// A report and its source: a job's output or a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedReport {
    pub source: String,
    /// The unchanged text: the gate's annotation holds its sha256.
    pub text: String,
    pub report: Report,
}

/// All reports of a command's input, and a finding for each one that cannot be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceivedReports {
    pub received: Vec<ReceivedReport>,
    pub unreadable: Vec<Finding>,
    /// The jobs that ended without a report.
    pub without_report: Vec<SilentJob>,
}

/// A job of `toJSON(needs)` without a report among its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct SilentJob {
    pub name: String,
    /// `success`, `failure`, `skipped`, `cancelled`.
    pub result: String,
    /// Whether it has other outputs.
    pub has_outputs: bool,
}

/// One job of `toJSON(needs)` or one step of `toJSON(steps)`.
#[derive(Deserialize)]
struct CompletedStep {
    /// Only a job has one.
    #[serde(default)]
    result: Option<String>,
    /// Some runners write `null` for none.
    #[serde(default)]
    outputs: Option<BTreeMap<String, Value>>,
}

/// The next step when the outputs of a matrix were received: the last leg that ends replaces the outputs of the others.
pub const MATRIX: &str = "a matrix keeps the outputs of its last leg only: let each leg upload the file of its `report-path` as an \
                          artifact, download them here, and give the files in `reports`";

impl ReceivedReports {
    /// Reads `results`: `toJSON(needs)`, `toJSON(steps)`, or one after the other. Reports are the outputs named `report`, or
    /// `health-report` and the like if one job holds several gates.
    ///
    /// # Errors
    /// Bad input if it is anything else.
    pub fn from_results(results: &str) -> Result<Self, CommandError> {
        let documents = serde_json::Deserializer::from_str(results).into_iter::<BTreeMap<String, CompletedStep>>();
        let documents: Vec<_> = documents.collect::<Result<_, _>>().map_err(|error| {
            // The outputs of the steps include the tokens of Apps.
            let seen = if results.starts_with('{') { "other JSON".to_owned() } else { clip(results, 100) };
            Finding::inconclusive("`results`")
                .actual(format!("{seen} ({error})"))
                .expected("`${{ toJSON(needs) }}`, `${{ toJSON(steps) }}`, or one after the other")
                .bad_input()
        })?;
        let mut reports = Self::default();
        for (name, CompletedStep { result, outputs }) in documents.into_iter().flatten() {
            let outputs = outputs.unwrap_or_default();
            let (has_outputs, mut has_report) = (!outputs.is_empty(), false);
            for (output, value) in outputs {
                let is_report = output == "report" || output.ends_with("-report") || output.ends_with("_report");
                if let Some(text) = value.as_str().filter(|text| is_report && !text.is_empty()) {
                    reports.add(&format!("output `{output}` of `{name}`"), text);
                    has_report = true;
                }
            }
            if let Some(result) = result.filter(|_| !has_report) {
                reports.without_report.push(SilentJob { name, result, has_outputs });
            }
        }
        Ok(reports)
    }

    /// Reads one report; a text that is not a report becomes a finding in `unreadable`.
    pub fn add(&mut self, source: &str, text: &str) {
        match serde_json::from_str::<Report>(text) {
            Ok(report) if (1..=SCHEMA).contains(&report.schema) => {
                // A gate inside `run` counts as if it had its own step. Only the outer report knows the workflow run.
                for inner in &report.reports {
                    let report =
                        Report { run: report.run.clone(), dry_run: inner.dry_run || report.dry_run, ..inner.clone() };
                    self.received.push(ReceivedReport { source: source.to_owned(), text: text.to_owned(), report });
                }
                self.received.push(ReceivedReport { source: source.to_owned(), text: text.to_owned(), report });
            }
            Ok(report) => self.unreadable.push(
                Finding::inconclusive(source)
                    .actual(format!("a report of schema {}", report.schema))
                    .expected(format!("schema 1 to {SCHEMA}"))
                    .next("use the same version of promote-gates in all jobs"),
            ),
            Err(error) => self.unreadable.push(
                Finding::inconclusive(source).actual(format!("no report: {error}")).expected("a report of a gate"),
            ),
        }
    }

    /// One finding for each required command and for each unreadable report. A command's report counts if it passed, is not
    /// from a dry-run, is about `subject` and, if `run` is known, comes from this workflow run. Several reports of one
    /// command (a matrix) must all count.
    #[must_use]
    pub fn require(&self, required: &[String], subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        let mut findings = self.required_findings(required, subject, run);
        findings.extend(self.unreadable.iter().cloned());
        findings
    }

    /// The findings of [`ReceivedReports::require`] without those for unreadable reports.
    #[must_use]
    pub fn required_findings(&self, required: &[String], subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        required.iter().map(|command| self.require_command(command, subject, run)).collect()
    }

    /// The reports of the required commands about `subject`. All of them passed if [`ReceivedReports::require`] passed.
    #[must_use]
    pub fn matching(&self, required: &[String], subject: &Subject) -> Vec<&Report> {
        let reports = self.received.iter().map(|received| &received.report);
        reports
            .filter(|report| required.contains(&report.command) && report.subject.differs_from(subject).is_none())
            .collect()
    }

    /// The reports about `subject` that another attempt of `run` wrote. GitHub's "re-run failed jobs" keeps the outputs of the
    /// jobs that passed.
    pub fn of_other_attempts<'a>(&'a self, subject: &Subject, run: &Run) -> impl Iterator<Item = &'a ReceivedReport> {
        let is_other = |report: &Report| {
            report.run.as_ref().is_some_and(|other| {
                (other.id, &other.repository) == (run.id, &run.repository) && other.attempt != run.attempt
            })
        };
        self.received.iter().filter(move |received| {
            is_other(&received.report) && received.report.subject.differs_from(subject).is_none()
        })
    }

    /// The value of a command's output in its passed report about `subject` in this run. `None` if no report that counts has
    /// the output, or if two such reports differ.
    #[must_use]
    pub fn output(&self, command: &str, name: &str, subject: &Subject, run: Option<&Run>) -> Option<&str> {
        let of_command = self.received.iter().filter(|received| received.report.command == command);
        let passed = of_command.filter(|received| assess(command, received, subject, run).verdict == Verdict::Passed);
        let mut values = passed.filter_map(|received| received.report.outputs.get(name).map(String::as_str));
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }

    /// The finding for a command without a report. The runner gives no output that contains a secret: to the next job, it looks
    /// like an output that was never declared.
    fn missing_report(&self, command: &str) -> Finding {
        let has_command =
            |job: &&SilentJob| job.name.split(['-', '_']).any(|word| word == command) || job.name == command;
        let job = match &self.without_report[..] {
            [only] => Some(only),
            jobs => jobs.iter().find(has_command),
        };
        let declare = format!(
            "in the job that runs it: `outputs:` `{{ report: ${{{{ steps.{command}.outputs.report }}}} }}` with `id: {command}` on its step, \
             and name the job in `needs:`"
        );
        let finding = Finding::inconclusive(command);
        let Some(SilentJob { name, result, has_outputs }) = job else {
            return finding.actual("no report of it").next(declare);
        };
        let (name, result) = (clip(name, 100), clip(result, 20));
        let dropped = "look at the page of that job for the warning \"Skip output 'report' since it may contain secret\": \
                       the report contains the value of a secret, such as a name or a number, which must be no secret";
        match (result.as_str(), has_outputs) {
            ("success" | "failure", true) => finding
                .actual(format!("no report of it: job `{name}` ended as {result} and has outputs, but no report"))
                .next(format!("{dropped}; if there is none: {declare}")),
            ("success", false) => finding
                .actual(format!("no report of it: job `{name}` ended as success and has no outputs"))
                .next(format!("{declare}; if it is there, {dropped}")),
            (_, _) => finding
                .actual(format!("no report of it: job `{name}` ended as {result}"))
                .next(format!("see why that job ended as {result}: a gate that does not run to its end has no report")),
        }
    }

    fn require_command(&self, command: &str, subject: &Subject, run: Option<&Run>) -> Finding {
        let expected = format!("a passed report about {subject}");
        let all: Vec<&ReceivedReport> =
            self.received.iter().filter(|received| received.report.command == command).collect();
        if all.is_empty() {
            return self.missing_report(command).expected(expected);
        }
        all.iter()
            .map(|received| assess(command, received, subject, run).expected(&expected))
            .max_by_key(|finding| finding.verdict)
            .unwrap_or_else(|| Finding::inconclusive(command))
    }
}

/// Why a report counts for nothing, whatever its verdict is.
fn uncounted(
    command: &str,
    ReceivedReport { report, .. }: &ReceivedReport,
    subject: &Subject,
    run: Option<&Run>,
) -> Option<Finding> {
    let other_run = run
        .zip(report.run.as_ref())
        .is_some_and(|(own, other)| (own.id, &own.repository) != (other.id, &other.repository));
    if let Some(difference) = report.subject.differs_from(subject) {
        let finding = Finding::inconclusive(command).actual(format!("about another subject: {difference}"));
        return Some(finding.next(format!("let this job and the gate have the same subject; {MATRIX}")));
    }
    if report.dry_run {
        let actual = format!("{} in dry-run, which counts for nothing", report.verdict);
        return Some(Finding::inconclusive(command).actual(actual));
    }
    if other_run || (run.is_some() && report.run.is_none()) {
        let finding = Finding::inconclusive(command).actual("of another workflow run");
        return Some(finding.next("give the reports of this run: of its jobs' outputs, and of artifacts of this run"));
    }
    None
}

/// Whether one report counts, as a finding.
fn assess(command: &str, received: &ReceivedReport, subject: &Subject, run: Option<&Run>) -> Finding {
    let ReceivedReport { source, report, .. } = received;
    let with_source = |finding: Finding| {
        let source = report.run.as_ref().map_or_else(|| source.clone(), |run| run.url.clone());
        finding.seen_at(source, &report.finished_at)
    };
    if let Some(finding) = uncounted(command, received, subject, run) {
        return with_source(finding);
    }
    let finding = Finding::new(command, report.verdict).actual(format!("{}: {}", report.verdict, report.reason));
    // The report names the next step of its worst check; a report of another version may have none.
    let next = report.findings.iter().find_map(|finding| finding.next.clone());
    let finding = match report.verdict {
        Verdict::Passed => finding,
        _ => finding.next(next.unwrap_or_else(|| "see the report of this gate, and validate again".to_owned())),
    };
    let waived =
        report.findings.iter().find_map(|finding| finding.waived.clone()).filter(|_| report.verdict == Verdict::Passed);
    with_source(match waived {
        Some(waived) => finding.waived(waived),
        None => finding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Outcome, compact::compact};

    fn report(command: &str, verdict: Verdict) -> Report {
        let mut report = Report::open(command, String::new());
        report.subject = subject();
        report.run = Some(run(7));
        report.close(
            Ok(Outcome::from(vec![Finding::new("check", verdict).actual("as seen")])),
            "2026-01-01T00:00:00Z".to_owned(),
        );
        report
    }

    fn subject() -> Subject {
        r#"{"service":"checkout-service","tag":"1.4.2"}"#.parse().unwrap()
    }

    fn run(id: u64) -> Run {
        Run {
            repository: "acme/shop".to_owned(),
            id,
            attempt: 1,
            url: format!("https://github.com/acme/shop/actions/runs/{id}"),
            job: String::new(),
        }
    }

    fn results(reports: &[Report]) -> String {
        let jobs = reports.iter().enumerate().map(|(at, report)| {
            (format!("job-{at}"), serde_json::json!({ "result": "success", "outputs": { "report": compact(report, "").text, "other": "x" } }))
        });
        Value::Object(jobs.collect()).to_string()
    }

    fn verdicts(reports: &[Report], required: &[&str]) -> Vec<(Verdict, String)> {
        let required: Vec<String> = required.iter().map(ToString::to_string).collect();
        let read = ReceivedReports::from_results(&results(reports)).unwrap();
        read.require(&required, &subject(), Some(&run(7)))
            .into_iter()
            .map(|finding| (finding.verdict, finding.actual))
            .collect()
    }

    #[test]
    fn all_required_reports_passed() {
        let findings =
            verdicts(&[report("health", Verdict::Passed), report("smoke", Verdict::Passed)], &["health", "smoke"]);
        assert!(findings.iter().all(|(verdict, _)| *verdict == Verdict::Passed), "{findings:?}");
    }

    #[test]
    fn a_job_whose_outputs_are_null_has_none() {
        let health = serde_json::json!({ "report": compact(&report("health", Verdict::Passed), "").text });
        let results =
            serde_json::json!({ "gate": { "outputs": health }, "record": { "result": "success", "outputs": null } });
        assert_eq!(ReceivedReports::from_results(&results.to_string()).unwrap().received.len(), 1);
    }

    #[test]
    fn a_report_that_does_not_count_says_why() {
        let dry = Report { dry_run: true, ..report("health", Verdict::Passed) };
        let other = Report {
            subject: r#"{"service":"checkout-service","tag":"1.4.3"}"#.parse().unwrap(),
            ..report("health", Verdict::Passed)
        };
        let elsewhere = Report { run: Some(run(8)), ..report("health", Verdict::Passed) };
        let nowhere = Report { run: None, ..report("health", Verdict::Passed) };
        let blocked = report("health", Verdict::Blocked);
        for (reports, verdict, part) in [
            (vec![], Verdict::Inconclusive, "no report"),
            (vec![dry], Verdict::Inconclusive, "dry-run"),
            (vec![other], Verdict::Inconclusive, "tag 1.4.3, not 1.4.2"),
            (vec![elsewhere], Verdict::Inconclusive, "another workflow run"),
            (vec![nowhere], Verdict::Inconclusive, "another workflow run"),
            (vec![blocked.clone()], Verdict::Blocked, "as seen"),
            (vec![report("health", Verdict::Passed), blocked], Verdict::Blocked, "as seen"),
        ] {
            let findings = verdicts(&reports, &["health"]);
            assert_eq!(findings.len(), 1);
            assert!(findings[0].0 == verdict && findings[0].1.contains(part), "{findings:?}, wanted {part}");
        }
    }

    #[test]
    fn jobs_and_steps_can_be_given_one_after_the_other() {
        let both = format!(
            "{}\n{}",
            results(&[report("evidence", Verdict::Passed)]),
            results(&[report("wait", Verdict::Passed)])
        );
        let read = ReceivedReports::from_results(&both).unwrap();
        assert_eq!(
            read.received.iter().map(|received| &*received.report.command).collect::<Vec<_>>(),
            ["evidence", "wait"]
        );
        let error = ReceivedReports::from_results(&format!("{both} x")).unwrap_err();
        let CommandError::BadInput(finding) = error else { panic!("{error:?}") };
        assert!(finding.to_string().contains("other JSON") && !finding.to_string().contains("evidence"), "{finding}");
    }

    #[test]
    fn an_output_comes_from_the_reports_that_count_if_all_agree() {
        let with_output = |id: &str| {
            let outputs = [("evidence".to_owned(), id.to_owned())].into();
            Report { outputs, ..report("evidence", Verdict::Passed) }
        };
        let output = |reports: &[Report]| {
            let read = ReceivedReports::from_results(&results(reports)).unwrap();
            read.output("evidence", "evidence", &subject(), Some(&run(7))).map(ToOwned::to_owned)
        };
        assert_eq!(output(&[with_output("a")]).as_deref(), Some("a"));
        assert_eq!(output(&[with_output("a"), with_output("a")]).as_deref(), Some("a"));
        assert_eq!(output(&[with_output("a"), with_output("b")]), None);
        assert_eq!(output(&[Report { dry_run: true, ..with_output("a") }]), None);
        assert_eq!(output(&[Report { run: Some(run(8)), ..with_output("a") }]), None);
        assert_eq!(output(&[Report { verdict: Verdict::Blocked, ..with_output("a") }]), None);
        assert_eq!(output(&[report("evidence", Verdict::Passed)]), None);
    }

    #[test]
    fn the_gates_inside_a_run_count_and_inherit_its_dry_run() {
        let mut outer = report("run", Verdict::Passed);
        outer.reports = vec![report("health", Verdict::Passed)];
        assert_eq!(verdicts(&[outer.clone()], &["health"])[0].0, Verdict::Passed);
        outer.dry_run = true;
        assert_eq!(verdicts(&[outer], &["health"])[0].0, Verdict::Inconclusive);
    }

    #[test]
    fn a_text_that_is_not_a_report_is_inconclusive() {
        let read =
            ReceivedReports::from_results(r#"{"health":{"outputs":{"report":"{\"schema\":1"}},"x":{"outputs":{}}}"#)
                .unwrap();
        let findings = read.require(&["health".to_owned()], &subject(), None);
        assert_eq!(
            findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>(),
            [Verdict::Inconclusive, Verdict::Inconclusive]
        );
        let Err(CommandError::BadInput(error)) = ReceivedReports::from_results("[]") else { panic!("must be refused") };
        assert!(error.to_string().contains("toJSON(needs)"));
    }

    #[test]
    fn a_report_of_a_newer_schema_is_refused() {
        let newer = Report { schema: 3, ..report("health", Verdict::Passed) };
        let findings = verdicts(&[newer], &["health"]);
        assert!(findings.iter().any(|(_, actual)| actual.contains("schema 3")), "{findings:?}");
        assert!(findings.iter().all(|(verdict, _)| *verdict == Verdict::Inconclusive));
    }

    #[test]
    fn twelve_maximal_reports_stay_below_the_limit_of_exec() {
        // Of findings of many lengths, the report whose compact form is the largest.
        let of_length = |length: usize| {
            let long = "\"\\\n🦀".repeat(length);
            let mut report = report("health", Verdict::Passed);
            report.close(
                Ok(Outcome::from(vec![Finding::passed(&long).expected(&long).actual(&long); 30])),
                String::new(),
            );
            report
        };
        let maximal = (1..60).map(of_length).max_by_key(|report| compact(report, "").text.len()).unwrap();
        let all = vec![maximal; 12];
        let text = results(&all);
        assert!(text.len() > 60_000, "they are large: {}", text.len());
        assert!(text.len() < 128 * 1024, "{}", text.len());
        assert_eq!(ReceivedReports::from_results(&text).unwrap().received.len(), 12);
    }
}
