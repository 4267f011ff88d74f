//! One way to lock the state that a fake shares with its server's thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ignores poisoning: after a panic in a handler, the test still reads the state to report the failure.
pub fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
