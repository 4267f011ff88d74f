//! The actions on a real runner, the launcher in real shells: what only shows outside the process.
//!
//! `.ci/run` brings the tools and runs this with `cargo test --features e2e --test e2e`. A missing tool is a failure, not
//! a skip. Each module is one subject; `act`, `repo` and `acme` are the stage they play on.

#![expect(clippy::expect_used, reason = "a test ends where its stage cannot be set")]

mod acme;
mod act;
mod repo;

mod approvals;
mod around;
mod bundle_size;
mod environments;
mod forged;
mod launcher;
mod races;
mod run;
mod runner;
mod thursday;
mod waiting;
mod workflows;
