//! `rollback` against real repositories and a fake GitHub: the image before the promotion is restored, once.

mod histories;
mod refusals;
mod repeats;
pub mod story;

use std::path::Path;

use crate::{
    house::{Ended, Runner},
    shop::{AFTER, BEFORE, FILE, INFRA, SERVICE, Scene, ago, applied, commit_promotion, effects, end},
};

/// A step that rolls a service back.
fn step(scene: &Scene, run: u64, checkout: &Path) -> Runner {
    scene.step(run, checkout).input("reason", "payments fail")
}

/// Promotes a tag; returns the commit.
fn promote(dir: &Path, tag: &str) -> String {
    let step = Runner::new()
        .input("checkout", &dir.display().to_string())
        .input("service", SERVICE)
        .input("environment", "production")
        .input("tag", tag)
        .input("require", "none");
    let ended = step.run(&["promote"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    ended.outputs["commit"].clone()
}

#[test]
fn the_image_before_the_last_promotion_is_restored_and_a_review_issue_is_opened() {
    let scene = Scene::new();
    let before = scene.shop.infra.read(FILE).unwrap();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let promoted = promote(&dir, "1.4.2");
    // Another service is changed in between.
    scene.shop.edit("apps/frontend/overlays/production/kustomization.yaml", "another service", |text| {
        text.replace("1.4.1", "9")
    });
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).input("incident", "INC-17").run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(scene.shop.log("%s").last().unwrap(), "rollback(production): checkout-service → 1.4.1");
    let expected = [
        "Service: checkout-service",
        "Environment: production",
        &format!("Image: {BEFORE}"),
        &format!("Previous-Image: {AFTER}"),
        "Approved-by: bob",
        "Triggered-by: alice",
        "Workflow: https://github.com/acme/infra/actions/runs/7/attempts/1",
        "Promotion-kind: rollback",
        "Incident: INC-17",
        "Reason: payments fail",
        &format!("Rolls-back: {promoted}"),
    ];
    assert_eq!(scene.shop.trailers(), expected);
    assert_eq!(scene.shop.infra.read(FILE).unwrap(), before, "byte for byte");
    let outputs = ["commit", "changed", "image", "previous-image", "approver"].map(|name| ended.outputs[name].as_str());
    assert_eq!(outputs, [&scene.shop.tip(), "true", BEFORE, AFTER, "bob"]);
    let issues = scene.open_issues();
    let [issue] = &issues[..] else { panic!("{issues:?}") };
    assert_eq!(issue.title, "Rollback of checkout-service in production: review (INC-17)");
    let body = issue.body.as_deref().unwrap();
    let marker = format!("<!-- promote-gates:rollback:production:checkout-service:{} -->", scene.shop.tip());
    for part in
        [marker.as_str(), "Which gate should have seen it", &promoted[..12], "payments fail", "Approved by: bob"]
    {
        assert!(body.contains(part), "{part} in {body}");
    }
    assert_eq!(ended.outputs["issue"], format!("https://github.com/acme/infra/issues/{}", issue.number));
}

#[test]
fn tag_and_digest_are_restored() {
    let scene = Scene::new();
    let digest = format!("sha256:{}", "a".repeat(64));
    scene.shop.edit(FILE, "pinned", |text| {
        text.replace("newTag: 1.4.1", &format!("newTag: 1.4.1 # the one that works\n    digest: {digest}"))
    });
    let before = scene.shop.infra.read(FILE).unwrap();
    assert!(before.contains(&digest), "{before}");
    let dir = scene.shop.checkout("infra", &[]);
    promote(&dir, "1.4.2");
    assert!(!scene.shop.infra.read(FILE).unwrap().contains(&digest));
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    let subject = format!("rollback(production): checkout-service → 1.4.1@{digest}");
    assert_eq!(scene.shop.log("%s").last(), Some(&subject));
    let after = scene.shop.infra.read(FILE).unwrap();
    assert!(after.contains("newTag: 1.4.1") && after.contains(&digest), "{after}");
}

#[test]
fn an_emergency_is_rolled_back_like_any_promotion() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let emergency_step =
        step(&scene, 7, &dir).input("tag", "1.4.2").input("incident", "INC-17").input("allowed", SERVICE);
    let emergency = emergency_step.run(&["emergency"]);
    assert_eq!(emergency.code, 0, "{}", emergency.log);
    scene.run(8, &["bob"]);
    let ended = step(&scene, 8, &dir).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert!(scene.shop.trailers().contains(&format!("Rolls-back: {}", emergency.outputs["commit"])));
    let titles: Vec<String> = scene.open_issues().into_iter().map(|issue| issue.title).collect();
    assert!(titles[0].starts_with("Emergency promotion") && titles[1].starts_with("Rollback of"), "{titles:?}");
}

#[test]
fn an_old_promotion_is_found_beyond_the_depth_of_a_shallow_checkout() {
    let scene = Scene::new();
    let promoted = commit_promotion(&scene.shop.infra, &ago(400), (SERVICE, "production"), "1.4.2", "");
    for number in 0..3 {
        scene.shop.edit_at(Some(399 - number), "README.md", "more", |text| format!("{text}{number}\n"));
    }
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(scene.shop.tag(SERVICE), "1.4.1");
    assert!(scene.shop.trailers().contains(&format!("Rolls-back: {promoted}")));
}

#[test]
fn a_dry_run_shows_the_commit_and_the_issue_and_writes_neither() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &[]);
    let promoted = promote(&dir, "1.4.2");
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).input("dry-run", "true").run(&["rollback"]);
    assert_eq!(end(&ended), (0, "inconclusive", vec!["planned", "planned"]), "{}", ended.log);
    assert!(ended.report["effects"][0]["detail"].as_str().unwrap().contains(&format!("{AFTER} → {BEFORE}")));
    assert_eq!((scene.shop.tip(), scene.fake_github.issues(INFRA).len()), (promoted, 0));
}
