//! All files or none: what one of them refuses stops the promotion.

use super::*;

#[test]
fn one_file_that_cannot_be_edited_stops_all_of_them() {
    let good = values("1.4.1");
    for (name, text, files, parts) in [
        (
            "an anchor",
            application("1.4.1").replace("value: \"1.4.1\"", "value: &tag \"1.4.1\""),
            THREE,
            &["argocd/production/checkout.yaml:14:", "an anchor"][..],
        ),
        (
            "a path that matches nothing",
            application("1.4.1").replace("image.tag", "image.tags"),
            THREE,
            &["nothing is there", "name=image.tag", "create-entry"],
        ),
        ("a template", application("{{ .tag }}"), THREE, &["argocd/production/checkout.yaml:14:", "a template"]),
        (
            "an image of another service",
            format!("image: {IMAGE}-other:1.4.1\n"),
            "      - {path: 'clusters/{environment}/values.yaml', tag: '.{service}.image.tag'}\n      - {path: 'argocd/{environment}/checkout.yaml', image: .image}\n",
            &["argocd/production/checkout.yaml:1:8", "an image of `ghcr.io/acme/checkout-service-other`"],
        ),
    ] {
        let shop = Shop::new();
        add_files(&shop, 1, &[(VALUES, &good), (APPLICATION, &text)]);
        let tip = shop.tip();
        let ended = promote(&shop.checkout("infra", &[]), &config(files), &[("tag", "1.4.2")]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{name}: {}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{name}: {part} in {}", ended.log);
        }
        assert_eq!(shop.tip(), tip, "{name}: nothing is written");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let shop = Shop::new();
    add_files(&shop, 1, &[(VALUES, &values("1.4.1"))]);
    let tip = shop.tip();
    let ended = promote(&shop.checkout("infra", &[]), &config(THREE), &[("tag", "1.4.2")]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.log.contains("no such file at argocd/production/checkout.yaml"), "{}", ended.log);
    assert_eq!(shop.tip(), tip);
}

#[test]
fn a_key_is_created_on_request() {
    let shop = Shop::new();
    add_files(&shop, 1, &[("values.yaml", &format!("image:\n  repository: {IMAGE}\n"))]);
    let config = config("      - {path: values.yaml, tag: .image.tag, repository: .image.repository}\n");
    let dir = shop.checkout("infra", &[]);
    assert_eq!(promote(&dir, &config, &[("tag", "1.10")]).code, 3);
    let ended = promote(&dir, &config, &[("tag", "1.10"), ("create-entry", "true")]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(shop.infra.read("values.yaml").unwrap(), format!("image:\n  repository: {IMAGE}\n  tag: \"1.10\"\n"));
}

#[test]
fn a_file_that_was_changed_since_is_not_rolled_back() {
    let scene = Scene::new();
    add_files(&scene.shop, 1, &[(VALUES, &values("1.4.1")), (APPLICATION, &application("1.4.1"))]);
    let (dir, config) = (scene.shop.checkout("infra", &[]), config(THREE));
    assert_eq!(promote(&dir, &config, &[("tag", "1.4.2")]).code, 0);
    scene.shop.edit(APPLICATION, "by hand", |text| text.replace("1.4.2", "1.4.3"));
    let tip = scene.shop.tip();
    scene.run(7, &["bob"]);
    let step = scene.step(7, &dir).input("reason", "x");
    step.write(".github/promote-gates.yml", &config);
    let ended = step.run(&["rollback"]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    assert!(ended.log.contains("1.4.3 in argocd/production/checkout.yaml"), "{}", ended.log);
    assert_eq!(scene.shop.tip(), tip);
}
