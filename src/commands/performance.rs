//! `performance`: whether the p99 latency of a release is within its baseline.

mod judge;
mod sources;
use std::{sync::Arc, time::Duration};

use crate::{
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::CommandError,
    expression::Expression,
    finding::Finding,
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output},
    subject::Subject,
    values::{HumanDuration, Ratio},
    world::http::Header,
};
use judge::{Of, Seen};
use sources::Place;

/// How long reading a large results file and evaluating an expression over it may take beside the server's time.
const EVALUATION: Duration = Duration::from_secs(60);

/// Settings of `performance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Results file of the load test (JSON, or one JSON document a line)
    #[arg(long, value_name = "FILE")]
    pub results: String,
    /// jq expression that gives the p99 out of the results
    #[arg(long, value_name = "JQ", default_value = ".p99_latency")]
    pub results_query: Expression,
    /// Baseline: a JSON file, or an http(s) URL that answers with JSON
    #[arg(long, value_name = "FILE|URL")]
    pub baseline: Place,
    /// jq expression that gives the p99 out of the baseline, in the unit of the results
    #[arg(long, value_name = "JQ", default_value = ".p99_latency")]
    pub baseline_query: Expression,
    /// Headers of the request for the baseline, `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub baseline_headers: Vec<Header>,
    /// How many times the baseline the p99 may be
    #[arg(long, value_name = "RATIO", default_value = "1.2")]
    pub max_ratio: Ratio,
    /// Unit of both figures, for messages
    #[arg(long, default_value = "ms")]
    pub unit: String,
    /// How long the baseline's server may take
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "performance";
    const ABOUT: &'static str = "Compare the p99 latency with its baseline";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "trending-up", color: "blue" });
    const OUTPUTS: &'static [Output] = &[
        Output { name: "p99", help: "The p99 that was measured, in the unit of the results" },
        Output { name: "baseline-p99", help: "The p99 it was compared with" },
        Output { name: "ratio", help: "Measured over baseline" },
    ];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// # Errors
/// Bad input: a results file that is not there, a malformed baseline, an expression that gives no number.
fn run(args: &Args, _subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let (http, trusted) = (ctx.world.http().clone(), Arc::new(ctx.trusted()?));
    let results = Source::blocking(PollInterval::Once, || {
        let (path, query) = (args.results.clone(), args.results_query.clone());
        Box::new(move || (Of::Results, sources::results(&path, &query)))
    });
    let baseline = Source::blocking(PollInterval::Once, || {
        let (place, query, headers) =
            (args.baseline.clone(), args.baseline_query.clone(), args.baseline_headers.clone());
        let (http, trusted, timeout) = (http.clone(), Arc::clone(&trusted), args.timeout.0);
        Box::new(move || (Of::Baseline, sources::baseline(&place, &query, &headers, timeout, &http, &trusted)))
    });
    let mut seen = Seen::default();
    let findings = observe_until_decided(
        &ctx.execution,
        args.timeout.0 + EVALUATION,
        vec![results, baseline],
        &mut seen,
        |seen, _, (of, figure)| seen.take(of, figure),
        |seen, _| match seen.findings(args.max_ratio, &args.unit) {
            Ok(None) => Judgement::pending(Vec::new()),
            Ok(Some(findings)) => Judgement::decided(findings),
            // Told below; a judge gives findings only.
            Err(_) => Judgement::decided(Vec::new()),
        },
    )?;
    // Bad input, if there is any, instead of findings.
    seen.findings(args.max_ratio, &args.unit)?;
    let (results, baseline) = (args.results.clone(), args.baseline.to_string());
    let evidence =
        |finding: Finding| finding.seen_at(&results, ctx.execution.wall()).seen_at(&baseline, ctx.execution.wall());
    let mut outcome = Outcome::from(findings.into_iter().map(evidence).collect::<Vec<_>>());
    outcome.outputs = seen.outputs();
    Ok(outcome)
}
