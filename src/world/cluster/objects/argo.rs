//! Objects of Argo Rollouts and Argo CD. Sources: the custom resource definitions of argo-rollouts v1.9 and argo-cd v3.4,
//! and their Go types, whose names are used here.

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    object::{Condition, LabelSelector, Object, ObjectMeta, impl_object, lenient, or_default},
    pods::PodTemplate,
};

impl_object!(Rollout, "/apis/argoproj.io/v1alpha1", "rollouts");
impl_object!(Application, "/apis/argoproj.io/v1alpha1", "applications");

lenient! {
    pub struct Rollout {
        pub metadata: ObjectMeta,
        pub spec: RolloutSpec,
        pub status: RolloutStatus,
    }

    pub struct RolloutSpec {
        /// The default is 1.
        pub replicas: Option<i32>,
        pub paused: bool,
        /// Empty if the pod template is in another object: its selector counts.
        pub selector: LabelSelector,
        pub template: PodTemplate,
        /// If set, the pod template is in another object.
        pub workload_ref: Option<IgnoredAny>,
        pub strategy: RolloutStrategy,
    }

    pub struct RolloutStrategy {
        pub canary: CanaryStrategy,
        pub blue_green: BlueGreenStrategy,
    }

    pub struct CanaryStrategy {
        pub steps: Vec<CanaryStep>,
    }

    pub struct CanaryStep {
        pub pause: Option<RolloutPause>,
    }

    pub struct RolloutPause {
        /// If absent, the pause lasts until a person promotes the rollout.
        pub duration: Option<IgnoredAny>,
    }

    pub struct BlueGreenStrategy {
        /// The default is true.
        pub auto_promotion_enabled: Option<bool>,
    }

    pub struct RolloutStatus {
        /// A number as text.
        pub observed_generation: String,
        /// A number as text.
        pub workload_observed_generation: String,
        /// `Healthy`, `Progressing`, `Paused` or `Degraded`.
        pub phase: String,
        pub message: String,
        pub abort: bool,
        pub controller_pause: bool,
        pub pause_conditions: Vec<PauseCondition>,
        pub current_step_index: Option<usize>,
        /// The hash of the newest revision.
        pub current_pod_hash: String,
        /// The hash of the last revision whose rollout completed.
        #[serde(rename = "stableRS")]
        pub stable_hash: String,
        pub replicas: i32,
        pub updated_replicas: i32,
        pub available_replicas: i32,
        pub conditions: Vec<Condition>,
    }

    pub struct PauseCondition {
        pub reason: String,
        pub start_time: Option<Timestamp>,
    }

    /// Has no status subresource: status updates also increment the generation, so it does not show changes of the spec.
    pub struct Application {
        pub metadata: ObjectMeta,
        pub spec: ApplicationSpec,
        /// Requested and not yet started.
        pub operation: Option<Operation>,
        pub status: Box<ApplicationStatus>,
    }

    pub struct ApplicationSpec {
        pub source: Value,
        pub sources: Vec<Value>,
        pub source_hydrator: Option<IgnoredAny>,
        pub destination: Value,
        pub sync_policy: SyncPolicy,
    }

    pub struct SyncPolicy {
        pub automated: Option<SyncPolicyAutomated>,
    }

    pub struct SyncPolicyAutomated {
        /// The default is true.
        pub enabled: Option<bool>,
        pub prune: bool,
        pub self_heal: bool,
    }

    pub struct Operation {
        pub sync: SyncOperation,
    }

    pub struct SyncOperation {
        pub dry_run: bool,
    }

    pub struct ApplicationStatus {
        pub sync: SyncStatus,
        pub health: HealthStatus,
        pub operation_state: Option<OperationState>,
        pub conditions: Vec<Condition>,
        pub reconciled_at: Option<Timestamp>,
        pub resources: Vec<ResourceStatus>,
        pub summary: ApplicationSummary,
        pub source_hydrator: SourceHydratorStatus,
    }

    pub struct SyncStatus {
        /// `Synced`, `OutOfSync` or `Unknown`.
        pub status: String,
        pub compared_to: ComparedTo,
        pub revision: String,
        /// For an Application with several sources.
        pub revisions: Vec<String>,
    }

    /// The spec at the time of the comparison.
    pub struct ComparedTo {
        pub source: Value,
        pub sources: Vec<Value>,
        pub destination: Value,
    }

    pub struct HealthStatus {
        /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`.
        pub status: String,
        pub message: String,
        pub last_transition_time: Option<Timestamp>,
    }

    /// The last sync.
    pub struct OperationState {
        pub operation: Operation,
        /// `Running`, `Terminating`, `Succeeded`, `Failed` or `Error`.
        pub phase: String,
        pub message: String,
        pub sync_result: SyncOperationResult,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
    }

    pub struct SyncOperationResult {
        pub revision: String,
        pub revisions: Vec<String>,
        pub resources: Vec<ResourceResult>,
    }

    pub struct ResourceResult {
        pub kind: String,
        pub namespace: String,
        pub name: String,
        /// `Synced`, `SyncFailed`, `Pruned` or `PruneSkipped`; empty for a hook.
        pub status: String,
        pub message: String,
        pub hook_phase: String,
    }

    pub struct ResourceStatus {
        pub kind: String,
        pub namespace: String,
        pub name: String,
        pub status: String,
        /// Absent if Argo CD has no health check for the kind.
        pub health: Option<HealthStatus>,
        pub requires_pruning: bool,
    }

    pub struct ApplicationSummary {
        /// As in the pod specs.
        pub images: Vec<String>,
    }

    pub struct SourceHydratorStatus {
        pub current_operation: HydrateOperation,
    }

    pub struct HydrateOperation {
        /// `Hydrating`, `Hydrated` or `Failed`.
        pub phase: String,
        pub message: String,
        pub finished_at: Option<Timestamp>,
    }
}
