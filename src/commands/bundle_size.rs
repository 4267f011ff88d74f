//! `bundle-size`: did the bundle grow, which file was it, and did somebody say why?

pub mod baseline;
pub mod growth;
pub mod measure;
pub mod names;
pub mod sizes;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::{
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Effect, EffectState, Outcome, Output, Table},
    subject::Subject,
    values::{Bytes, HumanDuration},
    world::{
        files::{Glob, read_bounded, write_whole},
        trusted::Trusted,
    },
};
use baseline::Baseline;
use growth::Rule;
use measure::Measured;

/// How long weighing may take: a gigabyte takes less than a minute.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The largest file that is looked at for whether it holds the same sizes already, in bytes.
const LARGEST_RECORD: u64 = 32 << 20;

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders of the bundle, or globs; `!` leaves out; source maps count only when one of them says `.map`
    #[arg(long, required = true, value_name = "GLOB")]
    pub path: Vec<Glob>,
    /// JSON file with the sizes to compare with; on a pull request it is read from the base commit
    #[arg(long, value_name = "FILE", default_value = "bundle-size.baseline.json")]
    pub baseline: String,
    /// Write the sizes of now to the baseline file, for you to commit; this run is still judged by the old ones
    #[arg(long)]
    pub write_baseline: bool,
    /// When there is no baseline yet, write one and pass
    #[arg(long)]
    pub allow_first: bool,
    #[command(flatten)]
    pub rule: Rule,
    /// How many of the files that grew most the table shows
    #[arg(long, value_name = "ROWS", default_value = "10")]
    pub top: u16,
}

impl Command for Args {
    const NAME: &'static str = "bundle-size";
    const ABOUT: &'static str = "Compare the bundle's size with its baseline";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "package", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "size", help: "Size of the bundle in bytes, by the `compression` that is judged" },
        Output { name: "baseline-size", help: "Size of the baseline in bytes, by the same; absent without a baseline" },
        Output { name: "change", help: "Growth in percent, such as `+5.1 %`; absent without a baseline" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// Weighs the bundle and holds it against its baseline.
///
/// # Errors
/// Bad input: a pattern that names nothing or leads out of the workspace, a malformed baseline. Unseen: a file, or the base
/// commit of a pull request, that cannot be read.
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let trusted = ctx.trusted()?;
    let known = read(&args.baseline, &trusted)?;
    let measured = weigh(args, ctx)?;
    let wanted = args.write_baseline || args.allow_first && known.is_none();
    // Nothing can be compared with an empty bundle: as a baseline it would only do harm.
    let recorded = (wanted && measured.total().raw > 0).then(|| record(args, subject, &measured, &trusted, ctx));
    let mut outcome = match &known {
        Some(baseline) => compare(args, &measured, baseline),
        None => first(args, &measured, &trusted, recorded == Some(Ok(Recorded::There))).into(),
    };
    let now = ctx.execution.wall();
    let patterns: Vec<String> = args.path.iter().map(ToString::to_string).collect();
    let bundle = format!("{}: {}, sha256 {}", patterns.join(" "), measured.count(), measured.digest());
    for finding in std::mem::take(&mut outcome.findings) {
        let finding = finding.seen_at(format!("{}{}", args.baseline, trusted.place()), &now);
        outcome.findings.push(finding.seen_at(&bundle, &now));
    }
    // A baseline that was asked for and is not there: the next run would be judged by another one than people think.
    outcome.findings.extend(recorded.and_then(Result::err));
    outcome.outputs.insert("size", measured.total().by(args.rule.compression).to_string());
    Ok(outcome)
}

/// The baseline, or `None` when it is known that there is none.
fn read(path: &str, trusted: &Trusted) -> Result<Option<Baseline>, CommandError> {
    let Some(file) = trusted.read(path)? else { return Ok(None) };
    let name = format!("{path}{}", trusted.place());
    Baseline::parse(&name, &file.bytes).map(Some).map_err(Finding::bad_input)
}

/// Weighs the bundle on a thread of its own, so that a signal ends the command at once.
fn weigh(args: &Args, ctx: &CommandContext) -> Result<Measured, CommandError> {
    let source = Source::blocking(PollInterval::Once, || {
        let (patterns, record) = (args.path.clone(), PathBuf::from(&args.baseline));
        Box::new(move || measure::measure(Path::new("."), &patterns, &record))
    });
    let mut weighed = None;
    observe_until_decided(
        &ctx.execution,
        PATIENCE,
        vec![source],
        &mut weighed,
        |weighed, _, fact| *weighed = Some(fact),
        |weighed, _| match weighed {
            Some(_) => Judgement::decided(Vec::new()),
            None => Judgement::pending(Vec::new()),
        },
    )?;
    let unfinished = || {
        let seen = "the files were not weighed to the end";
        Err(Finding::inconclusive("`path`")
            .actual(seen)
            .expected(format!("a bundle that takes less than {}", HumanDuration(PATIENCE)))
            .unobservable())
    };
    weighed.unwrap_or_else(unfinished).map_err(|stop| match stop {
        CommandError::BadInput(error) => {
            let what = format!("`path`: {}", error.check);
            CommandError::BadInput(Finding { check: what, ..error })
        }
        stop => stop,
    })
}

/// Judges by a baseline.
fn compare(args: &Args, measured: &Measured, baseline: &Baseline) -> Outcome {
    let growth = match growth::judge(measured, baseline, &args.rule) {
        Ok(growth) => growth,
        Err(error) => return vec![error].into(),
    };
    let mut outcome = Outcome::default();
    if let Some(row) = growth.rows.first() {
        let title = if row.change(growth.judged) > 0 { "Files that grew most" } else { "Files that changed" };
        outcome.tables.push(Table {
            title: title.to_owned(),
            open: false,
            columns: growth.columns().into(),
            rows: growth.table(args.top.into()).into_iter().map(Into::into).collect(),
        });
    }
    outcome.outputs.insert("baseline-size", growth.before.by(growth.judged).to_string());
    outcome.outputs.insert("change", growth.change());
    outcome.findings = growth.findings;
    outcome
}

/// Judges without a baseline. `written`: there is one now, for the next time.
fn first(args: &Args, measured: &Measured, trusted: &Trusted, written: bool) -> Vec<Finding> {
    let (path, judged) = (&args.baseline, args.rule.compression);
    if measured.total().raw == 0 {
        return vec![growth::empty(measured, judged)];
    }
    let finding = if args.allow_first { Finding::passed } else { Finding::inconclusive }(growth::check(judged))
        .expected(format!("a baseline to compare with: {path}{}", trusted.place()))
        .actual(format!("none yet; now {}", told(args, measured)));
    let commit = format!("commit {path}, which holds the sizes of now");
    vec![match (args.allow_first, written) {
        (true, true) => finding.waived("first measurement (`allow-first`)").next(commit),
        (true, false) => finding.waived("first measurement (`allow-first`)"),
        (false, true) => finding.next(format!("{commit}; or add `allow-first: true`, which lets a first measurement pass")),
        (false, false) => finding.next(format!(
            "add `write-baseline: true` on the branch to compare with and commit {path}; or add `allow-first: true`, which \
             writes the file and lets a first measurement pass"
        )),
    }]
}

/// `1.05 MB gzip in 12 files`
fn told(args: &Args, measured: &Measured) -> String {
    let judged = args.rule.compression;
    format!("{} {} in {}", Bytes(measured.total().by(judged)), judged.word(), measured.count())
}

/// What became of a baseline that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    There,
    DryRun,
}

/// Writes the sizes of now to the baseline file in the workspace, unless it holds them already: a file that differs in its
/// date alone would be one more commit.
fn record(
    args: &Args,
    subject: &Subject,
    measured: &Measured,
    trusted: &Trusted,
    ctx: &CommandContext,
) -> Result<Recorded, Finding> {
    let path = Path::new(&args.baseline);
    let subject = match serde_json::to_value(subject) {
        Ok(Value::Object(parts)) if !parts.is_empty() => Some(parts),
        _ => None,
    };
    let new = Baseline { subject, measured_at: Some(ctx.execution.wall()), ..Baseline::of(measured) };
    let old = read_bounded(path, LARGEST_RECORD).and_then(|bytes| Baseline::parse(&args.baseline, &bytes));
    let note = match trusted {
        Trusted::Checkout => "",
        Trusted::Base { .. } => "; on a pull request they count once they are merged",
    };
    let effect = |state| Effect {
        target: args.baseline.clone(),
        detail: format!("the sizes of now, {}{note}", told(args, measured)),
        state,
    };
    if old.is_ok_and(|old| old.same_sizes(&new)) {
        ctx.execution.partial.begin_effect(effect(EffectState::Already));
        return Ok(Recorded::There);
    }
    if ctx.execution.dry_run {
        ctx.execution.partial.begin_effect(effect(EffectState::Planned));
        return Ok(Recorded::DryRun);
    }
    let place = ctx.execution.partial.begin_effect(effect(EffectState::Unknown));
    let writing = ctx.execution.writes.begin();
    let written = write_whole(path, new.to_json().as_bytes());
    drop(writing);
    let state = if written.is_ok() { EffectState::Applied } else { EffectState::Refused };
    ctx.execution.partial.update_effect(place, effect(state));
    written.map(|()| Recorded::There)
}

#[cfg(test)]
mod tests;
