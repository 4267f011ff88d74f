//! A service and its manifests in one repository, through the workflows in `workflows/single-repository`: promoted by pull request,
//! without an App, or with one that sets the status ([`by_an_app`]). [`environment`] does without pull requests, with the workflows that `init` writes.

mod apart;
mod by_a_rule;
mod by_an_app;
mod deliveries;
mod deploy_branch;
mod environment;
mod reviews;

use promote_gates::sandbox::github::repository_id;
use promote_gates::sandbox::infra::FIRST_TAG;

use crate::acme::single_repository::{SERVICE, SingleRepository};
use crate::acme::{Acme, INFRA, trailers};

/// A release is reviewed as a pull request, and merged at the commit that a person approved; a second one is merged by hand, and the
/// audit finds it.
#[test]
fn a_release_is_reviewed_and_merged_as_a_pull_request() {
    let acme = Acme::single_repository();
    let shop = SingleRepository::new(&acme);
    let validated = shop.release("Gift cards");
    assert!(validated.run.succeeded, "{}", validated.run.log);
    let before = acme.infra.tip_of("main");

    let run = shop.open(&validated);
    assert!(run.succeeded, "{}", run.log);
    assert_eq!((shop.open_numbers(), acme.infra.tip_of("main")), (vec![1], before), "main is as it was");
    let page = shop.page(1);
    assert_eq!(page["title"], format!("promote(production): {SERVICE} → {}", validated.tag));
    assert_eq!(page["labels"], serde_json::json!(["promotion"]));
    let body = page["body"].as_str().expect("a text");
    for part in [FIRST_TAG, &validated.tag, "dana", "Gift cards", "performance", "may not approve it"] {
        assert!(body.contains(part), "{part} in {body}");
    }
    // GitHub delivers it twice.
    let head = shop.head(1);
    let again = shop.open(&validated);
    assert!(again.succeeded, "{}", again.log);
    assert_eq!((shop.open_numbers(), shop.head(1)), (vec![1], head.clone()));
    assert_eq!(acme.git.pushed(), [INFRA], "one push, of the branch");

    // The author of the release approves it, a reviewer asks something: neither counts.
    shop.review(1, "dana", "APPROVED");
    shop.review(1, "lena", "COMMENTED");
    assert!(shop.ring(1, "dana").succeeded);
    let run = shop.judge("workflow_run");
    assert!(run.succeeded && !run.jobs.contains_key("merge (1)"), "{}", run.log);
    let (state, description) = shop.status(1);
    assert_eq!(state, "pending", "{description}");
    assert!(description.contains("dana had a part in the release"), "{description}");

    // Lena approves, and GitHub starts no run: the schedule finds it.
    shop.review(1, "lena", "APPROVED");
    acme.reaches_production(SERVICE, &validated.tag);
    let run = shop.judge("schedule");
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(run.step("status", "status").outputs["approved"], "[1]");
    assert_eq!(shop.status(1), ("success".to_owned(), "approved by lena".to_owned()));
    assert_eq!(run.step("merge (1)", "promote").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(run.step("merge (1)", "verify").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!((acme.image(SERVICE), shop.open_numbers()), (validated.tag.clone(), vec![]));
    assert_promotion(&acme, &validated.tag);
    // What is merged is not judged or opened again.
    let run = shop.judge("schedule");
    assert_eq!(run.step("status", "status").outputs["approved"], "[]", "{}", run.log);
    assert!(!shop.open(&validated).succeeded, "the evidence is used");
    let audit = shop.audit();
    assert!(audit.succeeded, "{}", audit.log);
    assert_eq!(audit.step("audit", "audit").outputs["promotions"], "1");

    // The next release: piet presses Merge.
    let second = shop.release("Coupons");
    assert!(shop.open(&second).succeeded);
    let numbers = shop.open_numbers();
    let [number] = numbers[..] else { panic!("one pull request: {numbers:?}") };
    shop.review(number, "lena", "APPROVED");
    acme.fake_github.merge_pull_request(INFRA, number, "squash", None, "piet");
    assert_eq!(acme.image(SERVICE), second.tag);
    let audit = shop.audit();
    let step = audit.step("audit", "audit");
    assert_eq!((step.exit, step.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", audit.log);
    assert_eq!((step.outputs["promotions"].as_str(), step.outputs["by-hand"].as_str()), ("1", "1"));
    let merged = format!("#{number} was merged by piet, and not by `promote`");
    assert!(step.annotated("error").iter().any(|error| error.message.contains(&merged)), "{step:#?}");
}

/// The only promotion is that of a tag, which lena approved.
fn assert_promotion(acme: &Acme, tag: &str) {
    let [message] = &acme.promotions()[..] else { panic!("one promotion: {:#?}", acme.promotions()) };
    let trailers = trailers(message);
    for (name, value) in [
        ("Service", SERVICE),
        ("Image", &format!("ghcr.io/acme/{SERVICE}:{tag}")),
        ("Previous-Image", &format!("ghcr.io/acme/{SERVICE}:{FIRST_TAG}")),
        ("Source-commit", tag),
        ("Repository-id", &repository_id(INFRA).to_string()),
        ("Approved-by", "lena"),
        ("Required", "evidence, approval, wait"),
        ("Promotion-kind", "normal"),
    ] {
        assert_eq!(trailers.get(name).map(String::as_str), Some(value), "{name} in {message}");
    }
}

/// A workflow of a branch, which sets the status by the token of its job, and merges.
fn forgery(head: &str, number: u64) -> String {
    format!(
        r#"
name: forgery
on: workflow_dispatch
jobs:
  forge:
    runs-on: ubuntu-latest
    permissions:
      contents: write
      pull-requests: write
      statuses: write
    steps:
      - id: forge
        env:
          TOKEN: ${{{{ github.token }}}}
        run: |
          ask() {{
              curl --silent --show-error --max-time 30 --header "authorization: Bearer $TOKEN" \
                  --header 'content-type: application/json' "$@"
          }}
          ask --fail --request POST "$GITHUB_API_URL/repos/{INFRA}/statuses/{head}" \
              --data '{{"state":"success","context":"promote-gates/approval","description":"approved by lena"}}'
          ask --request PUT "$GITHUB_API_URL/repos/{INFRA}/pulls/{number}/merge" --data '{{"merge_method":"squash"}}'
          # The runner loses a line without an end.
          echo
"#
    )
}
