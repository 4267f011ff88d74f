//! Pods and their containers.

use jiff::Timestamp;
use serde::Deserialize;

use super::object::{Condition, Object, ObjectMeta, impl_object, lenient, or_default};

impl_object!(Pod, "/api/v1", "pods");

lenient! {
    pub struct PodTemplate {
        pub spec: PodSpec,
    }

    pub struct Pod {
        pub metadata: ObjectMeta,
        pub spec: PodSpec,
        pub status: PodStatus,
    }

    pub struct PodSpec {
        pub containers: Vec<Container>,
        pub init_containers: Vec<Container>,
        /// How long a container may take to stop. The server sets the default; `None` if it did not.
        pub termination_grace_period_seconds: Option<i64>,
    }

    pub struct Container {
        pub name: String,
        pub image: String,
        /// `Always` for an init container that is a sidecar: it runs beside the others. Since v1.28.
        pub restart_policy: String,
        pub startup_probe: Option<ContainerProbe>,
        pub readiness_probe: Option<ContainerProbe>,
        pub liveness_probe: Option<ContainerProbe>,
    }

    /// Times are in seconds. The server sets the defaults; a field is 0 if it did not.
    pub struct ContainerProbe {
        pub initial_delay_seconds: i64,
        pub period_seconds: i64,
        pub failure_threshold: i64,
    }

    pub struct PodStatus {
        /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
        pub phase: String,
        pub reason: String,
        pub message: String,
        pub conditions: Vec<Condition>,
        pub container_statuses: Vec<ContainerStatus>,
        pub init_container_statuses: Vec<ContainerStatus>,
    }

    pub struct ContainerStatus {
        pub name: String,
        pub ready: bool,
        /// It runs, and its startup probe has succeeded.
        pub started: bool,
        pub restart_count: i32,
        /// The image that was pulled: `repository@digest`, if the container runtime reports the digest.
        #[serde(rename = "imageID")]
        pub image_id: String,
        pub state: ContainerState,
        pub last_state: ContainerState,
    }

    /// At most one field is set; none before the kubelet has reported.
    pub struct ContainerState {
        pub waiting: Option<ContainerStateWaiting>,
        pub running: Option<ContainerStateRunning>,
        pub terminated: Option<ContainerStateTerminated>,
    }

    pub struct ContainerStateWaiting {
        pub reason: String,
        pub message: String,
    }

    pub struct ContainerStateRunning {
        pub started_at: Option<Timestamp>,
    }

    pub struct ContainerStateTerminated {
        pub exit_code: i32,
        pub reason: String,
        pub message: String,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
    }
}
