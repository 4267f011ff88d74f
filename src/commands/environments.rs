//! `environments`: GitHub environment protection as code. `plan` shows the differences, `check` blocks on them, `apply` writes
//! them and reads the result back, `import` writes the file from what GitHub has.
//!
//! [`file`] reads the desired state, [`actual`](mod@actual) is GitHub's and [`state`] reads it; [`plan`](mod@plan) and
//! [`judge`](mod@judge) compare the two; [`change`] writes; [`import`] writes the file that [`export`] makes.

pub mod actual;
pub mod change;
pub mod desired;
mod export;
pub mod file;
mod import;
pub mod jobs;
pub mod judge;
mod plan;
pub mod state;
pub mod workflows;

use std::collections::BTreeMap;

use clap::ValueEnum;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Figures, Finding, Verdict, verdict},
    report::{EffectState, Outcome, Output},
    secret::Secret,
    values::HumanDuration,
    world::{github::Repository, trusted::TrustedSource},
};
use change::EnvironmentsApi;
use desired::{DesiredEnvironment, ReviewerName};
use jobs::{is_reviewed, judge_jobs};
use judge::{Occasion, refusal, remarks};
use plan::{after, describe, plan, requests};
use state::{CurrentState, RuleCount, ShownTables};
use workflows::read_workflows;

/// Settings of `environments`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// `plan` shows the differences, `check` blocks on them, `apply` writes them; `import` writes a new file from what GitHub has
    #[arg(long, value_enum, default_value = "plan")]
    pub mode: Mode,
    /// File that defines the environments, relative to the workspace
    #[arg(long, value_name = "FILE", default_value = ".github/environments.yml")]
    pub file: String,
    /// Repository that has the environments [default: the workflow's own]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<Repository>,
    /// Token with Actions: read and Contents: read; `apply` needs Administration: write, and new teams among the reviewers need Members: read
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// How long all requests may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "environments";
    const ABOUT: &'static str =
        "Plan, check or apply the protection rules of GitHub environments from a file, or import them into one";
    const KIND: CommandKind = CommandKind::Rules;
    const BRANDING: Option<Branding> = Some(Branding { icon: "lock", color: "green" });
    const OUTPUTS: &'static [Output] = &[
        Output {
            name: "differences",
            help: "How many rules on GitHub differed from the file before the command wrote anything",
        },
        Output { name: "changed", help: "`true` if something was written" },
    ];

    fn run(&self, _: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, &ctx.within(self.timeout))
    }
}

/// What is done about what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Plan,
    Check,
    Apply,
    Import,
}

impl Mode {
    const fn tables(self) -> ShownTables {
        match self {
            Self::Plan | Self::Import => ShownTables::Plan,
            Self::Check => ShownTables::Check,
            Self::Apply => ShownTables::BeforeApply,
        }
    }
}

/// Compares the file with GitHub, and with `apply` changes GitHub.
///
/// # Errors
/// Bad input; what GitHub did not show; what it refused: what was written before that stays, and the next run continues from there.
fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    check_args(args, ctx)?;
    let desired = if args.mode == Mode::Import { Vec::new() } else { read(args, ctx)? };
    let repository = match &args.repository {
        Some(repository) => repository.clone(),
        None => ctx.own_repository()?,
    };
    let github = ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?;
    let place = EnvironmentsApi { github: &github, repository: &repository };
    if args.mode == Mode::Import {
        return Ok(seen(import::run(&args.file, &place, ctx)?, &repository, ctx));
    }
    let before = CurrentState::look(&place, &desired, args.timeout, ctx)?;
    let count = before.count(&desired);
    let mut outcome = Outcome {
        tables: before.tables(&desired, args.mode.tables()),
        outputs: [("differences", count.differing.to_string()), ("changed", "false".to_owned())].into(),
        ..Outcome::default()
    };
    match args.mode {
        Mode::Check => {
            outcome.findings = before.check_rules(&desired, Occasion::Check);
            outcome.findings.extend(check_jobs(&place, &desired, &before, args.timeout, ctx));
        }
        Mode::Plan | Mode::Import => outcome.findings = planned(&place, &desired, &before, ctx),
        Mode::Apply => apply(&place, &desired, &before, args.timeout, ctx, &mut outcome)?,
    }
    outcome.title = Some(title(args.mode, count, &outcome.findings));
    outcome.findings.extend(before.others(&desired));
    Ok(seen(outcome, &repository, ctx))
}

/// The outcome, whose findings say where and when.
fn seen(mut outcome: Outcome, repository: &Repository, ctx: &CommandContext) -> Outcome {
    for finding in outcome.findings.iter_mut().filter(|finding| finding.evidence.is_empty()) {
        *finding = finding.clone().seen_at(format!("the environments of {repository}"), ctx.execution.wall());
    }
    outcome
}

/// Checks what clap cannot check.
fn check_args(args: &Args, ctx: &CommandContext) -> Result<(), CommandError> {
    if args.timeout.0.is_zero() {
        let error = Finding::inconclusive("`timeout`").actual("0s");
        return Err(error.expected("time for GitHub to answer, such as 30s").bad_input());
    }
    if args.mode == Mode::Apply && args.token.is_none() && !ctx.execution.dry_run {
        return Err(Finding::inconclusive("`token`")
            .actual("not given")
            .expected("a token with Administration: write on the repository")
            .next("give the token of an App that is installed there, as an expression: `token: ${{ secrets.ENVIRONMENTS_TOKEN }}`; `github.token` cannot have that permission")
            .bad_input());
    }
    Ok(())
}

/// Reads and validates the file. On a pull request only `plan` reads the proposed file; `check` and `apply` read the base
/// commit.
fn read(args: &Args, ctx: &CommandContext) -> Result<Vec<DesiredEnvironment>, CommandError> {
    let trusted = if args.mode == Mode::Plan { TrustedSource::Workspace } else { ctx.trusted_rules()? };
    match trusted.read(&args.file)? {
        Some(found) => file::read(&args.file, &found.bytes),
        None => Err(Finding::inconclusive("`file`")
            .actual(format!("no file at {}{}", args.file, trusted.place()))
            .expected("a file with `environments:`")
            .next("check the repository out before this step, or name the file by its path from the workspace")
            .bad_input()),
    }
}

/// Whether every job that waits for reviewers makes a deployment.
fn check_jobs(
    place: &EnvironmentsApi<'_>,
    desired: &[DesiredEnvironment],
    before: &CurrentState,
    limit: HumanDuration,
    ctx: &CommandContext,
) -> Vec<Finding> {
    let reviewed: Vec<_> = desired.iter().filter(|one| is_reviewed(one, before.of(one))).map(|one| &one.name).collect();
    if reviewed.is_empty() {
        return Vec::new();
    }
    let findings = match read_workflows(place, limit, ctx) {
        Ok(workflows) => judge_jobs(&reviewed, &workflows),
        Err(error) => vec![error.for_check("jobs without a deployment")],
    };
    let source = format!("the workflow files of {}", place.repository);
    findings.into_iter().map(|finding| finding.seen_at(source.as_str(), ctx.execution.wall())).collect()
}

/// The title of a page that passed: `environments: 2 of 14 rules differ`, `environments: all 14 rules as the file says`.
fn title(mode: Mode, RuleCount { all, differing }: RuleCount, findings: &[Finding]) -> String {
    let would_block = findings.iter().filter(|finding| finding.waived.is_some()).count();
    let would_block = match would_block {
        0 => String::new(),
        1 => " · 1 finding would block `check`".to_owned(),
        many => format!(" · {many} findings would block `check`"),
    };
    let rules = match (mode, differing) {
        (_, 0) => format!("all {all} rules as the file says"),
        (Mode::Apply, _) => format!("all {all} rules as the file says, {differing} of them set now"),
        (Mode::Plan | Mode::Check | Mode::Import, 1) => format!("1 of {all} rules differs"),
        (Mode::Plan | Mode::Check | Mode::Import, _) => format!("{differing} of {all} rules differ"),
    };
    format!("environments: {rules}{would_block}")
}

/// What `apply` would write, and the effect that it would have.
fn planned(
    place: &EnvironmentsApi<'_>,
    desired: &[DesiredEnvironment],
    before: &CurrentState,
    ctx: &CommandContext,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in desired {
        let differing = plan(one, before.of(one));
        for facets in requests(&differing) {
            ctx.execution.partial.begin_effect(place.effect(one, &describe(facets), EffectState::Planned));
        }
        let finding = Finding::passed(one.name.as_str());
        let many = match differing.len() {
            0 => "as the file says".to_owned(),
            1 => "1 rule differs".to_owned(),
            many => format!("{many} rules differ"),
        };
        let finding = finding.actual(many);
        findings.push(if differing.is_empty() { finding } else { finding.next("run it with `mode: apply`") });
        findings.extend(refusal(one, before.of(one)));
        match place.ids(one, before.of(one), ctx) {
            Err(unknown) => findings.extend(unknown),
            Ok(ids) => match after(one, before.of(one), &ids) {
                Ok(after) => {
                    findings.extend(remarks(one, &after, &before.protected).into_iter().map(unjudged));
                }
                Err(unknown) => findings.extend(unknown.iter().map(|reviewer| place.unknown(one, reviewer))),
            },
        }
    }
    findings
}

/// A plan reports what `check` would block on, without blocking.
fn unjudged(finding: Finding) -> Finding {
    if finding.verdict == Verdict::Blocked {
        Finding { verdict: Verdict::Passed, ..finding }
            .waived("a plan judges nothing: `check` and `apply` block on this")
    } else {
        finding
    }
}

/// Writes the desired state, then reads it back.
fn apply(
    place: &EnvironmentsApi<'_>,
    desired: &[DesiredEnvironment],
    before: &CurrentState,
    limit: HumanDuration,
    ctx: &CommandContext,
    outcome: &mut Outcome,
) -> Result<(), CommandError> {
    if ctx.execution.dry_run {
        outcome.findings = planned(place, desired, before, ctx);
        let RuleCount { all, differing } = before.count(desired);
        let now = format!("in dry-run: {differing} of {all} rules differ, nothing was written");
        let finding = Finding::inconclusive("apply").actual("dry-run: nothing was written").figures(Figures::now(now));
        outcome.findings.push(finding.next("run it without `dry-run`"));
        return Ok(());
    }
    // All obstacles are found before the first write.
    let mut ids: BTreeMap<ReviewerName, u64> = BTreeMap::new();
    let mut obstacles = Vec::new();
    for one in desired {
        obstacles.extend(refusal(one, before.of(one)));
        match place.ids(one, before.of(one), ctx) {
            Ok(found) => ids.extend(found),
            Err(unknown) => obstacles.extend(unknown),
        }
    }
    if !obstacles.is_empty() {
        let worst = verdict(&obstacles);
        obstacles.push(
            Finding::new("apply", worst)
                .actual("nothing was written")
                .expected("nothing in the way")
                .next("do what the other checks ask for, and run this again"),
        );
        outcome.findings = obstacles;
        return Ok(());
    }
    let mut written = desired;
    let mut error = None;
    for (index, one) in desired.iter().enumerate() {
        if let Err(stopped) = change::apply_environment(place, one, before.of(one), &ids, limit, ctx) {
            written = &desired[..index];
            error = Some(stopped);
            break;
        }
    }
    let changed = ctx.execution.partial.copy().effects.iter().any(|effect| effect.state == EffectState::Applied);
    outcome.outputs.insert("changed", changed.to_string());
    // GitHub may accept a request without effect: read the state back, also of what was written before an error.
    let read_back;
    let now = match error {
        None if !changed => before,
        Some(CommandError::Cancelled | CommandError::BadInput(_)) => return error.map_or(Ok(()), Err),
        Some(error) if !changed => return Err(error),
        Some(error) => {
            let Ok(now) = CurrentState::look(place, desired, limit, ctx) else { return Err(error) };
            outcome.findings.extend(error.finding());
            read_back = now;
            &read_back
        }
        None => {
            read_back = CurrentState::look(place, desired, limit, ctx)?;
            &read_back
        }
    };
    outcome.findings.extend(now.check_rules(written, Occasion::AfterApply));
    outcome
        .findings
        .extend(desired.iter().flat_map(|one| change::unexpected_changes(one, before.of(one), now.of(one))));
    Ok(())
}
