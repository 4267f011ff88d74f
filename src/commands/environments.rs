//! `environments`: GitHub environment protection as a file says. `plan` shows what differs, `check` blocks on it, `apply`
//! writes it and looks again.
//!
//! [`file`] reads what is wanted, [`present`] what is there; [`plan`](mod@plan) and [`judge`](mod@judge) compare the two,
//! from nothing else; [`change`] writes.

mod change;
mod file;
mod judge;
mod plan;
mod present;
mod wanted;

use std::collections::BTreeMap;

use clap::ValueEnum;

use crate::{
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    report::{EffectState, Outcome, Output, Table},
    secret::Secret,
    values::HumanDuration,
    world::{github::Repository, trusted::Trusted},
};
use change::Place;
use judge::{Protected, judge, refusal, remarks};
use plan::{SetBy, after, facets, plan, requests, told};
use present::Present;
use wanted::{Branches, Wanted, Who};

/// What it puts out beside what every command does.
pub const OUTPUTS: &[Output] = &[
    Output { name: "differences", help: "How many rules were different on GitHub before anything was written" },
    Output { name: "changed", help: "`true` when something was written" },
];

/// Settings of `environments`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// `plan` shows what differs, `check` blocks on it, `apply` writes it
    #[arg(long, value_enum, default_value = "plan")]
    pub mode: Mode,
    /// File with the environments
    #[arg(long, value_name = "FILE", default_value = ".github/environments.yml")]
    pub file: String,
    /// Repository whose environments they are [default: the workflow's own]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<Repository>,
    /// Token with Actions: read; for `apply` Administration: write, for new teams among the reviewers Members: read
    #[arg(long)]
    pub token: Option<Secret>,
    /// How long GitHub may take to answer
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub timeout: HumanDuration,
}

/// What is done about what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Plan,
    Check,
    Apply,
}

/// Compares the file with GitHub, and makes GitHub as the file says when that is asked for.
///
/// # Errors
/// Bad input; what GitHub did not show; what it refused: what was written before that stays, and the next run goes on.
pub fn run(args: &Args, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    check_args(args, ctx)?;
    let wanted = read(args, ctx)?;
    let repository = match &args.repository {
        Some(repository) => repository.clone(),
        None => ctx.own_repository()?,
    };
    let github = ctx.github(args.token.as_ref(), args.timeout)?;
    let place = Place { github: &github, repository: &repository };
    let before = Seen::look(&place, &wanted)?;
    let differences = wanted.iter().map(|one| plan(one, before.of(one)).len()).sum::<usize>();
    let mut outcome = Outcome {
        tables: vec![before.table(&wanted)],
        outputs: [("differences", differences.to_string()), ("changed", "false".to_owned())].into(),
        ..Outcome::default()
    };
    match args.mode {
        Mode::Check => outcome.findings = before.judge(&wanted),
        Mode::Plan => outcome.findings = planned(&place, &wanted, &before, ctx),
        Mode::Apply => apply(&place, &wanted, &before, args.timeout, ctx, &mut outcome)?,
    }
    outcome.findings.extend(before.others(&wanted));
    for finding in &mut outcome.findings {
        *finding = finding.clone().seen_at(format!("the environments of {repository}"), ctx.execution.wall());
    }
    Ok(outcome)
}

/// What clap cannot know.
fn check_args(args: &Args, ctx: &CommandContext) -> Result<(), CommandError> {
    if args.timeout.0.is_zero() {
        let error = Finding::inconclusive("`timeout`").actual("0s");
        return Err(error.expected("time for GitHub to answer, such as 30s").bad_input());
    }
    if args.mode == Mode::Apply && args.token.is_none() && !ctx.execution.dry_run {
        return Err(Finding::inconclusive("`token`")
            .actual("not given")
            .expected("a token with Administration: write on the repository")
            .next("give the token of an App that is installed there: `github.token` cannot have that permission")
            .bad_input());
    }
    Ok(())
}

/// The file, whole and checked. A change that is proposed can be planned; it is neither the measure nor applied before it
/// has been accepted.
fn read(args: &Args, ctx: &CommandContext) -> Result<Vec<Wanted>, CommandError> {
    let trusted = if args.mode == Mode::Plan { Trusted::Checkout } else { ctx.trusted()? };
    match trusted.read(&args.file)? {
        Some(found) => file::read(&args.file, &found.bytes),
        None => Err(Finding::inconclusive("`file`")
            .actual(format!("no file at {}{}", args.file, trusted.place()))
            .expected("a file with `environments:`")
            .next("check the repository out before this step, or name the file")
            .bad_input()),
    }
}

/// What GitHub shows.
struct Seen {
    /// By the file's names; `None`: there is no such environment.
    environments: BTreeMap<String, Option<Present>>,
    /// Of all environments.
    names: Vec<String>,
    protected: Protected,
}

impl Seen {
    fn look(place: &Place<'_>, wanted: &[Wanted]) -> Result<Self, CommandError> {
        let Place { github, repository } = *place;
        let names = github.environment_names(repository).map_err(Finding::unobservable)?;
        let mut environments = BTreeMap::new();
        for one in wanted {
            let present = Present::look(github, repository, &one.name).map_err(Finding::unobservable)?;
            environments.insert(one.name.to_string(), present);
        }
        let mut seen = Self { environments, names, protected: Ok(Vec::new()) };
        let matters = |one: &Wanted| {
            let now = seen.of(one).map(|present| present.branches);
            [one.branches, now].contains(&Some(Branches::Protected))
        };
        if wanted.iter().any(matters) {
            seen.protected = github.protected_branches(repository);
        }
        Ok(seen)
    }

    fn of(&self, wanted: &Wanted) -> Option<&Present> {
        self.environments.get(wanted.name.as_str()).and_then(Option::as_ref)
    }

    fn judge(&self, wanted: &[Wanted]) -> Vec<Finding> {
        wanted.iter().flat_map(|one| judge(one, self.of(one), &self.protected)).collect()
    }

    /// The environments that the file does not name.
    fn others(&self, wanted: &[Wanted]) -> Option<Finding> {
        let named = |name: &String| wanted.iter().any(|one| one.name.as_str().eq_ignore_ascii_case(name));
        let others: Vec<&str> = self.names.iter().filter(|name| !named(name)).map(String::as_str).collect();
        let finding = Finding::passed("environments that the file does not name").actual(others.join(", "));
        (!others.is_empty()).then(|| finding.next("add them to the file, or delete them: nobody watches over them"))
    }

    fn table(&self, wanted: &[Wanted]) -> Table {
        let columns = ["Environment", "Rule", "Now", "Wanted"].map(ToOwned::to_owned).to_vec();
        let rows = wanted.iter().flat_map(|one| {
            facets(one, self.of(one)).into_iter().map(|facet| {
                let wanted = match (facet.differs, facet.wanted) {
                    (true, Some(wanted)) => format!("→ {wanted}"),
                    (false, Some(wanted)) => wanted,
                    (_, None) => "not in the file: left as it is".to_owned(),
                };
                vec![one.name.to_string(), facet.rule.to_string(), facet.now, wanted]
            })
        });
        Table { title: "Rules of the environments as this began".to_owned(), open: true, columns, rows: rows.collect() }
    }
}

/// What applying the file would do, and what GitHub would make of it.
fn planned(place: &Place<'_>, wanted: &[Wanted], before: &Seen, ctx: &CommandContext) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in wanted {
        let differing = plan(one, before.of(one));
        for facets in requests(&differing) {
            ctx.execution.partial.begin_effect(place.effect(one, &told(facets), EffectState::Planned));
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
            (false, true) => {
                finding.next("set the bypass by administrators in the environment's settings: GitHub's API cannot")
            }
        });
        match place.ids(one, before.of(one)) {
            Err(unknown) => findings.extend(unknown),
            Ok(ids) => match after(one, before.of(one), &ids) {
                Ok(after) => {
                    findings.extend(refusal(one, &after));
                    findings.extend(remarks(one, &after, &before.protected).into_iter().map(unjudged));
                }
                Err(unknown) => findings.extend(unknown.iter().map(|who| place.unknown(one, who))),
            },
        }
    }
    findings
}

/// A plan tells what `check` would block on, and does not block.
fn unjudged(finding: Finding) -> Finding {
    if finding.verdict == Verdict::Blocked {
        Finding { verdict: Verdict::Passed, ..finding }
            .waived("a plan judges nothing: `check` and `apply` block on this")
    } else {
        finding
    }
}

/// Makes GitHub as the file says, then looks again.
fn apply(
    place: &Place<'_>,
    wanted: &[Wanted],
    before: &Seen,
    limit: HumanDuration,
    ctx: &CommandContext,
    outcome: &mut Outcome,
) -> Result<(), CommandError> {
    if ctx.execution.dry_run {
        outcome.findings = planned(place, wanted, before, ctx);
        outcome.findings.push(Finding::inconclusive("apply").actual("dry-run: nothing was written"));
        return Ok(());
    }
    // Whatever stands in the way of one environment is found before any is written.
    let mut ids: BTreeMap<Who, u64> = BTreeMap::new();
    let mut in_the_way = Vec::new();
    for one in wanted {
        match place.ids(one, before.of(one)) {
            Ok(found) => {
                ids.extend(found);
                in_the_way.extend(after(one, before.of(one), &ids).ok().and_then(|after| refusal(one, &after)));
            }
            Err(unknown) => in_the_way.extend(unknown),
        }
    }
    if !in_the_way.is_empty() {
        let worst = verdict(&in_the_way);
        in_the_way.push(Finding::new("apply", worst).actual("nothing was written").expected("nothing in the way"));
        outcome.findings = in_the_way;
        return Ok(());
    }
    for one in wanted {
        change::make(place, one, before.of(one), &ids, limit, ctx)?;
    }
    let changed = ctx.execution.partial.copy().effects.iter().any(|effect| effect.state == EffectState::Applied);
    outcome.outputs.insert("changed", changed.to_string());
    // What was taken is not yet what stands there.
    let now = if changed { &Seen::look(place, wanted)? } else { before };
    outcome.findings = now.judge(wanted);
    outcome.findings.extend(wanted.iter().flat_map(|one| change::moved(one, before.of(one), now.of(one))));
    Ok(())
}
