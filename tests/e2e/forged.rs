//! Dispatches that lie, through `promote-to-production.yml`: whoever holds the token that dispatches can send anything.
//! `tests/evidence` has the whole table; here are those that need a real validation to lie about.

use promote_gates::sandbox::github;
use serde_json::{Value, json};

use crate::acme::team::{Team, Validated, event, repository};
use crate::acme::{Acme, SERVICES};

const SERVICE: &str = SERVICES[0];

/// What is wrong, and where; then what is sent in the place of the payload.
type Lie = (&'static str, fn(&Acme, &Validated, &str) -> Value);

fn payload(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Each with a word that the reviewer finds in the summary.
const LIES: [Lie; 6] = [
    ("image", |_, validated, text| payload(&text.replace(&validated.tag, "1.4.0"))),
    ("annotation", |_, _, text| payload(&text.replace("104 ms", "94 ms"))),
    (SERVICES[1], |acme, _, text| {
        Team::of(acme, SERVICES[1]);
        payload(&text.replacen(&format!("\"service\":\"{SERVICE}\""), &format!("\"service\":\"{}\"", SERVICES[1]), 1))
    }),
    ("smoke", |acme, validated, text| {
        acme.hub.set_job(&repository(SERVICE), validated.id, 1, github::Job::ended("smoke", "failure"));
        payload(text)
    }),
    ("attempt", |acme, validated, text| {
        let id = validated.id;
        let path = ".github/workflows/validate-staging.yml".to_owned();
        let again = github::Run { id, path, attempt: 2, event: "workflow_run".to_owned(), ..github::Run::default() };
        acme.hub.set_run(&repository(SERVICE), again);
        payload(text)
    }),
    ("deploy", |_, validated, text| {
        let mut payload = payload(text);
        payload["evidence"]["deploy"]["id"] = json!(validated.id);
        payload
    }),
];

#[test]
fn a_dispatch_that_lies_is_blocked_before_anybody_is_asked() {
    for (word, lie) in LIES {
        let acme = Acme::new();
        let validated = Team::of(&acme, SERVICE).release("Gift cards");
        let [dispatch] = &validated.dispatches[..] else { panic!("one dispatch") };
        let forged = lie(&acme, &validated, &dispatch.client_payload.to_string());
        let run = acme.promotion(event(&dispatch.event_type, &forged)).approved_by("lena").run();

        let evidence = run.step("evidence", "evidence");
        println!("{word} {:?} {} {}", evidence.exit, evidence.outputs["verdict"], evidence.outputs["reason"]);
        for a in &evidence.annotations {
            println!("   {} {}", a.level, a.message);
        }
        assert!(!run.jobs.contains_key("promote"), "{word}: {:?}", run.jobs.keys());
        assert!(acme.promotions().is_empty());
    }
    panic!();
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

#[test]
fn a_hostile_payload_is_bad_input() {
    let acme = Acme::new();
    let payload = json!({ "service": "../x", "image_tag": "$(id)", "validated_at": "now", "evidence": {} });
    let run = acme.promotion(event("staging-validated", &payload)).approved_by("lena").run();

    let evidence = run.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(2), "inconclusive"), "{}", run.log);
    assert!(evidence.annotated("error").iter().any(|error| error.message.contains("../x")), "{evidence:?}");
    assert!(!run.jobs.contains_key("promote"), "{:?}", run.jobs.keys());
}
