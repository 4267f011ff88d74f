//! The manifests in a repository of their own, where promotions are pull requests: with the workflows that `init` writes there. An App
//! reads the repository of the service.

use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::team::Team;
use crate::acme::{Acme, INFRA, trailers};

#[test]
fn a_release_of_another_repository_is_reviewed_and_merged() {
    let acme = Acme::manifests_apart();
    let team = Team::new(&acme, SERVICE);
    let infra = SingleRepository::of_manifests(&acme);
    infra.require_status(None);
    let validated = team.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);

    let opened = infra.open(&validated);
    assert!(opened.succeeded, "{}", opened.log);
    assert_eq!(infra.open_numbers(), [1]);
    let body = infra.page(1)["body"].as_str().expect("a text").to_owned();
    for part in ["dana", "Gift cards", &validated.tag] {
        assert!(body.contains(part), "{part} in {body}");
    }

    // The author of the release, in the other repository, approves it.
    infra.review(1, "dana", "APPROVED");
    let run = infra.judge("workflow_run");
    let (state, description) = infra.status(1);
    assert_eq!(state, "pending", "{description}: {}", run.log);
    assert!(description.contains("dana had a part in the release"), "{description}");

    infra.review(1, "lena", "APPROVED");
    acme.reaches_production(SERVICE, &validated.tag);
    let run = infra.judge("schedule");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(run.step("merge (1)", "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(run.step("merge (1)", "verify").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), infra.open_numbers()), (validated.tag.clone(), vec![]));
    let [message] = &acme.promotions()[..] else { panic!("one promotion: {:#?}", acme.promotions()) };
    let trailers = trailers(message);
    for (name, value) in [("Source-commit", validated.tag.as_str()), ("Approved-by", "lena")] {
        assert_eq!(trailers.get(name).map(String::as_str), Some(value), "{name} in {message}");
    }
    assert_eq!(acme.git.pushed(), [INFRA], "one push, of the branch");
    let audit = infra.audit();
    assert!(audit.succeeded, "{}", audit.log);
    let outputs = &audit.step("audit", "audit").outputs;
    assert_eq!((outputs["promotions"].as_str(), outputs["by-hand"].as_str()), ("1", "0"), "{}", audit.log);
}
