//! `comment`: keeps one comment on the pull request, with the reports of the gates. It judges nothing: a comment that cannot be
//! written, as by the token of a fork, is a warning.

pub mod collect;
mod marker;
mod plan;
mod sticky;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::Finding,
    observe::read_until_answered,
    report::{
        Outcome, Output,
        comment::{CommentPage, LIMIT},
    },
    secret::Secret,
    values::{HumanDuration, nonzero_duration},
    world::{
        event::{PullRequestEvent, PullRequestNumber},
        files::Glob,
    },
};
use collect::{Collected, collect};
use marker::{CommentName, Marker};
use plan::KeptComment;
use sticky::StickyComment;

/// The room for the hidden first line, in bytes.
const MARKER_ROOM: usize = 200;

/// Settings of `comment`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Outputs of the gates' steps or jobs: the expression `toJSON(steps)` or `toJSON(needs)`; of steps in the same job, the comment
    /// has the tables, too
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Files with the gates' reports, as from artifacts: paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub reports: Vec<Glob>,
    /// Gates that must have a report; one that is missing is named, and the step is inconclusive
    #[arg(long, value_name = "GATE")]
    pub required: Vec<String>,
    /// Name of the comment: a pull request has one comment of each name, so give each workflow its own
    #[arg(long, value_name = "NAME", default_value = "gates")]
    pub name: CommentName,
    /// Token with Pull requests: write
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// How long all requests may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "comment";
    const ABOUT: &'static str = "Keep one comment on the pull request with the results of the gates";
    const KIND: CommandKind = CommandKind::Display;
    const BRANDING: Option<Branding> = Some(Branding { icon: "message-square", color: "blue" });
    const OUTPUTS: &'static [Output] =
        &[Output { name: "comment-url", help: "Address of the comment; absent if none was written" }];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        inputs.check_required(&self.required, ctx)?;
        run(self, &ctx.within(self.timeout))
    }
}

/// Collects the reports and writes the comment.
///
/// # Errors
/// Bad input; a signal. What GitHub refuses or does not answer is a warning.
fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    if args.results.is_none() && args.reports.is_empty() {
        return Err(Finding::inconclusive("`results`, `reports`")
            .actual("neither is given")
            .expected("the gates' reports")
            .next("add `results: ${{ toJSON(steps) }}` to the step, or `toJSON(needs)` in a separate job")
            .bad_input());
    }
    if args.token.is_none() && !ctx.execution.dry_run {
        return Err(Finding::inconclusive("`token`")
            .actual("not given")
            .expected("a token with Pull requests: write")
            .next("give `token` as an expression: `token: ${{ github.token }}`, and the job `pull-requests: write`")
            .bad_input());
    }
    let run = ctx.current_run();
    let Collected { reports, missing } =
        collect(args.results.as_deref(), &args.reports, &args.required, run, Args::NAME)?;
    let page = CommentPage { reports: &reports, missing: &missing, run }.render(LIMIT - MARKER_ROOM);
    let marker = Marker::new(&args.name, run, &page);
    let mut outcome = publish(args, &marker, &marker.above(&page), ctx)?;
    outcome.findings.extend(missing);
    if reports.is_empty() && outcome.findings.len() == 1 {
        outcome.findings.push(
            Finding::inconclusive("reports")
                .actual("none in `results` and `reports`")
                .expected("the report of a gate")
                .next("give the step of the gate an `id`, and run this step behind it with `if: ${{ !cancelled() }}`"),
        );
    }
    Ok(outcome)
}

/// Writes the comment where there is a pull request and the token may.
fn publish(args: &Args, marker: &Marker, body: &str, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let unwritten = |actual: String| Finding::passed("comment").actual(actual);
    let event = match ctx.world.pull_request(&ctx.runner_env) {
        Ok(Some(event)) if !event.is_merge_group => event,
        Ok(Some(_)) => {
            return Ok(vec![unwritten("none for a merge group: the pull request keeps its own".to_owned())].into());
        }
        Ok(None) => {
            let event = ctx.runner_env.event_name.as_deref().unwrap_or("none");
            return Ok(vec![unwritten(format!("none: the event (`{event}`) is not about a pull request"))].into());
        }
        Err(finding) => return Err(finding.bad_input()),
    };
    let expected = format!("one comment on {} with these results", event.number);
    let Some(token) = &args.token else {
        let _group = ctx.log.group("what would be written");
        ctx.log.say(body);
        let finding = Finding::inconclusive("comment").actual("dry-run: nothing was written").expected(expected);
        return Ok(vec![finding].into());
    };
    match write(args, token, event.number, marker, body, ctx) {
        Ok(Some(KeptComment { url, is_newer })) => {
            let actual = if is_newer { format!("left alone: a newer run has written {url}") } else { url.clone() };
            let finding = Finding::passed("comment").actual(actual).expected(expected);
            Ok(Outcome { outputs: [("comment-url", url)].into(), ..Outcome::from(vec![finding]) })
        }
        Ok(None) => {
            let _group = ctx.log.group("what would be written");
            ctx.log.say(body);
            Ok(vec![Finding::inconclusive("comment").actual("dry-run: nothing was written").expected(expected)].into())
        }
        Err(CommandError::Refused(finding) | CommandError::Unobservable(finding)) => {
            Ok(vec![warning(finding, &event).expected(expected)].into())
        }
        Err(error @ (CommandError::BadInput(_) | CommandError::Cancelled)) => Err(error),
    }
}

fn write(
    args: &Args,
    token: &Secret,
    number: PullRequestNumber,
    marker: &Marker,
    body: &str,
    ctx: &CommandContext,
) -> Result<Option<KeptComment>, CommandError> {
    let repository = ctx.own_repository()?;
    let github = ctx.github(Some(token), REQUEST_TIMEOUT)?;
    let account = || github.own_login().map_err(Finding::unobservable);
    let account = read_until_answered(&ctx.execution, args.timeout.0, account)?;
    let sticky = StickyComment { github: &github, repository: &repository, number, account: &account, marker, body };
    sticky.write_once(ctx, args.timeout.0)
}

/// A comment that is missing changes no verdict: the results are in the job summaries and in the reports.
fn warning(finding: Finding, event: &PullRequestEvent) -> Finding {
    let Finding { check, actual, next, .. } = finding;
    let reason = if event.is_fork {
        "; the token of a pull request from a fork can only read".to_owned()
    } else {
        next.map(|next| format!("; {next}")).unwrap_or_default()
    };
    Finding::passed("comment")
        .actual(format!("not written: {check}: {actual}{reason}"))
        .waived("the results are in the job summary; a missing comment changes no verdict")
}
