//! What a command works with: clock, bell, log, world, and the draft of its report.

use std::sync::Arc;

use crate::{
    error::CommandError,
    execution::Execution,
    finding::Finding,
    report::log::Log,
    runner_env::RunnerEnv,
    secret::Secret,
    values::HumanDuration,
    world::{
        World,
        github::{Access, GitHub, Repository},
        trusted::Trusted,
    },
};

const PUBLIC_API: &str = "https://api.github.com";

/// Handed to every command. Cheap to clone: the parts are shared.
#[derive(Clone)]
pub struct CommandContext {
    pub execution: Execution,
    pub log: Arc<Log>,
    pub world: Arc<World>,
    pub runner_env: Arc<RunnerEnv>,
}

impl CommandContext {
    /// Where the files are read that say by what rules a change is judged.
    ///
    /// # Errors
    /// On a pull request whose base commit cannot be told.
    pub fn trusted(&self) -> Result<Trusted, CommandError> {
        Trusted::find(&self.runner_env, &self.world.groups)
    }

    /// GitHub, where the runner says it is, or the public one.
    ///
    /// # Errors
    /// Bad input when the address, the token, the proxy or the certificate authorities cannot be used.
    pub fn github(&self, token: Option<&Secret>, timeout: HumanDuration) -> Result<GitHub, CommandError> {
        let api_url = self.runner_env.api_url.as_deref().unwrap_or(PUBLIC_API);
        self.world.github(Access { timeout: timeout.0, ..Access::new(api_url, token.cloned()) })
    }

    /// The repository whose workflow this is.
    ///
    /// # Errors
    /// Bad input outside a runner.
    pub fn own_repository(&self) -> Result<Repository, CommandError> {
        let name = self.runner_env.repository.as_deref().unwrap_or_default();
        name.parse().map_err(|error: String| {
            Finding::inconclusive("GITHUB_REPOSITORY").actual(format!("{name:?}")).expected(error).bad_input()
        })
    }

    /// This context in dry-run or not.
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
