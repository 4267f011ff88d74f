//! `audit` against real repositories: promotions in the ledger, manual changes, and unobservable histories.

#![expect(clippy::unwrap_used, reason = "what cannot be staged is a failed test")]

mod claims;
mod manual_changes;
mod not_promoted;
pub mod story;

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    house::{Ended, Runner},
    shop::{FILE, SERVICE, Shop, ago, commit_promotion, git},
};

const OTHER: &str = "apps/frontend/overlays/production/kustomization.yaml";

fn step(checkout: &Path) -> Runner {
    Runner::new().input("checkout", &checkout.display().to_string()).input("environment", "production")
}

/// Commits a promotion to the ledger, this many days ago; returns the commit.
fn entry(shop: &Shop, days: i64, file: &str, kind: &str, tag: &str, more: &str) -> String {
    let target = (file.split('/').nth(1).unwrap(), "production");
    commit_promotion(&shop.infra, &ago(days), target, tag, &format!("Promotion-kind: {kind}\n{more}"))
}

/// The rows of the report's table whose title starts with `title`.
fn table<'a>(ended: &'a Ended, title: &str) -> Vec<Vec<&'a str>> {
    let tables = ended.report["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["title"].as_str().unwrap().starts_with(title));
    let rows = table.map(|table| table["rows"].as_array().unwrap().as_slice()).unwrap_or_default();
    rows.iter().map(|row| row.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap()).collect()).collect()
}

fn outputs(ended: &Ended) -> [&str; 4] {
    ["promotions", "emergencies", "rollbacks", "by-hand"].map(|name| ended.outputs[name].as_str())
}

#[test]
fn promotions_are_counted_and_listed() {
    let shop = Shop::new();
    entry(&shop, 40, FILE, "normal", "1.4.2", "Approved-by: alice\n");
    let wrong = entry(&shop, 9, FILE, "normal", "1.4.3", "Approved-by: bob\nRequired: evidence, approval, wait\n");
    entry(&shop, 8, FILE, "rollback", "1.4.2", &format!("Approved-by: alice\nIncident: INC-1\nRolls-back: {wrong}\n"));
    entry(&shop, 7, OTHER, "normal", "9", "Required: none\n");
    entry(
        &shop,
        6,
        FILE,
        "emergency",
        "1.4.4",
        "Approved-by: bob\nTriggered-by: alice\nIncident: INC-2\nReason: <b>x</b>\n",
    );
    let ended = step(&shop.checkout("infra", &["--depth=1"])).input("output-file", "out/audit.json").run(&["audit"]);
    assert_eq!((ended.code, outputs(&ended)), (0, ["2", "1", "1", "0"]), "{}", ended.log);
    let services = [["checkout-service", "production", "1", "1", "1"], ["frontend", "production", "1", "0", "0"]];
    assert_eq!(table(&ended, "By service"), services);
    let people = [["unknown", "1", "0", "0"], ["alice", "0", "0", "1"], ["bob", "1", "1", "0"]];
    assert_eq!(table(&ended, "By approver"), people);
    let emergencies = table(&ended, "Emergencies");
    let expected = ["checkout-service:1.4.4 in production", "INC-2", "alice, bob"];
    assert_eq!((emergencies.len(), &emergencies[0][1..4]), (1, &expected[..]));
    let rollbacks = table(&ended, "Rollbacks");
    let expected = ["checkout-service 1.4.3 → 1.4.2 in production", "INC-1", "alice"];
    assert_eq!((rollbacks.len(), &rollbacks[0][1..4]), (1, &expected[..]));
    assert!(ended.log.contains("1 promotions with `require: none`"), "{}", ended.log);
    assert!(ended.summary.contains("| Until a rollback | median 1d"), "{}", ended.summary);

    let path = &ended.outputs["json-path"];
    assert_eq!(path, "out/audit.json");
    let checkout_service = step(&shop.path("infra")).input("service", SERVICE).input("output-file", "a.json");
    let one = checkout_service.run(&["audit"]);
    assert_eq!(outputs(&one), ["1", "1", "1", "0"]);
    let audit: Value =
        serde_json::from_str(&fs::read_to_string(checkout_service.workspace().join("a.json")).unwrap()).unwrap();
    let day = audit["figures"]["time_to_rollback"]["mean"].as_i64().unwrap();
    assert!((86_400 - 60..86_400 + 60).contains(&day), "{day}");
    assert_eq!(audit["figures"]["started"], serde_json::json!({ "alice": 1 }));
    assert_eq!(audit["entries"].as_array().unwrap().len(), 3);
    assert_eq!(audit["entries"][0]["reason"], "<b>x</b>", "raw, for programs");
    assert_eq!(audit["entries"][1]["rolls-back"], wrong);
}

#[test]
fn self_approved_emergencies_are_counted_and_shown() {
    let shop = Shop::new();
    entry(&shop, 9, FILE, "emergency", "1.4.2", "Approved-by: bob\nTriggered-by: alice\nIndependent: yes\n");
    entry(&shop, 8, FILE, "normal", "1.4.3", "Approved-by: bob\nTriggered-by: bob\n");
    entry(&shop, 7, FILE, "emergency", "1.4.4", "Approved-by: bob\nTriggered-by: alice\nIndependent: no\n");
    let last = entry(&shop, 6, FILE, "emergency", "1.4.5", "Approved-by: alice\nTriggered-by: Alice\n");
    let step = step(&shop.checkout("infra", &[])).input("budget", "9").input("output-file", "a.json");
    let ended = step.run(&["audit"]);
    assert_eq!((ended.code, outputs(&ended)), (0, ["1", "3", "0", "0"]), "{}", ended.log);
    let message = format!("2 of 3 were approved by the person who started them; the last: {last} by alice");
    assert!(ended.log.contains(&message), "{}", ended.log);
    assert!(ended.summary.contains("| of them approved by the person who started them | 2 |"), "{}", ended.summary);
    let people: Vec<&str> = table(&ended, "Emergencies").iter().map(|row| row[3]).collect();
    assert_eq!(people, ["alice, not independent", "bob, not independent", "alice, bob"]);
    let audit: Value = serde_json::from_str(&fs::read_to_string(step.workspace().join("a.json")).unwrap()).unwrap();
    assert_eq!(audit["figures"]["counts"]["self_approved"], 2);
    assert_eq!(audit["entries"][1]["independent"], false);
}

#[test]
fn more_emergencies_than_the_budget_of_any_thirty_days_block() {
    let shop = Shop::new();
    for (number, days) in [(1, 80), (2, 55), (3, 52), (4, 20)] {
        entry(&shop, days, FILE, "emergency", &format!("2.{number}"), "");
    }
    let dir = shop.checkout("infra", &["--depth=1"]);
    for (since, budget, code, count) in
        [("90d", "2", 1, "4"), ("90d", "3", 0, "4"), ("30d", "2", 0, "1"), ("54d", "2", 0, "2"), ("7d", "0", 1, "0")]
    {
        let ended = step(&dir).input("since", since).input("budget", budget).run(&["audit"]);
        assert_eq!((ended.code, outputs(&ended)[1]), (code, count), "{since} {budget}: {}", ended.log);
        assert_eq!(
            ended.outputs["reason"].contains("too slow or too strict"),
            code == 1,
            "{}",
            ended.outputs["reason"]
        );
    }
    let other = step(&dir).input("since", "90d").input("environment", "staging").run(&["audit"]);
    assert_eq!((other.code, outputs(&other)), (0, ["0"; 4]), "{}", other.log);
}

#[test]
fn an_unreadable_history_or_an_unwritable_file_is_inconclusive() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &["--depth=1"]);
    fs::rename(shop.infra.path(), shop.path("moved.git")).unwrap();
    let ended = step(&dir).run(&["audit"]);
    assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", ended.log);
    // The history is readable, the output file is not writable.
    fs::rename(shop.path("moved.git"), shop.infra.path()).unwrap();
    entry(&shop, 1, FILE, "normal", "2", "");
    let ended = step(&dir).input("output-file", "/proc/none/x").run(&["audit"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("/proc/none/x: cannot be written"), "{}", ended.outputs["reason"]);
}

#[test]
fn bad_input_is_named() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    for (input, value, part) in [
        ("since", "0d", "days such as `90d`"),
        ("since", "30", "days such as `90d`"),
        ("since", "-3d", "days such as `90d`"),
        ("since", "2026-13-01", "days such as `90d`"),
        ("since", "2999-01-01", "a day in the future"),
        ("budget", "two", "budget"),
        ("by-hand", "-1", "by-hand"),
        ("branch", "gone", "no branch gone"),
        ("checkout", "gone", "`checkout`"),
        ("file", "apps/{environment}/x.yaml", "a pattern with `{service}`"),
        ("service", "../x", "a service name"),
    ] {
        let ended = step(&dir).input(input, value).run(&["audit"]);
        assert_eq!(ended.code, 2, "{input}={value}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{input}={value}: {}", ended.outputs["reason"]);
    }
}

#[test]
fn the_checkout_is_unchanged() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    fs::write(dir.join("README.md"), "mine").unwrap();
    let status = |dir: &Path| (git(dir, &["status", "--porcelain"]), git(dir, &["for-each-ref"]));
    let before = status(&dir);
    entry(&shop, 1, FILE, "normal", "2", "");
    assert_eq!(outputs(&step(&dir).run(&["audit"]))[0], "1");
    assert_eq!(status(&dir), before);
}
