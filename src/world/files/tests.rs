use std::os::unix::fs::symlink;

use super::*;

/// A folder with these files, each containing its own path. A name that ends with `/` is an empty folder.
fn workspace(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    for file in files {
        let path = root.path().join(file);
        if file.ends_with('/') {
            fs::create_dir_all(path).expect("a folder");
        } else {
            write_atomically(&path, file.as_bytes()).expect("a file");
        }
    }
    root
}

fn globs(lines: &[&str]) -> Vec<Glob> {
    lines.iter().map(|line| line.parse().unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

fn found(root: &Path, lines: &[&str]) -> Vec<String> {
    let paths = find(root, &globs(lines)).unwrap_or_else(|finding| panic!("{lines:?}: {finding}"));
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn refused(root: &Path, lines: &[&str]) -> String {
    match find(root, &globs(lines)) {
        Err(finding) => finding.to_string(),
        Ok(paths) => panic!("{lines:?} names {paths:?}"),
    }
}

#[test]
fn patterns_match_files() {
    let root = workspace(&[
        "dist/b.js",
        "dist/a.js",
        "dist/.hidden.js",
        "dist/css/a.css",
        "dist/js/deep/c.js",
        "dist/.git/config",
        ".git/config",
        "src/[id].js",
        "src/i.js",
        "package.json",
        "empty/",
    ]);
    let all_of_dist = ["dist/.hidden.js", "dist/a.js", "dist/b.js", "dist/css/a.css", "dist/js/deep/c.js"];
    let absolute = format!("{}/dist/*.js", root.path().display());
    for (lines, expected) in [
        (vec!["dist"], all_of_dist.to_vec()),
        (vec!["./dist//"], all_of_dist.to_vec()),
        (vec!["src/../dist"], all_of_dist.to_vec()),
        (vec!["dist/**"], all_of_dist.to_vec()),
        (vec!["package.json"], vec!["package.json"]),
        (vec!["dist/*"], vec!["dist/.hidden.js", "dist/a.js", "dist/b.js"]),
        (vec!["dist/*/"], vec!["dist/css/a.css", "dist/js/deep/c.js"]),
        (vec!["dist/?.js"], vec!["dist/a.js", "dist/b.js"]),
        (vec![absolute.as_str(), "!**/.*"], vec!["dist/a.js", "dist/b.js"]),
        (vec!["**/c.js"], vec!["dist/js/deep/c.js"]),
        (vec!["dist/{css,js/deep}/*.{css,js}"], vec!["dist/css/a.css", "dist/js/deep/c.js"]),
        (vec!["{dist/css,src}/*"], vec!["dist/css/a.css", "src/[id].js", "src/i.js"]),
        (vec!["src/[id].js"], vec!["src/[id].js"]),
        (vec!["src/[ij].js"], vec!["src/i.js"]),
        (vec![r"src/\[*.js"], vec!["src/[id].js"]),
        (vec!["dist", "!dist/js", "!**/*.css", "! dist/.hidden.js"], vec!["dist/a.js", "dist/b.js"]),
        // A second `!` is a part of the name.
        (vec!["dist/*.js", "!!dist/*.js"], vec!["dist/.hidden.js", "dist/a.js", "dist/b.js"]),
        (vec!["dist/*.js", "!dist/*.js", "dist/a.js"], vec!["dist/a.js"]),
        (vec!["dist/*.js", "!dist/*"], vec![]),
        (vec!["package.json", "*.json"], vec!["package.json"]),
        (vec![".", "!dist", "!src"], vec!["package.json"]),
        (vec!["empty"], vec![]),
    ] {
        assert_eq!(found(root.path(), &lines), expected, "{lines:?}");
    }
}

#[test]
fn find_existing_accepts_only_that_a_pattern_matches_nothing() {
    let root = workspace(&["r/a.xml"]);
    symlink("nowhere", root.path().join("r/link.xml")).expect("a link");
    let find = |lines: &[&str]| find_existing(root.path(), &globs(lines));
    assert_eq!(find(&["r/a.*", "s/*.xml", "b.xml"]), Ok(vec!["r/a.xml".into()]));
    for bad in [&["/nowhere/a.xml"][..], &["!a"], &["r/*.xml"]] {
        assert!(find(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_pattern_without_matches_lists_what_the_folder_has() {
    let root =
        workspace(&["dist/a.css", "dist/b.html", "empty/", ".git/config", "f1", "f2", "f3", "f4", "f5", "f6", "f7"]);
    for (lines, expected) in [
        (
            &["dist/**/*.js"][..],
            "pattern dist/**/*.js: it names no file; dist/ has a.css, b.html; expected at least one file",
        ),
        (&["dist/js/app/*.js"], "it names no file; dist/ has a.css, b.html;"),
        (&["empty/*"], "empty/ is empty"),
        (
            &["dist", "buidl"],
            "pattern buidl: it names no file; the workspace has dist, empty, f1, f2, f3, f4, f5, f6 and 1 more;",
        ),
        (&["dist/a.css/x"], "dist/ has a.css, b.html"),
        (&[".git/config"], "pattern .git/config: it names no file; the workspace has dist,"),
        (&["!dist"], "only `!` lines"),
        (&[], "none"),
        (&["/etc/passwd"], "pattern /etc/passwd: it leads out of the workspace"),
    ] {
        let finding = refused(root.path(), lines);
        assert!(finding.contains(expected), "{lines:?}: {finding}");
    }
    let missing = refused(&root.path().join("nowhere"), &["dist"]);
    assert!(missing.contains("nowhere"), "{missing}");
}

#[test]
fn an_invalid_pattern_is_quoted_with_the_reason() {
    for (text, why) in [
        ("", "it is empty"),
        ("!", "it is empty"),
        ("../x", "`..` leaves the workspace"),
        ("a/../../x", "`..` leaves the workspace"),
        ("dist/[", "unclosed"),
        ("dist/{a,b", "unclosed brace"),
        ("dist/a\\", "trailing"),
        ("a\0b", "NUL"),
    ] {
        let error = text.parse::<Glob>().expect_err(text).to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn links_are_followed_only_to_files_inside_the_workspace() {
    let outside = workspace(&["secret.txt", "lib/x.js"]);
    let root = workspace(&["dist/a.js", "src/real.js", "out/web/w.js", ".git/config"]);
    let link = |to: &Path, at: &str| symlink(to, root.path().join(at)).expect("a link");
    link(Path::new("../src/real.js"), "dist/inside.js");
    assert_eq!(found(root.path(), &["dist"]), ["dist/a.js", "dist/inside.js"]);

    // A link to a folder is followed when the pattern names it.
    link(Path::new("out/web"), "www");
    assert_eq!(found(root.path(), &["www"]), ["www/w.js"]);
    assert_eq!(found(root.path(), &["www/*.js"]), ["www/w.js"]);

    for (to, at, expected) in [
        (outside.path().join("secret.txt"), "dist/out.js", "a symbolic link out of the workspace"),
        (outside.path().join("lib"), "dist/outlib", "a symbolic link out of the workspace"),
        ("gone.js".into(), "dist/dangling.js", "cannot be followed"),
        ("../src".into(), "dist/folder", "a symbolic link to a folder"),
        ("..".into(), "dist/loop", "a symbolic link to a folder"),
        ("../.git/config".into(), "dist/git.js", "a symbolic link out of the workspace"),
    ] {
        link(&to, at);
        let finding = refused(root.path(), &["dist/**"]);
        assert!(finding.contains(at) && finding.contains(expected), "{finding}");
        let without = format!("!{at}");
        assert_eq!(found(root.path(), &["dist/**", &without]), ["dist/a.js", "dist/inside.js"], "{at} does not match");
        assert_eq!(found(root.path(), &["dist/a.*"]), ["dist/a.js"], "{at} does not match");
        fs::remove_file(root.path().join(at)).expect("removed");
    }

    link(&outside.path().join("lib"), "vendor");
    for lines in [["vendor"], ["vendor/*.js"], ["vendor/x.js"]] {
        let finding = refused(root.path(), &lines);
        assert!(finding.contains("a symbolic link out of the workspace"), "{lines:?}: {finding}");
    }
}

#[test]
fn a_named_pipe_does_not_match_and_does_not_block() {
    let root = workspace(&["dist/a.js"]);
    let pipe = root.path().join("dist/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).expect("a pipe");
    assert_eq!(found(root.path(), &["dist"]), ["dist/a.js"]);
    assert!(refused(root.path(), &["dist/pipe"]).contains("names no file"));
    let finding = read_bounded(&pipe, 10).expect_err("a pipe").to_string();
    assert!(finding.contains("not a regular file"), "{finding}");
}

#[test]
fn reading_stops_at_the_size_limit() {
    let root = workspace(&["12345"]);
    let path = root.path().join("12345");
    assert_eq!(read_bounded(&path, 5), Ok(b"12345".to_vec()));
    let finding = read_bounded(&path, 4).expect_err("one too many").to_string();
    assert!(finding.contains("12345: more than 4 bytes; expected at most 4 bytes"), "{finding}");
    let finding = read_bounded(&root.path().join("gone"), 4).expect_err("missing").to_string();
    assert!(finding.contains("gone: No such file"), "{finding}");
    assert!(read_bounded(root.path(), 4).is_err(), "a folder");
}

#[test]
fn the_end_of_a_file_is_read_alone() {
    let root = workspace(&["12345", "empty"]);
    let path = root.path().join("12345");
    for (length, end) in [(0, ""), (2, "45"), (5, "12345"), (6, "12345")] {
        assert_eq!(read_end(&path, length).expect("read"), end.as_bytes());
    }
    write_atomically(&root.path().join("empty"), b"").expect("a file");
    assert_eq!(read_end(&root.path().join("empty"), 3).expect("read"), b"");
    read_end(&root.path().join("gone"), 3).expect_err("missing");
    read_end(root.path(), 3).expect_err("a folder");
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn writing_is_atomic() {
    let root = workspace(&["kept/inner", "file"]);
    let new = root.path().join("deep/er/new.json");
    write_atomically(&new, b"one").expect("written");
    write_atomically(&new, b"two").expect("replaced");
    assert_eq!(fs::read(&new).expect("read"), b"two");
    assert_eq!(names_in(&root.path().join("deep/er")), ["new.json"]);
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode();
    fs::write(root.path().join("plain"), "").expect("a file with default permissions");
    assert_eq!(mode(&new), mode(&root.path().join("plain")), "other users of the runner can read it");

    for bad in ["kept", "file/below"] {
        let finding = write_atomically(&root.path().join(bad), b"x").expect_err(bad).to_string();
        assert!(finding.contains(bad) && finding.contains("cannot be written"), "{finding}");
    }
    assert_eq!(names_in(root.path()), ["deep", "file", "kept", "plain"], "no partial file is left");
    assert_eq!(names_in(&root.path().join("kept")), ["inner"]);
}
