//! What a controller says of a workload, in its own words.

use crate::{
    clock::rfc3339,
    commands::health::workloads::{
        views::Views,
        workload::{Kind, Workload},
    },
    secret::excerpt,
    world::cluster::objects::{Application, Condition},
};

/// Characters of a message that are shown.
const SHOWN: usize = 400;
/// Rows of a table.
const ROWS: usize = 50;

/// A title, columns and rows.
type Said = (String, Vec<&'static str>, Vec<Vec<String>>);

pub fn tables(views: &Views, workload: &Workload) -> Vec<Said> {
    let name = &workload.name;
    match workload.kind {
        Kind::Application => views.applications.named(name).map(|it| application(workload, it)).unwrap_or_default(),
        Kind::Kustomization => {
            let it = views.kustomizations.named(name);
            it.map(|it| vec![conditions(workload, &it.status.conditions)]).unwrap_or_default()
        }
        Kind::Rollout => {
            let it = views.rollouts.named(name);
            it.map(|it| vec![conditions(workload, &it.status.conditions)]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn conditions(workload: &Workload, conditions: &[Condition]) -> Said {
    let rows = conditions.iter().map(|one| {
        let since = one.last_transition_time.map(rfc3339).unwrap_or_default();
        vec![one.kind.clone(), one.status.clone(), since, one.reason.clone(), excerpt(&one.message, SHOWN)]
    });
    let columns = vec!["Condition", "Status", "Since", "Reason", "Message"];
    (format!("Conditions of {workload}"), columns, rows.take(ROWS).collect())
}

/// What of it is not well, what its last sync could not do, and what is wrong with itself.
fn application(workload: &Workload, it: &Application) -> Vec<Said> {
    let status = &it.status;
    let named = |namespace: &str, name: &str| match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    };
    let unwell = status.resources.iter().filter_map(|one| {
        let health = one.health.clone().unwrap_or_default();
        let well = one.status == "Synced" && matches!(health.status.as_str(), "" | "Healthy");
        let row = vec![
            one.kind.clone(),
            named(&one.namespace, &one.name),
            one.status.clone(),
            health.status,
            excerpt(&health.message, SHOWN),
        ];
        (!well).then_some(row)
    });
    let columns = vec!["Kind", "Name", "Sync", "Health", "Message"];
    let unwell = (format!("Resources of {workload} that are not well"), columns, unwell.take(ROWS).collect());
    let results = status.operation_state.iter().flat_map(|state| &state.sync_result.resources);
    let failed = results.filter_map(|one| {
        let failed = one.status == "SyncFailed" || matches!(one.hook_phase.as_str(), "Failed" | "Error");
        let what = if one.status.is_empty() { &one.hook_phase } else { &one.status };
        let row = vec![one.kind.clone(), named(&one.namespace, &one.name), what.clone(), excerpt(&one.message, SHOWN)];
        failed.then_some(row)
    });
    let columns = vec!["Kind", "Name", "Result", "Message"];
    let failed = (format!("What the last sync of {workload} could not do"), columns, failed.take(ROWS).collect());
    // They have neither status nor reason.
    let rows = status.conditions.iter().map(|one| {
        vec![one.kind.clone(), one.last_transition_time.map(rfc3339).unwrap_or_default(), excerpt(&one.message, SHOWN)]
    });
    let conditions =
        (format!("Conditions of {workload}"), vec!["Condition", "Since", "Message"], rows.take(ROWS).collect());
    vec![unwell, failed, conditions]
}
