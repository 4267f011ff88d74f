//! `performance`: whether the p99 latency of a release is within its baseline.

mod judge;
mod sources;

use std::time::Duration;

use crate::{
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::CommandError,
    expression::Expression,
    finding::Finding,
    observe::{BlockingCall, observe_once},
    report::{Outcome, Output},
    subject::Subject,
    values::{HumanDuration, Ratio},
    world::{http::Header, trusted::TrustedSource},
};
use judge::{Figure, Figures};
use sources::BaselineSource;

/// How long reading a large results file and evaluating an expression over it may take, in addition to `timeout`.
const EVALUATION: Duration = Duration::from_secs(60);

/// Settings of `performance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Results file of the load test (JSON, or one JSON document per line)
    #[arg(long, value_name = "FILE")]
    pub results: String,
    /// jq expression that extracts the p99 from the results
    #[arg(long, value_name = "JQ", default_value = ".p99_latency")]
    pub results_query: Expression,
    /// Baseline: a JSON file, or an http(s) URL that returns JSON
    #[arg(long, value_name = "FILE|URL")]
    pub baseline: BaselineSource,
    /// jq expression that extracts the p99 from the baseline, in the unit of the results
    #[arg(long, value_name = "JQ", default_value = ".p99_latency")]
    pub baseline_query: Expression,
    /// Headers of the request for the baseline, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub baseline_headers: Vec<Header>,
    /// Maximum ratio of the p99 to its baseline
    #[arg(long, value_name = "RATIO", default_value = "1.2")]
    pub max_ratio: Ratio,
    /// Unit of both figures, shown in messages
    #[arg(long, default_value = "ms")]
    pub unit: String,
    /// How long the server of the baseline may take to respond
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "performance";
    const ABOUT: &'static str = "Compare the p99 latency with its baseline";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "trending-up", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "p99", help: "The measured p99, in the unit of the results" },
        Output { name: "baseline-p99", help: "The p99 of the baseline" },
        Output { name: "ratio", help: "The measured p99 divided by the p99 of the baseline" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// Reads both figures side by side and compares them.
///
/// # Errors
/// Bad input: a results file that does not exist, a malformed baseline, an expression that gives no number.
fn run(args: &Args, _subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let limit = args.timeout.0 + EVALUATION;
    // A baseline from a server needs no base commit.
    let trusted = match &args.baseline {
        BaselineSource::File(_) => ctx.trusted_baselines()?,
        BaselineSource::Url(_) => TrustedSource::Nothing,
    };
    let place = trusted.place();
    let looks = [read_results(args), read_baseline(args, trusted, ctx)];
    let [results, baseline] = observe_once(&ctx.execution, limit, looks)?;
    let figures = Figures {
        results: results.unwrap_or_else(|| Err(unread("`results`", limit))),
        baseline: baseline.unwrap_or_else(|| Err(unread("`baseline`", limit))),
    };
    let now = ctx.execution.wall();
    let with_evidence =
        |finding: Finding| finding.seen_at(&args.results, &now).seen_at(format!("{}{place}", args.baseline), &now);
    let findings = figures.judge(args.max_ratio, &args.unit)?;
    let mut outcome = Outcome::from(findings.into_iter().map(with_evidence).collect::<Vec<_>>());
    outcome.outputs = figures.outputs();
    Ok(outcome)
}

fn read_results(args: &Args) -> BlockingCall<Figure> {
    let (path, query) = (args.results.clone(), args.results_query.clone());
    Box::new(move || sources::read_results(&path, &query))
}

fn read_baseline(args: &Args, trusted: TrustedSource, ctx: &CommandContext) -> BlockingCall<Figure> {
    let (source, query, headers) = (args.baseline.clone(), args.baseline_query.clone(), args.baseline_headers.clone());
    let (http, timeout) = (ctx.world.http().clone(), args.timeout.0);
    Box::new(move || sources::read_baseline(&source, &query, &headers, timeout, &http, &trusted))
}

fn unread(setting: &str, limit: Duration) -> CommandError {
    Finding::inconclusive(setting)
        .actual("not read to the end")
        .expected(format!("a p99 that can be read within {}", HumanDuration(limit)))
        .next("give a smaller file or a simpler jq expression")
        .unobservable()
}
