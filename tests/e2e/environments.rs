//! `environments-check.yml`: the protection of the environments compared with the file.

use serde_json::json;

use crate::acme::{Acme, INFRA};

const FILE: &str = "\
environments:
  production:
    deployment_branch_policy:
      protected_branches: true
    required_reviewers:
      - user: lena
      - user: piet
    wait_timer: 0
";

#[test]
fn a_disabled_protection_rule_is_found() {
    let acme = Acme::new();
    acme.change_infra("the rules", |infra| {
        infra.write(".github/environments.yml", FILE);
    });
    acme.fake_github.protect_branch(INFRA, "main");
    let reviewers =
        crate::acme::REVIEWERS.map(|login| json!({ "type": "User", "id": acme.fake_github.add_user(login) }));
    let policy = json!({ "protected_branches": true, "custom_branch_policies": false });
    let expected = json!({ "reviewers": reviewers, "deployment_branch_policy": policy });
    acme.fake_github.protect(INFRA, "production", &expected);

    let run = acme.run_scheduled("environments-check.yml", "check");
    let check = run.step("check", "1");
    assert_eq!((check.outcome.as_str(), check.outputs["verdict"].as_str()), ("success", "passed"), "{}", run.log);

    acme.fake_github.protect(INFRA, "production", &json!({ "reviewers": reviewers }));
    let run = acme.run_scheduled("environments-check.yml", "check");
    let check = run.step("check", "1");
    assert_eq!((check.exit, check.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let errors = check.annotated("error");
    assert!(errors.iter().any(|error| error.message.contains("branch")), "{errors:#?}");
}
