//! What the controller of a workload reports in its status, as tables.

use crate::{
    clock::rfc3339,
    commands::health::workloads::{
        views::Views,
        workload::{Workload, WorkloadKind},
    },
    report::Table,
    secret::excerpt,
    world::cluster::objects::{Application, Condition},
};

/// Characters of a message that are shown.
const MESSAGE_CHARS: usize = 400;
/// Most rows of a table.
const MAX_ROWS: usize = 50;

/// Some may have no rows.
pub fn tables(views: &Views, workload: &Workload) -> Vec<Table> {
    let name = &workload.name;
    let conditions = |conditions: &[Condition]| vec![condition_table(workload, conditions)];
    let tables = match workload.kind {
        WorkloadKind::Application => views.applications.find(name).map(|it| application_tables(workload, it)),
        WorkloadKind::Kustomization => views.kustomizations.find(name).map(|it| conditions(&it.status.conditions)),
        WorkloadKind::HelmRelease => views.helm_releases.find(name).map(|it| conditions(&it.status.conditions)),
        WorkloadKind::Rollout => views.rollouts.find(name).map(|it| conditions(&it.status.conditions)),
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => None,
    };
    tables.unwrap_or_default()
}

fn condition_table(workload: &Workload, conditions: &[Condition]) -> Table {
    let rows = conditions.iter().map(|one| {
        let since = one.last_transition_time.map(rfc3339).unwrap_or_default();
        vec![one.kind.clone(), one.status.clone(), since, one.reason.clone(), excerpt(&one.message, MESSAGE_CHARS)]
    });
    Table::new(
        format!("Conditions of {workload}"),
        &["Condition", "Status", "Since", "Reason", "Message"],
        rows.take(MAX_ROWS),
    )
}

/// The unhealthy resources of an Application, what its last sync failed to apply, and its own conditions.
fn application_tables(workload: &Workload, it: &Application) -> Vec<Table> {
    let status = &it.status;
    let full_name = |namespace: &str, name: &str| match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    };
    let unhealthy = status.resources.iter().filter_map(|one| {
        let health = one.health.clone().unwrap_or_default();
        let is_healthy = one.status == "Synced" && matches!(health.status.as_str(), "" | "Healthy");
        let row = vec![
            one.kind.clone(),
            full_name(&one.namespace, &one.name),
            one.status.clone(),
            health.status,
            excerpt(&health.message, MESSAGE_CHARS),
        ];
        (!is_healthy).then_some(row)
    });
    let results = status.operation_state.iter().flat_map(|state| &state.sync_result.resources);
    let failed = results.filter_map(|one| {
        let failed = one.status == "SyncFailed" || matches!(one.hook_phase.as_str(), "Failed" | "Error");
        let result = if one.status.is_empty() { &one.hook_phase } else { &one.status };
        let name = full_name(&one.namespace, &one.name);
        let row = vec![one.kind.clone(), name, result.clone(), excerpt(&one.message, MESSAGE_CHARS)];
        failed.then_some(row)
    });
    // The conditions of an Application have neither status nor reason.
    let conditions = status.conditions.iter().map(|one| {
        let since = one.last_transition_time.map(rfc3339).unwrap_or_default();
        vec![one.kind.clone(), since, excerpt(&one.message, MESSAGE_CHARS)]
    });
    let unhealthy = unhealthy.take(MAX_ROWS);
    let failed = failed.take(MAX_ROWS);
    let conditions = conditions.take(MAX_ROWS);
    vec![
        Table::new(
            format!("Resources of {workload} that are not Healthy and Synced"),
            &["Kind", "Name", "Sync", "Health", "Message"],
            unhealthy,
        ),
        Table::new(
            format!("What the last sync of {workload} could not do"),
            &["Kind", "Name", "Result", "Message"],
            failed,
        ),
        Table::new(format!("Conditions of {workload}"), &["Condition", "Since", "Message"], conditions),
    ]
}
