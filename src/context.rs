//! What a command works with: clock, bell, log, world, and the draft of its report.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    clock::{Clock, WakeSignal, rfc3339},
    report::{Effect, Report, log::Log},
    runner_env::RunnerEnv,
    secret::Secret,
    values::HumanDuration,
    verdict::{CommandError, Complaint, Finding},
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
    pub clock: Arc<dyn Clock>,
    pub wake: Arc<WakeSignal>,
    pub log: Arc<Log>,
    pub world: Arc<World>,
    pub runner_env: Arc<RunnerEnv>,
    pub partial: PartialReport,
    pub dry_run: bool,
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
            Complaint::about("GITHUB_REPOSITORY").seen(format!("{name:?}")).expected(error).bad_input()
        })
    }

    /// The time now, as evidence tells it.
    #[must_use]
    pub fn wall(&self) -> String {
        rfc3339(self.clock.wall())
    }
}

/// The report as far as it is known. Shared with the supervisor, so that a command that is cut short, by a signal or a
/// panic, still leaves one.
#[derive(Clone)]
pub struct PartialReport(Arc<Mutex<Report>>);

impl PartialReport {
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// The findings that would be true if the command ended now.
    pub fn publish(&self, findings: &[Finding]) {
        self.lock().findings = findings.to_vec();
    }

    /// Notes an effect, and gives its place for [`PartialReport::settle_effect`].
    pub fn begin_effect(&self, effect: Effect) -> usize {
        let effects = &mut self.lock().effects;
        effects.push(effect);
        effects.len() - 1
    }

    pub fn settle_effect(&self, place: usize, effect: Effect) {
        if let Some(noted) = self.lock().effects.get_mut(place) {
            *noted = effect;
        }
    }

    pub fn edit(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock());
    }

    #[must_use]
    pub fn copy(&self) -> Report {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{clock::tests::LeapClock, report::log::tests::Kept};

    /// A desk whose clock leaps and whose log is kept aside.
    pub fn test_context() -> CommandContext {
        CommandContext {
            clock: Arc::new(LeapClock::default()),
            wake: Arc::default(),
            log: Arc::new(Kept::default().log(false)),
            world: Arc::default(),
            runner_env: Arc::default(),
            partial: PartialReport::new(Report::open("test", String::new())),
            dry_run: false,
        }
    }
}
