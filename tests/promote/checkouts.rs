//! Checkouts in every state: the promotion succeeds, and the checkout is unchanged.

use promote_gates::report::compact::hex_sha256;

use super::*;

/// Everything in a checkout that must not change. The index is first, because `git status` may write it.
fn snapshot(dir: &Path) -> Vec<(&'static str, String)> {
    let file = |name| (name, hex_sha256(&fs::read(dir.join(".git").join(name)).unwrap_or_default()));
    let output = |name, arguments: &[&str]| (name, git(dir, arguments));
    vec![
        file("index"),
        file("HEAD"),
        file("config"),
        file("FETCH_HEAD"),
        output("status", &["status", "--porcelain=v2", "--branch", "--ignored"]),
        output("refs", &["for-each-ref"]),
        output("diff", &["diff"]),
        output("staged", &["diff", "--cached"]),
    ]
}

/// Leaves changed, staged, removed and untracked files in a checkout.
fn make_dirty(dir: &Path) {
    fs::write(dir.join(FILE), "images: [] # changed\n").unwrap();
    fs::write(dir.join("apps/frontend/base/deployment.yaml"), "staged\n").unwrap();
    git(dir, &["add", "apps/frontend/base/deployment.yaml"]);
    git(dir, &["rm", "-q", "--cached", "README.md"]);
    fs::write(dir.join("untracked"), "x").unwrap();
}

#[test]
fn any_checkout_is_accepted_and_left_unchanged() {
    for (options, detached) in
        [(&[][..], false), (&[], true), (&["--depth=1"], false), (&["--depth=1", "--no-single-branch"], true)]
    {
        let shop = Shop::new();
        let dir = shop.checkout("infra", options);
        make_dirty(&dir);
        // Commits that only this checkout has are not promoted along with the image.
        git(&dir, &["commit", "-q", "--allow-empty", "-m", "local"]);
        if detached {
            git(&dir, &["switch", "-q", "--detach"]);
        }
        // The branch has a newer commit than the checkout.
        shop.edit("README.md", "by hand", |text| text.to_owned() + "more\n");
        let before = snapshot(&dir);
        let step = step(&dir, SERVICE, "1.4.2");
        let ended = if detached { step.input("branch", "main") } else { step }.run(&["promote"]);
        assert_eq!(end(&ended), APPLIED, "{options:?} {detached}: {}", ended.log);
        assert_eq!(snapshot(&dir), before, "{options:?} {detached}");
        assert_eq!(shop.log("%s"), ["by hand", "promote(production): checkout-service → 1.4.2"]);
        let numstat = git(shop.infra.path(), &["show", "--numstat", "--format=", "main"]);
        assert_eq!(numstat, format!("1\t1\t{FILE}"));
    }
}

#[test]
fn a_folder_inside_the_checkout_is_accepted() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let ended = step(&dir.join("apps/frontend"), SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!((end(&ended), shop.tag(SERVICE).as_str()), (APPLIED, "1.4.2"), "{}", ended.log);
}

#[test]
fn another_branch_and_another_layout_are_accepted() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    git(&dir, &["switch", "-qc", "live/eu"]);
    fs::create_dir_all(dir.join("production/eu")).unwrap();
    fs::write(dir.join("production/eu/checkout-service.yml"), "images:\n- {name: app, newTag: '1.4.1'}\n").unwrap();
    git(&dir, &["add", "production"]);
    git(&dir, &["commit", "-qm", "another layout"]);
    git(&dir, &["remote", "rename", "origin", "infra"]);
    git(&dir, &["push", "-q", "infra", "live/eu"]);
    git(&dir, &["switch", "-q", "main"]);
    let ended = step(&dir, SERVICE, "1.4.2")
        .input("branch", "live/eu")
        .input("remote", "infra")
        .input("file", "{environment}/eu/{service}.yml")
        .input("image-name", "app")
        .run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    let file = git(shop.infra.path(), &["show", "live/eu:production/eu/checkout-service.yml"]);
    assert_eq!(file, "images:\n- {name: app, newTag: '1.4.2'}");
    assert_eq!(shop.tip(), shop.first, "main is another branch");
}

#[test]
fn the_rest_of_the_file_stays_byte_for_byte() {
    let shop = Shop::new();
    let digest = format!("sha256:{}", "a".repeat(64));
    let crlf = |text: &str| format!("# é, a comment\r\n\r\n{}", text.replace('\n', "\r\n"));
    shop.edit(FILE, "from Windows", crlf);
    let before = shop.infra.read(FILE).unwrap();
    let dir = shop.checkout("infra", &[]);
    // With `autocrlf`, git itself would hide changed line endings.
    git(&dir, &["config", "core.autocrlf", "true"]);
    let ended = step(&dir, SERVICE, "1.4.2").input("digest", &digest).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    let lines = format!("    newTag: 1.4.2\r\n    digest: {digest}\r\n");
    assert_eq!(shop.infra.read(FILE).unwrap(), before.replace("    newTag: 1.4.1\r\n", &lines));
    assert_eq!(shop.log("%s")[1], format!("promote(production): checkout-service → 1.4.2@{digest}"));
    assert_eq!(shop.trailers()[2], format!("Image: {AFTER}@{digest}"));
}

#[test]
fn an_image_that_is_already_set_is_not_committed_again() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let before = snapshot(&dir);
    let ended = step(&dir, SERVICE, "1.4.1").run(&["promote"]);
    assert_eq!(end(&ended), (0, "passed", "already"), "{}", ended.log);
    assert_eq!(ended.outputs["changed"], "false");
    assert_eq!(ended.outputs["previous-image"], BEFORE);
    assert!(!ended.outputs.contains_key("commit"));
    assert!(ended.summary.contains("is already set, nothing to commit"), "{}", ended.summary);
    assert_eq!((shop.tip(), snapshot(&dir)), (shop.first.clone(), before));
}

#[test]
fn a_dry_run_shows_the_change_and_pushes_nothing() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &["--depth=1"]);
    shop.hook("pre-receive", "exit 1");
    let before = snapshot(&dir);
    let ended = step(&dir, SERVICE, "1.4.2").input("dry-run", "true").run(&["promote"]);
    assert_eq!(end(&ended), (0, "inconclusive", "planned"), "{}", ended.log);
    let shown = format!("{FILE}: {BEFORE} → {AFTER}");
    for text in [&ended.log, ended.report["effects"][0]["detail"].as_str().unwrap(), &ended.summary] {
        assert!(text.replace('\\', "").contains(&shown), "{text}");
    }
    assert!(ended.outputs["reason"].contains("dry-run: nothing was written"), "{}", ended.outputs["reason"]);
    assert_eq!(ended.outputs["changed"], "false");
    assert_eq!((shop.tip(), snapshot(&dir)), (shop.first.clone(), before));
}
