//! A push without a response: the branch is read back to learn its outcome.

use super::*;

#[test]
fn a_push_that_arrived_without_a_response_is_found() {
    let shop = Shop::new();
    // The server moves the branch and ends without a response.
    shop.hook("reference-transaction", "[ \"$1\" = committed ] || exit 0\nkill -9 $PPID");
    let dir = shop.checkout("infra", &["--depth=1"]);
    let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(ended.log.contains("the push got no answer"), "{}", ended.log);
    assert_eq!(ended.outputs["changed"], "true");
    assert_eq!(shop.log("%H"), [ended.outputs["commit"].clone()]);
    assert!(
        ended.outputs["reason"].contains(BEFORE) || ended.log.contains(&format!("{BEFORE} → {AFTER}")),
        "{}",
        ended.log
    );
}

/// Git itself repeats a push whose connection is cut. The second one finds the branch moved, by the first.
#[test]
fn a_push_that_git_sent_twice_is_this_commands_own() {
    let shop = Shop::new();
    // The remote accepts the push, and reports a conflict.
    shop.hook(
        "update",
        "git update-ref \"$1\" \"$3\" \"$2\" 2>/dev/null || { unset GIT_QUARANTINE_PATH; git update-ref \"$1\" \"$3\" \"$2\"; }",
    );
    let ended = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(ended.outputs["changed"], "true", "{}", ended.log);
    assert_eq!(shop.log("%H"), [ended.outputs["commit"].clone()]);
}

#[test]
fn a_push_that_did_not_arrive_is_repeated() {
    let shop = Shop::new();
    let once = shop.path("once");
    shop.hook("pre-receive", &format!("[ -e '{0}' ] && exit 0\n: > '{0}'\nkill -9 $PPID", once.display()));
    let ended = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(ended.log.contains("the push got no answer"), "{}", ended.log);
    assert_eq!(shop.log("%H"), [ended.outputs["commit"].clone()]);
}

#[test]
fn a_push_without_a_response_is_found_below_a_newer_commit() {
    let shop = Shop::new();
    let (once, other) = (shop.path("once"), shop.checkout("other", &[]));
    // The push arrives, and before the branch is read back another writer commits the next release.
    shop.hook(
        "reference-transaction",
        &format!(
            "[ \"$1\" = committed ] || exit 0\n[ -e '{once}' ] && exit 0\n: > '{once}'\n\
             (unset $(git rev-parse --local-env-vars) GIT_QUARANTINE_PATH; cd '{other}' && git pull -q \
             && sed s/1.4.2/1.4.3/ {FILE} > new && mv new {FILE} \
             && git -c user.name=A -c user.email=a@shop.invalid commit -qam next && git push -q) >&2\n\
             kill -9 $PPID",
            once = once.display(),
            other = other.display(),
        ),
    );
    let ended = step(&shop.checkout("infra", &["--depth=1"]), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(shop.log("%s"), ["promote(production): checkout-service → 1.4.2", "next"], "{}", ended.log);
    assert_eq!((shop.log("%H")[0].as_str(), shop.tag(SERVICE).as_str()), (ended.outputs["commit"].as_str(), "1.4.3"));
}

#[test]
fn a_push_that_cannot_be_read_back_is_unknown() {
    let shop = Shop::new();
    let moved = shop.path("moved.git");
    // The repository is gone when the branch is read back.
    let script = format!(
        "[ \"$1\" = committed ] || exit 0\nmv '{}' '{}'\nkill -9 $PPID",
        shop.infra.path().display(),
        moved.display()
    );
    shop.hook("reference-transaction", &script);
    let ended = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
    assert!(
        ended.outputs["reason"].contains("look at the branch before running it again"),
        "{}",
        ended.outputs["reason"]
    );
    assert_ne!(git(&moved, &["rev-parse", "main"]), shop.first, "the push arrived");
}
