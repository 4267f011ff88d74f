//! The gates' reports: each must be the one that its job told of, and what is required must have passed not long ago.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::Case;
use crate::{
    commands::evidence::{
        observations::{Job, Jobs, Notice, Seen},
        payload::Text,
    },
    finding::{Finding, Verdict},
    report::compact::hex_sha256,
    results::Received,
    subject::Subject,
    values::{HumanDuration, clip},
};

/// How far GitHub's clock and ours may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How much of what a report says goes into a finding, in characters.
const CLIP: usize = 300;
/// The same of a name.
const NAME: usize = 60;

/// A report and the job that told of it.
pub(in crate::commands::evidence) struct Gate<'a> {
    pub received: &'a Received,
    pub job: &'a Job,
    /// When the job ended, by GitHub's clock.
    pub ended: Timestamp,
}

/// The reports whose jobs are known, in the payload's order; what ran several of them is told by those alone.
pub(in crate::commands::evidence) fn gates<'a>(received: &'a [Received], jobs: &'a Jobs) -> Vec<Gate<'a>> {
    let told = received.iter().filter(|received| received.report.reports.is_empty());
    told.filter_map(|received| {
        let job = jobs.of(&sha256(received))?;
        Some(Gate { received, job, ended: job.completed_at? })
    })
    .collect()
}

fn sha256(received: &Received) -> String {
    hex_sha256(received.text.as_bytes())
}

/// The reports, held against what was seen.
struct Reports<'a> {
    case: &'a Case<'a>,
    jobs: &'a Jobs,
    /// The one that they all have to be about; its commit is the one that GitHub tells of the run that built it.
    release: Subject,
    now: Timestamp,
}

impl Case<'_> {
    pub(super) fn gates(&self, seen: &Seen) -> Vec<Finding> {
        // They all judged it in one place, which is not the one that it goes to.
        let environment = self.claim.payload.subject.environment.clone();
        let release = Subject { environment, ..self.subject(seen) };
        let reports = Reports { case: self, jobs: &seen.jobs, release, now: seen.now };
        let required = self.required.iter().map(|command| reports.required(command));
        // Whatever else is there is shown to whoever approves, so it has to be true as well.
        let is_required = |received: &&Received| self.required.contains(&received.report.command);
        let mentioned: BTreeSet<String> = self.claim.received.iter().filter(is_required).map(sha256).collect();
        let others = self.claim.texts.iter().filter(|text| !mentioned.contains(&text.sha256));
        required.chain(others.flat_map(|text| reports.other(text))).collect()
    }

    /// What must hold of the reports whatever their own settings say.
    pub(super) fn policies(&self) -> Vec<Finding> {
        let asked = self.claim.received.iter().flat_map(|received| {
            let conditions = self.policy.get(&received.report.command).into_iter().flatten();
            conditions.map(move |condition| (received, condition))
        });
        asked
            .map(|(received, condition)| {
                let finding = Finding::new(format!("policy: {}", received.report.command), Verdict::Passed);
                let finding = finding.expected(condition.expression.text()).seen_at(&condition.location, "");
                // A report is made of texts, numbers and lists: it is always JSON.
                let report = serde_json::to_value(&received.report).unwrap_or_default();
                if let Some(absent) = condition.expression.missing_path(&report) {
                    return Finding { verdict: Verdict::Inconclusive, ..finding }
                        .actual(clip(&absent, CLIP))
                        .next("what may be absent says so in the condition: `(.settings.attempts // 1) <= 3`");
                }
                let found = condition.expression.explain(&report);
                match condition.expression.holds(&report) {
                    Ok(true) => finding.actual(found.unwrap_or_else(|| "so it is".to_owned())),
                    Ok(false) => Finding { verdict: Verdict::Blocked, ..finding }
                        .actual(clip(&found.unwrap_or_else(|| "it is not so".to_owned()), CLIP))
                        .next("the service's settings are laxer than `policy` allows: bring them back, and validate again"),
                    Err(problem) => {
                        Finding { verdict: Verdict::Inconclusive, ..finding }.actual(clip(&problem.to_string(), CLIP))
                    }
                }
            })
            .collect()
    }
}

impl<'a> Reports<'a> {
    /// Several reports of one gate (a matrix) must all be in order.
    fn required(&self, command: &str) -> Finding {
        let expected = format!(
            "a passed report of this run and release, told by a job that succeeded, at most {} old",
            self.case.max_age
        );
        let all = self.case.claim.received.iter().filter(|received| received.report.command == command);
        let worst = all.map(|received| self.gate(received)).max_by_key(|finding| finding.verdict);
        let finding = worst.unwrap_or_else(|| {
            let commands: Vec<&str> = self.case.claim.texts.iter().map(|text| text.command.as_str()).collect();
            let actual = format!("no report of it in the payload, only of {}", commands.join(", "));
            Finding::blocked(command).actual(clip(&actual, CLIP)).next("let `record` require it as well")
        });
        finding.expected(expected)
    }

    /// Nobody asked for it: it need not have passed, and the finding says when it did not.
    fn other(&self, text: &Text) -> Vec<Finding> {
        let all = self.case.claim.received.iter().filter(|received| sha256(received) == text.sha256);
        let findings = all.map(|received| {
            let finding = self.gate(received).expected("a report of this run and release, told by its job");
            let honest = self.authentic(received).is_ok();
            if honest && finding.verdict != Verdict::Passed {
                let finding = Finding { verdict: Verdict::Passed, ..finding };
                return finding.waived("`required` does not name it");
            }
            finding
        });
        findings.collect()
    }

    /// The report is about this release, of this run, and a job of the run told of this very text.
    fn authentic(&self, received: &Received) -> Result<&'a Job, Finding> {
        let Received { report, .. } = received;
        let command = &clip(&report.command, NAME);
        let told = &self.case.claim.payload.run;
        let blocked = |actual: String| Err(Finding::blocked(command).actual(actual));
        let differs = report.subject.differs_from(&self.release);
        if let Some(difference) = differs.or_else(|| super::unlike(&report.subject, &self.release)) {
            return blocked(format!("its report is about another subject: {difference}"));
        }
        // The event that started the run told the gate its commit: that ties the run to what was deployed.
        if self.case.origin.deploy_workflow.is_some() && report.subject.commit.is_none() {
            return Err(Finding::inconclusive(command)
                .actual("its report names no commit")
                .next("run the gates in the workflow that the deploy workflow's end starts (`workflow_run`)"));
        }
        match &report.run {
            Some(run)
                if run.id == told.id
                    && run.attempt == told.attempt
                    && run.repository.eq_ignore_ascii_case(&told.repository.to_string()) => {}
            Some(run) => {
                let next = "run all jobs of the validation again, so that every gate is of one attempt";
                let actual = format!(
                    "its report is of attempt {} of run {} of {}, and attempt {} of run {} is told of",
                    run.attempt,
                    run.id,
                    clip(&run.repository, CLIP),
                    told.attempt,
                    told.id
                );
                return Err(Finding::blocked(command).actual(actual).next(next));
            }
            None => return blocked("its report is of no workflow run".to_owned()),
        }
        let sha256 = sha256(received);
        self.jobs.of(&sha256).ok_or_else(|| self.untold(command, &sha256))
    }

    /// No job told of the report.
    fn untold(&self, command: &str, sha256: &str) -> Finding {
        let jobs = self.jobs;
        let Some(all) = &jobs.all else {
            let finding = Finding::inconclusive(command).actual("the jobs of the validating run were not seen");
            return match &jobs.trouble {
                Some(error) => super::unobservable(command, error),
                None => finding,
            };
        };
        if let Some(error) = &jobs.trouble {
            return super::unobservable(command, error);
        }
        let others: Vec<String> = jobs
            .notices()
            .filter(|(_, notice)| notice.command == command)
            .map(|(job, Notice { sha256, .. })| {
                format!("job `{}` told of sha256 {}", clip(&job.name, NAME), clip(sha256, 64))
            })
            .collect();
        let told =
            if others.is_empty() { format!("none of the {} jobs told of one", all.len()) } else { others.join(", ") };
        let crowded = all.iter().find(|job| jobs.said.get(&job.id).is_some_and(|said| said.len() >= MOST_KEPT));
        match crowded {
            Some(job) if others.is_empty() => Finding::inconclusive(command)
                .actual(format!("{told}, but job `{}` said more than GitHub keeps", clip(&job.name, NAME)))
                .next("run the gate in a job that makes fewer annotations"),
            _ => Finding::blocked(command).actual(clip(&format!("its report has sha256 {sha256}; {told}"), 2 * CLIP)),
        }
    }

    fn gate(&self, received: &Received) -> Finding {
        let Received { report, .. } = received;
        let command = &clip(&report.command, NAME);
        let job = match self.authentic(received) {
            Ok(job) => job,
            Err(finding) => return finding,
        };
        let name = clip(&job.name, NAME);
        let finding = |verdict, actual: String| {
            let at = job.completed_at.map(|at| at.to_string()).unwrap_or_default();
            Finding::new(command, verdict).actual(actual).seen_at(format!("job {name}"), at)
        };
        let said = format!("{}: {}", report.verdict, clip(&report.reason, CLIP));
        if report.dry_run {
            return finding(Verdict::Blocked, format!("{said} in dry-run, which counts for nothing"));
        }
        if report.verdict != Verdict::Passed {
            return finding(report.verdict, said);
        }
        let ended = match (job.conclusion.as_deref(), job.completed_at) {
            (Some("success"), Some(ended)) => ended,
            (None, _) | (_, None) => {
                return finding(Verdict::Inconclusive, format!("{said}; its job `{name}` is {}", job.status));
            }
            (Some(other), _) => {
                return finding(Verdict::Blocked, format!("{said}, but its job `{name}` ended as {other}"));
            }
        };
        let age = self.now.duration_since(ended);
        if age < -SKEW {
            let actual = format!("its job ended at {ended}, and it is {} here", self.now);
            return finding(Verdict::Inconclusive, actual).next("set the runner's clock");
        }
        let old = since(ended, self.now);
        let too_old = old.0 > self.case.max_age.0;
        let verdict = if too_old { Verdict::Blocked } else { Verdict::Passed };
        let finding = finding(verdict, format!("{said}; {old} ago, in job `{name}`"));
        let waived = report.findings.iter().find_map(|finding| finding.waived.as_deref());
        match waived {
            _ if too_old => finding.next("validate the release again"),
            Some(waived) => finding.waived(clip(waived, CLIP)),
            None => finding,
        }
    }
}

/// The annotations that GitHub keeps of a job at most: its documentation of workflow commands.
const MOST_KEPT: usize = 50;

/// How long ago something was, in whole seconds.
pub(in crate::commands::evidence) fn since(then: Timestamp, now: Timestamp) -> HumanDuration {
    let age = now.duration_since(then).max(SignedDuration::ZERO).unsigned_abs();
    HumanDuration(Duration::from_secs(age.as_secs()))
}
