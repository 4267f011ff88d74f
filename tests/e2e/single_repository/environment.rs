//! The approval of an environment, where the service and its manifests are in one repository: the workflows are those that `init`
//! writes there.

use promote_gates::sandbox::infra::FIRST_TAG;

use super::assert_promotion;
use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA};

#[test]
fn a_release_is_pushed_when_a_reviewer_of_the_environment_approves_it() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::with_environment(&acme);
    let validated = shop.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);

    // The author of the release approves it.
    acme.require_reviewers("production", ["dana", "lena"]);
    let run = acme.promotion(validated.event()).approved_by("dana").run();
    let approval = run.step("promote", "approval");
    assert_eq!((approval.exit, approval.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let errors = approval.annotated("error");
    assert!(errors.iter().any(|error| error.message.contains("dana had a part in it")), "{approval:#?}");
    assert_eq!((acme.image(SERVICE).as_str(), acme.git.pushed().len()), (FIRST_TAG, 0), "{}", run.log);

    // Lena approves it.
    acme.reaches_production(SERVICE, &validated.tag);
    let run = acme.promotion(validated.event()).approved_by("lena").run();
    assert!(run.succeeded, "{}", run.log);
    let pack = &run.step("evidence", "evidence").summary;
    for part in [FIRST_TAG, &validated.tag, "Gift cards", "dana", "smoke"] {
        assert!(pack.contains(part), "{part} in {pack}");
    }
    assert_eq!(run.step("verify (checkout-service)", "0").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), acme.git.pushed()), (validated.tag.clone(), vec![INFRA.to_owned()]));
    assert_promotion(&acme, &validated.tag);
    let audit = acme.run_scheduled("audit.yml", "audit");
    let outputs = &audit.step("audit", "1").outputs;
    assert!(audit.succeeded, "{}", audit.log);
    assert_eq!((outputs["promotions"].as_str(), outputs["by-hand"].as_str()), ("1", "0"), "{}", audit.log);
}
