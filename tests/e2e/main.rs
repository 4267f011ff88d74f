//! End-to-end tests: the actions and the shipped workflows on a real runner, the launcher in real shells.
//!
//! `.ci/run` installs the tools and runs `cargo test --test e2e`. A missing tool fails the tests; it does not
//! skip them. Each module tests one subject; `act`, `repo` and `acme` are their shared test environment.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

mod acme;
mod act;
#[path = "../git_backend.rs"]
mod git_backend;
mod repo;
#[path = "../init/samples.rs"]
mod samples;

mod approvals;
mod bundle_base;
mod bundle_size;
mod bypass;
mod environments;
mod forged;
mod image_files;
mod init;
mod launcher;
mod monorepo;
mod races;
mod release;
mod run;
mod runner;
mod single_repository;
mod waiting;
mod workflows;
