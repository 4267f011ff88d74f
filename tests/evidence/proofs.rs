//! Payloads that GitHub signed, and forged, stolen or unlucky proofs. Each forgery differs from its honest twin in one thing.

mod failures;
mod tokens;

use promote_gates::{proof::audience, sandbox::issuer::FakeIssuer};

use super::*;

/// A token without Checks: read, which no proof needs.
const PLAIN_TOKEN: &str = "ghs_tokenWithoutChecks";

/// A stage whose gates print no notices: what `record` sends is signed instead.
pub struct SignedStage {
    pub stage: Stage,
    issuer: FakeIssuer,
}

impl SignedStage {
    pub fn new() -> Self {
        Self::of(Stage::new())
    }

    pub fn of(stage: Stage) -> Self {
        stage.fake_github.grant(PLAIN_TOKEN, SHOP, &["actions=read", "contents=read", "pull_requests=read"]);
        Self { stage, issuer: FakeIssuer::start().unwrap() }
    }

    /// A token with these claims, for this audience.
    pub fn sign(&self, claims: &Value, audience: &str) -> String {
        self.issuer.sign(claims, audience).unwrap()
    }

    /// Adds a job with these claims that may ask for tokens: at which URL, and with which token.
    pub fn add_job(&self, claims: &Value) -> (String, &'static str) {
        const REQUEST_TOKEN: &str = "request-token-of-record";
        self.issuer.add_job(REQUEST_TOKEN, claims.clone());
        (self.issuer.request_url(), REQUEST_TOKEN)
    }

    fn job(&self, name: &str) -> u64 {
        self.stage.fake_github.set_job(SHOP, 7, 1, FakeJob::running(name, "GitHub Actions 9"))
    }

    /// What GitHub says about the job of `record`. The run is of the default branch's tip, which is not the deployed commit.
    pub fn claims(&self) -> Value {
        let workflow_ref = format!("{SHOP}/{VALIDATE}@refs/heads/main");
        json!({
            "repository": SHOP,
            "repository_id": "74",
            "run_id": "7",
            "run_attempt": "1",
            "event_name": "workflow_run",
            "workflow_ref": workflow_ref,
            "job_workflow_ref": workflow_ref,
            "ref": "refs/heads/main",
            "sha": sha('b'),
            "check_run_id": self.job("record").to_string(),
        })
    }

    pub fn signed(&self, claims: &Value) -> Value {
        let payload = self.stage.payload();
        let token = self.issuer.sign(claims, &audience::of(&payload)).unwrap();
        with_proof(payload, &token)
    }

    pub fn runner(&self) -> Runner {
        self.stage
            .runner()
            .input("proof", "")
            .input("source-token", PLAIN_TOKEN)
            .input("issuer", &self.issuer.issuer())
            .input("timeout", "20s")
    }

    pub fn run(&self, payload: &Value) -> Ended {
        dispatched(self.runner(), payload).run(&["evidence"])
    }

    /// Asserts that a proof with these claims passes.
    fn passes(&self, claims: &Value) -> Ended {
        let ended = self.run(&self.signed(claims));
        assert_eq!(end(&ended), (0, "passed"), "{claims}: {}", ended.log);
        ended
    }

    /// Asserts that the payload does not pass, and what the finding `proof` says.
    fn refuses(&self, payload: &Value, verdict: &str, parts: &[&str]) -> Ended {
        let ended = self.run(payload);
        let proof = found(&ended, "proof");
        assert_eq!((end(&ended).1, &proof["verdict"]), (verdict, &json!(verdict)), "{parts:?}: {}", ended.log);
        let text = format!("{} {} {}", proof["actual"], proof["expected"], proof["next"]);
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!proof["next"].is_null(), "{text}");
        ended
    }
}

fn with_proof(mut payload: Value, token: &str) -> Value {
    payload["proof"] = json!(token);
    payload
}

fn with(mut claims: Value, name: &str, value: &Value) -> Value {
    claims[name] = value.clone();
    claims
}

#[test]
fn signed_evidence_passes_without_notices_and_without_checks() {
    let mut signed = SignedStage::new();
    let ended = signed.passes(&signed.claims());
    assert_eq!(found(&ended, "proof")["actual"], "signed by GitHub for run 7, attempt 1 of acme/shop");
    assert!(
        ended.summary.contains("The evidence is signed by GitHub for run 7, attempt 1 of acme/shop."),
        "{}",
        ended.summary
    );
    let ended_at = signed.stage.reports[0].finished_at.clone();
    assert_eq!((&*ended.outputs["repository-id"], &ended.outputs["validated-at"]), ("74", &ended_at));
    let requests = signed.stage.fake_github.requests();
    assert!(requests.iter().all(|request| !request.path.contains("/check-runs/")), "{requests:?}");
    assert_eq!(signed.stage.fake_github.violations(), [""; 0]);
    let token = signed.signed(&signed.claims())["proof"].as_str().unwrap().to_owned();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!format!("{} {} {}", ended.log, ended.report, ended.summary).contains(signature), "the proof is not shown");
    // An older server names no job.
    let mut claims = signed.claims();
    claims.as_object_mut().unwrap().remove("check_run_id");
    signed.passes(&claims);
    // GitHub's names ignore case.
    let mut claims = signed.claims();
    for name in ["repository", "workflow_ref", "job_workflow_ref"] {
        claims[name] = json!(claims[name].as_str().unwrap().replace("acme/shop", "Acme/Shop"));
    }
    signed.passes(&claims);
    // The deploy workflow and the branch of releases may be others than the default branch.
    signed.stage.fake_github.set_default_branch(SHOP, "trunk");
    signed.stage.fake_github.branch(SHOP, "main", &sha('c'));
    signed.stage.config = CONFIG.replace("policy:", "    branch: main\npolicy:");
    let claims = signed.claims().to_string().replace("refs/heads/main", "refs/heads/trunk");
    signed.passes(&serde_json::from_str(&claims).unwrap());
    signed.refuses(&signed.signed(&signed.claims()), "blocked", &["`ref` refs/heads/main", "refs/heads/trunk"]);
}

#[test]
fn a_proof_of_another_job_run_or_source_is_refused_with_the_claim_that_differs() {
    let signed = SignedStage::new();
    let gate = signed.stage.fake_github.set_job(SHOP, 7, 1, FakeJob::ended("smoke", "success"));
    let leg = signed.stage.fake_github.set_job(SHOP, 7, 1, FakeJob::ended("performance (chrome)", "success"));
    let lint = signed.job("lint");
    let elsewhere = signed.stage.fake_github.set_job(SHOP, 41, 1, FakeJob::running("record", "r"));
    let at = |seconds: i64| json!(SystemClock::new().wall().as_second() + seconds);
    let fork = "mallory/shop/.github/workflows/validate-staging.yml@refs/heads/main";
    for (claim, value, verdict, parts) in [
        ("aud", json!("sts.amazonaws.com"), "blocked", &["`aud` sts.amazonaws.com", "promote-gates:"][..]),
        ("aud", json!("promote-gates:"), "blocked", &["`aud` promote-gates:"]),
        ("iss", json!("https://token.actions.githubusercontent.com"), "blocked", &["`iss` https://token", "127.0.0.1"]),
        (
            "repository",
            json!("acme/frontend"),
            "blocked",
            &["`repository` acme/frontend", "acme/shop, as `services` says"],
        ),
        ("run_id", json!("8"), "blocked", &["`run_id` 8", "7, as the payload says"]),
        ("run_attempt", json!("2"), "blocked", &["`run_attempt` 2", "1, as the payload says"]),
        ("event_name", json!("push"), "blocked", &["`event_name` push", "workflow_run, by `events`"]),
        ("event_name", json!("pull_request_target"), "blocked", &["`event_name` pull_request_target"]),
        ("iat", at(-25 * 3600), "blocked", &["before this check", "at most 1d before", "validate the release again"]),
        ("iat", at(600), "inconclusive", &["signed at", "set the runner's clock"]),
        ("ref", json!("refs/heads/evil"), "blocked", &["`ref` refs/heads/evil", "the default branch"]),
        ("ref", json!("refs/tags/main"), "blocked", &["`ref` refs/tags/main", "refs/heads/main"]),
        ("workflow_ref", json!(fork), "blocked", &["`workflow_ref` mallory/shop/"]),
        (
            "workflow_ref",
            json!("acme/shop/.github/workflows/nightly.yml@refs/heads/main"),
            "blocked",
            &["`workflow_ref` acme/shop/.github/workflows/nightly.yml"],
        ),
        (
            "workflow_ref",
            json!("acme/shop/.github/workflows/validate-staging.yml@refs/heads/evil"),
            "blocked",
            &["`workflow_ref`", "@refs/heads/evil"],
        ),
        (
            "job_workflow_ref",
            json!("acme/workflows/.github/workflows/x.yml@refs/heads/main"),
            "blocked",
            &["`job_workflow_ref` acme/workflows", "name it in `job-workflow`"],
        ),
        (
            "check_run_id",
            json!(gate.to_string()),
            "blocked",
            &["signed by job `smoke`, which ran smoke", "in its own job"],
        ),
        ("check_run_id", json!(leg.to_string()), "blocked", &["job `performance (chrome)`, which ran performance"]),
        (
            "check_run_id",
            json!(lint.to_string()),
            "blocked",
            &["signed by job `lint`", "the job `record`", "`record-job`"],
        ),
        ("check_run_id", json!(elsewhere.to_string()), "blocked", &["which is none of this attempt's"]),
        ("run_id", json!("seven"), "blocked", &["no token: its claims"]),
        ("aud", json!(["promote-gates:"]), "blocked", &["no token: its claims"]),
    ] {
        signed.refuses(&signed.signed(&with(signed.claims(), claim, &value)), verdict, parts);
    }
    // The honest twins: clocks that are a little behind or ahead.
    for seconds in [-240, -5, 200] {
        signed.passes(&with(signed.claims(), "iat", &at(seconds)));
    }
}

#[test]
fn a_proof_counts_for_exactly_the_evidence_that_it_signs() {
    let signed = SignedStage::new();
    let honest = signed.signed(&signed.claims());
    assert_eq!(end(&signed.run(&honest)).0, 0);
    // The same values in another spelling: GitHub writes the payload again.
    let mut spelled = json!({ "proof": honest["proof"] });
    for key in ["evidence", "validated_at", "image_tag", "service"] {
        spelled[key] = honest[key].clone();
    }
    assert_eq!(end(&signed.run(&spelled)).0, 0);
    let first = honest["evidence"]["reports"][0].as_str().unwrap();
    for (pointer, value) in [
        ("/evidence/reports/0", json!(first.replace("97 ms", "96 ms"))),
        ("/evidence/reports/0", json!(format!("{first} "))),
        ("/validated_at", json!(rfc3339(ago(2)))),
        ("/evidence/run/url", json!("https://github.com/acme/shop/actions/runs/7")),
        ("/evidence/deploy/attempt", json!(2)),
    ] {
        let mut forged = honest.clone();
        *forged.pointer_mut(pointer).unwrap() = value;
        signed.refuses(&forged, "blocked", &["signed with `aud` promote-gates:", "the sum of what arrived"]);
    }
    let mut fewer = honest.clone();
    fewer["evidence"]["reports"].as_array_mut().unwrap().pop();
    signed.refuses(&fewer, "blocked", &["`aud`"]);
    // A stolen proof on another release, and none.
    let mut other = honest.clone();
    other["proof"].take();
    let ended = signed.run(&other);
    assert_eq!((ended.code, &*ended.outputs["verdict"]), (2, "inconclusive"), "{}", ended.log);
    signed.refuses(
        &signed.stage.payload(),
        "blocked",
        &["GitHub did not sign it", "`id-token: write`", "`proof: annotations`"],
    );
}

#[test]
fn a_repository_of_the_same_name_but_another_number_is_refused() {
    let mut signed = SignedStage::new();
    signed.stage.config = CONFIG.replace("    image:", "    repository-id: 74\n    image:");
    signed.passes(&signed.claims());
    let other = with(signed.claims(), "repository_id", &json!("9000"));
    signed.refuses(&signed.signed(&other), "blocked", &["`repository_id` 9000", "74, `repository-id` of the service"]);
    // Without a setting, the number that the last promotion recorded counts; before the first promotion there is none.
    signed.stage.config = CONFIG.to_owned();
    signed.passes(&other);
    signed.stage.infra_at_first_tag("Repository-id: 74");
    // A message that changes no image is believed by nothing.
    let message = "promote\n\nService: checkout-service\nEnvironment: production\nImage: ghcr.io/acme/checkout-service:1.4.1\n\
                   Repository-id: 9000\n";
    shop::commit(&signed.stage.infra, &shop::ago(0), message, None);
    signed.passes(&signed.claims());
    signed.refuses(&signed.signed(&other), "blocked", &["`repository_id` 9000", "74, as promotion"]);
}

#[test]
fn git_gets_no_means_to_let_github_sign() {
    let signed = SignedStage::new();
    let runner = dispatched(signed.runner(), &signed.signed(&signed.claims()));
    let seen = runner.workspace().join("seen").display().to_string();
    // A wrapper around git that records its environment.
    runner.write("bin/git", format!("#!/bin/sh\nenv >>'{seen}'\nPATH=${{PATH#*:}} exec git \"$@\"\n"));
    let script = "chmod +x bin/git && PATH=\"$PWD/bin:$PATH\" exec \"$@\"";
    let runner = runner
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", "https://runner.example/token")
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ghs_hunter2")
        .env("KEPT", "yes");
    let ended = runner.run_by(script, &["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("KEPT=yes") && !seen.contains("ACTIONS_ID_TOKEN"), "{seen}");
}

#[test]
fn a_push_is_signed_for_its_branch_and_commit() {
    let mut signed = SignedStage::new();
    let deploy = format!("    deploy-workflow: {DEPLOY}\n");
    signed.stage.config = CONFIG.replace(&deploy, "    branch: release/1\n");
    let run =
        github::FakeRun { event: "push".to_owned(), head_branch: Some("release/1".to_owned()), ..validating_run() };
    signed.stage.fake_github.set_run(SHOP, github::FakeRun { head_sha: sha('c'), ..run }.in_progress());
    signed.stage.fake_github.branch(SHOP, "release/1", &sha('c'));
    signed.stage.deploy = json!({ "id": 41, "attempt": 1, "head_sha": sha('c') });
    let text =
        signed.claims().to_string().replace("refs/heads/main", "refs/heads/release/1").replace(&sha('b'), &sha('c'));
    let claims = with(serde_json::from_str(&text).unwrap(), "event_name", &json!("push"));
    signed.passes(&claims);
    for (claim, value, part) in [
        ("sha", json!(sha('d')), "`sha` dddd"),
        ("ref", json!("refs/heads/main"), "`ref` refs/heads/main"),
        ("ref", json!("refs/tags/release/1"), "`ref` refs/tags/release/1"),
        ("event_name", json!("workflow_run"), "`event_name` workflow_run"),
    ] {
        signed.refuses(&signed.signed(&with(claims.clone(), claim, &value)), "blocked", &[part]);
    }
}

#[test]
fn a_reusable_workflow_and_a_job_of_another_name_are_settings() {
    let mut signed = SignedStage::new();
    let reusable = "acme/workflows/.github/workflows/validate.yml@refs/tags/v1";
    let lines = format!(
        "    job-workflow: {reusable}\n    record-job: send it\n    events: [schedule, workflow_run]\n    image:"
    );
    signed.stage.config = CONFIG.replace("    image:", &lines);
    let job = signed.job("validate / send it");
    let claims = with(signed.claims(), "job_workflow_ref", &json!(reusable));
    let claims = with(claims, "check_run_id", &json!(job));
    signed.passes(&claims);
    for (claim, value, part) in [
        ("job_workflow_ref", json!(reusable.replace("v1", "v2")), "`job_workflow_ref` acme/workflows/"),
        ("job_workflow_ref", claims["workflow_ref"].clone(), "`job_workflow_ref` acme/shop/"),
        ("check_run_id", json!(signed.job("record")), "signed by job `record`"),
    ] {
        signed.refuses(&signed.signed(&with(claims.clone(), claim, &value)), "blocked", &[part]);
    }
    let mut without = claims;
    without.as_object_mut().unwrap().remove("job_workflow_ref");
    signed.refuses(&signed.signed(&without), "blocked", &["`job_workflow_ref` (none)"]);
}

#[test]
fn a_signature_does_not_make_a_report_pass() {
    for (change, part) in [
        ((|report| report.dry_run = true) as fn(&mut Report), "in dry-run, which counts for nothing"),
        (|report| report.verdict = Verdict::Blocked, "blocked: "),
        (
            |report| report.subject = r#"{"service":"checkout-service","tag":"1.4.1"}"#.parse().unwrap(),
            "another subject",
        ),
        (|report| report.run.as_mut().unwrap().attempt = 2, "attempt 2 of run 7"),
        (|report| report.finished_at = rfc3339(ago(25 * 60)), "before this check"),
        (|report| report.finished_at = rfc3339(ago(-10)), "after GitHub signed it"),
        (|report| report.finished_at = "yesterday".to_owned(), "does not say when it ended"),
    ] {
        let mut signed = SignedStage::new();
        change(&mut signed.stage.reports[1]);
        let ended = signed.run(&signed.signed(&signed.claims()));
        assert_ne!(end(&ended).0, 0, "{}", ended.log);
        let smoke = found(&ended, "smoke");
        assert!(smoke["actual"].as_str().unwrap().contains(part), "{part} in {smoke}");
        assert_eq!(found(&ended, "proof")["verdict"], "passed");
    }
}

#[test]
fn the_job_of_a_signed_report_must_have_succeeded() {
    let signed = SignedStage::new();
    let payload = signed.signed(&signed.claims());
    for (job, verdict, part) in [
        (FakeJob::ended("smoke", "failure"), "blocked", "its job `smoke` ended as failure"),
        (FakeJob::running("smoke", "r"), "inconclusive", "its job `smoke` is in_progress"),
        (FakeJob::ended("smoke", "success"), "passed", "passed: "),
        (FakeJob::ended("smoke (firefox)", "cancelled"), "blocked", "its job `smoke (firefox)` ended as cancelled"),
    ] {
        signed.stage.fake_github.set_job(SHOP, 7, 1, job);
        let ended = signed.run(&payload);
        let smoke = found(&ended, "smoke");
        assert_eq!((end(&ended).1, &smoke["verdict"]), (verdict, &json!(verdict)), "{}", ended.log);
        assert!(smoke["actual"].as_str().unwrap().contains(part), "{part} in {smoke}");
    }
}

/// One run validates several services, and another one's gate fails after this one's evidence was sent.
#[test]
fn a_job_that_failed_for_another_service_changes_nothing() {
    let other = "  cart:\n    repository: acme/shop\n    workflow: .github/workflows/validate-staging.yml\n    image: ghcr.io/acme/cart\n";
    let config = CONFIG.replace("policy:", &format!("{other}policy:"));
    for (own, failed, record, verdict, part) in [
        (
            "smoke (checkout-service)",
            "smoke (cart)",
            "record",
            "passed",
            "no report of this evidence is from these jobs",
        ),
        (
            "validate (checkout-service) / smoke",
            "validate (cart) / smoke",
            "record",
            "passed",
            "job `validate (cart) / smoke`",
        ),
        // Which service a caller is for is not in its name.
        ("validate-1 / smoke", "validate-2 / smoke", "validate-1 / record", "passed", "job `validate-2 / smoke`"),
        ("smoke", "lint", "record", "passed", "job `lint` ended as failure"),
        ("smoke (eu)", "smoke (us)", "record", "blocked", "but its job `smoke (us)` ended as failure"),
        ("smoke (checkout-service, eu)", "smoke (checkout-service, us)", "record", "blocked", "ended as failure"),
        ("smoke (checkout-service)", "smoke (cart, checkout-service)", "record", "blocked", "ended as failure"),
        (
            "validate-1 / smoke",
            "validate-2 / smoke",
            "record",
            "blocked",
            "but its job `validate-2 / smoke` ended as failure",
        ),
        // A job with its own name may be the one of `smoke`.
        (
            "Smoke tests",
            "Browser tests",
            "record",
            "blocked",
            "run 7 ended as failure: job `Browser tests` ended as failure",
        ),
    ] {
        let mut signed = SignedStage::new();
        signed.stage.config.clone_from(&config);
        let mut claims = signed.claims();
        signed.stage.fake_github.remove_jobs(SHOP, 7);
        for (name, conclusion) in
            [("health", "success"), ("performance", "success"), (own, "success"), (failed, "failure")]
        {
            signed.stage.job(name, conclusion, None);
        }
        claims["check_run_id"] = json!(signed.stage.job(record, "success", None).to_string());
        signed.stage.fake_github.set_run(SHOP, validating_run().ended("failure"));
        let ended = signed.run(&signed.signed(&claims));
        assert_eq!(end(&ended).1, verdict, "{own}, {failed}: {}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
        if verdict == "passed" {
            assert!(found(&ended, "validating run")["waived"].is_string(), "{}", ended.log);
        }
    }
}
