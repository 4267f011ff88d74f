//! The embedded world behind `demo` and the tests: a staging web service, a GitHub and an infra repository, all on
//! loopback and in one folder, all gone when dropped. Its clients are the real ones; only addresses differ.

pub mod github;
pub mod infra;
pub mod load;
#[expect(clippy::disallowed_methods, reason = "being late is what a scripted server is for")]
pub mod server;
pub mod staging;

use std::{
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use github::FakeGitHub;
use infra::Infra;
use staging::Staging;

/// The three parts at once.
pub struct Sandbox {
    pub staging: Staging,
    pub github: FakeGitHub,
    pub infra: Infra,
}

impl Sandbox {
    /// Starts the servers and creates the infra repository for the services named, `infra.git` in `folder`.
    ///
    /// # Errors
    /// When no port or thread is to be had, or git fails.
    pub fn start(folder: &Path, services: &[&str]) -> io::Result<Self> {
        Ok(Self { staging: Staging::start()?, github: FakeGitHub::start()?, infra: Infra::create(folder, services)? })
    }

    /// Every request that the real counterpart's description does not allow. Empty, or the test or demo has failed.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.github.violations()
    }
}

/// State stays readable after a handler's panic: the test that caused it is about to say so.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_parts_are_there_and_a_violation_shows() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(folder.path(), &["frontend"]).unwrap();
        sandbox.staging.deploy("frontend", "7");
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
        let status = |url: String| agent.get(url).call().unwrap().status().as_u16();
        assert_eq!(status(format!("{}/frontend/health/ready", sandbox.staging.url())), 200);
        assert_eq!(sandbox.infra.messages().unwrap().len(), 1);
        assert_eq!(sandbox.violations(), [""; 0]);
        assert_eq!(status(format!("{}/rate_limit", sandbox.github.api_url())), 404);
        assert_eq!(sandbox.violations(), ["GET /rate_limit: 404 Not Found"]);
    }
}
