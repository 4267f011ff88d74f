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
