//! The rollout status of an Argo CD Application.
//!
//! Sources: argo-cd v3.4, `cmd/argocd/commands/app.go` (`argocd app wait`: no operation is left, compared since the last one
//! ended, synced, healthy), `controller/appcontroller.go` (what makes a comparison out of date; when a sync starts
//! automatically, and when it is not retried), `gitops-engine/pkg/health` (what each health status means),
//! `controller/cache/info.go` (the images are those of the pods).

use serde_json::Value;

use super::status::{RolloutProgress, RolloutStatus, join_reason, paused, progressing};
use crate::{
    commands::health::workloads::{image::ImageMatch, limits::WorkloadLimits, states::UnhealthyState},
    world::cluster::objects::{Application, OperationState},
};

/// The annotation that requests a comparison; the controller removes it when the comparison is done.
const REFRESH: &str = "argocd.argoproj.io/refresh";
/// Characters of a commit SHA that are shown, as in git.
const SHORT_SHA: usize = 12;

pub fn status<'a>(limits: &WorkloadLimits, application: &Application) -> RolloutStatus<'a> {
    let progress = progress(application);
    let images = &application.status.summary.images;
    let pods_show_images = limits.watches_pods();
    let (requested, progress) = match (limits.image.match_names(images), progress) {
        (ImageMatch::Matches, RolloutProgress::Complete(text)) if !pods_show_images => {
            let old = limits.image.other_versions(images);
            let both = format!("{text}, and {} runs as well", old.join(", "));
            let progress =
                if old.is_empty() { RolloutProgress::Complete(text) } else { RolloutProgress::Unknown(both) };
            (ImageMatch::Matches, progress)
        }
        (ImageMatch::Unknown(_), progress) if pods_show_images => (ImageMatch::Matches, progress),
        (ImageMatch::Differs(_), progress) if pods_show_images && limits.image.may_be_mirrored(images) => {
            (ImageMatch::Matches, progress)
        }
        // The image that a sync brings is listed only when its pods exist.
        (
            ImageMatch::Differs(image),
            progress @ (RolloutProgress::Progressing(_)
            | RolloutProgress::Reconciling(_)
            | RolloutProgress::Unknown(_)
            | RolloutProgress::Failed { .. }),
        ) => (ImageMatch::Unknown(image), progress),
        unchanged => unchanged,
    };
    RolloutStatus::from_controller(progress, requested, compared_revision(application))
}

fn progress(application: &Application) -> RolloutProgress {
    if let Some(reason) = outdated_status(application) {
        return RolloutProgress::Reconciling(reason);
    }
    if let Some(progress) =
        hydration(application).or_else(|| operation(application)).or_else(|| error_condition(application))
    {
        return progress;
    }
    let (sync, health) = (&application.status.sync, &application.status.health);
    match sync.status.as_str() {
        "Synced" => {}
        "OutOfSync" => return out_of_sync(application),
        "" => return RolloutProgress::Reconciling("it has not been compared yet".to_owned()),
        _ => return RolloutProgress::Unknown("its sync status is unknown".to_owned()),
    }
    let reason = join_reason(&health.status, &health.message);
    match health.status.as_str() {
        "Healthy" => RolloutProgress::Complete(format!(
            "Healthy, Synced to {}",
            shorten_revision(&compared_revision(application))
        )),
        "Progressing" => RolloutProgress::Progressing(reason),
        "Suspended" => paused(health.last_transition_time, reason),
        "Degraded" | "Missing" => {
            let sync_started = last_sync(application).and_then(|sync| sync.started_at);
            // Older versions of Argo CD do not report the transition time. Health from before the sync does not count.
            let since = health.last_transition_time;
            let since = since.map(|since| sync_started.map_or(since, |started| since.max(started)));
            RolloutProgress::Stuck { state: UnhealthyState::Degraded, since, reason }
        }
        "" => RolloutProgress::Reconciling("its health has not been reported yet".to_owned()),
        _ => RolloutProgress::Unknown(reason),
    }
}

/// Why the status may describe an earlier specification or revision.
fn outdated_status(application: &Application) -> Option<String> {
    let Application { metadata, spec, status, .. } = application;
    if metadata.annotations.contains_key(REFRESH) {
        return Some("a refresh was requested, and is not done yet".to_owned());
    }
    if status.reconciled_at.is_none() {
        return Some("it has not been compared yet".to_owned());
    }
    let compared = &status.sync.compared_to;
    // With a hydrator, the source that is synced is not the one in the specification.
    let same_source = match &spec.source_hydrator {
        Some(_) => true,
        None if spec.sources.is_empty() => is_same(&spec.source, &compared.source),
        None => is_same_list(&spec.sources, &compared.sources),
    };
    let unchanged = same_source && is_same(&spec.destination, &compared.destination);
    (!unchanged).then(|| "its specification has changed since it was compared".to_owned())
}

fn hydration(application: &Application) -> Option<RolloutProgress> {
    application.spec.source_hydrator.as_ref()?;
    let hydration = &application.status.source_hydrator.current_operation;
    match hydration.phase.as_str() {
        "Hydrating" => Some(RolloutProgress::Reconciling("its manifests are being hydrated".to_owned())),
        "Failed" => Some(RolloutProgress::Stuck {
            state: UnhealthyState::Degraded,
            since: hydration.finished_at,
            reason: join_reason("its manifests could not be hydrated", &hydration.message),
        }),
        _ => None,
    }
}

/// The last sync that was not a dry run.
fn last_sync(application: &Application) -> Option<&OperationState> {
    application.status.operation_state.as_ref().filter(|state| !state.operation.sync.dry_run)
}

fn operation(application: &Application) -> Option<RolloutProgress> {
    if application.operation.as_ref().is_some_and(|operation| !operation.sync.dry_run) {
        let running = last_sync(application).filter(|state| state.phase == "Running");
        let phase = if running.is_some() { "its sync runs" } else { "a sync was requested" };
        let message = running.map_or("", |state| &state.message);
        return Some(RolloutProgress::Reconciling(join_reason(phase, message)));
    }
    let state = last_sync(application)?;
    match state.phase.as_str() {
        "Succeeded" if application.status.reconciled_at < state.finished_at => {
            Some(RolloutProgress::Reconciling("its sync has ended, and it has not been compared since".to_owned()))
        }
        "Succeeded" => None,
        // Argo CD syncs a later revision automatically, but does not retry one that has failed.
        "Failed" | "Error"
            if is_out_of_sync(application)
                && is_automated(application)
                && synced_revision(state) != compared_revision(application) =>
        {
            None
        }
        "Failed" | "Error" => {
            let failed = match synced_revision(state) {
                revision if revision.is_empty() => "its last sync failed".to_owned(),
                revision => format!("its sync to {} failed", shorten_revision(&revision)),
            };
            let reason = join_reason(&failed, &state.message);
            Some(RolloutProgress::Failed { reason, since: state.finished_at })
        }
        _ => Some(RolloutProgress::Reconciling(join_reason("its sync runs", &state.message))),
    }
}

/// An error of the Application itself. Its warnings are not errors.
fn error_condition(application: &Application) -> Option<RolloutProgress> {
    let error = application.status.conditions.iter().find(|condition| condition.kind.ends_with("Error"))?;
    let reason = join_reason(&error.kind, &error.message);
    Some(match error.kind.as_str() {
        "InvalidSpecError" | "SyncError" | "DeletionError" => {
            RolloutProgress::Stuck { state: UnhealthyState::Degraded, since: error.last_transition_time, reason }
        }
        // The comparison failed, so its result is unknown.
        _ => RolloutProgress::Unknown(reason),
    })
}

fn out_of_sync(application: &Application) -> RolloutProgress {
    let to = shorten_revision(&compared_revision(application));
    let differing: Vec<_> = application.status.resources.iter().filter(|one| one.status != "Synced").collect();
    let names: Vec<String> = differing.iter().take(3).map(|one| format!("{}/{}", one.kind, one.name)).collect();
    let more = if differing.len() > names.len() {
        format!(" and {} more", differing.len() - names.len())
    } else {
        String::new()
    };
    let resources = if names.is_empty() { String::new() } else { format!(": {}{more}", names.join(", ")) };
    let automated = application.spec.sync_policy.automated.as_ref();
    let only_pruning = !differing.is_empty() && differing.iter().all(|one| one.requires_pruning);
    if only_pruning && !automated.is_some_and(|automated| automated.prune) {
        return paused(
            None,
            format!("OutOfSync with {to}: pruning is not automated, and resources are left over{resources}"),
        );
    }
    let was_synced =
        last_sync(application).is_some_and(|state| synced_revision(state) == compared_revision(application));
    match automated.filter(|_| is_automated(application)) {
        Some(automated) if automated.self_heal || !was_synced => {
            RolloutProgress::Reconciling(format!("OutOfSync with {to}, and to be synced automatically{resources}"))
        }
        // A comparison right after a sync may be older than the changes of the sync.
        _ if was_synced => progressing(format!("it was synced to {to}, and is OutOfSync again{resources}")),
        _ => paused(None, format!("OutOfSync with {to} until it is synced by hand{resources}")),
    }
}

fn is_out_of_sync(application: &Application) -> bool {
    application.status.sync.status == "OutOfSync"
}

fn is_automated(application: &Application) -> bool {
    application.spec.sync_policy.automated.as_ref().is_some_and(|automated| automated.enabled != Some(false))
}

fn compared_revision(application: &Application) -> String {
    join_revisions(&application.status.sync.revision, &application.status.sync.revisions)
}

fn synced_revision(state: &OperationState) -> String {
    join_revisions(&state.sync_result.revision, &state.sync_result.revisions)
}

/// An Application has one source or several.
fn join_revisions(one: &str, several: &[String]) -> String {
    if several.is_empty() { one.to_owned() } else { several.join(" ") }
}

fn shorten_revision(revision: &str) -> String {
    let is_hash = |part: &str| part.len() >= 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = |part: &str| if is_hash(part) { part[..SHORT_SHA].to_owned() } else { part.to_owned() };
    let parts: Vec<String> = revision.split(' ').map(short).collect();
    if revision.is_empty() { "no revision".to_owned() } else { parts.join(", ") }
}

/// The values of a Helm chart, which the controller keeps as they are written.
const VALUES: &str = "valuesObject";

/// The controller omits empty values, so an empty value and an absent one are the same.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(first), Value::Object(second)) => {
            let null = Value::Null;
            first.keys().chain(second.keys()).all(|key| {
                let (one, other) = (first.get(key).unwrap_or(&null), second.get(key).unwrap_or(&null));
                if key == VALUES { one == other } else { is_same(one, other) }
            })
        }
        (Value::Array(first), Value::Array(second)) => is_same_list(first, second),
        (one, other) => one == other || (is_empty(one) && is_empty(other)),
    }
}

fn is_same_list(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => {
            map.iter().all(|(key, value)| if key == VALUES { value.is_null() } else { is_empty(value) })
        }
        Value::Bool(true) => false,
    }
}
