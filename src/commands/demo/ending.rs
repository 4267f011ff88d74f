//! What came of a day, and whether that is what the story says.

use std::{fmt, path::PathBuf};

use super::{
    runner::Ended,
    story::{Day, Ends, Scene, What, image},
    workflows::PROMOTE,
};
use crate::{
    finding::{Finding, Verdict},
    report::Report,
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
    pub(super) fn take(&mut self, command: &str, ended: &Ended) {
        if ended.verdict != Verdict::Passed {
            let Ended { verdict, reason, report, .. } = ended;
            let worst = report.findings.first();
            let seen = worst.map(|finding| format!("{}: {}", finding.check, finding.actual)).unwrap_or_default();
            let (by, reason) = (command.to_owned(), reason.clone());
            self.stopped.get_or_insert(Stopped { by, verdict: *verdict, reason, seen });
        } else if let Some(commit) = ended.commit() {
            self.commit = Some(commit.to_owned());
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Stopped { by, verdict, reason, .. }) = &self.stopped {
            write!(f, "{verdict} ({by}: {reason}), and ")?;
        }
        let change = if self.commit.is_some() { "a commit, and " } else { "" };
        write!(f, "{change}production runs {}", self.in_production)
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

    /// What became of it, in a word or two.
    #[must_use]
    pub const fn became(&self, ending: &Ending) -> &'static str {
        match (&ending.stopped, &ending.commit, &self.what) {
            (Some(stopped), ..) => stopped.verdict.word(),
            (None, None, _) => "left as it was",
            (None, Some(_), What::Release(_) | What::Emergency { .. }) => "promoted",
            (None, Some(_), What::Rollback(_)) => "taken back",
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
            Self::Runs(tag) => write!(f, "a commit, and production runs {tag}"),
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

/// What the audit counts.
pub const FIGURES: [&str; 4] = ["promotions", "emergencies", "rollbacks", "by-hand"];

fn figures<'a>(told: impl Fn(usize, &str) -> Option<&'a String>) -> String {
    let figures = FIGURES.iter().enumerate().map(|(at, name)| {
        let told = told(at, name).map_or("not told", String::as_str);
        format!("{name}: {told}")
    });
    figures.collect::<Vec<_>>().join(", ")
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
        let same = |check: &str, expected: &[String], actual: &[String]| {
            held(check, expected == actual, list(expected), list(actual))
        };

        let done = || {
            day.scenes.iter().filter_map(|scene| match scene.ends {
                Ends::Runs(tag) => Some((scene, tag)),
                Ends::Blocked { .. } => None,
            })
        };
        let expected =
            done().map(|(scene, tag)| format!("{} {} {}:{tag}", scene.kind(), scene.service, image(scene.service)));
        let expected: Vec<String> = expected.collect();
        let entries: Vec<String> = self.commits.iter().rev().filter_map(|message| entry(message)).collect();
        findings.push(same("commits in the infra repository", &expected, &entries));

        let expected: Vec<&Scene> = done().map(|(scene, _)| scene).filter(|scene| scene.release().is_none()).collect();
        let all_named = expected.len() == self.issues.len()
            && expected.iter().zip(&self.issues).all(|(scene, title)| title.contains(scene.service));
        let one_each = expected.iter().map(ToString::to_string).collect::<Vec<_>>();
        findings.push(held(
            "follow-up issues",
            all_named,
            format!("one each for {}", list(&one_each)),
            list(&self.issues),
        ));

        let count = |kind: &str| done().filter(|(scene, _)| scene.kind() == kind).count().to_string();
        let counts = [count("normal"), count("emergency"), count("rollback"), "0".to_owned()];
        let expected = [Verdict::Passed.word().to_owned(), figures(|at, _| Some(&counts[at]))];
        let actual = self.audit.as_ref().map_or_else(Vec::new, |report| {
            vec![report.verdict.word().to_owned(), figures(|_, name| report.outputs.get(name))]
        });
        findings.push(same("the audit", &expected, &actual));

        let expected: Vec<String> =
            day.scenes.iter().filter(|scene| scene.is_validated()).map(ToString::to_string).collect();
        let actual: Vec<String> = self.dispatches.iter().chain(&self.violations).cloned().collect();
        findings.push(same("told to GitHub", &expected, &actual));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::CommandError, finding::verdict, report::Outcome, sandbox::infra::FIRST_TAG};

    /// The day as the story has it.
    fn as_told(day: &Day) -> Played {
        let ending = |scene: &Scene| {
            let runs = |tag: &str| format!("{}:{tag}", image(scene.service));
            let ending = Ending { before: runs(FIRST_TAG), in_production: runs(FIRST_TAG), ..Ending::default() };
            match scene.ends {
                Ends::Runs(tag) => Ending { commit: Some("3f2a".to_owned()), in_production: runs(tag), ..ending },
                Ends::Blocked { by, naming } => Ending {
                    stopped: Some(Stopped {
                        by: by.to_owned(),
                        verdict: Verdict::Blocked,
                        reason: format!("too much of {naming}"),
                        seen: String::new(),
                    }),
                    ..ending
                },
            }
        };
        let entry = |kind: &str, image: &str| {
            let service = image.split(':').next().unwrap_or_default();
            format!("a title\n\nService: {service}\nImage: ghcr.io/acme/{image}\nPromotion-kind: {kind}")
        };
        let mut audit = Report::open("audit", String::new());
        let outputs = FIGURES.into_iter().zip(["2", "1", "1", "0"].map(String::from)).collect();
        audit.close(Ok(Outcome { outputs, ..vec![Finding::passed("emergencies")].into() }), String::new());
        Played {
            endings: day.scenes.iter().map(ending).collect(),
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
    fn whatever_differs_from_the_story_is_told() {
        type Lie = fn(&mut Played);
        const LEDGER: &str = "commits in the infra repository";
        let day = Day::thursday();
        assert_eq!(verdict(&as_told(&day).findings(&day)), Verdict::Passed, "{:?}", as_told(&day).findings(&day));
        let lies: [(&str, Lie); 16] = [
            ("checkout-service 1.4.2", |played| played.endings[0].commit = None),
            ("checkout-service 1.4.2", |played| played.endings[0].in_production = "checkout-service:1.4.2".to_owned()),
            ("catalog-service 1.5.0", |played| played.endings[1].commit = played.endings[0].commit.clone()),
            ("catalog-service 1.5.0", |played| played.endings[1].stopped.as_mut().unwrap().by = "health".to_owned()),
            ("frontend 2.0.0", |played| played.endings[2].stopped.as_mut().unwrap().verdict = Verdict::Inconclusive),
            ("frontend 2.0.0", |played| played.endings[2].stopped.as_mut().unwrap().reason = "some file".to_owned()),
            ("inventory-service 1.4.3", |played| played.endings[4].in_production.clear()),
            ("checkout-service rollback", |played| played.endings[6].stopped = played.endings[1].stopped.clone()),
            (LEDGER, |played| played.commits.insert(0, played.commits[0].clone())),
            (LEDGER, |played| played.commits[1] = played.commits[1].replace("emergency", "normal")),
            ("follow-up issues", |played| played.issues.push("another".to_owned())),
            ("the audit", |played| played.audit.as_mut().unwrap().close(Err(CommandError::Cancelled), String::new())),
            ("the audit", |played| played.audit = None),
            ("the audit", |played| played.audit.as_mut().unwrap().outputs.clear()),
            ("told to GitHub", |played| played.dispatches.clear()),
            ("told to GitHub", |played| played.violations.push("GET /: 404".to_owned())),
        ];
        for (check, lie) in lies {
            let mut played = as_told(&day);
            lie(&mut played);
            let wrong: Vec<String> = played
                .findings(&day)
                .into_iter()
                .filter(|finding| finding.verdict != Verdict::Passed)
                .map(|finding| finding.check)
                .collect();
            assert_eq!(wrong, [check]);
        }
    }
}
