//! `doctor`: asks GitHub, the cluster and the registry with the tokens at hand, and says per check what is so: ok, a problem with
//! its fix as a command, or not seen, with the permission that would show it. It writes nothing.
//!
//! [`look`] asks GitHub for [`facts`], [`workflow_uses`] reads what the workflows use, [`judge`](mod@judge) decides.

mod check;
mod facts;
mod judge;
mod look;
mod rights;
mod rules_file;
mod workflow_uses;

use std::time::Duration;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    commands::{
        environments::{change::EnvironmentsApi, workflows::read_workflows},
        health::workloads::{ClusterArgs, Workload},
    },
    config::Config,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Finding, Verdict},
    report::{Outcome, Output},
    ruleset::APPROVAL_STATUS,
    secret::Secret,
    subject::EnvironmentName,
    values::{HumanDuration, nonzero_duration},
    world::{
        cluster::AccessAnswer,
        github::{Inspection, Repository, RepositoryOverview},
        registry::Registry,
    },
};
use check::{Check, CheckState, Needs};
use facts::{ApprovalWay, Intent, TokenKind};
use judge::{
    cluster::{self, ClusterFacts},
    registry, token,
};
use look::GitHubLook;
use rights::rights_for;
use workflow_uses::{WorkflowUses, read_uses};

/// Settings of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Repository to look at [default: the workflow's own]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<Repository>,
    /// Token to ask GitHub with; what it may not see is named, with the permission that would show it
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// Environments that need required reviewers [default: those of jobs that promote, and those whose names begin with `prod`; none if people approve pull requests]
    #[arg(long, value_name = "NAME")]
    pub reviewed: Vec<EnvironmentName>,
    /// File with the rules of the environments, which are compared if it exists, relative to the workspace
    #[arg(long, value_name = "FILE", default_value = ".github/environments.yml")]
    pub file: String,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Token that may read the image, as `user:token` or alone, sent only to the registry of `image`
    #[arg(long, value_name = "REGISTRY_TOKEN")]
    pub registry_token: Option<Secret>,
    /// How long the API server of the cluster may take to start a response
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub api_timeout: HumanDuration,
    /// Pass although something was not seen for want of a permission; what was seen still counts
    #[arg(long)]
    pub allow_unseen: bool,
    /// How long all requests may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "doctor";
    const ABOUT: &'static str =
        "Ask GitHub, the cluster and the registry whether everything is set up, and say how to fix what is not";
    const KIND: CommandKind = CommandKind::Rules;
    const BRANDING: Option<Branding> = Some(Branding { icon: "thermometer", color: "green" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "problems", help: "How many checks found a problem" },
        Output { name: "not-seen", help: "How many checks this token may not see, or had no answer" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, &ctx.within(self.timeout))
    }
}

/// Asks, and judges the answers.
///
/// # Errors
/// Bad input; [`CommandError::Cancelled`].
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    args.cluster.check()?;
    let repository = repository_of(args, ctx)?;
    let github = ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?;
    let look = GitHubLook { github: &github, repository: &repository, ctx };
    let kind = TokenKind::of(args.token.as_ref().map_or("", Secret::expose));
    ctx.log.say(&format!("asking about {repository}, with {}", kind.describe()));
    let mut checks = match look.overview() {
        Inspection::Seen(overview) => ask_github(args, inputs.config, &look, kind, overview)?,
        Inspection::UnknownToken(message) => vec![token::unknown_token(kind, &repository.to_string(), &message)],
        unseen => {
            let check = format!("repository {repository}");
            Check::of_unseen(check, &unseen, Needs::of_job("Metadata: read", "contents: read")).into_iter().collect()
        }
    };
    checks.extend(ask_cluster(args, inputs.config, ctx));
    checks.extend(ask_registry(args, inputs, ctx));
    if ctx.execution.wake.is_cancelled() {
        return Err(CommandError::Cancelled);
    }
    Ok(outcome(checks, args.allow_unseen, &repository, ctx))
}

fn repository_of(args: &Args, ctx: &CommandContext) -> Result<Repository, CommandError> {
    match &args.repository {
        Some(repository) => Ok(repository.clone()),
        None => ctx.own_repository().map_err(|error| match error {
            CommandError::BadInput(finding) => {
                finding.next("give `--repository OWNER/NAME`: no workflow runs here that names it").bad_input()
            }
            error => error,
        }),
    }
}

fn ask_github(
    args: &Args,
    config: &Config,
    look: &GitHubLook<'_>,
    kind: TokenKind,
    overview: RepositoryOverview,
) -> Result<Vec<Check>, CommandError> {
    let GitHubLook { github, repository, ctx } = *look;
    let place = EnvironmentsApi { github, repository };
    let mut uses = read_workflows(&place, args.timeout, ctx).map_or_else(
        |finding| WorkflowUses { unread: vec![finding], ..WorkflowUses::default() },
        |workflows| read_uses(&workflows),
    );
    for step in &mut uses.commits {
        step.mode = step.mode.take().or_else(|| setting(config, step.command, "mode").map(ToOwned::to_owned));
    }
    let facts = look.look(kind, overview, &uses);
    let reviewed: Vec<String> = args.reviewed.iter().map(ToString::to_string).collect();
    let status = setting(config, "status", "context").unwrap_or(APPROVAL_STATUS);
    let intent = Intent { way: approval_way(config, &uses), reviewed: &reviewed, status };
    let mut checks = judge::judge(&facts, &uses, &intent);
    if facts.environments.seen().is_some() {
        checks.extend(rules_file::compare(&args.file, &place, args.timeout, ctx)?);
    }
    Ok(checks)
}

/// By pull request, if the config file or a step says so.
fn approval_way(config: &Config, uses: &WorkflowUses) -> ApprovalWay {
    let is_set = |command, key| setting(config, command, key) == Some("pull-request");
    if uses.by_pull_request || is_set("approval", "source") || is_set("promote", "mode") {
        ApprovalWay::PullRequest
    } else {
        ApprovalWay::Environment
    }
}

/// The value of another command's setting in the config file.
fn setting<'a>(config: &'a Config, command: &str, key: &str) -> Option<&'a str> {
    let value = config.layers(command).find_map(|layer| layer.get(key))?;
    value.texts.first().map(String::as_str)
}

/// Asks the cluster, if there is an account to ask with.
fn ask_cluster(args: &Args, config: &Config, ctx: &CommandContext) -> Vec<Check> {
    const CHECK: &str = "cluster";
    let of_health = |key| setting(config, "health", key).map(ToOwned::to_owned);
    let workloads: Vec<Workload> = config
        .layers("health")
        .find_map(|layer| layer.get("workload"))
        .map(|value| value.texts.iter().filter_map(|text| text.parse().ok()).collect())
        .unwrap_or_default();
    let mut access = args.cluster.clone();
    access.namespace = access.namespace.or_else(|| of_health("namespace"));
    access.context = access.context.or_else(|| of_health("context").filter(|_| !args.cluster.in_cluster));
    if !access.names_cluster(ctx) {
        if workloads.is_empty() {
            ctx.log.say("no kubeconfig: the cluster is not asked");
            return Vec::new();
        }
        let finding = Finding::inconclusive("`kubeconfig`")
            .actual("not given, and the config file has workloads for `health`")
            .expected("the account that `health` uses")
            .next("give `kubeconfig`, or `in-cluster: true` on a runner inside the cluster");
        return vec![Check::unknown(CHECK, &finding)];
    }
    let cluster = match access.connect(args.api_timeout, ctx) {
        Ok(cluster) => cluster,
        Err(error) => return error.finding().map(|finding| unusable_kubeconfig(&finding)).into_iter().collect(),
    };
    let mut answers = Vec::new();
    for right in rights_for(&workloads) {
        let answer = cluster.may(right, ctx.execution.time_left(Duration::MAX));
        let ends = !matches!(answer, AccessAnswer::Allowed | AccessAnswer::Denied);
        answers.push((right, answer));
        if ends || ctx.execution.wake.is_cancelled() {
            break;
        }
    }
    let (context, namespace) = (cluster.context().to_owned(), cluster.namespace().to_owned());
    cluster::judge(&ClusterFacts { context, namespace, answers })
}

fn unusable_kubeconfig(finding: &Finding) -> Check {
    let fix = "see what the kubeconfig has: `kubectl config view --minify`";
    let next = finding.next.as_ref().map_or_else(|| fix.to_owned(), |next| format!("{next}; {fix}"));
    Check::problem("cluster", format!("{}: {}", finding.check, finding.actual), finding.expected.clone(), next)
}

/// Asks the registry, if the subject has an image.
fn ask_registry(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Option<Check> {
    let image = inputs.subject.image.as_ref()?;
    let token = args.registry_token.clone();
    let has_token = token.is_some();
    let registry = Registry::new(ctx.world.http().clone(), image, token.unwrap_or_else(|| Secret::new(String::new())));
    Some(registry::judge(image.as_str(), has_token, &registry.access()))
}

/// Puts the checks into one outcome. What is not seen is tolerated only beside something that is.
fn outcome(checks: Vec<Check>, allow_unseen: bool, repository: &Repository, ctx: &CommandContext) -> Outcome {
    let count = |state: CheckState| checks.iter().filter(|check| check.state == state).count();
    let (ok, problems) = (count(CheckState::Ok), count(CheckState::Problem));
    let unseen = count(CheckState::NotSeen) + count(CheckState::Unknown);
    let tolerates = allow_unseen && ok > 0;
    let title = format!("doctor: {ok} ok, {} and {unseen} not seen", counted(problems));
    let source = format!("the settings of {repository}, and the accounts at hand");
    let findings = checks.into_iter().map(|Check { state, finding }| {
        let finding = if state == CheckState::NotSeen && tolerates {
            Finding { verdict: Verdict::Passed, ..finding }
                .waived("`allow-unseen` is set: what this token may not see does not count")
        } else {
            finding
        };
        if finding.evidence.is_empty() { finding.seen_at(source.as_str(), ctx.execution.wall()) } else { finding }
    });
    let findings: Vec<Finding> = findings.collect();
    let outputs = [("problems", problems.to_string()), ("not-seen", unseen.to_string())].into();
    Outcome { findings, title: Some(title), outputs, ..Outcome::default() }
}

fn counted(problems: usize) -> String {
    match problems {
        0 => "no problem".to_owned(),
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    }
}
