//! Repeated, concurrent and interrupted emergencies: one commit and one issue.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;
use crate::patience::{RACE, RACE_TIMEOUT};

/// The only commit. Asserts that one issue is open and names it.
fn only_commit(scene: &Scene) -> String {
    let commits = scene.shop.log("%H");
    let [commit] = &commits[..] else { panic!("{commits:?}") };
    let issues = scene.open_issues();
    let [issue] = &issues[..] else { panic!("{issues:?}") };
    assert!(issue.body.as_deref().unwrap().contains(commit), "{issue:?}");
    commit.clone()
}

#[test]
fn a_second_emergency_changes_nothing() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let mut first = None;
    for (run, state) in [(7, "applied"), (7, "already"), (8, "already")] {
        scene.run(run, &["bob"]);
        let ended = step(&scene, run, &dir).run(&["emergency"]);
        assert_eq!(end(&ended), (0, "passed", vec![state; 2]), "{}", ended.log);
        let outputs = ["commit", "issue", "emergencies"].map(|name| ended.outputs[name].clone());
        assert_eq!(*first.get_or_insert(outputs.clone()), outputs);
        only_commit(&scene);
    }
}

#[test]
fn an_attempt_that_failed_after_the_commit_is_finished_by_the_next_one() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let forbidden =
        FakeResponse::json(403, &serde_json::json!({ "message": "Resource not accessible by integration" }));
    scene.fake_github.fail_at("GET /repos/acme/infra/issues", 1, InjectedFault::WithoutEffect(forbidden));
    let ended = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!((ended.code, effects(&ended)), (3, vec!["applied", "refused"]), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("the commit stands and is not made twice"), "{}", ended.outputs["reason"]);
    assert_eq!((scene.shop.log("%H").len(), scene.fake_github.issues(INFRA).len()), (1, 0));
    assert_eq!(ended.outputs["commit"], scene.shop.tip());
    // A second attempt may be unapproved, so it makes no commit.
    let ended = step(&scene, 7, &dir).env("GITHUB_RUN_ATTEMPT", "2").run(&["emergency"]);
    assert_eq!(end(&ended), (0, "passed", vec!["already", "applied"]), "{}", ended.log);
    assert_eq!(only_commit(&scene), ended.outputs["commit"]);
}

#[test]
fn an_issue_is_found_after_a_lost_response() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let lost = InjectedFault::AfterEffect(FakeResponse::json(502, &serde_json::json!({ "message": "Bad Gateway" })));
    scene.fake_github.fail_at("POST /repos/acme/infra/issues", 1, lost);
    let ended = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    only_commit(&scene);
    assert_eq!(scene.fake_github.issues(INFRA).len(), 1);
}

#[test]
fn ten_concurrent_emergencies_make_one_commit_and_one_issue() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let steps: Vec<Runner> = (1..=10)
        .map(|run| {
            scene.run(run, &["bob"]);
            step(&scene, run, &dir).input("incident", &format!("INC-{run}00")).input("timeout", RACE_TIMEOUT)
        })
        .collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["emergency"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    let commit = only_commit(&scene);
    for ended in &ended {
        assert_eq!((ended.code, &ended.outputs["commit"]), (0, &commit), "{}", ended.log);
    }
    assert_eq!(ended.iter().filter(|ended| ended.outputs["changed"] == "true").count(), 1);
    let issues = scene.fake_github.issues(INFRA);
    let lowest = issues.iter().min_by_key(|issue| issue.number).unwrap();
    assert_eq!(lowest.state, "open", "the lowest number stays");
    // The last run sees only that issue.
    assert!(ended.iter().any(|ended| ended.outputs["issue"].ends_with(&format!("/{}", lowest.number))));
}

#[test]
fn a_later_attempt_of_the_run_does_not_replace_a_newer_image() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    assert_eq!(end(&step(&scene, 7, &dir).run(&["emergency"])), applied());
    scene.shop.edit(FILE, "the fix", |text| text.replace("1.4.2", "1.4.3"));
    let tip = scene.shop.tip();
    let again = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!(end(&again), (1, "blocked", vec!["already", "already"]), "{}", again.log);
    assert!(again.outputs["reason"].contains("is not the current image any more"), "{}", again.outputs["reason"]);
    assert_eq!((scene.shop.tip(), scene.open_issues().len()), (tip, 1));
}

#[test]
fn an_image_that_was_set_by_hand_opens_no_issue() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    scene.shop.edit(FILE, "by hand", |text| text.replace("1.4.1", "1.4.2"));
    let ended = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!(end(&ended), (0, "passed", vec!["already"]), "{}", ended.log);
    assert_eq!((scene.shop.log("%s"), scene.open_issues().len()), (vec!["by hand".to_owned()], 0));
}

#[test]
fn a_duplicate_issue_of_a_killed_run_is_closed() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    assert_eq!(end(&step(&scene, 7, &dir).run(&["emergency"])), applied());
    let first = scene.open_issues().remove(0);
    let body = first.body.as_deref().unwrap();
    scene.fake_github.open_issue(INFRA, &first.title, body, &["promote-gates"]);
    // A pull request, an issue without the label and an issue that only quotes the marker are not duplicates.
    scene.fake_github.open_pull_request(INFRA, &first.title, body, &["promote-gates"]);
    let quoted = scene.fake_github.open_issue(INFRA, "a quote", &format!("> {body}"), &["promote-gates"]);
    let unlabelled = scene.fake_github.open_issue(INFRA, "a copy", body, &[]);
    let ended = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!(end(&ended), (0, "passed", vec!["already", "already", "applied"]), "{}", ended.log);
    let open: Vec<u64> =
        scene.open_issues().iter().filter(|issue| !issue.is_pull_request).map(|issue| issue.number).collect();
    assert_eq!(open, [first.number, quoted, unlabelled]);
    // An issue that a person has closed is not opened again.
    scene.fake_github.close_issue(INFRA, first.number);
    let ended = step(&scene, 7, &dir).run(&["emergency"]);
    assert_eq!(end(&ended), (0, "passed", vec!["already", "already"]), "{}", ended.log);
}
