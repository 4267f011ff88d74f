//! The handle of a running fake GitHub: grants tokens, injects faults, returns recorded requests and violations.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    errors::ContractViolation,
    format::graphql_path,
    records::{FakeAccounts, FakeRepository},
    state::{FakeGitHubState, FaultInjection, InjectedFault, RecordedRequest, SharedState},
};
use crate::sandbox::{lock::lock, server::LoopbackServer};

/// A running fake GitHub; stops when dropped.
pub struct FakeGitHub {
    pub(super) server: LoopbackServer,
    /// The path prefix of the API.
    pub(super) prefix: String,
    pub(super) shared: Arc<SharedState>,
}

impl FakeGitHub {
    /// The value for `GITHUB_API_URL`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}{}", self.server.url(), self.prefix)
    }

    /// The value for `GITHUB_GRAPHQL_URL`.
    #[must_use]
    pub fn graphql_url(&self) -> String {
        format!("{}{}", self.server.url(), graphql_path(&self.prefix))
    }

    /// Gives a token access to a repository, with permissions such as `contents=write`, spelled as in GitHub's
    /// `x-accepted-github-permissions`. Write includes read. An organisation permission (`members=read`) applies to
    /// the repository's owner.
    pub fn grant(&self, token: &str, repository: &str, permissions: &[&str]) {
        let mut state = self.state();
        let granted = state.tokens.entry(token.to_owned()).or_default().entry(repository.to_lowercase()).or_default();
        granted.extend(permissions.iter().map(|&permission| permission.to_owned()));
    }

    /// Injects a fault into the next request that no earlier injection matches.
    pub fn fail_next(&self, fault: InjectedFault) {
        self.fail_at("", 1, fault);
    }

    /// Injects a fault into the next `times` requests whose `METHOD /path` contains `pattern`; `usize::MAX` for all. A query is
    /// `POST /graphql` and its name.
    pub fn fail_at(&self, pattern: &str, times: usize, fault: InjectedFault) {
        let injection = FaultInjection { pattern: pattern.to_owned(), remaining: times, fault };
        self.state().injections.push(injection);
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// Waits until `times` requests whose `METHOD /path` contains `pattern` were served; `false` if the limit passes
    /// first. A test can then act while a command runs.
    #[must_use]
    pub fn wait_for_requests(&self, pattern: &str, times: usize, limit: Duration) -> bool {
        let too_few = |state: &mut FakeGitHubState| {
            state.requests.iter().filter(|request| request.matches(pattern)).count() < times
        };
        let waited = self.shared.request_served.wait_timeout_while(self.state(), limit, too_few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Every request so far that GitHub's API description does not allow, with the reason.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, FakeGitHubState> {
        lock(&self.shared.state)
    }

    /// Changes a repository; creates it if it does not exist.
    pub(super) fn with_repository<T>(
        &self,
        repository: &str,
        change: impl FnOnce(&mut FakeRepository, &mut FakeAccounts) -> T,
    ) -> T {
        let mut state = self.state();
        let (repository, accounts) = state.data.repository(repository);
        change(repository, accounts)
    }

    /// Records a violation if GitHub would reject what a script sets up.
    pub(super) fn record_rejection(&self, subject: &str, result: Result<(), ContractViolation>) {
        if let Err(violation) = result {
            self.state().violations.push(violation.describe(subject));
        }
    }
}
