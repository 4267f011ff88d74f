//! Runs, jobs, annotations, approvals.

use super::*;

const PATH: &str = ".github/workflows/promote.yml";

fn run(id: u64, attempt: u32) -> FakeRun {
    FakeRun { id, attempt, path: PATH.to_owned(), ..FakeRun::default() }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_run_returns_its_latest_attempt() {
    let fake_github = fake_github_with(&["actions=read"]);
    fake_github.set_run(INFRA, run(7, 2).in_progress());
    fake_github.set_run(INFRA, FakeRun { actor: "dora".to_owned(), ..run(7, 1).ended("failure") });
    let latest = get(&fake_github, "actions/runs/7");
    assert_eq!(
        (&latest["run_attempt"], &latest["status"], &latest["conclusion"]),
        (&json!(2), &json!("in_progress"), &Value::Null)
    );
    let first = get(&fake_github, "actions/runs/7/attempts/1");
    assert_eq!((&first["conclusion"], &first["triggering_actor"]["login"]), (&json!("failure"), &json!("dora")));
    assert_eq!(first["head_repository"]["full_name"], INFRA);
    fake_github.set_run(INFRA, run(7, 2).ended("success"));
    assert_eq!(get(&fake_github, "actions/runs/7")["conclusion"], "success", "replaced");
    for missing in
        ["actions/runs/8", "actions/runs/7/attempts/3", "actions/runs/8/attempts/1/jobs", "actions/runs/8/approvals"]
    {
        assert_eq!(status(&fake_github, missing), 404, "{missing}");
    }
    assert_eq!(fake_github.violations(), [""; 0]);
    assert_eq!(status(&fake_github, "actions/runs/latest"), 404);
    assert_eq!(fake_github.violations().len(), 1, "not a number");
}

#[test]
fn runs_are_listed_newest_first_by_workflow_event_and_time() {
    let fake_github = fake_github_with(&["actions=read"]);
    let at = |hour: i64| time("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_hours(hour);
    let dispatched =
        |id: u64, hour| FakeRun { event: "repository_dispatch".to_owned(), created_at: at(hour), ..run(id, 1) };
    fake_github.set_run(INFRA, dispatched(7, 1));
    fake_github.set_run(INFRA, FakeRun { attempt: 2, ..dispatched(7, 1) });
    fake_github.set_run(INFRA, dispatched(9, 3));
    fake_github.set_run(INFRA, FakeRun { path: ".github/workflows/ci.yml".to_owned(), ..run(8, 1) });
    let ids = |path: &str| values_at(&get(&fake_github, path)["workflow_runs"], "/id");
    assert_eq!(ids("actions/runs"), [9, 8, 7]);
    assert_eq!(ids("actions/runs?event=repository_dispatch"), [9, 7]);
    assert_eq!(ids("actions/workflows/promote.yml/runs?created=%3E%3D2026-01-01T02:00:00Z"), [9]);
    assert_eq!(get(&fake_github, "actions/workflows/promote.yml/runs")["workflow_runs"][1]["run_attempt"], 2);
    assert_eq!(get(&fake_github, "actions/runs?per_page=1")["total_count"], 3);
    assert_eq!(status(&fake_github, "actions/workflows/none.yml/runs"), 404);
    assert_eq!(fake_github.violations(), [""; 0]);
    assert_eq!(status(&fake_github, "actions/runs?created=yesterday"), 422);
}

#[test]
fn a_job_is_replaced_by_name_and_shares_its_id_with_its_check_run() {
    let fake_github = fake_github_with(&["actions=read", "checks=read"]);
    fake_github.set_run(INFRA, run(7, 1));
    let id = fake_github.set_job(INFRA, 7, 1, FakeJob::waiting("promote"));
    assert_eq!(
        fake_github.set_job(INFRA, 7, 1, FakeJob::running("promote", "runner-1").since(time("2026-01-01T00:00:00Z"))),
        id
    );
    assert_ne!(fake_github.set_job(INFRA, 7, 2, FakeJob::waiting("promote")), id);
    assert_eq!(fake_github.set_job(INFRA, 7, 1, FakeJob { id: 99, ..FakeJob::ended("smoke", "failure") }), 99);
    let jobs = get(&fake_github, "actions/runs/7/attempts/1/jobs");
    assert_eq!(jobs["total_count"], 2);
    let [promote, smoke] = &jobs["jobs"].as_array().unwrap()[..] else { panic!("{jobs}") };
    assert_eq!((&promote["id"], &promote["runner_name"]), (&json!(id), &json!("runner-1")));
    assert_eq!((&promote["started_at"], &promote["completed_at"]), (&json!("2026-01-01T00:00:00Z"), &Value::Null));
    assert!(promote["check_run_url"].as_str().unwrap().ends_with(&format!("/check-runs/{id}")));
    assert_eq!((&smoke["conclusion"], &smoke["head_sha"]), (&json!("failure"), &json!("1".repeat(40))));

    fake_github.annotate(INFRA, id, "promote-gates", "a\nb");
    fake_github.annotate_from_log(
        INFRA,
        id,
        "x ::error::no\n  ::warning file=a,title=100%25%2C a%3Ab,line=1::%250A%0Ac\n::group::x\n::error::d\n",
    );
    let annotations = get(&fake_github, &format!("check-runs/{id}/annotations"));
    assert_eq!(values_at(&annotations, "/annotation_level"), ["notice", "warning", "failure"]);
    assert_eq!(values_at(&annotations, "/title"), [json!("promote-gates"), json!("100%, a:b"), Value::Null]);
    assert_eq!(values_at(&annotations, "/message"), ["a\nb", "%0A\nc", "d"]);
    assert_eq!(get(&fake_github, "check-runs/99/annotations"), json!([]));
    assert_eq!(status(&fake_github, "check-runs/98/annotations"), 404);
}

#[test]
fn reviews_are_returned_and_their_environments_are_created() {
    let fake_github = fake_github_with(&["actions=read"]);
    fake_github.set_run(INFRA, run(7, 1));
    fake_github.reject(INFRA, 7, "production", "ken", "not today");
    fake_github.approve(INFRA, 7, "Production", "dora", "");
    fake_github.approve(INFRA, 8, "staging", "dora", "");
    let reviews = get(&fake_github, "actions/runs/7/approvals");
    assert_eq!(values_at(&reviews, "/state"), ["rejected", "approved"]);
    assert_eq!(values_at(&reviews, "/user/login"), ["ken", "dora"]);
    assert_eq!(values_at(&reviews, "/environments/0/name"), ["production", "production"]);
    assert_eq!(
        get(&fake_github, "environments/production")["protection_rules"],
        json!([]),
        "created when a review names it"
    );
    assert_eq!(status(&fake_github, "/users/dora"), 200);
}

#[test]
fn deployments_are_listed_by_environment_newest_first() {
    let fake_github = fake_github_with(&["deployments=read"]);
    let at = |minute: i64| time("2026-01-01T00:00:00Z") + jiff::SignedDuration::from_mins(minute);
    for (run, environment) in [(1, "production"), (3, "Production"), (2, "production"), (4, "staging")] {
        let minute = i64::try_from(run).unwrap();
        let deployment = FakeDeployment::waiting(run, 41, at(minute)).then("QUEUED", at(minute + 1));
        fake_github.set_deployment(INFRA, environment, deployment);
    }
    let list = |environment: &str, first: u64, after: Value| {
        let body = json!({
            "query": "query Deployments($owner: String!) {}",
            "operationName": "Deployments",
            "variables": {
                "owner": "acme", "name": "ecommerce-infra", "environment": environment, "first": first, "after": after,
                "statuses": 100,
            },
        });
        let (_, _, body) = send(&fake_github, &Method::POST, "/graphql", &body);
        body["data"]["repository"]["deployments"].clone()
    };
    let page = list("production", 2, Value::Null);
    let created = values_at(&page["nodes"], "/createdAt");
    assert_eq!(created, ["2026-01-01T00:03:00Z", "2026-01-01T00:02:00Z"], "in the case of its creation");
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let statuses = &page["nodes"][0]["statuses"]["nodes"];
    assert_eq!(values_at(statuses, "/state"), ["QUEUED", "WAITING"]);
    assert!(statuses[0]["logUrl"].as_str().unwrap().ends_with("/actions/runs/3/job/41"));
    let rest = list("production", 2, page["pageInfo"]["endCursor"].clone());
    assert_eq!((values_at(&rest["nodes"], "/createdAt").len(), &rest["pageInfo"]["hasNextPage"]), (1, &json!(false)));
    assert_eq!(list("PRODUCTION", 2, Value::Null)["nodes"], json!([]), "with its case");
    assert_eq!(fake_github.violations(), [""; 0]);
}
