//! The image entry is the one that kustomize uses: by the repository, the service's name, or the image of the base.
//!
//! `tests/e2e/kustomize.rs` renders the same kustomizations with kustomize before and after.

use promote_gates::kustomization::image;

use super::*;

const OWN: &str = "ghcr.io/acme/shop";
const OVERLAY: &str = "apps/shop/overlays/production/kustomization.yaml";

/// A shop, and a checkout of its infra repository with these files of the service `shop`, pushed.
fn shop_with(files: &[(&str, &str)]) -> (Shop, std::path::PathBuf) {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    for (path, text) in files {
        let path = dir.join("apps/shop").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(&dir, &["add", "apps/shop"]);
    git(&dir, &["commit", "-qm", "a shop"]);
    git(&dir, &["push", "-q", "origin", "HEAD:main"]);
    (shop, dir)
}

/// The files of a kustomization below `tests/kustomizations/by-repository`.
fn files_of(name: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kustomizations/by-repository").join(name);
    let mut open = vec![folder.clone()];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

fn promote(dir: &Path, inputs: &[(&str, &str)]) -> Ended {
    let step = step(dir, "shop", "1.5.0").input("image", OWN);
    inputs.iter().fold(step, |step, (key, value)| step.input(key, value)).run(&["promote"])
}

#[test]
fn kustomizations_that_name_images_by_repository_are_promoted() {
    for (name, entry, previous) in [
        ("plain", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("moved", "quay.io/old/shop", "ghcr.io/acme/shop:1.0.0"),
        ("no-entry", OWN, ""),
        ("port", "registry.acme.example:5000/shop", "ghcr.io/acme/shop:1.0.0"),
        ("cron-job", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("component", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("entry-in-base", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("unused-entry", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("pinned", OWN, "ghcr.io/acme/shop@sha256:9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c7b6a5f4e3d2c1b0a9d8c"),
        ("similar-names", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("custom-resource", OWN, "ghcr.io/acme/shop:1.0.0"),
        ("pattern", ".*/shop", "ghcr.io/acme/shop:1.0.0"),
    ] {
        let files = files_of(name);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let (shop, dir) = shop_with(&files);
        let ended = promote(&dir, &[]);
        assert_eq!(end(&ended), APPLIED, "{name}: {}", ended.log);
        let text = shop.infra.read(OVERLAY).unwrap();
        assert_eq!(image(&text, entry).unwrap().unwrap().reference(), "ghcr.io/acme/shop:1.5.0", "{name}: {text}");
        assert_eq!(text.matches("1.5.0").count(), 1, "{name}: {text}");
        assert_eq!(ended.outputs["previous-image"], previous, "{name}");
    }
}

/// An overlay with one entry, its base, and the image in it.
fn with_entry(entry: &str, image: &str) -> Vec<(&'static str, String)> {
    let entry = if entry.is_empty() { String::new() } else { format!("images:\n- name: {entry}\n  newTag: 1.0.0\n") };
    vec![
        ("overlays/production/kustomization.yaml", format!("resources: [../../base]\n{entry}")),
        ("base/kustomization.yaml", "resources: [deployment.yaml]\n".to_owned()),
        (
            "base/deployment.yaml",
            format!(
                "kind: Deployment\nspec: {{template: {{spec: {{containers: [{{name: a, image: '{image}'}}]}}}}}}\n"
            ),
        ),
    ]
}

fn refs<'t>(files: &'t [(&'static str, String)]) -> Vec<(&'static str, &'t str)> {
    files.iter().map(|(path, text)| (*path, text.as_str())).collect()
}

#[test]
fn an_entry_that_kustomize_would_ignore_is_not_written() {
    let overlay = |text: &str| vec![("overlays/production/kustomization.yaml", text.to_owned())];
    for (files, inputs, code, parts) in [
        // Left behind by an edit under the wrong name.
        (with_entry("shop", "quay.io/acme/web:1"), &[][..], 3, &["the entry `shop`", "quay.io/acme/web:1"][..]),
        (
            with_entry("", "quay.io/acme/web"),
            &[],
            3,
            &["`ghcr.io/acme/shop` or `shop`", "quay.io/acme/web", "create-entry"],
        ),
        (with_entry(OWN, OWN), &[("image-name", "web")], 3, &["`web`", OWN]),
        (
            overlay("resources: ['https://github.com/acme/shop//deploy?ref=v1']\n"),
            &[],
            3,
            &["`https://github.com/acme/shop//deploy?ref=v1`", "fetched from the network", "create-entry"],
        ),
        (overlay("helmCharts: [{name: shop, repo: 'https://charts.example'}]\n"), &[], 3, &["`helmCharts`", "not run"]),
        (
            overlay(
                "images:\n- {name: shop, newName: ghcr.io/acme/shop, newTag: '1'}\n- {name: ghcr.io/acme/shop, newTag: '2'}\n",
            ),
            &[],
            2,
            &["two entries", "`shop` (ghcr.io/acme/shop:1)", "`ghcr.io/acme/shop` (ghcr.io/acme/shop:2)"],
        ),
        (with_entry(OWN, OWN), &[("create-entry", "yes")], 2, &["create-entry"]),
    ] {
        let (shop, dir) = shop_with(&refs(&files));
        let (tip, before) = (shop.tip(), shop.infra.read(OVERLAY).unwrap());
        let ended = promote(&dir, inputs);
        assert_eq!((ended.code, shop.tip()), (code, tip), "{before}: {}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{part} in {}", ended.log);
        }
    }
}

#[test]
fn create_entry_and_image_name_say_what_the_base_does_not_show() {
    let remote = "resources: ['https://github.com/acme/shop//deploy?ref=v1']\n";
    for (inputs, entry) in [
        (&[("create-entry", "true")][..], "shop"),
        (&[("create-entry", "true"), ("image-name", "ghcr.io/acme/{service}")], OWN),
    ] {
        let (shop, dir) = shop_with(&[("overlays/production/kustomization.yaml", remote)]);
        let ended = promote(&dir, inputs);
        assert_eq!(end(&ended), APPLIED, "{}", ended.log);
        let text = shop.infra.read(OVERLAY).unwrap();
        assert_eq!(image(&text, entry).unwrap().unwrap().reference(), "ghcr.io/acme/shop:1.5.0", "{text}");
    }
}

#[test]
fn an_entry_whose_base_is_elsewhere_is_set_and_the_log_says_so() {
    let remote = "resources: ['https://github.com/acme/shop//deploy?ref=v1']\nimages:\n- name: ghcr.io/acme/shop\n  newTag: 1.0.0\n";
    let (shop, dir) = shop_with(&[("overlays/production/kustomization.yaml", remote)]);
    let ended = promote(&dir, &[]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(shop.infra.read(OVERLAY).unwrap(), remote.replace("1.0.0", "1.5.0"));
    assert!(ended.log.contains("not checked whether kustomize uses the entry `ghcr.io/acme/shop`"), "{}", ended.log);
}

#[test]
fn the_repository_of_the_config_file_finds_the_entry() {
    let (shop, dir) = shop_with(&refs(&with_entry(OWN, OWN)));
    let step = step(&dir, "shop", "1.5.0");
    let config = "services:\n  shop:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: ghcr.io/acme/shop\n";
    fs::create_dir_all(step.workspace().join(".github")).unwrap();
    fs::write(step.workspace().join(".github/promote-gates.yml"), config).unwrap();
    let ended = step.run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(image(&shop.infra.read(OVERLAY).unwrap(), OWN).unwrap().unwrap().reference(), "ghcr.io/acme/shop:1.5.0");
    let other = step.input("image", "ghcr.io/mallory/shop").run(&["promote"]);
    assert_eq!(other.code, 2, "{}", other.log);
    assert!(
        other.log.contains("ghcr.io/acme/shop, which the config file's `services` names for shop"),
        "{}",
        other.log
    );
}
