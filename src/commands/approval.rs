//! `approval`: checks who approved this run, and whether that person was allowed to.
//!
//! | observed | verdict |
//! |---|---|
//! | a person who had no part in the release approved this run, and approved at most `max-approvals` promotions within `window` | passed |
//! | no approval, or a rejection; approved only by bots, or only by people who had a part in the release; too many approvals within `window`; a newer release of the service; the environment does not exist or requires no reviewers; a second attempt | blocked |
//! | GitHub or the ledger cannot be read; the people who had a part in the release are unknown | inconclusive |
//!
//! With `source: pull-request`, the approval is that of the promotion's pull request: [`pull_request`].
//!
//! The command runs in the job that the environment protects. GitHub shows who reviewed a run, but neither when nor in which
//! attempt. The states of the deployment that GitHub made for the job show when it stopped waiting.

pub mod args;
mod attempts;
mod comment;
mod excluded;
mod frequency;
mod judge;
mod observations;
pub mod pull_request;
mod rules;
mod sources;
mod window;

use std::sync::Arc;

use crate::{
    batch::list_services,
    clock::rfc3339,
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    config::Config,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::InfraRepo,
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output, Run},
    results::{
        ReceivedReports,
        batch::BatchEvidence,
        output::{EVIDENCE_ID, VALIDATED_AT},
    },
    subject::Subject,
    supersession::look::{SupersessionObserver, ValidatedService, ValidationRuns},
};
pub use args::Args;
use args::{ApprovalSource, environment_of};
use excluded::SourceAccess;
use judge::judge;
use observations::{ApprovalObservations, OwnRun};
use rules::ApprovalRules;
use sources::{ApprovalObserver, EvidenceRef};

/// How often the command looks within `timeout` if every look fails at once, after the first few looks, which come sooner.
const MAX_LOOKS: u32 = 12;

impl Command for Args {
    const NAME: &'static str = "approval";
    const ABOUT: &'static str =
        "Check that an independent person approved this run or its pull request, and had time to review it";
    const KIND: CommandKind = CommandKind::PromotionGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "user-check", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "approver", help: "Login of the person whose approval counts; of several, separated by commas" },
        Output {
            name: "approved-at",
            help: "When GitHub let the job go on after its approval, or when the pull request was approved (RFC 3339)",
        },
        Output {
            name: "pull-request",
            help: "Number of the promotion's pull request; empty with `source: environment`",
        },
        Output {
            name: "head",
            help: "The commit of the pull request that was judged; empty with `source: environment`",
        },
        Output {
            name: "subject",
            help: "What the pull request promotes (JSON), for later steps; empty with `source: environment`",
        },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        match self.source {
            ApprovalSource::Environment => run(self, inputs.subject, inputs.config, ctx),
            ApprovalSource::PullRequest => pull_request::run(self, inputs.subject, inputs.config, ctx),
        }
    }
}

impl Gate for Args {}

/// Looks until everything was observed, or something blocks.
///
/// # Errors
/// Bad input; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let github_environment = environment_of(args)?;
    let Some(run) = &ctx.runner_env.run else {
        return Err(Finding::inconclusive("workflow run")
            .actual("none is known here (GITHUB_REPOSITORY and GITHUB_RUN_ID)")
            .expected("a step of a workflow run that was approved")
            .unobservable());
    };
    let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?.unwrap_or_default();
    let ledger = InfraRepo::open(&args.ledger, args.token.as_ref(), &config.services, ctx)?;
    let evidence = match find_evidence(&reports, subject, ctx) {
        Ok(evidence) => evidence,
        Err(finding) => return Ok(vec![finding].into()),
    };
    let services: Vec<_> = evidence.iter().filter_map(|evidence| evidence.service.as_ref()).collect();
    let services = if services.is_empty() { subject.service.iter().collect() } else { services };
    let environment = subject.environment.as_ref().map(|environment| format!(" in {environment}"));
    let target = format!("{}{}", list_services(services), environment.unwrap_or_default());
    let observer = Arc::new(ApprovalObserver {
        github: ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?,
        repository: ctx.own_repository()?,
        own_run: OwnRun { id: run.id, attempt: run.attempt, url: run.url.clone() },
        github_environment: github_environment.clone(),
        runner: ctx.runner_env.runner_name.clone(),
        window: args.window.0,
        people: config.people.clone(),
        evidence_job: find_evidence_job(&reports),
        supersession: supersession_observer(args, &ledger, subject, &evidence, ctx)?,
        ledger,
        service: subject.service.clone(),
        environment: subject.environment.clone(),
        evidence,
        excluded: find_excluded(args, &reports, subject, config, ctx),
        clock: Arc::clone(&ctx.execution.clock),
    });
    let rules = ApprovalRules {
        environment: github_environment.clone(),
        independent: args.independent,
        max_approvals: args.max_approvals as usize,
        window: args.window,
        min_review_time: args.min_review_time,
        require_comment: args.require_comment,
        superseded_by: args.superseded_by,
        target,
    };
    let source = Source::blocking(PollInterval::Backoff(args.timeout.0 / MAX_LOOKS), move || {
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
    if let Some(batch) = find_batch(reports, subject, run) {
        let logins = excluded::of_batch(&batch?)?;
        return Ok(logins.into_iter().chain(args.excluded.iter().map(ToString::to_string)).collect());
    }
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

/// The report of `evidence` about several services; `None` if the promotion is of one.
fn find_batch<'a>(
    reports: &'a ReceivedReports,
    subject: &Subject,
    run: Option<&Run>,
) -> Option<Result<BatchEvidence<'a>, Finding>> {
    reports.batch(subject, run).filter(|_| subject.service.is_none())
}

/// What identifies this promotion in the ledger, one for each service; empty if no report of a passed `evidence` is given.
///
/// # Errors
/// A report that counts does not say it, or that about several services does not count.
fn find_evidence(
    reports: &ReceivedReports,
    subject: &Subject,
    ctx: &CommandContext,
) -> Result<Vec<EvidenceRef>, Finding> {
    let run = ctx.runner_env.run.as_ref();
    let find = |subject: &Subject| -> Result<Option<EvidenceRef>, Finding> {
        let id = reports.parsed_output(EVIDENCE_ID, subject, run)?;
        let validated_at = reports.parsed_output(VALIDATED_AT, subject, run)?;
        let service = subject.service.clone();
        Ok(id.zip(validated_at).map(|(id, validated_at)| EvidenceRef { service, id, validated_at }))
    };
    match find_batch(reports, subject, run) {
        Some(batch) => batch?.ready.iter().filter_map(|report| find(&report.subject).transpose()).collect(),
        None => Ok(find(subject)?.into_iter().collect()),
    }
}

/// Looks for what supersedes the promotion; `None` where it is not known when its releases were validated.
fn supersession_observer(
    args: &Args,
    ledger: &InfraRepo,
    subject: &Subject,
    evidence: &[EvidenceRef],
    ctx: &CommandContext,
) -> Result<Option<SupersessionObserver>, CommandError> {
    let validated = |EvidenceRef { service, id, validated_at }: &EvidenceRef| {
        let (service, evidence) = (service.clone()?, Some(id.clone()));
        Some(ValidatedService { service, validated_at: *validated_at, evidence })
    };
    let services = evidence.iter().map(validated).collect::<Option<Vec<_>>>();
    let services = services.filter(|services| !services.is_empty());
    let (Some(services), Some(environment)) = (services, subject.environment.clone()) else { return Ok(None) };
    Ok(Some(SupersessionObserver {
        place: ledger.clone(),
        services,
        environment,
        validations: ValidationRuns::of(args.superseded_by, args.token.as_ref(), ctx)?,
    }))
}

/// The key of the job that ran `evidence`.
fn find_evidence_job(reports: &ReceivedReports) -> Option<String> {
    let evidence =
        reports.received.iter().map(|received| &received.report).find(|report| report.command == "evidence")?;
    evidence.run.as_ref().map(|run| run.job.clone())
}
