//! The deployments to an environment.

use super::{responses::shop, *};
use crate::sandbox::github::FakeDeployment;

fn first() -> jiff::Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn second(number: u64) -> jiff::Timestamp {
    first() + Duration::from_secs(number)
}

fn fake_github(permissions: &[&str]) -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create("acme/shop");
    fake_github.grant(TOKEN, "acme/shop", permissions);
    fake_github
}

#[test]
fn deployments_are_read_newest_first_and_no_further_than_needed() {
    let fake_github = fake_github(&["deployments=read"]);
    for run in 1..=250 {
        let deployment = FakeDeployment::waiting(run, run, second(run)).then("QUEUED", second(run + 1));
        fake_github.set_deployment("acme/shop", "production", deployment);
    }
    fake_github.set_deployment("acme/shop", "staging", FakeDeployment::waiting(999, 999, second(240)));
    let github = connect(&fake_github.api_url());
    let read = |since| {
        let before = fake_github.requests().len();
        let found = github.deployments(&shop(), "production", second(since)).unwrap();
        (found, fake_github.requests().len() - before)
    };
    let (found, requests) = read(200);
    assert_eq!((found.len(), requests), (51, 1));
    let newest = &found[0];
    assert_eq!((newest.created_at, newest.is_complete), (second(250), true));
    let states: Vec<(&str, jiff::Timestamp)> =
        newest.statuses.iter().map(|status| (status.state.as_str(), status.created_at)).collect();
    assert_eq!(states, [("QUEUED", second(251)), ("WAITING", second(250))]);
    let url = newest.statuses[0].log_url.as_deref();
    assert_eq!(url, Some("https://github.com/acme/shop/actions/runs/250/job/250"));
    let (found, requests) = read(0);
    assert_eq!((found.len(), requests), (250, 3));
    assert!(found.is_sorted_by_key(|deployment| std::cmp::Reverse(deployment.created_at)));
    assert_eq!(github.deployments(&shop(), "none", first()), Ok(Vec::new()));
    assert_eq!(fake_github.violations(), Vec::<String>::new());
}

#[test]
fn a_deployment_with_too_many_states_is_incomplete() {
    let fake_github = fake_github(&["deployments=read"]);
    let many = (0..100).fold(FakeDeployment::waiting(7, 41, first()), |all, n| all.then("QUEUED", second(n)));
    fake_github.set_deployment("acme/shop", "production", many);
    let found = connect(&fake_github.api_url()).deployments(&shop(), "production", first()).unwrap();
    assert_eq!((found[0].statuses.len(), found[0].is_complete), (100, false));
}

#[test]
fn the_missing_permission_is_named() {
    let fake_github = fake_github(&["actions=read"]);
    let error = connect(&fake_github.api_url()).deployments(&shop(), "production", first()).unwrap_err();
    assert!(error.to_string().contains("the token needs Deployments: read on acme/shop"), "{error}");
}
