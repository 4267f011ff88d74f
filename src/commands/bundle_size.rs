//! `bundle-size`: whether the bundle grew beyond its limits, which file grew most, and whether the growth is explained.

pub mod base;
pub mod baseline;
pub mod bundle;
pub mod deployed;
pub mod explanation;
pub mod growth;
pub mod kinds;
pub mod limits;
pub mod manifest;
pub mod measure;
pub mod measured;
pub mod names;
pub mod packages;
pub mod pairing;
pub mod scope;
pub mod size_cache;
pub mod sizes;
pub mod sketch;
pub mod store;

use std::{path::PathBuf, sync::Arc};

use crate::{
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::CommandError,
    finding::{Figures, Finding, Verdict},
    report::{Outcome, Output, Table},
    subject::Subject,
    values::{Bytes, HumanDuration, Percent, nonzero_duration},
    world::{files::Glob, git::TagName, trusted::TrustedSource},
};
use baseline::Baseline;
use bundle::{Bundle, Compressor};
use explanation::{args::ExplanationArgs, source};
use growth::{
    Growth, Rules,
    drift::{self, Drift},
};
use limits::GrowthLimits;
use measure::{Measuring, Sketched};
use measured::{Measured, Request};
use scope::{Group, Scope};
use size_cache::SizeCache;
use sizes::Compression;
use store::BaselineWrite;

/// How many changed files the open table shows of a bundle over its limits; the folded one has `top` files.
const OPEN_FILES: usize = 4;

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and folders of the bundle, or globs; `!` excludes. Scripts, style sheets, WebAssembly and pages are judged; other
    /// files, such as images, only if a pattern names their extension (`**/*.png`) or a group has them
    #[arg(long, required = true, value_name = "GLOB")]
    pub path: Vec<Glob>,
    /// JSON file with the sizes to compare with; on a pull request it is read from the base commit, which the pull request was merged with
    #[arg(long, value_name = "FILE", default_value = "bundle-size.baseline.json")]
    pub baseline: String,
    /// Where the baseline is: `base-commit` for a committed file; `file` for one that an earlier step put into the workspace, which
    /// has to be of the base commit; `promotion` for the sizes of the last promotion, with which `evidence` compares: here the
    /// bundle is only measured
    #[arg(long, value_enum, value_name = "WHERE", default_value = "base-commit")]
    pub baseline_from: BaselineFrom,
    /// Command that installs and builds, run by bash in a checkout of the base commit outside of the workspace; its result is the
    /// baseline, unless the `file` of `baseline-from` is of that commit
    #[arg(long, value_name = "COMMAND")]
    pub base_command: Option<String>,
    /// How long `base-command` may take
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = nonzero_duration)]
    pub base_timeout: HumanDuration,
    /// Write the current sizes to the baseline file, for you to commit; this run is still compared with the old sizes
    #[arg(long)]
    pub write_baseline: bool,
    /// Write a baseline and pass if none exists yet
    #[arg(long)]
    pub allow_first: bool,
    #[command(flatten)]
    pub limits: GrowthLimits,
    #[command(flatten)]
    pub explained_in: ExplanationArgs,
    /// Parts of the bundle that are judged by themselves, one a line: a name, patterns, and its own limits, as in `admin
    /// dist/admin/** max-increase=2% max-added=50kB max-size=300kB`; a file belongs to the first group that matches
    #[arg(long, value_name = "GROUP")]
    pub groups: Vec<Group>,
    /// Data of the bundler, by which the packages are known: a metafile of esbuild, statistics of webpack, raw data of the Rollup
    /// visualizer; without it, files with the usual names are looked for, and then source maps
    #[arg(long, value_name = "GLOB")]
    pub stats: Vec<Glob>,
    /// Tag since which the growth is limited as well: its commit has the baseline file
    #[arg(long, value_name = "TAG")]
    pub drift_from: Option<TagName>,
    /// Maximum growth since `drift-from` in percent, for a change that grows the bundle; no explanation raises it
    #[arg(long, value_name = "PERCENT", default_value = "20")]
    pub max_drift: Percent,
    /// Folder that keeps the sizes of known contents between runs, for `compression: brotli`, which takes a second for half a
    /// megabyte
    #[arg(long, value_name = "FOLDER")]
    pub cache_folder: Option<PathBuf>,
    /// Number of files in the table of the files that grew most
    #[arg(long, value_name = "ROWS", default_value = "10")]
    pub top: u16,
}

/// Where the baseline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BaselineFrom {
    /// A committed file, of the base commit.
    BaseCommit,
    /// A file of the workspace.
    File,
    /// The last promotion, which only `evidence` knows.
    Promotion,
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
        Output {
            name: "sizes",
            help: "Sizes of the bundle and its groups in one line, for `evidence`; only with `baseline-from: promotion`",
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
    let scope = Scope { patterns: measured::relative_patterns(&args.path), groups: args.groups.clone() };
    let request = request(args, &scope, ctx);
    if args.baseline_from == BaselineFrom::Promotion {
        return measure_deployed(args, request, subject, ctx);
    }
    let trusted = ctx.trusted_baselines()?;
    let then = read_drift(args, ctx)?;
    let baseline = find_baseline(args, &request, &trusted, ctx)?;
    let wanted = args.write_baseline || args.allow_first && baseline.is_none();
    let cache = request.how.cache.clone();
    let measured = measured::measure_bundle(Request { for_baseline: wanted, ..request }, baseline.as_ref(), ctx)?;
    save(cache.as_deref(), ctx);
    measured.packages.unused.iter().for_each(|unused| ctx.log.say(unused));
    let bundle = &measured.bundle;
    let judged = args.limits.compression;
    // An empty bundle is not written: every later comparison with it would be inconclusive.
    let write = (wanted && bundle.total().raw > 0)
        .then(|| store::write(&args.baseline, judged, subject, &measured, &trusted, ctx));
    let check = growth::total_check(subject);
    let written = write == Some(Ok(BaselineWrite::UpToDate));
    let explanation = source::given(args.limits.explanation.as_deref(), &trusted, ctx);
    let rules = Rules { check: &check, limits: &args.limits, scope: &scope, explanation, packages: &measured.packages };
    let then = args.drift_from.as_ref().map(ToString::to_string).zip(then);
    let mut outcome = match &baseline {
        _ if bundle.total().raw == 0 => vec![growth::empty_bundle(&check, bundle)].into(),
        Some(baseline) => compare(args, &rules, &measured.compared(), baseline, then.as_ref()),
        None => first_measurement(args, &rules, &measured, &trusted, written).into(),
    };
    if let Some(baseline) = &baseline
        && let Some(explanation) =
            source::ask(&args.explained_in, &rules.explanation, &outcome.findings, &trusted, ctx)?
    {
        let rules = Rules { explanation, ..rules.clone() };
        outcome = compare(args, &rules, &measured.compared(), baseline, then.as_ref());
    }
    let now = ctx.execution.wall();
    let source = describe_bundle(&scope, bundle);
    let known = if args.base_command.is_some() { "base-command" } else { &args.baseline };
    for finding in std::mem::take(&mut outcome.findings) {
        let finding = finding.seen_at(format!("{known}{}", trusted.place()), &now);
        outcome.findings.push(finding.seen_at(&source, &now));
    }
    // A baseline that could not be written fails the step: otherwise the next run would use an unexpected baseline.
    outcome.findings.extend(write.and_then(Result::err));
    outcome.outputs.insert("size", bundle.total().bytes(args.limits.compression).to_string());
    Ok(outcome)
}

/// What is to be measured.
fn request(args: &Args, scope: &Scope, ctx: &CommandContext) -> Request {
    let compression = args.limits.compression;
    let folder = args.cache_folder.as_ref().filter(|_| compression == Compression::Brotli);
    let cache = folder.and_then(|folder| size_cache::open_untracked(folder, &Compressor::of(compression), ctx));
    let how = Measuring {
        scope: scope.clone(),
        baseline: PathBuf::from(&args.baseline),
        compression,
        known: Arc::default(),
        sketched: Sketched::None,
        cache: cache.map(Arc::new),
    };
    Request {
        path: args.path.clone(),
        how,
        stats: args.stats.clone(),
        reuse: args.baseline_from == BaselineFrom::BaseCommit,
        for_baseline: args.write_baseline,
    }
}

/// Keeps the sizes for the next run. Without them it only takes longer.
fn save(cache: Option<&SizeCache>, ctx: &CommandContext) {
    let Some(cache) = cache.filter(|_| !ctx.execution.dry_run) else { return };
    if let Err(finding) = cache.save() {
        ctx.log.say(&format!("the sizes are not kept: {finding}"));
    }
}

/// Measures the bundle, and leaves the comparison to `evidence`.
fn measure_deployed(
    args: &Args,
    request: Request,
    subject: &Subject,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let (scope, cache) = (request.how.scope.clone(), request.how.cache.clone());
    let measured = measured::measure_bundle(Request { for_baseline: false, ..request }, None, ctx)?;
    save(cache.as_deref(), ctx);
    let bundle = &measured.bundle;
    let (findings, sizes) = deployed::judge(&growth::total_check(subject), &args.limits, &scope, bundle);
    let (now, source) = (ctx.execution.wall(), describe_bundle(&scope, bundle));
    let findings = findings.into_iter().map(|finding| finding.seen_at(&source, &now)).collect();
    let mut outcome = Outcome { findings, judged_by: Some("evidence"), ..Outcome::default() };
    outcome.outputs.insert("size", bundle.total().bytes(args.limits.compression).to_string());
    outcome.outputs.extend(sizes.map(|sizes| ("sizes", sizes.to_string())));
    Ok(outcome)
}

/// `dist: 12 files, sha256 3f2a…`
fn describe_bundle(scope: &Scope, bundle: &Bundle) -> String {
    format!("{}: {}, sha256 {}", scope.patterns.join(" "), bundle.count(), bundle.digest())
}

/// The baseline at the tag of `drift-from`.
///
/// # Errors
/// Bad input: a malformed baseline. Unobservable: the tag or its file does not exist or cannot be read.
fn read_drift(args: &Args, ctx: &CommandContext) -> Result<Option<Baseline>, CommandError> {
    let Some(tag) = &args.drift_from else { return Ok(None) };
    let name = format!("{} at tag {tag}", args.baseline);
    let file = ctx.world.trusted.read_at_tag(tag, &args.baseline, &ctx.world.groups)?.ok_or_else(|| {
        Finding::inconclusive(&name)
            .actual("no such file")
            .expected("the baseline file, committed before the tag")
            .next("name a later tag in `drift-from`, or commit the file with `write-baseline` and tag that commit")
            .unobservable()
    })?;
    let baseline = Baseline::parse(&name, &file.bytes).map_err(Finding::bad_input)?;
    Ok(Some(baseline.inside(&store::folder(ctx))))
}

/// The baseline: a file, or the base commit built for this comparison. `None` when no file exists.
///
/// # Errors
/// Bad input: a malformed baseline. Unobservable: a file that cannot be read or is of another commit, a build that failed.
fn find_baseline(
    args: &Args,
    request: &Request,
    trusted: &TrustedSource,
    ctx: &CommandContext,
) -> Result<Option<Baseline>, CommandError> {
    let file = || match args.baseline_from {
        BaselineFrom::BaseCommit | BaselineFrom::Promotion => store::read(&args.baseline, trusted, ctx),
        BaselineFrom::File => store::read_file(&args.baseline, trusted, ctx),
    };
    let Some(command) = &args.base_command else { return file() };
    if args.baseline_from == BaselineFrom::File
        && let Ok(Some(baseline)) = file()
        && baseline.compressor == Compressor::of(args.limits.compression)
    {
        return Ok(Some(baseline));
    }
    base::build(command, args.base_timeout, request, trusted, ctx).map(Some)
}

/// Judges the bundle by a baseline, and by the one at a tag.
fn compare(
    args: &Args,
    rules: &Rules<'_>,
    bundle: &Bundle,
    baseline: &Baseline,
    then: Option<&(String, Baseline)>,
) -> Outcome {
    let mut growth = match growth::judge(rules, bundle, baseline) {
        Ok(growth) => growth,
        Err(finding) => return vec![finding].into(),
    };
    if let Some((tag, then)) = then {
        let grows = growth.now.bytes(growth.judged) > growth.before.bytes(growth.judged);
        growth.findings.push(drift::judge(rules, bundle, &Drift { tag, then, limit: args.max_drift, grows }));
    }
    let mut outcome = Outcome { tables: file_tables(&growth, args.top.into()), ..Outcome::default() };
    outcome.tables.extend(package_table(rules, baseline, args.top.into()));
    outcome.tables.extend(listed_table(bundle, baseline));
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

/// The packages that changed.
fn package_table(rules: &Rules<'_>, baseline: &Baseline, top: usize) -> Option<Table> {
    if baseline.packages.is_empty() || !rules.packages.is_known() {
        return None;
    }
    let rows = packages::judge::rows(&baseline.packages, rules.packages, top);
    let columns = &["Package", "Before", "Now", "Growth", "Copies", "Most of it in"];
    let title = format!("Packages that changed (raw, from {})", rules.packages.source);
    (!rows.is_empty()).then(|| Table::new(title, columns, rows).figures(&[1, 2, 3, 4]))
}

/// What was not judged, by kind.
fn listed_table(bundle: &Bundle, baseline: &Baseline) -> Option<Table> {
    let rows = kinds::listed_rows(&baseline.listed, &bundle.listed);
    let columns = &["Not judged", "Files", "Before", "Now", "Growth"];
    (!rows.is_empty()).then(|| Table::new("Files that no browser runs (raw)", columns, rows).figures(&[1, 2, 3, 4]))
}

/// Judges the bundle without a baseline. `written`: the baseline file now holds these sizes, for the next run.
fn first_measurement(
    args: &Args,
    rules: &Rules<'_>,
    measured: &Measured,
    trusted: &TrustedSource,
    written: bool,
) -> Vec<Finding> {
    let (path, judged) = (&args.baseline, args.limits.compression);
    let finding = if args.allow_first { Finding::passed } else { Finding::inconclusive }(rules.check)
        .expected(format!("a baseline to compare with: `{path}`{}", trusted.place()))
        .actual(format!("none yet; now {}", store::describe(judged, measured)))
        .figures(Figures::now(format!("{}, no baseline yet", Bytes(measured.bundle.total().bytes(judged)))));
    let commit = format!("commit `{path}`, which holds the current sizes");
    let finding = match (args.allow_first, written) {
        (true, true) => finding.waived("first measurement (`allow-first`)").next(commit),
        (true, false) => finding.waived("first measurement (`allow-first`)"),
        (false, true) => finding.next(format!("{commit}; or add `allow-first: true`, which lets a first measurement pass")),
        (false, false) => finding.next(format!(
            "add `write-baseline: true` on the branch to compare with and commit `{path}`; or add `allow-first: true`, which \
             writes the file and lets a first measurement pass"
        )),
    };
    Some(finding).into_iter().chain(deployed::judge_sizes(&args.limits, rules.scope, &measured.bundle)).collect()
}

#[cfg(test)]
mod tests;
