//! Bad input: exit code 2, no request and no commit.

use super::*;

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let long = "x".repeat(1001);
    for (input, value, part) in [
        ("incident", "", "incident"),
        ("incident", "17", "\"17\""),
        ("incident", "INC-17\nService: x", "has to match [A-Za-z0-9][A-Za-z0-9._-]{2,63}"),
        ("incident", "INC 17", "\"INC 17\""),
        ("incident", "$(id)", "\"$(id)\""),
        ("incident-pattern", "INC-[0-9", "incident-pattern"),
        ("incident-pattern", "a)|(b", "incident-pattern"),
        ("reason", "", "reason"),
        ("reason", " \n", "reason"),
        ("reason", &long, "at most 1000 characters"),
        ("service", "frontend", "one that may bypass the gates: checkout-service"),
        ("service", "../x", "a service name"),
        ("allowed", "", "the config file has no `services`"),
        ("tag", "$(id)", "an OCI tag"),
        ("tag", "", "`tag`"),
        ("environment", "", "`environment`"),
        ("budget", "-1", "budget"),
        ("github-environment", "a b", "github-environment"),
        ("issue-repository", "acme", "issue-repository"),
        ("checkout", "gone", "`checkout`"),
        ("file", "../x", "`file`"),
    ] {
        let ended = step(&scene, 7, &dir).input(input, value).run(&["emergency"]);
        assert_eq!(ended.code, 2, "{input}={value}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{input}={value}: {}", ended.outputs["reason"]);
        assert_eq!((scene.shop.tip(), scene.fake_github.issues(INFRA).len()), (scene.shop.first.clone(), 0));
    }
}

#[test]
fn an_incident_must_match_the_configured_pattern() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let named = |name: &str| step(&scene, 7, &dir).input("incident-pattern", "OPS-\\d{4}|none").input("incident", name);
    assert_eq!(named("XOPS-1234").run(&["emergency"]).code, 2);
    assert_eq!(named("OPS-12345").run(&["emergency"]).code, 2);
    let ended = named("OPS-1234").run(&["emergency"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
}

#[test]
fn services_and_images_must_be_in_the_config_file() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let step = || {
        let step = step(&scene, 7, &dir).input("allowed", "");
        step.write(
            ".github/promote-gates.yml",
            "services:\n  checkout-service:\n    repository: acme/shop\n    workflow: .github/workflows/validate.yml\n    \
             image: ghcr.io/acme/checkout-service\n",
        );
        step
    };
    let ended = step().input("service", "frontend").run(&["emergency"]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    let ended = step().input("image", "evil.example/checkout-service").run(&["emergency"]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("ghcr.io/acme/checkout-service, which"), "{}", ended.outputs["reason"]);
    let ended = step().input("image", "ghcr.io/acme/checkout-service").run(&["emergency"]);
    assert_eq!(end(&ended), applied(), "{}", ended.log);
}
