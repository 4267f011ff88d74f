//! What a command may touch outside the process: one room per kind of outside.
//!
//! Clients here never retry; only `settle` and `converge` repeat. Nothing here judges.

pub mod clock;
pub mod files;
pub mod git;
pub mod github;
pub mod http;
pub mod process;
pub mod runtime;
pub mod secret;
pub mod signals;
pub mod trusted;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::Http;

/// The outside, by rooms. Clients are built when they are first asked for.
#[derive(Default)]
pub struct World {
    /// The process groups of every child: what is left of them is ended before the process is.
    pub groups: process::Groups,
    writing: Arc<AtomicUsize>,
    /// Proxies and certificate authorities, as the environment names them.
    network: BTreeMap<String, String>,
    http: OnceLock<Http>,
}

impl World {
    #[must_use]
    pub fn new(network: BTreeMap<String, String>) -> Self {
        Self { network, ..Self::default() }
    }

    /// The HTTP client.
    pub fn http(&self) -> &Http {
        self.http.get_or_init(|| Http::new(|name| self.network.get(name).cloned()))
    }

    /// Marks that a write is under way: until the guard goes, a signal waits for its outcome instead of ending the process.
    #[must_use]
    pub fn begin_writing(&self) -> Writing {
        self.writing.fetch_add(1, Ordering::AcqRel);
        Writing(Arc::clone(&self.writing))
    }

    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Acquire) > 0
    }
}

/// A write under way.
pub struct Writing(Arc<AtomicUsize>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
