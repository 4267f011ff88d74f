//! Rollbacks that are refused.

use promote_gates::{
    clock::{Clock as _, SystemClock},
    sandbox::github::FakeRun,
};

use super::*;

/// Asserts that nothing was written, and that the reason contains `part`.
fn assert_refused(scene: &Scene, ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.code, code, "{part}: {}", ended.log);
    assert!(ended.outputs["reason"].contains(part), "{part}: {}", ended.outputs["reason"]);
    assert_eq!(scene.fake_github.issues(INFRA).len(), 0, "{part}");
    assert!(effects(ended).iter().all(|state| *state == "refused"), "{:?}", effects(ended));
}

#[test]
fn a_rollback_without_a_promotion_in_the_ledger_is_refused() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    scene.run(7, &["bob"]);
    assert_refused(&scene, &step(&scene, 7, &dir).run(&["rollback"]), 1, "the ledger has no promotion");
    let promoted = promote(&dir, "1.4.2");
    for (input, value, part) in [
        ("environment", "staging", "the ledger has no promotion"),
        ("service", "frontend", "the ledger has no promotion"),
        ("promotion", &scene.shop.first, "is not a promotion in the ledger"),
    ] {
        assert_refused(&scene, &step(&scene, 7, &dir).input(input, value).run(&["rollback"]), 1, part);
    }
    assert_eq!(scene.shop.tip(), promoted);
}

#[test]
fn a_rollback_from_another_ref_is_refused() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let promoted = promote(&dir, "1.4.2");
    scene.run(7, &["bob"]);
    for (other, code) in [("refs/heads/hotfix", 1), ("refs/tags/main", 1), ("", 3)] {
        let ended = step(&scene, 7, &dir).env("GITHUB_REF", other).run(&["rollback"]);
        assert_refused(&scene, &ended, code, "expected refs/heads/main");
    }
    assert_eq!(scene.shop.tip(), promoted);
}

#[test]
fn a_promotion_after_the_start_of_the_run_is_rolled_back_only_by_name() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    promote(&dir, "1.4.2");
    let hour_ago = SystemClock::new().wall() - jiff::SignedDuration::from_hours(1);
    scene.fake_github.set_run(INFRA, FakeRun { id: 7, created_at: hour_ago, ..FakeRun::default() }.in_progress());
    scene.fake_github.approve(INFRA, 7, "production-emergency", "bob", "");
    // While the run waited for its approval the fix was promoted.
    let fix = promote(&dir, "1.4.3");
    assert_refused(&scene, &step(&scene, 7, &dir).run(&["rollback"]), 1, "1.4.3 was promoted by");
    assert_eq!(scene.shop.tip(), fix);
    let ended = step(&scene, 7, &dir).input("promotion", &fix).run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(scene.shop.tag(SERVICE), "1.4.2");
}

#[test]
fn an_image_that_was_changed_after_the_promotion_is_not_rolled_back() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &[]);
    promote(&dir, "1.4.2");
    scene.shop.edit(FILE, "by hand", |text| text.replace("1.4.2", "1.4.9"));
    scene.run(7, &["bob"]);
    let ended = step(&scene, 7, &dir).run(&["rollback"]);
    assert_refused(&scene, &ended, 1, "the current image is ghcr.io/acme/checkout-service:1.4.9");
    assert_eq!(scene.shop.tag(SERVICE), "1.4.9");
}

#[test]
fn a_promotion_without_the_previous_image_is_not_rolled_back() {
    // The first entry of a file, and an image before it that no registry has.
    let entry = "  - name: checkout-service\n    newName: ghcr.io/acme/checkout-service # our own registry, never a mirror\n    newTag: 1.4.1\n";
    for (before, line, part) in [
        ("", "", "added the image entry: there was no image before it"),
        ("  - name: checkout-service\n    newName: $(id)\n", "Previous-Image: $(id)\n", "is \"$(id)\""),
        (
            "  - name: checkout-service\n    newName: ../../x\n    newTag: \"1\"\n",
            "Previous-Image: ../../x:1\n",
            "is \"../../x:1\"",
        ),
    ] {
        let scene = Scene::new();
        let dir = scene.shop.checkout("infra", &[]);
        scene.shop.edit(FILE, "before", |text| text.replace(entry, before));
        let message = format!(
            "by hand\n\nService: {SERVICE}\nEnvironment: production\nImage: {AFTER}\n{line}Promotion-kind: normal\n"
        );
        scene.shop.edit(FILE, &message, |text| {
            let images = format!("images:\n{before}");
            text.replace(&images, &format!("images:\n{}", entry.replace("1.4.1", "1.4.2")))
        });
        scene.run(7, &["bob"]);
        assert_refused(&scene, &step(&scene, 7, &dir).run(&["rollback"]), 1, part);
        assert_eq!(scene.shop.tag(SERVICE), "1.4.2");
    }
}

#[test]
fn a_rollback_needs_an_approval_unless_it_may_be_unapproved() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &[]);
    promote(&dir, "1.4.2");
    scene.run(7, &[]);
    assert_refused(&scene, &step(&scene, 7, &dir).run(&["rollback"]), 1, "no person approved this run");
    let ended = step(&scene, 7, &dir).input("allow-unapproved", "true").run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    for (input, value, part) in [
        ("service", "", "`service`"),
        ("environment", "", "`environment`"),
        ("promotion", "HEAD", "promotion"),
        ("promotion", "--all", "promotion"),
        ("incident", "a b", "\"a b\""),
        ("incident-pattern", "[", "incident-pattern"),
        ("branch", "gone", "no branch gone"),
        ("remote", "elsewhere", "`remote`"),
        ("committer-email", "a\nb", "`committer-name`, `committer-email`"),
    ] {
        let ended = step(&scene, 7, &dir).input(input, value).run(&["rollback"]);
        assert_eq!(ended.code, 2, "{input}={value}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{input}={value}: {}", ended.outputs["reason"]);
        assert_eq!(scene.shop.tip(), scene.shop.first);
    }
}
