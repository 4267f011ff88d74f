//! Concurrent promotions: each makes one commit.

use std::{collections::BTreeSet, path::PathBuf};

use super::*;
use crate::patience::{RACE, RACE_TIMEOUT};

const RACERS: usize = 20;

fn services() -> Vec<String> {
    (1..=RACERS).map(|number| format!("service-{number}")).collect()
}

/// Promotes all services concurrently, each to a different tag, and checks the commits and the files.
fn race(shop: &Shop, services: &[String], checkout: impl Fn(&str) -> PathBuf) {
    let step =
        |service: &String| step(&checkout(service), service, &format!("2.0-{service}")).input("timeout", RACE_TIMEOUT);
    let steps: Vec<Runner> = services.iter().map(step).collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    for ended in &ended {
        assert_eq!((end(ended), ended.outputs["changed"].as_str()), (APPLIED, "true"), "{}", ended.log);
    }
    // One commit for each step, in a linear history, with the id that the step reported.
    let log: Vec<(String, String)> = shop
        .log("%H %P")
        .iter()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, parents)| (id.into(), parents.into()))
        .collect();
    assert_eq!(log.len(), RACERS);
    let mut before = shop.first.clone();
    for (id, parents) in log.clone() {
        assert_eq!(parents, before, "one parent, the commit before");
        before = id;
    }
    let reported: BTreeSet<String> = ended.iter().map(|ended| ended.outputs["commit"].clone()).collect();
    assert_eq!(reported, log.into_iter().map(|(id, _)| id).collect());
    // Each commit changed one line of its service's file.
    let range = format!("{}..main", shop.first);
    let changes = git(shop.infra.path(), &["log", "--numstat", "--format=", &range]);
    let changes: BTreeSet<&str> = changes.lines().collect();
    let expected: Vec<String> =
        services.iter().map(|service| format!("1\t1\tapps/{service}/overlays/production/kustomization.yaml")).collect();
    assert_eq!(changes, expected.iter().map(String::as_str).collect());
    for service in services {
        assert_eq!(shop.tag(service), format!("2.0-{service}"));
    }
}

#[test]
fn twenty_concurrent_promotions_from_separate_clones_all_succeed() {
    let services = services();
    let shop = Shop::with_services(&services.iter().map(String::as_str).collect::<Vec<_>>());
    let clone = shop.checkout("clone", &["--template="]);
    race(&shop, &services, |service| {
        let copy = shop.path(service);
        assert!(Command::new("cp").arg("-R").args([&clone, &copy]).status().unwrap().success());
        copy
    });
}

#[test]
fn twenty_concurrent_promotions_from_one_clone_all_succeed() {
    let services = services();
    let shop = Shop::with_services(&services.iter().map(String::as_str).collect::<Vec<_>>());
    let clone = shop.checkout("clone", &["--depth=1"]);
    race(&shop, &services, |_| clone.clone());
    assert_eq!(git(&clone, &["for-each-ref", "refs/promote-gates"]), "");
}

#[test]
fn two_concurrent_promotions_of_one_image_make_one_commit() {
    let shop = Shop::new();
    let steps = [("one", "1"), ("two", "2")].map(|(name, run)| {
        let step = step(&shop.checkout(name, &[]), SERVICE, "1.4.2");
        step.env("GITHUB_RUN_ID", run).input("timeout", RACE_TIMEOUT)
    });
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let mut ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    ended.sort_by_key(|ended| ended.outputs["changed"] != "true");
    let [first, second] = &ended[..] else { panic!("two steps") };
    assert_eq!((end(first), end(second)), (APPLIED, (0, "passed", "already")), "{}{}", first.log, second.log);
    assert_eq!((first.outputs["changed"].as_str(), second.outputs["changed"].as_str()), ("true", "false"));
    assert!(second.log.contains("1.4.2 is already set, nothing to commit"), "{}", second.log);
    assert_eq!(shop.log("%H"), [first.outputs["commit"].clone()]);
}
