//! What came of a day, and whether that is what the story says.

use std::{fmt, path::PathBuf};

use super::{
    runner::Ended,
    story::{Day, Ends, Release},
};
use crate::{
    sandbox::infra::FIRST_TAG,
    verdict::{Finding, Verdict},
};

/// What came of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// One for each release, in their order.
    pub endings: Vec<Ending>,
    /// The messages of all commits of the infra repository, newest first.
    pub commits: Vec<String>,
    /// What GitHub was told is validated, `service tag`.
    pub dispatches: Vec<String>,
    /// Requests that GitHub's API does not know.
    pub violations: Vec<String>,
    pub summary: PathBuf,
    /// The infra repository, a bare one.
    pub infra: PathBuf,
}

/// What came of a release.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// By the first step that did not pass.
    pub stopped: Option<Stopped>,
    pub promoted: Option<Promoted>,
    /// The image in production afterwards.
    pub in_production: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    pub by: String,
    pub verdict: Verdict,
    /// The gate's own words, in one line.
    pub reason: String,
    /// What it saw, of its worst finding alone.
    pub seen: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Promoted {
    pub commit: String,
    pub previous: String,
}

impl Ending {
    /// Notes how a command ended.
    pub(super) fn take(&mut self, command: &str, Ended { verdict, reason, report, mut outputs }: Ended) {
        if verdict != Verdict::Passed {
            let worst = report.findings.first();
            let seen = worst.map(|finding| format!("{}: {}", finding.check, finding.actual)).unwrap_or_default();
            self.stopped.get_or_insert(Stopped { by: command.to_owned(), verdict, reason, seen });
        } else if let Some(commit) = outputs.remove("commit") {
            self.promoted = Some(Promoted { commit, previous: outputs.remove("previous-image").unwrap_or_default() });
        }
    }

    /// In one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (&self.promoted, &self.stopped) {
            (Some(_), _) => "promoted",
            (None, Some(stopped)) => stopped.verdict.word(),
            (None, None) => "left where it was",
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

impl Ends {
    fn came_true(&self, release: &Release, ending: &Ending) -> bool {
        let runs = |tag: &str| ending.in_production == format!("ghcr.io/acme/{}:{tag}", release.service);
        match (self, ending) {
            (Self::Promoted, Ending { stopped: None, promoted: Some(_), .. }) => runs(release.tag),
            (Self::Blocked { by, naming }, Ending { stopped: Some(stopped), promoted: None, .. }) => {
                let named = stopped.by == *by && stopped.reason.contains(naming);
                named && stopped.verdict == Verdict::Blocked && runs(FIRST_TAG)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promoted => f.write_str("promoted"),
            Self::Blocked { by, naming } => write!(f, "blocked by {by}, which names {naming}"),
        }
    }
}

impl Played {
    /// One finding for each release, one for the infra repository, one for GitHub: passed when it is as the story says, and
    /// blocked when it is not.
    #[must_use]
    pub fn findings(&self, day: &Day) -> Vec<Finding> {
        let held = |check: String, good: bool, expected: String, actual: String| {
            let verdict = if good { Verdict::Passed } else { Verdict::Blocked };
            Finding::new(check, verdict).expected(expected).actual(actual)
        };
        let pairs = day.releases.iter().zip(&self.endings);
        let mut findings: Vec<Finding> = pairs
            .map(|(release, ending)| {
                let good = release.ends.came_true(release, ending);
                held(release.to_string(), good, release.ends.to_string(), ending.to_string())
            })
            .collect();
        let promoted = || day.releases.iter().filter(|release| release.ends == Ends::Promoted);
        let told = |subjects: &[String]| if subjects.is_empty() { "nothing".to_owned() } else { subjects.join(", ") };

        let mut expected: Vec<String> =
            promoted().map(|Release { service, tag, .. }| format!("promote(production): {service} → {tag}")).collect();
        expected.reverse();
        // The oldest commit is the repository as it was in the morning.
        let new = self.commits.split_last().map(|(_, new)| new).unwrap_or_default();
        let subjects: Vec<String> =
            new.iter().map(|message| message.lines().next().unwrap_or_default().to_owned()).collect();
        let check = "commits in the infra repository".to_owned();
        findings.push(held(check, subjects == expected, told(&expected), told(&subjects)));

        let expected: Vec<String> = promoted().map(ToString::to_string).collect();
        let actual: Vec<String> = self.dispatches.iter().chain(&self.violations).cloned().collect();
        findings.push(held("told to GitHub".to_owned(), actual == expected, told(&expected), told(&actual)));
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::verdict;

    fn production(release: &Release, tag: &str) -> String {
        format!("ghcr.io/acme/{}:{tag}", release.service)
    }

    /// The day as the story has it.
    fn as_told(day: &Day) -> Played {
        let ending = |release: &Release| match release.ends {
            Ends::Promoted => Ending {
                stopped: None,
                promoted: Some(Promoted { commit: "3f2a".to_owned(), previous: String::new() }),
                in_production: production(release, release.tag),
            },
            Ends::Blocked { by, naming } => Ending {
                stopped: Some(Stopped {
                    by: by.to_owned(),
                    verdict: Verdict::Blocked,
                    reason: format!("too much of {naming}"),
                    seen: String::new(),
                }),
                promoted: None,
                in_production: production(release, FIRST_TAG),
            },
        };
        Played {
            endings: day.releases.iter().map(ending).collect(),
            commits: ["promote(production): checkout-service → 1.4.2\n\nService: x", "the morning"]
                .map(String::from)
                .into(),
            dispatches: vec!["checkout-service 1.4.2".to_owned()],
            violations: Vec::new(),
            summary: PathBuf::new(),
            infra: PathBuf::new(),
        }
    }

    #[test]
    fn whatever_differs_from_the_story_is_told() {
        type Lie = fn(&mut Played);
        let day = Day::thursday();
        assert_eq!(verdict(&as_told(&day).findings(&day)), Verdict::Passed);
        let lies: [(&str, Lie); 9] = [
            ("checkout-service 1.4.2", |played| played.endings[0].promoted = None),
            ("checkout-service 1.4.2", |played| played.endings[0].in_production = "checkout-service:1.4.2".to_owned()),
            ("catalog-service 1.5.0", |played| played.endings[1].promoted = played.endings[0].promoted.clone()),
            ("catalog-service 1.5.0", |played| played.endings[1].stopped.as_mut().unwrap().by = "health".to_owned()),
            ("frontend 2.0.0", |played| played.endings[2].stopped.as_mut().unwrap().verdict = Verdict::Inconclusive),
            ("frontend 2.0.0", |played| played.endings[2].stopped.as_mut().unwrap().reason = "some file".to_owned()),
            ("commits in the infra repository", |played| played.commits.insert(0, "another".to_owned())),
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
