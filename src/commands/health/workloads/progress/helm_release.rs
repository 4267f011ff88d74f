//! The rollout status of a Flux HelmRelease.
//!
//! Sources: helm-controller v1.6, `docs/spec/v2/helmreleases.md` (the conditions and their reasons),
//! `internal/controller/helmrelease_controller.go` (what it waits for, and when the generations are written), and
//! `internal/reconcile` (`atomic_release.go`: a failed release is stalled when no retry is left, and `Reconciling` while one
//! is; `release.go`: `Ready` repeats the condition of the last action, and a remediated release is never ready).

use super::{
    flux::{current_condition, describe_stalled, held_back},
    status::{RolloutProgress, RolloutStatus, UNOBSERVED, join_reason},
};
use crate::{
    commands::health::workloads::{image::ImageMatch, limits::WorkloadLimits, states::UnhealthyState},
    world::cluster::objects::{Condition, HelmRelease, HelmSnapshot},
};

pub fn status<'a>(limits: &WorkloadLimits, release: &HelmRelease) -> RolloutStatus<'a> {
    // A HelmRelease reports no image. The command refuses input in which no other workload reports it.
    RolloutStatus::from_controller(progress(limits, release), ImageMatch::Matches, revision(release))
}

/// The chart and the values that were tried. When they are deployed, also Helm's number of the release: a later release of the
/// same chart and values, such as one with other post-renderers, is another one, and has to last as well.
fn revision(HelmRelease { status, .. }: &HelmRelease) -> String {
    let tried = format!("{} {}", status.last_attempted_revision, status.last_attempted_config_digest);
    let is_ready = status.conditions.iter().any(|one| one.kind == "Ready" && one.status == "True");
    match latest(&status.history).filter(|_| is_ready) {
        Some(latest) => format!("{tried} v{}", latest.version),
        None => tried,
    }
}

fn latest(history: &[HelmSnapshot]) -> Option<&HelmSnapshot> {
    history.iter().max_by_key(|snapshot| snapshot.version)
}

fn progress(limits: &WorkloadLimits, release: &HelmRelease) -> RolloutProgress {
    let HelmRelease { metadata, spec, status } = release;
    let condition = |kind: &str| current_condition(metadata, &status.conditions, kind);
    let with_status = |kind: &str, value: &str| condition(kind).filter(|condition| condition.status == value);
    if let Some(progress) = held_back(spec.suspend, metadata, &status.last_handled_reconcile_at) {
        return progress;
    }
    let remediated = with_status("Remediated", "True");
    if let Some(stalled) = with_status("Stalled", "True") {
        let failure = remediated.or_else(|| with_status("Ready", "False")).map(describe);
        let stalled_because = describe_stalled(stalled);
        let reason = match failure {
            Some(failure) if remediated.is_some() => format!("{failure}; {stalled_because}"),
            Some(failure) if !stalled_because.contains(&failure) => format!("{stalled_because}; {failure}"),
            _ => stalled_because,
        };
        return RolloutProgress::Failed { reason, since: stalled.last_transition_time };
    }
    let Some(ready) = condition("Ready") else { return RolloutProgress::Reconciling(UNOBSERVED.to_owned()) };
    let reconciling = with_status("Reconciling", "True");
    match (ready.status.as_str(), reconciling, remediated) {
        ("False", ..) if is_of_earlier_attempt(release, ready) => RolloutProgress::Reconciling(UNOBSERVED.to_owned()),
        // What it was rolled back to may well be healthy, and is not what the specification asks for.
        ("False" | "True", None, Some(remediated)) => {
            RolloutProgress::Failed { reason: describe(remediated), since: remediated.last_transition_time }
        }
        ("False", ..) => failing(ready),
        ("True", None, None) => ready_progress(limits, release),
        _ => {
            let latest = reconciling.unwrap_or(ready);
            RolloutProgress::Reconciling(join_reason(&latest.reason, &latest.message))
        }
    }
}

/// The controller may write the generation of the specification to the result of an earlier one, when a change of it comes in
/// between (`state.go` says so). An attempt that has a result has its own generation.
fn is_of_earlier_attempt(HelmRelease { metadata, status, .. }: &HelmRelease, ready: &Condition) -> bool {
    let is_result = matches!(
        ready.reason.as_str(),
        "InstallFailed"
            | "UpgradeFailed"
            | "TestFailed"
            | "RollbackSucceeded"
            | "RollbackFailed"
            | "UninstallSucceeded"
            | "UninstallFailed"
    );
    is_result && (1..metadata.generation).contains(&status.last_attempted_generation)
}

/// The controller retries, unless it is stalled. A reason that names another object to wait for is not a failure of this one.
///
/// `Reconciling` does not tell a failure from progress: it stays `True` after a failure that is retried, such as values that
/// are missing. While Helm installs or upgrades, `Ready` is `Unknown`.
fn failing(ready: &Condition) -> RolloutProgress {
    match ready.reason.as_str() {
        "DependencyNotReady"
        | "ArtifactFailed"
        | "SourceNotReady"
        | "HealthCheckCanceled"
        | "Progressing"
        | "ProgressingWithRetry" => RolloutProgress::Reconciling(describe(ready)),
        _ => RolloutProgress::Stuck {
            state: UnhealthyState::Degraded,
            since: ready.last_transition_time,
            reason: describe(ready),
        },
    }
}

fn describe(condition: &Condition) -> String {
    let reason = join_reason(&condition.reason, &condition.message);
    match condition.reason.as_str() {
        "RollbackSucceeded" => format!("the release failed and was rolled back: {reason}"),
        "UninstallSucceeded" => format!("the release failed and was uninstalled: {reason}"),
        _ => reason,
    }
}

fn ready_progress(limits: &WorkloadLimits, release: &HelmRelease) -> RolloutProgress {
    let HelmRelease { metadata, spec, status } = release;
    if status.observed_generation != metadata.generation {
        return RolloutProgress::Reconciling(UNOBSERVED.to_owned());
    }
    let Some(latest) = latest(&status.history) else {
        return RolloutProgress::Progressing("its history has no release".to_owned());
    };
    let HelmSnapshot { version, status: state, chart_name, chart_version } = latest;
    let attempted = &status.last_attempted_revision;
    if state != "deployed" || chart_version != attempted {
        return RolloutProgress::Progressing(format!(
            "{attempted} was tried, and release {version} of {chart_name}@{chart_version} is {state}"
        ));
    }
    let deployed = format!("deployed {chart_name}@{chart_version} as release {version}");
    let action = status.last_attempted_release_action.as_str();
    // Without a last action, either may have made the release.
    let waited =
        (action == "upgrade" || !spec.install.disable_wait) && (action == "install" || !spec.upgrade.disable_wait);
    if waited {
        RolloutProgress::Complete(format!("{deployed}, and what it installs became healthy"))
    } else if limits.workloads.iter().any(|workload| workload.kind.reports_images()) {
        RolloutProgress::Complete(deployed)
    } else {
        // Applied does not mean healthy.
        RolloutProgress::Empty(format!("{deployed}, and it checks no health (`disableWait`)"))
    }
}
