//! The results of a release day, compared with the expected ones.

use std::{fmt, path::PathBuf};

use super::{
    release_day::{ChangeKind, ExpectedResult, PlannedChange, ReleaseDay, image},
    runner::StepResult,
    workflows::PROMOTE,
};
use crate::{
    finding::{Finding, Verdict},
    report::Report,
};

/// The result of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct DayResult {
    /// One for each planned change, in their order.
    pub changes: Vec<ChangeResult>,
    pub audit: Option<Report>,
    /// The messages of all commits of the infra repository, newest first.
    pub commits: Vec<String>,
    /// The repository dispatches sent after validations, as `service tag`.
    pub dispatches: Vec<String>,
    /// The titles of the open issues in the infra repository.
    pub issues: Vec<String>,
    /// Requests that GitHub's API does not have.
    pub violations: Vec<String>,
    /// The file with all job summaries.
    pub summary: PathBuf,
    /// The infra repository, which is bare.
    pub infra: PathBuf,
}

/// The result of one change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeResult {
    /// The first step that did not pass.
    pub failed_step: Option<FailedStep>,
    /// The commit that it pushed to the infra repository.
    pub commit: Option<String>,
    /// The image in production before the change.
    pub image_before: String,
    /// The image in production after it.
    pub image_after: String,
}

/// A step whose command did not pass.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedStep {
    pub command: String,
    pub verdict: Verdict,
    /// The reason as the command reports it, in one line.
    pub reason: String,
    /// What its worst finding observed.
    pub observed: String,
}

impl ChangeResult {
    /// Adds the result of a step.
    pub(super) fn record(&mut self, command: &str, step: &StepResult) {
        if step.verdict != Verdict::Passed {
            let StepResult { verdict, reason, report, .. } = step;
            let worst = report.findings.first();
            let observed = worst.map(|finding| format!("{}: {}", finding.check, finding.actual)).unwrap_or_default();
            let (command, reason) = (command.to_owned(), reason.clone());
            self.failed_step.get_or_insert(FailedStep { command, verdict: *verdict, reason, observed });
        } else if let Some(commit) = step.commit() {
            self.commit = Some(commit.to_owned());
        }
    }
}

impl fmt::Display for ChangeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(FailedStep { command, verdict, reason, .. }) = &self.failed_step {
            write!(f, "{verdict} ({command}: {reason}), and ")?;
        }
        let change = if self.commit.is_some() { "a commit, and " } else { "" };
        write!(f, "{change}production runs {}", self.image_after)
    }
}

impl PlannedChange {
    fn has_expected(&self, result: &ChangeResult) -> bool {
        match (&self.expected, result) {
            (ExpectedResult::Deployed(tag), ChangeResult { failed_step: None, commit: Some(_), image_after, .. }) => {
                *image_after == format!("{}:{tag}", image(self.service))
            }
            (
                ExpectedResult::Blocked { command, reason_part },
                ChangeResult { failed_step: Some(step), commit: None, image_before, image_after },
            ) => {
                let named = step.command == *command && step.reason.contains(reason_part);
                named && step.verdict == Verdict::Blocked && image_after == image_before
            }
            _ => false,
        }
    }

    /// Its result in a word or two.
    #[must_use]
    pub const fn outcome(&self, result: &ChangeResult) -> &'static str {
        match (&result.failed_step, &result.commit, &self.kind) {
            (Some(step), ..) => step.verdict.word(),
            (None, None, _) => "unchanged",
            (None, Some(_), ChangeKind::Release(_) | ChangeKind::Emergency { .. }) => "promoted",
            (None, Some(_), ChangeKind::Rollback(_)) => "rolled back",
        }
    }

    /// Whether its validation should send a repository dispatch.
    fn sends_dispatch(&self) -> bool {
        let reaches_promotion = match self.expected {
            ExpectedResult::Deployed(_) => true,
            ExpectedResult::Blocked { command, .. } => PROMOTE.uses(command),
        };
        reaches_promotion && matches!(self.kind, ChangeKind::Release(_))
    }
}

impl fmt::Display for ExpectedResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployed(tag) => write!(f, "a commit, and production runs {tag}"),
            Self::Blocked { command, reason_part } => write!(f, "blocked by {command}, which names {reason_part}"),
        }
    }
}

/// The promotion in a commit message, as `normal checkout-service ghcr.io/acme/checkout-service:1.4.2`; `None` for any other
/// commit.
#[must_use]
pub fn ledger_entry(message: &str) -> Option<String> {
    let trailer = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some(format!("{} {} {}", trailer("Promotion-kind")?, trailer("Service")?, trailer("Image")?))
}

/// The outputs of the audit that are counts.
const COUNTS: [&str; 4] = ["promotions", "emergencies", "rollbacks", "by-hand"];

fn format_counts<'a>(count: impl Fn(usize, &str) -> Option<&'a String>) -> String {
    let counts = COUNTS.iter().enumerate().map(|(index, name)| {
        let count = count(index, name).map_or("missing", String::as_str);
        format!("{name}: {count}")
    });
    counts.collect::<Vec<_>>().join(", ")
}

impl DayResult {
    /// One finding for each change, and one each for the ledger, the issues, the audit and the dispatches: passed when the result
    /// is the expected one, blocked otherwise.
    #[must_use]
    pub fn findings(&self, day: &ReleaseDay) -> Vec<Finding> {
        let compared = |check: &str, equal: bool, expected: String, actual: String| {
            let verdict = if equal { Verdict::Passed } else { Verdict::Blocked };
            Finding::new(check, verdict).expected(expected).actual(actual)
        };
        let pairs = day.changes.iter().zip(&self.changes);
        let mut findings: Vec<Finding> = pairs
            .map(|(change, result)| {
                let equal = change.has_expected(result);
                compared(&change.to_string(), equal, change.expected.to_string(), result.to_string())
            })
            .collect();
        let list = |all: &[String]| if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
        let lists = |check: &str, expected: &[String], actual: &[String]| {
            compared(check, expected == actual, list(expected), list(actual))
        };

        let deployed = || {
            day.changes.iter().filter_map(|change| match change.expected {
                ExpectedResult::Deployed(tag) => Some((change, tag)),
                ExpectedResult::Blocked { .. } => None,
            })
        };
        let expected = deployed().map(|(change, tag)| {
            format!("{} {} {}:{tag}", change.promotion_kind(), change.service, image(change.service))
        });
        let expected: Vec<String> = expected.collect();
        let entries: Vec<String> = self.commits.iter().rev().filter_map(|message| ledger_entry(message)).collect();
        findings.push(lists("commits in the infra repository", &expected, &entries));

        let expected: Vec<&PlannedChange> =
            deployed().map(|(change, _)| change).filter(|change| change.release().is_none()).collect();
        let all_named = expected.len() == self.issues.len()
            && expected.iter().zip(&self.issues).all(|(change, title)| title.contains(change.service));
        let one_each = expected.iter().map(ToString::to_string).collect::<Vec<_>>();
        findings.push(compared(
            "follow-up issues",
            all_named,
            format!("one each for {}", list(&one_each)),
            list(&self.issues),
        ));

        let count = |kind: &str| deployed().filter(|(change, _)| change.promotion_kind() == kind).count().to_string();
        let counts = [count("normal"), count("emergency"), count("rollback"), "0".to_owned()];
        let expected = [Verdict::Passed.word().to_owned(), format_counts(|index, _| Some(&counts[index]))];
        let actual = self.audit.as_ref().map_or_else(Vec::new, |report| {
            vec![report.verdict.word().to_owned(), format_counts(|_, name| report.outputs.get(name))]
        });
        findings.push(lists("the audit", &expected, &actual));

        let expected: Vec<String> =
            day.changes.iter().filter(|change| change.sends_dispatch()).map(ToString::to_string).collect();
        let actual: Vec<String> = self.dispatches.iter().chain(&self.violations).cloned().collect();
        findings.push(lists("repository dispatches", &expected, &actual));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::CommandError, finding::verdict, report::Outcome, sandbox::infra::FIRST_TAG};

    /// A day with the expected results.
    fn expected_result(day: &ReleaseDay) -> DayResult {
        let change_result = |change: &PlannedChange| {
            let tagged = |tag: &str| format!("{}:{tag}", image(change.service));
            let unchanged = ChangeResult {
                image_before: tagged(FIRST_TAG),
                image_after: tagged(FIRST_TAG),
                ..ChangeResult::default()
            };
            match change.expected {
                ExpectedResult::Deployed(tag) => {
                    ChangeResult { commit: Some("3f2a".to_owned()), image_after: tagged(tag), ..unchanged }
                }
                ExpectedResult::Blocked { command, reason_part } => ChangeResult {
                    failed_step: Some(FailedStep {
                        command: command.to_owned(),
                        verdict: Verdict::Blocked,
                        reason: format!("too much of {reason_part}"),
                        observed: String::new(),
                    }),
                    ..unchanged
                },
            }
        };
        let entry = |kind: &str, image: &str| {
            let service = image.split(':').next().unwrap_or_default();
            format!("a title\n\nService: {service}\nImage: ghcr.io/acme/{image}\nPromotion-kind: {kind}")
        };
        let mut audit = Report::open("audit", String::new());
        let outputs = COUNTS.into_iter().zip(["2", "1", "1", "0"].map(String::from)).collect();
        audit.close(Ok(Outcome { outputs, ..vec![Finding::passed("emergencies")].into() }), String::new());
        DayResult {
            changes: day.changes.iter().map(change_result).collect(),
            audit: Some(audit),
            commits: vec![
                entry("rollback", "checkout-service:1.4.1"),
                entry("emergency", "payments-service:1.6.1"),
                entry("normal", "payments-service:1.6.0"),
                entry("normal", "checkout-service:1.4.2"),
                "the morning".to_owned(),
            ],
            dispatches: ["checkout-service 1.4.2", "payments-service 1.6.0", "inventory-service 1.4.3"]
                .map(String::from)
                .into(),
            issues: ["about payments-service", "about checkout-service"].map(String::from).into(),
            violations: Vec::new(),
            summary: PathBuf::new(),
            infra: PathBuf::new(),
        }
    }

    #[test]
    fn each_difference_from_the_expected_result_blocks_its_own_check() {
        type Edit = fn(&mut DayResult);
        const LEDGER: &str = "commits in the infra repository";
        let day = ReleaseDay::thursday();
        assert_eq!(
            verdict(&expected_result(&day).findings(&day)),
            Verdict::Passed,
            "{:?}",
            expected_result(&day).findings(&day)
        );
        let edits: [(&str, Edit); 16] = [
            ("checkout-service 1.4.2", |result| result.changes[0].commit = None),
            ("checkout-service 1.4.2", |result| result.changes[0].image_after = "checkout-service:1.4.2".to_owned()),
            ("catalog-service 1.5.0", |result| result.changes[1].commit = result.changes[0].commit.clone()),
            ("catalog-service 1.5.0", |result| {
                result.changes[1].failed_step.as_mut().unwrap().command = "health".to_owned();
            }),
            ("frontend 2.0.0", |result| {
                result.changes[2].failed_step.as_mut().unwrap().verdict = Verdict::Inconclusive;
            }),
            ("frontend 2.0.0", |result| {
                result.changes[2].failed_step.as_mut().unwrap().reason = "some file".to_owned();
            }),
            ("inventory-service 1.4.3", |result| result.changes[4].image_after.clear()),
            ("checkout-service rollback", |result| {
                result.changes[6].failed_step = result.changes[1].failed_step.clone();
            }),
            (LEDGER, |result| result.commits.insert(0, result.commits[0].clone())),
            (LEDGER, |result| result.commits[1] = result.commits[1].replace("emergency", "normal")),
            ("follow-up issues", |result| result.issues.push("another".to_owned())),
            ("the audit", |result| result.audit.as_mut().unwrap().close(Err(CommandError::Cancelled), String::new())),
            ("the audit", |result| result.audit = None),
            ("the audit", |result| result.audit.as_mut().unwrap().outputs.clear()),
            ("repository dispatches", |result| result.dispatches.clear()),
            ("repository dispatches", |result| result.violations.push("GET /: 404".to_owned())),
        ];
        for (check, edit) in edits {
            let mut result = expected_result(&day);
            edit(&mut result);
            let blocked: Vec<String> = result
                .findings(&day)
                .into_iter()
                .filter(|finding| finding.verdict != Verdict::Passed)
                .map(|finding| finding.check)
                .collect();
            assert_eq!(blocked, [check]);
        }
    }
}
