//! Concurrent promotions into one file and into many: each lands once.

use std::collections::BTreeSet;

use super::*;
use crate::patience::{RACE, RACE_TIMEOUT};

const RACERS: usize = 20;

fn services() -> Vec<String> {
    (1..=RACERS).map(|number| format!("service-{number}")).collect()
}

/// The settings of all services, with this entry of `files`.
fn config_of(services: &[String], file: &str) -> String {
    let service = |service: &String| {
        format!(
            "  {service}:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: ghcr.io/acme/{service}\n    files: [{file}]\n"
        )
    };
    format!("services:\n{}", services.iter().map(service).collect::<String>())
}

/// Promotes all services concurrently, each to a different tag; each makes one commit of one line.
fn race(shop: &Shop, config: &str) {
    let dir = shop.checkout("clone", &["--depth=1"]);
    let before = shop.tip();
    let services = services();
    let step = |service: &String| {
        let step = Runner::new()
            .input("checkout", &dir.display().to_string())
            .input("service", service)
            .input("environment", "production")
            .input("tag", &format!("2.0-{service}"))
            .input("require", "none")
            .input("timeout", RACE_TIMEOUT);
        step.write(".github/promote-gates.yml", config);
        step
    };
    let steps: Vec<Runner> = services.iter().map(step).collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    for ended in &ended {
        assert_eq!((ended.code, ended.outputs["changed"].as_str()), (0, "true"), "{}", ended.log);
    }
    let log = git(shop.infra.path(), &["log", "--format=%H", &format!("{before}..main")]);
    let reported: BTreeSet<&str> = ended.iter().map(|ended| ended.outputs["commit"].as_str()).collect();
    assert_eq!((log.lines().count(), log.lines().collect::<BTreeSet<_>>()), (RACERS, reported));
    let numbers = git(shop.infra.path(), &["log", "--numstat", "--format=", &format!("{before}..main")]);
    assert!(numbers.lines().filter(|line| !line.is_empty()).all(|line| line.starts_with("1\t1\t")), "{numbers}");
}

#[test]
fn twenty_concurrent_promotions_into_one_values_file_all_land_once() {
    let (shop, services) = (Shop::new(), services());
    let service = |service: &String| format!("{service}:\n  image:\n    tag: 1.4.1 # of {service}\n");
    let text: String = services.iter().map(service).collect();
    add_files(&shop, 1, &[("values.yaml", &text)]);
    race(&shop, &config_of(&services, "{path: values.yaml, tag: '.{service}.image.tag'}"));
    let expected: String = services.iter().map(|name| service(name).replace("1.4.1", &format!("2.0-{name}"))).collect();
    assert_eq!(shop.infra.read("values.yaml").unwrap(), expected);
}

#[test]
fn twenty_concurrent_promotions_into_twenty_files_all_land_once() {
    let (shop, services) = (Shop::new(), services());
    let dir = shop.checkout("add", &[]);
    for service in &services {
        fs::write(dir.join(format!("{service}.yaml")), format!("image: ghcr.io/acme/{service}:1.4.1\n")).unwrap();
    }
    git(&dir, &["add", "."]);
    git(&dir, &["commit", "-qm", "values"]);
    git(&dir, &["push", "-q", "origin", "HEAD:main"]);
    race(&shop, &config_of(&services, "{path: '{service}.yaml', image: .image}"));
    for service in &services {
        let text = shop.infra.read(&format!("{service}.yaml")).unwrap();
        assert_eq!(text, format!("image: ghcr.io/acme/{service}:2.0-{service}\n"));
    }
}

#[test]
fn fifty_files_are_set_by_one_commit_in_one_push() {
    let shop = Shop::new();
    let dir = shop.checkout("add", &[]);
    let names: Vec<String> = (1..=50).map(|number| format!("clusters/{number}.yaml")).collect();
    fs::create_dir(dir.join("clusters")).unwrap();
    for name in &names {
        fs::write(dir.join(name), format!("# {name}\nimage: {IMAGE}:1.4.1\n")).unwrap();
    }
    git(&dir, &["add", "."]);
    git(&dir, &["commit", "-qm", "clusters"]);
    git(&dir, &["push", "-q", "origin", "HEAD:main"]);
    shop.hook("post-receive", "echo push >>../pushes");
    let files: String = names.iter().map(|name| format!("      - {{path: {name}, image: .image}}\n")).collect();
    let ended = promote(&shop.checkout("infra", &["--depth=1"]), &config(&files), &[("tag", "1.4.2")]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    for name in &names {
        assert_eq!(shop.infra.read(name).unwrap(), format!("# {name}\nimage: {IMAGE}:1.4.2\n"));
    }
    let changed = git(shop.infra.path(), &["log", "-1", "--format=", "--name-only", "main"]);
    assert_eq!(changed.lines().count(), 50);
    assert_eq!(fs::read_to_string(shop.path("pushes")).unwrap(), "push\n");
}
