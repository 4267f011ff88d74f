//! The rule of main requires the status, and the token of a job sets it: the way without an App, and what is only audited there.

use promote_gates::sandbox::infra::FIRST_TAG;

use super::forgery;
use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA};

/// What the audit counts: promotions, emergencies, rollbacks, and images that were changed by hand.
fn counted(shop: &SingleRepository<'_>) -> [String; 4] {
    let audit = shop.audit();
    let outputs = &audit.step("audit", "audit").outputs;
    ["promotions", "emergencies", "rollbacks", "by-hand"].map(|name| outputs[name].clone())
}

#[test]
fn nothing_merges_without_the_status_and_a_forged_one_is_only_audited() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::new(&acme);
    shop.require_status(None);
    let validated = shop.release("Gift cards");
    assert!(shop.open(&validated).succeeded);
    let missing = shop.merge_refusal(1).expect("a refusal");
    assert!(missing.contains("\"promote-gates/approval\" is expected"), "{missing}");
    assert!(shop.judge("workflow_run").succeeded);
    assert!(shop.merge_refusal(1).is_some_and(|why| why.contains("is pending")));
    shop.review(1, "lena", "APPROVED");
    acme.reaches_production(SERVICE, &validated.tag);
    let run = shop.judge("schedule");
    assert_eq!(run.step("merge (1)", "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), counted(&shop)), (validated.tag, ["1", "0", "0", "0"].map(String::from)));

    // The next one has no approval: a workflow of a branch sets the status, and merges. The audit says what is missing.
    let second = shop.release("Coupons");
    assert!(shop.open(&second).succeeded);
    let numbers = shop.open_numbers();
    let [number] = numbers[..] else { panic!("one pull request: {numbers:?}") };
    let run = shop.run_on_branch("forge", &forgery(&shop.head(number), number));
    assert_eq!((acme.image(SERVICE), shop.open_numbers()), (second.tag.clone(), vec![]), "{}", run.log);
    let audit = shop.audit();
    let step = audit.step("audit", "audit");
    assert_eq!((step.exit, step.outputs["by-hand"].as_str()), (Some(1), "1"), "{}", audit.log);
    let unapproved = format!("#{number} has no approval of its last commit");
    assert!(step.annotated("error").iter().any(|error| error.message.contains(&unapproved)), "{step:#?}");
}

/// The three ways of an incident: an App that may push, a person who may bypass the rule, and the usual way, which every other test takes.
#[test]
fn an_emergency_and_a_rollback_push_with_an_app_and_a_person_bypasses_the_rule() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::new(&acme).with_bypasses();
    shop.require_status(None);

    let run = shop.emergency("1.4.9", "INC-4711");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!((acme.image(SERVICE).as_str(), acme.git.pushed()), ("1.4.9", vec![INFRA.to_owned()]));
    let run = shop.roll_back("INC-4711");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(acme.image(SERVICE), FIRST_TAG);
    let kinds: Vec<String> =
        acme.promotions().iter().map(|message| crate::acme::trailers(message)["Promotion-kind"].clone()).collect();
    assert_eq!(kinds, ["rollback", "emergency"]);
    assert_eq!(acme.fake_github.issues(INFRA).len(), 2, "a follow-up for each");
    assert_eq!(counted(&shop), ["0", "1", "1", "0"]);

    // A person sets the image in a pull request: its status is failure, and the rule refuses it, except for who may bypass it.
    let path = format!("apps/{SERVICE}/overlays/production/kustomization.yaml");
    let text = acme.infra.read(&path).expect("the file").replace(FIRST_TAG, "1.4.8");
    let number = acme.open_by_hand("olga", "by-hand", &path, &text);
    assert!(shop.judge("schedule").succeeded);
    let (state, description) = shop.status(number);
    assert_eq!(state, "failure", "{description}");
    assert!(shop.merge_refusal(number).is_some_and(|why| why.contains("is failing")));
    acme.fake_github.bypass_rules(INFRA, number, "olga");
    assert_eq!((acme.image(SERVICE).as_str(), counted(&shop)), ("1.4.8", ["0", "1", "1", "1"].map(String::from)));
}
