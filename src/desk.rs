//! What a command works with: clock, bell, log, world, and the draft of its report.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    cli::Surroundings,
    report::{Effect, Report, log::Log},
    values::Span,
    verdict::{Complaint, Finding, Stop},
    world::{
        World,
        clock::{Bell, Clock, rfc3339},
        github::{Access, GitHub, Repository},
        secret::Secret,
        trusted::Trusted,
    },
};

const PUBLIC_API: &str = "https://api.github.com";

/// Handed to every command. Cheap to clone: the parts are shared.
#[derive(Clone)]
pub struct Desk {
    pub clock: Arc<dyn Clock>,
    pub bell: Arc<Bell>,
    pub log: Arc<Log>,
    pub world: Arc<World>,
    pub surroundings: Arc<Surroundings>,
    pub draft: Draft,
    pub dry_run: bool,
}

impl Desk {
    /// Where the files are read that say by what rules a change is judged.
    ///
    /// # Errors
    /// On a pull request whose base commit cannot be told.
    pub fn trusted(&self) -> Result<Trusted, Stop> {
        Trusted::find(&self.surroundings, &self.world.groups)
    }

    /// GitHub, where the runner says it is, or the public one.
    ///
    /// # Errors
    /// Bad input when the address, the token, the proxy or the certificate authorities cannot be used.
    pub fn github(&self, token: Option<&Secret>, timeout: Span) -> Result<GitHub, Stop> {
        let api_url = self.surroundings.api_url.as_deref().unwrap_or(PUBLIC_API);
        self.world.github(Access { timeout: timeout.0, ..Access::new(api_url, token.cloned()) })
    }

    /// The repository whose workflow this is.
    ///
    /// # Errors
    /// Bad input outside a runner.
    pub fn own_repository(&self) -> Result<Repository, Stop> {
        let name = self.surroundings.repository.as_deref().unwrap_or_default();
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
pub struct Draft(Arc<Mutex<Report>>);

impl Draft {
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// The findings that would be true if the command ended now.
    pub fn publish(&self, findings: &[Finding]) {
        self.lock().findings = findings.to_vec();
    }

    /// Notes an effect, and gives its place for [`Draft::settle_effect`].
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
    use crate::{report::log::tests::Kept, world::clock::tests::LeapClock};

    /// A desk whose clock leaps and whose log is kept aside.
    pub fn leaping_desk() -> Desk {
        Desk {
            clock: Arc::new(LeapClock::default()),
            bell: Arc::default(),
            log: Arc::new(Kept::default().log(false)),
            world: Arc::default(),
            surroundings: Arc::default(),
            draft: Draft::new(Report::open("test", String::new())),
            dry_run: false,
        }
    }
}
