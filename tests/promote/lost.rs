//! A server that takes a push and loses its answer: what became of it is read back.

use super::*;

#[test]
fn a_push_that_arrived_unanswered_is_found() {
    let shop = Shop::new();
    // The branch has moved by now, and nobody says so.
    shop.hook("reference-transaction", "[ \"$1\" = committed ] || exit 0\nkill -9 $PPID");
    let dir = shop.checkout("infra", &["--depth=1"]);
    let ended = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), LANDED, "{}", ended.log);
    assert!(ended.log.contains("the push got no answer"), "{}", ended.log);
    assert_eq!(ended.outputs["changed"], "true");
    assert_eq!(shop.log("%H"), [ended.outputs["commit"].clone()]);
    assert!(
        ended.outputs["reason"].contains(BEFORE) || ended.log.contains(&format!("{BEFORE} → {AFTER}")),
        "{}",
        ended.log
    );
}

#[test]
fn a_push_that_did_not_arrive_is_made_again() {
    let shop = Shop::new();
    let once = shop.path("once");
    shop.hook("pre-receive", &format!("[ -e '{0}' ] && exit 0\n: > '{0}'\nkill -9 $PPID", once.display()));
    let ended = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), LANDED, "{}", ended.log);
    assert!(ended.log.contains("the push got no answer"), "{}", ended.log);
    assert_eq!(shop.log("%H"), [ended.outputs["commit"].clone()]);
}

#[test]
fn what_arrived_unanswered_and_was_built_upon_is_not_written_again() {
    let shop = Shop::new();
    let (once, other) = (shop.path("once"), shop.checkout("other", &[]));
    // Ours arrives, and before we can look the next release is there.
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
    assert_eq!(end(&ended), LANDED, "{}", ended.log);
    assert_eq!(shop.log("%s"), ["promote(production): checkout-service → 1.4.2", "next"], "{}", ended.log);
    assert_eq!((shop.log("%H")[0].as_str(), shop.tag(SERVICE).as_str()), (ended.outputs["commit"].as_str(), "1.4.3"));
}

#[test]
fn what_cannot_be_read_back_is_unknown() {
    let shop = Shop::new();
    let away = shop.path("away.git");
    // The server is gone with its answer.
    let script = format!(
        "[ \"$1\" = committed ] || exit 0\nmv '{}' '{}'\nkill -9 $PPID",
        shop.infra.path().display(),
        away.display()
    );
    shop.hook("reference-transaction", &script);
    let ended = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
    assert!(
        ended.outputs["reason"].contains("look at the branch before running it again"),
        "{}",
        ended.outputs["reason"]
    );
    assert_ne!(git(&away, &["rev-parse", "main"]), shop.first, "it did arrive");
}
