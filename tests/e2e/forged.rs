//! Forged dispatches to `promote-to-production.yml`: the holder of the dispatch token can send any payload. `tests/evidence`
//! has all cases; these are the ones that need a real validation run.

use promote_gates::sandbox::github;
use serde_json::{Value, json};

use crate::acme::team::{Team, ValidatedRelease, event, repository};
use crate::acme::{Acme, SERVICES};

const SERVICE: &str = SERVICES[0];

/// Words of the expected error, and the change to the payload or to the records on GitHub.
type Forgery = (&'static str, fn(&Acme, &ValidatedRelease, &str) -> Value);

fn payload(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The last two change the records on GitHub, so the order matters.
const FORGERIES: [Forgery; 7] = [
    // No proof.
    ("GitHub did not sign it", |_, _, text| {
        let mut payload = payload(text);
        payload.as_object_mut().expect("an object").remove("proof");
        payload
    }),
    // Another release in every report.
    ("signed with `aud`", |_, validated, text| payload(&text.replace(&validated.tag, &"0".repeat(40)))),
    // A better figure.
    ("signed with `aud`", |_, _, text| payload(&text.replace("104 ms", "94 ms"))),
    // What was validated is not this service.
    ("expected acme/catalog-service", |_, _, text| {
        let name = |service: &str| format!("\"service\":\"{service}\"");
        payload(&text.replacen(&name(SERVICE), &name(SERVICES[1]), 1))
    }),
    // A deploy run that is not one.
    ("signed with `aud`", |_, validated, text| {
        let mut payload = payload(text);
        payload["evidence"]["deploy"]["id"] = json!(validated.id);
        payload
    }),
    // The job failed after its gate had passed.
    ("ended as failure", |acme, validated, text| {
        acme.fake_github.set_job(&repository(SERVICE), validated.id, 1, github::FakeJob::ended("smoke", "failure"));
        payload(text)
    }),
    // The run has a newer attempt.
    ("the latest attempt is 2", |acme, validated, text| {
        let path = ".github/workflows/validate-staging.yml".to_owned();
        let event = "workflow_run".to_owned();
        acme.fake_github.set_run(
            &repository(SERVICE),
            github::FakeRun { id: validated.id, attempt: 2, path, event, ..github::FakeRun::default() },
        );
        payload(text)
    }),
];

#[test]
fn a_forged_dispatch_is_blocked_before_the_approval() {
    let acme = Acme::new();
    let validated = Team::new(&acme, SERVICE).release("Gift cards");
    let [dispatch] = &validated.dispatches[..] else { panic!("one dispatch: {:#?}", validated.dispatches) };
    let text = dispatch.client_payload.to_string();
    for (number, (words, forge)) in FORGERIES.into_iter().enumerate() {
        let forged = forge(&acme, &validated, &text);
        assert!(number > 4 || forged != dispatch.client_payload, "forgery {number} changes nothing");
        let run = acme.promotion(event(&dispatch.event_type, &forged)).run();

        let evidence = run.step("evidence", "evidence");
        let end = (evidence.exit, evidence.outputs["verdict"].as_str());
        assert_eq!(end, (Some(1), "blocked"), "forgery {number}: {}", run.log);
        let errors = evidence.annotated("error");
        assert!(errors.iter().any(|error| error.message.contains(words)), "forgery {number}, {words}: {errors:#?}");
        assert!(!run.jobs.contains_key("promote"), "forgery {number}: {:?}", run.jobs.keys());
    }

    let mut hostile = dispatch.client_payload.clone();
    hostile["service"] = json!("../x");
    let run = acme.promotion(event(&dispatch.event_type, &hostile)).run();
    let evidence = run.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(2), "inconclusive"), "{}", run.log);
    assert!(evidence.annotated("error").iter().any(|error| error.message.contains("../x")), "{evidence:#?}");
    assert!(!run.jobs.contains_key("promote"), "{:?}", run.jobs.keys());
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
}

#[test]
fn a_commit_that_was_pushed_away_is_neither_dispatched_nor_approved() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let before = team.repo.git(["rev-parse", "HEAD"]);
    let validated = team.release("Gift cards");

    // The branch goes back, and a tag with its name keeps the commit: the deploy run still reports `main`.
    acme.fake_github.branch(&repository(SERVICE), "main", &before);
    acme.fake_github.tag(&repository(SERVICE), "main", &validated.tag);

    let run = acme.promotion(validated.event()).run();
    let evidence = run.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let errors = evidence.annotated("error");
    assert!(errors.iter().any(|error| error.message.contains("is not on main")), "{errors:#?}");

    let again = team.validate(&validated.tag, validated.deploy);
    let record = again.run.step("record", "1");
    assert_eq!((record.exit, record.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", again.run.log);
    assert!(record.annotated("error").iter().any(|error| error.message.contains("is not on main")), "{record:#?}");
    assert_eq!(again.dispatches.len(), 0, "{:#?}", again.dispatches);
}

#[test]
fn a_service_that_relaxes_its_own_gate_is_blocked() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    acme.make_slow();
    team.repo.write(".github/promote-gates.yml", "performance:\n  max-ratio: 2\n");
    let validated = team.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);

    let run = acme.promotion(validated.event()).approved_by("lena").run();

    let evidence = run.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    assert!(evidence.summary.contains("max-ratio"), "{}", evidence.summary);
    assert!(!run.jobs.contains_key("promote"), "{:?}", run.jobs.keys());
}
