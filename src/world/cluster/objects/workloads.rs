//! The workloads of Kubernetes' `apps` group, and the revisions that they keep.

use serde::Deserialize;

use super::{
    object::{Condition, LabelSelector, Object, ObjectMeta, impl_object, lenient, or_default},
    pods::PodTemplate,
};

impl_object!(Deployment, "/apis/apps/v1", "deployments");
impl_object!(ReplicaSet, "/apis/apps/v1", "replicasets");
impl_object!(StatefulSet, "/apis/apps/v1", "statefulsets");
impl_object!(DaemonSet, "/apis/apps/v1", "daemonsets");
impl_object!(ControllerRevision, "/apis/apps/v1", "controllerrevisions");

lenient! {
    pub struct Deployment {
        pub metadata: ObjectMeta,
        pub spec: DeploymentSpec,
        pub status: DeploymentStatus,
    }

    pub struct DeploymentSpec {
        /// The server sets the default.
        pub replicas: i32,
        pub paused: bool,
        pub selector: LabelSelector,
        pub template: PodTemplate,
    }

    pub struct DeploymentStatus {
        pub observed_generation: i64,
        pub replicas: i32,
        pub updated_replicas: i32,
        pub available_replicas: i32,
        pub conditions: Vec<Condition>,
    }

    pub struct ReplicaSet {
        pub metadata: ObjectMeta,
        pub spec: ReplicaSetSpec,
        pub status: ReplicaSetStatus,
    }

    pub struct ReplicaSetSpec {
        pub template: PodTemplate,
    }

    pub struct ReplicaSetStatus {
        pub replicas: i32,
        pub conditions: Vec<Condition>,
    }

    pub struct StatefulSet {
        pub metadata: ObjectMeta,
        pub spec: StatefulSetSpec,
        pub status: StatefulSetStatus,
    }

    pub struct StatefulSetSpec {
        /// The server sets the default.
        pub replicas: i32,
        /// `OrderedReady` or `Parallel`.
        pub pod_management_policy: String,
        pub selector: LabelSelector,
        pub template: PodTemplate,
        pub update_strategy: UpdateStrategy,
    }

    pub struct UpdateStrategy {
        /// `RollingUpdate` or `OnDelete`.
        #[serde(rename = "type")]
        pub kind: String,
        pub rolling_update: RollingUpdate,
    }

    pub struct RollingUpdate {
        /// For a StatefulSet: pods with a lower ordinal keep the old revision.
        pub partition: i32,
    }

    pub struct StatefulSetStatus {
        pub observed_generation: i64,
        pub replicas: i32,
        pub ready_replicas: i32,
        pub updated_replicas: i32,
        /// Absent before v1.22.
        pub available_replicas: Option<i32>,
        pub current_revision: String,
        pub update_revision: String,
    }

    pub struct DaemonSet {
        pub metadata: ObjectMeta,
        pub spec: DaemonSetSpec,
        pub status: DaemonSetStatus,
    }

    pub struct DaemonSetSpec {
        pub selector: LabelSelector,
        pub template: PodTemplate,
        pub update_strategy: UpdateStrategy,
    }

    pub struct DaemonSetStatus {
        pub observed_generation: i64,
        pub desired_number_scheduled: i32,
        pub updated_number_scheduled: i32,
        pub number_available: i32,
    }

    pub struct ControllerRevision {
        pub metadata: ObjectMeta,
        pub revision: i64,
    }
}
