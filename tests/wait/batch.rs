//! One wait for several services.

use super::*;
use crate::approval::{COMMON, batch_evidence};

fn batch(stage: &Stage) -> Runner {
    let approval = {
        let mut report = Report { command: "approval".to_owned(), ..batch_evidence(&[]) };
        (report.reports, report.outputs) = (Vec::new(), [].into());
        let outputs = [("approved-at", noon_plus(0).to_string())].into();
        report.close(Ok(Outcome { outputs, ..vec![Finding::passed("approval")].into() }), noon_plus(0).to_string());
        json!({ "approval": { "outputs": { "report": compact(&report, "").text } } })
    };
    let results = format!("{}\n{approval}", needs(&batch_evidence(&[])));
    step(stage).input("subject", COMMON).input("results", &results).input("interval", "1h").input("timeout", "5s")
}

#[test]
fn each_service_has_its_endpoint() {
    let (stage, staging) = (stage(), Staging::start().unwrap());
    for service in ["checkout-service", "frontend"] {
        staging.deploy(service, "1.4.2");
    }
    let endpoint = format!("{}/{{service}}/health/ready", staging.url());
    let ended = judge(&stage, &batch(&stage).input("endpoints", &endpoint));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(
        finding(&ended, "supersession")["expected"],
        "no newer promotion of checkout-service, frontend in production"
    );
    for service in ["checkout-service", "frontend"] {
        assert_eq!(finding(&ended, &format!("/{service}/health/ready"))["verdict"], "passed");
    }
    let failing = ResponseScript::always(FakeResponse::json(503, &json!({})));
    staging.script("/frontend/health/ready", failing);
    let step = batch(&stage).input("endpoints", &endpoint).input("interval", "100ms");
    assert_eq!(end(&judge(&stage, &step)), BLOCKED);
}

#[test]
fn a_newer_promotion_of_one_service_leaves_the_others_to_promote() {
    let stage = stage();
    let newer = |service: &str| format!("Service: {service}\nPromotion-kind: emergency\nIncident: 1");
    stage.commit(&newer("checkout-service"), -30);
    assert_eq!(end(&judge(&stage, &batch(&stage))), PASSED);
    stage.commit(&newer("frontend"), -20);
    let ended = judge(&stage, &batch(&stage));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(
        finding(&ended, "supersession")["actual"].as_str().unwrap().contains("checkout-service:2.0."),
        "{}",
        ended.log
    );
}

#[test]
fn a_batch_without_a_ready_service_does_not_pass() {
    let stage = stage();
    let report = Report { outputs: [].into(), ..batch_evidence(&[]) };
    let ended = judge(&stage, &batch(&stage).input("results", &needs(&report)));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    let ended = judge(&stage, &batch(&stage).input("results", ""));
    assert_eq!((ended.code, ended.log.contains("`service`")), (2, true), "{}", ended.log);
}

#[test]
fn a_passed_evidence_that_does_not_say_when_it_was_validated_is_inconclusive() {
    let stage = stage();
    let (mut single, mut several) = (evidence(&[]), batch_evidence(&[]));
    for report in [&mut single, &mut several.reports[1]] {
        report.outputs.insert("validated-at".to_owned(), "soon".to_owned());
    }
    for (subject, report) in [(SUBJECT, single), (COMMON, several)] {
        let ended = judge(&stage, &batch(&stage).input("subject", subject).input("results", &needs(&report)));
        assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
        assert!(ended.log.contains("its output `validated-at` is \"soon\""), "{}", ended.log);
        assert!(!ended.log.contains("count as newer"), "{}", ended.log);
    }
}
