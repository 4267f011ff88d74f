//! `health` on a real control plane: every state that a rollout can be in, and every way in which the API can fail.
//!
//! Run by `tests/e2e/cluster.sh`, which brings etcd, the control plane and kwok.

#![expect(clippy::expect_used, reason = "what cannot be staged is a failed test")]

mod account;
#[path = "../act.rs"]
#[expect(dead_code, reason = "shared with the other tests on the runner")]
mod act;
mod api;
mod applications;
mod definitions;
#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
mod kustomizations;
mod outage;
mod plane;
#[path = "../repo.rs"]
#[expect(dead_code, reason = "shared with the other tests on the runner")]
mod repo;
mod rollouts;
mod runner;
mod states;
mod workloads;
