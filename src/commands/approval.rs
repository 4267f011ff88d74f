//! `approval`: checks who approved this run, and whether that person was allowed to.
//!
//! | observed | verdict |
//! |---|---|
//! | a person who had no part in the release approved this run, and approved at most `max-approvals` promotions within `window` | passed |
//! | no approval, or a rejection; approved only by bots, or only by people who had a part in the release; too many approvals within `window`; the environment does not exist or requires no reviewers; a second attempt | blocked |
//! | GitHub or the ledger cannot be read; the people who had a part in the release are unknown | inconclusive |
//!
//! The command runs in the job that the environment protects. GitHub shows who reviewed a run, but neither when nor in which
//! attempt. The states of the deployment that GitHub made for the job show when it stopped waiting.

mod attempts;
mod excluded;
mod judge;
mod observations;
mod rules;
mod sources;
mod window;

use std::{sync::Arc, time::Duration};

use crate::{
    clock::rfc3339,
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    config::Config,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::{CommandError, ValueError},
    finding::{Finding, Verdict},
    ledger::{EvidenceId, InfraRepo, infra_repo::InfraRepoArgs},
    login::Login,
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output},
    results::ReceivedReports,
    secret::Secret,
    subject::{Environment, Subject},
    values::{HumanDuration, nonzero_duration, switch},
};
use excluded::SourceAccess;
use judge::judge;
use observations::{ApprovalObservations, OwnRun};
use rules::ApprovalRules;
use sources::{ApprovalObserver, EvidenceRef};

/// How often the command looks within `timeout` if every look fails at once.
const MAX_LOOKS: u32 = 12;

/// Settings of `approval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of earlier jobs, including that of `evidence`: the expression `toJSON(needs)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// GitHub environment of this job
    #[arg(long, value_name = "NAME", required = true)]
    pub github_environment: Environment,
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
    /// Require a comment of the approver in GitHub's review, with at least two letters
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
    /// Token that may read this repository's workflow runs (Actions: read), its deployments (Deployments: read) and the ledger (Contents: read)
    #[arg(long, value_name = "GITHUB_TOKEN", required = true)]
    pub token: Option<Secret>,
    /// Token with Actions, Contents and Pull requests: read on the service's repository; only for releases of more people than the report of `evidence` has room for [default: `token`]
    #[arg(long, value_name = "SOURCE_READ_TOKEN")]
    pub source_token: Option<Secret>,
    #[command(flatten)]
    pub ledger: InfraRepoArgs,
    /// How long to retry while GitHub or the ledger cannot be read
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "approval";
    const ABOUT: &'static str = "Check that an independent person approved this run, and had time to review it";
    const KIND: CommandKind = CommandKind::PromotionGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "user-check", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "approver", help: "Login of the person whose approval counts" },
        Output { name: "approved-at", help: "When GitHub let the job go on after its approval (RFC 3339)" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.config, ctx)
    }
}

impl Gate for Args {}

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

/// Looks until everything was observed, or something blocks.
///
/// # Errors
/// Bad input; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let Some(run) = &ctx.runner_env.run else {
        return Err(Finding::inconclusive("workflow run")
            .actual("none is known here (GITHUB_REPOSITORY and GITHUB_RUN_ID)")
            .expected("a step of a workflow run that was approved")
            .unobservable());
    };
    let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?.unwrap_or_default();
    let observer = Arc::new(ApprovalObserver {
        github: ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?,
        repository: ctx.own_repository()?,
        own_run: OwnRun { id: run.id, attempt: run.attempt, url: run.url.clone() },
        github_environment: args.github_environment.clone(),
        runner: ctx.runner_env.runner_name.clone(),
        window: args.window.0,
        people: config.people.clone(),
        evidence_job: find_evidence_job(&reports),
        ledger: InfraRepo::open(&args.ledger, args.token.as_ref(), &config.services, ctx)?,
        service: subject.service.clone(),
        environment: subject.environment.clone(),
        evidence: find_evidence(&reports, subject, ctx),
        excluded: find_excluded(args, &reports, subject, config, ctx),
        clock: Arc::clone(&ctx.execution.clock),
    });
    let rules = ApprovalRules {
        environment: args.github_environment.clone(),
        independent: args.independent,
        max_approvals: args.max_approvals as usize,
        window: args.window,
        min_review_time: args.min_review_time,
        require_comment: args.require_comment,
    };
    let source = Source::blocking(PollInterval::Every(args.timeout.0 / MAX_LOOKS), move || {
        let observer = Arc::clone(&observer);
        Box::new(move || observer.observe())
    })
    .named("this run, its reviews and the ledger");
    let mut last: Option<ApprovalObservations> = None;
    let findings = observe_until_decided(
        &ctx.execution,
        args.timeout.0,
        vec![source],
        &mut last,
        |last, _, observations: ApprovalObservations| {
            for error in observations.errors() {
                ctx.log.say(&format!("not seen: {error}"));
            }
            *last = Some(observations);
        },
        |last, _| match last {
            Some(observations) => judge(&rules, observations),
            None => Judgement::pending(vec![Finding::inconclusive("approval").actual("no answer yet")]),
        },
    )?;
    let mut outcome = Outcome::from(findings);
    if let Some(observations) = &last {
        outcome.outputs.extend(observations.approver(&rules).map(|login| ("approver", login.to_owned())));
        outcome
            .outputs
            .extend(observations.approval.as_ref().ok().map(|own| ("approved-at", rfc3339(own.time.latest))));
    }
    Ok(outcome)
}

/// The logins of the people who had a part in the release, from the output of `evidence`, and those of `excluded`.
fn find_excluded(
    args: &Args,
    reports: &ReceivedReports,
    subject: &Subject,
    config: &Config,
    ctx: &CommandContext,
) -> Result<Vec<String>, Finding> {
    if !args.independent {
        return Ok(args.excluded.iter().map(ToString::to_string).collect());
    }
    let run = ctx.current_run();
    let evidence = reports.required_findings(&["evidence".to_owned()], subject, run);
    if let Some(missing) = evidence.into_iter().find(|finding| finding.verdict != Verdict::Passed) {
        return Err(missing);
    }
    let source = SourceAccess {
        token: args.source_token.as_ref().or(args.token.as_ref()),
        request_timeout: REQUEST_TIMEOUT,
        time_limit: args.timeout.0,
    };
    let logins = excluded::from_evidence(reports, subject, config, &source, ctx)?;
    Ok(logins.into_iter().chain(args.excluded.iter().map(ToString::to_string)).collect())
}

/// What identifies this promotion in the ledger; `None` if the reports do not contain it.
fn find_evidence(reports: &ReceivedReports, subject: &Subject, ctx: &CommandContext) -> Option<EvidenceRef> {
    let run = ctx.runner_env.run.as_ref();
    let id: EvidenceId = reports.output("evidence", "evidence", subject, run)?.parse().ok()?;
    let validated_at = reports.output("evidence", "validated-at", subject, run)?.parse().ok()?;
    Some(EvidenceRef { id, validated_at })
}

/// The key of the job that ran `evidence`.
fn find_evidence_job(reports: &ReceivedReports) -> Option<String> {
    let evidence =
        reports.received.iter().map(|received| &received.report).find(|report| report.command == "evidence")?;
    evidence.run.as_ref().map(|run| run.job.clone())
}
