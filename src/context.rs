//! What every command gets: its execution, the log, the world, and the runner's environment.

use std::{sync::Arc, time::Duration};

use crate::{
    error::CommandError,
    execution::Execution,
    finding::Finding,
    report::{Run, log::Log},
    runner_env::RunnerEnv,
    secret::Secret,
    values::HumanDuration,
    world::{
        World,
        github::{GitHub, GitHubAccess, Repository},
        trusted::TrustedSource,
    },
};

const PUBLIC_API: &str = "https://api.github.com";
/// Time limit of one request to GitHub: one that hangs leaves time to ask again.
pub const REQUEST_TIMEOUT: HumanDuration = HumanDuration(Duration::from_secs(20));

/// Cheap to clone: the parts are shared.
#[derive(Clone)]
pub struct CommandContext {
    pub execution: Execution,
    pub log: Arc<Log>,
    pub world: Arc<World>,
    pub runner_env: Arc<RunnerEnv>,
}

impl CommandContext {
    /// Where to read the config file and other rules: on a pull request, the base commit, so that a change cannot relax its
    /// own gates.
    ///
    /// # Errors
    /// On a pull request whose base commit is unknown.
    pub fn trusted_rules(&self) -> Result<TrustedSource, CommandError> {
        self.world.trusted.settings(&self.runner_env, &self.world.groups)
    }

    /// Where to read baselines: on a pull request, the last commit that its work shares with the base branch.
    ///
    /// # Errors
    /// On a pull request whose base commit is unknown.
    pub fn trusted_baselines(&self) -> Result<TrustedSource, CommandError> {
        self.world.trusted.baselines(&self.runner_env, &self.world.groups)
    }

    /// The same context, with `limit` from now for all reads and writes of the command together.
    #[must_use]
    pub fn within(&self, limit: HumanDuration) -> Self {
        Self { execution: self.execution.within(limit.0), ..self.clone() }
    }

    /// A client for GitHub's API at the runner's `GITHUB_API_URL` and `GITHUB_GRAPHQL_URL`, or the public one.
    ///
    /// # Errors
    /// Bad input when the address, the token, the proxy or the certificate authorities cannot be used.
    pub fn github(&self, token: Option<&Secret>, timeout: HumanDuration) -> Result<GitHub, CommandError> {
        let api_url = self.runner_env.api_url.as_deref().unwrap_or(PUBLIC_API);
        let total = self.execution.deadline.map(|_| self.execution.time_left(Duration::MAX));
        let access = GitHubAccess { timeout: timeout.0, total, ..GitHubAccess::new(api_url, token.cloned()) };
        let graphql_url = self.runner_env.graphql_url.clone().unwrap_or_else(|| access.graphql_url.clone());
        self.world.github(GitHubAccess { graphql_url, ..access })
    }

    /// The repository of this workflow.
    ///
    /// # Errors
    /// Bad input outside a runner.
    pub fn own_repository(&self) -> Result<Repository, CommandError> {
        let name = self.runner_env.repository.as_deref().unwrap_or_default();
        name.parse().map_err(|error: String| {
            Finding::inconclusive("GITHUB_REPOSITORY").actual(format!("{name:?}")).expected(error).bad_input()
        })
    }

    /// The workflow run whose reports count. Outside a runner there is none, and the reports of any run count; this logs it.
    #[must_use]
    pub fn current_run(&self) -> Option<&Run> {
        let run = self.runner_env.run.as_ref();
        if run.is_none() {
            self.log.say("no workflow run is known here: reports of any run count");
        }
        run
    }

    /// The same context with `dry_run` set.
    #[must_use]
    pub fn with_dry_run(&self, dry_run: bool) -> Self {
        Self { execution: Execution { dry_run, ..self.execution.clone() }, ..self.clone() }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{execution::tests::test_execution, report::log::tests::Kept};

    /// A context whose clock leaps and whose log is kept in memory.
    pub fn test_context() -> CommandContext {
        CommandContext {
            execution: test_execution(),
            log: Arc::new(Kept::default().log(false)),
            world: Arc::default(),
            runner_env: Arc::default(),
        }
    }
}
