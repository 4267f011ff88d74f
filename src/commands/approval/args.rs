//! The settings of `approval`.

use std::time::Duration;

use crate::{
    error::{CommandError, ValueError},
    finding::Finding,
    ledger::infra_repo::InfraRepoArgs,
    login::Login,
    secret::Secret,
    subject::Environment,
    supersession::SupersededBy,
    values::{HumanDuration, nonzero_duration, switch},
};

/// Settings of `approval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where people approve: the run, for an environment with required reviewers; or the promotion's pull request, on any plan
    #[arg(long, value_name = "SOURCE", default_value = "environment")]
    pub source: ApprovalSource,
    /// Reports of earlier jobs, including that of `evidence`: the expression `toJSON(needs)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// GitHub environment of this job; required with `source: environment`
    #[arg(long, value_name = "NAME")]
    pub github_environment: Option<Environment>,
    /// With `source: pull-request`: number of the promotion's pull request [default: the open one that has the evidence of `results`]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub pull_request: Option<u64>,
    /// With `source: pull-request`: how many people have to approve
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = count)]
    pub minimum: u32,
    /// With `source: pull-request`: require the approval of an owner of the changed file, by CODEOWNERS on the base branch
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        value_parser = switch
    )]
    pub codeowners: bool,
    /// Require an approver who had no part in the release: its deployment and its commits, as `evidence` lists them
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "true",
        value_parser = switch
    )]
    pub independent: bool,
    /// Additional logins whose approval does not count
    #[arg(long, value_name = "LOGIN")]
    pub excluded: Vec<Login>,
    /// How many promotions one person may approve within `window`
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = count)]
    pub max_approvals: u32,
    /// Time window in which approvals are counted
    #[arg(long, value_name = "DURATION", default_value = "20m", value_parser = window)]
    pub window: HumanDuration,
    /// How long the decision pack must have been there before the approval, such as `60s` [default: not checked]
    #[arg(long, value_name = "DURATION", value_parser = nonzero_duration)]
    pub min_review_time: Option<HumanDuration>,
    /// Require a comment of each approver in GitHub's review, with at least two letters
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        value_parser = switch
    )]
    pub require_comment: bool,
    /// With `source: environment`: what supersedes a promotion that waits: a newer promotion of the service in the ledger; or also a newer validation, whose promotion goes on in another run of this workflow
    #[arg(long, value_name = "WHAT", default_value = "promotion")]
    pub superseded_by: SupersededBy,
    /// Token that may read this repository's workflow runs (Actions: read), its deployments (Deployments: read) and the ledger (Contents: read); with `source: pull-request`, instead of the deployments its pull requests (Pull requests: read), and without `results` its checks (Checks: read), as with `superseded-by: validation`
    #[arg(long, value_name = "GITHUB_TOKEN", required = true)]
    pub token: Option<Secret>,
    /// Token with Actions, Contents and Pull requests: read on the service's repository; only for releases of more people than the report of `evidence` has room for, and without `results` [default: `token`]
    #[arg(long, value_name = "READER_APP_TOKEN")]
    pub source_token: Option<Secret>,
    #[command(flatten)]
    pub ledger: InfraRepoArgs,
    /// How long to retry while GitHub or the ledger cannot be read
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

/// Where people approve a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ApprovalSource {
    /// The workflow run that waits for the environment.
    Environment,
    /// The promotion's pull request.
    PullRequest,
}

/// The environment with `source: environment`.
///
/// # Errors
/// Bad input: one of them is given, or the environment is missing.
pub(super) fn environment_of(args: &Args) -> Result<&Environment, CommandError> {
    let alone = |name: &str, actual: String, expected: &str| {
        Err(Finding::inconclusive(format!("`{name}`"))
            .actual(actual)
            .expected(expected)
            .next("use `source: pull-request` for it")
            .bad_input())
    };
    if args.minimum > 1 {
        let expected = "1 with `source: environment`: GitHub lets a job go on after its first approval";
        return alone("minimum", args.minimum.to_string(), expected);
    }
    if args.codeowners {
        return alone(
            "codeowners",
            "true".to_owned(),
            "`false` with `source: environment`, whose reviewers GitHub knows",
        );
    }
    if let Some(number) = args.pull_request {
        return alone("pull-request", number.to_string(), "no pull request with `source: environment`");
    }
    args.github_environment.as_ref().ok_or_else(|| {
        Finding::inconclusive("`github-environment`")
            .actual("not given")
            .expected("the name in `environment:` of this job")
            .bad_input()
    })
}

fn count(text: &str) -> Result<u32, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a whole number from 1 to 1000");
    text.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or(ACCEPTED)
}

/// At most a day, because the command looks up every approval within the window.
fn window(text: &str) -> Result<HumanDuration, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a duration over 0 and of at most 24 hours such as `20m`");
    let duration: HumanDuration = text.parse().map_err(|_| ACCEPTED)?;
    (!duration.0.is_zero() && duration.0 <= Duration::from_hours(24)).then_some(duration).ok_or(ACCEPTED)
}
