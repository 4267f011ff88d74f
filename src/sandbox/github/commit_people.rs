//! The query `CommitPeople`: the authors of commits, as GitHub links them to users by their addresses.

use serde_json::{Value, json};

use super::{
    fake_github::FakeGitHub,
    format::{id, node_id},
    query_call::{GraphQlFailure, QueryCall, connection},
    records::{FakeAccounts, FakeCommit, FakeRepository},
};

impl FakeGitHub {
    /// Gives a user an email address, by which GitHub links commits.
    pub fn add_address(&self, login: &str, address: &str) {
        self.state().data.accounts.add_address(login, address);
    }
}

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let (ids, first) = (call.ids("ids")?, call.first("authors")?);
    let nodes: Result<Vec<Value>, _> = ids.into_iter().map(|id| node(call, id, first)).collect();
    Ok(json!({ "nodes": nodes? }))
}

/// The id of a commit, which belongs to its repository.
pub fn commit_id(repository: &FakeRepository, commit: &FakeCommit) -> String {
    node_id("C", id("commit", &format!("{}/{}", repository.name, commit.sha)))
}

fn node(call: &QueryCall, id: &str, first: usize) -> Result<Value, GraphQlFailure> {
    let all = call
        .data
        .repositories
        .values()
        .flat_map(|repository| repository.history.commits.iter().map(move |commit| (repository, commit)));
    let found = all.into_iter().find(|(repository, commit)| commit_id(repository, commit) == id);
    let (repository, commit) = found
        .ok_or_else(|| GraphQlFailure::NotFound(format!("Could not resolve to a node with the global id of '{id}'")))?;
    call.permit(repository, "contents=read")?;
    let accounts = &call.data.accounts;
    let author = json!({
        "name": commit.author_name, "email": commit.author_email, "user": user(commit.author.as_deref()),
    });
    let co_authors = co_authors(&commit.message)
        .map(|(name, email)| json!({ "name": name, "email": email, "user": user(accounts.login_of(email)) }));
    let committer = json!({
        "name": commit.author_name, "email": commit.author_email, "user": user(commit.committer.as_deref()),
    });
    Ok(json!({
        "oid": commit.sha,
        "authors": connection([author].into_iter().chain(co_authors).collect(), first),
        "committer": committer,
    }))
}

/// A user. GitHub shows none for an App, which is a bot.
fn user(login: Option<&str>) -> Value {
    login.filter(|login| !login.ends_with("[bot]")).map_or(Value::Null, |login| json!({ "login": login }))
}

/// Names and addresses of the `Co-authored-by` lines of a message.
fn co_authors(message: &str) -> impl Iterator<Item = (&str, &str)> {
    message.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        let (name, email) = value.strip_suffix('>')?.rsplit_once('<')?;
        key.eq_ignore_ascii_case("co-authored-by").then_some((name.trim(), email))
    })
}

impl FakeAccounts {
    /// The user with an address: one that was added, or `login@users.noreply.github.com` with or without `<id>+` before it.
    fn login_of(&self, email: &str) -> Option<&str> {
        let noreply = || {
            let name = email.strip_suffix("@users.noreply.github.com")?;
            Some(name.split_once('+').map_or(name, |(_, login)| login))
        };
        let login = self.with_address(email).or_else(noreply)?;
        Some(self.account(login)?.login.as_str())
    }
}
