//! Several services of one run: those whose gates passed are sent together.

use promote_gates::{batch, proof::token};

use super::*;
use crate::record::proofs::{issuer, keys, with_issuer};

fn subject(service: &str) -> Value {
    json!({ "service": service, "tag": "1.4.2" })
}

fn subjects(services: &[&str]) -> String {
    json!(services.iter().map(|service| subject(service)).collect::<Vec<_>>()).to_string()
}

fn about(service: &str, report: Report) -> Report {
    Report { subject: subject(service).to_string().parse().unwrap(), ..report }
}

fn passed_of(service: &str) -> Vec<Report> {
    passed().map(|report| about(service, report)).into()
}

/// A step of a run that deployed these services.
fn step(fake_github: &FakeGitHub, services: &[&str]) -> Runner {
    let runner = runner(&fake_github.api_url()).input("service", "").input("tag", "");
    runner.input("environment", "staging").input("subjects", &subjects(services))
}

/// The services of each dispatch. Each entry has the sum that the payload names.
fn sent(fake_github: &FakeGitHub) -> Vec<Vec<String>> {
    let services = |payload: &Value| {
        let entries = batch::unpack(payload["entries"].as_str().unwrap()).unwrap();
        let sums = payload["evidence"]["services"].as_object().unwrap();
        assert_eq!(sums.len(), entries.len());
        let services = entries.iter().map(|(name, entry)| {
            assert_eq!(sums[name], batch::sum(entry));
            assert_eq!(
                (&entry["subject"]["service"], &entry["subject"]["environment"]),
                (&json!(name), &json!("staging"))
            );
            name.clone()
        });
        services.collect::<Vec<_>>()
    };
    fake_github.dispatches(INFRA).iter().map(|dispatch| services(&dispatch.client_payload)).collect()
}

fn found<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let findings = ended.report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check} in {}", ended.log))
}

#[test]
fn the_services_of_a_run_are_one_dispatch_with_their_reports_unchanged() {
    let fake_github = fake_github();
    let services = ["cart", "checkout", "search"];
    let reports: Vec<Report> = services.iter().flat_map(|service| passed_of(service)).collect();
    let ended = record(step(&fake_github, &services), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(sent(&fake_github), [services]);
    let payload = &fake_github.dispatches(INFRA)[0].client_payload;
    let entries = batch::unpack(payload["entries"].as_str().unwrap()).unwrap();
    for service in services {
        assert_eq!(entries[service]["reports"], json!(outputs(&passed_of(service))));
    }
    assert_eq!(payload["evidence"]["run"], json!({ "repository": "acme/shop", "id": 7, "attempt": 1, "url": URL }));
    assert_eq!(payload.get("service"), None);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn files_of_a_matrix_are_read_by_their_service() {
    let fake_github = fake_github();
    let step = step(&fake_github, &["cart", "search"]).input("reports", "reports/*/*.json");
    for service in ["cart", "search"] {
        for report in passed_of(service) {
            step.write(&format!("reports/reports-{service}/{}.json", report.command), whole(&report));
        }
    }
    let ended = step.run(&["record"]);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(sent(&fake_github), [["cart", "search"]]);
}

#[test]
fn a_service_that_did_not_pass_is_named_and_keeps_no_other_back() {
    let blocked = |command| about("search", report(command, Verdict::Blocked));
    let elsewhere =
        Report { run: Some(Run { attempt: 2, ..run(7) }), ..about("search", report("smoke", Verdict::Passed)) };
    let digest = |letter: &str| {
        let mut subject = subject("search");
        subject["digest"] = json!(format!("sha256:{}", letter.repeat(64)));
        move |report: Report| Report { subject: subject.to_string().parse().unwrap(), ..report }
    };
    let [health, smoke, performance] = <[Report; 3]>::try_from(passed_of("search")).unwrap();
    for (reports, code, verdict, part) in [
        (vec![health.clone(), blocked("smoke"), performance.clone()], 1, "blocked", "smoke: blocked: "),
        (vec![health.clone(), smoke.clone()], 3, "inconclusive", "performance: no report of it"),
        (vec![], 3, "inconclusive", "health: no report of it"),
        (
            vec![health.clone(), smoke.clone(), Report { dry_run: true, ..performance.clone() }],
            3,
            "inconclusive",
            "dry-run",
        ),
        (
            vec![health.clone(), elsewhere, performance.clone()],
            3,
            "inconclusive",
            "of attempt 2, and this is attempt 1",
        ),
        (vec![digest("a")(health), digest("b")(smoke), performance], 1, "blocked", "digest: 1.4.2 is "),
    ] {
        let fake_github = fake_github();
        let all: Vec<Report> = [passed_of("cart"), reports, passed_of("zoo")].concat();
        let ended = record(step(&fake_github, &["cart", "search", "zoo"]), &all);
        assert_eq!(end(&ended), (code, verdict, "applied"), "{part}: {}", ended.log);
        assert_eq!(sent(&fake_github), [["cart", "zoo"]], "{part}");
        let finding = found(&ended, "search");
        assert!(finding["actual"].as_str().unwrap().contains(part), "{part} in {finding}");
        assert!(finding["verdict"] == verdict && !finding["next"].is_null(), "{finding}");
        assert_eq!(
            (&found(&ended, "cart")["verdict"], &found(&ended, "zoo")["verdict"]),
            (&json!("passed"), &json!("passed"))
        );
        assert!(
            found(&ended, "dispatch")["actual"]
                .as_str()
                .unwrap()
                .contains("sent to acme/ecommerce-infra for cart, zoo")
        );
    }
}

#[test]
fn what_may_stand_against_any_service_stops_all() {
    let good = [passed_of("cart"), passed_of("search")].concat();
    let nameless = Report { subject: r#"{"tag":"1.4.2"}"#.parse().unwrap(), ..report("smoke", Verdict::Passed) };
    for (text, part) in [("{".to_owned(), "no report"), (output(&nameless), "a report of smoke about no service")] {
        let fake_github = fake_github();
        let texts = [outputs(&good), vec![text]].concat();
        let ended = step(&fake_github, &["cart", "search"]).input("results", &needs(&texts)).run(&["record"]);
        assert_eq!(end(&ended), (3, "inconclusive", "none"), "{}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
        assert_eq!(fake_github.requests(), []);
    }
}

#[test]
fn when_no_service_passed_nothing_is_sent() {
    let fake_github = fake_github();
    let blocked: Vec<Report> =
        ["cart", "search"].map(|service| about(service, report("health", Verdict::Blocked))).into();
    let ended = record(step(&fake_github, &["cart", "search"]).input("required", "health"), &blocked);
    assert_eq!(end(&ended), (1, "blocked", "none"), "{}", ended.log);
    assert_eq!(found(&ended, "dispatch")["actual"], "nothing was sent");
    assert_eq!(fake_github.requests(), []);
}

#[test]
fn a_service_that_was_not_deployed_is_not_sent() {
    let fake_github = fake_github();
    let ended = record(step(&fake_github, &["cart"]), &[passed_of("cart"), passed_of("search")].concat());
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(sent(&fake_github), [["cart"]]);
    assert!(
        ended.log.contains("not sent along: the reports about search, which `subjects` does not name"),
        "{}",
        ended.log
    );
}

#[test]
fn fifty_services_are_one_dispatch_and_more_are_parts() {
    let names: Vec<String> = (0..52).map(|index| format!("service-{index:02}")).collect();
    for (count, parts) in [(50, vec![50]), (52, vec![50, 2])] {
        let fake_github = fake_github();
        let services: Vec<&str> = names[..count].iter().map(String::as_str).collect();
        let step = step(&fake_github, &services).input("reports", "reports/*.json");
        for report in services.iter().flat_map(|service| passed_of(service)) {
            let service = report.subject.service.clone().unwrap();
            step.write(&format!("reports/{service}-{}.json", report.command), whole(&report));
        }
        let ended = step.run(&["record"]);
        assert_eq!((ended.code, &*ended.outputs["verdict"]), (0, "passed"), "{}", ended.log);
        let sent = sent(&fake_github);
        assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), parts);
        assert_eq!(sent.concat(), services);
        let of: Vec<Value> =
            fake_github.dispatches(INFRA).iter().map(|sent| sent.client_payload["evidence"]["part"].clone()).collect();
        if count == 52 {
            assert_eq!(of, [json!({ "number": 1, "of": 2 }), json!({ "number": 2, "of": 2 })]);
        } else {
            assert_eq!(of, [Value::Null]);
        }
        assert_eq!(fake_github.violations(), [""; 0]);
    }
}

#[test]
fn a_dispatch_that_was_refused_is_named_and_a_dry_run_sends_nothing() {
    let reports = [passed_of("cart"), passed_of("search")].concat();
    let fake_github = fake_github();
    fake_github.fail_next(InjectedFault::WithoutEffect(FakeResponse::json(404, &json!({ "message": "Not Found" }))));
    let ended = record(step(&fake_github, &["cart", "search"]), &reports);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert_eq!(found(&ended, "cart")["verdict"], "passed");
    let ended = record(step(&fake_github, &["cart", "search"]).input("dry-run", "true"), &reports);
    assert_eq!(end(&ended), (0, "inconclusive", "planned"), "{}", ended.log);
    assert_eq!(sent(&fake_github), [[""; 0]; 0]);
}

#[test]
fn the_token_is_for_the_sums_of_the_entries() {
    let (fake_github, issuer) = (fake_github(), issuer());
    let reports = [passed_of("cart"), passed_of("search")].concat();
    let ended = record(with_issuer(step(&fake_github, &["cart", "search"]), &issuer), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let payload = &fake_github.dispatches(INFRA)[0].client_payload;
    let claims = token::verify(payload["proof"].as_str().unwrap(), &keys()).unwrap();
    assert_eq!(claims.audience, batch::audience(payload));
}

#[test]
fn other_subjects_are_bad_input() {
    let fake_github = fake_github();
    for (subjects, name, value, part) in [
        ("[]", "required", "health", "at least one"),
        (r#"[{"service":"cart","tag":"1"},{"service":"cart","tag":"2"}]"#, "required", "health", "cart is there twice"),
        (r#"[{"service":"cart","tag":"1"}]"#, "service", "cart", "given beside `subjects`"),
        (r#"[{"service":"cart","tag":"1","environment":"x"}]"#, "environment", "staging", "environment x, not staging"),
    ] {
        let ended = record(step(&fake_github, &["x"]).input("subjects", subjects).input(name, value), &passed());
        assert_eq!((ended.code, &*ended.outputs["verdict"]), (2, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert_eq!(fake_github.requests(), []);
}
