//! Every route, with what it answers when all is well and when it is not.

use promote_gates::sandbox::github::{Commit, FakeGitHub, Job, Run};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::asking::{Caller, Described, Exchange};

const REPO: &str = "/repos/acme/ecommerce-infra";
const INFRA: &str = "acme/ecommerce-infra";
const POLICIES: &str = "environments/production/deployment-branch-policies";

/// Everything a token can be given.
const ALL: [&str; 6] =
    ["actions=read", "checks=read", "contents=write", "administration=write", "issues=write", "members=read"];

/// All of it, in order.
pub fn taken() -> Vec<Exchange> {
    let fake_github = FakeGitHub::start().expect("a GitHub");
    fake_github.create(INFRA);
    fake_github.create("acme/empty");
    fake_github.grant("may", INFRA, &ALL);
    fake_github.grant("may", "acme/empty", &ALL);
    fake_github.grant("may-not", INFRA, &[]);
    let caller = Caller { fake_github: &fake_github, token: "may" };

    let mut all = repositories(&fake_github, &caller);
    all.extend(runs(&fake_github, &caller));
    all.extend(commits(&fake_github, &caller));
    all.extend(environments(&fake_github, &caller));
    all.extend(issues(&fake_github, &caller));
    let refused = refused(&fake_github, &all);
    all.extend(refused);
    all
}

/// What is answered on every route to those who may not, or ask about what is not there.
fn refused(fake_github: &FakeGitHub, all: &[Exchange]) -> Vec<Exchange> {
    let mut refused = Vec::new();
    let well = all.iter().filter(|exchange| exchange.status < 300);
    let mut seen = Vec::new();
    for exchange in well {
        let key = (exchange.method.clone(), exchange.route);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let ask = |token, url: &str, request| {
            Caller { fake_github, token }.asked(exchange.method.clone(), url, exchange.body.clone(), request)
        };
        refused.push(ask("nobody", &exchange.url, Described::Fits));
        refused.push(ask("may-not", &exchange.url, Described::Fits));
        let elsewhere = exchange.url.replace(INFRA, "acme/unknown").replace("/users/", "/users/not-");
        refused.push(ask("may", &elsewhere.replace("/teams/", "/teams/not-"), Described::Fits));
        let query = if exchange.url.contains('?') { "&" } else { "?" };
        refused.push(ask("may", &format!("{}{query}unknown=1", exchange.url), Described::Breaks));
    }
    refused
}

fn repositories(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    fake_github.team("acme", "sre", &["dora", "ken"]);
    fake_github.user("Grace");
    let dispatches = format!("{REPO}/dispatches");
    let dispatch = |body, request| caller.asked(Method::POST, &dispatches, body, request);
    let eleven: Value = (0..11).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>().into();
    vec![
        caller.get(REPO),
        caller.get("/users/grace"),
        caller.get("/users/acme"),
        caller.get("/orgs/acme/teams/sre"),
        dispatch(
            json!({ "event_type": "staging-validated", "client_payload": { "service": "shop" } }),
            Described::Fits,
        ),
        dispatch(json!({ "event_type": "staging-validated" }), Described::Fits),
        dispatch(json!({}), Described::Breaks),
        dispatch(json!({ "event_type": 7 }), Described::Breaks),
        dispatch(json!({ "event_type": "" }), Described::Breaks),
        dispatch(json!({ "event_type": "x".repeat(101) }), Described::Breaks),
        dispatch(json!({ "event_type": "x", "inputs": {} }), Described::Breaks),
        dispatch(json!({ "event_type": "x", "client_payload": [] }), Described::Breaks),
        dispatch(json!({ "event_type": "x", "client_payload": eleven }), Described::Breaks),
        dispatch(json!({ "event_type": "x", "client_payload": { "a": "x".repeat(65_536) } }), Described::Prose),
    ]
}

fn runs(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let path = ".github/workflows/promote-to-production.yml";
    let run = |id, attempt| Run { id, attempt, path: path.to_owned(), actor: "dora".to_owned(), ..Run::default() };
    fake_github.set_run(INFRA, run(7, 1).ended("failure"));
    fake_github.set_run(INFRA, Run { triggering_actor: "ken".to_owned(), ..run(7, 2).in_progress() });
    fake_github.set_run(INFRA, Run { head_branch: None, head_repository: "fork/infra".to_owned(), ..run(8, 1) });
    fake_github.set_run(INFRA, Run { event: "repository_dispatch".to_owned(), ..run(9, 1).ended("cancelled") });
    let job = fake_github.set_job(INFRA, 7, 2, Job::ended("evidence", "success"));
    fake_github.set_job(INFRA, 7, 2, Job::running("promote", "runner-1"));
    fake_github.set_job(INFRA, 7, 2, Job::waiting("health"));
    fake_github.annotate(INFRA, job, "promote-gates", "sha256 of the report");
    fake_github.logged(INFRA, job, "::error::no\nplain\n::warning title=a%3Ab,file=x::50%25\n");
    fake_github.approve(INFRA, 7, "production", "grace", "ship it");
    fake_github.reject(INFRA, 7, "production", "ken", "");

    let workflow = format!("{REPO}/actions/workflows/{}/runs", fake_github.workflow_id(INFRA, path));
    let jobs = format!("{REPO}/actions/runs/7/attempts/2/jobs");
    let annotations = format!("{REPO}/check-runs/{job}/annotations");
    let mut all: Vec<Exchange> = [
        &*format!("{REPO}/actions/runs/7"),
        &format!("{REPO}/actions/runs/8"),
        &format!("{REPO}/actions/runs/6"),
        &format!("{REPO}/actions/runs/7/attempts/1"),
        &format!("{REPO}/actions/runs/7/attempts/3"),
        &jobs,
        &format!("{jobs}?per_page=2"),
        &format!("{jobs}?per_page=2&page=2"),
        &format!("{REPO}/actions/runs/7/attempts/9/jobs"),
        &format!("{REPO}/actions/runs/7/approvals"),
        &format!("{REPO}/actions/runs/8/approvals"),
        &format!("{REPO}/actions/runs/6/approvals"),
        &workflow,
        &format!("{workflow}?created=%3E%3D2020-01-01T00:00:00Z&per_page=1"),
        &format!("{workflow}?created=2020-01-01..2020-02-01"),
        &format!("{workflow}?status=failure&event=push&branch=main&actor=dora&head_sha={}", "1".repeat(40)),
        &format!("{REPO}/actions/workflows/promote-to-production.yml/runs?page=2"),
        &format!("{REPO}/actions/workflows/1/runs"),
        &annotations,
        &format!("{annotations}?per_page=1"),
        &format!("{REPO}/check-runs/1/annotations"),
    ]
    .into_iter()
    .map(|url| caller.get(url))
    .collect();
    for (url, request) in [
        (format!("{REPO}/actions/runs/seven"), Described::Breaks),
        (format!("{jobs}?page=first"), Described::Breaks),
        (format!("{jobs}?page=0"), Described::Prose),
        (format!("{jobs}?per_page=101"), Described::Prose),
        (format!("{workflow}?status=done"), Described::Breaks),
        (format!("{workflow}?created=lately"), Described::Prose),
    ] {
        all.push(caller.asked(Method::GET, &url, Value::Null, request));
    }
    all
}

fn commits(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let sha = |digit: &str| digit.repeat(40);
    fake_github.commit(INFRA, &sha("a"), "dora", "first");
    fake_github.push(INFRA, Commit { sha: sha("b"), message: "by a stranger".to_owned(), ..Commit::default() });
    fake_github.commit(INFRA, &sha("c"), "ken", "third");
    fake_github.tag(INFRA, "v1", &sha("a"));
    fake_github.branch(INFRA, "release/1", &sha("b"));
    fake_github.protect_branch(INFRA, "main");
    [
        "commits/main",
        "commits/v1",
        "commits/heads%2Frelease%2F1",
        "commits/bbbbbbb",
        "commits/unknown",
        "compare/v1...main",
        "compare/main...v1",
        "compare/main...main",
        "compare/v1...main?per_page=1",
        "compare/v1...main?per_page=1&page=2",
        "compare/v1...unknown",
        "compare/v1..main",
        "branches",
        "branches?protected=true",
        "branches?protected=false&per_page=1",
    ]
    .into_iter()
    .map(|rest| caller.get(&format!("{REPO}/{rest}")))
    .chain([
        caller.get("/repos/acme/empty/commits/main"),
        caller.get("/repos/acme/empty/branches"),
        caller.asked(Method::GET, &format!("{REPO}/branches?protected=2"), Value::Null, Described::Breaks),
    ])
    .collect()
}

fn environments(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let (grace, sre) = (fake_github.user("grace"), fake_github.team("acme", "sre", &["dora", "ken"]));
    let production = format!("{REPO}/environments/production");
    let put = |body, request| caller.asked(Method::PUT, &production, body, request);
    let reviewers = json!([{ "type": "User", "id": grace }, { "type": "Team", "id": sre }]);
    let policy =
        |protected: bool, custom: bool| json!({ "protected_branches": protected, "custom_branch_policies": custom });
    let full = json!({
        "wait_timer": 43_200,
        "prevent_self_review": true,
        "reviewers": reviewers,
        "deployment_branch_policy": policy(false, true),
    });
    let mut all = vec![
        caller.get(&production),
        put(Value::Null, Described::Fits),
        put(json!({ "deployment_branch_policy": policy(true, false) }), Described::Fits),
        caller.get(&production),
        caller.ask(Method::PUT, &format!("{REPO}/environments/eu%2Fwest%20%231"), json!({})),
        caller.get(&format!("{REPO}/environments/eu%2Fwest%20%231")),
        put(json!({ "reviewers": [{ "type": "User", "id": 1 }] }), Described::Fits),
        put(full, Described::Fits),
        caller.get(&production),
        caller.get(&format!("{REPO}/environments/staging")),
        caller.get(&format!("{REPO}/environments")),
        caller.get(&format!("{REPO}/environments?per_page=1")),
        put(json!([]), Described::Breaks),
        put(json!({ "required_reviewers": [] }), Described::Breaks),
        put(json!({ "wait_timer": "10" }), Described::Breaks),
        put(json!({ "wait_timer": null }), Described::Breaks),
        put(json!({ "wait_timer": 43_201 }), Described::Prose),
        put(json!({ "wait_timer": -1 }), Described::Prose),
        put(json!({ "prevent_self_review": "no" }), Described::Breaks),
        put(json!({ "reviewers": {} }), Described::Breaks),
        put(json!({ "reviewers": [{ "type": "Group", "id": 1 }] }), Described::Breaks),
        put(json!({ "reviewers": [{ "type": "User", "login": "grace" }] }), Described::Breaks),
        put(json!({ "reviewers": [{ "type": "User" }] }), Described::Prose),
        put(json!({ "prevent_self_review": true }), Described::Prose),
        put(json!({ "reviewers": vec![json!({ "type": "User", "id": grace }); 7] }), Described::Prose),
        put(json!({ "deployment_branch_policy": policy(true, true) }), Described::Prose),
        put(json!({ "deployment_branch_policy": policy(false, false) }), Described::Prose),
        put(json!({ "deployment_branch_policy": { "protected_branches": true } }), Described::Breaks),
    ];

    let policies = format!("{REPO}/{POLICIES}");
    let post = |body, request| caller.asked(Method::POST, &policies, body, request);
    let made = post(json!({ "name": "release/*" }), Described::Fits);
    let one = format!("{policies}/{}", made.answer["id"]);
    let nameless = "/environments/eu%2Fwest%20%231/deployment-branch-policies";
    all.extend([
        made,
        post(json!({ "name": "v*", "type": "tag" }), Described::Fits),
        post(json!({ "name": "v*", "type": "tag" }), Described::Fits),
        caller.ask(Method::POST, &format!("{REPO}{nameless}"), json!({ "name": "main" })),
        caller.get(&policies),
        caller.get(&format!("{policies}?per_page=1&page=2")),
        caller.get(&format!("{REPO}{nameless}")),
        caller.get(&format!("{REPO}/environments/staging/deployment-branch-policies")),
        post(json!({}), Described::Breaks),
        post(json!({ "name": 7 }), Described::Breaks),
        post(json!({ "name": "" }), Described::Prose),
        post(json!({ "name": "x", "type": "release" }), Described::Breaks),
        post(json!({ "name": "x", "kind": "tag" }), Described::Breaks),
        post(Value::Null, Described::Breaks),
        caller.ask(Method::DELETE, &one, Value::Null),
        caller.ask(Method::DELETE, &one, Value::Null),
        caller.asked(Method::DELETE, &format!("{policies}/main"), Value::Null, Described::Breaks),
    ]);
    all
}

fn issues(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    fake_github.open_issue(INFRA, "stop everything", "until Monday", &["promotion-hold"]);
    fake_github.open_pull_request(INFRA, "a change", "", &["promotion-hold"]);
    let issues = format!("{REPO}/issues");
    let post = |body, request| caller.asked(Method::POST, &issues, body, request);
    let patch = |body, request| caller.asked(Method::PATCH, &format!("{issues}/1"), body, request);
    let list = |query: &str, request| caller.asked(Method::GET, &format!("{issues}?{query}"), Value::Null, request);
    vec![
        caller.get(&issues),
        post(
            json!({ "title": "Emergency of checkout-service", "body": "why?", "labels": ["promote-gates"] }),
            Described::Fits,
        ),
        post(json!({ "title": "only a title" }), Described::Fits),
        list("state=all&labels=promote-gates&since=2020-01-01T00:00:00Z&sort=updated&direction=asc", Described::Fits),
        list("creator=somebody&per_page=1", Described::Fits),
        patch(json!({ "state": "closed", "state_reason": "not_planned" }), Described::Fits),
        patch(json!({ "state": "open", "title": "again", "body": null, "labels": [] }), Described::Fits),
        patch(json!({ "state": "closed" }), Described::Fits),
        list("state=closed", Described::Fits),
        caller.ask(Method::PATCH, &format!("{issues}/99"), json!({ "state": "closed" })),
        post(json!({}), Described::Breaks),
        post(json!({ "title": true }), Described::Breaks),
        post(json!({ "title": " " }), Described::Prose),
        post(json!({ "title": "x", "label": "y" }), Described::Breaks),
        post(json!({ "title": "x", "labels": [7] }), Described::Breaks),
        post(json!({ "title": "x", "body": 7 }), Described::Breaks),
        patch(json!({ "state": "done" }), Described::Breaks),
        patch(json!({ "state": "closed", "state_reason": "boring" }), Described::Breaks),
        patch(json!({ "closed": true }), Described::Breaks),
        caller.asked(Method::PATCH, &format!("{issues}/one"), json!({ "state": "closed" }), Described::Breaks),
        list("state=any", Described::Breaks),
        list("since=lately", Described::Breaks),
        list("sort=title", Described::Breaks),
        list("direction=up", Described::Breaks),
    ]
}
