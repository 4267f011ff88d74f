//! Pure: what was measured of a service's releases, as one file holds it, and which of it a new release is compared with.
//!
//! Every session enters, and only those of releases that were promoted are a baseline. Sessions that merely passed would ratchet
//! down: among equal releases the luckier ones pass, and the next one is compared with luck. Of a release that was promoted all
//! sessions count, also those that did not pass.

mod figures;
mod file;
mod output;
mod pages;
mod select;
mod store;
#[cfg(test)]
mod tests;

pub use figures::{ProfilePart, SessionFigures, SessionProfile};
pub use file::StoreError;
pub use output::{FIGURES, FiguresOutput};
pub use pages::{PageMedians, SessionPages};
pub use select::{BaselineQuery, LAST, NoBaseline, TrendPoint, median};
pub use store::{
    BaselineStore, MOST_OTHERS, MOST_PROMOTED, MarkedSessions, SessionRun, StoredSession, Unstorable, is_release,
};
