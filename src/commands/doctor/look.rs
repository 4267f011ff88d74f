//! Asks GitHub, one thing after the other.

use std::{collections::BTreeMap, time::Duration};

use super::{
    facts::{EnvironmentFacts, GitHubFacts, ReviewerAccess, SecretFacts, TokenKind},
    workflow_uses::{CommitStep, JobEnvironment, WorkflowUses},
};
use crate::{
    commands::environments::{
        actual::ActualEnvironment,
        change::EnvironmentsApi,
        desired::{DeployableBranches, ReviewerName},
    },
    context::CommandContext,
    finding::Finding,
    observe::read_until_answered,
    subject::EnvironmentName,
    world::github::{GitHub, Inspection, Repository, RepositoryOverview, Visibility},
};

/// The questions about one repository.
pub struct GitHubLook<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
    pub ctx: &'a CommandContext,
}

impl GitHubLook<'_> {
    /// Asks until there is an answer: a busy server is asked again.
    fn ask<T>(&self, mut question: impl FnMut(&GitHub, &Repository) -> Inspection<T>) -> Inspection<T> {
        let answer =
            read_until_answered(&self.ctx.execution, Duration::MAX, || match question(self.github, self.repository) {
                Inspection::Failed(finding) => Err(finding),
                answer => Ok(answer),
            });
        answer.unwrap_or_else(Inspection::Failed)
    }

    pub fn overview(&self) -> Inspection<RepositoryOverview> {
        self.ask(GitHub::repository_overview)
    }

    /// Asks everything else.
    pub fn look(&self, token: TokenKind, overview: RepositoryOverview, uses: &WorkflowUses) -> GitHubFacts {
        let asks_plan = overview.server.is_none() && overview.visibility == Visibility::Private;
        let plan = asks_plan.then(|| self.ask(|github, of| github.owner_plan(of, overview.of_organisation)));
        let names = self.ask(GitHub::inspect_environments);
        let secrets = self.secrets(&overview, &names, uses);
        let environments = names.map(|names| names.into_iter().map(|name| self.environment(name)).collect::<Vec<_>>());
        let asks_branches = environments.seen().into_iter().flatten().any(|environment| {
            matches!(&environment.protection, Ok(actual) if actual.branches == DeployableBranches::Protected)
        });
        let protected = if asks_branches {
            read_until_answered(&self.ctx.execution, Duration::MAX, || self.github.protected_branches(self.repository))
        } else {
            Ok(Vec::new())
        };
        let rules = self.ask(|github, of| github.branch_rules(of, &overview.default_branch));
        let branch = self.ask(|github, of| github.branch_protection(of, &overview.default_branch));
        let is_classic = branch.seen().is_some_and(|branch| branch.is_classic.unwrap_or(branch.protected));
        let asks_signatures = is_classic && uses.commits.iter().any(CommitStep::pushes);
        let signatures =
            asks_signatures.then(|| self.ask(|github, of| github.classic_signatures(of, &overview.default_branch)));
        GitHubFacts {
            repository: self.repository.clone(),
            token,
            plan,
            environments,
            protected,
            workflow_permissions: self.ask(GitHub::workflow_permissions),
            rules,
            branch,
            signatures,
            secrets,
            overview,
        }
    }

    fn environment(&self, name: String) -> EnvironmentFacts {
        let place = EnvironmentsApi { github: self.github, repository: self.repository };
        let missing = || {
            Finding::inconclusive(name.as_str())
                .actual("GitHub lists it, and has none")
                .expected("no concurrent writer")
        };
        let read = |name: EnvironmentName| {
            let read = || place.look(&name).and_then(|actual| actual.ok_or_else(missing));
            read_until_answered(&self.ctx.execution, Duration::MAX, read)
        };
        let protection = name
            .parse::<EnvironmentName>()
            .map_err(|error| Finding::inconclusive("its name").actual(format!("{name:?}")).expected(error.to_string()))
            .and_then(read);
        let reviewers = protection.as_ref().map(|actual| self.reviewers(actual)).unwrap_or_default();
        EnvironmentFacts { name, protection, reviewers }
    }

    fn reviewers(&self, actual: &ActualEnvironment) -> Vec<(ReviewerName, ReviewerAccess)> {
        let access = |reviewer: &ReviewerName| match reviewer {
            ReviewerName::User(login) => ReviewerAccess::User(self.ask(|github, of| github.user_permission(of, login))),
            ReviewerName::Team(slug) => {
                let team = self.ask(|github, of| github.team_facts(of, slug));
                let access = team.seen().map(|_| self.ask(|github, of| github.team_access(of, slug)));
                ReviewerAccess::Team(team, access)
            }
        };
        actual.reviewers.keys().map(|reviewer| (reviewer.clone(), access(reviewer))).collect()
    }

    /// The secrets at each level that a workflow uses. Nothing is asked if no workflow uses one.
    fn secrets(
        &self,
        overview: &RepositoryOverview,
        existing: &Inspection<Vec<String>>,
        uses: &WorkflowUses,
    ) -> SecretFacts {
        if uses.secrets.is_empty() {
            let repository = Inspection::Seen(Vec::new());
            return SecretFacts { repository, organisation: None, environments: BTreeMap::new() };
        }
        let mut environments = BTreeMap::new();
        for used in &uses.secrets {
            let JobEnvironment::Named(name) = &used.environment else { continue };
            let exists = existing.seen().is_none_or(|all| all.iter().any(|known| known.eq_ignore_ascii_case(name)));
            let Ok(parsed) = name.parse::<EnvironmentName>() else { continue };
            if exists && !environments.contains_key(&name.to_lowercase()) {
                let names = self.ask(|github, of| github.environment_secret_names(of, &parsed));
                environments.insert(name.to_lowercase(), names);
            }
        }
        SecretFacts {
            repository: self.ask(GitHub::secret_names),
            organisation: overview.of_organisation.then(|| self.ask(GitHub::organisation_secret_names)),
            environments,
        }
    }
}
