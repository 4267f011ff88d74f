//! The query `CommitPaths`.

use serde_json::{Value, json};

use super::{
    commit_people::find_commit,
    format::id,
    query_call::{GraphQlFailure, QueryCall, connection},
    records::CommitHistory,
};

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let path = call.text("path")?;
    let nodes: Result<Vec<Value>, _> = call.ids("ids")?.into_iter().map(|id| node(call, id, path)).collect();
    Ok(json!({ "nodes": nodes? }))
}

fn node(call: &QueryCall, id: &str, path: &str) -> Result<Value, GraphQlFailure> {
    let (repository, commit) = find_commit(call.data, id)?;
    call.permit(repository, "contents=read")?;
    let history = &repository.history;
    let index = history.position(&commit.sha).unwrap_or_default();
    let parents = history.parents(index).into_iter().map(|parent| json!({ "file": entry(history, parent, path) }));
    Ok(json!({ "oid": commit.sha, "file": entry(history, index, path), "parents": connection(parents.collect(), 10) }))
}

/// The object at a path in a commit: another one after each change there. `null` if nothing was ever written there.
fn entry(history: &CommitHistory, index: usize, path: &str) -> Value {
    let is_below = |file: &String| file == path || file.starts_with(&format!("{path}/"));
    let commits = history.reachable(index).into_iter().map(|index| &history.commits[index]);
    let changes: Vec<&str> =
        commits.filter(|commit| commit.files.iter().any(is_below)).map(|commit| commit.sha.as_str()).collect();
    if changes.is_empty() {
        return Value::Null;
    }
    json!({ "oid": format!("{:040x}", id("object", &format!("{path} {}", changes.concat()))), "mode": 16384 })
}
