//! Names that GitHub accepts and a path does not: with slashes, blanks, and other characters.

use super::*;

/// With a rule, a pattern to add and a pattern to remove, so that every route is used.
const FILE: &str = "\
environments:
  'eu/west production #1':
    wait_timer: 10
    deployment_branch_policy: { branches: [main] }
  Prüfung+50%: {}
";
/// As one segment of a path.
const SEGMENT: &str = "eu%2Fwest%20production%20%231";

#[test]
fn every_route_takes_a_name_with_slashes_and_blanks() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "EU/West Production #1", &json!({ "deployment_branch_policy": policy(false) }));
    let gone = fake_github.add_branch_policy(INFRA, "EU/West Production #1", "*", "branch");
    // The environments that unencoded names would lead to.
    for other in ["eu", "eu/west+production+#1", "eu/west"] {
        fake_github.protect(INFRA, other, &json!({}));
    }
    let ended = run(&fake_github, runner(&fake_github, FILE), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let policies = format!("environments/{SEGMENT}/deployment-branch-policies");
    assert_eq!(
        writes(&fake_github),
        [
            format!(
                r#"PUT environments/{SEGMENT} {{"wait_timer":10,"deployment_branch_policy":{{"protected_branches":false,"custom_branch_policies":true}}}}"#
            ),
            format!("DELETE {policies}/{gone} null"),
            format!(r#"POST {policies} {{"name":"main"}}"#),
            r#"PUT environments/Pr%C3%BCfung%2B50%25 {"deployment_branch_policy":null}"#.to_owned(),
        ]
    );
    assert_eq!(end(&run(&fake_github, runner(&fake_github, FILE), "check")), (0, "passed"), "{}", ended.log);
    let written = writes(&fake_github).len();
    let again = run(&fake_github, runner(&fake_github, FILE), "apply");
    assert_eq!((end(&again), &*again.outputs["changed"]), ((0, "passed"), "false"), "{}", again.log);
    assert_eq!(writes(&fake_github).len(), written);
    assert_eq!(
        finding_of(&again, "environments that the file does not name")["actual"],
        "eu, eu/west+production+#1, eu/west"
    );
}

#[test]
fn a_name_that_leaves_its_place_in_a_path_is_refused() {
    for name in ["../secrets", "a/./b", "' a'", "..", "\"a\\nb\""] {
        let fake_github = fake_github();
        let ended = run(&fake_github, runner(&fake_github, &format!("environments:\n  {name}: {{}}\n")), "check");
        assert_eq!(ended.code, 2, "{name}: {}", ended.log);
        assert!(ended.outputs["reason"].contains("the name of a GitHub environment"), "{}", ended.outputs["reason"]);
        assert!(fake_github.requests().is_empty());
    }
}
