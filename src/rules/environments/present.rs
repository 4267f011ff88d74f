//! How an environment is protected now, as GitHub tells it.

use std::collections::BTreeMap;

use super::wanted::{Branches, Pattern, Who};
use crate::{
    subject,
    verdict::Complaint,
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
    ) -> Result<Option<Self>, Complaint> {
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

    /// All that one request sets.
    #[must_use]
    pub fn settings(&self) -> EnvironmentSettings {
        let kind = |who: &Who| match who {
            Who::Team(_) => ReviewerKind::Team,
            Who::User(_) => ReviewerKind::User,
        };
        EnvironmentSettings {
            wait_timer: self.wait_timer,
            prevent_self_review: self.prevent_self_review,
            reviewers: self.reviewers.iter().map(|(who, id)| (kind(who), *id)).collect(),
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
