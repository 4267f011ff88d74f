use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Barrier},
    thread,
};

use crate::world::process::Captured;

use super::*;

/// The tip of the remote's main branch, as `git` fetches it.
fn fetched(git: &Git) -> Tip {
    git.fetch_tip(&origin(git), &main_branch()).expect("asked").expect("a branch")
}

#[test]
fn a_push_moves_the_branch_and_nothing_of_the_checkout() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &["--depth=1"]);
    let marker = forge.path("hook-ran");
    let hook = dir.join(".git/hooks/pre-push");
    fs::write(&hook, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", marker.display())).expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("made executable");
    fs::write(dir.join("README"), "dirty\n").expect("written");
    git(&dir, &["switch", "-q", "--detach"]);
    git(&dir, &["config", "push.default", "matching"]);
    git(&dir, &["config", "remote.origin.push", "+refs/heads/*:refs/heads/*"]);
    git(&dir, &["tag", "-m", "a tag", "v1"]);
    git(&dir, &["config", "push.followTags", "true"]);
    let before = snapshot(&dir);
    let ours = open(&dir);
    let made = change(&ours, &fetched(&ours).commit, "apps/shop/image.txt", "tag: 4\n");
    assert_eq!(push(&ours, &made), Push::Done);
    assert_eq!(forge.tip(), made.as_str());
    assert_eq!(git(&forge.bare(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert_eq!(snapshot(&dir), before);
    assert!(!marker.exists(), "hooks of the checkout are not run");
    assert!(matches!(push(&ours, &made), Push::Lost { .. }), "it is there already");
}

#[test]
fn of_two_pushes_on_one_tip_the_second_is_lost() {
    let forge = Forge::new();
    let (one, two) = (open(&forge.checkout("one", &[])), open(&forge.checkout("two", &[])));
    let tip = commit(&forge.tip());
    let first = change(&one, &tip, "a", "1");
    let second = change(&two, &tip, "b", "2");
    assert_eq!(push(&one, &first), Push::Done);
    let lost = push(&two, &second);
    assert!(matches!(&lost, Push::Lost { why } if why.contains("fetch first")), "{lost:?}");
    // With the other's commit at hand git words it in another way.
    drop(fetched(&two));
    let lost = push(&two, &second);
    assert!(matches!(&lost, Push::Lost { why } if why.contains("non-fast-forward")), "{lost:?}");
    assert_eq!(forge.tip(), first.as_str());
}

#[test]
fn racing_pushes_are_done_or_lost_and_all_land_in_the_end() {
    const RACERS: usize = 6;
    let forge = Forge::new();
    // One checkout for all: they must not meet there either.
    let dir = forge.checkout("infra", &["--depth=1"]);
    let start = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let (dir, start) = (dir.clone(), Arc::clone(&start));
            thread::spawn(move || {
                let ours = open(&dir);
                let mut tip = fetched(&ours);
                start.wait();
                let mut lost = 0;
                loop {
                    let made = change(&ours, &tip.commit, &format!("file-{number}"), "x");
                    match push(&ours, &made) {
                        Push::Done => return lost,
                        Push::Lost { .. } => lost += 1,
                        other => panic!("{other:?}"),
                    }
                    tip = fetched(&ours);
                }
            })
        })
        .collect();
    let lost: usize = racers.into_iter().map(|racer| racer.join().expect("no panic")).sum();
    assert!(lost > 0, "all started from one tip");
    assert_eq!(git(&forge.bare(), &["rev-list", "--count", "main"]), (3 + RACERS).to_string());
    assert_eq!(git(&forge.bare(), &["ls-tree", "--name-only", "main"]).matches("file-").count(), RACERS);
    assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]), "");
}

#[test]
fn a_hook_that_declines_is_a_refusal_with_its_words() {
    let forge = Forge::new();
    let hook = forge.bare().join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'main is frozen until Monday' >&2\nexit 1\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("made executable");
    let ours = open(&forge.checkout("infra", &[]));
    let made = change(&ours, &commit(&forge.tip()), "a", "1");
    let refused = push(&ours, &made);
    let Push::Refused { why } = &refused else { panic!("{refused:?}") };
    assert!(why.contains("pre-receive hook declined") && why.contains("frozen until Monday"), "{why}");
    assert_ne!(forge.tip(), made.as_str());
}

#[test]
fn no_remote_repository_is_a_refusal_and_no_answer_is_unknown() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let ours = open(&dir).patience(Duration::from_millis(500));
    let made = change(&ours, &commit(&forge.tip()), "a", "1");
    let push = |url: &str| {
        git(&dir, &["remote", "set-url", "origin", url]);
        push(&ours, &made)
    };
    let gone = push(&format!("file://{}/gone.git", forge.dir.path().display()));
    assert!(matches!(gone, Push::Refused { .. }), "{gone:?}");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://bob:hunter2@{}/x.git", listener.local_addr().expect("an address"));
    // Nobody accepts: the connection stands, and no answer comes.
    let silent = push(&url);
    assert!(matches!(&silent, Push::Unknown { why } if why.contains("no answer after")), "{silent:?}");
    drop(listener);
    let closed = push(&url);
    assert!(matches!(&closed, Push::Unknown { why } if !why.contains("hunter2")), "{closed:?}");
}

/// What git and servers print, word by word, against what it means.
#[test]
fn answers_mean_what_they_say() {
    let ours = open(&Forge::new().checkout("infra", &[]));
    let end = |code, stdout: &str, stderr: &str| {
        let captured = |text: &str| Captured { bytes: text.into(), lost: 0 };
        ours.outcome(
            &Finished { status: Status::Exited(code), stdout: captured(stdout), stderr: captured(stderr) },
            &main_branch(),
        )
    };
    let line = |flag: &str, summary: &str| format!("To https://x\n{flag}\t0123:refs/heads/main\t{summary}\nDone\n");
    let rejected = |summary: &str| end(1, &line("!", summary), "error: failed to push some refs to 'https://x'\n");
    let word = |push: Push| match push {
        Push::Done => "done",
        Push::Lost { .. } => "lost",
        Push::Refused { .. } => "refused",
        Push::Unknown { .. } => "unknown",
    };
    for (summary, means) in [
        ("[rejected] (non-fast-forward)", "lost"),
        ("[rejected] (fetch first)", "lost"),
        ("[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)", "lost"),
        ("[remote rejected] (failed to update ref)", "lost"),
        ("[remote rejected] (incorrect old value provided)", "lost"),
        ("[remote rejected] (pre-receive hook declined)", "refused"),
        ("[remote rejected] (protected branch hook declined)", "refused"),
        ("[remote rejected] (push declined due to repository rule violations)", "refused"),
        (
            "[remote rejected] (refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission)",
            "refused",
        ),
        ("[remote rejected] (branch is currently checked out)", "refused"),
        ("[remote rejected] (shallow update not allowed)", "refused"),
        ("[remote rejected] (Internal Server Error)", "unknown"),
        ("[remote rejected] (unpacker error)", "unknown"),
        ("[remote failure] (remote failed to report status)", "unknown"),
    ] {
        assert_eq!(word(rejected(summary)), means, "{summary}");
    }
    assert_eq!(word(end(0, &line(" ", "1..2"), "")), "done");
    assert_eq!(word(end(0, &line("=", "[up to date]"), "")), "lost");
    for (stderr, means) in [
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403\n", "refused"),
        ("fatal: Authentication failed for 'https://x/'\n", "refused"),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled\n", "refused"),
        ("git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.\n", "refused"),
        (
            "ERROR: Permission to a/b.git denied to deploy key\nfatal: Could not read from remote repository.\n",
            "refused",
        ),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found\n", "refused"),
        ("fatal: unable to access 'https://x/': Could not resolve host: x\n", "unknown"),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 502\n", "unknown"),
        (
            "error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: the remote end hung up unexpectedly\n",
            "unknown",
        ),
        ("remote: The requested URL returned error: 403\nfatal: the remote end hung up unexpectedly\n", "unknown"),
        ("", "unknown"),
    ] {
        assert_eq!(word(end(128, "", stderr)), means, "{stderr}");
    }
    // The line is about another branch, or contradicts the exit code.
    assert_eq!(word(end(0, "To x\n \t1:refs/heads/other\t1..2\nDone\n", "")), "unknown");
    assert_eq!(word(end(1, &line(" ", "1..2"), "")), "unknown");
    assert_eq!(word(end(0, "", "")), "unknown");
}
