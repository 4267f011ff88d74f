//! Dispatches that lie, through `promote-to-production.yml`: whoever holds the token that dispatches can send anything.
//! `tests/evidence` has the whole table; here are those that need a real validation to lie about.

use promote_gates::sandbox::github;
use serde_json::{Value, json};

use crate::acme::team::{Team, Validated, event, repository};
use crate::acme::{Acme, SERVICES};

const SERVICE: &str = SERVICES[0];

/// A word of what the reviewer is told, and how the payload, or what GitHub knows, is changed.
type Lie = (&'static str, fn(&Acme, &Validated, &str) -> Value);

fn payload(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// In order: the last two change what GitHub knows of the run.
const LIES: [Lie; 6] = [
    // Another release; each report says so.
    ("deploy run", |_, validated, text| payload(&text.replace(&validated.tag, &"0".repeat(40)))),
    // A better figure.
    ("told of sha256", |_, _, text| payload(&text.replace("104 ms", "94 ms"))),
    // What was validated is not this service.
    ("expected acme/catalog-service", |_, _, text| {
        let name = |service: &str| format!("\"service\":\"{service}\"");
        payload(&text.replacen(&name(SERVICE), &name(SERVICES[1]), 1))
    }),
    // No deployment.
    ("deploy run", |_, validated, text| {
        let mut payload = payload(text);
        payload["evidence"]["deploy"]["id"] = json!(validated.id);
        payload
    }),
    // A job that failed after its gate had passed.
    ("ended as failure", |acme, validated, text| {
        acme.fake_github.set_job(&repository(SERVICE), validated.id, 1, github::Job::ended("smoke", "failure"));
        payload(text)
    }),
    // The run was started again.
    ("attempt 2 is the latest", |acme, validated, text| {
        let path = ".github/workflows/validate-staging.yml".to_owned();
        let event = "workflow_run".to_owned();
        acme.fake_github.set_run(
            &repository(SERVICE),
            github::Run { id: validated.id, attempt: 2, path, event, ..github::Run::default() },
        );
        payload(text)
    }),
];

#[test]
fn a_dispatch_that_lies_is_blocked_before_anybody_is_asked() {
    let acme = Acme::new();
    // For a notice that never comes; a minute, unless told otherwise.
    acme.configure("evidence:\n  annotations-timeout: 1s\n");
    let validated = Team::of(&acme, SERVICE).release("Gift cards");
    let [dispatch] = &validated.dispatches[..] else { panic!("one dispatch: {:#?}", validated.dispatches) };
    let text = dispatch.client_payload.to_string();
    for (place, (word, lie)) in LIES.into_iter().enumerate() {
        let forged = lie(&acme, &validated, &text);
        assert!(place > 3 || forged != dispatch.client_payload, "lie {place} changes nothing");
        let run = acme.promotion(event(&dispatch.event_type, &forged)).run();

        let evidence = run.step("evidence", "evidence");
        let end = (evidence.exit, evidence.outputs["verdict"].as_str());
        assert_eq!(end, (Some(1), "blocked"), "lie {place}: {}", run.log);
        let told = evidence.annotated("error");
        assert!(told.iter().any(|error| error.message.contains(word)), "lie {place}, {word}: {told:#?}");
        assert!(!run.jobs.contains_key("promote"), "lie {place}: {:?}", run.jobs.keys());
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
fn a_service_that_relaxes_its_own_gate_is_blocked() {
    let acme = Acme::new();
    let team = Team::of(&acme, SERVICE);
    acme.staging.set_baseline(SERVICE, 80.0);
    team.repo.write(".github/promote-gates.yml", "performance:\n  max-ratio: 2\n");
    let validated = team.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);

    let run = acme.promotion(validated.event()).approved_by("lena").run();

    let evidence = run.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    assert!(evidence.summary.contains("max-ratio"), "{}", evidence.summary);
    assert!(!run.jobs.contains_key("promote"), "{:?}", run.jobs.keys());
}
