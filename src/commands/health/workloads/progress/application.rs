//! Argo CD's Applications.
//!
//! Sources: argo-cd v3.4, `cmd/argocd/commands/app.go` (`argocd app wait`: no operation left, compared since the last one
//! ended, synced, healthy), `controller/appcontroller.go` (what makes a comparison old; when a sync begins by itself, and
//! when it is not tried again), `gitops-engine/pkg/health` (what each health means), `controller/cache/info.go` (the images
//! are those of the pods).

use serde_json::Value;

use super::{Found, Progress, rolling, said};
use crate::{
    commands::health::workloads::{
        image::Fit,
        rules::{Rules, State},
    },
    world::cluster::objects::{Application, OperationState},
};

/// Somebody asks for a comparison; the controller takes it away when it is done.
const REFRESH: &str = "argocd.argoproj.io/refresh";
/// How a revision is shown: as short as git does.
const SHOWN: usize = 12;

pub fn application<'a>(rules: &Rules, it: &Application) -> Found<'a> {
    let progress = progress(it);
    let images = &it.status.summary.images;
    let told_elsewhere = rules.workloads.iter().any(|workload| workload.kind.has_pods());
    let (asked, progress) = match (rules.image.in_names(images), progress) {
        (Fit::Fits, Progress::Complete(text)) if !told_elsewhere => {
            let old = rules.image.others(images);
            let still = format!("{text}, and {} runs as well", old.join(", "));
            (Fit::Fits, if old.is_empty() { Progress::Complete(text) } else { Progress::Unclear(still) })
        }
        (Fit::Unknown(_), progress) if told_elsewhere => (Fit::Fits, progress),
        // Which image a sync brings is seen only when its pods are there.
        (
            Fit::Differs(what),
            progress @ (Progress::Rolling(_)
            | Progress::Reconciling(_)
            | Progress::Unclear(_)
            | Progress::Failed { .. }),
        ) => (Fit::Unknown(what), progress),
        known => known,
    };
    Found::of_word(progress, asked, revisions(&it.status.sync.revision, &it.status.sync.revisions))
}

fn progress(it: &Application) -> Progress {
    if let Some(why) = old(it) {
        return Progress::Reconciling(why);
    }
    if let Some(progress) = hydration(it).or_else(|| operation(it)).or_else(|| error(it)) {
        return progress;
    }
    let (sync, health) = (&it.status.sync, &it.status.health);
    match sync.status.as_str() {
        "Synced" => {}
        "OutOfSync" => return out_of_sync(it),
        "" => return Progress::Reconciling("it has not been compared yet".to_owned()),
        _ => return Progress::Unclear("whether it is synced is not known".to_owned()),
    }
    let told = said(&health.status, &health.message);
    match health.status.as_str() {
        "Healthy" => Progress::Complete(format!("Healthy, Synced to {}", shown(&revision(it)))),
        "Progressing" => Progress::Rolling(told),
        "Suspended" => Progress::Stuck { state: State::Paused, since: health.last_transition_time, why: told },
        "Degraded" | "Missing" => {
            let begun = last_sync(it).and_then(|sync| sync.started_at);
            // Older versions do not tell it.
            let since = health.last_transition_time.map(|since| begun.map_or(since, |begun| since.max(begun)));
            Progress::Stuck { state: State::Degraded, since, why: told }
        }
        "" => Progress::Reconciling("its health has not been told yet".to_owned()),
        _ => Progress::Unclear(told),
    }
}

/// Why the status may be about what is no more.
fn old(it: &Application) -> Option<String> {
    let Application { metadata, spec, status, .. } = it;
    if metadata.annotations.contains_key(REFRESH) {
        return Some("a refresh was asked for, and has not been done".to_owned());
    }
    if status.reconciled_at.is_none() {
        return Some("it has not been compared yet".to_owned());
    }
    let compared = &status.sync.compared_to;
    // What a hydrator syncs from is not what is written there.
    let same_source = match &spec.source_hydrator {
        Some(_) => true,
        None if spec.sources.is_empty() => same(&spec.source, &compared.source),
        None => same_list(&spec.sources, &compared.sources),
    };
    let same = same_source && same(&spec.destination, &compared.destination);
    (!same).then(|| "its specification has changed since it was compared".to_owned())
}

fn hydration(it: &Application) -> Option<Progress> {
    it.spec.source_hydrator.as_ref()?;
    let hydration = &it.status.source_hydrator.current_operation;
    match hydration.phase.as_str() {
        "Hydrating" => Some(Progress::Reconciling("its manifests are being hydrated".to_owned())),
        "Failed" => Some(Progress::Stuck {
            state: State::Degraded,
            since: hydration.finished_at,
            why: said("its manifests could not be hydrated", &hydration.message),
        }),
        _ => None,
    }
}

/// The last sync that was no rehearsal.
fn last_sync(it: &Application) -> Option<&OperationState> {
    it.status.operation_state.as_ref().filter(|state| !state.operation.sync.dry_run)
}

fn operation(it: &Application) -> Option<Progress> {
    if it.operation.as_ref().is_some_and(|operation| !operation.sync.dry_run) {
        let running = last_sync(it).filter(|state| state.phase == "Running");
        let what = if running.is_some() { "its sync runs" } else { "a sync was asked for" };
        return Some(Progress::Reconciling(said(what, running.map_or("", |state| &state.message))));
    }
    let state = last_sync(it)?;
    match state.phase.as_str() {
        "Succeeded" if it.status.reconciled_at < state.finished_at => {
            Some(Progress::Reconciling("its sync has ended, and it has not been compared since".to_owned()))
        }
        "Succeeded" => None,
        // A later revision is tried by itself; one that has failed is not.
        "Failed" | "Error" if is_out_of_sync(it) && is_automated(it) && synced_to(state) != revision(it) => None,
        "Failed" | "Error" => {
            let what = match synced_to(state) {
                revision if revision.is_empty() => "its last sync failed".to_owned(),
                revision => format!("its sync to {} failed", shown(&revision)),
            };
            Some(Progress::Failed { why: said(&what, &state.message), since: state.finished_at })
        }
        _ => Some(Progress::Reconciling(said("its sync runs", &state.message))),
    }
}

/// What is wrong with the application itself. Warnings are none.
fn error(it: &Application) -> Option<Progress> {
    let error = it.status.conditions.iter().find(|condition| condition.kind.ends_with("Error"))?;
    let why = said(&error.kind, &error.message);
    Some(match error.kind.as_str() {
        "InvalidSpecError" | "SyncError" | "DeletionError" => {
            Progress::Stuck { state: State::Degraded, since: error.last_transition_time, why }
        }
        // The comparison failed, so nothing that it would tell is known.
        _ => Progress::Unclear(why),
    })
}

fn out_of_sync(it: &Application) -> Progress {
    let to = shown(&revision(it));
    let resources = &it.status.resources;
    let differ: Vec<_> = resources.iter().filter(|one| one.status != "Synced").collect();
    let names: Vec<String> = differ.iter().take(3).map(|one| format!("{}/{}", one.kind, one.name)).collect();
    let more =
        if differ.len() > names.len() { format!(" and {} more", differ.len() - names.len()) } else { String::new() };
    let what = if names.is_empty() { String::new() } else { format!(": {}{more}", names.join(", ")) };
    let paused = |why: String| Progress::Stuck { state: State::Paused, since: None, why };
    let automated = it.spec.sync_policy.automated.as_ref();
    let only_pruning = !differ.is_empty() && differ.iter().all(|one| one.requires_pruning);
    if only_pruning && !automated.is_some_and(|automated| automated.prune) {
        return paused(format!("OutOfSync with {to}: nobody prunes what is left over{what}"));
    }
    let tried = last_sync(it).is_some_and(|state| synced_to(state) == revision(it));
    match automated.filter(|_| is_automated(it)) {
        Some(automated) if automated.self_heal || !tried => {
            Progress::Reconciling(format!("OutOfSync with {to}, which is to be synced by itself{what}"))
        }
        // The comparison right after a sync may be older than what it did.
        _ if tried => rolling(format!("it was synced to {to}, and is OutOfSync again{what}")),
        _ => paused(format!("OutOfSync with {to} until somebody syncs it{what}")),
    }
}

fn is_out_of_sync(it: &Application) -> bool {
    it.status.sync.status == "OutOfSync"
}

fn is_automated(it: &Application) -> bool {
    it.spec.sync_policy.automated.as_ref().is_some_and(|automated| automated.enabled != Some(false))
}

fn revision(it: &Application) -> String {
    revisions(&it.status.sync.revision, &it.status.sync.revisions)
}

fn synced_to(state: &OperationState) -> String {
    revisions(&state.sync_result.revision, &state.sync_result.revisions)
}

/// Of one source, or of several.
fn revisions(one: &str, several: &[String]) -> String {
    if several.is_empty() { one.to_owned() } else { several.join(" ") }
}

fn shown(revision: &str) -> String {
    let is_hash = |part: &str| part.len() >= 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = |part: &str| if is_hash(part) { part[..SHOWN].to_owned() } else { part.to_owned() };
    let parts: Vec<String> = revision.split(' ').map(short).collect();
    if revision.is_empty() { "no revision".to_owned() } else { parts.join(", ") }
}

/// The values of a chart: kept as they are written.
const VALUES: &str = "valuesObject";

/// The controller writes only what is not empty, so what is empty and what is absent are the same.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(first), Value::Object(second)) => {
            let null = Value::Null;
            first.keys().chain(second.keys()).all(|key| {
                let (one, other) = (first.get(key).unwrap_or(&null), second.get(key).unwrap_or(&null));
                if key == VALUES { one == other } else { same(one, other) }
            })
        }
        (Value::Array(first), Value::Array(second)) => same_list(first, second),
        (one, other) => one == other || (is_empty(one) && is_empty(other)),
    }
}

fn same_list(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
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
