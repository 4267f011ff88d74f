//! Dispatches that are not sent or that GitHub refuses.

use super::*;

#[test]
fn a_report_that_does_not_count_is_named_and_nothing_is_sent() {
    let with = |changed: Report| {
        let [_, smoke, performance] = passed();
        vec![changed, smoke, performance]
    };
    let health = || report("health", Verdict::Passed);
    let other = Report { subject: r#"{"service":"checkout-service","tag":"1.4.3"}"#.parse().unwrap(), ..health() };
    let mut outer = report_with("run", vec![Finding::passed("health")]);
    outer.reports = passed().into();
    outer.dry_run = true;
    for (reports, code, verdict, seen) in [
        (vec![], 3, "inconclusive", "report: ${{ steps.health.outputs.report }}"),
        (passed()[..2].to_vec(), 3, "inconclusive", "performance: no report of it"),
        (with(report("health", Verdict::Blocked)), 1, "blocked", "health: blocked: check: as seen"),
        (with(report("health", Verdict::Inconclusive)), 3, "inconclusive", "health: inconclusive: check: as seen"),
        (with(Report { dry_run: true, ..health() }), 3, "inconclusive", "health: passed in dry-run"),
        (with(other), 3, "inconclusive", "health: about another subject: tag 1.4.3, not 1.4.2"),
        (with(Report { run: Some(run(8)), ..health() }), 3, "inconclusive", "health: of another workflow run"),
        (with(Report { run: None, ..health() }), 3, "inconclusive", "health: of another workflow run"),
        (with(Report { schema: 3, ..health() }), 3, "inconclusive", "a report of schema 3"),
        (vec![outer], 3, "inconclusive", "smoke: passed in dry-run"),
    ] {
        let fake_github = fake_github();
        let ended = record(runner(&fake_github.api_url()), &reports);
        assert_eq!(end(&ended), (code, verdict, "refused"), "{seen}: {}", ended.log);
        assert!(ended.log.contains(seen), "{seen}: {}", ended.log);
        assert!(ended.log.contains("dispatch: nothing was sent"), "{}", ended.log);
        assert_eq!(fake_github.requests(), [], "{seen}");
    }
}

/// GitHub's "re-run failed jobs" keeps the outputs of the jobs that passed, and `evidence` accepts reports of one attempt.
#[test]
fn a_report_of_an_earlier_attempt_is_refused_with_the_way_out() {
    let of_attempt = |attempt| move |report: Report| Report { run: Some(Run { attempt, ..run(7) }), ..report };
    let second = |reports: &[Report], proof: &str| {
        let fake_github = fake_github();
        let runner = runner(&fake_github.api_url()).env("GITHUB_RUN_ATTEMPT", "2").input("proof", proof);
        (record(runner, reports), fake_github)
    };
    let [health, smoke, performance] = passed();
    let mixed = [health, of_attempt(2)(smoke), of_attempt(2)(performance)];
    let (ended, fake_github) = second(&mixed, "annotations");
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    let reason = &ended.outputs["reason"];
    assert!(
        reason.starts_with("health: its report (output `report` of `gate-0`) is of attempt 1, and this is attempt 2"),
        "{reason}"
    );
    for part in ["re-run all jobs of this run (`gh run rerun 7`)", "keeps the reports of the jobs that passed"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert_eq!(fake_github.requests(), []);
    let all = passed().map(of_attempt(2));
    let (ended, fake_github) = second(&all, "annotations");
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(fake_github.dispatches(INFRA)[0].client_payload["evidence"]["run"]["attempt"], 2);
    // A gate that is not required: its job's notice would miss it, and a signature does not.
    let more = [&all[..], &[report("bundle-size", Verdict::Passed)]].concat();
    let (ended, _) = second(&more, "annotations");
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.outputs["reason"].starts_with("bundle-size: its report"), "{}", ended.outputs["reason"]);
    // This job cannot ask for a signature, so the proof is what is missing.
    let (ended, _) = second(&more, "required");
    assert!(ended.outputs["reason"].starts_with("proof: "), "{}", ended.outputs["reason"]);
    assert!(ended.log.contains("gate-3`, of attempt 1 of this run"), "{}", ended.log);
}

/// The runner gives no output that contains a secret, and a matrix keeps the outputs of its last leg only.
#[test]
fn the_reason_names_a_dropped_output_and_a_matrix() {
    let without_health = |job: Value| {
        let [_, smoke, performance] = passed();
        let mut jobs: Value = serde_json::from_str(&needs(&outputs(&[smoke, performance]))).unwrap();
        jobs["health"] = job;
        jobs["lint"] = json!({ "result": "success", "outputs": {} });
        jobs
    };
    let subject = r#"{"service":"frontend","tag":"1.4.2"}"#.parse().unwrap();
    let other = output(&Report { subject, ..report("health", Verdict::Passed) });
    let dropped = "Skip output 'report' since it may contain secret";
    for (job, reason, next) in [
        (
            json!({ "result": "success", "outputs": { "verdict": "passed" } }),
            "health: no report of it: job `health` ended as success and has outputs, but no report",
            dropped,
        ),
        (
            json!({ "result": "success", "outputs": {} }),
            "health: no report of it: job `health` ended as success and has no outputs",
            dropped,
        ),
        (
            json!({ "result": "skipped", "outputs": {} }),
            "health: no report of it: job `health` ended as skipped",
            "see why that job ended as skipped",
        ),
        (
            json!({ "result": "success", "outputs": { "report": other } }),
            "health: about another subject: service frontend, not checkout-service",
            "a matrix keeps the outputs of its last leg only",
        ),
    ] {
        let fake_github = fake_github();
        let step = runner(&fake_github.api_url()).input("results", &without_health(job).to_string());
        let ended = step.run(&["record"]);
        assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
        assert!(ended.outputs["reason"].starts_with(reason), "{reason}: {}", ended.outputs["reason"]);
        let first = &ended.report["findings"][0]["next"];
        assert!(first.as_str().is_some_and(|text| text.contains(next)), "{next} in {first}");
        assert_eq!(fake_github.requests(), []);
    }
}

#[test]
fn bad_input_is_named_before_anything_is_sent() {
    let fake_github = fake_github();
    let long = "x".repeat(101);
    for (key, value, parts) in [
        ("results", "", &["`results`, `reports`", "results: ${{ toJSON(needs) }}"][..]),
        ("results", "success", &["`results`", "success", "toJSON(needs)"]),
        ("reports", "gone/*.json", &["gone/*.json", "names no file"]),
        ("reports", "../*.json", &["`reports`", "../*.json", "leaves the workspace"]),
        ("required", "helth", &["`required`", "input", "helth", "performance", "did you mean `health`?"]),
        ("required", "promote", &["`required`", "promote"]),
        ("repository", "", &["`repository`", "not given"]),
        ("repository", "acme", &["`repository`", "\"acme\"", "owner/name"]),
        ("event-type", &long, &["`event-type`", "1 to 100"]),
        ("event-type", "a\u{1b}[2K", &["`event-type`", "control character"]),
        ("token", "", &["`token`", "Contents: write on acme/ecommerce-infra"]),
        ("token", "two words\nof it", &["the token", "one line"]),
        ("timeout", "0", &["`timeout`", "0s"]),
        ("timeout", "soon", &["`timeout`", "soon", "a duration"]),
        ("service", "", &["`service`", "not given"]),
        ("service", "../../etc", &["`service`", "../../etc"]),
        ("tag", "", &["`tag`", "`digest`"]),
        ("tag", "::error::x", &["`tag`", "an OCI tag"]),
    ] {
        let results = needs(&outputs(&passed()));
        let ended = runner(&fake_github.api_url()).input("results", &results).input(key, value).run(&["record"]);
        assert_eq!((ended.code, &*ended.outputs["verdict"]), (2, "inconclusive"), "{key} {value}: {}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{key} {value}: {part} in {}", ended.log);
        }
    }
    for address in ["http://api.github.com", "https://me:hunter2@github.example.com"] {
        let ended = record(runner(address), &passed());
        assert_eq!(ended.code, 2, "{}", ended.log);
        assert!(ended.log.contains("the address of GitHub's API") && !ended.log.contains("hunter2"), "{}", ended.log);
    }
    assert_eq!(fake_github.requests(), []);
}

#[test]
fn a_refusal_by_github_is_reported_with_the_next_step() {
    let error_response = |status, message: &str| Some(FakeResponse::json(status, &json!({ "message": message })));
    for (token, repository, fault, parts) in [
        ("stranger", INFRA, None, ["401 Bad credentials", "the token is wrong, expired or revoked"]),
        ("reader", INFRA, None, ["403 Resource not accessible", "needs Contents: write on acme/ecommerce-infra"]),
        (TOKEN, "acme/elsewhere", None, ["404 Not Found", "there is no acme/elsewhere, or the token cannot see it"]),
        (TOKEN, INFRA, error_response(422, "too large"), ["422 too large", "does not accept what was sent"]),
        (
            TOKEN,
            INFRA,
            error_response(429, "slow down"),
            ["429 slow down", "it accepts requests again in a few minutes"],
        ),
        (TOKEN, INFRA, Some(FakeResponse::redirect("/elsewhere")), ["302", "acme/ecommerce-infra has moved"]),
    ] {
        let fake_github = fake_github();
        fake_github.grant("reader", INFRA, &["contents=read"]);
        if let Some(fault) = fault {
            fake_github.fail_next(InjectedFault::WithoutEffect(fault));
        }
        let ended =
            record(runner(&fake_github.api_url()).input("token", token).input("repository", repository), &passed());
        assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
        for part in parts {
            assert!(ended.log.contains(part), "{part} in {}", ended.log);
        }
        assert_eq!((fake_github.requests().len(), fake_github.dispatches(INFRA).len()), (1, 0), "{}", ended.log);
    }
}
