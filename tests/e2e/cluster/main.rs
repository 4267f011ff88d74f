//! `health` on a real control plane: every state that a rollout can be in, and every way in which the API can fail.
//!
//! Run by `tests/e2e/cluster.sh`, which brings etcd, the control plane and kwok.

#![expect(clippy::expect_used, reason = "what cannot be staged is a failed test")]

mod access;
mod api;
mod applications;
mod between;
mod definitions;
#[path = "../../house.rs"]
mod house;
mod kustomizations;
mod meanwhile;
mod outage;
mod plane;
mod rollouts;
mod states;
mod workloads;
