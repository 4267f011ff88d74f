//! How a command of the team ended.

use crate::finding::Finding;

/// How the command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandExit {
    Exited(i32),
    Signalled(i32),
    /// It did not start, or its end could not be observed.
    Unobservable(Finding),
}
