//! The plan of a change: up to date, write or refuse.

use crate::finding::Finding;

/// What to do about the state that was read.
pub enum Plan<E, D> {
    /// The state is already the wanted one.
    UpToDate(D),
    Write(E),
    /// A rule forbids the change.
    Refuse(Finding),
}
