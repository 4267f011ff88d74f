//! Looks for holds among the repository's issues and for newer promotions in the ledger.

use jiff::{SignedDuration, Timestamp};

use super::observations::{NewerPromotion, PromotionHold};
use crate::{
    finding::Finding,
    ledger::{self, InfraRepo, LedgerEntry, OverlayScope},
    subject::{Environment, Service},
    world::github::{GitHub, Issue, IssueQuery, Repository},
};

/// How far the clocks of the validating and the committing machine may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// Looks for the issues that hold promotions.
pub struct HoldSource {
    pub github: GitHub,
    pub repository: Repository,
    pub label: String,
}

impl HoldSource {
    /// Looks once. Blocks until GitHub has answered.
    pub fn look(&self) -> Result<Vec<PromotionHold>, Finding> {
        let query = IssueQuery { labels: vec![self.label.clone()], ..IssueQuery::default() };
        let issues = self.github.issues(&self.repository, &query)?;
        let hold = |issue: Issue| PromotionHold {
            number: issue.number,
            title: issue.title,
            url: issue.html_url,
            author: issue.user,
        };
        Ok(issues.into_iter().map(hold).collect())
    }
}

/// Looks for newer promotions in the ledger.
pub struct NewerPromotionSource {
    pub place: InfraRepo,
    /// Each service that is promoted, and when its release was validated.
    pub services: Vec<(Service, Timestamp)>,
    pub environment: Environment,
}

impl NewerPromotionSource {
    /// Looks once. Blocks until the Git remote has answered. Of several services, a newer promotion of one leaves the others to
    /// promote: `promote` leaves out that one.
    pub fn look(&self) -> Result<Option<NewerPromotion>, Finding> {
        let first = self.services.iter().map(|(_, validated_at)| *validated_at).min();
        let since = first.and_then(|first| first.checked_sub(SKEW).ok()).unwrap_or(Timestamp::MIN);
        let scope = match &self.services[..] {
            [(service, _)] => OverlayScope::of(service, &self.environment),
            _ => OverlayScope { service: None, environment: Some(self.environment.clone()) },
        };
        let entries = ledger::read(&self.place, &scope, since)?;
        let newer = |(service, validated_at): &(Service, Timestamp)| {
            let is_newer = |entry: &&LedgerEntry| {
                entry.promotion.is_for(service, &self.environment) && entry.decided_at() > *validated_at
            };
            entries.iter().find(is_newer)
        };
        let all: Option<Vec<&LedgerEntry>> = self.services.iter().map(newer).collect();
        Ok(all.and_then(|all| all.into_iter().next()).map(|entry| NewerPromotion {
            commit: entry.commit.to_string(),
            kind: entry.promotion.kind.to_string(),
            image: entry.promotion.image.clone(),
            at: entry.committed_at,
        }))
    }
}
