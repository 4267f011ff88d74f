//! `environments`: GitHub environment protection as code. `plan` shows the differences, `check` blocks on them, `apply` writes
//! them and reads the result back.
//!
//! [`file`] reads the desired state, [`actual`](mod@actual) GitHub's; [`plan`](mod@plan) and [`judge`](mod@judge) compare the two;
//! [`change`] writes.

mod actual;
mod change;
mod desired;
mod file;
mod judge;
mod plan;

use std::collections::BTreeMap;

use clap::ValueEnum;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Figures, Finding, Verdict, verdict},
    observe::read_until_answered,
    report::{EffectState, Outcome, Output, Table},
    secret::Secret,
    values::HumanDuration,
    world::{github::Repository, trusted::TrustedSource},
};
use actual::ActualEnvironment;
use change::EnvironmentsApi;
use desired::{DeployableBranches, DesiredEnvironment, ReviewerName};
use judge::{APPLY, ProtectedBranches, judge, refusal, remarks};
use plan::{Facet, SetBy, after, describe, facets, plan, requests};

/// Settings of `environments`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// `plan` shows the differences, `check` blocks on them, `apply` writes them
    #[arg(long, value_enum, default_value = "plan")]
    pub mode: Mode,
    /// File that defines the environments, relative to the workspace
    #[arg(long, value_name = "FILE", default_value = ".github/environments.yml")]
    pub file: String,
    /// Repository that has the environments [default: the workflow's own]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<Repository>,
    /// Token with Actions: read; `apply` needs Administration: write, and new teams among the reviewers need Members: read
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// How long all requests may take, repetitions included
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "environments";
    const ABOUT: &'static str = "Plan, check or apply the protection rules of GitHub environments from a file";
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
}

/// Compares the file with GitHub, and with `apply` changes GitHub.
///
/// # Errors
/// Bad input; what GitHub did not show; what it refused: what was written before that stays, and the next run continues from there.
fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    check_args(args, ctx)?;
    let desired = read(args, ctx)?;
    let repository = match &args.repository {
        Some(repository) => repository.clone(),
        None => ctx.own_repository()?,
    };
    let github = ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?;
    let place = EnvironmentsApi { github: &github, repository: &repository };
    let before = CurrentState::look(&place, &desired, args.timeout, ctx)?;
    let count = before.count(&desired);
    let mut outcome = Outcome {
        tables: before.tables(&desired, args.mode),
        outputs: [("differences", count.differing.to_string()), ("changed", "false".to_owned())].into(),
        ..Outcome::default()
    };
    match args.mode {
        Mode::Check => outcome.findings = before.judge(&desired),
        Mode::Plan => outcome.findings = planned(&place, &desired, &before, ctx),
        Mode::Apply => apply(&place, &desired, &before, args.timeout, ctx, &mut outcome)?,
    }
    outcome.title = Some(title(args.mode, count, &outcome.findings));
    outcome.findings.extend(before.others(&desired));
    for finding in &mut outcome.findings {
        *finding = finding.clone().seen_at(format!("the environments of {repository}"), ctx.execution.wall());
    }
    Ok(outcome)
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

/// The state on GitHub.
struct CurrentState {
    /// By name in the file; `None`: the environment does not exist.
    environments: BTreeMap<String, Option<ActualEnvironment>>,
    /// The names of all environments.
    names: Vec<String>,
    protected: ProtectedBranches,
}

impl CurrentState {
    fn look(
        place: &EnvironmentsApi<'_>,
        desired: &[DesiredEnvironment],
        timeout: HumanDuration,
        ctx: &CommandContext,
    ) -> Result<Self, CommandError> {
        let EnvironmentsApi { github, repository } = *place;
        let (execution, limit) = (&ctx.execution, timeout.0);
        let names = read_until_answered(execution, limit, || github.environment_names(repository));
        let names = names.map_err(Finding::unobservable)?;
        let mut environments = BTreeMap::new();
        for one in desired {
            let actual = read_until_answered(execution, limit, || place.look(&one.name));
            environments.insert(one.name.to_string(), actual.map_err(Finding::unobservable)?);
        }
        let mut observations = Self { environments, names, protected: Ok(Vec::new()) };
        let matters = |one: &DesiredEnvironment| {
            let now = observations.of(one).map(|actual| actual.branches);
            [one.branches, now].contains(&Some(DeployableBranches::Protected))
        };
        if desired.iter().any(matters) {
            observations.protected = read_until_answered(execution, limit, || github.protected_branches(repository));
        }
        Ok(observations)
    }

    fn of(&self, desired: &DesiredEnvironment) -> Option<&ActualEnvironment> {
        self.environments.get(desired.name.as_str()).and_then(Option::as_ref)
    }

    fn judge(&self, desired: &[DesiredEnvironment]) -> Vec<Finding> {
        let of_rules = desired.iter().flat_map(|one| judge(one, self.of(one), &self.protected));
        self.count(desired).finding().into_iter().chain(of_rules).collect()
    }

    fn facets(&self, desired: &[DesiredEnvironment]) -> Vec<(String, Facet)> {
        let of_one = |one: &DesiredEnvironment| {
            let named = |facet| (one.name.to_string(), facet);
            facets(one, self.of(one)).into_iter().map(named).collect::<Vec<_>>()
        };
        desired.iter().flat_map(of_one).collect()
    }

    fn count(&self, desired: &[DesiredEnvironment]) -> RuleCount {
        let facets = self.facets(desired);
        RuleCount {
            all: facets.iter().filter(|(_, facet)| facet.desired.is_some()).count(),
            differing: facets.iter().filter(|(_, facet)| facet.differs).count(),
        }
    }

    /// A finding about environments that the file does not name.
    fn others(&self, desired: &[DesiredEnvironment]) -> Option<Finding> {
        let named = |name: &String| desired.iter().any(|one| one.name.is_same(name));
        let others: Vec<&str> = self.names.iter().filter(|name| !named(name)).map(String::as_str).collect();
        let finding = Finding::passed("environments that the file does not name").actual(others.join(", "));
        (!others.is_empty()).then(|| finding.next("add them to the file, or delete them: no check covers them"))
    }

    /// The rules that differ, those that are as the file says, and those that it does not mention. `check` blocks on each rule
    /// that differs, and `apply` lists what it wrote; so only a plan shows them open.
    fn tables(&self, desired: &[DesiredEnvironment], mode: Mode) -> Vec<Table> {
        let facets = self.facets(desired);
        let rows = |chosen: &dyn Fn(&Facet) -> bool| -> Vec<Vec<String>> {
            let chosen = facets.iter().filter(|(_, facet)| chosen(facet));
            let row = |(name, facet): &(String, Facet)| {
                let rule = format!("{name}: {}", facet.rule);
                [rule, facet.now.clone()].into_iter().chain(facet.desired.clone()).collect()
            };
            chosen.map(row).collect()
        };
        let columns = ["Rule", "On GitHub", "In the file"];
        let differing = rows(&|facet| facet.differs);
        let right = rows(&|facet| facet.desired.is_some() && !facet.differs);
        let unmentioned = rows(&|facet| facet.desired.is_none());
        let title = if mode == Mode::Apply { "Rules that differed before" } else { "Rules that differ" };
        let mut tables = Vec::new();
        if mode == Mode::Plan && !differing.is_empty() {
            tables.push(Table::list("Next:", [[next_after_plan(&facets)]]));
        }
        tables.extend([
            Table { open: mode == Mode::Plan, ..Table::new(title, &columns, differing) },
            Table::new(format!("{} rules are as the file says", right.len()), &columns, right),
            Table::new(
                format!("{} rules are not in the file, and stay as they are", unmentioned.len()),
                &columns[..2],
                unmentioned,
            ),
        ]);
        tables.retain(|table| !table.rows.is_empty());
        tables
    }
}

/// How many rules the file has, and how many of them differ.
#[derive(Clone, Copy)]
struct RuleCount {
    all: usize,
    differing: usize,
}

impl RuleCount {
    /// The finding on all rules. A single one that differs has a finding that says more.
    fn finding(self) -> Option<Finding> {
        (self.differing > 1).then(|| {
            let now = format!("{} of {} differ", self.differing, self.all);
            Finding::blocked("rules")
                .actual(format!("{now} from the file"))
                .expected("every rule as the file says")
                .figures(Figures::now(now))
                .next(APPLY)
        })
    }
}

const BY_HAND: &str = "set the bypass by administrators in the environment's settings: GitHub's API cannot";

fn next_after_plan(facets: &[(String, Facet)]) -> String {
    let differs = |by_hand| {
        let mut differing = facets.iter().filter(|(_, facet)| facet.differs);
        differing.any(|(_, facet)| (facet.rule.set_by() == SetBy::Hand) == by_hand)
    };
    match (differs(false), differs(true)) {
        (true, true) => format!("{APPLY}; {BY_HAND}"),
        (false, true) => BY_HAND.to_owned(),
        (_, false) => APPLY.to_owned(),
    }
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
        (Mode::Plan | Mode::Check, 1) => format!("1 of {all} rules differs"),
        (Mode::Plan | Mode::Check, _) => format!("{differing} of {all} rules differ"),
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
        let by_hand = differing.iter().any(|facet| facet.rule.set_by() == SetBy::Hand);
        let finding = Finding::passed(one.name.as_str());
        let many = match differing.len() {
            0 => "as the file says".to_owned(),
            1 => "1 rule differs".to_owned(),
            many => format!("{many} rules differ"),
        };
        let finding = finding.actual(many);
        findings.push(match (differing.is_empty(), by_hand) {
            (true, _) => finding,
            (false, false) => finding.next("run it with `mode: apply`"),
            (false, true) => finding.next(BY_HAND),
        });
        match place.ids(one, before.of(one), ctx) {
            Err(unknown) => findings.extend(unknown),
            Ok(ids) => match after(one, before.of(one), &ids) {
                Ok(after) => {
                    findings.extend(refusal(one, &after));
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
        match place.ids(one, before.of(one), ctx) {
            Ok(found) => {
                ids.extend(found);
                obstacles.extend(after(one, before.of(one), &ids).ok().and_then(|after| refusal(one, &after)));
            }
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
    for one in desired {
        change::apply_environment(place, one, before.of(one), &ids, limit, ctx)?;
    }
    let changed = ctx.execution.partial.copy().effects.iter().any(|effect| effect.state == EffectState::Applied);
    outcome.outputs.insert("changed", changed.to_string());
    // GitHub may accept a request without effect: read the state back.
    let now = if changed { &CurrentState::look(place, desired, limit, ctx)? } else { before };
    outcome.findings = now.judge(desired);
    outcome
        .findings
        .extend(desired.iter().flat_map(|one| change::unexpected_changes(one, before.of(one), now.of(one))));
    Ok(())
}
