//! `GET …/actions/runs/{run_id}/approvals`: who let a run's jobs into their environments.

use serde_json::{Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::{self, Accounts},
    call::Call,
    not_found,
    repositories::Repository,
};
use crate::sandbox::server::Answer;

/// What somebody said about a run that waited.
pub(super) struct Review {
    run: u64,
    environment: String,
    login: String,
    /// `approved`, `rejected`.
    state: &'static str,
    comment: String,
}

impl FakeGitHub {
    /// Somebody approves a run's jobs for an environment, which is made, without protection, when it is not there.
    pub fn approve(&self, repository: &str, run: u64, environment: &str, login: &str, comment: &str) {
        self.review(repository, run, environment, login, "approved", comment);
    }

    /// Somebody rejects them.
    pub fn reject(&self, repository: &str, run: u64, environment: &str, login: &str, comment: &str) {
        self.review(repository, run, environment, login, "rejected", comment);
    }

    fn review(&self, repository: &str, run: u64, at: &str, login: &str, state: &'static str, comment: &str) {
        self.in_repository(repository, |known, accounts| {
            accounts.user(login);
            let environment = known.environment(at).name.clone();
            let (login, comment) = (login.to_owned(), comment.to_owned());
            known.reviews.push(Review { run, environment, login, state, comment });
        });
    }
}

pub(super) fn of_run(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.number("run_id")?;
    let Some(run) = repository.runs.iter().find(|run| run.id == wanted) else { return Ok(not_found()) };
    let its = repository.reviews.iter().filter(|review| review.run == run.id);
    let shown = its.map(|review| {
        let environments: Vec<_> = repository
            .environments
            .iter()
            .filter(|environment| environment.name == review.environment)
            .map(|environment| environment.head(repository, &call.api))
            .collect();
        json!({
            "state": review.state,
            "comment": review.comment,
            "environments": environments,
            "user": accounts::simple(&call.api, &review.login),
        })
    });
    Ok(Answer::json(200, &Value::Array(shown.collect())))
}
