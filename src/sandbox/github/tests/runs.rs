//! Runs, jobs, annotations, approvals.

use jiff::ToSpan as _;

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
fn the_runs_of_a_workflow_are_listed_once_each_newest_first() {
    let fake_github = fake_github_with(&["actions=read"]);
    let start = time("2026-01-01T00:00:00.5Z");
    for (id, attempt, minute) in [(1, 1, 0), (3, 1, 20), (2, 1, 10), (2, 2, 10)] {
        fake_github.set_run(INFRA, FakeRun { created_at: start + i64::from(minute).minutes(), ..run(id, attempt) });
    }
    fake_github.set_run(INFRA, FakeRun { id: 4, event: "repository_dispatch".to_owned(), ..FakeRun::default() });
    let list = format!("actions/workflows/{}/runs", fake_github.workflow_id(INFRA, PATH));
    let ids = |query: &str| values_at(&get(&fake_github, &format!("{list}?{query}"))["workflow_runs"], "/id");
    let all = get(&fake_github, &list);
    assert_eq!(
        (&all["total_count"], values_at(&all["workflow_runs"], "/run_attempt")),
        (&json!(3), vec![json!(1), json!(2), json!(1)])
    );
    for (query, expected) in [
        ("created=%3E%3D2026-01-01T00:10:00Z", &[3, 2][..]),
        ("created=%3E%3D2026-01-01T00:10:01Z", &[3]),
        ("created=%3E2026-01-01T00:10:00Z", &[3]),
        ("created=%3C%3D2026-01-01T00:10:00Z", &[2, 1]),
        ("created=%3C2026-01-01T00:10:00Z", &[1]),
        ("created=2026-01-01T00:00:00Z..2026-01-01T00:10:00Z", &[2, 1]),
        ("created=2026-01-01T00:05:00Z..*", &[3, 2]),
        ("created=2026-01-01", &[3, 2, 1]),
        ("created=%3C2026-01-01", &[]),
        ("created=%3E%3D2026-01-02", &[]),
        ("status=success&event=push", &[3, 2, 1]),
        ("status=waiting", &[]),
        ("event=repository_dispatch", &[]),
        ("branch=release", &[]),
        ("per_page=1&page=2", &[2]),
    ] {
        assert_eq!(ids(query), expected, "{query}");
    }
    assert_eq!(values_at(&get(&fake_github, "actions/workflows/ci.yml/runs")["workflow_runs"], "/id"), [4]);
    assert_eq!(status(&fake_github, "actions/workflows/other.yml/runs"), 404);
    assert_eq!(fake_github.violations(), [""; 0]);
    for query in ["created=2026-01-01T00:00:00+00:00", "created=now", "status=done"] {
        assert_eq!(status(&fake_github, &format!("{list}?{query}")), 422, "{query}");
    }
}

#[test]
fn a_search_returns_at_most_1000_runs() {
    let fake_github = fake_github_with(&["actions=read"]);
    for id in 1..=1005 {
        fake_github.set_run(INFRA, run(id, 1));
    }
    let page = |query: &str| {
        let (_, link, body) = send(
            &fake_github,
            &Method::GET,
            &format!("actions/workflows/promote.yml/runs?per_page=100&{query}"),
            &Value::Null,
        );
        (body["total_count"].clone(), body["workflow_runs"].as_array().unwrap().len(), link.contains("next"))
    };
    assert_eq!(page("page=10&event=push"), (json!(1005), 100, false));
    assert_eq!(page("page=11&event=push"), (json!(1005), 0, false));
    assert_eq!(page("page=11"), (json!(1005), 5, false));
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
