//! What came of a day, and whether that is what the story says.

use std::{fmt, path::PathBuf};

use super::{
    runner::Ended,
    story::{Day, Ends, Scene, What, image},
    workflows::PROMOTE,
};
use crate::{
    report::Report,
    verdict::{Finding, Verdict},
};

/// What came of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// One for each scene, in their order.
    pub endings: Vec<Ending>,
    pub audit: Option<Report>,
    /// The messages of all commits of the infra repository, newest first.
    pub commits: Vec<String>,
    /// What GitHub was told is validated, `service tag`.
    pub dispatches: Vec<String>,
    /// The titles of the open issues in the infra repository.
    pub issues: Vec<String>,
    /// Requests that GitHub's API does not know.
    pub violations: Vec<String>,
    pub summary: PathBuf,
    /// The infra repository, a bare one.
    pub infra: PathBuf,
}

/// What came of a scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// By the first step that did not pass.
    pub stopped: Option<Stopped>,
    /// The commit that it left in the infra repository.
    pub commit: Option<String>,
    /// The image in production before, and afterwards.
    pub before: String,
    pub in_production: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    pub by: String,
    pub verdict: Verdict,
    /// The command's own words, in one line.
    pub reason: String,
    /// What it saw, of its worst finding alone.
    pub seen: String,
}

impl Ending {
    /// Notes how a command ended.
    pub(super) fn take(&mut self, command: &str, Ended { verdict, reason, report, outputs, .. }: &Ended) {
        if *verdict != Verdict::Passed {
            let worst = report.findings.first();
            let seen = worst.map(|finding| format!("{}: {}", finding.check, finding.actual)).unwrap_or_default();
            let (by, reason) = (command.to_owned(), reason.clone());
            self.stopped.get_or_insert(Stopped { by, verdict: *verdict, reason, seen });
        } else if let (Some(commit), Some("true")) = (outputs.get("commit"), outputs.get("changed").map(String::as_str)) {
            self.commit = Some(commit.clone());
        }
    }

    /// In one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (&self.commit, &self.stopped) {
            (_, Some(stopped)) => stopped.verdict.word(),
            (Some(_), None) => "done",
            (None, None) => "left as it was",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        if let Some(Stopped { by, reason, .. }) = &self.stopped {
            write!(f, " ({by}: {reason})")?;
        }
        write!(f, ", and production runs {}", self.in_production)
    }
}

impl Scene {
    fn ended_as_told(&self, ending: &Ending) -> bool {
        match (&self.ends, ending) {
            (Ends::Runs(tag), Ending { stopped: None, commit: Some(_), in_production, .. }) => {
                *in_production == format!("{}:{tag}", image(self.service))
            }
            (Ends::Blocked { by, naming }, Ending { stopped: Some(stopped), commit: None, before, in_production }) => {
                let named = stopped.by == *by && stopped.reason.contains(naming);
                named && stopped.verdict == Verdict::Blocked && in_production == before
            }
            _ => false,
        }
    }

    /// Whether staging is told to be validated.
    fn is_validated(&self) -> bool {
        let far_enough = match self.ends {
            Ends::Runs(_) => true,
            Ends::Blocked { by, .. } => PROMOTE.uses(by),
        };
        far_enough && matches!(self.what, What::Release(_))
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(tag) => write!(f, "done, and production runs {tag}"),
            Self::Blocked { by, naming } => write!(f, "blocked by {by}, which names {naming}"),
        }
    }
}

/// What an entry of the ledger says it is: `normal checkout-service ghcr.io/acme/checkout-service:1.4.2`.
#[must_use]
pub fn entry(message: &str) -> Option<String> {
    let trailer = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some(format!("{} {} {}", trailer("Promotion-kind")?, trailer("Service")?, trailer("Image")?))
}

impl Played {
    /// One finding for each scene, and one each for the ledger, the issues, the audit and GitHub: passed when it is as the
    /// story says, and blocked when it is not.
    #[must_use]
    pub fn findings(&self, day: &Day) -> Vec<Finding> {
        let held = |check: &str, good: bool, expected: String, actual: String| {
            let verdict = if good { Verdict::Passed } else { Verdict::Blocked };
            Finding::new(check, verdict).expected(expected).actual(actual)
        };
        let pairs = day.scenes.iter().zip(&self.endings);
        let mut findings: Vec<Finding> = pairs
            .map(|(scene, ending)| {
                let good = scene.ended_as_told(ending);
                held(&scene.to_string(), good, scene.ends.to_string(), ending.to_string())
            })
            .collect();
        let list = |all: &[String]| if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
        let same =
            |check: &str, expected: &[String], actual: &[String]| held(check, expected == actual, list(expected), list(actual));

        let done = || day.scenes.iter().filter_map(|scene| match scene.ends {
            Ends::Runs(tag) => Some((scene, tag)),
            Ends::Blocked { .. } => None,
        });
        let expected = done().map(|(scene, tag)| format!("{} {} {}:{tag}", scene.kind(), scene.service, image(scene.service)));
        let expected: Vec<String> = expected.collect();
        let entries: Vec<String> = self.commits.iter().rev().filter_map(|message| entry(message)).collect();
        findings.push(same("commits in the infra repository", &expected, &entries));

        let expected: Vec<&Scene> = done().map(|(scene, _)| scene).filter(|scene| scene.release().is_none()).collect();
        let all_named = expected.len() == self.issues.len()
            && expected.iter().zip(&self.issues).all(|(scene, title)| title.contains(scene.service));
        let one_each = expected.iter().map(ToString::to_string).collect::<Vec<_>>();
        findings.push(held("follow-up issues", all_named, format!("one each for {}", list(&one_each)), list(&self.issues)));

        let expected: Vec<String> =
            day.scenes.iter().filter(|scene| scene.is_validated()).map(ToString::to_string).collect();
        let actual: Vec<String> = self.dispatches.iter().chain(&self.violations).cloned().collect();
        findings.push(same("told to GitHub", &expected, &actual));
        findings
    }
}
