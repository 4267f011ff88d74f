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

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The outside, by rooms. Clients are built when they are first asked for.
#[derive(Default)]
pub struct World {
    writing: Arc<AtomicUsize>,
}

impl World {
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
