use super::*;

#[test]
fn files_links_submodules_and_directories_of_a_commit_are_read() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &[]);
    std::os::unix::fs::symlink("image.txt", dir.join("apps/shop/link")).expect("linked");
    fs::write(dir.join("apps/shop/run.sh"), "\u{0}\u{ff}\r\n").expect("written");
    fs::write(dir.join("apps/shop/*"), "a star").expect("written");
    git(&dir, &["add", "-A"]);
    git(&dir, &["update-index", "--chmod=+x", "apps/shop/run.sh"]);
    git(&dir, &["update-index", "--add", "--cacheinfo", &format!("160000,{},apps/sub", forge.tip())]);
    git(&dir, &["commit", "-qm", "kinds"]);
    let id = commit(&git(&dir, &["rev-parse", "HEAD"]));
    // Opened in a subdirectory, paths still start at the top. The commit is read, not the work tree.
    fs::write(dir.join("apps/shop/image.txt"), "dirty").expect("written");
    let git = open(&dir.join("apps"));

    let read = |path: &str| git.read_file(&id, &tree_path(path)).expect("read");
    let regular = |text: &str| Some(TreeEntry::File(Blob { mode: FileMode::Regular, bytes: text.into() }));
    assert_eq!(read("apps/shop/image.txt"), regular("tag: 3\n"));
    assert_eq!(read("apps/shop/*"), regular("a star"));
    assert_eq!(
        read("apps/shop/run.sh"),
        Some(TreeEntry::File(Blob { mode: FileMode::Executable, bytes: "\u{0}\u{ff}\r\n".into() }))
    );
    assert_eq!(read("apps/shop/link"), Some(TreeEntry::Symlink(b"image.txt".to_vec())));
    assert_eq!(read("apps/sub"), Some(TreeEntry::Submodule));
    assert_eq!(read("apps/shop"), Some(TreeEntry::Directory));
    for missing in ["apps/shop/none", "apps/shop/link/x", "shop/image.txt", "apps/shop/image.txt/x", "apps/sho?"] {
        assert_eq!(read(missing), None, "{missing}");
    }
    assert!(git.read_file(&commit(&"0".repeat(40)), &tree_path("README")).is_err());

    let files = git.files_below(&id, "apps/shop", &|path| path != "apps/shop/run.sh").expect("listed");
    let (paths, ids): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    assert_eq!(paths, ["apps/shop/*", "apps/shop/image.txt", "apps/shop/link"], "no submodule, and no other directory");
    // More than a pipe holds.
    let ids: Vec<_> = ids.into_iter().cycle().take(9_000).collect();
    let mut read = Vec::new();
    git.read_blobs(&origin(&git), &ids, &mut |content| read.push(content)).expect("read");
    let content = |bytes: &[u8]| BlobContent::Bytes(bytes.to_vec());
    assert_eq!(read.len(), ids.len());
    assert_eq!((&read[0], &read[2], &read[8_997]), (&content(b"a star"), &content(b"image.txt"), &content(b"a star")));
    assert!(git.files_below(&id, "apps/none", &|_| true).expect("listed").is_empty());

    let list = |dir: Option<&str>| git.list(&id, dir.map(tree_path).as_ref()).expect("listed");
    assert_eq!(
        list(None),
        [("README".into(), TreeEntryKind::File(FileMode::Regular)), ("apps".into(), TreeEntryKind::Directory)]
    );
    assert_eq!(
        list(Some("apps/shop")),
        [
            ("*".into(), TreeEntryKind::File(FileMode::Regular)),
            ("image.txt".into(), TreeEntryKind::File(FileMode::Regular)),
            ("link".into(), TreeEntryKind::Symlink),
            ("run.sh".into(), TreeEntryKind::File(FileMode::Executable)),
        ]
    );
    assert_eq!(list(Some("apps/none")), []);
}

#[test]
fn a_new_commit_changes_its_files_and_nothing_in_the_checkout() {
    let forge = Forge::new();
    let dir = forge.checkout("infra", &["--depth=1"]);
    fs::write(dir.join("README"), "dirty\n").expect("written");
    fs::write(dir.join("untracked"), "x").expect("written");
    fs::write(dir.join("staged"), "x").expect("written");
    git(&dir, &["add", "staged"]);
    // Each of these settings would change the commit if it were used.
    for setting in ["core.autocrlf=true", "core.splitIndex=true", "i18n.commitEncoding=latin1", "core.safecrlf=true"] {
        let (name, value) = setting.split_once('=').expect("a setting");
        git(&dir, &["config", name, value]);
    }
    let before = snapshot(&dir);
    let checkout = open(&dir.join("apps"));
    let parent = commit(&forge.tip());
    let message = "promote(production): shop → 1.4.2\n\nService: shop\nImage: a::error::b\n";
    let mut script = file("new/dir/run.sh", "#!/bin/sh\n");
    script.mode = FileMode::Executable;
    let files = [file("apps/shop/image.txt", "tag: 4\r\n"), script];
    let made = checkout.commit_files(&parent, &files, message, &signature()).expect("a commit");
    assert_eq!(snapshot(&dir), before);
    assert!(
        fs::read_dir(dir.join(".git"))
            .expect("listed")
            .all(|entry| { !entry.expect("an entry").file_name().to_string_lossy().starts_with("sharedindex") })
    );

    let raw = git(&dir, &["cat-file", "commit", made.as_str()]);
    let (head, body) = raw.split_once("\n\n").expect("a message");
    assert_eq!(body, message.trim_end());
    let identity = "promotion-bot <bot@acme.example> 1700000000 +0000";
    let tree = git(&dir, &["rev-parse", &format!("{made}^{{tree}}")]);
    assert_eq!(head, format!("tree {tree}\nparent {parent}\nauthor {identity}\ncommitter {identity}"));
    let changed = git(&dir, &["diff", "--raw", "--abbrev=4", "--no-renames", parent.as_str(), made.as_str()]);
    let changed: Vec<_> = changed.lines().map(|line| (line[..14].to_owned(), line.split('\t').next_back())).collect();
    let expected = [
        (":100644 100644".to_owned(), Some("apps/shop/image.txt")),
        (":000000 100755".to_owned(), Some("new/dir/run.sh")),
    ];
    assert_eq!(changed, expected);
    let blob = checkout.read_file(&made, &tree_path("apps/shop/image.txt"));
    assert_eq!(blob, Ok(Some(TreeEntry::File(Blob { mode: FileMode::Regular, bytes: b"tag: 4\r\n".to_vec() }))));
}

#[test]
fn a_commit_that_cannot_be_made_is_an_error() {
    let forge = Forge::new();
    let checkout = open(&forge.checkout("infra", &[]));
    let parent = commit(&forge.tip());
    let make = |parent: &Commit, path: &str, message: &str| {
        checkout.commit_files(parent, &[file(path, "x")], message, &signature())
    };
    assert!(make(&parent, "README/x", "through a file").is_err());
    assert!(make(&parent, "apps", "in place of a directory").is_err());
    assert!(make(&parent, "x", "a NUL\0").is_err());
    assert!(make(&commit(&"0".repeat(40)), "x", "no parent").is_err());
    for (name, email) in [("", "a@x"), ("a", " "), ("a\nauthor b", "a@x"), ("a", "<a@x>")] {
        assert!(CommitIdentity::new(name, email).is_err(), "{name:?} {email:?}");
    }
}
