//! `init` in sample repositories: what it writes passes `lint`, what is left to do is short, and nothing is overwritten.

use std::fs;

use crate::house::{Ended, Runner};

const DEPLOY: &str = "name: deploy-staging\non: { push: { branches: [main] } }\npermissions: {}\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n";

/// A checkout of `acme/shop` with some files, and a workflow that deploys.
fn repository(files: &[(&str, &str)]) -> Runner {
    let runner = Runner::new();
    runner.write(".github/workflows/deploy-staging.yml", DEPLOY);
    for (path, text) in files {
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

/// Runs `init`, and `lint` over what it wrote. Returns the log of `init`.
fn assert_init(runner: &Runner, flags: &[&str], in_config: &[&str]) -> String {
    let ended = init(runner, flags);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let config = written(runner).into_iter().find(|(path, _)| path == ".github/promote-gates.yml").unwrap().1;
    for line in in_config {
        assert!(config.lines().any(|own| own.trim() == *line), "{line} is not in\n{config}");
    }
    let lint = runner.run(&["lint"]);
    assert_eq!(lint.code, 0, "{}", lint.log);
    let steps = ended.log.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert!((1..=6).contains(&steps), "{}", ended.log);
    ended.log
}

const KUSTOMIZE: [(&str, &str); 4] = [
    (
        "deploy/base/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: shop-web }\nspec:\n  template:\n    spec:\n      containers:\n        - { name: web, image: ghcr.io/acme/shop }\n",
    ),
    ("deploy/base/kustomization.yaml", "resources: [deployment.yaml]\n"),
    (
        "deploy/overlays/staging/kustomization.yaml",
        "namespace: shop-staging\nresources: [../../base]\nimages:\n  - name: ghcr.io/acme/shop\n    newTag: 1.4.1\n",
    ),
    (
        "deploy/overlays/production/kustomization.yaml",
        "namespace: shop\nresources: [../../base]\nimages:\n  - name: ghcr.io/acme/shop\n    newTag: 1.4.0\n",
    ),
];

#[test]
fn kustomize() {
    let runner = repository(&KUSTOMIZE);
    let log = assert_init(
        &runner,
        &[],
        &["- path: deploy/overlays/production/kustomization.yaml", "image: ghcr.io/acme/shop"],
    );
    assert!(log.contains("written: .github/workflows/validate-staging.yml"), "{log}");
    let validate = fs::read_to_string(runner.workspace().join(".github/workflows/validate-staging.yml")).unwrap();
    assert!(validate.contains("workload: deployment/shop-web\n"), "{validate}");
}

/// What `init` writes for promotions by pull request.
const BY_PULL_REQUEST: [&str; 2] = ["--approval", "pull-request"];

#[test]
fn kustomize_by_pull_request() {
    let runner = repository(&KUSTOMIZE);
    let flags =
        [&BY_PULL_REQUEST[..], &["--path", "src", "--staging-url", "https://staging.example.com/ready"]].concat();
    let log = assert_init(
        &runner,
        &flags,
        &[
            "- path: deploy/overlays/production/kustomization.yaml",
            "paths: [src]",
            "source: pull-request",
            "minimum: 1",
        ],
    );
    let names: Vec<String> = written(&runner).into_iter().map(|(path, _)| path).collect();
    for name in ["validate-staging", "promotion-open", "promotion-review", "promotion-status", "audit"] {
        assert!(names.contains(&format!(".github/workflows/{name}.yml")), "{name}: {names:?}");
    }
    assert_eq!(names.len(), 7, "with the config file and the deploy workflow: {names:?}");
    for command in [
        "can_approve_pull_request_reviews=true",
        "paths-ignore: [deploy/overlays/production/kustomization.yaml]",
        "gh secret set PRODUCTION_KUBECONFIG --repo acme/shop --env production-readonly <kubeconfig.yaml",
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
    let runner = repository(&KUSTOMIZE);
    let two = [
        "--source",
        "acme/web",
        "--repository",
        "acme/infra",
        "--deploy-workflow",
        ".github/workflows/deploy-staging.yml",
    ];
    let log = assert_init(&runner, &[&BY_PULL_REQUEST[..], &two].concat(), &["repository: acme/web"]);
    for part in ["gh variable set READER_APP_CLIENT_ID --repo acme/infra", "init --infra acme/infra"] {
        assert!(log.contains(part), "{part}\n{log}");
    }
}

const HELM: [(&str, &str); 5] = [
    ("chart/Chart.yaml", "name: shop\n"),
    ("chart/templates/deployment.yaml", "{{- if true }}\nkind: Deployment\n{{- end }}\n"),
    ("chart/values.yaml", "image:\n  repository: ghcr.io/acme/shop\n  tag: latest\n"),
    ("chart/values-staging.yaml", "image:\n  tag: 1.4.1\n"),
    ("chart/values-prod.yaml", "image:\n  tag: 1.4.0\n"),
];

#[test]
fn helm_by_pull_request() {
    let runner = repository(&HELM);
    let flags = ["--staging-namespace", "staging", "--production-namespace", "production"];
    let log = assert_init(
        &runner,
        &[&BY_PULL_REQUEST[..], &flags].concat(),
        &["- path: chart/values-prod.yaml", "tag: .image.tag", "source: pull-request"],
    );
    assert!(log.contains("paths-ignore: [chart/values-prod.yaml]"), "{log}");
}

#[test]
fn helm() {
    let runner = repository(&HELM);
    let ended = init(&runner, &[]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    for flag in ["`--staging-namespace NAME`", "`--production-namespace NAME`"] {
        assert!(ended.log.contains(flag), "{}", ended.log);
    }
    let flags = ["--staging-namespace", "staging", "--production-namespace", "production"];
    assert_init(&runner, &flags, &["- path: chart/values-prod.yaml", "tag: .image.tag", "image: ghcr.io/acme/shop"]);
}

#[test]
fn argo_cd() {
    let application = |stage: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{ name: shop-{stage}, namespace: argocd }}\nspec:\n  destination: {{ namespace: shop-{stage} }}\n  source:\n    chart: shop\n    helm:\n      parameters:\n        - {{ name: image.repository, value: ghcr.io/acme/shop }}\n        - {{ name: image.tag, value: 1.4.0 }}\n"
        )
    };
    let runner =
        repository(&[("argocd/apps.yaml", &format!("{}---\n{}", application("staging"), application("production")))]);
    assert_init(
        &runner,
        &[],
        &[
            "- path: argocd/apps.yaml",
            "document: { kind: Application, name: shop-production }",
            "tag: \".spec.source.helm.parameters[name=image.tag].value\"",
        ],
    );
}

#[test]
fn flux() {
    let release = |stage: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{ name: shop, namespace: shop-{stage} }}\nspec:\n  values:\n    image: {{ repository: ghcr.io/acme/shop, tag: 1.4.0 }}\n"
        )
    };
    let runner = repository(&[
        ("clusters/staging/shop.yaml", &release("staging")),
        ("clusters/production/shop.yaml", &release("production")),
    ]);
    assert_init(&runner, &[], &["- path: clusters/production/shop.yaml", "tag: .spec.values.image.tag"]);
}

#[test]
fn monorepo() {
    let overlay = |service: &str, stage: &str| {
        (
            format!("services/{service}/deploy/{stage}/kustomization.yaml"),
            format!("namespace: {stage}\nimages:\n  - name: ghcr.io/acme/{service}\n    newTag: 1.4.0\n"),
        )
    };
    let files: Vec<(String, String)> = ["cart", "checkout", "search"]
        .iter()
        .flat_map(|service| ["staging", "production"].map(|stage| overlay(service, stage)))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let runner = repository(&files);
    let log = assert_init(&runner, &[], &["cart:", "checkout:", "search:", "paths: [\"services/cart/**\"]"]);
    assert!(log.contains("written: .github/workflows/validate-monorepo.yml"), "{log}");

    let runner = repository(&files);
    let before = written(&runner);
    let ended = init(&runner, &BY_PULL_REQUEST);
    assert_eq!(ended.code, 2, "{}", ended.log);
    for part in ["3 services: cart, checkout, search", "`--approval environment`", "`--image REPOSITORY`"] {
        assert!(ended.log.contains(part), "{part}\n{}", ended.log);
    }
    assert_eq!(written(&runner), before);
    let one = [&BY_PULL_REQUEST[..], &["--image", "ghcr.io/acme/cart"]].concat();
    assert_init(&runner, &one, &["cart:", "source: pull-request"]);
}

#[test]
fn nothing_is_overwritten_and_a_second_run_changes_nothing() {
    let runner = repository(&KUSTOMIZE);
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

    let other = repository(&KUSTOMIZE);
    other.write(".github/promote-gates.yaml", "{}\n");
    let ended = init(&other, &[]);
    assert!(ended.code == 2 && ended.log.contains(".github/promote-gates.yaml: there already"), "{}", ended.log);
}

#[test]
fn what_is_not_clear_stops_it() {
    let runner = repository(&KUSTOMIZE);
    runner.write(".github/workflows/deploy-other.yml", "name: Deploy other\non: push\n");
    let before = written(&runner);
    let ended = init(&runner, &[]);
    assert!(ended.code == 0 && ended.log.contains("deploy-staging.yml"), "the name says staging: {}", ended.log);
    let runner = repository(&[]);
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
        (&["--actions", "acme/other@v1"], "OWNER/promote-gates@VERSION"),
    ] {
        let ended = init(&runner, flags);
        assert!(ended.code == 2 && ended.log.contains(message), "{}", ended.log);
    }
}
