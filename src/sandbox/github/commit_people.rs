//! The query `CommitPeople`: the authors of commits, as GitHub links them to users by their addresses, and their pull requests.

use serde_json::{Value, json};

use super::{
    accounts::is_bot,
    fake_github::FakeGitHub,
    node_ids::{commit_id, pull_request_id},
    query_call::{GraphQlFailure, QueryCall, connection, not_found},
    records::{FakeAccounts, FakeCommit, FakeGitHubData, FakeRepository},
};

impl FakeGitHub {
    /// Gives a user an email address, by which GitHub links commits.
    pub fn add_address(&self, login: &str, address: &str) {
        self.state().data.accounts.add_address(login, address);
    }
}

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let limits = (call.first("authors")?, call.first("pulls")?);
    let nodes: Result<Vec<Value>, _> = call.ids("ids")?.into_iter().map(|id| node(call, id, limits)).collect();
    Ok(json!({ "nodes": nodes? }))
}

/// The commit with an id: one of the history, or of a pull request.
pub fn find_commit<'a>(
    data: &'a FakeGitHubData,
    id: &str,
) -> Result<(&'a FakeRepository, &'a FakeCommit), GraphQlFailure> {
    let all = data.repositories.values().flat_map(|repository| {
        let own = repository.pull_requests.iter().flat_map(|pull_request| &pull_request.own);
        repository.history.commits.iter().chain(own).map(move |commit| (repository, commit))
    });
    all.into_iter().find(|(repository, commit)| commit_id(repository, commit) == id).ok_or_else(|| not_found(id))
}

/// The author and the co-authors of a commit.
pub fn authors(accounts: &FakeAccounts, commit: &FakeCommit) -> Vec<Value> {
    let author = git_actor(&commit.author_name, &commit.author_email, commit.author.as_deref());
    let others = co_authors(&commit.message).map(|(name, email)| git_actor(name, email, login_of(accounts, email)));
    [author].into_iter().chain(others).collect()
}

fn node(call: &QueryCall, id: &str, (most_authors, most_pulls): (usize, usize)) -> Result<Value, GraphQlFailure> {
    let (repository, commit) = find_commit(call.data, id)?;
    call.permit(repository, "contents=read")?;
    call.permit(repository, "pull_requests=read")?;
    let of_commit = repository.pull_requests.iter().filter(|pull_request| pull_request.brought.contains(&commit.sha));
    let pull_requests = of_commit.map(
        |pull_request| json!({ "id": pull_request_id(repository, pull_request), "merged": !pull_request.is_open }),
    );
    Ok(json!({
        "oid": commit.sha,
        "signature": commit.is_signed_by_github.then(|| json!({ "isValid": true, "wasSignedByGitHub": true })),
        "authors": connection(authors(&call.data.accounts, commit), most_authors),
        "committer": committer(commit),
        "associatedPullRequests": connection(pull_requests.collect(), most_pulls),
    }))
}

/// The committer of a commit.
pub fn committer(commit: &FakeCommit) -> Value {
    let email = if commit.committer_email.is_empty() { &commit.author_email } else { &commit.committer_email };
    git_actor("Committer", email, commit.committer.as_deref())
}

/// A person as a commit names them. GitHub shows no user for an App, which is a bot.
fn git_actor(name: &str, email: &str, login: Option<&str>) -> Value {
    let user = login.filter(|login| !is_bot(login)).map(|login| json!({ "login": login }));
    json!({ "name": name, "email": email, "user": user })
}

/// Names and addresses of the `Co-authored-by` lines of a message.
fn co_authors(message: &str) -> impl Iterator<Item = (&str, &str)> {
    message.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let (name, email) = value.strip_suffix('>')?.rsplit_once('<')?;
        key.eq_ignore_ascii_case("co-authored-by").then_some((name.trim(), email))
    })
}

/// The user with an address: one that was added, or `login@users.noreply.github.com` with or without `<id>+` before it.
fn login_of<'a>(accounts: &'a FakeAccounts, email: &str) -> Option<&'a str> {
    let noreply = || {
        let name = email.strip_suffix("@users.noreply.github.com")?;
        accounts.account(name.split_once('+').map_or(name, |(_, login)| login)).map(|account| account.login.as_str())
    };
    accounts.with_address(email).or_else(noreply)
}
