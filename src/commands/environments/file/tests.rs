use super::*;

const PATH: &str = ".github/environments.yml";

fn read(text: &str) -> Result<Vec<DesiredEnvironment>, CommandError> {
    super::read(PATH, text.as_bytes())
}

/// The only environment of a file that holds `rules`, indented by four.
fn one(rules: &str) -> DesiredEnvironment {
    let [one] = &read(&format!("environments:\n  production:\n{rules}")).unwrap()[..] else { panic!("{rules}") };
    one.clone()
}

/// The complaint about a file, in one line.
fn refused(text: &str) -> String {
    match read(text) {
        Err(CommandError::BadInput(finding)) => finding.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_reference_file_is_read() {
    // `minimum_approvals` beside the reviewers, or as a part of the reviewer above it: people write both.
    for indent in ["    ", "        "] {
        let text = format!(
            "\
# This is configured via GitHub API, shown here for documentation
environments:
  dev:
    deployment_branch_policy:
      protected_branches: false
      custom_branch_policies: true
    # Any branch can deploy to dev
  staging:
    deployment_branch_policy:
      protected_branches: true
    # Only default branch (main) deploys to staging
    wait_timer: 0
  production:
    deployment_branch_policy:
      protected_branches: true
    required_reviewers:
      - team: platform-leads
{indent}minimum_approvals: 1
    wait_timer: 10 # 10 minutes after approval before deploy starts
"
        );
        let [dev, staging, production] = &read(&text).unwrap()[..] else { panic!("three") };
        let nothing = |name: &str, place: &str| DesiredEnvironment {
            name: name.parse().unwrap(),
            place: format!("{PATH}:{place}"),
            wait_timer: None,
            reviewers: None,
            minimum_approvals: None,
            prevent_self_review: None,
            can_admins_bypass: None,
            branches: None,
            patterns: None,
        };
        assert_eq!(*dev, DesiredEnvironment { branches: Some(DeployableBranches::Custom), ..nothing("dev", "3:3") });
        let protected = Some(DeployableBranches::Protected);
        assert_eq!(
            *staging,
            DesiredEnvironment { branches: protected, wait_timer: Some(0), ..nothing("staging", "8:3") }
        );
        let desired = DesiredEnvironment {
            branches: protected,
            wait_timer: Some(10),
            minimum_approvals: Some(1),
            reviewers: Some([ReviewerName::Team("platform-leads".to_owned())].into()),
            ..nothing("production", "13:3")
        };
        assert_eq!(*production, desired);
    }
}

#[test]
fn every_rule_is_read() {
    let desired = one("    deployment_branch_policy:
      branches: [main, 'release/*']
      tags:
        - v*
    required_reviewers:
      - user: Alice
      - team: on_call
    wait_timer: 43200
    prevent_self_review: true
    can_admins_bypass: false
");
    assert_eq!(desired.branches, Some(DeployableBranches::Custom), "listed patterns imply custom policies");
    let patterns = ["main", "release/*"].map(|text| RefPattern::Branch(text.to_owned()));
    assert_eq!(desired.patterns, Some(patterns.into_iter().chain([RefPattern::Tag("v*".to_owned())]).collect()));
    let reviewer = [ReviewerName::Team("on_call".to_owned()), ReviewerName::User("alice".to_owned())];
    assert_eq!(desired.reviewers, Some(reviewer.into()), "logins have no case");
    assert_eq!(desired.wait_timer, Some(LONGEST_WAIT));
    assert_eq!((desired.prevent_self_review, desired.can_admins_bypass), (Some(true), Some(false)));
}

#[test]
fn deployable_branches_must_be_unambiguous() {
    for (policy, branches, patterns) in [
        (" null", DeployableBranches::Any, None),
        (" ~", DeployableBranches::Any, None),
        ("\n      protected_branches: true", DeployableBranches::Protected, None),
        ("\n      protected_branches: True\n      custom_branch_policies: false", DeployableBranches::Protected, None),
        ("\n      custom_branch_policies: true", DeployableBranches::Custom, None),
        ("\n      custom_branch_policies: true\n      branches: []", DeployableBranches::Custom, Some(0)),
        ("\n      custom_branch_policies: true\n      branches: [a]", DeployableBranches::Custom, Some(1)),
        ("\n      protected_branches: false\n      tags: [a, b]", DeployableBranches::Custom, Some(2)),
        ("\n      branches: [a]\n      tags: [a]", DeployableBranches::Custom, Some(2)),
    ] {
        let desired = one(&format!("    deployment_branch_policy:{policy}\n"));
        assert_eq!(desired.branches, Some(branches), "{policy}");
        assert_eq!(desired.patterns.map(|patterns| patterns.len()), patterns, "{policy}");
    }
}

#[test]
fn rules_that_the_file_does_not_mention_are_none() {
    for text in ["environments:\n  dev:\n", "environments:\n  dev: {}\n"] {
        let [dev] = &read(text).unwrap()[..] else { panic!("{text}") };
        let rules = (dev.wait_timer, &dev.reviewers, dev.branches, &dev.patterns, dev.minimum_approvals);
        assert_eq!(rules, (None, &None, None, &None, None));
    }
    assert_eq!(one("    required_reviewers: []\n").reviewers, Some(BTreeSet::new()), "an empty list: no reviewers");
}

#[test]
fn an_error_names_its_place() {
    for (rules, place, message) in [
        ("wait_timers: 10", "3:5", "next: did you mean `wait_timer`?"),
        ("reviewers: []", "3:5", "next: did you mean `required_reviewers`?"),
        ("wait_timer: 43201", "3:17", "expected a whole number of minutes, 0 to 43200 (30 days)"),
        ("wait_timer: 10m", "3:17", "\"10m\""),
        ("wait_timer: -1", "3:17", "\"-1\""),
        ("wait_timer: 99999999999999999999", "3:17", "whole number"),
        ("wait_timer:", "3:15", "nothing"),
        ("wait_timer: [10]", "3:17", "a list"),
        ("minimum_approvals: 0", "3:24", "at least 1"),
        ("prevent_self_review: yes", "3:26", "expected true or false"),
        ("can_admins_bypass: {}", "3:24", "a mapping"),
        ("required_reviewers: platform-leads", "3:25", "a list of reviewers"),
        ("required_reviewers: [platform-leads]", "3:26", "a mapping with team, user"),
        ("required_reviewers: [{team: a, user: b}]", "3:26", "an entry for each reviewer"),
        ("required_reviewers: [{minimum_approvals: 1}]", "3:26", "an entry without a name"),
        ("required_reviewers: [{teams: a}]", "3:27", "did you mean `team`?"),
        ("required_reviewers: [{team: acme/leads}]", "3:33", "without its organisation"),
        ("required_reviewers: [{user: \"a b\"}]", "3:33", "a user's login"),
        ("required_reviewers: [{user: ../../orgs}]", "3:33", "a user's login"),
        ("required_reviewers: [{user: a}, {user: A}]", "3:37", "user a twice"),
        (
            "required_reviewers: [{user: a}, {user: b}, {user: c}, {user: d}, {user: e}, {user: f}, {user: g}]",
            "3:25",
            "at most 6",
        ),
        ("deployment_branch_policy:", "3:29", "or `null` for any branch"),
        ("deployment_branch_policy: any", "3:31", "or `null` for any branch"),
        ("deployment_branch_policy: {}", "3:31", "neither is true"),
        ("deployment_branch_policy: {protected_branches: false}", "3:31", "write `deployment_branch_policy: null`"),
        (
            "deployment_branch_policy: {protected_branches: false, custom_branch_policies: false}",
            "3:31",
            "neither is true",
        ),
        ("deployment_branch_policy: {protected_branches: true, custom_branch_policies: true}", "3:31", "both are true"),
        (
            "deployment_branch_policy: {protected_branches: true, branches: [a]}",
            "3:31",
            "patterns beside `protected_branches",
        ),
        (
            "deployment_branch_policy: {custom_branch_policies: false, tags: [a]}",
            "3:31",
            "patterns beside `custom_branch",
        ),
        ("deployment_branch_policy: {custom_branch_policies: [main]}", "3:56", "under `branches:` or `tags:`"),
        ("deployment_branch_policy: {branch: [main]}", "3:32", "did you mean `branches`?"),
        ("deployment_branch_policy: {branches: main}", "3:42", "a list of patterns"),
        ("deployment_branch_policy: {branches: [\"\"]}", "3:43", "1 to 255 characters"),
        ("deployment_branch_policy: {branches: [\"a\\nb\"]}", "3:43", "no spaces"),
        ("deployment_branch_policy: {branches: [refs/heads/main]}", "3:43", "without `refs/heads/`"),
        ("deployment_branch_policy: {branches: [a, a]}", "3:46", "\"a\" twice"),
        ("wait_timer: 1\n    wait_timer: 2", "line 4, column 5", "second time"),
        (
            "minimum_approvals: 1\n    required_reviewers: [{team: a, minimum_approvals: 2}]",
            "4:55",
            "2 here, and 1 above",
        ),
        ("prevent_self_review: true\n    required_reviewers: []", "2:3", "which has no reviewers"),
    ] {
        let finding = refused(&format!("environments:\n  production:\n    {rules}\n"));
        assert!(finding.contains(place) && finding.contains(message), "{rules}: {finding}");
    }
}

#[test]
fn a_file_without_environments_is_refused() {
    for (text, message) in [
        ("", "a mapping with environments"),
        ("[]", "a list"),
        ("environments: {}", "no environment"),
        ("environments:", "a mapping of names to rules"),
        ("environment:\n  dev: {}", "did you mean `environments`?"),
        ("environments: {dev: {}}\nservices: {}", ":2:1"),
        ("environments: {dev: 1}", "a text"),
        ("environments: {\" a\": {}}", "the name of a GitHub environment"),
        ("environments: {../x: {}}", "the name of a GitHub environment"),
        ("environments: {eu/Prüfung: {}, eu/PRÜFUNG: {}}", "eu/Prüfung is already defined"),
        ("environments:\n  Dev: {}\n  dev: {}", "Dev is already defined at .github/environments.yml:2:3"),
        ("environments: &x {}", "an anchor"),
    ] {
        let finding = refused(text);
        assert!(finding.contains(message) && finding.contains(PATH), "{text:?}: {finding}");
    }
    let Err(CommandError::BadInput(finding)) = super::read(PATH, b"\xff") else { panic!("not UTF-8") };
    assert!(finding.to_string().contains("not UTF-8"), "{finding}");
}
