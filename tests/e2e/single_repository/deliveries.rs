//! Events that come twice, late or never, and a release that a newer one replaces.

use std::thread;

use promote_gates::sandbox::infra::FIRST_TAG;

use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA, trailers};
use crate::repo::Repo;

/// Lena approves both releases, and GitHub starts no run for her reviews: only the schedule judges them.
#[test]
fn of_two_approved_releases_the_newer_one_is_merged_once() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::merging_by(&acme, "merge");
    let first = shop.release("Gift cards");

    // GitHub delivers it twice, and both runs start at once.
    let runs = thread::scope(|scope| {
        let runs = [(), ()].map(|()| scope.spawn(|| shop.open(&first)));
        runs.map(|run| run.join().expect("a run"))
    });
    for run in &runs {
        assert!(run.succeeded, "{}", run.log);
    }
    let commits = acme.infra.commits_ahead("main", &shop.branch(1)).expect("the branch");
    assert_eq!((shop.open_numbers(), commits), (vec![1], vec![shop.head(1)]));
    shop.review(1, "lena", "APPROVED");

    // A newer validation replaces it, although it is approved.
    let second = shop.release("Coupons");
    let run = shop.open(&second);
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(shop.open_numbers(), [2]);
    let comments = acme.fake_github.comments(INFRA, 1);
    let [comment] = &comments[..] else { panic!("one comment: {comments:#?}") };
    for part in ["#2 replaces it", &first.tag, &second.tag] {
        assert!(comment.body.contains(part), "{part} in {}", comment.body);
    }

    // The first one is delivered once more.
    let late = shop.open(&first);
    let promote = late.step("open", "promote");
    assert_eq!((promote.exit, promote.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", late.log);
    let newer = format!("#2 promotes ghcr.io/acme/{SERVICE}:{}", second.tag);
    assert!(promote.annotated("error").iter().any(|error| error.message.contains(&newer)), "{promote:#?}");
    assert_eq!(shop.open_numbers(), [2]);

    // A person reopens it.
    shop.reopen(1);
    shop.review(2, "lena", "APPROVED");
    acme.reaches_production(SERVICE, &second.tag);
    let (before, head) = (acme.infra.tip_of("main").expect("main"), shop.head(2));
    let run = shop.judge("schedule");
    assert_eq!(run.step("merge (2)", "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(run.step("merge (2)", "verify").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), shop.open_numbers()), (second.tag.clone(), vec![1]), "{}", run.log);
    // The older one meets the newer one open or in the ledger.
    let mut errors = run.job("merge (1)").steps.values().flat_map(|step| step.annotated("error"));
    assert!(errors.any(|error| error.message.contains(&second.tag)), "{}", run.log);

    // The merge commit says who approved it; the commit of the branch below it counts no second time.
    let tip = Repo::clone_of(acme.infra.path()).git(["rev-list", "--parents", "--max-count=1", "HEAD"]);
    assert_eq!(tip.split(' ').skip(1).collect::<Vec<_>>(), [before, head]);
    let promotions = acme.promotions();
    let trailers = trailers(&promotions[0]);
    for (name, value) in [
        ("Image", format!("ghcr.io/acme/{SERVICE}:{}", second.tag)),
        ("Previous-Image", format!("ghcr.io/acme/{SERVICE}:{FIRST_TAG}")),
        ("Approved-by", "lena".to_owned()),
    ] {
        assert_eq!(trailers.get(name), Some(&value), "{name} in {promotions:#?}");
    }
    let audit = shop.audit();
    assert!(audit.succeeded, "{}", audit.log);
    let outputs = &audit.step("audit", "audit").outputs;
    assert_eq!((outputs["promotions"].as_str(), outputs["by-hand"].as_str()), ("1", "0"), "{}", audit.log);
}
