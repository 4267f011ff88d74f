//! Looks for holds among the repository's issues.

use super::observations::PromotionHold;
use crate::{
    finding::Finding,
    world::github::{GitHub, Issue, IssueQuery, Repository},
};

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
