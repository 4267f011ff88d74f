//! Several services after one approval: a commit for each, and one push for all.

use jiff::SignedDuration;

use super::*;
use crate::{
    house::LIMIT,
    patience::{RACE, RACE_TIMEOUT},
    shop::{ago, commit, commit_promotion},
};

fn common() -> promote_gates::subject::Subject {
    r#"{"environment":"production"}"#.parse().unwrap()
}

pub(super) fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("service-{index:02}")).collect()
}

pub(super) fn shop_of(services: &[String]) -> Shop {
    Shop::with_services(&services.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The report of `evidence` in a run about the services that are ready, each validated a minute ago, and those left out.
pub(super) fn evidence(run: u64, ready: &[String], left_out: &[&str]) -> Report {
    let at = rfc3339(SystemClock::new().wall() - SignedDuration::from_secs(60));
    let inner = |service: &str, number: usize, verdict| {
        let text = json!({ "service": service, "environment": "production", "tag": "1.4.2" }).to_string();
        let report = Report { subject: text.parse().unwrap(), run: None, ..report("evidence", verdict) };
        let mut outputs = validated(number as u64 + 1, &at);
        outputs.insert("bundle-size".into(), "7 raw".to_owned());
        Report { outputs, ..report }
    };
    let ready_reports = ready.iter().enumerate().map(|(number, service)| inner(service, number, Verdict::Passed));
    let others = left_out.iter().map(|service| inner(service, 99, Verdict::Blocked));
    let reports: Vec<Report> = ready_reports.chain(others).collect();
    let findings: Vec<Finding> =
        reports.iter().map(|inner| Finding::new("service", inner.verdict).actual("as seen")).collect();
    let mut report = Report::open("evidence", at);
    (report.subject, report.run) = (common(), Some(super::run(run)));
    let outputs = [("services", json!(ready).to_string())].into();
    let now = rfc3339(SystemClock::new().wall());
    report.close(Ok(Outcome { outputs, reports, ..findings.into() }), now);
    report
}

fn approval(run: u64) -> Report {
    Report { subject: common(), run: Some(super::run(run)), ..report("approval", Verdict::Passed) }
}

/// The step of a run that promotes what `evidence` found ready.
pub(super) fn batch(checkout: &Path, run: u64, evidence: &Report) -> Runner {
    Runner::new()
        .env("GITHUB_RUN_ID", &run.to_string())
        .input("checkout", &checkout.display().to_string())
        .input("environment", "production")
        .input("require", "evidence\napproval")
        .input("results", &needs(&[evidence.clone(), approval(run)]))
        .input("timeout", RACE_TIMEOUT)
}

fn found<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let findings = ended.report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check} in {}", ended.log))
}

/// Counts the pushes that reach the repository.
pub(super) fn count_pushes(shop: &Shop) -> impl Fn() -> usize {
    let file = shop.path("received");
    fs::write(&file, "").unwrap();
    shop.hook("post-receive", &format!("cat >> '{}'", file.display()));
    move || fs::read_to_string(&file).unwrap().lines().count()
}

#[test]
fn twenty_services_are_twenty_commits_in_one_push() {
    let services = names(20);
    let shop = shop_of(&services);
    let pushes = count_pushes(&shop);
    let ended = batch(&shop.checkout("infra", &["--depth=1"]), 7, &evidence(7, &services, &[])).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(pushes(), 1);
    let subjects: Vec<String> =
        services.iter().map(|service| format!("promote(production): {service} → 1.4.2")).collect();
    assert_eq!(shop.log("%s"), subjects);
    assert_eq!(ended.outputs["commit"], shop.tip());
    assert_eq!(ended.outputs["changed"], "true");
    for (number, service) in services.iter().enumerate() {
        assert_eq!(shop.tag(service), "1.4.2");
        let commit = git(shop.infra.path(), &["rev-parse", &format!("main~{}", 19 - number)]);
        let changed = git(shop.infra.path(), &["show", "--format=", "--name-only", &commit]);
        assert_eq!(changed, format!("apps/{service}/overlays/production/kustomization.yaml"));
        let message = git(shop.infra.path(), &["log", "-1", "--format=%B", &commit]);
        for trailer in [
            format!("Service: {service}"),
            format!("Image: ghcr.io/acme/{service}:1.4.2"),
            format!("Previous-Image: ghcr.io/acme/{service}:1.4.1"),
            format!("Evidence: {:064x}", number + 1),
            "Bundle-size: 7 raw".to_owned(),
            "Approved-by: bob".to_owned(),
        ] {
            assert!(message.contains(&trailer), "{trailer} in {message}");
        }
    }
    let subjects: Vec<Value> = serde_json::from_str(&ended.outputs["subjects"]).unwrap();
    assert_eq!(subjects.iter().map(|subject| subject["service"].as_str().unwrap()).collect::<Vec<_>>(), services);
}

#[test]
fn services_of_one_file_are_edited_one_after_the_other() {
    let services: Vec<String> = ["checkout-service", "frontend"].map(ToOwned::to_owned).into();
    let shop = Shop::new();
    let file = "apps/all/kustomization.yaml";
    let text = "images:\n  - name: checkout-service # pays\n    newTag: 1.4.1\n  - name: frontend\n    newTag: 1.4.1\n";
    commit(&shop.infra, &ago(0), "one file", Some((file, text)));
    let first = shop.tip();
    let step = batch(&shop.checkout("infra", &[]), 7, &evidence(7, &services, &[])).input("file", file);
    let ended = step.input("create-entry", "true").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(shop.infra.read(file).unwrap(), text.replace("1.4.1", "1.4.2"));
    let range = format!("{first}..main");
    let lines = git(shop.infra.path(), &["log", "--reverse", "--format=", "--numstat", &range]);
    assert_eq!(lines.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(), vec![format!("1\t1\t{file}"); 2]);
}

#[test]
fn a_service_that_is_superseded_is_left_out_and_named() {
    let services = names(3);
    let shop = shop_of(&services);
    // A validation that ended after this one promoted the second service.
    let now = rfc3339(SystemClock::new().wall());
    let newer = format!("Validated-at: {now}\nEvidence: {}\nPromotion-kind: normal", "f".repeat(64));
    commit_promotion(&shop.infra, &ago(0), (&services[1], "production"), "1.4.3", &newer);
    let ended = batch(&shop.checkout("infra", &[]), 7, &evidence(7, &services, &["search"])).run(&["promote"]);
    assert_eq!(end(&ended), (1, "blocked", "applied"), "{}", ended.log);
    let finding = found(&ended, &services[1]);
    assert!(finding["actual"].as_str().unwrap().starts_with("left out: supersession: "), "{finding}");
    assert!(!finding["next"].is_null(), "{finding}");
    assert_eq!([0, 1, 2].map(|index| shop.tag(&services[index])), ["1.4.2", "1.4.3", "1.4.2"]);
    let subjects: Vec<Value> = serde_json::from_str(&ended.outputs["subjects"]).unwrap();
    assert_eq!(subjects.len(), 2);
    // What `evidence` left out is not touched.
    assert!(!ended.log.contains("search"), "{}", ended.log);
}

#[test]
fn a_service_without_a_file_keeps_no_other_back() {
    let services = names(2);
    let shop = shop_of(&services[..1]);
    let ended = batch(&shop.checkout("infra", &[]), 7, &evidence(7, &services, &[])).run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "applied"), "{}", ended.log);
    assert!(found(&ended, &services[1])["actual"].as_str().unwrap().contains("no such file"), "{}", ended.log);
    assert_eq!(shop.tag(&services[0]), "1.4.2");
}

#[test]
fn a_push_that_is_refused_changes_no_service() {
    let services = names(3);
    let shop = shop_of(&services);
    shop.hook("update", "echo 'not today' >&2; exit 1");
    let ended = batch(&shop.checkout("infra", &[]), 7, &evidence(7, &services, &[])).run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert_eq!(shop.tip(), shop.first);
}

#[test]
fn a_second_delivery_commits_nothing() {
    let services = names(3);
    let shop = shop_of(&services);
    let first = batch(&shop.checkout("one", &[]), 7, &evidence(7, &services, &[])).run(&["promote"]);
    assert_eq!(end(&first), APPLIED, "{}", first.log);
    let second = batch(&shop.checkout("two", &[]), 8, &evidence(8, &services, &[])).run(&["promote"]);
    assert_eq!(end(&second), (0, "passed", "already"), "{}", second.log);
    assert_eq!(second.outputs["changed"], "false");
    assert_eq!(shop.log("%s").len(), 3);
}

#[test]
fn concurrent_deliveries_and_other_pushes_land_once() {
    let services = names(4);
    let shop = shop_of(&services);
    let clone = shop.checkout("clone", &[]);
    // Five deliveries of one batch, and another run for the last service alone.
    let mut steps: Vec<Runner> = (1..=5).map(|run| batch(&clone, run, &evidence(run, &services[..3], &[]))).collect();
    steps.push(step(&clone, &services[3], "1.4.2").input("timeout", RACE_TIMEOUT));
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    for ended in &ended {
        assert_eq!(ended.code, 0, "{}", ended.log);
    }
    let mut log = shop.log("%s");
    log.sort();
    let expected: Vec<String> =
        services.iter().map(|service| format!("promote(production): {service} → 1.4.2")).collect();
    assert_eq!(log, expected);
    assert_eq!(ended.iter().filter(|ended| ended.outputs["changed"] == "true").count(), 2);
}

#[test]
fn a_batch_that_is_killed_during_its_push_lands_whole_or_not_at_all() {
    let services = names(5);
    for lets_pass in [true, false] {
        let shop = shop_of(&services);
        let pushes = listen(&shop.path("pushes"));
        assert!(Command::new("mkfifo").arg(shop.path("gate")).status().unwrap().success());
        let (pipe, gate) = (shop.path("pushes"), shop.path("gate"));
        let last = if lets_pass { "exit 0" } else { "exit 1" };
        shop.hook("pre-receive", &format!("echo pushed > '{}'\nread _ < '{}'\n{last}", pipe.display(), gate.display()));
        let runner = batch(&shop.checkout("infra", &[]), 7, &evidence(7, &services, &[]));
        let started = runner.start(&["promote"]);
        pushes.recv_timeout(LIMIT).unwrap();
        assert_eq!(shop.tip(), shop.first, "nothing is there before the push is accepted");
        // The step is killed; its `git push` is a process of its own.
        drop(started);
        fs::write(gate, "go\n").unwrap();
        // The server ends the push that it has received: all commits, or none. A second run completes it.
        shop.hook("pre-receive", "exit 0");
        let second = batch(&shop.checkout("again", &[]), 8, &evidence(8, &services, &[])).run(&["promote"]);
        assert_eq!(second.code, 0, "{}", second.log);
        let log = shop.log("%s");
        assert_eq!(log.len(), 5, "{log:?}");
    }
}

#[test]
fn nothing_is_written_without_the_approval_of_the_batch() {
    let services = names(2);
    let shop = shop_of(&services);
    let checkout = shop.checkout("infra", &[]);
    let good = evidence(7, &services, &[]);
    let of_one = Report { subject: subject_with_tag("1.4.2"), ..approval(7) };
    let blocked = Report { subject: common(), run: Some(run(7)), ..report("approval", Verdict::Blocked) };
    let dry = Report { dry_run: true, ..good.clone() };
    let unlisted = Report { outputs: BTreeMap::new(), ..good.clone() };
    let nothing = evidence(7, &[], &["service-00"]);
    for (reports, code, part) in [
        (vec![good.clone()], 3, "approval"),
        (vec![good.clone(), Report { run: Some(run(8)), ..approval(7) }], 3, "of another workflow run"),
        (vec![good.clone(), blocked], 1, "approval"),
        (vec![dry, approval(7)], 3, "dry-run"),
        (vec![unlisted, approval(7)], 3, "does not list the services"),
        (vec![evidence(8, &services, &[]), approval(7)], 3, "of another workflow run"),
        (vec![nothing, approval(7)], 1, "no service is ready"),
        (vec![good.clone(), of_one], 3, "its report is about checkout-service alone"),
    ] {
        let ended = batch(&checkout, 7, &good).input("results", &needs(&reports)).run(&["promote"]);
        assert_eq!((ended.code, &*ended.outputs["changed"]), (code, "false"), "{part}: {}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    for require in ["none", "approval", "evidence\nhealth"] {
        let ended = batch(&checkout, 7, &good).input("require", require).run(&["promote"]);
        assert_eq!(ended.code, 2, "{}", ended.log);
        assert!(ended.log.contains("`require`"), "{}", ended.log);
    }
}

#[test]
fn a_dry_run_shows_the_commits_and_makes_none() {
    let services = names(2);
    let shop = shop_of(&services);
    let step = batch(&shop.checkout("infra", &[]), 7, &evidence(7, &services, &[])).input("dry-run", "true");
    let ended = step.run(&["promote"]);
    assert_eq!(end(&ended), (0, "inconclusive", "planned"), "{}", ended.log);
    let detail = ended.report["effects"][0]["detail"].as_str().unwrap();
    let file = "apps/service-00/overlays/production/kustomization.yaml";
    let first = format!("2 commits at once: {file}: ghcr.io/acme/service-00:1.4.1 → ");
    assert!(detail.starts_with(&first), "{detail}");
    assert_eq!(shop.tip(), shop.first);
}
