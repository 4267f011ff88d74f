//! Tests of `health` on real kubelets: what their containers do and what they report of it, images from a registry, and
//! changes of the cluster during a rollout. kwok, in place of kubelets, plays only what a test tells it.
//!
//! Run by `tests/e2e/kubelet.sh`, which installs the programs and isolates them.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

#[path = "../cluster/api.rs"]
#[expect(dead_code, reason = "shared with the tests on the control plane")]
mod api;
mod changes;
mod cluster;
#[path = "../cluster/control_plane.rs"]
#[expect(dead_code, reason = "shared with the tests on the control plane")]
mod control_plane;
mod crashes;
#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the integration tests")]
mod house;
mod images;
mod node;
mod registry;
mod rollouts;
mod series;
mod story;
#[path = "../cluster/workloads.rs"]
#[expect(dead_code, reason = "shared with the tests on the control plane")]
mod workloads;
