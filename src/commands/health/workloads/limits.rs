//! What the user asks of a rollout: the workloads, the image, and the time limits.

use std::time::Duration;

use super::{
    image::ExpectedImage,
    states::{GracePeriod, UnhealthyState},
    workload::Workload,
};

/// What a rollout has to reach, and in which time.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadLimits {
    pub workloads: Vec<Workload>,
    /// The cluster's name in messages.
    pub context: String,
    pub namespace: String,
    pub image: ExpectedImage,
    /// How long the image may take to appear.
    pub appear_timeout: Duration,
    /// How long the rollout may take after the image appeared.
    pub rollout_timeout: Duration,
    /// How long each container must have run when the gate passes.
    pub stabilize: Duration,
    pub max_unhealthy: Duration,
    /// The gate blocks when one container has crashed this often.
    pub crash_limit: i32,
    pub grace_periods: Vec<GracePeriod>,
    pub allow_empty: bool,
    /// Whether the registry is asked about digests that the runtime reports.
    pub asks_registry: bool,
}

impl WorkloadLimits {
    /// How long a state is tolerated; `None`: until the rollout's time limit.
    #[must_use]
    pub fn grace_period(&self, state: UnhealthyState) -> Option<Duration> {
        let set_by_user = self.grace_periods.iter().rev().find(|period| period.state == state);
        match set_by_user {
            Some(period) => period.duration,
            None if state == UnhealthyState::Degraded => Some(self.max_unhealthy),
            None => state.default_grace_period(),
        }
    }

    /// Whether a workload is watched whose pods show which image they run.
    #[must_use]
    pub fn watches_pods(&self) -> bool {
        self.workloads.iter().any(|workload| workload.kind.has_pods())
    }
}
