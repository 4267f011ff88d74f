//! `approval`: who really approved this run, and whether they may have.
//!
//! | seen | verdict |
//! |---|---|
//! | a person who had no part in the release approved this run, and has not approved more than `max-approvals` within `window` | passed |
//! | nobody did; somebody said no; a bot did; only people who had a part did; one too many in a short time; the environment is not there or asks nobody; another attempt than the first | blocked |
//! | GitHub or the ledger cannot be read; nobody told who had a part in the release | inconclusive |
//!
//! It stands in the job that the environment protects. What it judges has no time of its own: GitHub tells who reviewed a
//! run, and neither when nor in which attempt. The protected job's start is the latest moment at which it can have been.

mod judge;
mod sources;

use std::{sync::Arc, time::Duration};

use crate::{
    clock::rfc3339,
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict},
    ledger::{EvidenceId, InfraRepo, infra_repo::InfraRepoArgs},
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output},
    results::{Reports, this_run},
    secret::Secret,
    subject::{Environment, Subject},
    values::{HumanDuration, nonzero_duration, switch},
};
use judge::{Asking, Rules, Seen, judge};
use sources::{Evidence, Looker};

/// How many looks there are at most, where they fail at once.
const LOOKS: u32 = 12;
/// How long one question to GitHub may take.
const QUESTION: HumanDuration = HumanDuration(Duration::from_secs(20));

/// Settings of `approval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of earlier jobs, that of `evidence` among them: the expression `toJSON(needs)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// GitHub environment that this job stands in
    #[arg(long, value_name = "NAME", required = true)]
    pub github_environment: Environment,
    /// Whether the approver must have had no part in the release: its deployment and its commits, as `evidence` tells
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
    /// More logins whose approval does not count
    #[arg(long, value_name = "LOGIN", value_parser = login)]
    pub excluded: Vec<String>,
    /// How many promotions one person may approve within `window`
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = count)]
    pub max_approvals: u32,
    /// The time in which approvals are counted
    #[arg(long, value_name = "DURATION", default_value = "20m", value_parser = window)]
    pub window: HumanDuration,
    /// Token that may read this repository's workflow runs (Actions: read) and the ledger (Contents: read)
    #[arg(long, required = true)]
    pub token: Option<Secret>,
    #[command(flatten)]
    pub ledger: InfraRepoArgs,
    /// How long to go on while GitHub or the ledger cannot be read
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "approval";
    const ABOUT: &'static str = "Ask who approved this run, and whether they are independent and had time to look";
    const KIND: CommandKind = CommandKind::PromotionGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "user-check", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "approver", help: "Login of the person whose approval counts" },
        Output { name: "approved-at", help: "When the protected job started, RFC 3339: the approval is no younger" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

fn count(text: &str) -> Result<u32, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a whole number from 1 to 1000");
    text.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or(ACCEPTED)
}

/// A day is more than anybody needs, and every approval within it is looked up.
fn window(text: &str) -> Result<HumanDuration, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a duration over 0 and of at most 24 hours such as `20m`");
    let span: HumanDuration = text.parse().map_err(|_| ACCEPTED)?;
    (!span.0.is_zero() && span.0 <= Duration::from_hours(24)).then_some(span).ok_or(ACCEPTED)
}

/// GitHub's grammar of a login, an App's included.
fn login(text: &str) -> Result<String, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a GitHub login such as `octocat` or `renovate[bot]`, without `@`");
    let name = text.strip_suffix("[bot]").unwrap_or(text);
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=100).contains(&name.len()) && name.chars().all(word) { Ok(text.to_owned()) } else { Err(ACCEPTED) }
}

/// Looks until all of it was seen, or something blocks.
///
/// # Errors
/// Bad input; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let Some(run) = &ctx.runner_env.run else {
        return Err(Finding::inconclusive("workflow run")
            .actual("none is known here (GITHUB_REPOSITORY and GITHUB_RUN_ID)")
            .expected("a step of a workflow run that somebody approved")
            .unobservable());
    };
    let reports = args.results.as_deref().map(Reports::from_results).transpose()?.unwrap_or_default();
    let looker = Arc::new(Looker {
        github: ctx.github(args.token.as_ref(), QUESTION)?,
        repository: ctx.own_repository()?,
        asking: Asking { id: run.id, attempt: run.attempt, url: run.url.clone() },
        github_environment: args.github_environment.clone(),
        runner: ctx.runner_env.runner_name.clone(),
        window: args.window.0,
        ledger: InfraRepo::open(&args.ledger, args.token.as_ref(), ctx)?,
        environment: subject.environment.clone(),
        evidence: committed_as(&reports, subject, ctx),
        excluded: excluded(args, &reports, subject, ctx),
        clock: Arc::clone(&ctx.execution.clock),
    });
    let rules = Rules {
        environment: args.github_environment.clone(),
        independent: args.independent,
        max_approvals: args.max_approvals as usize,
        window: args.window,
    };
    let look = Source::blocking(PollInterval::Every(args.timeout.0 / LOOKS), move || {
        let looker = Arc::clone(&looker);
        Box::new(move || looker.look())
    });
    let mut seen: Option<Seen> = None;
    let findings = observe_until_decided(
        &ctx.execution,
        args.timeout.0,
        vec![look],
        &mut seen,
        |seen, _, look: Seen| {
            for error in look.errors() {
                ctx.log.say(&format!("not seen: {error}"));
            }
            *seen = Some(look);
        },
        |seen, _| match seen {
            Some(seen) => judge(&rules, seen),
            None => Judgement::pending(vec![Finding::inconclusive("approval").actual("no answer yet")]),
        },
    )?;
    let mut outcome = Outcome::from(findings);
    if let Some(seen) = &seen {
        outcome.outputs.extend(seen.approver(&rules).map(|login| ("approver", login.to_owned())));
        outcome.outputs.extend(seen.started.as_ref().ok().map(|at| ("approved-at", rfc3339(*at))));
    }
    Ok(outcome)
}

/// Who had a part in the release: as `evidence` tells, and those that were named here.
fn excluded(args: &Args, reports: &Reports, subject: &Subject, ctx: &CommandContext) -> Result<Vec<String>, Finding> {
    if !args.independent {
        return Ok(args.excluded.clone());
    }
    let run = this_run(ctx);
    let needed = reports.found(&["evidence".to_owned()], subject, run);
    if let Some(missing) = needed.into_iter().find(|finding| finding.verdict != Verdict::Passed) {
        return Err(missing);
    }
    let told = reports.output("evidence", "excluded", subject, run).ok_or_else(|| {
        Finding::inconclusive("independence")
            .actual("the report of `evidence` does not tell who had a part in the release")
            .expected("its output `excluded`")
            .next(
                "start it again; when its outputs are over 2 KiB, it keeps none of them: promote fewer commits at once",
            )
    })?;
    let told = told.lines().map(str::trim).filter(|login| !login.is_empty()).map(ToOwned::to_owned);
    Ok(told.chain(args.excluded.iter().cloned()).collect())
}

/// By what the ledger would know this promotion; `None` when the reports do not tell.
fn committed_as(reports: &Reports, subject: &Subject, ctx: &CommandContext) -> Option<Evidence> {
    let run = ctx.runner_env.run.as_ref();
    let id: EvidenceId = reports.output("evidence", "evidence", subject, run)?.parse().ok()?;
    let validated_at = reports.output("evidence", "validated-at", subject, run)?.parse().ok()?;
    Some(Evidence { id, validated_at })
}
