//! The reviews of a promotion's pull request: what counts for nothing, until one counts.

use promote_gates::sandbox::infra::FIRST_TAG;

use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA, trailers};

/// Dana wrote the release, with Cora.
#[test]
fn only_an_independent_approval_of_the_last_commit_is_merged() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::merging_by(&acme, "rebase");
    acme.fake_github.add_user("cora");
    let validated = shop.release("Gift cards\n\nCo-authored-by: Cora <cora@users.noreply.github.com>");
    let opened = shop.open(&validated);
    assert!(opened.succeeded, "{}", opened.log);
    let head = shop.head(1);
    let assert_refused = |state: &str, description: &str| {
        let run = shop.judge("workflow_run");
        assert_eq!(shop.status(1), (state.to_owned(), description.to_owned()), "{}", run.log);
        let jobs: Vec<&str> = run.jobs.keys().map(String::as_str).collect();
        assert_eq!((run.succeeded, jobs), (true, vec!["status"]), "{}", run.log);
        assert_eq!((run.step("status", "status").outputs["approved"].as_str(), shop.open_numbers()), ("[]", vec![1]));
        assert_eq!(acme.image(SERVICE), FIRST_TAG);
    };

    // Dana pushes over the branch, and Lena approves what she sees.
    let over = shop.push_over(1, "1.4.9");
    shop.review(1, "lena", "APPROVED");
    assert_refused("failure", "commit: it has 2 commits");

    // The branch is as `promote` made it, and her approval is outdated.
    shop.force_push(1, &head);
    let outdated = format!("lena, who approved {} and not the last commit {}", &over[..7], &head[..7]);
    assert_refused("pending", &format!("approval: it has no approval; not counted: {outdated}"));

    // Her next one is dismissed. In a public repository anyone may approve.
    shop.review(1, "lena", "DISMISSED");
    shop.approve_as_outsider(1, "eve");
    assert_refused(
        "pending",
        "approval: it has no approval; not counted: lena, whose review was dismissed, eve, who cannot push to this repository",
    );

    // The author and the co-author of the release approve it.
    shop.review(1, "dana", "APPROVED");
    shop.review(1, "cora", "APPROVED");
    assert_refused("pending", "independence: dana had a part in the release, cora had a part in the release");

    // A comment does not take back that changes are requested.
    shop.review(1, "lena", "CHANGES_REQUESTED");
    shop.review(1, "lena", "COMMENTED");
    assert_refused(
        "failure",
        "approval: changes are requested by lena; approved by dana, cora; not counted: eve, who cannot push to this repository",
    );

    // Nor an approval.
    shop.review(1, "lena", "APPROVED");
    shop.review(1, "lena", "COMMENTED");
    acme.reaches_production(SERVICE, &validated.tag);
    let run = shop.judge("workflow_run");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(shop.status(1), ("success".to_owned(), "approved by lena".to_owned()));
    assert_eq!(run.step("merge (1)", "verify").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), shop.open_numbers()), (validated.tag, vec![]));

    // A rebase keeps the message of the branch, which is older than the approval: the audit asks GitHub.
    let [message] = &acme.promotions()[..] else { panic!("one promotion: {:#?}", acme.promotions()) };
    assert_eq!(Some(message.as_str()), acme.infra.message_of(&shop.branch(1)).ok().as_deref().map(str::trim));
    let trailers = trailers(message);
    let named = ["Service", "Approved-by"].map(|name| trailers.get(name).map(String::as_str));
    assert_eq!(named, [Some(SERVICE), None], "{message}");
    let audit = shop.audit();
    assert!(audit.succeeded, "{}", audit.log);
    let outputs = &audit.step("audit", "audit").outputs;
    assert_eq!((outputs["promotions"].as_str(), outputs["by-hand"].as_str()), ("1", "0"), "{}", audit.log);
    assert_eq!(acme.git.pushed(), [INFRA], "one push, of the branch");
}
