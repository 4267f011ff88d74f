//! Argo's objects. Sources: the custom resource definitions of argo-rollouts v1.9 and argo-cd v3.4, and the Go types that
//! they are made from.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{Condition, Meta, Object, Template, Timestamp, or_default};

object!(Rollout, "/apis/argoproj.io/v1alpha1", "rollouts");
object!(Application, "/apis/argoproj.io/v1alpha1", "applications");

lenient! {
    pub struct Rollout {
        pub metadata: Meta,
        pub spec: RolloutSpec,
        pub status: RolloutStatus,
    }

    pub struct RolloutSpec {
        /// Not given is one.
        pub replicas: Option<i32>,
        pub paused: bool,
        pub template: Template,
        /// Given: the template is that of another object.
        pub workload_ref: Option<IgnoredAny>,
        pub strategy: Strategy,
    }

    pub struct Strategy {
        pub canary: Canary,
        pub blue_green: BlueGreen,
    }

    pub struct Canary {
        pub steps: Vec<Step>,
    }

    pub struct Step {
        pub pause: Option<Pause>,
    }

    pub struct Pause {
        /// Not given: until somebody goes on.
        pub duration: Option<IgnoredAny>,
    }

    pub struct BlueGreen {
        /// Not given is true.
        pub auto_promotion_enabled: Option<bool>,
    }

    pub struct RolloutStatus {
        /// A number, as text.
        pub observed_generation: String,
        /// Likewise.
        pub workload_observed_generation: String,
        /// `Healthy`, `Progressing`, `Paused` or `Degraded`.
        pub phase: String,
        pub message: String,
        pub abort: bool,
        pub controller_pause: bool,
        pub pause_conditions: Vec<PauseCondition>,
        pub current_step_index: Option<usize>,
        /// Of the newest revision.
        pub current_pod_hash: String,
        /// Of the revision that was rolled out last.
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

    /// Has no subresource for its status, so its generation tells nothing.
    pub struct Application {
        pub metadata: Meta,
        pub spec: ApplicationSpec,
        /// Asked for, and not begun.
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
        pub automated: Option<Automated>,
    }

    pub struct Automated {
        /// Not given is true.
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
        pub health: Health,
        pub operation_state: Option<OperationState>,
        pub conditions: Vec<Condition>,
        pub reconciled_at: Option<Timestamp>,
        pub resources: Vec<Resource>,
        pub summary: Summary,
        pub source_hydrator: Hydrator,
    }

    pub struct SyncStatus {
        /// `Synced`, `OutOfSync` or `Unknown`.
        pub status: String,
        pub compared_to: ComparedTo,
        pub revision: String,
        /// With several sources.
        pub revisions: Vec<String>,
    }

    /// What the specification was when it was compared.
    pub struct ComparedTo {
        pub source: Value,
        pub sources: Vec<Value>,
        pub destination: Value,
    }

    pub struct Health {
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
        pub sync_result: SyncResult,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
    }

    pub struct SyncResult {
        pub revision: String,
        pub revisions: Vec<String>,
        pub resources: Vec<ResourceResult>,
    }

    pub struct ResourceResult {
        pub kind: String,
        pub namespace: String,
        pub name: String,
        /// `Synced`, `SyncFailed`, `Pruned` or `PruneSkipped`; none of a hook.
        pub status: String,
        pub message: String,
        pub hook_phase: String,
    }

    pub struct Resource {
        pub kind: String,
        pub namespace: String,
        pub name: String,
        pub status: String,
        /// None: nobody knows how to tell it.
        pub health: Option<Health>,
        pub requires_pruning: bool,
    }

    pub struct Summary {
        /// As its pods ask for them.
        pub images: Vec<String>,
    }

    pub struct Hydrator {
        pub current_operation: Hydration,
    }

    pub struct Hydration {
        /// `Hydrating`, `Hydrated` or `Failed`.
        pub phase: String,
        pub message: String,
        pub finished_at: Option<Timestamp>,
    }
}
