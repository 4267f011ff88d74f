//! The embedded test environment behind `demo` and the tests: a staging web service, a fake GitHub with its issuer of tokens, and
//! an infra repository, on loopback and in one folder, removed when dropped. The clients under test are the production ones; only
//! the addresses differ.

pub mod github;
pub mod infra;
pub mod issuer;
mod lock;
#[expect(clippy::disallowed_methods, reason = "the server delays responses on purpose")]
pub mod server;
pub mod staging;

use std::{io, path::Path};

use github::FakeGitHub;
use infra::Infra;
use issuer::FakeIssuer;
use staging::Staging;

/// Staging, GitHub, its issuer and the infra repository together.
pub struct Sandbox {
    pub staging: Staging,
    pub github: FakeGitHub,
    pub issuer: FakeIssuer,
    pub infra: Infra,
}

impl Sandbox {
    /// Starts the servers and creates the infra repository for the given services, `infra.git` in `folder`.
    ///
    /// # Errors
    /// When the system has no free port or no random bytes, cannot start a thread, or git fails.
    pub fn start(folder: &Path, services: &[&str]) -> io::Result<Self> {
        let (staging, github, issuer) = (Staging::start()?, FakeGitHub::start()?, FakeIssuer::start()?);
        Ok(Self { staging, github, issuer, infra: Infra::create(folder, services)? })
    }

    /// Every request that GitHub's API description does not allow. A test or demo with violations has failed.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.github.violations()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_sandbox_work_and_it_reports_violations() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(folder.path(), &["frontend"]).unwrap();
        sandbox.staging.deploy("frontend", "7");
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
        let status = |url: String| agent.get(url).call().unwrap().status().as_u16();
        assert_eq!(status(format!("{}/frontend/health/ready", sandbox.staging.url())), 200);
        assert_eq!(status(format!("{}/.well-known/openid-configuration", sandbox.issuer.issuer())), 200);
        assert_eq!(sandbox.infra.messages().unwrap().len(), 1);
        assert_eq!(sandbox.violations(), [""; 0]);
        assert_eq!(status(format!("{}/rate_limit", sandbox.github.api_url())), 404);
        assert_eq!(sandbox.violations(), ["GET /rate_limit: 404 Not Found"]);
    }
}
