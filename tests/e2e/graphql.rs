//! Checks the queries of the program, and the fake GitHub's answers to them, against GitHub's own GraphQL schema: `graphql/judge.py`
//! validates each. This keeps the fake, which does not execute a query, realistic.
//!
//! Run by `tests/e2e/graphql.sh`, which installs the schema and the judge.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

use std::{
    fs,
    process::{Command, Output},
    time::Duration,
};

use promote_gates::{
    sandbox::github::{
        FakeCommit, FakeDeployment, FakeGitHub, FakePullRequest, FakePullRequestReview, FakeStatus, now,
    },
    world::github::QUERIES,
};
use serde_json::{Map, Value, json};

const SHOP: &str = "acme/shop";
const TOKEN: &str = "reader";

/// Returns whether there is no finding, and the output.
#[expect(clippy::disallowed_methods, reason = "the path of the judge is a setting of the test, not of the product")]
fn judge(queries: &Map<String, Value>, exchanges: &[Value]) -> (bool, String) {
    let [schema, python] = ["PROMOTE_GATES_E2E_GRAPHQL", "PROMOTE_GATES_E2E_PYTHON"]
        .map(|name| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run tests/e2e/graphql.sh")));
    let folder = tempfile::tempdir().expect("a temp folder");
    let path = folder.path().join("exchanges.json");
    fs::write(&path, json!({ "queries": queries, "exchanges": exchanges }).to_string()).expect("write the exchanges");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/graphql/judge.py");
    let Output { status, stdout, stderr } =
        Command::new(python).args(["-I", script]).arg(schema).arg(path).output().expect("run the judge");
    let output = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (status.success(), output)
}

fn queries() -> Map<String, Value> {
    QUERIES.iter().map(|query| (query.name.to_owned(), query.document.into())).collect()
}

/// Sends requests to the fake GitHub.
struct Caller {
    fake_github: FakeGitHub,
    agent: ureq::Agent,
}

impl Caller {
    fn rest(&self, path: &str) -> Value {
        let request = self.agent.get(format!("{}/repos/{SHOP}/{path}", self.fake_github.api_url()));
        let mut response = request.header("authorization", format!("Bearer {TOKEN}")).call().expect("a response");
        serde_json::from_str(&response.body_mut().read_to_string().expect("a text")).expect("JSON")
    }

    /// Sends a query, and returns it with its answer.
    fn query(&self, name: &str, variables: &Value) -> Value {
        let query = QUERIES.iter().find(|query| query.name == name).expect("a query of the program");
        let body = json!({ "query": query.document, "operationName": name, "variables": variables });
        let request = self.agent.post(self.fake_github.graphql_url()).content_type("application/json");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let text = request.send(body.to_string()).expect("a response").body_mut().read_to_string().expect("a text");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert!(answer["errors"].is_null(), "{name}: {answer}");
        json!({ "name": name, "variables": variables, "data": answer["data"] })
    }
}

/// Answers about commits and a pull request with everything that can be `null`, and everything that cannot.
fn exchanges() -> Vec<Value> {
    let fake_github = FakeGitHub::start().expect("a GitHub");
    fake_github.create(SHOP);
    fake_github.grant(TOKEN, SHOP, &["contents=read", "deployments=read", "pull_requests=read", "statuses=read"]);
    let commit = |digit: &str, login: Option<&str>| FakeCommit {
        sha: digit.repeat(40),
        author: login.map(ToOwned::to_owned),
        committer: login.map(ToOwned::to_owned),
        message: "work\n\nCo-authored-by: Bob <bob@users.noreply.github.com>".to_owned(),
        files: vec!["src/main.rs".to_owned()],
        is_signed_by_github: login.is_some(),
        ..FakeCommit::default()
    };
    fake_github.add_user("bob");
    fake_github.push(SHOP, FakeCommit { files: Vec::new(), ..commit("a", None) });
    fake_github.push(SHOP, commit("b", Some("alice")));
    for (number, opener) in [(5, Some("renovate[bot]")), (6, None)] {
        let pull_request = FakePullRequest {
            number,
            opener: opener.map(ToOwned::to_owned),
            assignees: vec!["carol".to_owned()],
            own: vec![commit("c", Some("alice")), commit("d", None)],
            brought: vec!["b".repeat(40)],
            is_open: number == 6,
            edited_at: (number == 5).then(now),
            ..FakePullRequest::default()
        };
        fake_github.add_pull_request(SHOP, pull_request);
    }
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).proxy(None);
    let caller = Caller { fake_github, agent: config.build().into() };
    let ids: Vec<Value> = ["a", "b"]
        .iter()
        .map(|digit| caller.rest(&format!("commits/{}", digit.repeat(40)))["node_id"].take())
        .collect();
    let commits = caller.query("CommitPeople", &json!({ "ids": ids, "authors": 1, "pulls": 10 }));
    let pulls = commits["data"]["nodes"][1]["associatedPullRequests"]["nodes"].as_array().expect("a list").clone();
    let pulls: Vec<&Value> = pulls.iter().map(|pull| &pull["id"]).collect();
    let page = |after: Value| json!({ "ids": pulls, "commits": 1, "after": after, "authors": 10 });
    let first = caller.query("PullRequestPeople", &page(Value::Null));
    let after = first["data"]["nodes"][0]["commits"]["pageInfo"]["endCursor"].clone();
    let second = caller.query("PullRequestPeople", &page(after));
    let (owner, name) = SHOP.split_once('/').expect("an owner");
    let texts = caller.query("MergedTexts", &json!({ "ids": pulls, "owner": owner, "name": name }));
    let paths = caller.query("CommitPaths", &json!({ "ids": ids, "path": "src" }));
    for (run, log_url) in [(7, None), (8, Some(String::new()))] {
        let deployment = FakeDeployment { log_url, ..FakeDeployment::waiting(run, 41, now()) };
        caller.fake_github.set_deployment(SHOP, "production", deployment.then("QUEUED", now()));
    }
    let page = |after: Value| {
        json!({
            "owner": owner, "name": name, "environment": "production", "first": 1, "after": after, "statuses": 1,
        })
    };
    let newest = caller.query("Deployments", &page(Value::Null));
    let after = newest["data"]["repository"]["deployments"]["pageInfo"]["endCursor"].clone();
    let older = caller.query("Deployments", &page(after));
    let none = caller.query("Deployments", &page(json!("2")));
    let plain = caller.fake_github.open_pull_request(SHOP, "a change", "", &[]);
    let edited = caller.fake_github.open_pull_request(SHOP, "another change", "why", &[]);
    caller.fake_github.edit_description(SHOP, edited, "alice", "because");
    caller.fake_github.set_label(SHOP, edited, "renovate[bot]", "explained");
    let described = [plain, edited].map(|number| {
        let variables = json!({ "owner": owner, "name": name, "number": number, "labels": 100, "events": 100 });
        caller.query("PullRequestText", &variables)
    });
    let viewer = caller.query("Viewer", &json!({}));
    let mut all = vec![commits, first, second, texts, paths, newest, older, none, viewer];
    all.extend(described);
    all.extend(reviews(&caller));
    all.extend(open_pull_requests(&caller));
    assert_eq!(caller.fake_github.violations(), [""; 0]);
    all
}

/// Pull requests with reviews of every kind of author, of a commit and of none, and with a force-push.
fn reviews(caller: &Caller) -> Vec<Value> {
    let authors = [Some("alice"), Some("renovate[bot]"), None];
    for (author, state) in authors.into_iter().zip(["APPROVED", "CHANGES_REQUESTED", "PENDING"]) {
        let review = FakePullRequestReview {
            author: author.map(ToOwned::to_owned),
            state: state.to_owned(),
            commit: author.map(|_| "d".repeat(40)),
            teams: vec!["acme/leads".to_owned()],
            ..FakePullRequestReview::default()
        };
        caller.fake_github.review_pull_request(SHOP, 5, review);
    }
    caller.fake_github.change_pull_request(SHOP, 5, |pull_request| {
        pull_request.is_open = true;
        pull_request.force_pushed_at = Some(now());
        pull_request.files = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
    });
    let (owner, name) = SHOP.split_once('/').expect("an owner");
    let one = |number: u64, after: Value| {
        let variables = json!({ "owner": owner, "name": name, "number": number, "first": 2, "after": after });
        caller.query("PullRequestReviews", &variables)
    };
    let list = |states: Value, after: Value| {
        let variables = json!({
            "owner": owner, "name": name, "states": states, "first": 1, "after": after, "reviews": 100,
        });
        caller.query("PullRequests", &variables)
    };
    vec![
        one(5, Value::Null),
        one(5, json!("2")),
        one(6, Value::Null),
        list(json!(["OPEN"]), Value::Null),
        list(Value::Null, Value::Null),
        list(Value::Null, json!("1")),
    ]
}

/// Two pages of open pull requests: one whose last commit has statuses, and one whose last commit has none.
fn open_pull_requests(caller: &Caller) -> Vec<Value> {
    for (state, description, creator) in
        [("pending", None, "dana"), ("success", Some("changes no image"), "github-actions[bot]")]
    {
        let status = FakeStatus {
            sha: "d".repeat(40),
            state: state.to_owned(),
            context: format!("promote-gates/{state}"),
            description: description.map(ToOwned::to_owned),
            target_url: None,
            creator: creator.to_owned(),
            created_at: now(),
        };
        caller.fake_github.add_status(SHOP, status);
    }
    caller.fake_github.change_pull_request(SHOP, 6, |one| one.own.truncate(1));
    let (owner, name) = SHOP.split_once('/').expect("an owner");
    let list = |after: Value| {
        let variables = json!({ "owner": owner, "name": name, "first": 2, "after": after });
        caller.query("OpenPullRequests", &variables)
    };
    let pages = vec![list(Value::Null), list(json!("2"))];
    let shown = json!(pages.iter().map(|page| &page["data"]).collect::<Vec<_>>()).to_string();
    assert!(shown.contains("\"SUCCESS\"") && shown.contains("\"status\":null"), "{shown}");
    pages
}

#[test]
fn the_queries_and_their_answers_conform_to_githubs_schema() {
    let exchanges = exchanges();
    for query in QUERIES {
        assert!(
            exchanges.iter().any(|exchange| exchange["name"] == query.name),
            "{}: no answer is checked",
            query.name
        );
    }
    let (passed, output) = judge(&queries(), &exchanges);
    assert!(passed, "{output}");
}

#[test]
fn the_judge_finds_every_forged_query_and_answer() {
    let exchanges = exchanges();
    for (from, to, expected) in [
        ("oid\n", "sha\n", "Cannot query field 'sha' on type 'Commit'"),
        (
            "$authors: Int!",
            "$authors: String!",
            "Variable '$authors' of type 'String!' used in position expecting type 'Int'",
        ),
        ("authors(first: $authors)", "authors(most: $authors)", "Unknown argument 'most'"),
        ("query CommitPeople", "query Other", "the document's operation has another name"),
    ] {
        let mut forged = queries();
        let document = forged["CommitPeople"].as_str().expect("a document").replacen(from, to, 1);
        forged["CommitPeople"] = document.into();
        let (passed, output) = judge(&forged, &[]);
        assert!(!passed && output.contains(expected), "{expected} in {output}");
    }
    for (pointer, value, expected) in [
        ("/data/nodes/0/oid", json!(7), "data.nodes[0].oid: 7 is no GitObjectID"),
        ("/data/nodes/1/authors/nodes/0/user/login", Value::Null, "login: null, which GitHub's schema excludes"),
        ("/data/nodes/0/authors/pageInfo", json!({}), "data.nodes[0].authors.pageInfo: 'hasNextPage' is missing"),
        ("/data/nodes/0/committer", json!({ "login": "x" }), "data.nodes[0].committer: 'login' was not selected"),
        ("/data/nodes/0/authors/nodes", json!("x"), "data.nodes[0].authors.nodes: 'x' is no list"),
        ("/variables/ids", json!(7.5), "Variable '$ids' got invalid value 7.5"),
        ("/variables", json!({ "ids": [], "authors": 1, "pulls": 1, "x": 1 }), "$x is no variable"),
    ] {
        let mut forged = exchanges[0].clone();
        *forged.pointer_mut(pointer).expect("a value") = value;
        let (passed, output) = judge(&queries(), &[forged]);
        assert!(!passed && output.contains(expected), "{expected} in {output}");
    }
}
