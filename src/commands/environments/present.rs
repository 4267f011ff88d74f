//! How an environment is protected now, as GitHub tells it.

use std::collections::BTreeMap;

use super::wanted::{Branches, Pattern, Who};
use crate::{
    finding::Finding,
    subject,
    world::github::{BranchKind, BranchRule, Environment, EnvironmentSettings, GitHub, Repository, ReviewerKind},
};

/// One environment on GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Minutes; 0: none.
    pub wait_timer: u32,
    /// With their ids.
    pub reviewers: BTreeMap<Who, u64>,
    pub prevent_self_review: bool,
    /// `None`: GitHub does not tell.
    pub can_admins_bypass: Option<bool>,
    pub branches: Branches,
    /// With their ids; empty unless the branches are [`Branches::Custom`].
    pub patterns: BTreeMap<Pattern, u64>,
}

impl Present {
    /// An environment that was just made: nothing protects it, and administrators pass whatever will.
    pub const NEW: Self = Self {
        wait_timer: 0,
        reviewers: BTreeMap::new(),
        prevent_self_review: false,
        can_admins_bypass: None,
        branches: Branches::Any,
        patterns: BTreeMap::new(),
    };

    /// Looks at one environment; `None` when there is none.
    ///
    /// # Errors
    /// What GitHub does not show.
    pub fn look(
        github: &GitHub,
        repository: &Repository,
        name: &subject::Environment,
    ) -> Result<Option<Self>, Finding> {
        let Some(environment) = github.environment(repository, name)? else { return Ok(None) };
        let mut present = Self::of(&environment);
        if present.branches == Branches::Custom {
            let policies = github.branch_policies(repository, name)?;
            present.patterns =
                policies.into_iter().map(|policy| (pattern(policy.kind, policy.name), policy.id)).collect();
        }
        Ok(Some(present))
    }

    fn of(environment: &Environment) -> Self {
        let who = |kind, name: &str| match kind {
            ReviewerKind::Team => Who::Team(name.to_lowercase()),
            ReviewerKind::User => Who::User(name.to_lowercase()),
        };
        Self {
            wait_timer: environment.wait_timer,
            reviewers: environment.reviewers.iter().map(|one| (who(one.kind, &one.name), one.id)).collect(),
            prevent_self_review: environment.prevent_self_review,
            can_admins_bypass: environment.can_admins_bypass,
            branches: match environment.branch_rule {
                None => Branches::Any,
                Some(BranchRule { custom: true, .. }) => Branches::Custom,
                Some(_) => Branches::Protected,
            },
            patterns: BTreeMap::new(),
        }
    }

    /// What one request says to get here from `before`: every rule that is set in either.
    #[must_use]
    pub fn settings(&self, before: &Self) -> EnvironmentSettings {
        let kind = |who: &Who| match who {
            Who::Team(_) => ReviewerKind::Team,
            Who::User(_) => ReviewerKind::User,
        };
        let reviewed = |present: &Self| present.prevent_self_review || !present.reviewers.is_empty();
        let reviewed = reviewed(self) || reviewed(before);
        let timed = self.wait_timer > 0 || before.wait_timer > 0;
        let reviewers = || self.reviewers.iter().map(|(who, id)| (kind(who), *id)).collect();
        EnvironmentSettings {
            wait_timer: timed.then_some(self.wait_timer),
            prevent_self_review: reviewed.then_some(self.prevent_self_review),
            reviewers: reviewed.then(reviewers),
            branch_rule: match self.branches {
                Branches::Any => None,
                Branches::Protected => Some(BranchRule { protected: true, custom: false }),
                Branches::Custom => Some(BranchRule { protected: false, custom: true }),
            },
        }
    }
}

const fn pattern(kind: BranchKind, text: String) -> Pattern {
    match kind {
        BranchKind::Branch => Pattern::Branch(text),
        BranchKind::Tag => Pattern::Tag(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reviewed() -> Present {
        let reviewers = [(Who::Team("leads".to_owned()), 1), (Who::User("alice".to_owned()), 2)].into();
        Present { wait_timer: 10, reviewers, prevent_self_review: true, branches: Branches::Protected, ..Present::NEW }
    }

    #[test]
    fn a_request_says_every_rule_that_is_or_was_set_and_no_other() {
        let protected = json!({ "protected_branches": true, "custom_branch_policies": false });
        let custom = json!({ "protected_branches": false, "custom_branch_policies": true });
        let people = json!([{ "type": "Team", "id": 1 }, { "type": "User", "id": 2 }]);
        for (after, before, body) in [
            (Present::NEW, Present::NEW, json!({ "deployment_branch_policy": null })),
            (
                Present { branches: Branches::Custom, ..Present::NEW },
                Present::NEW,
                json!({ "deployment_branch_policy": custom }),
            ),
            (
                reviewed(),
                Present::NEW,
                json!({ "wait_timer": 10, "prevent_self_review": true, "reviewers": people, "deployment_branch_policy": protected }),
            ),
            (
                Present::NEW,
                reviewed(),
                json!({ "wait_timer": 0, "prevent_self_review": false, "reviewers": [], "deployment_branch_policy": null }),
            ),
            (
                Present { wait_timer: 5, ..Present::NEW },
                Present::NEW,
                json!({ "wait_timer": 5, "deployment_branch_policy": Value::Null }),
            ),
        ] {
            assert_eq!(after.settings(&before).body(), body);
        }
    }
}
