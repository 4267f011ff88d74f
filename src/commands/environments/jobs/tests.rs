use super::*;
use crate::finding::Verdict::{self, Blocked, Inconclusive, Passed};

const PATH: &str = ".github/workflows/deploy.yml";

fn file(text: &str) -> WorkflowFile {
    WorkflowFile { path: PATH.to_owned(), text: Ok(text.to_owned()) }
}

fn names(names: &[&str]) -> Vec<EnvironmentName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn judge(environments: &[&str], files: Vec<WorkflowFile>) -> Vec<Finding> {
    let names = names(environments);
    judge_jobs(&names.iter().collect::<Vec<_>>(), &Workflows { place: "the checkout".to_owned(), files })
}

/// The finding on `production` for one workflow with one job that has `environment`.
fn of_job(environment: &str) -> (Verdict, String) {
    let text = format!("on: push\njobs:\n  deploy:\n    runs-on: x\n    environment:{environment}\n    steps: []\n");
    let [finding] = &judge(&["production"], vec![file(&text)])[..] else { panic!("{environment}") };
    (finding.verdict, finding.to_string())
}

#[test]
fn a_job_without_a_deployment_is_named() {
    for environment in [
        " { name: production, deployment: false }",
        "\n      name: Production\n      deployment: False",
        "\n      deployment: \"false\"\n      name: 'production'",
        "\n      name: production\n      deployment: ${{ false }}",
        "\n      url: https://x\n      name: production\n      deployment: ${{false}}",
    ] {
        let (verdict, text) = of_job(environment);
        assert_eq!(verdict, Blocked, "{environment}: {text}");
        assert!(text.contains("deploy.yml:") && text.contains("(job deploy)"), "{text}");
        assert!(text.contains("next: remove `deployment: false` there"), "{text}");
    }
    let (_, text) = of_job("\n      name: production\n      deployment: false");
    assert!(text.contains("`deployment: false` in .github/workflows/deploy.yml:7 (job deploy)"), "{text}");
}

#[test]
fn a_job_with_a_deployment_passes() {
    for environment in [
        " production",
        " ${{ inputs.environment }}",
        " { name: production }",
        " { name: production, deployment: true }",
        " { name: production, deployment: True }",
        " { name: production, deployment: '${{ true }}' }",
        " { name: '${{ inputs.environment }}' }",
        // Others than production.
        " { name: production-readonly, deployment: false }",
        " { name: preview, deployment: '${{ inputs.deploy }}' }",
        " { name: 'review-${{ github.event.number }}', deployment: false }",
        " { name: '${{ inputs.region }}/production', deployment: false }",
        "",
        " [production]",
    ] {
        let (verdict, text) = of_job(environment);
        assert_eq!(verdict, Passed, "{environment}: {text}");
        assert!(text.contains("none in the workflow file of the checkout"), "{text}");
    }
}

#[test]
fn what_an_expression_decides_is_inconclusive_where_it_may_be_the_environment() {
    for (environment, named) in [
        (" { name: '${{ inputs.environment }}', deployment: false }", "environment `${{ … }}`"),
        (" { name: 'prod${{ inputs.x }}', deployment: false }", "environment `prod${{ … }}`"),
        (" { name: '${{ inputs.x }}tion', deployment: false }", "environment `${{ … }}tion`"),
        (" { name: 'P${{ inputs.a }}o${{ inputs.b }}N', deployment: false }", "job deploy"),
        (" { name: \"${{ format('}}') }}production\", deployment: false }", "environment `${{ … }}production`"),
        (" { name: production, deployment: '${{ inputs.deploy }}' }", "`deployment: ${{ inputs.deploy }}`"),
        (" { name: production, deployment: off }", "`deployment: off`"),
        (" { name: production, deployment: }", "`deployment: `"),
        (" { name: production, deployment: [false] }", "not a single value"),
        (" { deployment: false }", "environment `${{ … }}`"),
        (" ${{ fromJSON(inputs.environment) }}", "fromJSON"),
    ] {
        let (verdict, text) = of_job(environment);
        assert_eq!(verdict, Inconclusive, "{environment}: {text}");
        assert!(text.contains(named) && text.contains("deploy.yml:5"), "{environment}: {text}");
    }
}

#[test]
fn a_certain_job_comes_before_a_possible_one_and_each_environment_is_judged() {
    let text = "\
jobs:
  a: { environment: { name: '${{ inputs.x }}', deployment: false } }
  b: { environment: { name: eu/west production, deployment: false } }
  c: { environment: { name: eu/west production, deployment: false } }
";
    let [one, two] = &judge(&["eu/west production", "staging"], vec![file(text)])[..] else { panic!("two") };
    assert_eq!((one.verdict, two.verdict), (Blocked, Inconclusive));
    assert!(one.actual.ends_with("deploy.yml:3 (job b), .github/workflows/deploy.yml:4 (job c)"), "{one}");
    assert_eq!(one.headline(), format!("{} 2 jobs, limit none: {PATH}:3", one.check));
    assert!(two.actual.contains("(job a, environment `${{ … }}`)"), "{two}");
}

#[test]
fn anchors_are_followed() {
    let text = "\
jobs:
  a:
    environment: &production
      name: production
      deployment: &off false
  b:
    environment: *production
  c: &c
    environment: { name: production, deployment: *off }
  d: *c
";
    let [finding] = &judge(&["production"], vec![file(text)])[..] else { panic!("one") };
    let jobs = ["(job a)", "(job b)", "(job c)", "(job d)"];
    assert!(jobs.iter().all(|job| finding.actual.contains(job)), "{finding}");
}

#[test]
fn files_that_cannot_be_read_are_inconclusive_and_named() {
    let unread = WorkflowFile { path: "b.yml".to_owned(), text: Err(Finding::inconclusive("b.yml").actual("403 no")) };
    let findings = judge(&["production"], vec![file("jobs: [\n"), unread, file("jobs: {}")]);
    let [production, broken, unread] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(production.verdict, Passed);
    assert_eq!((broken.verdict, unread.verdict), (Inconclusive, Inconclusive));
    assert!(broken.check.ends_with(PATH) && broken.actual.contains("line 2"), "{broken}");
    assert_eq!((&*unread.check, &*unread.actual), ("jobs without a deployment: b.yml", "403 no"));
}

#[test]
fn what_was_not_read_is_said() {
    let [none] = &judge(&["production"], vec![])[..] else { panic!("one") };
    assert_eq!((none.verdict, &*none.actual), (Passed, "no workflow files in the checkout"));
    let text = "\
jobs:
  shared: { uses: acme/shared/.github/workflows/deploy.yml@v1 }
  own: { uses: ./.github/workflows/own.yml }
";
    let [called] = &judge(&["production"], vec![file(text)])[..] else { panic!("one") };
    let said = "not read, and they may have some: acme/shared/.github/workflows/deploy.yml@v1 (called at \
                .github/workflows/deploy.yml:2)";
    assert!(called.verdict == Passed && called.actual.ends_with(said), "{called}");
}

#[test]
fn files_that_are_no_workflow_have_no_jobs() {
    for text in
        ["", "# nothing\n", "name: x\n", "jobs:\n", "jobs: [a]\n", "- a\n", "jobs: { a: b }\n", "\u{feff}jobs: {}\n"]
    {
        assert_eq!(read_jobs(PATH, text).unwrap(), WorkflowJobs::default(), "{text:?}");
    }
}

#[test]
fn an_environment_with_reviewers_in_the_file_or_on_github_is_reviewed() {
    use crate::commands::environments::desired::ReviewerName;
    let desired = |reviewers: Option<&[ReviewerName]>| DesiredEnvironment {
        name: "production".parse().unwrap(),
        place: String::new(),
        wait_timer: None,
        reviewers: reviewers.map(|reviewers| reviewers.iter().cloned().collect()),
        minimum_approvals: None,
        prevent_self_review: None,
        can_admins_bypass: None,
        branches: None,
        patterns: None,
    };
    let alice = ReviewerName::User("alice".to_owned());
    let guarded = ActualEnvironment { reviewers: [(alice.clone(), 1)].into(), ..ActualEnvironment::NEW };
    for (reviewers, actual, reviewed) in [
        (None, None, false),
        (None, Some(&ActualEnvironment::NEW), false),
        (Some(&[][..]), Some(&ActualEnvironment::NEW), false),
        (Some(std::slice::from_ref(&alice)), None, true),
        (None, Some(&guarded), true),
        (Some(&[]), Some(&guarded), true),
    ] {
        assert_eq!(is_reviewed(&desired(reviewers), actual), reviewed, "{reviewers:?} {actual:?}");
    }
}
