//! Exchanges with every route of the fake GitHub: successful and refused ones. Those of issues and pull requests are in
//! [`discussions`](crate::discussions).

use promote_gates::sandbox::github::{FakeCommit, FakeGitHub, FakeJob, FakeRun};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    discussions::{comments, issues, pull_requests},
    exchange::{Caller, Conformance, Exchange},
    made_commits::made_commits,
};

pub const REPO: &str = "/repos/acme/ecommerce-infra";
pub const INFRA: &str = "acme/ecommerce-infra";
const POLICIES: &str = "environments/production/deployment-branch-policies";

/// Every permission.
const ALL_PERMISSIONS: [&str; 11] = [
    "actions=read",
    "checks=read",
    "contents=write",
    "administration=write",
    "issues=write",
    "members=read",
    "pull_requests=write",
    "statuses=write",
    "secrets=read",
    "environments=read",
    "organization_plan=read",
];

/// All exchanges, in order.
pub fn all_exchanges() -> Vec<Exchange> {
    let fake_github = FakeGitHub::start().expect("a GitHub");
    fake_github.create(INFRA);
    fake_github.create("acme/empty");
    fake_github.grant("all-permissions", INFRA, &ALL_PERMISSIONS);
    fake_github.grant("all-permissions", "acme/empty", &ALL_PERMISSIONS);
    fake_github.grant("no-permission", INFRA, &[]);
    fake_github.create("acme/git");
    fake_github.grant("all-permissions", "acme/git", &ALL_PERMISSIONS);
    fake_github.grant("no-permission", "acme/git", &[]);
    let caller = Caller { fake_github: &fake_github, token: "all-permissions" };

    let mut all = repositories(&fake_github, &caller);
    all.extend(runs(&fake_github, &caller));
    all.extend(commits(&fake_github, &caller));
    all.extend(statuses(&caller));
    all.extend(environments(&fake_github, &caller));
    all.extend(settings(&fake_github, &caller));
    all.extend(issues(&fake_github, &caller));
    all.extend(comments(&fake_github, &caller));
    all.extend(pull_requests(&caller));
    let folder = tempfile::tempdir().expect("a temp folder");
    all.extend(made_commits(&fake_github, &caller, folder.path()));
    let refused = refused(&fake_github, &all);
    all.extend(refused);
    all
}

/// Exchanges with every route that lack a token, a permission, an existing object, or a known query.
fn refused(fake_github: &FakeGitHub, all: &[Exchange]) -> Vec<Exchange> {
    let mut refused = Vec::new();
    let successful = all.iter().filter(|exchange| exchange.status < 300);
    let mut seen = Vec::new();
    for exchange in successful {
        let key = (exchange.method.clone(), exchange.route);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let ask = |token, url: &str, request| {
            Caller { fake_github, token }.exchange(exchange.method.clone(), url, exchange.body.clone(), request)
        };
        refused.push(ask("unknown-token", &exchange.url, Conformance::Valid));
        refused.push(ask("no-permission", &exchange.url, Conformance::Valid));
        let elsewhere = exchange
            .url
            .replace(INFRA, "acme/unknown")
            .replace("acme/git/", "acme/unknown/")
            .replace("/users/", "/users/not-");
        refused.push(ask("all-permissions", &elsewhere.replace("/teams/", "/teams/not-"), Conformance::Valid));
        let query = if exchange.url.contains('?') { "&" } else { "?" };
        refused.push(ask("all-permissions", &format!("{}{query}unknown=1", exchange.url), Conformance::Invalid));
    }
    refused
}

fn repositories(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    fake_github.add_team("acme", "sre", &["dora", "ken"]);
    fake_github.add_user("Grace");
    let dispatches = format!("{REPO}/dispatches");
    let dispatch = |body, request| caller.exchange(Method::POST, &dispatches, body, request);
    let eleven: Value = (0..11).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>().into();
    vec![
        caller.get(REPO),
        caller.get("/users/grace"),
        caller.get("/users/acme"),
        caller.get("/orgs/acme/teams/sre"),
        dispatch(
            json!({ "event_type": "staging-validated", "client_payload": { "service": "shop" } }),
            Conformance::Valid,
        ),
        dispatch(json!({ "event_type": "staging-validated" }), Conformance::Valid),
        dispatch(json!({}), Conformance::Invalid),
        dispatch(json!({ "event_type": 7 }), Conformance::Invalid),
        dispatch(json!({ "event_type": "" }), Conformance::Invalid),
        dispatch(json!({ "event_type": "x".repeat(101) }), Conformance::Invalid),
        dispatch(json!({ "event_type": "x", "inputs": {} }), Conformance::Invalid),
        dispatch(json!({ "event_type": "x", "client_payload": [] }), Conformance::Invalid),
        dispatch(json!({ "event_type": "x", "client_payload": eleven }), Conformance::Invalid),
        dispatch(
            json!({ "event_type": "x", "client_payload": { "a": "x".repeat(65_536) } }),
            Conformance::InvalidByProse,
        ),
    ]
}

/// A file of a branch that is created, read and replaced; and what GitHub refuses.
fn written_files(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    fake_github.add_data_branch(INFRA, "data");
    let path = format!("{REPO}/contents/baselines%2Fcart.json");
    let put = |body: Value, request| caller.exchange(Method::PUT, &path, body, request);
    let body = |branch: &str, sha: &Value| {
        let mut body = json!({ "message": "Baselines", "content": "e30K", "branch": branch });
        if !sha.is_null() {
            body["sha"] = sha.clone();
        }
        body
    };
    let created = put(body("data", &Value::Null), Conformance::Valid);
    let sha = created.answer["content"]["sha"].clone();
    vec![
        created,
        caller.get(&format!("{path}?ref=data")),
        caller.get(&format!("{path}?ref=unknown")),
        put(body("data", &sha), Conformance::Valid),
        put(body("data", &json!("f".repeat(40))), Conformance::Valid),
        put(body("data", &Value::Null), Conformance::Valid),
        put(body("unknown", &Value::Null), Conformance::Valid),
        put(json!({ "content": "e30K" }), Conformance::Invalid),
    ]
}

fn runs(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let path = ".github/workflows/promote-to-production.yml";
    let run =
        |id, attempt| FakeRun { id, attempt, path: path.to_owned(), actor: "dora".to_owned(), ..FakeRun::default() };
    fake_github.set_run(INFRA, run(7, 1).ended("failure"));
    fake_github.set_run(INFRA, FakeRun { triggering_actor: "ken".to_owned(), ..run(7, 2).in_progress() });
    fake_github.set_run(INFRA, FakeRun { head_branch: None, head_repository: "fork/infra".to_owned(), ..run(8, 1) });
    fake_github.set_run(INFRA, FakeRun { event: "repository_dispatch".to_owned(), ..run(9, 1).ended("cancelled") });
    let job = fake_github.set_job(INFRA, 7, 2, FakeJob::ended("evidence", "success"));
    fake_github.set_job(INFRA, 7, 2, FakeJob::running("promote", "runner-1"));
    fake_github.set_job(INFRA, 7, 2, FakeJob::waiting("health"));
    fake_github.annotate(INFRA, job, "promote-gates", "sha256 of the report");
    fake_github.annotate_from_log(INFRA, job, "::error::no\nplain\n::warning title=a%3Ab,file=x::50%25\n");
    fake_github.approve(INFRA, 7, "production", "grace", "ship it");
    fake_github.reject(INFRA, 7, "production", "ken", "");

    let jobs = format!("{REPO}/actions/runs/7/attempts/2/jobs");
    let annotations = format!("{REPO}/check-runs/{job}/annotations");
    let mut all: Vec<Exchange> = [
        &*format!("{REPO}/actions/runs/7"),
        &format!("{REPO}/actions/runs/8"),
        &format!("{REPO}/actions/runs/6"),
        &format!("{REPO}/actions/runs"),
        &format!("{REPO}/actions/runs?event=repository_dispatch&created=%3E%3D2026-01-01T00%3A00%3A00Z&per_page=1"),
        &format!("{REPO}/actions/workflows/promote-to-production.yml/runs?per_page=2&page=2"),
        &format!("{REPO}/actions/workflows/unknown.yml/runs"),
        &format!("{REPO}/actions/runs/7/attempts/1"),
        &format!("{REPO}/actions/runs/7/attempts/3"),
        &jobs,
        &format!("{jobs}?per_page=2"),
        &format!("{jobs}?per_page=2&page=2"),
        &format!("{REPO}/actions/runs/7/attempts/9/jobs"),
        &format!("{REPO}/actions/runs/7/approvals"),
        &format!("{REPO}/actions/runs/8/approvals"),
        &format!("{REPO}/actions/runs/6/approvals"),
        &annotations,
        &format!("{annotations}?per_page=1"),
        &format!("{REPO}/check-runs/1/annotations"),
    ]
    .into_iter()
    .map(|url| caller.get(url))
    .collect();
    for (url, request) in [
        (format!("{REPO}/actions/runs/seven"), Conformance::Invalid),
        (format!("{jobs}?page=first"), Conformance::Invalid),
        (format!("{jobs}?page=0"), Conformance::InvalidByProse),
        (format!("{jobs}?per_page=101"), Conformance::InvalidByProse),
    ] {
        all.push(caller.exchange(Method::GET, &url, Value::Null, request));
    }
    all
}

fn commits(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let sha = |digit: &str| digit.repeat(40);
    fake_github.commit(INFRA, &sha("a"), "dora", "first");
    fake_github.push(
        INFRA,
        FakeCommit { sha: sha("b"), message: "by an author without account".to_owned(), ..FakeCommit::default() },
    );
    fake_github.commit(INFRA, &sha("c"), "ken", "third");
    fake_github.tag(INFRA, "v1", &sha("a"));
    fake_github.branch(INFRA, "release/1", &sha("b"));
    fake_github.protect_branch(INFRA, "main");
    let tag_object = fake_github.annotated_tag(INFRA, "v2", "commit", &sha("b"));
    fake_github.tag_object(INFRA, "a-tree", "tree", &sha("9"));
    let aside = FakeCommit { sha: sha("d"), parents: Some(vec![sha("a")]), ..FakeCommit::default() };
    fake_github.push_to(INFRA, "aside", aside);
    fake_github.push_to(
        INFRA,
        "orphan",
        FakeCommit { sha: sha("e"), parents: Some(Vec::new()), ..FakeCommit::default() },
    );
    fake_github.add_file(INFRA, ".github/workflows/a b.yml", "jobs: {}\n");
    fake_github.add_file(INFRA, ".github/workflows/c.yml", "");
    let (tag_object, no_tag_object) = (format!("git/tags/{tag_object}"), format!("git/tags/{}", sha("8")));
    [
        // The description has one segment for the name, and says that it may be several: `x-multi-segment`.
        "git/ref/heads%2Fmain",
        "git/ref/heads%2Frelease%2F1",
        "git/ref/tags%2Fv1",
        "git/ref/tags%2Fv2",
        "git/ref/tags%2Fa-tree",
        "git/ref/heads%2Frelease",
        &tag_object,
        &no_tag_object,
        "compare/main...aside",
        "compare/main...orphan",
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
        "contents/.github%2Fworkflows",
        "contents/.github",
        "contents/.github%2Fworkflows%2Fa%20b.yml",
        "contents/.github%2Fworkflows%2Fa%20b.yml?ref=main",
        "contents/src",
        "branches",
        "branches?protected=true",
        "branches?protected=false&per_page=1",
    ]
    .into_iter()
    .map(|rest| caller.get(&format!("{REPO}/{rest}")))
    .chain([
        caller.get("/repos/acme/empty/commits/main"),
        caller.get("/repos/acme/empty/git/ref/heads%2Fmain"),
        caller.get("/repos/acme/empty/branches"),
        caller.exchange(Method::GET, &format!("{REPO}/branches?protected=2"), Value::Null, Conformance::Invalid),
    ])
    .chain(written_files(fake_github, caller))
    .collect()
}

/// Statuses of the first commit that [`commits`] made.
fn statuses(caller: &Caller) -> Vec<Exchange> {
    let sha = "a".repeat(40);
    let (own, unknown) = (format!("{REPO}/statuses/{sha}"), format!("{REPO}/statuses/{}", "7".repeat(40)));
    let post = |body, request| caller.exchange(Method::POST, &own, body, request);
    let list = format!("{REPO}/commits/{sha}/statuses");
    vec![
        caller.get(&list),
        post(
            json!({
                "state": "success", "context": "promote-gates/approval", "description": "approved by alice",
                "target_url": "https://github.com/acme/infra/actions/runs/7",
            }),
            Conformance::Valid,
        ),
        post(json!({ "state": "pending" }), Conformance::Valid),
        post(json!({ "state": "error", "description": null, "target_url": null }), Conformance::Valid),
        caller.get(&list),
        caller.get(&format!("{list}?per_page=1&page=2")),
        caller.get(&format!("{REPO}/commits/{}/statuses", "7".repeat(40))),
        caller.ask(Method::POST, &unknown, json!({ "state": "success" })),
        post(json!({}), Conformance::Invalid),
        post(json!({ "state": "good" }), Conformance::Invalid),
        post(json!({ "state": "success", "context": 7 }), Conformance::Invalid),
        post(json!({ "state": "success", "sha": sha }), Conformance::Invalid),
        post(json!({ "state": "success", "description": "x".repeat(141) }), Conformance::InvalidByProse),
    ]
}

fn environments(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let (grace, sre) = (fake_github.add_user("grace"), fake_github.add_team("acme", "sre", &["dora", "ken"]));
    let production = format!("{REPO}/environments/production");
    let put = |body, request| caller.exchange(Method::PUT, &production, body, request);
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
        put(Value::Null, Conformance::Valid),
        put(json!({ "deployment_branch_policy": policy(true, false) }), Conformance::Valid),
        caller.get(&production),
        caller.ask(Method::PUT, &format!("{REPO}/environments/eu%2Fwest%20%231"), json!({})),
        caller.get(&format!("{REPO}/environments/eu%2Fwest%20%231")),
        put(json!({ "reviewers": [{ "type": "User", "id": 1 }] }), Conformance::Valid),
        put(json!({ "wait_timer": 10, "can_admins_bypass": false }), Conformance::Valid),
        put(full, Conformance::Valid),
        caller.get(&production),
        caller.get(&format!("{REPO}/environments/staging")),
        caller.get(&format!("{REPO}/environments")),
        caller.get(&format!("{REPO}/environments?per_page=1")),
        put(json!([]), Conformance::Invalid),
        put(json!({ "required_reviewers": [] }), Conformance::Invalid),
        put(json!({ "can_admins_bypass": "no" }), Conformance::Invalid),
        put(json!({ "wait_timer": "10" }), Conformance::Invalid),
        put(json!({ "wait_timer": null }), Conformance::Invalid),
        put(json!({ "wait_timer": 43_201 }), Conformance::InvalidByProse),
        put(json!({ "wait_timer": -1 }), Conformance::InvalidByProse),
        put(json!({ "prevent_self_review": "no" }), Conformance::Invalid),
        put(json!({ "reviewers": {} }), Conformance::Invalid),
        put(json!({ "reviewers": [{ "type": "Group", "id": 1 }] }), Conformance::Invalid),
        put(json!({ "reviewers": [{ "type": "User", "login": "grace" }] }), Conformance::Invalid),
        put(json!({ "reviewers": [{ "type": "User" }] }), Conformance::InvalidByProse),
        put(json!({ "prevent_self_review": true }), Conformance::InvalidByProse),
        put(json!({ "reviewers": vec![json!({ "type": "User", "id": grace }); 7] }), Conformance::InvalidByProse),
        put(json!({ "deployment_branch_policy": policy(true, true) }), Conformance::InvalidByProse),
        put(json!({ "deployment_branch_policy": policy(false, false) }), Conformance::InvalidByProse),
        put(json!({ "deployment_branch_policy": { "protected_branches": true } }), Conformance::Invalid),
    ];

    let policies = format!("{REPO}/{POLICIES}");
    let post = |body, request| caller.exchange(Method::POST, &policies, body, request);
    let made = post(json!({ "name": "release/*" }), Conformance::Valid);
    let one = format!("{policies}/{}", made.answer["id"]);
    let nameless = "/environments/eu%2Fwest%20%231/deployment-branch-policies";
    all.extend([
        made,
        post(json!({ "name": "v*", "type": "tag" }), Conformance::Valid),
        post(json!({ "name": "v*", "type": "tag" }), Conformance::Valid),
        caller.ask(Method::POST, &format!("{REPO}{nameless}"), json!({ "name": "main" })),
        caller.get(&policies),
        caller.get(&format!("{policies}?per_page=1&page=2")),
        caller.get(&format!("{REPO}{nameless}")),
        caller.get(&format!("{REPO}/environments/staging/deployment-branch-policies")),
        post(json!({}), Conformance::Invalid),
        post(json!({ "name": 7 }), Conformance::Invalid),
        post(json!({ "name": "" }), Conformance::InvalidByProse),
        post(json!({ "name": "x", "type": "release" }), Conformance::Invalid),
        post(json!({ "name": "x", "kind": "tag" }), Conformance::Invalid),
        post(Value::Null, Conformance::Invalid),
        caller.ask(Method::DELETE, &one, Value::Null),
        caller.ask(Method::DELETE, &one, Value::Null),
        caller.exchange(Method::DELETE, &format!("{policies}/main"), Value::Null, Conformance::Invalid),
    ]);
    all
}

/// The settings of the repository and of its owner. The branch and the environment are those that the functions above made.
fn settings(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    fake_github.set_plan("acme", "team");
    fake_github.set_workflow_permissions(INFRA, "write", true);
    for name in ["INFRA_WRITE_TOKEN", "STAGING_KUBECONFIG"] {
        fake_github.add_secret(INFRA, None, name);
    }
    fake_github.add_secret(INFRA, Some("production"), "INFRA_WRITE_TOKEN");
    fake_github.share_secret(INFRA, "REGISTRY_TOKEN");
    fake_github.add_rule(INFRA, "pull_request", &[]);
    fake_github.add_rule(INFRA, "required_status_checks", &["promote-gates/approval"]);
    let guest = fake_github.add_user("guest");
    fake_github.revoke_access(INFRA, guest);
    let below = [
        "actions/permissions/workflow",
        "actions/secrets",
        "actions/secrets?per_page=1&page=2",
        "actions/organization-secrets",
        "environments/production/secrets",
        "environments/unknown/secrets",
        "rules/branches/main",
        "rules/branches/aside",
        "branches/main",
        "branches/unknown",
        "branches/main/protection/required_signatures",
        "branches/unknown/protection/required_signatures",
        "collaborators/grace/permission",
        "collaborators/guest/permission",
        "collaborators/unknown/permission",
    ];
    let above = ["/orgs/acme", "/orgs/unknown", "/orgs/acme/teams/sre/repos/acme/ecommerce-infra"];
    below.iter().map(|rest| caller.get(&format!("{REPO}/{rest}"))).chain(above.map(|url| caller.get(url))).collect()
}
