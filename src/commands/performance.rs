//! `performance`: whether the p99 latency of a release is within its baseline.

mod certainty;
mod command;
mod compare;
mod endpoints;
mod judge;
mod latencies;
mod measured;
mod measurement;
mod page_loads;
pub mod paired;
mod plausible;
mod sessions;
mod sources;
mod store;
mod target;

use std::time::Duration;

use crate::{
    baselines::FIGURES,
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::CommandError,
    expression::Expression,
    finding::Finding,
    load_results::Unit,
    observe::{BlockingCall, observe_once},
    report::{Outcome, Output},
    subject::Subject,
    values::{HumanDuration, Percent, Ratio, nonzero_duration},
    world::{http::Header, trusted::TrustedSource},
};
use command::{CommandArgs, CommandSettings, ResultsSettings};
use compare::{Limits, max_ratio};
use judge::{Criteria, Undecided, judge, outputs};
use measurement::{Figure, Side};
use plausible::{Difference, Plausibility};
use sessions::EarlierSessions;
use sources::{FileOrUrl, ResultsFormat, SideReader};
use store::{ReadStore, SessionRule, StoreArgs};

/// How long reading a large results file and evaluating an expression over it may take, in addition to `timeout`.
const EVALUATION: Duration = Duration::from_mins(5);

/// Settings of `performance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Results of the load test: a file that the tool wrote, or an http(s) URL. With `command`: the file that each run writes, and that
    /// the gate deletes before each run [default: with `command` its stdout]
    #[arg(long, value_name = "FILE|URL")]
    pub results: Option<FileOrUrl>,
    /// Format of the results; `auto` recognizes it by the content
    #[arg(long, value_enum, default_value = "auto")]
    pub format: ResultsFormat,
    /// jq expression that extracts the p99 from results in JSON; it takes precedence over a known format [default: `.p99_latency`, for JSON of no known format]
    #[arg(long, value_name = "JQ")]
    pub results_query: Option<Expression>,
    /// Unit of the results, where their format does not say it: `ns`, `us`, `ms` or `s` [default: `unit`]
    #[arg(long, value_name = "UNIT")]
    pub results_unit: Option<Unit>,
    /// Headers of the request for the results, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub results_headers: Vec<Header>,
    /// Baseline: a file or an http(s) URL, in any format of the results, or JSON with `p99_latency`
    #[arg(long, value_name = "FILE|URL")]
    pub baseline: Option<FileOrUrl>,
    /// jq expression that extracts the p99 from a baseline in JSON, or the list of the p99 of several earlier runs [default: `.p99_latency`, for JSON of no known format]
    #[arg(long, value_name = "JQ")]
    pub baseline_query: Option<Expression>,
    /// Unit of the baseline, where its format does not say it: `ns`, `us`, `ms` or `s` [default: `unit`]
    #[arg(long, value_name = "UNIT")]
    pub baseline_unit: Option<Unit>,
    /// Headers of the request for the baseline, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub baseline_headers: Vec<Header>,
    /// Maximum ratio of the p99 to its baseline
    #[arg(long, value_name = "RATIO", default_value = "1.2", value_parser = max_ratio)]
    pub max_ratio: Ratio,
    /// A ratio up to this one is inconclusive: it is a mistake rather than an improvement
    #[arg(long, value_name = "RATIO", default_value = "0.1")]
    pub min_ratio: Ratio,
    /// Maximum share of failed requests
    #[arg(long, value_name = "PERCENT", default_value = "1")]
    pub max_error_rate: Percent,
    /// Minimum number of requests on each side, and of each endpoint that is judged
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    pub min_requests: u64,
    /// Maximum age of the results; a job on a hosted runner takes 6 hours at most
    #[arg(long, value_name = "DURATION", default_value = "6h", value_parser = nonzero_duration)]
    pub max_age: HumanDuration,
    /// Endpoints that must be judged, by the names in the results; every other one with enough requests is judged, too
    #[arg(long, value_name = "NAME")]
    pub endpoints: Vec<String>,
    /// What may differ between the results and the baseline
    #[arg(long, value_enum, value_name = "WHAT")]
    pub allow_difference: Vec<Difference>,
    /// What decides about a single run on each side
    #[arg(long, value_enum, default_value = "plain-rule")]
    pub undecided: Undecided,
    /// Unit of the messages and outputs, and of figures for which nothing else says it: `ns`, `us`, `ms` or `s` [default: ms]
    #[arg(long)]
    pub unit: Option<Unit>,
    /// How long each server may take to respond
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub timeout: HumanDuration,
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub run: CommandArgs,
}

impl Command for Args {
    const NAME: &'static str = "performance";
    const ABOUT: &'static str = "Compare the p99 latency with its baseline";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "trending-up", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "p99", help: "The measured p99, in `unit`" },
        Output { name: "baseline-p99", help: "The p99 of the baseline, in `unit`" },
        Output { name: "ratio", help: "The measured p99 divided by the p99 of the baseline" },
        Output { name: "pairs", help: "With `command` or a load of the gate: how many pairs of runs were measured" },
        Output {
            name: "figures",
            help: "The p99 of all requests and of each endpoint in milliseconds, or the medians of page loads (JSON): `baseline` \
                   stores it, and later jobs read it from the report in `sessions`",
        },
        Output {
            name: "seed",
            help: "With `command` or a load of the gate: the seed of the coin that ordered the runs of each pair",
        },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// Runs a load test in pairs, or compares two sides that were measured before.
///
/// # Errors
/// Bad input: results that do not exist or are cut off, a malformed baseline, an expression that gives no number; a signal.
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    if args.min_ratio >= args.max_ratio {
        let finding = Finding::inconclusive("`min-ratio`").actual(args.min_ratio.to_string());
        return Err(finding.expected(format!("less than `max-ratio`, {}", args.max_ratio)).bad_input());
    }
    let asked = (args.baseline_headers.as_slice(), args.timeout);
    let store = args.store.read(subject, asked, &args.allow_difference, ctx)?;
    let rule = SessionRule {
        unit: args.unit.unwrap_or(measurement::DEFAULT_UNIT),
        undecided: args.undecided,
        min_delta: args.run.min_delta.in_unit(Unit::Milliseconds),
    };
    if args.run.is_command() || args.results.is_none() && args.run.is_own_load() {
        let profile = args.run.profile();
        let earlier = store.as_ref().map(|store| store.earlier(&profile));
        let mut outcome = command::run(&command_settings(args, earlier, ctx)?, subject, ctx)?;
        store::describe(&mut outcome, &profile);
        if let Some(store) = &store {
            store.complete(&mut outcome, rule);
        }
        return Ok(outcome);
    }
    if let Some(key) = args.run.load_setting() {
        return Err(Finding::inconclusive(key)
            .actual("given, and `results` is, without `command`")
            .expected("it without `results`: it is of the requests that the gate itself sends")
            .next(format!("remove {key}, or `results` and `baseline`"))
            .bad_input());
    }
    let missing = |key: &str, actual: &str, expected: &str| {
        Finding::inconclusive(format!("`{key}`"))
            .actual(actual)
            .expected(expected)
            .next(format!("give `{key}` as an input, as a flag, or as a key of the config file"))
            .bad_input()
    };
    let results = args.results.as_ref().ok_or_else(|| {
        missing("results", "neither it, nor `target`, nor `command` is given", "the results of the load test")
    })?;
    let baseline = match (&args.baseline, &store) {
        (Some(baseline), None) => BaselineFrom::Source(baseline),
        (None, Some(store)) => BaselineFrom::Store(store),
        (Some(_), Some(_)) => {
            return Err(Finding::inconclusive("`baseline`, `baseline-store`")
                .actual("both are given")
                .expected("one of them: the results are compared with one baseline")
                .next("remove `baseline`: the store has the releases that were promoted")
                .bad_input());
        }
        (None, None) => {
            let actual = "not given, and `results` is, without `command`";
            return Err(missing("baseline", actual, "it or `baseline-store`: what the results are compared with"));
        }
    };
    let mut outcome = compare_sides(args, results, baseline, ctx)?;
    if let Some(store) = &store {
        store.complete(&mut outcome, rule);
    }
    Ok(outcome)
}

/// What the results are compared with.
#[derive(Clone, Copy)]
enum BaselineFrom<'a> {
    Source(&'a FileOrUrl),
    Store(&'a ReadStore<'a>),
}

/// What the load test is run and judged by.
///
/// # Errors
/// Results at a URL: nothing binds them to a run.
fn command_settings<'a>(
    args: &'a Args,
    earlier: Option<EarlierSessions>,
    ctx: &CommandContext,
) -> Result<CommandSettings<'a>, CommandError> {
    let file = match &args.results {
        None => None,
        Some(FileOrUrl::File(path)) => Some(path.clone()),
        Some(FileOrUrl::Url(url)) => {
            return Err(Finding::inconclusive("`results`")
                .actual(format!("{url}, and `command` is given"))
                .expected("the file that each run writes")
                .next("let the load test write a file, or print its results")
                .bad_input());
        }
    };
    let results = ResultsSettings {
        file,
        format: args.format,
        query: args.results_query.clone(),
        side: Side { name: "results", own: args.results_unit, both: args.unit },
        http: ctx.world.http().clone(),
    };
    Ok(CommandSettings {
        command: &args.run,
        timeout: args.timeout,
        max_ratio: args.max_ratio.0,
        endpoints: &args.endpoints,
        max_error_rate: args.max_error_rate,
        min_ratio: args.min_ratio.0,
        min_requests: args.min_requests,
        results,
        has_baseline: args.baseline.is_some(),
        earlier,
    })
}

/// Reads both sides in parallel and compares them.
fn compare_sides(
    args: &Args,
    results_source: &FileOrUrl,
    baseline: BaselineFrom<'_>,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let limit = args.timeout.0 + EVALUATION;
    let unit = args.unit.unwrap_or(measurement::DEFAULT_UNIT);
    let look = |side: SideReader| -> BlockingCall<Figure> { Box::new(move || side.read()) };
    let read = |setting: &str, figure: Option<Figure>| figure.unwrap_or_else(|| Err(unread(setting, limit)));
    let results_look = look(results_side(args, results_source, ctx));
    let (results, baseline, place) = match baseline {
        BaselineFrom::Source(source) => {
            // A baseline from a server needs no base commit.
            let trusted = match source {
                FileOrUrl::File(_) => ctx.trusted_baselines()?,
                FileOrUrl::Url(_) => TrustedSource::Nothing,
            };
            let place = format!("{source}{}", trusted.place());
            let looks = [results_look, look(baseline_side(args, source, trusted, ctx))];
            let [results, baseline] = observe_once(&ctx.execution, limit, looks)?;
            (read("`results`", results), read("`baseline`", baseline), place)
        }
        BaselineFrom::Store(store) => {
            let [results] = observe_once(&ctx.execution, limit, [results_look])?;
            let results = read("`results`", results);
            let baseline = store.side(results.as_ref().ok(), unit);
            (results, baseline, store.place())
        }
    };
    let now = ctx.execution.wall();
    let criteria = Criteria {
        limits: Limits { max_ratio: args.max_ratio, min_ratio: args.min_ratio, unit },
        plausibility: Plausibility {
            max_error_rate: args.max_error_rate,
            min_requests: args.min_requests,
            max_age: args.max_age,
            allowed: &args.allow_difference,
            now: ctx.execution.clock.wall(),
        },
        endpoints: &args.endpoints,
        undecided: args.undecided,
        min_delta: args.run.min_delta.in_unit(Unit::Milliseconds),
    };
    let judged = judge(&results, &baseline, &criteria)?;
    let with_evidence =
        |finding: Finding| finding.seen_at(results_source.to_string(), &now).seen_at(place.clone(), &now);
    let mut outcome = Outcome::from(judged.findings.into_iter().map(with_evidence).collect::<Vec<_>>());
    outcome.tables = judged.tables;
    outcome.outputs = outputs(&results, &baseline);
    let figures = results.as_ref().ok().and_then(|results| store::output_of(results, unit));
    outcome.outputs.extend(figures.map(|figures| (FIGURES, figures)));
    Ok(outcome)
}

fn results_side(args: &Args, source: &FileOrUrl, ctx: &CommandContext) -> SideReader {
    SideReader {
        side: Side { name: "results", own: args.results_unit, both: args.unit },
        source: source.clone(),
        query: args.results_query.clone(),
        format: args.format,
        headers: args.results_headers.clone(),
        timeout: args.timeout.0,
        http: ctx.world.http().clone(),
        trusted: None,
    }
}

fn baseline_side(args: &Args, source: &FileOrUrl, trusted: TrustedSource, ctx: &CommandContext) -> SideReader {
    SideReader {
        side: Side { name: "baseline", own: args.baseline_unit, both: args.unit },
        source: source.clone(),
        query: args.baseline_query.clone(),
        format: ResultsFormat::Auto,
        headers: args.baseline_headers.clone(),
        timeout: args.timeout.0,
        http: ctx.world.http().clone(),
        trusted: Some(trusted),
    }
}

fn unread(setting: &str, limit: Duration) -> CommandError {
    Finding::inconclusive(setting)
        .actual("not read to the end")
        .expected(format!("a p99 that can be read within {}", HumanDuration(limit)))
        .next("give a smaller file or a simpler jq expression")
        .unobservable()
}
