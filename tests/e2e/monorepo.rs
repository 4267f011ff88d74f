//! A monorepo through the shipped workflows: one dispatch for one merge, one approval for all services that are ready, and one
//! bad service that keeps no other back.

use promote_gates::{batch, sandbox::infra::FIRST_TAG};
use serde_json::Value;

use crate::acme::monorepo::{Monorepo, SERVICES};
use crate::acme::team::ValidatedRelease;
use crate::acme::{Acme, trailers};
use crate::act::ActRun;

/// The services in the only dispatch.
fn sent(validated: &ValidatedRelease) -> Vec<String> {
    let [dispatch] = &validated.dispatches[..] else { panic!("one dispatch: {}", validated.run.log) };
    batch::unpack(dispatch.client_payload["entries"].as_str().expect("entries"))
        .expect("entries")
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

/// Promotes what was validated, approved once by lena.
fn promote(acme: &Acme, validated: &ValidatedRelease) -> ActRun {
    acme.promotion(validated.event()).approved_by("lena").run()
}

fn services(acme: &Acme) -> Vec<String> {
    let promoted = acme.promotions().into_iter().rev();
    promoted.map(|message| trailers(&message)["Service"].clone()).collect()
}

#[test]
fn a_bad_service_is_left_out_and_the_others_are_approved_once() {
    let acme = Acme::monorepo();
    let shop = Monorepo::new(&acme);
    shop.break_service("search");

    let validated = shop.release("Gift cards", &SERVICES);

    assert!(!validated.run.succeeded, "the run shows the bad service: {}", validated.run.log);
    assert_eq!(validated.run.job("gates (search)").result, "failure");
    assert_eq!(validated.run.job("gates (cart)").result, "success", "{}", validated.run.log);
    let record = validated.run.step("record", "2");
    assert_eq!((record.exit, record.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", validated.run.log);
    assert!(record.annotated("error").iter().any(|error| error.message.contains("smoke")), "{record:#?}");
    assert_eq!(sent(&validated), ["cart", "checkout"]);

    for service in ["cart", "checkout"] {
        acme.deploy_to_production(service, &validated.tag);
    }
    let run = promote(&acme, &validated);

    assert!(run.succeeded, "{}", run.log);
    let page = &run.step("evidence", "evidence").summary;
    for service in ["cart", "checkout"] {
        let row = format!("| ✅ | {service} | {FIRST_TAG} → {} | 3 of 3 gates passed", validated.tag);
        assert!(page.contains(&row), "{row} in {page}");
        assert_eq!(acme.image(service), validated.tag);
        assert_eq!(run.job(&format!("verify ({service})")).result, "success", "{}", run.log);
    }
    assert_eq!(acme.image("search"), FIRST_TAG);
    assert_eq!(services(&acme), ["cart", "checkout"]);
    for message in acme.promotions() {
        let trailers = trailers(&message);
        assert_eq!((&*trailers["Approved-by"], &*trailers["Source-commit"]), ("lena", &*validated.tag), "{message}");
    }

    // The same dispatch again promotes nothing: there is nothing to approve.
    let again = acme.promotion(validated.event()).run();
    assert_eq!(again.step("evidence", "evidence").outputs["services"], "[]", "{}", again.log);
    assert!(!again.jobs.contains_key("promote"), "{:?}", again.jobs.keys());
    assert_eq!(acme.promotions().len(), 2);
}

#[test]
fn a_service_that_did_not_change_is_not_promoted_and_a_forged_one_is_named() {
    let acme = Acme::monorepo();
    let shop = Monorepo::new(&acme);
    let first = shop.release("Gift cards", &SERVICES);
    assert!(first.run.succeeded, "{}", first.run.log);
    for service in SERVICES {
        acme.deploy_to_production(service, &first.tag);
    }
    assert!(promote(&acme, &first).succeeded);

    // All services are built and deployed again, and one has changed.
    let second = shop.release("Coupons", &["cart"]);
    assert_eq!(sent(&second), SERVICES);
    acme.deploy_to_production("cart", &second.tag);
    let run = promote(&acme, &second);

    assert!(run.succeeded, "{}", run.log);
    let evidence = run.step("evidence", "evidence");
    assert_eq!(evidence.outputs["services"], r#"["cart"]"#);
    assert!(
        evidence.summary.contains("| ➖ | search | did not change | none of the 1 commits"),
        "{}",
        evidence.summary
    );
    assert_eq!(SERVICES.map(|service| acme.image(service)), [&second.tag, &first.tag, &first.tag].map(Clone::clone));
    assert_eq!(services(&acme), ["cart", "checkout", "search", "cart"]);

    // Another entry of one service, with another image.
    let third = shop.release("Refunds", &SERVICES);
    let mut event = third.event();
    let payload = &mut event["client_payload"];
    let entries = batch::unpack(payload["entries"].as_str().expect("a text")).expect("entries");
    let forged = entries.into_iter().map(|(name, entry)| {
        let text =
            if name == "search" { entry.to_string().replace(&third.tag, &"0".repeat(40)) } else { entry.to_string() };
        (name.parse().expect("a service"), serde_json::from_str::<Value>(&text).expect("JSON"))
    });
    payload["entries"] = batch::pack(&forged.collect()).into();
    for service in ["cart", "checkout"] {
        acme.deploy_to_production(service, &third.tag);
    }
    let run = acme.promotion(event).approved_by("piet").run();

    let evidence = run.step("evidence", "evidence");
    assert_eq!((evidence.exit, evidence.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let errors = evidence.annotated("error");
    assert!(errors.iter().any(|error| error.message.contains("the entry of search has the sum")), "{errors:#?}");
    assert_eq!(run.job("promote").result, "success", "{}", run.log);
    assert_eq!(SERVICES.map(|service| acme.image(service)), [&third.tag, &third.tag, &first.tag].map(Clone::clone));
}
