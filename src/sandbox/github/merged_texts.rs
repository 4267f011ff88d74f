//! The query `MergedTexts`.

use serde_json::{Value, json};

use super::{
    format::{LONG_AGO, format_time},
    node_ids::pull_request_id,
    query_call::{GraphQlFailure, QueryCall, not_found},
    records::FakeRepository,
};

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let name = format!("{}/{}", call.text("owner")?, call.text("name")?);
    let missing = || GraphQlFailure::NotFound(format!("Could not resolve to a Repository with the name '{name}'."));
    let repository = call.data.repositories.get(&name.to_lowercase()).ok_or_else(missing)?;
    call.permit(repository, "contents=read")?;
    call.permit(repository, "pull_requests=read")?;
    let nodes: Result<Vec<Value>, _> = call.ids("ids")?.into_iter().map(|id| node(repository, id)).collect();
    let templates: Vec<Value> = repository
        .files
        .iter()
        .filter(|(path, _)| path.to_lowercase().ends_with("pull_request_template.md"))
        .map(|(_, text)| json!({ "body": text }))
        .collect();
    Ok(json!({ "nodes": nodes?, "repository": { "pullRequestTemplates": templates } }))
}

fn node(repository: &FakeRepository, id: &str) -> Result<Value, GraphQlFailure> {
    let found = repository.pull_requests.iter().find(|pull_request| pull_request_id(repository, pull_request) == id);
    let found = found.ok_or_else(|| not_found(id))?;
    Ok(json!({
        "id": id,
        "number": found.number,
        "url": format!("{}/pull/{}", repository.page(), found.number),
        "body": found.body,
        "mergedAt": (!found.is_open).then_some(LONG_AGO),
        "lastEditedAt": found.edited_at.map(format_time),
    }))
}
