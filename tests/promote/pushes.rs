//! What becomes of a push: refused, lost to others, and how long it is tried.

use super::*;

#[test]
fn a_hook_that_declines_is_told_with_what_is_needed() {
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
fn a_race_that_is_always_lost_ends_with_its_time() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    // Somebody holds the branch, and never lets go.
    fs::write(shop.infra.path().join("refs/heads/main.lock"), "").unwrap();
    let ended = step(&dir, SERVICE, "1.4.2").input("timeout", "300ms").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("nothing written within 300ms"), "{}", ended.outputs["reason"]);
    assert!(ended.log.contains("next: run it again"), "{}", ended.log);
    assert_eq!(shop.tip(), shop.first);
    assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]), "");
}

#[test]
fn what_others_push_meanwhile_is_kept() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let other = shop.checkout("other", &[]);
    fs::write(other.join("README.md"), "changed meanwhile\n").unwrap();
    git(&other, &["commit", "-qam", "meanwhile"]);
    // The first push of ours is overtaken while the server looks at it.
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
    assert_eq!(end(&ended), LANDED, "{}", ended.log);
    assert!(ended.log.contains("another push was first, planning again"), "{}", ended.log);
    assert_eq!(shop.log("%s"), ["meanwhile", "promote(production): checkout-service → 1.4.2"]);
    assert_eq!(shop.infra.read("README.md").unwrap(), "changed meanwhile\n");
}

#[test]
fn a_remote_that_is_not_there_is_inconclusive() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    git(&dir, &["remote", "set-url", "origin", "file:///nonexistent/infra.git"]);
    let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("/nonexistent/infra.git"), "{}", ended.outputs["reason"]);
}
