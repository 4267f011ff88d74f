//! The checked-out commit, and the last commit that it shares with others.

use super::*;

/// Commits nothing on the current branch; returns the commit.
fn empty_commit(dir: &Path) -> Commit {
    // Commits of one second must differ.
    let message = format!("{:x}", fastrand::u64(..));
    git(dir, &["commit", "-q", "--allow-empty", "-m", &message]);
    commit(&git(dir, &["rev-parse", "HEAD"]))
}

#[test]
fn the_head_has_its_parents_also_in_a_shallow_checkout() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &["--depth=1"]);
    let head = open(&dir).head().expect("read").expect("a commit");
    assert_eq!(head.commit, commit(&forge.tip()));
    assert_eq!(head.parents, [commit(&git(&forge.bare(), &["rev-parse", "main^"]))]);
    assert!(!open(&dir).has_commit(&head.parents[0]).expect("asked"));
    assert_eq!(open(&dir).in_head(&[tree_path("gone"), tree_path("README")]), Ok(vec![tree_path("README")]));

    git(forge.dir.path(), &["init", "-q", "new"]);
    let new = open(&forge.path("new"));
    assert_eq!((new.head(), new.in_head(&[tree_path("README")])), (Ok(None), Ok(Vec::new())));
    fs::write(forge.path("new/.git/HEAD"), "x").expect("written");
    assert!(new.in_head(&[tree_path("README")]).is_err(), "a broken repository is no empty one");
}

#[test]
fn the_last_common_commit_is_exact_or_unknown() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let fork = empty_commit(&dir);
    git(&dir, &["switch", "-qc", "topic"]);
    let mut head = fork.clone();
    for _ in 0..3 {
        head = empty_commit(&dir);
    }
    git(&dir, &["switch", "-q", "main"]);
    let (old, new) = (empty_commit(&dir), empty_commit(&dir));
    git(&dir, &["push", "-q", "origin", "main", "topic"]);
    let whole = open(&dir);
    assert_eq!(whole.merge_base(&head, std::slice::from_ref(&new)), Ok(MergeBase::One(fork.clone())));
    assert_eq!(whole.merge_base(&head, &[fork.clone(), new.clone()]), Ok(MergeBase::One(fork.clone())));
    assert_eq!(whole.merge_base(&new, std::slice::from_ref(&old)), Ok(MergeBase::One(old.clone())));

    // A shallow checkout says when it cannot tell, and fetches what it lacks.
    for depth in 1..4 {
        let shallow = forge.checkout(&format!("shallow-{depth}"), &[&format!("--depth={depth}"), "--branch=topic"]);
        let shallow = open(&shallow);
        shallow.fetch_commit(&origin(&shallow), &new).expect("fetched");
        let others = std::slice::from_ref(&new);
        assert_eq!(shallow.merge_base(&head, others), Ok(MergeBase::Cut), "{depth}");
        assert_eq!(shallow.fetch_merge_base("origin", &head, others), Ok(MergeBase::One(fork.clone())), "{depth}");
    }
    // Of several commits at once.
    let shallow = open(&forge.checkout("shallow-main", &["--depth=1"]));
    let heads = [head.clone(), old.clone(), new.clone()];
    shallow.fetch_commits(&origin(&shallow), &heads).expect("fetched");
    let found = shallow.fetch_merge_bases(&origin(&shallow), &new, &heads);
    assert_eq!(found, Ok([&fork, &old, &new].map(|base| MergeBase::One(base.clone())).into()));

    // Branches that were merged into each other, and unrelated ones.
    git(&dir, &["switch", "-qc", "left", old.as_str()]);
    git(&dir, &["merge", "-q", "--no-ff", "-m", "x", head.as_str()]);
    let left = commit(&git(&dir, &["rev-parse", "HEAD"]));
    git(&dir, &["switch", "-qc", "right", head.as_str()]);
    git(&dir, &["merge", "-q", "--no-ff", "-m", "x", old.as_str()]);
    let right = commit(&git(&dir, &["rev-parse", "HEAD"]));
    assert_eq!(whole.merge_base(&left, &[right]), Ok(MergeBase::Several));
    git(&dir, &["switch", "-q", "--orphan", "other"]);
    let other = empty_commit(&dir);
    assert_eq!(whole.merge_base(&left, &[other]), Ok(MergeBase::None));
}

#[test]
fn the_url_of_a_remote_is_read_as_it_is_configured() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    git(&dir, &["config", "url.https://elsewhere.example/.insteadOf", "https://github.com/"]);
    git(&dir, &["remote", "set-url", "origin", "https://github.com/acme/infra"]);
    let checkout = open(&dir);
    assert_eq!(checkout.configured_url("origin"), Ok(Some("https://github.com/acme/infra".to_owned())));
    assert_eq!(checkout.configured_url("upstream"), Ok(None));
    assert_eq!(checkout.commit_of("refs/remotes/origin/main"), Ok(Some(commit(&forge.tip()))));
    assert_eq!(checkout.commit_of("refs/remotes/origin/gone"), Ok(None));
}
