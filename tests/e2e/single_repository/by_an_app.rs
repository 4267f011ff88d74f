//! An App sets the status, and the rule of main requires it from this App: `promotion-status-by-app.yml`.

use promote_gates::sandbox::infra::FIRST_TAG;

use super::forgery;
use crate::acme::apps::JUDGE_ACCOUNT;
use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA};

/// What GitHub says of a status that another account than the rule's App set.
const OF_ANOTHER: &str = "Required status check \"promote-gates/approval\" was not set by the expected GitHub app.";
/// The account of the runs' own tokens.
const ACTIONS: &str = "github-actions[bot]";

/// A pull request of code, and then a release.
#[test]
fn nothing_merges_without_the_status_of_the_app() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::by_an_app(&acme);

    // Code: no image changes.
    let code = acme.open_by_hand("dana", "fix", "src/fix.js", "// a fix\n");
    let missing = shop.merge_refusal(code).expect("a refusal");
    assert!(missing.contains("\"promote-gates/approval\" is expected"), "{missing}");
    let run = shop.judge("schedule");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(shop.status(code), ("success".to_owned(), "changes no image".to_owned()));
    assert_eq!((shop.status_by(code).as_str(), shop.merge_refusal(code)), (JUDGE_ACCOUNT, None));
    acme.fake_github.merge_pull_request(INFRA, code, "squash", None, "dana");

    // A release: without an approval, the status of the App is pending.
    let validated = shop.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);
    let opened = shop.open(&validated);
    assert!(opened.succeeded, "{}", opened.log);
    let number = shop.open_numbers()[0];
    assert!(shop.judge("workflow_run").succeeded);
    let (state, description) = shop.status(number);
    assert_eq!((state.as_str(), shop.status_by(number).as_str()), ("pending", JUDGE_ACCOUNT), "{description}");
    let pending = shop.merge_refusal(number).expect("a refusal");
    assert!(pending.contains("is pending"), "{pending}");

    // Approved: the App sets it, and `promote` merges with the token of the job.
    shop.review(number, "lena", "APPROVED");
    acme.reaches_production(SERVICE, &validated.tag);
    let run = shop.judge("schedule");
    assert!(run.succeeded, "{}", run.log);
    let job = &format!("merge ({number})");
    assert_eq!(run.step(job, "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(run.step(job, "verify").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), shop.open_numbers()), (validated.tag.clone(), vec![]));
    let statuses = acme.fake_github.statuses(INFRA);
    assert!(statuses.iter().all(|status| status.creator == JUDGE_ACCOUNT), "{statuses:#?}");
    super::assert_promotion(&acme, &validated.tag);
    let audit = shop.audit();
    assert!(audit.succeeded, "{}", audit.log);
    let outputs = &audit.step("audit", "audit").outputs;
    assert_eq!((outputs["promotions"].as_str(), outputs["by-hand"].as_str()), ("1", "0"), "{}", audit.log);
}

/// Lena has approved the release. Mallory, who can push, does not wait for the App.
#[test]
fn a_status_by_another_token_lets_nothing_be_merged() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::by_an_app(&acme);
    let validated = shop.release("Gift cards");
    assert!(shop.open(&validated).succeeded);
    shop.review(1, "lena", "APPROVED");
    let before = acme.infra.tip_of("main");
    let assert_nothing_lands = |log: &str| {
        assert_eq!((shop.status(1).0.as_str(), shop.status_by(1).as_str()), ("success", ACTIONS), "{log}");
        assert!(shop.merge_refusal(1).is_some_and(|why| why.contains(OF_ANOTHER)), "{log}");
        assert_eq!((acme.infra.tip_of("main"), shop.open_numbers()), (before.clone(), vec![1]), "{log}");
        assert_eq!(acme.image(SERVICE), FIRST_TAG, "{log}");
    };

    // A workflow of a branch forges it.
    let run = shop.run_on_branch("forge", &forgery(&shop.head(1), 1));
    let forged = run.step("forge", "forge");
    assert_eq!(forged.outcome, "success", "{}", run.log);
    assert!(forged.printed.contains("was not set by the expected GitHub app"), "{}", forged.printed);
    assert_nothing_lands(&run.log);

    // So does the shipped workflow for the token of the job: its gates pass, and GitHub refuses the merge.
    let run = shop.run_on_main(&shop.status_workflow(false));
    assert_eq!(run.step("merge (1)", "status").outputs["approved"], "[1]", "{}", run.log);
    let promote = run.step("merge (1)", "promote");
    assert_eq!((promote.exit, promote.outputs["verdict"].as_str()), (Some(3), "inconclusive"), "{}", run.log);
    let errors = promote.annotated("error");
    for part in [OF_ANOTHER, "give `status` the token of the App"] {
        assert!(errors.iter().any(|error| error.message.contains(part)), "{part} in {promote:#?}");
    }
    assert_nothing_lands(&run.log);

    // The App sets its own over it, although the forged one says the same.
    acme.reaches_production(SERVICE, &validated.tag);
    let run = shop.judge("schedule");
    assert_eq!(run.step("merge (1)", "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((shop.status_by(1).as_str(), acme.image(SERVICE)), (JUDGE_ACCOUNT, validated.tag.clone()));
}

/// The environment gives the App's key to main alone.
#[test]
fn a_workflow_of_a_branch_has_no_key_of_the_app() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::by_an_app(&acme);
    let validated = shop.release("Gift cards");
    assert!(shop.open(&validated).succeeded);
    shop.review(1, "lena", "APPROVED");

    let by_app = shop.status_workflow(true);
    let without = by_app.replace("    environment: promotion-status\n", "");
    for (branch, workflow) in [("copy", &by_app), ("without-environment", &without)] {
        let run = shop.run_on_branch(branch, workflow);
        assert_eq!((run.succeeded, run.step("status", "judge").outcome.as_str()), (false, "failure"), "{}", run.log);
        assert!(!run.job("status").steps.contains_key("status"), "{}", run.log);
        assert_eq!((acme.fake_github.statuses(INFRA), shop.open_numbers()), (vec![], vec![1]), "{branch}");
    }
    // The same workflow on main has it.
    assert!(shop.judge("workflow_run").jobs.contains_key("merge (1)"));
    assert_eq!(shop.status_by(1), JUDGE_ACCOUNT);
}
