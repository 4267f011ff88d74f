use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Barrier},
    thread,
};

use super::*;

/// Fetches the tip of the remote's main branch.
fn fetched(git: &Git) -> Tip {
    git.fetch_tip(&origin(git), &main_branch()).expect("asked").expect("a branch")
}

#[test]
fn a_push_moves_the_branch_and_changes_nothing_in_the_checkout() {
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
    let checkout = open(&dir);
    let made = change(&checkout, &fetched(&checkout).commit, "apps/shop/image.txt", "tag: 4\n");
    assert_eq!(push(&checkout, &made), PushOutcome::Done);
    assert_eq!(forge.tip(), made.as_str());
    assert_eq!(git(&forge.bare(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert_eq!(snapshot(&dir), before);
    assert!(!marker.exists(), "hooks of the checkout are not run");
    assert!(matches!(push(&checkout, &made), PushOutcome::Conflict { .. }), "the branch is at that commit already");
}

#[test]
fn the_second_of_two_pushes_on_one_tip_is_a_conflict() {
    let forge = Forge::new();
    let (one, two) = (open(&forge.checkout("one", &[])), open(&forge.checkout("two", &[])));
    let tip = commit(&forge.tip());
    let first = change(&one, &tip, "a", "1");
    let second = change(&two, &tip, "b", "2");
    assert_eq!(push(&one, &first), PushOutcome::Done);
    let conflict = push(&two, &second);
    assert!(
        matches!(&conflict, PushOutcome::Conflict { why, received: false } if why.contains("fetch first")),
        "{conflict:?}"
    );
    // With the other commit in the checkout, git prints another reason.
    drop(fetched(&two));
    let conflict = push(&two, &second);
    assert!(
        matches!(&conflict, PushOutcome::Conflict { why, received: false } if why.contains("non-fast-forward")),
        "{conflict:?}"
    );
    assert_eq!(forge.tip(), first.as_str());
}

#[test]
fn concurrent_pushes_are_done_or_conflicts_and_all_succeed_after_retries() {
    const RACERS: usize = 6;
    let forge = Forge::new();
    // All use one checkout, where they must not disturb each other either.
    let dir = forge.checkout("infra", &["--depth=1"]);
    let start = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let (dir, start) = (dir.clone(), Arc::clone(&start));
            thread::spawn(move || {
                let checkout = open(&dir);
                let mut tip = fetched(&checkout);
                start.wait();
                let mut conflicts = 0;
                loop {
                    let made = change(&checkout, &tip.commit, &format!("file-{number}"), "x");
                    match push(&checkout, &made) {
                        PushOutcome::Done => return conflicts,
                        PushOutcome::Conflict { .. } => conflicts += 1,
                        other => panic!("{other:?}"),
                    }
                    tip = fetched(&checkout);
                }
            })
        })
        .collect();
    let conflicts: usize = racers.into_iter().map(|racer| racer.join().expect("no panic")).sum();
    assert!(conflicts > 0, "all started from one tip");
    assert_eq!(git(&forge.bare(), &["rev-list", "--count", "main"]), (3 + RACERS).to_string());
    assert_eq!(git(&forge.bare(), &["ls-tree", "--name-only", "main"]).matches("file-").count(), RACERS);
    assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]), "");
}

#[test]
fn a_declining_hook_is_a_refusal_with_its_message() {
    let forge = Forge::new();
    let hook = forge.bare().join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'main is frozen until Monday' >&2\nexit 1\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("made executable");
    let checkout = open(&forge.checkout("infra", &[]));
    let made = change(&checkout, &commit(&forge.tip()), "a", "1");
    let refused = push(&checkout, &made);
    let PushOutcome::Refused { why } = &refused else { panic!("{refused:?}") };
    assert!(why.contains("pre-receive hook declined") && why.contains("frozen until Monday"), "{why}");
    assert_ne!(forge.tip(), made.as_str());
}

/// As GitHub answers a push that breaks a rule: the code first, then the address of the rules, then details.
#[test]
fn a_broken_rule_is_told_by_its_code_and_the_address_of_the_rules() {
    let forge = Forge::new();
    let hook = forge.bare().join("hooks/pre-receive");
    let details = (0..20).map(|number| format!("- detail {number}")).collect::<Vec<_>>().join("\n\n");
    let message = format!(
        "{details}\n\nReview all repository rules at https://github.com/acme/infra/rules?ref=refs%2Fheads%2Fmain\n\nerror: GH013: \
         Repository rule violations found for refs/heads/main."
    );
    fs::write(&hook, format!("#!/bin/sh\ncat >&2 <<'END'\n{message}\nEND\nexit 1\n")).expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("made executable");
    let checkout = open(&forge.checkout("infra", &[]));
    let refused = push(&checkout, &change(&checkout, &commit(&forge.tip()), "a", "1"));
    let PushOutcome::Refused { why } = &refused else { panic!("{refused:?}") };
    assert!(
        why.starts_with(
            "[remote rejected] (pre-receive hook declined): error: GH013: Repository rule violations found for \
             refs/heads/main. · Review all repository rules at https://github.com/acme/infra/rules?ref=refs%2Fheads%2Fmain · - detail 0"
        ),
        "{why}"
    );
}

#[test]
fn a_missing_repository_is_a_refusal_and_no_answer_is_an_unknown_outcome() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let made = change(&open(&dir), &commit(&forge.tip()), "a", "1");
    let push_within = |limit, url: &str| {
        git(&dir, &["remote", "set-url", "origin", url]);
        push(&open(&dir).within(limit), &made)
    };
    let push = |url: &str| push_within(Duration::from_mins(1), url);
    let gone = push(&format!("file://{}/gone.git", forge.dir.path().display()));
    assert!(matches!(gone, PushOutcome::Refused { .. }), "{gone:?}");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://bob:hunter2@{}/x.git", listener.local_addr().expect("an address"));
    // The connection is established, but no answer comes.
    let silent = push_within(Duration::from_millis(500), &url);
    assert!(matches!(&silent, PushOutcome::Unknown { why } if why.contains("no answer after")), "{silent:?}");
    drop(listener);
    let closed = push(&url);
    assert!(matches!(&closed, PushOutcome::Unknown { why } if !why.contains("hunter2")), "{closed:?}");
}

/// Messages that git and servers print, and the outcome that each means.
#[test]
fn the_output_of_a_push_determines_its_outcome() {
    let checkout = open(&Forge::new().checkout("infra", &[]));
    let outcome = |code, stdout: &str, stderr: &str| {
        let captured = |text: &str| CapturedOutput { bytes: text.into(), lost: 0 };
        checkout.outcome(
            &ProcessOutput { status: ProcessStatus::Exited(code), stdout: captured(stdout), stderr: captured(stderr) },
            &main_branch(),
        )
    };
    let line = |flag: &str, summary: &str| format!("To https://x\n{flag}\t0123:refs/heads/main\t{summary}\nDone\n");
    let rejected = |summary: &str| outcome(1, &line("!", summary), "error: failed to push some refs to 'https://x'\n");
    let word = |push: PushOutcome| match push {
        PushOutcome::Done => "done",
        PushOutcome::Conflict { .. } => "conflict",
        PushOutcome::Refused { .. } => "refused",
        PushOutcome::Unknown { .. } => "unknown",
    };
    for (summary, expected) in [
        ("[rejected] (non-fast-forward)", "conflict"),
        ("[rejected] (fetch first)", "conflict"),
        ("[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)", "conflict"),
        ("[remote rejected] (failed to update ref)", "conflict"),
        ("[remote rejected] (incorrect old value provided)", "conflict"),
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
        assert_eq!(word(rejected(summary)), expected, "{summary}");
    }
    assert_eq!(word(outcome(0, &line(" ", "1..2"), "")), "done");
    assert_eq!(word(outcome(0, &line("=", "[up to date]"), "")), "conflict");
    for (stderr, expected) in [
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
        assert_eq!(word(outcome(128, "", stderr)), expected, "{stderr}");
    }
    // The line is for another branch, or contradicts the exit code.
    assert_eq!(word(outcome(0, "To x\n \t1:refs/heads/other\t1..2\nDone\n", "")), "unknown");
    assert_eq!(word(outcome(1, &line(" ", "1..2"), "")), "unknown");
    assert_eq!(word(outcome(0, "", "")), "unknown");
}
