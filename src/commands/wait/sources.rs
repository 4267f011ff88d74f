//! Looking: at the issues that hold promotions, and at the ledger.

use jiff::{SignedDuration, Timestamp};

use super::judge::{Hold, Newer};
use crate::{
    commands::health::observations::Probe,
    finding::Finding,
    ledger::{self, InfraRepo},
    subject::{Environment, Service},
    world::github::{GitHub, Issue, IssueQuery, Repository},
};

/// How far the clocks of whoever validates and whoever commits may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// What a look brings.
pub enum Fact {
    /// It is time for a line in the log.
    Tick,
    Probe(Probe),
    Holds(Result<Vec<Hold>, Finding>),
    Promotions(Result<Option<Newer>, Finding>),
}

/// How to look for what holds promotions.
pub struct Holds {
    pub github: GitHub,
    pub repository: Repository,
    pub label: String,
}

impl Holds {
    /// Looks once. Blocks for as long as GitHub takes.
    pub fn look(&self) -> Result<Vec<Hold>, Finding> {
        let query = IssueQuery { labels: vec![self.label.clone()], ..IssueQuery::default() };
        let issues = self.github.issues(&self.repository, &query)?;
        let hold =
            |issue: Issue| Hold { number: issue.number, title: issue.title, url: issue.html_url, by: issue.user };
        Ok(issues.into_iter().map(hold).collect())
    }
}

/// How to look for a promotion that is younger.
pub struct Promotions {
    pub repo: InfraRepo,
    pub service: Service,
    pub environment: Environment,
    /// When this release was validated.
    pub validated_at: Timestamp,
}

impl Promotions {
    /// Looks once. Blocks for as long as the remote takes.
    pub fn look(&self) -> Result<Option<Newer>, Finding> {
        let since = self.validated_at.checked_sub(SKEW).unwrap_or(Timestamp::MIN);
        let entries = ledger::read(&self.repo, since)?;
        let younger = entries.into_iter().find(|entry| {
            entry.promotion.is_for(&self.service, &self.environment) && entry.decided_at() > self.validated_at
        });
        Ok(younger.map(|entry| Newer {
            commit: entry.commit.to_string(),
            kind: entry.promotion.kind.to_string(),
            image: entry.promotion.image,
            at: entry.committed_at,
        }))
    }
}
