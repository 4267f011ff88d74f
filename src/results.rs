//! The reports of earlier jobs and steps, as later ones get them, and the rule that all of the required ones must have passed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict},
    report::{Report, Run, SCHEMA},
    subject::Subject,
    values::clip,
};

/// A report, and where it came from: a job's output, a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub source: String,
    /// The text as it came: its sha256 is what the gate's annotation holds.
    pub text: String,
    pub report: Report,
}

/// All reports that were handed over, and what of it could not be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    pub received: Vec<Received>,
    pub unreadable: Vec<Finding>,
}

/// One job of `toJSON(needs)` or one step of `toJSON(steps)`.
#[derive(Deserialize)]
struct Ended {
    #[serde(default)]
    outputs: BTreeMap<String, Value>,
}

impl Reports {
    /// Reads `results`: what `toJSON(needs)` or `toJSON(steps)` gives, or one after the other. Reports are the outputs
    /// named `report`, or `health-report` and the like where one job holds several gates.
    ///
    /// # Errors
    /// Bad input when it is neither.
    pub fn from_results(results: &str) -> Result<Self, CommandError> {
        let ended = serde_json::Deserializer::from_str(results).into_iter::<BTreeMap<String, Ended>>();
        let ended: Vec<_> = ended.collect::<Result<_, _>>().map_err(|error| {
            Finding::inconclusive("`results`")
                .actual(format!("{} ({error})", clip(results, 100)))
                .expected("`${{ toJSON(needs) }}`, `${{ toJSON(steps) }}`, or one after the other")
                .bad_input()
        })?;
        let mut reports = Self::default();
        for (name, Ended { outputs }) in ended.into_iter().flatten() {
            for (output, value) in outputs {
                let is_report = output == "report" || output.ends_with("-report") || output.ends_with("_report");
                if let Some(text) = value.as_str().filter(|text| is_report && !text.is_empty()) {
                    reports.take(&format!("output `{output}` of `{name}`"), text);
                }
            }
        }
        Ok(reports)
    }

    /// Reads one report; one that cannot be read is kept as a finding.
    pub fn take(&mut self, source: &str, text: &str) {
        match serde_json::from_str::<Report>(text) {
            Ok(report) if report.schema == SCHEMA => {
                // What `run` ran counts as if each gate had its own step. Only the outer report knows its workflow run.
                for inner in &report.reports {
                    let report =
                        Report { run: report.run.clone(), dry_run: inner.dry_run || report.dry_run, ..inner.clone() };
                    self.received.push(Received { source: source.to_owned(), text: text.to_owned(), report });
                }
                self.received.push(Received { source: source.to_owned(), text: text.to_owned(), report });
            }
            Ok(report) => self.unreadable.push(
                Finding::inconclusive(source)
                    .actual(format!("a report of schema {}", report.schema))
                    .expected(format!("schema {SCHEMA}"))
                    .next("use the same version of promote-gates in all jobs"),
            ),
            Err(error) => self.unreadable.push(
                Finding::inconclusive(source).actual(format!("no report: {error}")).expected("a report of a gate"),
            ),
        }
    }

    /// One finding for each required command: whether a report of it is there, passed, not in dry-run, about `subject`
    /// and, where `run` is known, of this workflow run. Several reports of one command (a matrix) must all have passed.
    #[must_use]
    pub fn require(&self, required: &[String], subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        let mut found = self.found(required, subject, run);
        found.extend(self.unreadable.iter().cloned());
        found
    }

    /// What [`Reports::require`] says of the required commands alone.
    #[must_use]
    pub fn found(&self, required: &[String], subject: &Subject, run: Option<&Run>) -> Vec<Finding> {
        required.iter().map(|command| self.require_one(command, subject, run)).collect()
    }

    /// The reports of the required commands about `subject`: those that [`Reports::require`] lets pass.
    #[must_use]
    pub fn counted(&self, required: &[String], subject: &Subject) -> Vec<&Report> {
        let reports = self.received.iter().map(|received| &received.report);
        reports
            .filter(|report| required.contains(&report.command) && report.subject.differs_from(subject).is_none())
            .collect()
    }

    /// An output of a command, as its passed report about `subject` in this run tells it. `None` when no report that counts
    /// tells it, or two of them tell two things.
    #[must_use]
    pub fn output(&self, command: &str, name: &str, subject: &Subject, run: Option<&Run>) -> Option<&str> {
        let ours = self.received.iter().filter(|received| received.report.command == command);
        let counted = ours.filter(|received| counted(command, received, subject, run).verdict == Verdict::Passed);
        let mut told = counted.filter_map(|received| received.report.outputs.get(name).map(String::as_str));
        let first = told.next()?;
        told.all(|other| other == first).then_some(first)
    }

    fn require_one(&self, command: &str, subject: &Subject, run: Option<&Run>) -> Finding {
        let expected = format!("a passed report about {subject}");
        let all: Vec<&Received> = self.received.iter().filter(|received| received.report.command == command).collect();
        if all.is_empty() {
            return Finding::inconclusive(command).expected(expected).actual("no report of it").next(format!(
                "in the job that runs it: `outputs:` `{{ report: ${{{{ steps.{command}.outputs.report }}}} }}` with `id: {command}` on its step, \
                 and name the job in `needs:`"
            ));
        }
        all.iter()
            .map(|received| counted(command, received, subject, run).expected(&expected))
            .max_by_key(|finding| finding.verdict)
            .unwrap_or_else(|| Finding::inconclusive(command))
    }
}

/// The workflow run whose reports count. Where none is known, outside a runner, those of any run do; the log says so.
pub fn this_run(ctx: &CommandContext) -> Option<&Run> {
    let run = ctx.runner_env.run.as_ref();
    if run.is_none() {
        ctx.log.say("no workflow run is known here: reports of any run count");
    }
    run
}

fn counted(command: &str, Received { source, report, .. }: &Received, subject: &Subject, run: Option<&Run>) -> Finding {
    let evidence = |finding: Finding| {
        let source = report.run.as_ref().map_or_else(|| source.clone(), |run| run.url.clone());
        finding.seen_at(source, &report.finished_at)
    };
    let other_run = run
        .zip(report.run.as_ref())
        .is_some_and(|(ours, theirs)| (ours.id, &ours.repository) != (theirs.id, &theirs.repository));
    if let Some(difference) = report.subject.differs_from(subject) {
        return evidence(Finding::inconclusive(command).actual(format!("about another subject: {difference}")));
    }
    if report.dry_run {
        return evidence(
            Finding::inconclusive(command).actual(format!("{} in dry-run, which counts for nothing", report.verdict)),
        );
    }
    if other_run || (run.is_some() && report.run.is_none()) {
        return evidence(Finding::inconclusive(command).actual("of another workflow run"));
    }
    let finding = Finding::new(command, report.verdict).actual(format!("{}: {}", report.verdict, report.reason));
    let waived =
        report.findings.iter().find_map(|finding| finding.waived.clone()).filter(|_| report.verdict == Verdict::Passed);
    evidence(match waived {
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
        let read = Reports::from_results(&results(reports)).unwrap();
        read.require(&required, &subject(), Some(&run(7)))
            .into_iter()
            .map(|finding| (finding.verdict, finding.actual))
            .collect()
    }

    #[test]
    fn all_required_reports_passed() {
        let found =
            verdicts(&[report("health", Verdict::Passed), report("smoke", Verdict::Passed)], &["health", "smoke"]);
        assert!(found.iter().all(|(verdict, _)| *verdict == Verdict::Passed), "{found:?}");
    }

    #[test]
    fn what_does_not_count_is_named() {
        let dry = Report { dry_run: true, ..report("health", Verdict::Passed) };
        let other = Report {
            subject: r#"{"service":"checkout-service","tag":"1.4.3"}"#.parse().unwrap(),
            ..report("health", Verdict::Passed)
        };
        let elsewhere = Report { run: Some(run(8)), ..report("health", Verdict::Passed) };
        let nowhere = Report { run: None, ..report("health", Verdict::Passed) };
        let blocked = report("health", Verdict::Blocked);
        for (given, verdict, part) in [
            (vec![], Verdict::Inconclusive, "no report"),
            (vec![dry], Verdict::Inconclusive, "dry-run"),
            (vec![other], Verdict::Inconclusive, "tag 1.4.3, not 1.4.2"),
            (vec![elsewhere], Verdict::Inconclusive, "another workflow run"),
            (vec![nowhere], Verdict::Inconclusive, "another workflow run"),
            (vec![blocked.clone()], Verdict::Blocked, "as seen"),
            (vec![report("health", Verdict::Passed), blocked], Verdict::Blocked, "as seen"),
        ] {
            let found = verdicts(&given, &["health"]);
            assert_eq!(found.len(), 1);
            assert!(found[0].0 == verdict && found[0].1.contains(part), "{found:?}, wanted {part}");
        }
    }

    #[test]
    fn jobs_and_steps_can_be_given_one_after_the_other() {
        let both = format!(
            "{}\n{}",
            results(&[report("evidence", Verdict::Passed)]),
            results(&[report("wait", Verdict::Passed)])
        );
        let read = Reports::from_results(&both).unwrap();
        assert_eq!(
            read.received.iter().map(|received| &*received.report.command).collect::<Vec<_>>(),
            ["evidence", "wait"]
        );
        assert!(Reports::from_results(&format!("{both} x")).is_err());
    }

    #[test]
    fn an_output_is_taken_from_a_report_that_counts_when_all_agree() {
        let telling = |id: &str| {
            let outputs = [("evidence".to_owned(), id.to_owned())].into();
            Report { outputs, ..report("evidence", Verdict::Passed) }
        };
        let told = |reports: &[Report]| {
            let read = Reports::from_results(&results(reports)).unwrap();
            read.output("evidence", "evidence", &subject(), Some(&run(7))).map(ToOwned::to_owned)
        };
        assert_eq!(told(&[telling("a")]).as_deref(), Some("a"));
        assert_eq!(told(&[telling("a"), telling("a")]).as_deref(), Some("a"));
        assert_eq!(told(&[telling("a"), telling("b")]), None);
        assert_eq!(told(&[Report { dry_run: true, ..telling("a") }]), None);
        assert_eq!(told(&[Report { run: Some(run(8)), ..telling("a") }]), None);
        assert_eq!(told(&[Report { verdict: Verdict::Blocked, ..telling("a") }]), None);
        assert_eq!(told(&[report("evidence", Verdict::Passed)]), None);
    }

    #[test]
    fn the_gates_inside_a_run_count_and_its_dry_run_goes_for_them() {
        let mut outer = report("run", Verdict::Passed);
        outer.reports = vec![report("health", Verdict::Passed)];
        assert_eq!(verdicts(&[outer.clone()], &["health"])[0].0, Verdict::Passed);
        outer.dry_run = true;
        assert_eq!(verdicts(&[outer], &["health"])[0].0, Verdict::Inconclusive);
    }

    #[test]
    fn what_is_no_report_is_told_and_does_not_count() {
        let read =
            Reports::from_results(r#"{"health":{"outputs":{"report":"{\"schema\":1"}},"x":{"outputs":{}}}"#).unwrap();
        let found = read.require(&["health".to_owned()], &subject(), None);
        assert_eq!(
            found.iter().map(|finding| finding.verdict).collect::<Vec<_>>(),
            [Verdict::Inconclusive, Verdict::Inconclusive]
        );
        let Err(CommandError::BadInput(error)) = Reports::from_results("[]") else { panic!("must be refused") };
        assert!(error.to_string().contains("toJSON(needs)"));
    }

    #[test]
    fn a_report_of_a_newer_schema_is_refused() {
        let newer = Report { schema: 2, ..report("health", Verdict::Passed) };
        let found = verdicts(&[newer], &["health"]);
        assert!(found.iter().any(|(_, actual)| actual.contains("schema 2")), "{found:?}");
        assert!(found.iter().all(|(verdict, _)| *verdict == Verdict::Inconclusive));
    }

    #[test]
    fn twelve_maximal_reports_stay_below_what_exec_takes() {
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
        assert_eq!(Reports::from_results(&text).unwrap().received.len(), 12);
    }
}
