//! What a command may touch outside the process: one room per kind of outside.
//!
//! Clients here never retry; only `observe_until_decided` and `reconcile` repeat. Nothing here judges.

pub mod cluster;
pub mod event;
pub mod files;
pub mod git;
pub mod github;
pub mod http;
pub mod network;
pub mod process;
pub mod runtime;
pub mod signals;
pub mod trusted;
pub mod url;

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use cluster::Cluster;
use event::Event;
use github::{Access, GitHub};
use http::Http;
use network::Network;
use runtime::Runtime;

use crate::{error::CommandError, finding::Finding};

/// The outside, by rooms. Clients are built when they are first asked for.
#[derive(Default)]
pub struct World {
    /// The process groups of every child: what is left of them is ended before the process is.
    pub groups: process::Groups,
    network: Network,
    http: OnceLock<Http>,
    event: OnceLock<Result<Event, Finding>>,
    /// Shared by every client that needs one; `None` until the first does.
    runtime: Mutex<Option<Arc<Runtime>>>,
}

impl World {
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, ..Self::default() }
    }

    /// The HTTP client.
    pub fn http(&self) -> &Http {
        self.http.get_or_init(|| Http::new(self.network.clone()))
    }

    /// GitHub, as `access` says. Nothing has been sent yet when it is there.
    ///
    /// # Errors
    /// Bad input when the address, the token, the proxy or the certificate authorities cannot be used.
    pub fn github(&self, access: Access) -> Result<GitHub, CommandError> {
        let runtime = self.runtime().map_err(|error| {
            Finding::inconclusive("GitHub's API")
                .actual(error.to_string())
                .expected("a thread to reach it from")
                .unobservable()
        })?;
        GitHub::connect(runtime, &self.network, access).map_err(CommandError::BadInput)
    }

    /// A cluster, as `access` says. Nothing has been sent yet when it is there.
    ///
    /// # Errors
    /// Bad input when the kubeconfig or the context cannot be used.
    pub fn cluster(&self, access: cluster::Access) -> Result<Cluster, CommandError> {
        let runtime = self.runtime().map_err(|error| {
            Finding::inconclusive("the cluster's API")
                .actual(error.to_string())
                .expected("a thread to reach it from")
                .unobservable()
        })?;
        Cluster::connect(runtime, &self.network, &self.groups, access).map_err(CommandError::BadInput)
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
        // The two above, and the world's own.
        assert_eq!(Arc::strong_count(&one), 3);
        let github = world.github(Access::new("http://127.0.0.1:1", None)).unwrap();
        assert_eq!(Arc::strong_count(&one), 4, "{github:?} is on it too");
        assert!(matches!(world.github(Access::new("ftp://127.0.0.1", None)), Err(CommandError::BadInput(_))));
    }
}
