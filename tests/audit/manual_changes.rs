//! Manual changes: commits that set an image and are not in the ledger.

use super::*;

/// The manual changes in the report, the newest first, such as `checkout-service 1.4.1 → 1.4.2`.
fn found(shop: &Shop, name: &str) -> Vec<String> {
    let ended = step(&shop.checkout(name, &["--depth=1"])).run(&["audit"]);
    let rows = table(&ended, "Images changed by hand");
    assert_eq!(
        (ended.code == 1, outputs(&ended)[3].to_owned()),
        (!rows.is_empty(), rows.len().to_string()),
        "{}",
        ended.log
    );
    rows.iter().map(|row| row[1].to_owned()).collect()
}

fn image(tag: &str) -> String {
    format!("ghcr.io/acme/checkout-service:{tag}")
}

#[test]
fn an_image_set_by_hand_is_found_and_other_edits_are_not() {
    let shop = Shop::new();
    shop.edit(FILE, "more replicas", |text| text.replace("count: 4", "count: 6"));
    shop.edit("apps/checkout-service/overlays/staging/kustomization.yaml", "x", |text| text.replace("1.4.1", "1.5"));
    shop.edit_at(Some(40), "README.md", "long ago", |text| format!("{text}\n"));
    assert_eq!(found(&shop, "one"), [""; 0]);
    shop.edit(FILE, "quick::error::fix", |text| text.replace("1.4.1", "1.4.2"));
    assert_eq!(found(&shop, "two"), ["checkout-service 1.4.1 → 1.4.2 in production"]);
    let dir = shop.path("two");
    let ended = step(&dir).input("by-hand", "1").run(&["audit"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(ended.log.contains("quick::error::fix"), "{}", ended.log);
    let everywhere = step(&dir).input("environment", "").run(&["audit"]);
    assert_eq!(outputs(&everywhere)[3], "2", "staging too: {}", everywhere.log);
}

#[test]
fn a_commit_that_records_another_image_than_it_set_is_found() {
    let shop = Shop::new();
    let message = |image: &str| {
        format!(
            "x\n\nService: {SERVICE}\nEnvironment: production\nImage: {image}\nPrevious-Image: {}\n",
            image.replace(":1.4.2", ":1.4.1").replace(":1.4.3", ":6.6.6")
        )
    };
    shop.edit(FILE, &message(&image("1.4.2")), |text| text.replace("1.4.1", "6.6.6"));
    let change = "checkout-service 1.4.1 → 6.6.6 in production (it records checkout-service:1.4.2)";
    assert_eq!(found(&shop, "one"), [change]);
    // Trailers of another service do not record a change of this one.
    let other_service = message(&image("1.4.3")).replace(SERVICE, "frontend");
    shop.edit(FILE, &other_service, |text| text.replace("6.6.6", "1.4.3"));
    assert_eq!(found(&shop, "two").len(), 2);
}

#[test]
fn a_broken_or_deleted_file_is_a_manual_change() {
    let shop = Shop::new();
    shop.edit(FILE, "broken", |_| "images: [".to_owned());
    let rows = found(&shop, "one");
    assert!(rows.len() == 1 && rows[0].contains("cannot be read"), "{rows:?}");
    let dir = shop.path("one");
    git(&dir, &["rm", "-q", FILE]);
    git(&dir, &["commit", "-qm", "gone"]);
    git(&dir, &["push", "-q"]);
    assert!(found(&shop, "two")[0].ends_with(" → no file in production"));
    // The first file of a new service is no change.
    fs::create_dir_all(dir.join("apps/new/overlays/production")).unwrap();
    fs::copy(dir.join(OTHER), dir.join("apps/new/overlays/production/kustomization.yaml")).unwrap();
    git(&dir, &["add", "apps/new"]);
    git(&dir, &["commit", "-qm", "a new service"]);
    git(&dir, &["push", "-q"]);
    assert_eq!(found(&shop, "three").len(), 2);
}

#[test]
fn a_merge_is_judged_by_the_commits_it_brings_in() {
    let shop = Shop::new();
    let dir = shop.checkout("work", &[]);
    let merge = |name: &str, message: &str, tag: &str| {
        git(&dir, &["switch", "-qc", name, "main"]);
        let text = fs::read_to_string(dir.join(FILE)).unwrap();
        let line = text.lines().find(|line| line.contains("newTag:")).unwrap().to_owned();
        fs::write(dir.join(FILE), text.replace(&line, &format!("    newTag: \"{tag}\""))).unwrap();
        git(&dir, &["commit", "-qam", message]);
        git(&dir, &["switch", "-q", "main"]);
        git(&dir, &["merge", "-q", "--no-ff", "-m", &format!("Merge {name}"), name]);
        git(&dir, &["push", "-q"]);
    };
    let message = format!(
        "x\n\nService: {SERVICE}\nEnvironment: production\nImage: {}\nPrevious-Image: {}\n",
        image("1.4.2"),
        image("1.4.1")
    );
    merge("promoted", &message, "1.4.2");
    assert_eq!(found(&shop, "one"), [""; 0]);
    merge("by-hand", "y", "1.4.3");
    assert_eq!(found(&shop, "two"), ["checkout-service 1.4.2 → 1.4.3 in production"]);
    // An earlier promotion of the image does not record a merge that restores it.
    merge("back", "z", "1.4.2");
    assert_eq!(found(&shop, "three").len(), 2);
    // The merge is the promotion: it is what the branch had, before and after.
    let counted = step(&shop.path("three")).run(&["audit"]);
    assert_eq!(outputs(&counted)[0], "1", "{}", counted.log);
}
