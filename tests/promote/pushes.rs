//! Pushes: declined, in conflict with other writers, and retried until the time limit.

use super::*;

#[test]
fn a_declining_hook_is_reported_with_the_needed_permission() {
    let shop = Shop::new();
    shop.hook("pre-receive", "echo 'main is frozen ::error::x' >&2\nexit 1");
    let dir = shop.checkout("infra", &[]);
    let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    let reason = &ended.outputs["reason"];
    for part in ["pre-receive hook declined", "main is frozen", "Contents: write", "protected branch"] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(shop.tip(), shop.first);
    assert!(ended.commands().iter().all(|line| !line.starts_with("::error::x")), "{}", ended.log);
}

#[test]
fn endless_conflicts_end_at_the_time_limit() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    // A lock file on the branch that is never removed.
    fs::write(shop.infra.path().join("refs/heads/main.lock"), "").unwrap();
    let ended = step(&dir, SERVICE, "1.4.2").input("timeout", "3s").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("nothing written within 3s"), "{}", ended.outputs["reason"]);
    assert!(ended.log.contains("next: run it again"), "{}", ended.log);
    assert_eq!(shop.tip(), shop.first);
    assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]), "");
}

#[test]
fn a_concurrent_push_of_another_writer_is_kept() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let other = shop.checkout("other", &[]);
    fs::write(other.join("README.md"), "changed meanwhile\n").unwrap();
    git(&other, &["commit", "-qam", "meanwhile"]);
    // While the hook runs for the first push, another push moves the branch.
    let overtaken = shop.path("overtaken");
    shop.hook(
        "pre-receive",
        &format!(
            "[ -e '{0}' ] && exit 0\n: > '{0}'\nunset $(git rev-parse --local-env-vars) GIT_QUARANTINE_PATH\n\
             git -C '{1}' push -q >&2",
            overtaken.display(),
            other.display()
        ),
    );
    let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(ended.log.contains("another push was first, planning again"), "{}", ended.log);
    assert_eq!(shop.log("%s"), ["meanwhile", "promote(production): checkout-service → 1.4.2"]);
    assert_eq!(shop.infra.read("README.md").unwrap(), "changed meanwhile\n");
}

#[test]
fn a_missing_remote_is_inconclusive() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    git(&dir, &["remote", "set-url", "origin", "file:///nonexistent/infra.git"]);
    let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("/nonexistent/infra.git"), "{}", ended.outputs["reason"]);
}
