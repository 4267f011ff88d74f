//! `GET …/actions/runs/{run_id}/approvals`: who approved or rejected a run's deployments.

use serde_json::{Value, json};

use super::{
    accounts::account_json,
    call::ApiCall,
    environments::environment_summary,
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    records::{FakeAccounts, FakeRepository, FakeReview},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Approves a run's jobs for an environment. A missing environment is created without protection.
    pub fn approve(&self, repository: &str, run: u64, environment: &str, login: &str, comment: &str) {
        self.review(repository, run, environment, login, "approved", comment);
    }

    /// Rejects a run's jobs for an environment. A missing environment is created without protection.
    pub fn reject(&self, repository: &str, run: u64, environment: &str, login: &str, comment: &str) {
        self.review(repository, run, environment, login, "rejected", comment);
    }

    fn review(&self, repository: &str, run: u64, environment: &str, login: &str, state: &'static str, comment: &str) {
        self.with_repository(repository, |repository, accounts| {
            accounts.add_user(login);
            let environment = repository.environment_or_create(environment).name.clone();
            let (login, comment) = (login.to_owned(), comment.to_owned());
            repository.reviews.push(FakeReview { run, environment, login, state, comment });
        });
    }
}

pub fn list_for_run(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let run_id = call.number("run_id")?;
    let Some(run) = repository.runs.iter().find(|run| run.id == run_id) else { return Ok(not_found()) };
    let reviews = repository.reviews.iter().filter(|review| review.run == run.id);
    let reviews = reviews.map(|review| {
        let environments: Vec<_> = repository
            .environments
            .iter()
            .filter(|environment| environment.name == review.environment)
            .map(|environment| environment_summary(environment, repository, &call.api))
            .collect();
        json!({
            "state": review.state,
            "comment": review.comment,
            "environments": environments,
            "user": account_json(&call.api, &review.login),
        })
    });
    Ok(FakeResponse::json(200, &Value::Array(reviews.collect())))
}
