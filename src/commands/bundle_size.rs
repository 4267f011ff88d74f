//! `bundle-size`: whether the bundle grew beyond its limits, which file grew most, and whether the growth is explained.

pub mod baseline;
pub mod bundle;
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
    finding::{Figures, Finding, Verdict},
    observe::{BlockingCall, observe_once},
    report::{Effect, EffectState, Outcome, Output, Table},
    subject::Subject,
    values::{Bytes, HumanDuration},
    world::{
        files::{Glob, read_bounded, write_atomically},
        trusted::TrustedSource,
    },
};
use baseline::Baseline;
use bundle::Bundle;
use growth::{Growth, GrowthLimits};

/// How long measuring may take: a gigabyte takes less than a minute.
const TIME_LIMIT: Duration = Duration::from_secs(10 * 60);
/// The largest existing baseline, in bytes, that is compared with the new one before it is overwritten.
const LARGEST_BASELINE: u64 = 32 << 20;
/// How many changed files the open table shows of a bundle over its limits; the folded one has `top` files.
const OPEN_FILES: usize = 4;

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders of the bundle, or globs; `!` excludes; source maps count only if a pattern names `.map`
    #[arg(long, required = true, value_name = "GLOB")]
    pub path: Vec<Glob>,
    /// JSON file with the sizes to compare with; on a pull request it is read from the base commit, which the pull request was merged with
    #[arg(long, value_name = "FILE", default_value = "bundle-size.baseline.json")]
    pub baseline: String,
    /// Write the current sizes to the baseline file, for you to commit; this run is still compared with the old sizes
    #[arg(long)]
    pub write_baseline: bool,
    /// Write a baseline and pass if none exists yet
    #[arg(long)]
    pub allow_first: bool,
    #[command(flatten)]
    pub limits: GrowthLimits,
    /// Number of files in the table of the files that grew most
    #[arg(long, value_name = "ROWS", default_value = "10")]
    pub top: u16,
}

impl Command for Args {
    const NAME: &'static str = "bundle-size";
    const ABOUT: &'static str = "Compare the bundle's size with its baseline";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "package", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "size", help: "Size of the bundle in bytes, in the chosen `compression`" },
        Output {
            name: "baseline-size",
            help: "Size of the baseline in bytes, in the same compression; absent without a baseline",
        },
        Output { name: "change", help: "Growth in percent, such as `+5.1 %`; absent without a baseline" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// Measures the bundle and compares it with its baseline.
///
/// # Errors
/// Bad input: a pattern that matches nothing or leads out of the workspace, a malformed baseline. Unobservable: a file, or
/// the base commit of a pull request, that cannot be read.
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let trusted = ctx.trusted_baselines()?;
    let baseline = read_baseline(&args.baseline, &trusted)?;
    let bundle = measure_bundle(args, ctx)?;
    let wanted = args.write_baseline || args.allow_first && baseline.is_none();
    // An empty bundle is not written: every later comparison with it would be inconclusive.
    let write = (wanted && bundle.total().raw > 0).then(|| write_baseline(args, subject, &bundle, &trusted, ctx));
    let check = growth::total_check(subject);
    let written = write == Some(Ok(BaselineWrite::UpToDate));
    let mut outcome = match &baseline {
        Some(baseline) => compare(args, &check, &bundle, baseline),
        None => vec![first_measurement(args, &check, &bundle, &trusted, written)].into(),
    };
    let now = ctx.execution.wall();
    let patterns: Vec<String> = args.path.iter().map(ToString::to_string).collect();
    let measured = format!("{}: {}, sha256 {}", patterns.join(" "), bundle.count(), bundle.digest());
    for finding in std::mem::take(&mut outcome.findings) {
        let finding = finding.seen_at(format!("{}{}", args.baseline, trusted.place()), &now);
        outcome.findings.push(finding.seen_at(&measured, &now));
    }
    // A baseline that could not be written fails the step: otherwise the next run would use an unexpected baseline.
    outcome.findings.extend(write.and_then(Result::err));
    outcome.outputs.insert("size", bundle.total().bytes(args.limits.compression).to_string());
    Ok(outcome)
}

/// The baseline; `None` when no file exists.
fn read_baseline(path: &str, trusted: &TrustedSource) -> Result<Option<Baseline>, CommandError> {
    let Some(file) = trusted.read(path)? else { return Ok(None) };
    let name = format!("{path}{}", trusted.place());
    Baseline::parse(&name, &file.bytes).map(Some).map_err(Finding::bad_input)
}

/// Measures the bundle on another thread, so that a signal ends the command at once.
fn measure_bundle(args: &Args, ctx: &CommandContext) -> Result<Bundle, CommandError> {
    let (patterns, baseline) = (args.path.clone(), PathBuf::from(&args.baseline));
    let measure: BlockingCall<_> = Box::new(move || measure::measure(Path::new("."), &patterns, &baseline));
    let [bundle] = observe_once(&ctx.execution, TIME_LIMIT, [measure])?;
    let unfinished = || {
        Err(Finding::inconclusive("`path`")
            .actual("the files were not measured to the end")
            .expected(format!("a bundle that takes less than {}", HumanDuration(TIME_LIMIT)))
            .next("name only what is shipped in `path`")
            .unobservable())
    };
    bundle.unwrap_or_else(unfinished).map_err(|error| match error {
        CommandError::BadInput(finding) => {
            let check = format!("`path`: {}", finding.check);
            CommandError::BadInput(Finding { check, ..finding })
        }
        error => error,
    })
}

/// Judges the bundle by a baseline.
fn compare(args: &Args, check: &str, bundle: &Bundle, baseline: &Baseline) -> Outcome {
    let growth = match growth::judge(check, bundle, baseline, &args.limits) {
        Ok(growth) => growth,
        Err(finding) => return vec![finding].into(),
    };
    let mut outcome = Outcome { tables: file_tables(&growth, args.top.into()), ..Outcome::default() };
    outcome.outputs.insert("baseline-size", growth.before.bytes(growth.judged).to_string());
    outcome.outputs.insert("change", growth.exact_percent());
    outcome.findings = growth.findings;
    outcome
}

/// The changed files: few of them open for a bundle over its limits, and `top` of them folded.
fn file_tables(growth: &Growth, top: usize) -> Vec<Table> {
    let Some(most) = growth.changes.first() else { return Vec::new() };
    let title = if most.growth(growth.judged) > 0 { "Files that grew most" } else { "Files that changed" };
    let title = format!("{title} ({})", growth.judged.word());
    let table = |title: &str, rows| {
        let columns = growth.columns();
        Table::new(title, columns, rows).figures(&(1..columns.len()).collect::<Vec<_>>())
    };
    if growth.findings.iter().all(|finding| finding.verdict == Verdict::Passed && finding.waived.is_none()) {
        return vec![table(&title, growth.table(top))];
    }
    // The checks show the total.
    let open = table(&title, growth.files(top.min(OPEN_FILES))).open();
    let (shown, all) = (growth.changes.len().min(top), growth.changes.len());
    if all <= OPEN_FILES + 1 || shown <= OPEN_FILES {
        return vec![open];
    }
    let title = if shown == all {
        format!("All {all} files that changed")
    } else {
        format!("{shown} of {all} files that changed")
    };
    vec![open, table(&title, growth.table(top))]
}

/// Judges the bundle without a baseline. `written`: the baseline file now holds these sizes, for the next run.
fn first_measurement(args: &Args, check: &str, bundle: &Bundle, trusted: &TrustedSource, written: bool) -> Finding {
    let (path, judged) = (&args.baseline, args.limits.compression);
    if bundle.total().raw == 0 {
        return growth::empty_bundle(check, bundle);
    }
    let finding = if args.allow_first { Finding::passed } else { Finding::inconclusive }(check)
        .expected(format!("a baseline to compare with: `{path}`{}", trusted.place()))
        .actual(format!("none yet; now {}", describe(args, bundle)))
        .figures(Figures::now(format!("{}, no baseline yet", Bytes(bundle.total().bytes(judged)))));
    let commit = format!("commit `{path}`, which holds the current sizes");
    match (args.allow_first, written) {
        (true, true) => finding.waived("first measurement (`allow-first`)").next(commit),
        (true, false) => finding.waived("first measurement (`allow-first`)"),
        (false, true) => finding.next(format!("{commit}; or add `allow-first: true`, which lets a first measurement pass")),
        (false, false) => finding.next(format!(
            "add `write-baseline: true` on the branch to compare with and commit `{path}`; or add `allow-first: true`, which \
             writes the file and lets a first measurement pass"
        )),
    }
}

/// `1.05 MB gzip in 12 files`
fn describe(args: &Args, bundle: &Bundle) -> String {
    let judged = args.limits.compression;
    format!("{} {} in {}", Bytes(bundle.total().bytes(judged)), judged.word(), bundle.count())
}

/// The result of writing a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BaselineWrite {
    /// The file holds the current sizes.
    UpToDate,
    /// Nothing was written in dry-run.
    Planned,
}

/// Writes the current sizes to the baseline file in the workspace. A file that already holds them is left alone: a new date
/// is not worth a commit.
fn write_baseline(
    args: &Args,
    subject: &Subject,
    bundle: &Bundle,
    trusted: &TrustedSource,
    ctx: &CommandContext,
) -> Result<BaselineWrite, Finding> {
    let path = Path::new(&args.baseline);
    let subject = match serde_json::to_value(subject) {
        Ok(Value::Object(parts)) if !parts.is_empty() => Some(parts),
        _ => None,
    };
    let new = Baseline { subject, measured_at: Some(ctx.execution.wall()), ..Baseline::from_bundle(bundle) };
    let old = read_bounded(path, LARGEST_BASELINE).and_then(|bytes| Baseline::parse(&args.baseline, &bytes));
    let note = match trusted {
        TrustedSource::Workspace | TrustedSource::Nothing => "",
        TrustedSource::Base { .. } => "; on a pull request they count once they are merged",
    };
    let effect = |state| Effect {
        target: args.baseline.clone(),
        detail: format!("the current sizes, {}{note}", describe(args, bundle)),
        state,
    };
    if old.is_ok_and(|old| old.same_sizes(&new)) {
        ctx.execution.partial.begin_effect(effect(EffectState::Already));
        return Ok(BaselineWrite::UpToDate);
    }
    if ctx.execution.dry_run {
        ctx.execution.partial.begin_effect(effect(EffectState::Planned));
        return Ok(BaselineWrite::Planned);
    }
    let index = ctx.execution.partial.begin_effect(effect(EffectState::Unknown));
    let writing = ctx.execution.writes.begin();
    let written = write_atomically(path, new.to_json().as_bytes());
    drop(writing);
    let state = if written.is_ok() { EffectState::Applied } else { EffectState::Refused };
    ctx.execution.partial.update_effect(index, effect(state));
    written.map(|()| BaselineWrite::UpToDate)
}

#[cfg(test)]
mod tests;
