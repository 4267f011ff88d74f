//! Repeated, concurrent and interrupted rollbacks: one commit and one review issue.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;
use crate::patience::{RACE, RACE_TIMEOUT};

#[test]
fn a_second_rollback_changes_nothing() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    promote(&dir, "1.4.2");
    promote(&dir, "1.4.3");
    let mut first = None;
    for (run, state) in [(7, "applied"), (7, "already"), (8, "already")] {
        scene.run(run, &["bob"]);
        let ended = step(&scene, run, &dir).run(&["rollback"]);
        assert_eq!(end(&ended), (0, "passed", vec![state; 2]), "{}", ended.log);
        let outputs = ["commit", "issue", "image", "previous-image"].map(|name| ended.outputs[name].clone());
        assert_eq!(*first.get_or_insert(outputs.clone()), outputs);
        assert_eq!((scene.shop.tag(SERVICE).as_str(), scene.fake_github.issues(INFRA).len()), ("1.4.2", 1));
    }
}

#[test]
fn a_named_promotion_is_rolled_back_once() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let (second, third) = (promote(&dir, "1.4.2"), promote(&dir, "1.4.3"));
    for (run, named, states, tag) in [
        (1, &third, ["applied"; 2], "1.4.2"),
        (2, &third, ["already"; 2], "1.4.2"),
        (3, &second, ["applied"; 2], "1.4.1"),
        (4, &second, ["already"; 2], "1.4.1"),
    ] {
        scene.run(run, &["bob"]);
        let ended = step(&scene, run, &dir).input("promotion", named).run(&["rollback"]);
        assert_eq!(end(&ended), (0, "passed", states.into()), "{}", ended.log);
        assert_eq!(scene.shop.tag(SERVICE), tag);
    }
    assert_eq!(scene.open_issues().len(), 2);
}

#[test]
fn a_later_attempt_of_the_run_does_not_roll_back_a_newer_promotion() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    promote(&dir, "1.4.2");
    scene.run(7, &["bob"]);
    let first = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!(end(&first), applied(), "{}", first.log);
    let fixed = promote(&dir, "1.4.3");
    let again = step(&scene, 7, &dir).env("GITHUB_RUN_ATTEMPT", "2").run(&["rollback"]);
    assert_eq!(end(&again), (1, "blocked", vec!["already", "already"]), "{}", again.log);
    assert!(again.outputs["reason"].contains("is not the current image any more"), "{}", again.outputs["reason"]);
    assert_eq!((scene.shop.tip(), again.outputs["commit"].as_str()), (fixed, first.outputs["commit"].as_str()));
}

#[test]
fn an_attempt_that_failed_after_the_commit_is_finished_by_the_next_one() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    promote(&dir, "1.4.2");
    let forbidden =
        FakeResponse::json(403, &serde_json::json!({ "message": "Resource not accessible by integration" }));
    scene.fake_github.fail_at("POST /repos/acme/infra/issues", 1, InjectedFault::WithoutEffect(forbidden));
    scene.run(7, &["bob"]);
    let failed = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!((failed.code, effects(&failed)), (3, vec!["applied", "refused"]), "{}", failed.log);
    assert_eq!((scene.shop.log("%H").len(), scene.fake_github.issues(INFRA).len()), (2, 0));
    let ended = step(&scene, 7, &dir).env("GITHUB_RUN_ATTEMPT", "2").run(&["rollback"]);
    assert_eq!(end(&ended), (0, "passed", vec!["already", "applied"]), "{}", ended.log);
    assert_eq!((scene.shop.log("%H").len(), scene.open_issues().len()), (2, 1));
}

#[test]
fn ten_concurrent_rollbacks_make_one_commit_and_one_review() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    promote(&dir, "1.4.2");
    promote(&dir, "1.4.3");
    let steps: Vec<Runner> = (1..=10)
        .map(|run| {
            scene.run(run, &["bob"]);
            step(&scene, run, &dir).input("timeout", RACE_TIMEOUT)
        })
        .collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["rollback"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    for ended in &ended {
        assert_eq!((ended.code, &ended.outputs["commit"]), (0, &scene.shop.tip()), "{}", ended.log);
    }
    assert_eq!((scene.shop.log("%H").len(), scene.shop.tag(SERVICE).as_str()), (3, "1.4.2"));
    assert_eq!(scene.open_issues().len(), 1);
}
