//! Queries: who a commit names, and what the errors mean that come with status 200.

use super::{responses::shop, *};
use crate::{observe::MayPass as _, sandbox::github::FakeCommit, subject::Commit};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn github_with(permissions: &[&str], commits: impl IntoIterator<Item = FakeCommit>) -> (FakeGitHub, GitHub) {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create("acme/shop");
    fake_github.grant(TOKEN, "acme/shop", permissions);
    fake_github.commit("acme/shop", A, "alice", "base");
    for commit in commits {
        fake_github.push("acme/shop", commit);
    }
    let github = connect(&fake_github.api_url());
    (fake_github, github)
}

fn commit(number: usize, author: Option<&str>, message: &str) -> FakeCommit {
    let author = author.map(ToOwned::to_owned);
    FakeCommit { sha: format!("{number:040x}"), message: message.to_owned(), author, ..FakeCommit::default() }
}

fn people(github: &GitHub, head: &str) -> Result<Vec<CommitPeople>, Finding> {
    let [base, head]: [Commit; 2] = [A, head].map(|sha| sha.parse().unwrap());
    let between = github.commits_between(&shop(), &base, &head).unwrap().unwrap();
    github.commit_people(&shop(), &between.commits)
}

fn logins(people: &CommitPeople) -> Vec<Option<&str>> {
    people.authors.iter().map(|author| author.login.as_deref()).collect()
}

#[test]
fn a_commit_names_its_author_and_its_co_authors() {
    let message = "one\n\nCo-authored-by: Bob B. <bob@example.com>\nco-authored-by: Nobody <nobody@example.com>\n\
                   Co-authored-by: Eve <7+Eve@users.noreply.github.com>";
    let (fake_github, github) =
        github_with(&["contents=read", "pull_requests=read"], [commit(1, Some("alice"), message)]);
    fake_github.add_address("bob", "bob@example.com");
    fake_github.add_user("eve");
    let people = people(&github, &format!("{:040x}", 1)).unwrap();
    assert_eq!(people.iter().map(logins).collect::<Vec<_>>(), [[Some("alice"), Some("bob"), None, Some("eve")]]);
    assert_eq!(people[0].authors[2].email.as_deref(), Some("nobody@example.com"));
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_hundred_commits_take_one_query_and_none_is_left_out() {
    let (fake_github, github) = github_with(
        &["contents=read", "pull_requests=read"],
        (1..=201).map(|number| commit(number, Some("alice"), "x")),
    );
    let people = people(&github, &format!("{:040x}", 201)).unwrap();
    let shas: Vec<&str> = people.iter().map(|people| people.sha.as_str()).collect();
    assert_eq!(shas, (1..=201).map(|number| format!("{number:040x}")).collect::<Vec<_>>());
    assert_eq!(fake_github.requests().iter().filter(|request| request.path == "/graphql").count(), 3);
}

#[test]
fn a_commit_with_many_authors_is_asked_for_again_and_with_too_many_is_inconclusive() {
    let with = |number: usize| {
        (0..number).map(|number| format!("\nCo-authored-by: N <{number}@example.com>")).collect::<String>()
    };
    for (co_authors, expected) in [(9, Some(10)), (10, Some(11)), (99, Some(100)), (100, None)] {
        let (_fake_github, github) = github_with(
            &["contents=read", "pull_requests=read"],
            [commit(1, None, "x"), commit(2, None, &with(co_authors)), commit(3, None, "y")],
        );
        match people(&github, &format!("{:040x}", 3)) {
            Ok(people) => {
                assert_eq!(
                    people.iter().map(|people| people.authors.len()).collect::<Vec<_>>(),
                    [1, expected.expect("too many"), 1]
                );
            }
            Err(finding) => {
                assert_eq!(expected, None, "{finding}");
                assert!(finding.to_string().contains("over 100 authors or pull requests of commit"), "{finding}");
            }
        }
    }
}

#[test]
fn a_token_without_the_permission_is_told_which_one() {
    let (fake_github, github) = github_with(&["contents=read", "pull_requests=read"], [commit(1, None, "x")]);
    let [base, head]: [Commit; 2] = [A.to_owned(), format!("{:040x}", 1)].map(|sha| sha.parse().unwrap());
    let commits = github.commits_between(&shop(), &base, &head).unwrap().unwrap().commits;
    let access = GitHubAccess::new(fake_github.api_url(), Some(Secret::new("other".to_owned())));
    let other = GitHub::connect(runtime(), &Network::default(), access).unwrap();
    let refused = |part: &str| {
        let finding = other.commit_people(&shop(), &commits).unwrap_err();
        assert!(finding.to_string().contains(part), "{finding}");
        assert_eq!(finding.retry_after(), None);
    };
    refused("401 Bad credentials; expected an answer; next: the token is wrong");
    fake_github.grant("other", "acme/ecommerce-infra", &["contents=read", "pull_requests=read"]);
    refused("NOT_FOUND: Could not resolve to a Repository");
    refused("it needs Contents and Pull requests: read there");
    fake_github.grant("other", "acme/shop", &[]);
    refused(
        "FORBIDDEN: Resource not accessible by integration; expected an answer; next: the token needs Contents and Pull requests: read",
    );
    assert_eq!(fake_github.violations(), [""; 0]);
}

/// The finding for a response to a query.
fn answered(answer: server::FakeResponse) -> Finding {
    let server = LoopbackServer::start(move |request| {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/graphql"));
        answer.clone()
    })
    .unwrap();
    let json = json!({ "sha": A, "node_id": "C_1", "commit": { "message": "x", "author": null } });
    connect(server.url()).commit_people(&shop(), &[serde_json::from_value(json).unwrap()]).unwrap_err()
}

#[test]
fn an_error_that_comes_with_status_200_is_an_error() {
    let minute = Some(Duration::from_mins(1));
    let error = |error: Value| server::FakeResponse::json(200, &json!({ "data": null, "errors": [error] }));
    let limit = |kind: &str| error(json!({ "type": kind, "message": "API rate limit exceeded" }));
    let spent = limit("RATE_LIMITED").header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "0");
    let unknown_field = json!({
        "message": "Field 'authors' doesn't exist on type 'Commit'", "path": ["query"],
        "extensions": { "code": "undefinedField", "typeName": "Commit", "fieldName": "authors" },
    });
    let timeout = json!({ "message": "Something went wrong while executing your query. Please include `A:1`." });
    for (answer, part, retry_after) in [
        (limit("RATE_LIMITED"), "a rate limit of GitHub's; it accepts requests again in a few minutes", minute),
        (limit("RATE_LIMITED").header("retry-after", "7"), "again in 7 s", Some(Duration::from_secs(7))),
        (spent, "again at 1970-01-01T00:00:00Z", None),
        (error(json!({ "message": "You have exceeded a secondary rate limit." })), "a rate limit of GitHub's", minute),
        (error(unknown_field), "undefinedField: Field 'authors' doesn't exist on type 'Commit'", None),
        (error(timeout), "Something went wrong", Some(Duration::ZERO)),
        (error(json!({ "type": "MAX_NODE_LIMIT_EXCEEDED", "message": "Too many." })), "MAX_NODE_LIMIT_EXCEEDED", None),
        (error(json!({})), "an error without a message", None),
        (
            server::FakeResponse::json(502, &json!({ "message": "Server Error" })),
            "502 Server Error",
            Some(Duration::ZERO),
        ),
        (server::FakeResponse::json(200, &json!({ "message": "x" })), "no `data` for the query CommitPeople", None),
        (server::FakeResponse::json(200, &json!({ "data": null })), "no `data` for the query CommitPeople", None),
        (server::FakeResponse::text(200, "text/html", "<html>"), "expected value", None),
    ] {
        let finding = answered(answer);
        assert!(finding.to_string().contains(part), "{finding}, without {part}");
        assert_eq!(finding.retry_after(), retry_after, "{finding}");
    }
}

#[test]
fn data_that_lacks_something_is_never_read_as_nothing() {
    let committer = json!({ "name": "x", "email": "x", "user": null });
    let authors = json!({ "nodes": [committer], "pageInfo": { "hasNextPage": false } });
    let pull_requests = json!({ "nodes": [{ "id": "PR_1", "merged": true }], "pageInfo": { "hasNextPage": false } });
    let whole = json!({
        "oid": A, "signature": null, "authors": authors, "committer": committer,
        "associatedPullRequests": pull_requests,
    });
    let data = |node: &Value| server::FakeResponse::json(200, &json!({ "data": { "nodes": [node] } }));
    for (pointer, field) in [
        ("", "oid"),
        ("", "authors"),
        ("", "committer"),
        ("", "signature"),
        ("", "associatedPullRequests"),
        ("/associatedPullRequests/nodes/0", "merged"),
        ("/authors", "pageInfo"),
        ("/authors", "nodes"),
    ]
    .into_iter()
    .chain(["name", "email", "user"].map(|field| ("/authors/nodes/0", field)))
    {
        let mut node = whole.clone();
        node.pointer_mut(pointer).unwrap().as_object_mut().unwrap().shift_remove(field).unwrap();
        let finding = answered(data(&node)).to_string();
        assert!(finding.contains(&format!("missing field `{field}`")), "{finding}");
    }
    let mut other = whole.clone();
    other["oid"] = "b".into();
    for node in [&other, &Value::Null] {
        let finding = answered(data(node)).to_string();
        assert!(finding.contains("an answer about other objects than the query CommitPeople asked for"), "{finding}");
    }
    let beside = json!({ "data": { "nodes": [whole] }, "errors": [{ "type": "FORBIDDEN", "message": "no" }] });
    let finding = answered(server::FakeResponse::json(200, &beside)).to_string();
    assert!(finding.contains("FORBIDDEN: no"), "data beside an error is not used: {finding}");
}

#[test]
fn an_enterprise_server_has_the_address_that_github_documents() {
    let fake_github = FakeGitHub::start_below("/api/v3").unwrap();
    fake_github.create("acme/shop");
    fake_github.grant(TOKEN, "acme/shop", &["contents=read", "pull_requests=read"]);
    fake_github.commit("acme/shop", A, "alice", "base");
    fake_github.push("acme/shop", commit(1, Some("bob"), "x"));
    assert!(fake_github.graphql_url().ends_with("/api/graphql"));
    let people = people(&connect(&fake_github.api_url()), &format!("{:040x}", 1)).unwrap();
    assert_eq!(logins(&people[0]), [Some("bob")]);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn the_address_for_graphql_is_checked() {
    for (graphql_url, part) in [
        ("http://10.0.0.1/graphql", "everyone on the way could read the token"),
        ("https://api.github.com", "has no path"),
        ("https://api.github.com/", "has no path"),
        ("https://me:hunter2@api.github.com/graphql", "an address with an @ in it"),
        ("api.github.com/graphql", "expected https://<host>/"),
    ] {
        let access = GitHubAccess { graphql_url: graphql_url.to_owned(), ..access("http://127.0.0.1:1") };
        let finding = GitHub::connect(runtime(), &Network::default(), access).unwrap_err().to_string();
        assert!(finding.starts_with("the address of GitHub's GraphQL API: ") && finding.contains(part), "{finding}");
        assert!(!finding.contains("hunter2"), "{finding}");
    }
}
