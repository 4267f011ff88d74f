//! A branch that the cluster follows: the workflows are those of main, and the promotions are merged into the branch.

use promote_gates::sandbox::infra::FIRST_TAG;

use crate::acme::single_repository::deploy_branch::BRANCH;
use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA};

#[test]
fn a_release_is_merged_into_the_branch_that_the_cluster_follows() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::with_deploy_branch(&acme);
    let validated = shop.release("Gift cards");
    let main = acme.infra.tip_of("main");
    let opened = shop.open(&validated);
    assert!(opened.succeeded, "{}", opened.log);
    let all = acme.fake_github.pull_requests(INFRA);
    assert_eq!((all.len(), all[0].base.as_str()), (1, BRANCH));

    // A pull request of code into main is none of this branch.
    let code = acme.open_by_hand("dana", "fix", "src/fix.js", "// a fix\n");
    shop.review(1, "lena", "APPROVED");
    acme.reaches_production(SERVICE, &validated.tag);
    let run = shop.judge("schedule");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(shop.status(1), ("success".to_owned(), "approved by lena".to_owned()));
    let set: Vec<String> = acme.fake_github.statuses(INFRA).into_iter().map(|status| status.sha).collect();
    assert!(!set.contains(&shop.head(code)), "it needs no status");
    assert_eq!(run.step("merge (1)", "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(run.step("merge (1)", "verify").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((shop.deployed_image(), shop.open_numbers()), (validated.tag.clone(), vec![code]));
    assert_eq!((acme.infra.tip_of("main"), acme.image(SERVICE).as_str()), (main, FIRST_TAG), "main is source");
    let audit = shop.audit();
    assert!(audit.succeeded, "{}", audit.log);
    let outputs = &audit.step("audit", "audit").outputs;
    assert_eq!((outputs["promotions"].as_str(), outputs["by-hand"].as_str()), ("1", "0"), "{}", audit.log);
}
