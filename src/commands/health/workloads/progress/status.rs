//! The rollout status that every kind of workload is reduced to.

use jiff::Timestamp;

use crate::{
    commands::health::workloads::{
        creation_failures::FAILED_CREATE,
        image::ImageMatch,
        limits::WorkloadLimits,
        pod_status::{MESSAGE_CHARS, has_ended},
        states::UnhealthyState,
        views::Views,
    },
    secret::excerpt,
    world::cluster::objects::{Condition, ObjectMeta, Pod, PodTemplate},
};

/// How far a rollout is. Texts are the reasons shown to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloutProgress {
    /// The workload does not exist.
    Missing,
    Progressing(String),
    /// The controller is reconciling the workload, or is about to: its last status may be out of date.
    Reconciling(String),
    /// The controller does not know how the workload is, or its objects do not show it.
    Unknown(String),
    /// The rollout may or may not continue without help.
    Stuck {
        state: UnhealthyState,
        since: Option<Timestamp>,
        reason: String,
    },
    /// The controller has given up; `since` if it reports the time.
    Failed {
        reason: String,
        since: Option<Timestamp>,
    },
    /// No pod is requested, or nothing that runs is checked.
    Empty(String),
    /// Complete, according to the controller.
    Complete(String),
}

/// What the objects of a workload say about its rollout.
pub struct RolloutStatus<'a> {
    pub progress: RolloutProgress,
    /// Whether the workload requests the image under promotion.
    pub requested: ImageMatch,
    /// The template of the newest revision.
    pub template: Option<&'a PodTemplate>,
    /// Pods of the new revision.
    pub pods: Vec<&'a Pod>,
    /// How many pods of the new revision there should be.
    pub desired: i32,
    /// The revision that the controller last worked on; empty for a workload that is judged by its pods.
    pub revision: String,
}

impl<'a> RolloutStatus<'a> {
    pub fn missing() -> Self {
        Self::from_controller(RolloutProgress::Missing, ImageMatch::Differs("nothing".to_owned()), String::new())
    }

    pub fn from_pods(
        limits: &WorkloadLimits,
        progress: RolloutProgress,
        template: &'a PodTemplate,
        pods: Vec<&'a Pod>,
        desired: i32,
    ) -> Self {
        let requested = limits.image.match_template(template);
        Self { progress, requested, template: Some(template), pods, desired, revision: String::new() }
    }

    /// For a workload of which only its controller's status is read.
    pub const fn from_controller(progress: RolloutProgress, requested: ImageMatch, revision: String) -> Self {
        Self { progress, requested, template: None, pods: Vec::new(), desired: 0, revision }
    }
}

pub const UNOBSERVED: &str = "its controller has not observed its latest change yet";
pub const NO_REPLICAS: &str = "it requests no pods: `replicas: 0`";

/// The label of a pod that names the revision it was created from.
pub const POD_REVISION: &str = "controller-revision-hash";

pub fn progressing(reason: impl Into<String>) -> RolloutProgress {
    RolloutProgress::Progressing(reason.into())
}

/// Stuck since, and because of, what a condition says.
pub fn stuck(state: UnhealthyState, condition: &Condition, counts: &str) -> RolloutProgress {
    let reason = format!("{}; {counts}", join_reason(&condition.reason, &condition.message));
    RolloutProgress::Stuck { state, since: condition.last_transition_time, reason }
}

/// Stuck because its controller fails to create pods, of a kind whose controller reports that only in events. `pods` are those
/// of the new revision.
pub fn failed_create(
    views: &Views,
    metadata: &ObjectMeta,
    pods: &[&Pod],
    desired: i32,
    counts: &str,
) -> Option<RolloutProgress> {
    let present = pods.iter().filter(|pod| !has_ended(pod) && pod.metadata.deletion_timestamp.is_none()).count();
    if i32::try_from(present).is_ok_and(|present| present >= desired) {
        return None;
    }
    let created = views.pods.owned_by(&metadata.uid).filter_map(|pod| pod.metadata.creation_timestamp).max();
    let (since, error) = views.creation_failures.since(&metadata.uid, metadata.managed_fields.spec_changed, created)?;
    let reason = format!("{}; {counts}", join_reason(FAILED_CREATE, error));
    Some(RolloutProgress::Stuck { state: UnhealthyState::FailedCreate, since: Some(since), reason })
}

pub const fn paused(since: Option<Timestamp>, reason: String) -> RolloutProgress {
    RolloutProgress::Stuck { state: UnhealthyState::Paused, since, reason }
}

/// The update strategy `OnDelete`: the controller replaces a pod only after a person has deleted it.
pub fn waits_for_deletion(counts: &str) -> RolloutProgress {
    paused(None, format!("its pods are replaced only when they are deleted by hand (`OnDelete`): {counts}"))
}

/// `reason: message`, of which one may be missing.
pub fn join_reason(reason: &str, message: &str) -> String {
    let message = excerpt(message, MESSAGE_CHARS);
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        (true, _) => message,
        (false, true) => reason.to_owned(),
    }
}
