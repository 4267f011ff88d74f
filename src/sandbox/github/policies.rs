//! Which branches and tags an environment can be deployed to from:
//! `GET` and `POST …/environments/{environment_name}/deployment-branch-policies`, and `DELETE` of one.

use serde_json::{Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::Accounts,
    call::{Call, Fields},
    environments::Environment,
    id, node_id, not_found,
    repositories::Repository,
    segment,
};
use crate::sandbox::server::Answer;

pub(super) struct Policy {
    id: u64,
    /// A pattern: `release/*`.
    name: String,
    /// `branch` or `tag`.
    kind: String,
}

impl FakeGitHub {
    /// Lets a branch or tag (`kind`) deploy to an environment that names its branches; the policy's id.
    pub fn add_branch_policy(&self, repository: &str, environment: &str, name: &str, kind: &str) -> u64 {
        self.in_repository(repository, |known, _| {
            let policy = Policy::new(&known.name, environment, name, kind);
            let id = policy.id;
            known.environment(environment).policies.push(policy);
            id
        })
    }
}

impl Policy {
    fn new(repository: &str, environment: &str, name: &str, kind: &str) -> Self {
        let id = id("policy", &format!("{repository}/{environment}/{kind}/{name}"));
        Self { id, name: name.to_owned(), kind: kind.to_owned() }
    }

    fn shown(&self) -> Value {
        json!({ "id": self.id, "node_id": node_id("GBP", self.id), "name": self.name, "type": self.kind })
    }
}

pub(super) fn list(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let Some(environment) = named(repository, call) else { return Ok(not_found()) };
    let page = call.page(environment.policies.iter().collect())?;
    Ok(page.counted("branch_policies", Policy::shown))
}

pub(super) fn create(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let body = call.fields(&["name", "type"])?;
    let name = Fields::needed("name", body.text("name")?)?;
    let kind = body.text("type")?.unwrap_or("branch");
    if !matches!(kind, "branch" | "tag") {
        return Err(Breach::invalid(&format!("{kind:?} is not one of branch, tag.")));
    }
    if name.is_empty() {
        return Err(Breach::invalid("At least 1 character is required; only 0 were supplied."));
    }
    let full = repository.name.clone();
    let url = repository.url(&call.api);
    let Some(environment) = named(repository, call) else { return Ok(not_found()) };
    if let Some(same) = environment.policies.iter().find(|policy| (&*policy.name, &*policy.kind) == (name, kind)) {
        let at = format!("{url}/environments/{}/deployment-branch-policies/{}", segment(&environment.name), same.id);
        return Ok(Answer::status(303).header("location", &at));
    }
    let policy = Policy::new(&full, &environment.name, name, kind);
    let shown = policy.shown();
    environment.policies.push(policy);
    Ok(Answer::json(200, &shown))
}

pub(super) fn delete(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.number("branch_policy_id")?;
    let Some(environment) = named(repository, call) else { return Ok(not_found()) };
    let before = environment.policies.len();
    environment.policies.retain(|policy| policy.id != wanted);
    Ok(if environment.policies.len() < before { Answer::status(204) } else { not_found() })
}

/// The environment that the path names, when its branches are named one by one: others have no policies to speak of.
fn named<'a>(repository: &'a mut Repository, call: &Call) -> Option<&'a mut Environment> {
    repository.environment_of(call).filter(|environment| environment.names_branches())
}
