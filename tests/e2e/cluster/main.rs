//! Tests of `health` on a real control plane: the states of a rollout, and the failures of the API.
//!
//! Run by `tests/e2e/cluster.sh`, which installs etcd, the control plane and kwok.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

mod access;
mod account;
#[path = "../act.rs"]
#[expect(dead_code, reason = "shared with the other tests on the runner")]
mod act;
mod api;
mod applications;
mod control_plane;
mod definitions;
mod faulty_proxy;
mod helm_releases;
#[path = "../../house.rs"]
mod house;
mod kustomizations;
mod outage;
#[path = "../repo.rs"]
#[expect(dead_code, reason = "shared with the other tests on the runner")]
mod repo;
mod rollouts;
mod runner;
#[path = "../../socks.rs"]
#[expect(dead_code, reason = "the other tests need more ways in which a proxy fails")]
mod socks;
mod states;
mod transitions;
mod workloads;
