use super::*;

fn folders(root: &Path, paths: &[&str]) {
    for path in paths {
        fs::create_dir_all(root.join(path)).unwrap();
    }
}

fn search<'a>(start: &Path, workspace: Option<&Path>, groups: &'a ProcessGroups) -> Search<'a> {
    Search { start: start.to_owned(), workspace: workspace.map(Path::to_owned), repository: Some("acme/shop"), groups }
}

#[test]
fn a_remote_names_its_repository_in_every_form() {
    let shop = Some("acme/shop".to_owned());
    for (url, expected) in [
        ("https://github.com/acme/shop", &shop),
        ("https://github.com/acme/shop.git/", &shop),
        ("https://x-access-token:secret@github.com/acme/shop", &shop),
        ("https://ghes.example:8443/acme/shop", &shop),
        ("ssh://git@github.com:22/acme/shop.git", &shop),
        ("git@github.com:acme/shop.git", &shop),
        ("file:///srv/acme/shop", &None),
        ("/srv/acme/shop", &None),
        ("./a:b/acme/shop", &None),
        ("https://github.com/shop", &None),
        ("https://github.com", &None),
        ("", &None),
    ] {
        assert_eq!(repository_of(url), *expected, "{url}");
    }
}

#[test]
fn a_checkout_encloses_a_folder_up_to_the_workspace() {
    let root = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(root.path()).unwrap();
    folders(&root, &[".git", "work/shop/web", "elsewhere/.git"]);
    let (workspace, groups) = (root.join("work/shop"), ProcessGroups::default());
    let top = |start: &Path, workspace: Option<&Path>| {
        search(start, workspace, &groups).enclosing(start).map(|checkout| checkout.top)
    };
    // A repository around the runner's folders is of no job.
    assert_eq!(top(&workspace.join("web"), Some(&workspace)), None);
    assert_eq!(top(&workspace.join("web"), None), Some(root.clone()));
    assert_eq!(top(&root.join("elsewhere"), Some(&workspace)), Some(root.join("elsewhere")));
    folders(&workspace, &[".git"]);
    assert_eq!(top(&workspace.join("web"), Some(&workspace)), Some(workspace.clone()));
}

#[test]
fn the_search_is_bounded() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    folders(
        root,
        &["a/.git", "a/inner/.git", "b/c/.git", "b/d/e/.git", "b/d/f/g/.git", ".h/.git", "node_modules/i/.git"],
    );
    std::os::unix::fs::symlink(root.join("a"), root.join("link")).unwrap();
    let mut found = nested(root);
    found.sort();
    assert_eq!(found, ["a", "b/c", "b/d/e"].map(|path| root.join(path)));
    // Folders beside a checkout are read only up to a number.
    for number in 0..MAX_FOLDERS {
        folders(root, &[&format!("many/{number}")]);
    }
    assert!(nested(root).contains(&root.join("a")));
}
