use std::thread;

use crate::clock::{Clock, SystemClock};

use super::*;

#[test]
fn only_remotes_in_the_configuration_are_accepted() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    git(&dir, &["remote", "add", "upstream", "https://bob:hunter2@example.com/acme/infra?x=hunter2"]);
    git(&dir, &["remote", "add", "two", "https://example.com/a"]);
    git(&dir, &["remote", "set-url", "--add", "--push", "two", "https://example.com/b"]);
    git(&dir, &["remote", "set-url", "--add", "--push", "two", "https://hunter2@example.com/c"]);
    let checkout = open(&dir);
    assert_eq!(origin(&checkout).url(), format!("file://{}", forge.bare().display()));
    let upstream = checkout.remote("upstream").expect("a remote");
    assert_eq!((upstream.name(), upstream.url().as_str()), ("upstream", "https://example.com/acme/infra"));
    assert!(!format!("{upstream:?}").contains("hunter2"));
    for name in ["none", "", "--upload-pack=touch /tmp/x", "file:///etc", "."] {
        let finding = checkout.remote(name).expect_err("no remote");
        assert!(finding.actual == format!("{name:?}") && finding.expected.contains("`origin`, `two`"), "{finding}");
    }
    let finding = checkout.remote("two").expect_err("two push URLs");
    assert_eq!(finding.actual, "https://example.com/b, https://example.com/c");
}

#[test]
fn a_missing_remote_branch_is_none() {
    let forge = Forge::new();
    let checkout = open(&forge.checkout("infra", &[]));
    let origin = origin(&checkout);
    // Its name ends with the full name of the missing branch.
    git(&forge.bare(), &["update-ref", "refs/heads/a/refs/heads/gone", "main"]);
    let gone = "gone".parse().expect("a branch");
    assert_eq!(checkout.remote_default_branch(&origin), Ok(Some(main_branch())));
    assert_eq!(checkout.remote_tip(&origin, &main_branch()), Ok(Some(commit(&forge.tip()))));
    assert_eq!(checkout.remote_tip(&origin, &gone), Ok(None));
    assert!(checkout.fetch_tip(&origin, &gone).expect("asked").is_none());
    git(&forge.bare(), &["symbolic-ref", "HEAD", "refs/heads/unborn"]);
    assert_eq!(checkout.remote_default_branch(&origin), Ok(None));
}

#[test]
fn an_unreachable_remote_is_an_error() {
    let forge = Forge::new();
    let checkout = open(&forge.checkout("infra", &[]));
    let origin = origin(&checkout);
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    let url = format!("file://{}", forge.bare().display());
    let finding = checkout.remote_tip(&origin, &main_branch()).expect_err("unreachable");
    assert!(
        finding.check.contains(&url) && finding.actual.contains("does not appear to be a git repository"),
        "{finding}"
    );
    assert!(checkout.remote_default_branch(&origin).is_err());
    assert!(checkout.fetch_tip(&origin, &main_branch()).is_err());
    assert!(checkout.fetch_commit(&origin, &commit(&"1".repeat(40))).is_err());
}

#[test]
fn fetching_a_tip_changes_nothing_in_a_checkout() {
    let forge = Forge::new();
    let plain = forge.checkout("plain", &[]);
    let shallow = forge.checkout("shallow", &["--depth=1"]);
    let dirty = forge.checkout("dirty", &["--depth=2", "--no-tags"]);
    fs::write(dirty.join("README"), "dirty\n").expect("written");
    fs::write(dirty.join("staged"), "x").expect("written");
    git(&dirty, &["add", "staged"]);
    git(&dirty, &["switch", "-q", "--detach"]);
    for name in ["fetch.prune", "remote.origin.prune", "core.logAllRefUpdates"] {
        git(&dirty, &["config", name, "true"]);
    }
    let old = forge.tip();
    let author = forge.checkout("author", &[]);
    git(&author, &["commit", "-q", "--allow-empty", "-m", "moved on"]);
    git(&author, &["tag", "-m", "a tag", "v1"]);
    git(&author, &["push", "-q", "--follow-tags", "origin", "main"]);
    let new = forge.tip();
    assert_ne!(old, new);

    for dir in [plain, shallow, dirty] {
        let before = snapshot(&dir);
        let checkout = open(&dir);
        let tip = checkout.fetch_tip(&origin(&checkout), &main_branch()).expect("asked").expect("a branch");
        assert_eq!(tip.commit.as_str(), new);
        assert_eq!(checkout.read_file(&tip.commit, &tree_path("README")).map(|entry| entry.is_some()), Ok(true));
        assert_eq!(checkout.is_ancestor(&commit(&old), &tip.commit), Ok(true));
        assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]).lines().count(), 1, "held while in use");
        drop(tip);
        assert_eq!(snapshot(&dir), before, "{}", dir.display());
    }
}

#[test]
fn concurrent_fetches_in_one_checkout_do_not_collide() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &["--depth=1"]);
    let before = snapshot(&dir);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let dir = dir.clone();
            thread::spawn(move || {
                let checkout = open(&dir);
                checkout.fetch_tip(&origin(&checkout), &main_branch()).expect("asked").expect("a branch").commit.clone()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic").as_str(), forge.tip());
    }
    assert_eq!(snapshot(&dir), before);
}

#[test]
fn one_commit_can_be_fetched_into_a_shallow_checkout() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &["--depth=1"]);
    let checkout = open(&dir);
    let first = commit(&git(&forge.bare(), &["rev-parse", "main~2"]));
    assert!(checkout.read_file(&first, &tree_path("README")).is_err(), "not there yet");
    checkout.fetch_commit(&origin(&checkout), &first).expect("fetched");
    let text = checkout.read_file(&first, &tree_path("apps/shop/image.txt"));
    assert_eq!(text, Ok(Some(TreeEntry::File(Blob { mode: FileMode::Regular, bytes: b"tag: 1\n".to_vec() }))));

    // A commit that the checkout has is not fetched again.
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    assert_eq!(checkout.fetch_commit(&origin(&checkout), &first), Ok(()));
    fs::rename(forge.path("away"), forge.bare()).expect("moved");

    // A complete checkout stays complete.
    let full = forge.checkout("full", &[]);
    let author = forge.checkout("author", &[]);
    git(&author, &["commit", "-q", "--allow-empty", "-m", "moved on"]);
    git(&author, &["push", "-q", "origin", "main"]);
    let checkout = open(&full);
    checkout.fetch_commit(&origin(&checkout), &commit(&forge.tip())).expect("fetched");
    assert_eq!(git(&full, &["rev-parse", "--is-shallow-repository"]), "false");
    assert_eq!(git(&full, &["rev-list", "--count", &forge.tip()]), "4");
    assert!(checkout.fetch_commit(&origin(&checkout), &commit(&"1".repeat(40))).is_err());
}

#[test]
fn refs_of_killed_processes_are_deleted_after_a_day() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let checkout = open(&dir);
    let now = SystemClock::new().wall().as_second();
    let name = |age: i64| format!("refs/promote-gates/{}-{:016x}", now - age, 7);
    for name in [name(0), name(23 * 3600), name(25 * 3600), name(-25 * 3600), "refs/promote-gates/other".into()] {
        git(&dir, &["update-ref", &name, "HEAD"]);
    }
    git(&dir, &["pack-refs", "--all"]);
    let held = checkout.fetch_tip(&origin(&checkout), &main_branch()).expect("asked").expect("a branch");
    checkout.delete_abandoned_refs();
    let left = git(&dir, &["for-each-ref", "--format=%(refname)", "refs/promote-gates"]);
    let mut left: Vec<_> =
        left.lines().filter(|left| left.ends_with("-0000000000000007") || left.ends_with("other")).collect();
    left.sort_unstable();
    assert_eq!(left, [name(23 * 3600), name(0), "refs/promote-gates/other".into()]);
    assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]).lines().count(), 4, "and the ref that is in use");
    drop(held);
}

#[test]
fn a_token_goes_to_its_own_server_for_fetch_and_push() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let checkout = open(&dir).with_token("https://github.com", Secret::new("t".into()));
    assert!(!checkout.sends_token_to(&origin(&checkout)), "a file");
    let sends = |fetch: &str, push: &str| {
        git(&dir, &["remote", "set-url", "origin", fetch]);
        git(&dir, &["remote", "set-url", "--push", "origin", push]);
        (checkout.sends_token_to(&origin(&checkout)), open(&dir).sends_token_to(&origin(&checkout)))
    };
    assert_eq!(sends("https://github.com/a/b", "https://github.com/a/b"), (true, false));
    assert_eq!(sends("https://github.com/a/b", "git@github.com:a/b"), (false, false));
    assert_eq!(sends("https://example.com/a/b", "https://github.com/a/b"), (false, false));
}
