use std::env;

use super::*;

#[test]
fn the_top_directory_prefix_and_branch_are_found() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let top = fs::canonicalize(&dir).expect("it is there");

    let at_top = open(&dir);
    assert_eq!((at_top.toplevel(), at_top.prefix()), (top.as_path(), ""));
    assert_eq!(at_top.current_branch(), Ok(Some(main_branch())));
    let inside = open(&dir.join("apps/shop"));
    assert_eq!((inside.toplevel(), inside.prefix()), (top.as_path(), "apps/shop/"));

    git(&dir, &["tag", "release"]);
    git(&dir, &["switch", "-qc", "release"]);
    assert_eq!(inside.current_branch(), Ok(Some("release".parse().expect("a branch"))), "a tag of the same name");
    git(&dir, &["switch", "-q", "--detach"]);
    assert_eq!(inside.current_branch(), Ok(None));
}

#[test]
fn a_directory_that_is_no_checkout_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    git(dir.path(), &["init", "-q", "--bare", "bare.git"]);
    for (name, actual) in
        [("nowhere", "no such directory"), ("", "not a git checkout"), ("bare.git", "not a git checkout")]
    {
        let path = dir.path().join(name);
        let finding = Git::open(&path, &ProcessGroups::default()).err().expect("no checkout");
        assert_eq!((finding.check, finding.actual.as_str()), (path.display().to_string(), actual));
    }
}

#[test]
fn a_checkout_of_another_user_is_read_or_the_message_names_the_setting() {
    let error = "exit code 128: fatal: detected dubious ownership in repository at '/x'";
    assert!(no_checkout(Path::new("/x"), error).next.unwrap().contains("safe.directory"));
    // Only root can change the owner; most containers run as root.
    if rustix::process::geteuid().is_root() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        git(dir.path(), &["init", "-q"]);
        for path in [dir.path().to_owned(), dir.path().join(".git")] {
            std::os::unix::fs::chown(path, Some(12345), None).expect("given away");
        }
        open(dir.path());
    }
}

/// Variables that a hook, a wrapper or an earlier step may leave in the environment have no effect. The environment belongs
/// to a process, so this test starts one that runs the tests of trees with such variables.
#[test]
fn inherited_git_variables_have_no_effect() {
    let names =
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE"];
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["world::git::tests::trees", "--test-threads=2"])
        .envs(names.map(|name| (name, "/nonexistent")))
        .envs([
            ("GIT_TRACE", "1"),
            ("GIT_GLOB_PATHSPECS", "1"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("GIT_AUTHOR_DATE", "nonsense"),
        ])
        .output()
        .expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !stdout.contains(" 0 passed"), "{stdout}");
}

#[test]
fn is_ancestor_is_an_error_only_when_the_history_is_too_short() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    let full = open(&dir);
    let [one, two, three] = ["HEAD~2", "HEAD~1", "HEAD"].map(|name| commit(&git(&dir, &["rev-parse", name])));
    assert_eq!(full.is_ancestor(&one, &three), Ok(true));
    assert_eq!(full.is_ancestor(&three, &three), Ok(true));
    assert_eq!(full.is_ancestor(&three, &one), Ok(false));
    assert!(full.is_ancestor(&commit(&"0".repeat(40)), &three).is_err());

    let shallow_dir = forge.checkout("shallow", &["--depth=2"]);
    let shallow = open(&shallow_dir);
    assert_eq!(shallow.is_ancestor(&two, &three), Ok(true));
    // Decidable: the missing history lies behind commits that `three` reaches too.
    assert_eq!(shallow.is_ancestor(&three, &two), Ok(false));
    let new_commit = change(&shallow, &three, "a", "a");
    assert_eq!(shallow.is_ancestor(&new_commit, &three), Ok(false));
    assert_eq!(shallow.is_ancestor(&three, &new_commit), Ok(true));
    // Neither commit is known to be an ancestor of the other, and the history of one is missing.
    shallow.fetch_commit(&origin(&shallow), &one).expect("fetched");
    let finding = shallow.is_ancestor(&one, &three).expect_err("not known");
    assert!(finding.actual.contains("shallow"), "{finding}");
}
