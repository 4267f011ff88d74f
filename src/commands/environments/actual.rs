//! The protection of an environment on GitHub now.

use std::collections::BTreeMap;

use super::desired::{DeployableBranches, RefPattern, ReviewerName};
use crate::world::github::{
    BranchKind, BranchPolicy, BranchRule, EnvironmentProtection, EnvironmentSettings, ReviewerKind,
};

/// One environment on GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualEnvironment {
    /// Minutes; 0: none.
    pub wait_timer: u32,
    /// With their ids.
    pub reviewers: BTreeMap<ReviewerName, u64>,
    /// `None`: GitHub reports the reviewers and not this.
    pub prevent_self_review: Option<bool>,
    /// `None`: GitHub does not report it.
    pub can_admins_bypass: Option<bool>,
    pub branches: DeployableBranches,
    /// With their ids; empty unless the branches are [`DeployableBranches::Custom`].
    pub patterns: BTreeMap<RefPattern, u64>,
    /// Whether GitHub distinguishes patterns of tags from those of branches, as far as its answers show.
    pub knows_tags: bool,
}

impl ActualEnvironment {
    /// A new environment: unprotected, and administrators can bypass later rules. That is GitHub's default.
    pub const NEW: Self = Self {
        wait_timer: 0,
        reviewers: BTreeMap::new(),
        prevent_self_review: Some(false),
        can_admins_bypass: Some(true),
        branches: DeployableBranches::Any,
        patterns: BTreeMap::new(),
        knows_tags: true,
    };

    /// The environment as GitHub describes it. Its patterns come from another request: see [`ActualEnvironment::with_patterns`].
    #[must_use]
    pub fn from_protection(environment: &EnvironmentProtection) -> Self {
        let reviewer = |kind, name: &str| match kind {
            ReviewerKind::Team => ReviewerName::Team(name.to_lowercase()),
            ReviewerKind::User => ReviewerName::User(name.to_lowercase()),
        };
        Self {
            wait_timer: environment.wait_timer,
            reviewers: environment.reviewers.iter().map(|one| (reviewer(one.kind, &one.name), one.id)).collect(),
            prevent_self_review: environment.prevent_self_review,
            can_admins_bypass: environment.can_admins_bypass,
            branches: match environment.branch_rule {
                None => DeployableBranches::Any,
                Some(BranchRule { custom: true, .. }) => DeployableBranches::Custom,
                Some(_) => DeployableBranches::Protected,
            },
            patterns: BTreeMap::new(),
            knows_tags: true,
        }
    }

    #[must_use]
    pub fn with_patterns(self, policies: Vec<BranchPolicy>) -> Self {
        let knows_tags = policies.iter().all(|policy| policy.kind.is_some());
        let patterns = policies.into_iter().map(|policy| (pattern(policy.kind, policy.name), policy.id)).collect();
        Self { patterns, knows_tags, ..self }
    }

    /// The request that changes `before` into this: every rule that is set in either of the two. A server that does not know a
    /// rule refuses a request with it.
    #[must_use]
    pub fn settings(&self, before: &Self) -> EnvironmentSettings {
        let kind = |reviewer: &ReviewerName| match reviewer {
            ReviewerName::Team(_) => ReviewerKind::Team,
            ReviewerName::User(_) => ReviewerKind::User,
        };
        let reviewed = !self.reviewers.is_empty() || !before.reviewers.is_empty();
        let prevented = |actual: &Self| actual.prevent_self_review == Some(true);
        let prevents = prevented(self) || prevented(before);
        let timed = self.wait_timer > 0 || before.wait_timer > 0;
        let reviewers = || self.reviewers.iter().map(|(reviewer, id)| (kind(reviewer), *id)).collect();
        EnvironmentSettings {
            wait_timer: timed.then_some(self.wait_timer),
            prevent_self_review: prevents.then_some(prevented(self)),
            reviewers: reviewed.then(reviewers),
            branch_rule: match self.branches {
                DeployableBranches::Any => None,
                DeployableBranches::Protected => Some(BranchRule { protected: true, custom: false }),
                DeployableBranches::Custom => Some(BranchRule { protected: false, custom: true }),
            },
            // A request without it allows the bypass.
            can_admins_bypass: self.can_admins_bypass.filter(|can| !can || before.can_admins_bypass != Some(true)),
        }
    }
}

const fn pattern(kind: Option<BranchKind>, text: String) -> RefPattern {
    match kind {
        Some(BranchKind::Branch) | None => RefPattern::Branch(text),
        Some(BranchKind::Tag) => RefPattern::Tag(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reviewed() -> ActualEnvironment {
        let reviewers =
            [(ReviewerName::Team("leads".to_owned()), 1), (ReviewerName::User("alice".to_owned()), 2)].into();
        ActualEnvironment {
            wait_timer: 10,
            reviewers,
            prevent_self_review: Some(true),
            branches: DeployableBranches::Protected,
            ..ActualEnvironment::NEW
        }
    }

    #[test]
    fn a_request_says_every_rule_that_is_or_was_set_and_no_other() {
        let protected = json!({ "protected_branches": true, "custom_branch_policies": false });
        let custom = json!({ "protected_branches": false, "custom_branch_policies": true });
        let people = json!([{ "type": "Team", "id": 1 }, { "type": "User", "id": 2 }]);
        for (after, before, body) in [
            (ActualEnvironment::NEW, ActualEnvironment::NEW, json!({ "deployment_branch_policy": null })),
            (
                ActualEnvironment { branches: DeployableBranches::Custom, ..ActualEnvironment::NEW },
                ActualEnvironment::NEW,
                json!({ "deployment_branch_policy": custom }),
            ),
            (
                reviewed(),
                ActualEnvironment::NEW,
                json!({ "wait_timer": 10, "prevent_self_review": true, "reviewers": people, "deployment_branch_policy": protected }),
            ),
            (
                ActualEnvironment::NEW,
                reviewed(),
                json!({ "wait_timer": 0, "prevent_self_review": false, "reviewers": [], "deployment_branch_policy": null }),
            ),
            (
                ActualEnvironment { wait_timer: 5, ..ActualEnvironment::NEW },
                ActualEnvironment::NEW,
                json!({ "wait_timer": 5, "deployment_branch_policy": Value::Null }),
            ),
            (
                ActualEnvironment { prevent_self_review: Some(false), ..reviewed() },
                ActualEnvironment { prevent_self_review: None, ..reviewed() },
                json!({ "wait_timer": 10, "reviewers": people, "deployment_branch_policy": protected }),
            ),
        ] {
            assert_eq!(after.settings(&before).body(), body);
        }
    }

    #[test]
    fn the_bypass_is_sent_when_it_is_off_or_changes() {
        for (after, before, sent) in [
            (Some(false), Some(true), Some(false)),
            (Some(false), Some(false), Some(false)),
            (Some(false), None, Some(false)),
            (Some(true), Some(false), Some(true)),
            (Some(true), None, Some(true)),
            (Some(true), Some(true), None),
            (None, None, None),
        ] {
            let with = |can_admins_bypass| ActualEnvironment { can_admins_bypass, ..ActualEnvironment::NEW };
            let body = with(after).settings(&with(before)).body();
            assert_eq!(body.get("can_admins_bypass"), sent.map(Value::from).as_ref(), "{before:?} → {after:?}");
        }
    }

    #[test]
    fn a_pattern_without_a_kind_is_of_branches() {
        let policy = |id, kind| BranchPolicy { id, name: "v*".to_owned(), kind };
        let old = ActualEnvironment::NEW.with_patterns(vec![policy(1, None)]);
        assert_eq!((old.knows_tags, old.patterns), (false, [(RefPattern::Branch("v*".to_owned()), 1)].into()));
        let new = ActualEnvironment::NEW
            .with_patterns(vec![policy(1, Some(BranchKind::Tag)), policy(2, Some(BranchKind::Branch))]);
        assert_eq!((new.knows_tags, new.patterns.len()), (true, 2));
    }
}
