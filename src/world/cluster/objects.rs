//! Kubernetes' objects, as far as health is told by them. Everything else in an answer is skipped while it is read, so
//! that hundreds of pods cost little.
//!
//! Absent and `null` are the same, as in Kubernetes' own types. Source: the API's OpenAPI description, v1.36; nothing
//! here is younger than v1.20.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// A kind that can be listed and watched.
pub trait Object: for<'de> Deserialize<'de> + Clone + Send + 'static {
    /// Group and version, as a path: `/apis/apps/v1`.
    const API: &'static str;
    /// The plural, as a path and in rules of access: `deployments`.
    const RESOURCE: &'static str;

    fn meta(&self) -> &Meta;
}

macro_rules! object {
    ($kind:ident, $api:literal, $resource:literal) => {
        impl Object for $kind {
            const API: &'static str = $api;
            const RESOURCE: &'static str = $resource;

            fn meta(&self) -> &Meta {
                &self.metadata
            }
        }
    };
}

object!(Deployment, "/apis/apps/v1", "deployments");
object!(ReplicaSet, "/apis/apps/v1", "replicasets");
object!(StatefulSet, "/apis/apps/v1", "statefulsets");
object!(DaemonSet, "/apis/apps/v1", "daemonsets");
object!(ControllerRevision, "/apis/apps/v1", "controllerrevisions");
object!(Pod, "/api/v1", "pods");
object!(Event, "/api/v1", "events");

/// `null` is the default, as if it were absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Structs whose fields may all be absent or `null`.
macro_rules! lenient {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$about:meta])* pub $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $(
            $(#[$about])*
            #[serde(deserialize_with = "or_default")]
            pub $field: $type,
        )* }
    )*};
}

mod argo;
mod flux;

pub use argo::*;
pub use flux::*;

lenient! {
    pub struct Meta {
        pub name: String,
        pub uid: String,
        /// Raised by every change of the specification.
        pub generation: i64,
        pub creation_timestamp: Option<Timestamp>,
        /// Set: it is being deleted.
        pub deletion_timestamp: Option<Timestamp>,
        pub labels: BTreeMap<String, String>,
        pub annotations: BTreeMap<String, String>,
        pub owner_references: Vec<Owner>,
    }

    pub struct Owner {
        pub uid: String,
        pub controller: bool,
    }

    /// What became of something, and since when.
    pub struct Condition {
        #[serde(rename = "type")]
        pub kind: String,
        /// `True`, `False` or `Unknown`.
        pub status: String,
        pub reason: String,
        pub message: String,
        /// Which generation it is about, where that is told.
        pub observed_generation: i64,
        pub last_transition_time: Option<Timestamp>,
    }

    pub struct Deployment {
        pub metadata: Meta,
        pub spec: DeploymentSpec,
        pub status: DeploymentStatus,
    }

    pub struct DeploymentSpec {
        /// Filled in by the server.
        pub replicas: i32,
        pub paused: bool,
        pub template: Template,
    }

    pub struct DeploymentStatus {
        pub observed_generation: i64,
        pub replicas: i32,
        pub updated_replicas: i32,
        pub available_replicas: i32,
        pub conditions: Vec<Condition>,
    }

    pub struct ReplicaSet {
        pub metadata: Meta,
        pub spec: ReplicaSetSpec,
        pub status: ReplicaSetStatus,
    }

    pub struct ReplicaSetSpec {
        pub template: Template,
    }

    pub struct ReplicaSetStatus {
        pub replicas: i32,
        pub conditions: Vec<Condition>,
    }

    pub struct StatefulSet {
        pub metadata: Meta,
        pub spec: StatefulSetSpec,
        pub status: StatefulSetStatus,
    }

    pub struct StatefulSetSpec {
        /// Filled in by the server.
        pub replicas: i32,
        /// `OrderedReady` or `Parallel`.
        pub pod_management_policy: String,
        pub template: Template,
        pub update_strategy: UpdateStrategy,
    }

    pub struct UpdateStrategy {
        /// `RollingUpdate` or `OnDelete`.
        #[serde(rename = "type")]
        pub kind: String,
        pub rolling_update: RollingUpdate,
    }

    pub struct RollingUpdate {
        /// Of a StatefulSet: pods with a lower number keep the old revision.
        pub partition: i32,
    }

    pub struct StatefulSetStatus {
        pub observed_generation: i64,
        pub replicas: i32,
        pub ready_replicas: i32,
        pub updated_replicas: i32,
        /// Older servers than v1.22 do not tell it.
        pub available_replicas: Option<i32>,
        pub current_revision: String,
        pub update_revision: String,
    }

    pub struct DaemonSet {
        pub metadata: Meta,
        pub spec: DaemonSetSpec,
        pub status: DaemonSetStatus,
    }

    pub struct DaemonSetSpec {
        pub template: Template,
        pub update_strategy: UpdateStrategy,
    }

    pub struct DaemonSetStatus {
        pub observed_generation: i64,
        pub desired_number_scheduled: i32,
        pub updated_number_scheduled: i32,
        pub number_available: i32,
    }

    pub struct ControllerRevision {
        pub metadata: Meta,
        pub revision: i64,
    }

    pub struct Template {
        pub spec: PodSpec,
    }

    pub struct Pod {
        pub metadata: Meta,
        pub spec: PodSpec,
        pub status: PodStatus,
    }

    pub struct PodSpec {
        pub containers: Vec<Container>,
        pub init_containers: Vec<Container>,
    }

    pub struct Container {
        pub name: String,
        pub image: String,
        pub startup_probe: Option<Probe>,
        pub readiness_probe: Option<Probe>,
    }

    /// In seconds. The server fills in what is not given; 0 is a server that did not.
    pub struct Probe {
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
        pub restart_count: i32,
        /// What was really pulled: `repository@digest` where the runtime tells it.
        #[serde(rename = "imageID")]
        pub image_id: String,
        pub state: State,
        pub last_state: State,
    }

    /// One of the three, or none before the kubelet has looked.
    pub struct State {
        pub waiting: Option<Waiting>,
        pub running: Option<Running>,
        pub terminated: Option<Terminated>,
    }

    pub struct Waiting {
        pub reason: String,
        pub message: String,
    }

    pub struct Running {
        pub started_at: Option<Timestamp>,
    }

    pub struct Terminated {
        pub exit_code: i32,
        pub reason: String,
        pub message: String,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
    }

    pub struct Event {
        pub metadata: Meta,
        pub reason: String,
        pub message: String,
        /// How often; 0 in events of the newer kind, which have a series.
        pub count: i32,
        pub last_timestamp: Option<Timestamp>,
        pub event_time: Option<Timestamp>,
        pub series: Option<Series>,
    }

    pub struct Series {
        pub count: i32,
        pub last_observed_time: Option<Timestamp>,
    }

    /// A page of a list.
    pub struct ListMeta {
        pub resource_version: String,
        #[serde(rename = "continue")]
        pub more: String,
    }
}

impl Meta {
    /// The uid of the controller that made it.
    #[must_use]
    pub fn controller(&self) -> Option<&str> {
        self.owner_references.iter().find(|owner| owner.controller).map(|owner| owner.uid.as_str())
    }
}

impl Event {
    /// When it happened last.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time);
        series.or(self.last_timestamp).or(self.event_time).or(self.metadata.creation_timestamp)
    }

    /// How often it happened, at least once.
    #[must_use]
    pub fn times(&self) -> i32 {
        self.series.as_ref().map_or(self.count, |series| series.count).max(1)
    }
}

/// A page of a list.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct List<T> {
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: ListMeta,
    #[serde(default = "Vec::new", deserialize_with = "items")]
    pub items: Vec<T>,
}

fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_and_what_is_null_are_the_same_and_the_rest_is_skipped() {
        let page: List<Pod> = serde_json::from_str(
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[
                {"metadata":{"name":"a","labels":null,"ownerReferences":[{"uid":"u","controller":true,"kind":"ReplicaSet"}],
                  "creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{"fieldsV1":{"f:x":{}}}]},
                 "spec":{"containers":[{"name":"app","image":"a:1","readinessProbe":{"httpGet":{"port":1},"periodSeconds":5}}]},
                 "status":{"containerStatuses":[{"name":"app","imageID":"a@sha256:1","restartCount":2,
                   "state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}]}"#,
        )
        .unwrap();
        let pod = &page.items[0];
        assert_eq!((page.metadata.resource_version.as_str(), page.metadata.more.as_str()), ("7", ""));
        assert!(pod.metadata.owner_references[0].controller && pod.metadata.labels.is_empty());
        assert_eq!(pod.spec.containers[0].readiness_probe.as_ref().unwrap().period_seconds, 5);
        let status = &pod.status.container_statuses[0];
        assert_eq!((status.image_id.as_str(), status.restart_count), ("a@sha256:1", 2));
        assert_eq!(status.state.waiting.as_ref().unwrap().reason, "CrashLoopBackOff");
        let empty: List<Pod> = serde_json::from_str(r#"{"items":null}"#).unwrap();
        assert!(empty.items.is_empty());
    }

    #[test]
    fn an_event_knows_when_it_happened_last_whoever_wrote_it() {
        let event = |text: &str| serde_json::from_str::<Event>(text).unwrap();
        let old = event(r#"{"count":3,"lastTimestamp":"2026-01-01T00:00:03Z","eventTime":null}"#);
        assert_eq!((old.times(), old.last().unwrap().to_string().as_str()), (3, "2026-01-01T00:00:03Z"));
        let new = event(
            r#"{"eventTime":"2026-01-01T00:00:01.5Z","series":{"count":4,"lastObservedTime":"2026-01-01T00:00:09Z"}}"#,
        );
        assert_eq!((new.times(), new.last().unwrap().to_string().as_str()), (4, "2026-01-01T00:00:09Z"));
        assert_eq!(event("{}").times(), 1);
    }
}
