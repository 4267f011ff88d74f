//! `init` in sample repositories: what it writes passes `lint`, what is left to do is short, and nothing is overwritten.

mod samples;

use std::fs;

use crate::house::{Ended, Runner};
use samples::{DEPLOY, Sample, argo_cd, flux, helm, kustomize, monorepo};

/// A checkout of `acme/shop`.
fn repository(sample: &Sample) -> Runner {
    let runner = Runner::new();
    for (path, text) in &sample.files {
        runner.write(path, text);
    }
    let script = "git init -q && git remote add origin https://github.com/acme/shop.git && \"$@\"";
    let ended = runner.run_by(script, &["--version"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    runner
}

fn init(runner: &Runner, flags: &[&str]) -> Ended {
    runner.run(&[&["init"], flags].concat())
}

/// The files below `.github`, with their texts.
fn written(runner: &Runner) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in [".github", ".github/workflows"] {
        for entry in fs::read_dir(runner.workspace().join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(runner.workspace()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Runs `init` in a checkout of a sample, and `lint` over what it wrote. Returns the log of `init`.
fn assert_init(runner: &Runner, sample: &Sample, flags: &[&str], in_config: &[&str]) -> String {
    let ended = init(runner, &[sample.flags, flags].concat());
    assert_eq!(ended.code, 0, "{}", ended.log);
    let config = written(runner).into_iter().find(|(path, _)| path == ".github/promote-gates.yml").unwrap().1;
    let services = sample.services.iter().map(|service| format!("{service}:"));
    let places = sample.production.iter().map(|path| format!("- path: {path}"));
    for line in services.chain(places).chain(in_config.iter().map(|line| (*line).to_owned())) {
        assert!(config.lines().any(|own| own.trim() == line), "{line} is not in\n{config}");
    }
    let lint = runner.run(&["lint"]);
    assert_eq!(lint.code, 0, "{}", lint.log);
    let steps = ended.log.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert!((1..=6).contains(&steps), "{}", ended.log);
    ended.log
}

const BY_PULL_REQUEST: [&str; 2] = ["--approval", "pull-request"];

#[test]
fn five_samples() {
    let samples: [(Sample, &[&str]); 5] = [
        (kustomize(), &["image: ghcr.io/acme/shop"]),
        (helm(), &["image: ghcr.io/acme/shop", "tag: .image.tag"]),
        (
            argo_cd(),
            &[
                "document: { kind: Application, name: shop-production }",
                "tag: \".spec.source.helm.parameters[name=image.tag].value\"",
            ],
        ),
        (flux(), &["tag: .spec.values.image.tag"]),
        (monorepo(), &["paths: [\"services/cart/**\"]"]),
    ];
    for (sample, in_config) in samples {
        let runner = repository(&sample);
        let log = assert_init(&runner, &sample, &[], in_config);
        let name = if sample.services.len() > 1 { "validate-monorepo" } else { "validate-staging" };
        assert!(log.contains(&format!("written: .github/workflows/{name}.yml")), "{log}");
        if let [_] = sample.services {
            let by_app = [&BY_PULL_REQUEST[..], &["--status-app", "7"]].concat();
            assert_init(&repository(&sample), &sample, &by_app, &["source: pull-request"]);
            let log = assert_init(&repository(&sample), &sample, &BY_PULL_REQUEST, &["source: pull-request"]);
            assert!(log.contains(&format!("paths-ignore: [{}]", sample.production[0])), "{log}");
        }
    }
}

#[test]
fn the_workload_and_the_namespace_are_those_of_the_manifests() {
    let mut sample = kustomize();
    for (_, text) in &mut sample.files {
        *text = text.replace("{ name: shop }", "{ name: shop-web }").replace("namespace: ", "namespace: shop-");
    }
    let runner = repository(&sample);
    assert_init(&runner, &sample, &[], &[]);
    let validate = fs::read_to_string(runner.workspace().join(".github/workflows/validate-staging.yml")).unwrap();
    for line in ["workload: deployment/shop-web\n", "namespace: shop-staging\n"] {
        assert!(validate.contains(line), "{line}\n{validate}");
    }
}

#[test]
fn a_chart_says_no_namespace() {
    let ended = init(&repository(&helm()), &[]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    for flag in ["`--staging-namespace NAME`", "`--production-namespace NAME`"] {
        assert!(ended.log.contains(flag), "{}", ended.log);
    }
}

#[test]
fn several_services_are_not_promoted_by_pull_request() {
    let sample = monorepo();
    let runner = repository(&sample);
    let before = written(&runner);
    let ended = init(&runner, &BY_PULL_REQUEST);
    assert_eq!(ended.code, 2, "{}", ended.log);
    for part in ["2 services: cart, search", "`--approval environment`", "`--image REPOSITORY`"] {
        assert!(ended.log.contains(part), "{part}\n{}", ended.log);
    }
    assert_eq!(written(&runner), before);
    let one = Sample { services: &["cart"], production: vec![sample.production[0].clone()], ..sample };
    let flags = [&BY_PULL_REQUEST[..], &["--image", "ghcr.io/acme/cart"]].concat();
    assert_init(&runner, &one, &flags, &["source: pull-request"]);
}

#[test]
fn what_is_left_to_do_by_pull_request() {
    let sample = kustomize();
    let runner = repository(&sample);
    let flags =
        [&BY_PULL_REQUEST[..], &["--path", "src", "--staging-url", "https://staging.example.com/ready"]].concat();
    let log = assert_init(&runner, &sample, &flags, &["paths: [src]", "source: pull-request", "minimum: 1"]);
    let names: Vec<String> = written(&runner).into_iter().map(|(path, _)| path).collect();
    for name in ["validate-staging", "promotion-open", "promotion-review", "promotion-status", "audit"] {
        assert!(names.contains(&format!(".github/workflows/{name}.yml")), "{name}: {names:?}");
    }
    assert_eq!(names.len(), 7, "with the config file and the deploy workflow: {names:?}");
    for command in [
        "can_approve_pull_request_reviews=true",
        "paths-ignore: [deploy/overlays/production/kustomization.yaml]",
        "gh secret set PRODUCTION_KUBECONFIG --repo acme/shop --env production-readonly <production-kubeconfig.yaml",
        "gh api -X POST repos/acme/shop/rulesets",
    ] {
        assert!(log.contains(command), "{command}\n{log}");
    }
    let again = init(&runner, &flags);
    assert!(again.code == 0 && again.log.contains("is there already: .github/promote-gates.yml"), "{}", again.log);
    let other = init(&runner, &[]);
    assert!(other.code == 2 && other.log.contains("there already, with another content"), "{}", other.log);
}

#[test]
fn two_repositories_by_pull_request() {
    let sample = kustomize();
    let runner = repository(&sample);
    let two = [
        "--source",
        "acme/web",
        "--repository",
        "acme/infra",
        "--deploy-workflow",
        ".github/workflows/deploy-staging.yml",
    ];
    let log = assert_init(&runner, &sample, &[&BY_PULL_REQUEST[..], &two].concat(), &["repository: acme/web"]);
    for part in ["gh variable set READER_APP_CLIENT_ID --repo acme/infra --body CLIENT_ID", "init --infra acme/infra"] {
        assert!(log.contains(part), "{part}\n{log}");
    }
}

#[test]
fn nothing_is_overwritten_and_a_second_run_changes_nothing() {
    let runner = repository(&kustomize());
    runner.write(".github/workflows/rollback.yml", "on: push\n");
    let before = written(&runner);
    let ended = init(&runner, &[]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.log.contains(".github/workflows/rollback.yml: there already, with another content"), "{}", ended.log);
    assert_eq!(written(&runner), before);
    fs::remove_file(runner.workspace().join(".github/workflows/rollback.yml")).unwrap();

    let ended = init(&runner, &["--dry-run"]);
    assert!(ended.code == 0 && ended.log.contains("name: validate-staging"), "{}", ended.log);
    assert_eq!(written(&runner).len(), 1, "a dry-run writes nothing");

    assert_eq!(init(&runner, &[]).code, 0);
    let after = written(&runner);
    let again = init(&runner, &[]);
    assert!(again.code == 0 && again.log.contains("is there already: .github/promote-gates.yml"), "{}", again.log);
    assert_eq!(written(&runner), after);

    let other = repository(&kustomize());
    other.write(".github/promote-gates.yaml", "{}\n");
    let ended = init(&other, &[]);
    assert!(ended.code == 2 && ended.log.contains(".github/promote-gates.yaml: there already"), "{}", ended.log);
}

#[test]
fn what_is_not_clear_stops_it() {
    let runner = repository(&kustomize());
    runner.write(".github/workflows/deploy-other.yml", "name: Deploy other\non: push\n");
    let before = written(&runner);
    let ended = init(&runner, &[]);
    assert!(ended.code == 0 && ended.log.contains("deploy-staging.yml"), "the name says staging: {}", ended.log);
    let mut bare = kustomize();
    bare.files.retain(|(path, _)| path.starts_with(".github/"));
    let runner = repository(&bare);
    runner.write(".github/workflows/deploy-staging-eu.yml", DEPLOY);
    let ended = init(&runner, &[]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    for flag in ["`--manifest PATH`", "`--deploy-workflow PATH`"] {
        assert!(ended.log.contains(flag), "{}", ended.log);
    }
    assert_eq!(written(&runner).len(), before.len());
    for (flags, message) in [
        (&["--approval", "phone"][..], "pull-request"),
        (&["--path", "src/*.js"], "a folder such as `services/checkout/**`"),
        (&["--checkout", ".github"], "not the top of a git checkout"),
        (&["--checkout", "gone"], "gone: no such folder"),
        (&["--infra", "acme"], "it has no slash"),
        (&["--status-app", "Iv23liJUDGE"], "the number of an App, such as 424242"),
        (&["--status-app", "0"], "the number of an App, such as 424242"),
        (&["--status-app", "7"], "only pull requests have the status"),
        (&["--actions", "acme/other@v1"], "OWNER/promote-gates@VERSION"),
    ] {
        let ended = init(&runner, flags);
        assert!(ended.code == 2 && ended.log.contains(message), "{}", ended.log);
    }
}
