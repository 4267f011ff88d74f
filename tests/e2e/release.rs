//! A release through the shipped workflows: it is promoted to production with its evidence, once.

use promote_gates::sandbox::github::repository_id;
use promote_gates::sandbox::infra::FIRST_TAG;
use promote_gates::sandbox::server::FakeResponse;
use promote_gates::sandbox::staging::ResponseScript;
use serde_json::{Value, json};

use crate::acme::team::Team;
use crate::acme::{Acme, BASELINES, INFRA, trailers};

const SERVICE: &str = "checkout-service";

#[test]
fn a_validated_deployment_is_dispatched_to_the_infra_repository() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);

    let validated = team.release("Gift cards");

    assert!(validated.run.succeeded, "{}", validated.run.log);
    let [dispatch] = &validated.dispatches[..] else { panic!("one dispatch: {:?}", validated.dispatches) };
    assert_eq!(dispatch.event_type, "staging-validated");
    assert_eq!(dispatch.client_payload["service"], SERVICE);
    assert_eq!(dispatch.client_payload["image_tag"], validated.tag);
    let proof = dispatch.client_payload["proof"].as_str().expect("GitHub signs what is sent");
    let signature = proof.rsplit('.').next().expect("three parts");
    assert!(!validated.run.log.contains(signature), "the proof is masked: {}", validated.run.log);
    let evidence = &dispatch.client_payload["evidence"];
    assert_eq!((&evidence["run"]["id"], &evidence["deploy"]["id"]), (&json!(validated.id), &json!(validated.deploy)));
}

#[test]
fn a_validated_and_approved_release_is_promoted_once() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let validated = team.release("Gift cards");
    // The cluster deploys the commit once the gate watches it; the endpoint follows a little later.
    acme.production_cluster.deploy_when_watched(SERVICE, &validated.tag);
    acme.production.script(
        "/checkout-service/health/ready",
        ResponseScript::sequence(
            [FIRST_TAG, &validated.tag].map(|tag| FakeResponse::json(200, &json!({ "version": tag }))),
        ),
    );

    let promotion = acme.promotion(validated.event()).approved_by("lena");
    let run = promotion.run();

    assert!(run.succeeded, "{}", run.log);
    // The reviewer sees the evidence before the approval, because its job has no environment.
    let pack = &run.step("evidence", "evidence").summary;
    let signed = format!("signed by GitHub for run {}, attempt 1 of {}", validated.id, team.repository);
    for part in [FIRST_TAG, &validated.tag, "Gift cards", "dana", "performance", &signed] {
        assert!(pack.contains(part), "{part} in {pack}");
    }
    let [message] = &acme.promotions()[..] else { panic!("one promotion: {:#?}", acme.promotions()) };
    assert_eq!(message.lines().next(), Some(&*format!("promote(production): {SERVICE} → {}", validated.tag)));
    let trailers = trailers(message);
    let url = |server: &str, repository: &str, id| format!("{server}/{repository}/actions/runs/{id}/attempts/1");
    let evidence = &run.step("evidence", "evidence").outputs["evidence"];
    assert_eq!(evidence.len(), 64, "{evidence}");
    for (name, value) in [
        ("Service", SERVICE),
        ("Environment", "production"),
        ("Image", &format!("ghcr.io/acme/{SERVICE}:{}", validated.tag)),
        ("Previous-Image", &format!("ghcr.io/acme/{SERVICE}:{FIRST_TAG}")),
        ("Source-commit", &validated.tag),
        ("Evidence", evidence),
        ("Repository-id", &repository_id(&team.repository).to_string()),
        ("Validation-run", &url("https://github.com", &team.repository, validated.id)),
        ("Approved-by", "lena"),
        ("Triggered-by", "acme-dispatcher[bot]"),
        ("Workflow", &url(acme.git.url(), INFRA, promotion.id)),
        ("Required", "evidence, approval, wait"),
        ("Promotion-kind", "normal"),
    ] {
        assert_eq!(trailers.get(name).map(String::as_str), Some(value), "{name} in {message}");
    }
    assert_eq!(acme.image(SERVICE), validated.tag);
    assert_eq!(acme.git.pushed(), [INFRA], "one push, with the only token that can");
    let verify = run.step("verify (checkout-service)", "0");
    assert_eq!(verify.outputs["verdict"], "passed", "production runs the commit");
    // What was measured on staging is a baseline now.
    assert_eq!(run.step("baseline", "baseline").outputs["sessions"], "1", "{}", run.log);
    let [session] = &sessions(&acme)[..] else { panic!("one session: {:?}", sessions(&acme)) };
    assert_eq!((&session["subject"]["tag"], &session["verdict"]), (&json!(validated.tag), &json!("passed")));
    assert!(session["promoted-at"].is_string() && session["figures"]["all"].is_number(), "{session}");
    for pending in ["available, revision 1\n", "available, revision 2\n", "the condition is false"] {
        assert!(verify.printed.contains(pending), "{pending} in {}", verify.printed);
    }

    // The same dispatch again is blocked before the approval.
    let again = acme.promotion(validated.event()).approved_by("piet").run();
    let evidence = again.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", again.log);
    assert!(!again.jobs.contains_key("promote"), "{:?}", again.jobs.keys());
    assert_eq!(acme.promotions().len(), 1);
}

#[test]
fn a_cluster_that_does_not_deploy_the_commit_is_blocked_with_both_images() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let validated = team.release("Gift cards");

    let run = acme.promotion(validated.event()).approved_by("lena").run();

    assert_eq!(run.step("promote", "promote").outputs["verdict"], "passed", "{}", run.log);
    let verify = run.step("verify (checkout-service)", "0");
    assert_eq!((verify.exit, verify.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let [error] = verify.annotated("error")[..] else { panic!("one error: {:?}", verify.annotations) };
    let image = |tag: &str| format!("ghcr.io/acme/{SERVICE}:{tag}");
    let healthy = format!("it is healthy, and runs {}, not {}", image(FIRST_TAG), image(&validated.tag));
    assert!(error.message.contains(&healthy), "{}", error.message);
    assert!(verify.printed.contains("no request is sent to the endpoints"), "{}", verify.printed);
}

#[test]
fn a_rerun_promotes_nothing_twice_and_needs_a_new_approval() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let first = team.release("Gift cards");
    acme.deploy_to_production(SERVICE, &first.tag);
    let promotion = acme.promotion(first.event()).approved_by("lena");
    assert!(promotion.run().succeeded);

    // The commit exists already, so the re-run only repeats the later steps.
    let again = promotion.rerun().run();
    assert!(again.succeeded, "{}", again.log);
    assert_eq!(again.step("promote", "promote").outputs["changed"], "false");
    assert_eq!(acme.promotions().len(), 1);

    // Without a commit from the first attempt, GitHub does not record which attempt lena approved.
    let second = team.release("Gift cards in boxes");
    let again = acme.promotion(second.event()).approved_by("lena").rerun().run();
    let approval = again.step("promote", "approval");
    assert_eq!((approval.exit, approval.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", again.log);
    assert!(approval.summary.contains("dispatch"), "{}", approval.summary);
    assert_eq!(acme.promotions().len(), 1);
}

#[test]
fn a_slow_release_is_not_dispatched() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    acme.make_slow();

    let validated = team.release("Gift cards");

    let performance = validated.run.step("performance", "performance");
    assert_eq!((performance.exit, performance.outputs["verdict"].as_str()), (Some(1), "blocked"));
    let record = validated.run.step("record", "1");
    assert_eq!((record.exit, record.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", validated.run.log);
    assert!(record.summary.contains("performance"), "{}", record.summary);
    assert!(validated.dispatches.is_empty(), "{:#?}", validated.dispatches);
    // It stays with its release, and is no baseline.
    assert_eq!(validated.run.step("baseline", "baseline").outputs["sessions"], "0", "{}", validated.run.log);
    let [session] = &sessions(&acme)[..] else { panic!("one session: {:?}", sessions(&acme)) };
    assert_eq!((&session["subject"]["tag"], &session["verdict"]), (&json!(validated.tag), &json!("blocked")));
    assert_eq!(session.get("promoted-at"), None);
}

/// The sessions that the infra repository keeps.
fn sessions(acme: &Acme) -> Vec<Value> {
    let file = acme.fake_github.branch_file(INFRA, BASELINES, &format!("baselines/{SERVICE}.json")).expect("a file");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    file["sessions"].as_array().expect("sessions").clone()
}
