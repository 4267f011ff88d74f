//! Looks for holds among the repository's issues and for newer promotions in the ledger.

use jiff::{SignedDuration, Timestamp};

use super::observations::{NewerPromotion, PromotionHold};
use crate::{
    finding::Finding,
    ledger::{self, InfraRepo, OverlayScope},
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

/// Looks for a newer promotion in the ledger.
pub struct NewerPromotionSource {
    pub place: InfraRepo,
    pub service: Service,
    pub environment: Environment,
    /// When this release was validated.
    pub validated_at: Timestamp,
}

impl NewerPromotionSource {
    /// Looks once. Blocks until the Git remote has answered.
    pub fn look(&self) -> Result<Option<NewerPromotion>, Finding> {
        let since = self.validated_at.checked_sub(SKEW).unwrap_or(Timestamp::MIN);
        let entries = ledger::read(&self.place, &OverlayScope::of(&self.service, &self.environment), since)?;
        let newer = entries.into_iter().find(|entry| {
            entry.promotion.is_for(&self.service, &self.environment) && entry.decided_at() > self.validated_at
        });
        Ok(newer.map(|entry| NewerPromotion {
            commit: entry.commit.to_string(),
            kind: entry.promotion.kind.to_string(),
            image: entry.promotion.image,
            at: entry.committed_at,
        }))
    }
}
