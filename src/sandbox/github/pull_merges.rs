//! `PUT …/pulls/{pull_number}/merge`, and the merge by a person's hand.

use serde_json::{Value, json};

use super::{
    call::ApiCall,
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{id, now},
    pulls::{base_of, tip},
    records::{FakeAccounts, FakeCommit, FakePullRequest, FakeRepository, FakeStatus},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Merges a pull request as a person does who presses the button; returns the commit on the base branch.
    pub fn merge_pull_request(
        &self,
        repository: &str,
        number: u64,
        method: &str,
        typed: Option<&str>,
        login: &str,
    ) -> String {
        self.add_user(login);
        let merged = self.with_repository(repository, |repository, accounts| {
            let index = repository.pull_requests.iter().position(|one| one.number == number);
            let index = index.ok_or("there is none")?;
            refuse_by_rules(repository, accounts, &repository.pull_requests[index])?;
            let typed = typed.map(ToOwned::to_owned);
            merge_now(repository, index, method, typed, login).ok_or_else(|| "git cannot merge it".to_owned())
        });
        merged.unwrap_or_else(|why| {
            self.state()
                .violations
                .push(format!("the script merges pull request #{number}, which is not merged: {why}"));
            String::new()
        })
    }

    /// Merges a pull request as a person on the rule's bypass list does, whatever the rules say.
    pub fn bypass_rules(&self, repository: &str, number: u64, login: &str) {
        self.add_user(login);
        self.with_repository(repository, |repository, _| {
            let index = repository.pull_requests.iter().position(|one| one.number == number);
            index.and_then(|index| merge_now(repository, index, "squash", None, login))
        });
    }

    /// Why the rules of its base branch keep a pull request from being merged, as GitHub says it to the person who presses Merge.
    #[must_use]
    pub fn merge_refusal(&self, repository: &str, number: u64) -> Option<String> {
        self.with_repository(repository, |repository, accounts| {
            let one = repository.pull_requests.iter().find(|one| one.number == number)?;
            refuse_by_rules(repository, accounts, one).err()
        })
    }
}

/// A refusal of a merge: GitHub's description has no `status` in it.
fn refused(status: u16, message: &str) -> FakeResponse {
    let documentation = "https://docs.github.com/rest/pulls/pulls#merge-a-pull-request";
    FakeResponse::json(status, &json!({ "message": message, "documentation_url": documentation }))
}

/// Holds the last commit of a pull request against the statuses that rulesets require. Of the other rules, the fake keeps none.
///
/// # Errors
/// GitHub's refusal.
fn refuse_by_rules(
    repository: &FakeRepository,
    accounts: &FakeAccounts,
    pull_request: &FakePullRequest,
) -> Result<(), String> {
    if base_of(pull_request) != repository.history.default_branch {
        return Ok(());
    }
    let head = tip(repository, &pull_request.branch).unwrap_or_default();
    let rules = repository.settings.rules.iter().filter(|rule| rule["type"] == "required_status_checks");
    let required = rules.filter_map(|rule| rule["parameters"]["required_status_checks"].as_array()).flatten();
    let problem = |required: &Value| {
        let context = required["context"].as_str().unwrap_or_default();
        let is_of_context = |status: &&FakeStatus| status.sha == head && status.context.eq_ignore_ascii_case(context);
        // Of each context, the newest status counts, whoever set it.
        let newest = repository.statuses.iter().rfind(is_of_context);
        let expected = required["integration_id"].as_u64();
        let state = match newest {
            None => "is expected",
            Some(status) if expected.is_some() && accounts.app_of(&status.creator) != expected => {
                "was not set by the expected GitHub app"
            }
            Some(status) => match status.state.as_str() {
                "success" => return None,
                "pending" => "is pending",
                _ => "is failing",
            },
        };
        Some(format!("Required status check \"{context}\" {state}.\n"))
    };
    let problems: Vec<String> = required.filter_map(problem).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("Repository rule violations found\n\n{}\n", problems.concat()))
    }
}

/// Merges the branch: in git, or as a new commit of `history`.
pub fn merge(
    repository: &mut FakeRepository,
    accounts: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("pull_number")?;
    let body = call.body_fields(&["commit_title", "commit_message", "sha", "merge_method"])?;
    let method = body.string("merge_method")?.unwrap_or("merge");
    if !["merge", "squash", "rebase"].contains(&method) {
        return Err(ContractViolation::invalid(&format!("merge_method is {method:?}.")));
    }
    let (title, text, head) = (body.string("commit_title")?, body.string("commit_message")?, body.string("sha")?);
    let Some(index) = repository.pull_requests.iter().position(|one| one.number == number) else {
        return Ok(not_found());
    };
    let one = &repository.pull_requests[index];
    let not_mergeable = || Ok(refused(405, "Pull Request is not mergeable"));
    let (Some(tip), true) = (tip(repository, &one.branch), one.is_open) else { return not_mergeable() };
    if head.is_some_and(|head| head != tip) {
        return Ok(refused(409, "Head branch was modified. Review and try the merge again."));
    }
    if let Err(why) = refuse_by_rules(repository, accounts, one) {
        return Ok(refused(405, &why));
    }
    let typed = title.map(|title| format!("{title}\n\n{}", text.unwrap_or_default()));
    let Some(sha) = merge_now(repository, index, method, typed, &call.account) else { return not_mergeable() };
    let json = json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" });
    Ok(FakeResponse::json(200, &json))
}

/// Merges a pull request; returns the commit on the base branch. Without a typed message the commit has GitHub's: that of the branch's
/// only commit, except for a merge commit.
fn merge_now(
    repository: &mut FakeRepository,
    index: usize,
    method: &str,
    typed: Option<String>,
    by: &str,
) -> Option<String> {
    let FakePullRequest { number, branch, .. } = &repository.pull_requests[index];
    let (number, branch) = (*number, branch.clone());
    let base = base_of(&repository.pull_requests[index]).to_owned();
    let git = repository.git.as_ref();
    let suggested = || {
        let message = git.filter(|_| method == "squash").and_then(|git| git.message_of(&branch).ok())?;
        let (title, rest) = message.split_once('\n')?;
        Some(format!("{title} (#{number})\n{rest}"))
    };
    let message = typed.or_else(suggested).unwrap_or_else(|| format!("Merge pull request #{number}"));
    let sha = match git {
        Some(git) => git.merge(&base, &branch, method, message.trim()).ok()?,
        None => format!("{:040x}", id("merge", &format!("{}/{number}", repository.name))),
    };
    // In git, the list of commits is for the requests that the branches do not answer.
    repository.history.push(&base, FakeCommit { sha: sha.clone(), message, ..FakeCommit::default() });
    let one = &mut repository.pull_requests[index];
    (one.is_open, one.is_unmerged, one.updated_at) = (false, false, Some(now()));
    one.brought.push(sha.clone());
    one.merged_by = Some(by.to_owned());
    for issue in repository.issues.iter_mut().filter(|issue| issue.number == number) {
        issue.set_state("closed", None, now());
    }
    Some(sha)
}
