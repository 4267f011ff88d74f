//! A payload of several services: each is verified by itself, and one page shows them all.

use promote_gates::{
    batch::{self, pack, sum},
    results::ReceivedReports,
    sandbox::github::FakeCommit,
    subject::Service,
};

use super::{proofs::SignedStage, *};

const SERVICES: [&str; 3] = ["checkout-service", "frontend", "search"];
const REPLAYED: &str = "https://github.com/acme/ecommerce-infra/actions/runs/899/attempts/1";

/// A run of the shop that validated 1.4.2 of all its services, as in [`Stage`].
struct BatchStage {
    signed: SignedStage,
    services: Vec<String>,
}

impl BatchStage {
    fn new() -> Self {
        Self::with_services(&SERVICES)
    }

    fn with_services(services: &[&str]) -> Self {
        let mut stage = Stage::with_services(services);
        "services:\n".clone_into(&mut stage.config);
        for service in services {
            stage.config += &format!(
                "  {service}:\n    repository: {SHOP}\n    workflow: {VALIDATE}\n    deploy-workflow: {DEPLOY}\n    \
                 image: ghcr.io/acme/{service}\n    paths: [services/{service}]\n"
            );
        }
        stage.fake_github = FakeGitHub::start().unwrap();
        stage.fake_github.create(SHOP);
        stage.fake_github.grant(TOKEN, SHOP, &["actions=read", "contents=read", "pull_requests=read"]);
        let signed = SignedStage::of(stage);
        let fake_github = &signed.stage.fake_github;
        fake_github.set_run(SHOP, deploy_run());
        fake_github.set_run(SHOP, validating_run().in_progress());
        for service in services {
            signed.stage.job(&format!("gates ({service})"), "success", None);
        }
        let all: Vec<String> = services.iter().map(|service| format!("services/{service}/main.rs")).collect();
        for (letter, login) in [('a', "carol"), ('b', "bob"), ('c', "alice")] {
            fake_github.push(
                SHOP,
                FakeCommit {
                    sha: sha(letter),
                    author: Some(login.to_owned()),
                    committer: Some(login.to_owned()),
                    author_name: login.to_owned(),
                    message: format!("News of {login}"),
                    // The commit of alice changes the first service only.
                    files: if letter == 'c' { all[..1].to_vec() } else { all.clone() },
                    ..FakeCommit::default()
                },
            );
        }
        fake_github.tag(SHOP, "v1.4.1", &sha('a'));
        Self { signed, services: services.iter().map(ToString::to_string).collect() }
    }

    fn infra(&self) -> &Infra {
        &self.signed.stage.infra
    }

    /// The entry of a service in the payload.
    fn entry(service: &str) -> Value {
        let mut subject = subject();
        subject["service"] = json!(service);
        let reports = GATES.map(|command| {
            let mut report = report(command, Verdict::Passed);
            report.subject = subject.to_string().parse().unwrap();
            if let Some(run) = &mut report.run {
                "gates".clone_into(&mut run.job);
            }
            output(&report)
        });
        json!({ "subject": subject, "reports": reports })
    }

    fn entries(&self) -> Vec<(String, Value)> {
        self.services.iter().map(|service| (service.clone(), Self::entry(service))).collect()
    }

    /// The payload of `record`, which GitHub signed.
    fn payload(&self) -> Value {
        self.payload_of(&self.entries())
    }

    fn payload_of(&self, entries: &[(String, Value)]) -> Value {
        let sums: serde_json::Map<String, Value> =
            entries.iter().map(|(name, entry)| (name.clone(), json!(sum(entry)))).collect();
        let single = self.signed.stage.payload();
        let mut payload = json!({
            "validated_at": single["validated_at"],
            "evidence": {
                "schema": 2,
                "run": single["evidence"]["run"],
                "deploy": single["evidence"]["deploy"],
                "services": sums,
            },
        });
        with_entries(&mut payload, entries);
        let token = self.signed.sign(&self.signed.claims(), &batch::audience(&payload));
        payload["proof"] = json!(token);
        payload
    }

    fn run(&self, payload: &Value) -> Ended {
        let ended = dispatched(self.signed.runner(), payload).run(&["evidence"]);
        assert_eq!(self.signed.stage.fake_github.violations(), [""; 0]);
        ended
    }

    fn promote(&self, service: &str, tag: &str, trailers: &str) {
        shop::commit_promotion(self.infra(), &shop::ago(0), (service, "production"), tag, trailers);
    }
}

fn with_entries(payload: &mut Value, entries: &[(String, Value)]) {
    let entries = entries.iter().map(|(name, entry)| (name.parse::<Service>().unwrap(), entry.clone()));
    payload["entries"] = json!(pack(&entries.collect()));
}

fn ready(ended: &Ended) -> Vec<String> {
    ended.outputs.get("services").map(|list| serde_json::from_str(list).unwrap()).unwrap_or_default()
}

/// What the finding of a service says. One that is blocked says what to do.
fn says(ended: &Ended, service: &str) -> String {
    let finding = found(ended, service);
    assert!(finding["verdict"] == "passed" || !finding["next"].is_null(), "{finding}");
    format!("{}: {}", finding["verdict"].as_str().unwrap(), finding["actual"].as_str().unwrap())
}

#[test]
fn one_page_and_one_report_are_about_all_services() {
    let stage = BatchStage::new();
    let stage = BatchStage { services: SERVICES[..2].iter().map(ToString::to_string).collect(), ..stage };
    let ended = stage.run(&stage.payload());
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ready(&ended), SERVICES[..2]);
    let common = json!({ "environment": "production", "commit": sha('c') });
    assert_eq!(serde_json::from_str::<Value>(&ended.outputs["subject"]).unwrap(), common);
    assert_eq!(ended.report["subject"], common);
    assert_eq!(ended.outputs["excluded"], "alice\nbob\ndora\nEmil");
    assert_eq!((&*ended.outputs["repository-id"], ended.outputs.get("service")), ("74", None));
    assert_eq!(ended.outputs["validation-run"], "https://github.com/acme/shop/actions/runs/7/attempts/1");
    let title = "Ready for approval: 2 services in production: checkout-service, frontend";
    assert!(ended.summary.contains(title), "{}", ended.summary);
    for part in [
        "| ✅ | checkout-service | 1.4.1 → 1.4.2 | 3 of 3 gates passed · 2 commits by",
        "| ✅ | frontend | 1.4.1 → 1.4.2 | 3 of 3 gates passed",
        "may not approve: one approval is for all services.",
        "once for all services that are ready",
        "News of alice",
    ] {
        assert!(ended.summary.contains(part), "{part} in {}", ended.summary);
    }
    // The later steps find each service in the compact report.
    let mut received = ReceivedReports::default();
    received.add("evidence", &ended.outputs["report"]);
    let run: Run = serde_json::from_value(ended.report["run"].clone()).unwrap();
    let batch = received.batch(&common.to_string().parse().unwrap(), Some(&run)).unwrap().unwrap();
    assert_eq!(batch.services().map(Service::as_str).collect::<Vec<_>>(), SERVICES[..2]);
    let ids: Vec<&String> = batch.ready.iter().map(|report| &report.outputs["evidence"]).collect();
    assert!(ids[0] != ids[1] && ids[0].len() == 64, "{ids:?}");
}

#[test]
fn a_forged_entry_is_refused_and_named_and_the_others_count() {
    type Forgery = fn(&mut Vec<(String, Value)>);
    let forgeries: [(&str, &str, Forgery); 4] = [
        ("frontend", "has the sum", |entries| {
            let text = entries[1].1.to_string().replace("97 ms", "94 ms");
            entries[1].1 = serde_json::from_str(&text).unwrap();
        }),
        ("frontend", "has the sum", |entries| entries[1].1["subject"]["tag"] = json!("1.4.3")),
        ("frontend", "the payload has no entry of frontend", |entries| drop(entries.remove(1))),
        ("zoo", "nothing signs it", |entries| entries.push(("zoo".to_owned(), BatchStage::entry("frontend")))),
    ];
    for (service, part, forge) in forgeries {
        let stage = BatchStage::new();
        let (mut payload, mut entries) = (stage.payload(), stage.entries());
        forge(&mut entries);
        with_entries(&mut payload, &entries);
        let ended = stage.run(&payload);
        assert_eq!(end(&ended), (1, "blocked"), "{part}: {}", ended.log);
        let others: Vec<&str> =
            ["checkout-service", "frontend"].into_iter().filter(|other| *other != service).collect();
        let ready = ready(&ended);
        assert!(others.iter().all(|other| ready.contains(&(*other).to_owned())), "{ready:?}");
        assert!(!ready.contains(&service.to_owned()), "{ready:?}");
        let says = says(&ended, service);
        assert!(says.starts_with("blocked: left out: proof: ") && says.contains(part), "{part}: {says}");
        assert!(ended.summary.contains(&format!("| ⛔ | {service} | left out |")), "{}", ended.summary);
    }
}

#[test]
fn a_forged_batch_is_refused_whole() {
    let stage = BatchStage::new();
    let honest = stage.payload();
    let mut unsigned = honest.clone();
    unsigned.as_object_mut().unwrap().remove("proof");
    // The entry and its sum: then the signature is of something else.
    let mut entries = stage.entries();
    entries[1].1["subject"]["tag"] = json!("1.4.3");
    let mut edited = honest.clone();
    with_entries(&mut edited, &entries);
    edited["evidence"]["services"]["frontend"] = json!(sum(&entries[1].1));
    let mut other_run = honest.clone();
    other_run["evidence"]["run"]["id"] = json!(8);
    for (payload, part) in
        [(unsigned, "GitHub did not sign it"), (edited, "signed with `aud`"), (other_run, "signed with")]
    {
        let ended = stage.run(&payload);
        assert_eq!(end(&ended), (1, "blocked"), "{part}: {}", ended.log);
        assert_eq!(ready(&ended), [""; 0]);
        for service in SERVICES {
            let says = says(&ended, service);
            assert!(says.starts_with("blocked: left out: proof: ") && says.contains(part), "{part}: {says}");
        }
    }
    // The signature of a single payload is not one of a batch.
    let mut single = honest.clone();
    let token = stage.signed.signed(&stage.signed.claims())["proof"].clone();
    single["proof"] = token;
    assert_eq!(ready(&stage.run(&single)), [""; 0]);
    let mut schema = honest;
    schema["evidence"]["schema"] = json!(1);
    assert_eq!(end(&stage.run(&schema)).0, 2);
}

#[test]
fn a_service_of_another_repository_is_refused_and_named() {
    for (from, to, service, part) in [
        (
            "  search:\n    repository: acme/shop",
            "  search:\n    repository: acme/search",
            "search",
            "source repository",
        ),
        ("  frontend:\n", "  front:\n", "frontend", "is not in `services`"),
    ] {
        let mut stage = BatchStage::new();
        let config = stage.signed.stage.config.replace(from, to);
        assert_ne!(config, stage.signed.stage.config);
        stage.signed.stage.config = config;
        let ended = stage.run(&stage.payload());
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        let expected: Vec<&str> = SERVICES.into_iter().filter(|other| *other != service).collect();
        assert_eq!(ready(&ended), expected);
        assert!(says(&ended, service).contains(part), "{}", says(&ended, service));
    }
}

#[test]
fn a_service_that_did_not_change_is_not_promoted() {
    let stage = BatchStage::new();
    // This image is there already; no commit since `b` changes the second service; the third one is as before.
    stage.promote("checkout-service", "1.4.2", "");
    stage.promote("frontend", "1.4.0", "");
    stage.promote("frontend", "1.4.1", &format!("Source-commit: {}", sha('b')));
    let ended = stage.run(&stage.payload());
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ready(&ended), ["search"]);
    let image = "ghcr.io/acme/checkout-service:1.4.2 is in production already";
    assert!(says(&ended, "checkout-service").contains(image), "{}", says(&ended, "checkout-service"));
    let paths = "none of the 1 commits since bbbbbbb changes services/frontend";
    assert!(says(&ended, "frontend").contains(paths), "{}", says(&ended, "frontend"));
    for part in ["| ➖ | checkout-service | did not change |", "| ➖ | frontend | did not change |", "| ✅ | search |"]
    {
        assert!(ended.summary.contains(part), "{part} in {}", ended.summary);
    }
    // Then there is nothing to approve.
    stage.promote("search", "1.4.2", "");
    let ended = stage.run(&stage.payload());
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!((&*ended.outputs["services"], ended.outputs.get("subject")), ("[]", None));
    assert!(ended.summary.contains("Nothing to promote: checkout-service, frontend, search did not change"));
}

#[test]
fn the_tests_of_each_service_are_compared_with_its_own_promotion() {
    let stage = BatchStage::new();
    let mut entries = stage.entries();
    for (_, entry) in &mut entries {
        let mut smoke: Report = serde_json::from_str(entry["reports"][1].as_str().unwrap()).unwrap();
        smoke.outputs.insert("tests".to_owned(), "36".to_owned());
        entry["reports"][1] = json!(output(&smoke));
    }
    for (service, tests) in [("checkout-service", 38), ("frontend", 41)] {
        stage.promote(service, "1.4.0", "");
        let evidence = format!("Evidence: {tests:064x}\nSource-commit: {}", sha('a'));
        stage.promote(service, "1.4.1", &format!("{evidence}\nTests: {tests}"));
    }
    let ended = stage.run(&stage.payload_of(&entries));
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert_eq!(ready(&ended), ["checkout-service", "search"]);
    assert!(says(&ended, "frontend").contains("tests: 41 → 36 since 1.4.1"), "{}", says(&ended, "frontend"));
    assert!(ended.summary.contains("tests: 38 → 36 |"), "{}", ended.summary);
    // `promote` finds the number in the report of each service.
    assert_eq!(ended.report["reports"][0]["outputs"]["tests"], "36");
    let compact: Report = serde_json::from_str(&ended.outputs["report"]).unwrap();
    assert_eq!(compact.reports[0].outputs["tests"], "36");
}

#[test]
fn each_service_has_its_own_history() {
    let stage = BatchStage::new();
    let payload = stage.payload();
    let ended = stage.run(&payload);
    let id = ended.report["reports"][0]["outputs"]["evidence"].as_str().unwrap().to_owned();
    // Promoted on this evidence and rolled back since; a newer image of the second service is there.
    stage.promote("checkout-service", "1.4.2", &format!("Evidence: {id}\nWorkflow: {REPLAYED}"));
    stage.promote("checkout-service", "1.4.1", &format!("Promotion-kind: rollback\nSource-commit: {}", sha('a')));
    stage.signed.stage.fake_github.commit(SHOP, &sha('d'), "bob", "newer");
    stage.promote("frontend", "1.4.3", &format!("Source-commit: {}", sha('d')));
    let ended = stage.run(&payload);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(ready(&ended), ["search"]);
    assert!(says(&ended, "checkout-service").contains("replay: promoted by"), "{}", says(&ended, "checkout-service"));
    assert!(says(&ended, "frontend").contains("a downgrade"), "{}", says(&ended, "frontend"));
}

#[test]
fn a_failed_job_counts_against_its_service_alone() {
    let stage = BatchStage::new();
    stage.signed.stage.job("gates (frontend)", "failure", None);
    stage.signed.stage.fake_github.set_run(SHOP, validating_run());
    let failed = github::FakeRun { conclusion: Some("failure".to_owned()), ..validating_run() };
    stage.signed.stage.fake_github.set_run(SHOP, failed);
    let ended = stage.run(&stage.payload());
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(ready(&ended), ["checkout-service", "search"]);
    assert!(
        says(&ended, "frontend").contains("job `gates (frontend)` ended as failure"),
        "{}",
        says(&ended, "frontend")
    );
}

#[test]
fn evidence_accepts_the_batch_of_record() {
    let stage = BatchStage::new();
    let fake_github = &stage.signed.stage.fake_github;
    fake_github.create(INFRA);
    fake_github.grant("dispatcher", INFRA, &["contents=write"]);
    let request_token = stage.signed.add_job(&stage.signed.claims());
    let subjects: Vec<Value> = SERVICES.iter().map(|service| json!({ "service": service, "tag": "1.4.2" })).collect();
    let record = Runner::new()
        .env("GITHUB_API_URL", &fake_github.api_url())
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", &request_token.0)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", request_token.1)
        .input("repository", INFRA)
        .input("token", "dispatcher")
        .input("source-token", TOKEN)
        .input("environment", "staging")
        .input("subjects", &json!(subjects).to_string())
        .input("reports", "reports/*");
    for (service, entry) in stage.entries() {
        for (index, report) in entry["reports"].as_array().unwrap().iter().enumerate() {
            record.write(&format!("reports/{service}-{index}"), report.as_str().unwrap());
        }
    }
    let deploy = json!({ "id": 41, "run_attempt": 1, "head_sha": sha('c'), "head_branch": "main" });
    let event = json!({ "action": "completed", "workflow_run": deploy }).to_string();
    let ended = with_event(record, "workflow_run", &event).run(&["record"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let dispatch = fake_github.dispatches(INFRA).remove(0);
    let ended = stage.run(&dispatch.client_payload);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ready(&ended), SERVICES);
}

#[test]
fn fifty_services_fit_through_one_output() {
    let names: Vec<String> = (0..50).map(|index| format!("service-{index:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stage = BatchStage::with_services(&names);
    let ended = stage.run(&stage.payload());
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ready(&ended), names);
    assert!(ended.outputs["report"].len() < 60_000, "{}", ended.outputs["report"].len());
    assert!(ended.summary.len() < 1_000_000, "{}", ended.summary.len());
    let mut received = ReceivedReports::default();
    received.add("evidence", &ended.outputs["report"]);
    assert_eq!(received.received.len(), 51);
}
