//! Everything outside the process that a command may use: clients for HTTP, git, GitHub and clusters, child processes,
//! files, signals. One module for each.
//!
//! Clients never retry; only `observe_until_decided` and `reconcile` repeat. Nothing here judges.

pub mod checkout;
pub mod cluster;
pub mod event;
pub mod files;
pub mod git;
pub mod github;
pub mod http;
pub mod load;
pub mod network;
pub mod oidc;
pub mod process;
pub mod registry;
pub mod runtime;
pub mod signals;
pub mod time_limit;
pub mod trusted;
pub mod url;

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use cluster::Cluster;
use event::{PullRequestEvent, TriggerEvent};
use github::{GitHub, GitHubAccess};
use http::HttpClient;
use load::LoadClient;
use network::Network;
use runtime::Runtime;

use crate::{error::CommandError, finding::Finding, runner_env::RunnerEnv, subject::Subject};

/// The clients of a command. Each is created at its first use.
#[derive(Default)]
pub struct World {
    /// The process groups of all children. They are ended before this process exits.
    pub groups: process::ProcessGroups,
    network: Network,
    http: OnceLock<HttpClient>,
    event: OnceLock<Result<TriggerEvent, Finding>>,
    /// The files that decide how a change is judged.
    pub trusted: trusted::TrustedFiles,
    /// Shared by the asynchronous clients; `None` until the first of them needs it.
    runtime: Mutex<Option<Arc<Runtime>>>,
}

impl World {
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, ..Self::default() }
    }

    /// The HTTP client.
    pub fn http(&self) -> &HttpClient {
        self.http.get_or_init(|| HttpClient::new(self.network.clone()))
    }

    /// Creates a GitHub client; nothing is sent yet.
    ///
    /// # Errors
    /// Bad input when the address, the token, the proxy or the certificate authorities cannot be used.
    pub fn github(&self, access: GitHubAccess) -> Result<GitHub, CommandError> {
        let runtime = self.runtime().map_err(|error| {
            Finding::inconclusive("GitHub's API")
                .actual(error.to_string())
                .expected("a thread to reach it from")
                .unobservable()
        })?;
        GitHub::connect(runtime, &self.network, access).map_err(CommandError::BadInput)
    }

    /// Creates a cluster client; nothing is sent yet.
    ///
    /// # Errors
    /// Bad input when the kubeconfig or the context cannot be used.
    pub fn cluster(&self, access: cluster::ClusterAccess) -> Result<Cluster, CommandError> {
        let runtime = self.runtime().map_err(|error| {
            Finding::inconclusive("the cluster's API")
                .actual(error.to_string())
                .expected("a thread to reach it from")
                .unobservable()
        })?;
        Cluster::connect(runtime, &self.network, &self.groups, access).map_err(CommandError::BadInput)
    }

    /// Creates a client that sends loads; nothing is sent yet.
    ///
    /// # Errors
    /// Unobservable when there is no thread for it.
    pub fn load(&self) -> Result<LoadClient, CommandError> {
        let runtime = self.runtime().map_err(|error| {
            Finding::inconclusive("load").actual(error.to_string()).expected("a thread to send it from").unobservable()
        })?;
        Ok(LoadClient { runtime, network: self.network.clone() })
    }

    /// The event that started the workflow; its file is read once.
    ///
    /// # Errors
    /// Bad input when the file cannot be read, or does not hold the event that its name says.
    pub fn event(&self, runner_env: &RunnerEnv) -> Result<&TriggerEvent, CommandError> {
        let read = || TriggerEvent::read(runner_env.event_name.as_deref(), runner_env.event_path.as_deref());
        self.event.get_or_init(read).as_ref().map_err(|finding| finding.clone().bad_input())
    }

    /// The pull request that the event is about; `None` for an event about none.
    ///
    /// # Errors
    /// The event's file cannot be read, or does not have the number.
    pub fn pull_request(&self, runner_env: &RunnerEnv) -> Result<Option<PullRequestEvent>, Finding> {
        PullRequestEvent::read(runner_env.event_name.as_deref(), runner_env.event_path.as_deref())
    }

    /// The subject with the commit that a `workflow_run` event names; in other workflows, the subject as it is.
    ///
    /// # Errors
    /// Bad input when the event cannot be read, or the subject names another commit.
    pub fn complete_subject(&self, subject: Subject, runner_env: &RunnerEnv) -> Result<Subject, CommandError> {
        // The files of other events are not read: they may be unreadable, and nothing here needs them.
        if runner_env.event_name.as_deref() != Some("workflow_run") {
            return Ok(subject);
        }
        event::complete_subject(subject, self.event(runner_env)?)
    }

    fn runtime(&self) -> io::Result<Arc<Runtime>> {
        let mut started = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*started {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Arc::new(Runtime::start()?);
        *started = Some(Arc::clone(&runtime));
        Ok(runtime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_share_one_runtime() {
        let world = World::default();
        let one = world.runtime().unwrap();
        let two = world.runtime().unwrap();
        assert!(Arc::ptr_eq(&one, &two));
        // The two above, and the one that the world holds.
        assert_eq!(Arc::strong_count(&one), 3);
        let github = world.github(GitHubAccess::new("http://127.0.0.1:1", None)).unwrap();
        assert_eq!(Arc::strong_count(&one), 4, "{github:?} shares it");
        assert!(matches!(world.github(GitHubAccess::new("ftp://127.0.0.1", None)), Err(CommandError::BadInput(_))));
    }
}
