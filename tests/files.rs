//! Services whose image is in Helm values, in an Argo CD `Application`, in a manifest, in several files: promoted, audited, rolled
//! back.

mod layouts;
mod races;
mod refused;

use std::{fs, path::Path};

use crate::{
    house::{Ended, Runner},
    shop::{SERVICE, Scene, Shop, ago, applied, commit, commit_promotion, end, git},
};

const IMAGE: &str = "ghcr.io/acme/checkout-service";
const VALUES: &str = "clusters/production/values.yaml";
const APPLICATION: &str = "argocd/production/checkout.yaml";
const OVERLAY: &str = "apps/checkout-service/overlays/production/kustomization.yaml";

/// The settings of the service, with these `files`.
fn config(files: &str) -> String {
    format!(
        "services:\n  {SERVICE}:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: {IMAGE}\n    files:\n{files}"
    )
}

const THREE: &str = "      - path: 'clusters/{environment}/values.yaml'\n        tag: '.{service}.image.tag'\n        digest: '.{service}.image.digest'\n      - path: 'argocd/{environment}/checkout.yaml'\n        document: {kind: Application, name: '{service}'}\n        tag: .spec.source.helm.parameters[name=image.tag].value\n      - 'apps/{service}/overlays/{environment}/kustomization.yaml'\n";

fn values(tag: &str) -> String {
    format!(
        "# Set by promotions\r\n{SERVICE}:\r\n  image:\r\n    repository: {IMAGE}\r\n    tag: {tag} # the release\r\n    digest: ''\r\nfrontend:\r\n  image: {{tag: 1.4.1}}\r\n"
    )
}

fn application(tag: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: shop}}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {SERVICE}\nspec:\n  source:\n    helm:\n      parameters:\n        - name: image.tag\n          value: \"{tag}\""
    )
}

/// Adds files to the infra repository in one commit, some time ago.
fn add_files(shop: &Shop, days: i64, files: &[(&str, &str)]) {
    for (path, text) in files {
        commit(&shop.infra, &ago(days), &format!("add {path}"), Some((path, text)));
    }
}

fn promote(checkout: &Path, config: &str, inputs: &[(&str, &str)]) -> Ended {
    let step = Runner::new()
        .input("checkout", &checkout.display().to_string())
        .input("service", SERVICE)
        .input("environment", "production")
        .input("require", "none");
    step.write(".github/promote-gates.yml", config);
    inputs.iter().fold(step, |step, (key, value)| step.input(key, value)).run(&["promote"])
}

fn audit(checkout: &Path, config: &str) -> Ended {
    let step = Runner::new().input("checkout", &checkout.display().to_string()).input("service", SERVICE);
    step.write(".github/promote-gates.yml", config);
    step.run(&["audit"])
}

/// How many promotions, rollbacks and manual changes an audit counts.
fn counts(ended: &Ended) -> [&str; 3] {
    ["promotions", "rollbacks", "by-hand"].map(|name| ended.outputs.get(name).map_or("none", String::as_str))
}

#[test]
fn three_files_are_promoted_by_one_commit_audited_and_rolled_back_byte_for_byte() {
    let scene = Scene::new();
    let shop = &scene.shop;
    add_files(shop, 1, &[(VALUES, &values("1.4.1")), (APPLICATION, &application("1.4.1"))]);
    let before = [VALUES, APPLICATION, OVERLAY].map(|path| shop.infra.read(path).unwrap());
    let (dir, config) = (shop.checkout("infra", &["--depth=1"]), config(THREE));
    let digest = format!("sha256:{}", "a".repeat(64));
    let ended = promote(&dir, &config, &[("tag", "1.4.2"), ("digest", &digest)]);
    assert_eq!((ended.code, ended.outputs["changed"].as_str()), (0, "true"), "{}", ended.log);
    assert_eq!(ended.outputs["previous-image"], format!("{IMAGE}:1.4.1"));
    let after = [
        before[0].replace("tag: 1.4.1 #", "tag: 1.4.2 #").replace("digest: ''", &format!("digest: '{digest}'")),
        before[1].replace("1.4.1", "1.4.2"),
        before[2].replace("newTag: 1.4.1\n", &format!("newTag: 1.4.2\n    digest: {digest}\n")),
    ];
    assert_eq!([VALUES, APPLICATION, OVERLAY].map(|path| shop.infra.read(path).unwrap()), after);
    let changed = git(shop.infra.path(), &["log", "-1", "--format=", "--name-only", "main"]);
    assert_eq!(changed.lines().collect::<Vec<_>>(), [OVERLAY, APPLICATION, VALUES], "one commit");
    let trailers = shop.trailers();
    assert_eq!(trailers[2..4], [format!("Image: {IMAGE}:1.4.2@{digest}"), format!("Previous-Image: {IMAGE}:1.4.1")]);
    let message = git(shop.infra.path(), &["log", "-1", "--format=%B", "main"]);
    let line = format!("  {VALUES} .{SERVICE}.image.tag, .{SERVICE}.image.digest: {IMAGE}:1.4.1\n");
    assert!(message.contains(&line), "{message}");

    assert_eq!(counts(&audit(&dir, &config)), ["1", "0", "0"]);
    let again = promote(&dir, &config, &[("tag", "1.4.2"), ("digest", &digest)]);
    assert_eq!((again.code, again.outputs["changed"].as_str()), (0, "false"), "{}", again.log);

    scene.run(7, &["bob"]);
    let step = scene.step(7, &dir).input("reason", "payments fail");
    step.write(".github/promote-gates.yml", &config);
    let ended = step.run(&["rollback"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!([VALUES, APPLICATION, OVERLAY].map(|path| shop.infra.read(path).unwrap()), before, "byte for byte");
    let images = ["image", "previous-image"].map(|name| ended.outputs[name].as_str());
    assert_eq!(images, [format!("{IMAGE}:1.4.1"), format!("{IMAGE}:1.4.2@{digest}")]);
    assert_eq!(counts(&audit(&dir, &config)), ["1", "1", "0"]);
}

#[test]
fn an_emergency_sets_every_file() {
    let scene = Scene::new();
    add_files(&scene.shop, 1, &[(VALUES, &values("1.4.1")), (APPLICATION, &application("1.4.1"))]);
    let (dir, config) = (scene.shop.checkout("infra", &[]), config(THREE));
    scene.run(7, &["bob"]);
    let step = scene.step(7, &dir).input("reason", "x").input("incident", "INC-1").input("tag", "1.4.9");
    step.write(".github/promote-gates.yml", &config);
    let ended = step.run(&["emergency"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
    assert_eq!(scene.shop.infra.read(VALUES).unwrap(), values("1.4.9"));
    assert_eq!(scene.shop.infra.read(APPLICATION).unwrap(), application("1.4.9"));
    assert_eq!(scene.shop.tag(SERVICE), "1.4.9");
    assert_eq!(scene.open_issues().len(), 1);
}

#[test]
fn files_that_disagree_are_brought_together_and_the_commit_says_what_each_had() {
    let shop = Shop::new();
    add_files(&shop, 1, &[(VALUES, &values("1.4.0")), (APPLICATION, &application("1.4.2"))]);
    let (dir, config) = (shop.checkout("infra", &[]), config(THREE));
    let ended = promote(&dir, &config, &[("tag", "1.4.2")]);
    assert_eq!((ended.code, ended.outputs["previous-image"].as_str()), (0, "ghcr.io/acme/checkout-service:1.4.0"));
    let message = git(shop.infra.path(), &["log", "-1", "--format=%b", "main"]);
    let body: Vec<&str> = message.lines().take(3).collect();
    assert_eq!(
        body,
        [
            "  clusters/production/values.yaml .checkout-service.image.tag, .checkout-service.image.digest: ghcr.io/acme/checkout-service:1.4.0",
            "  argocd/production/checkout.yaml .spec.source.helm.parameters[name=image.tag].value in Application checkout-service: ghcr.io/acme/checkout-service:1.4.2, unchanged",
            "  apps/checkout-service/overlays/production/kustomization.yaml checkout-service: ghcr.io/acme/checkout-service:1.4.1",
        ]
    );
    assert_eq!(
        counts(&audit(&dir, &config)),
        ["1", "0", "0"],
        "the ledger believes it: every file it changed has the image"
    );
    let detail = ended.report["effects"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(VALUES) && detail.contains("1.4.0") && detail.contains("1.4.1"), "{detail}");
}

#[test]
fn a_manual_change_of_any_file_is_found() {
    let shop = Shop::new();
    add_files(&shop, 9, &[(VALUES, &values("1.4.1")), (APPLICATION, &application("1.4.1"))]);
    let config = config(THREE);
    shop.edit_at(Some(3), VALUES, "another service", |text| text.replace("{tag: 1.4.1}", "{tag: 2.0.0}"));
    shop.edit_at(Some(2), VALUES, "a quick fix", |text| text.replace("tag: 1.4.1 #", "tag: 1.4.7 #"));
    shop.edit_at(Some(1), APPLICATION, "replicas", |text| text.replace("{name: shop}", "{name: shop2}"));
    let ended = audit(&shop.checkout("infra", &["--depth=1"]), &config);
    assert_eq!(counts(&ended), ["0", "0", "1"], "{}", ended.log);
    assert!(ended.log.contains("a quick fix"), "{}", ended.log);
}
