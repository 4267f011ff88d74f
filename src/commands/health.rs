//! `health`: whether the new version is rolled out (`rollout`), and answers as it should, several times in a row.
//!
//! | seen of an endpoint | verdict |
//! |---|---|
//! | as many good answers in a row as asked for | passed |
//! | another status, a redirect, another page, a condition that is false or cannot be told, no HTTP, no answer in time, a refused connection | blocked |
//! | no address, no connection in time, no trusted TLS, no way through the proxy or the network | inconclusive |
//!
//! Blocked is what was observed and is bad, inconclusive what could not be observed. A service that refuses connections
//! or does not answer, several times over, does not serve: that is an observation. A name without an address, a connection
//! that nobody takes or refuses (a firewall drops it), a certificate that is not trusted and a proxy that refuses may be the
//! runner's own trouble, and say nothing about it.
//!
//! Each endpoint is judged alone. The gate ends when all of them are decided, or one is blocked: nothing that could still
//! be seen would change that.
//!
//! With `workload`, the rollout in the cluster is looked at before (`rollout`), and endpoints only once it has passed: a
//! service that is being replaced answers for two versions.

mod condition;
pub(super) mod endpoints;
pub(super) mod judge;
pub(super) mod observations;
#[cfg(test)]
mod tests;
pub mod workloads;

use std::{cell::Cell, sync::Arc, time::Duration};

use crate::{
    command::{Branding, Command, CommandKind, Gate, ReferenceTable, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output, Table},
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::{http::Header, url::Url},
};
use condition::Condition;
use endpoints::{Ask, How};
use judge::{Course, Rules, Sight, judge};
use observations::{Probe, Seen};

/// Every endpoint is asked on a thread of its own.
const MOST_ENDPOINTS: usize = 50;
const MOST_ATTEMPTS: u32 = 1000;
const MOST_REDIRECTS: u32 = 20;
/// How long evaluating a condition may take, with all that surrounds it.
const EVALUATION: Duration = Duration::from_secs(15);
/// Rows of the table of probes.
const ROWS: usize = 200;

/// Settings of `health`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub rollout: workloads::Args,
    /// Endpoints to ask, as http or https URLs
    #[arg(long, value_name = "URL", value_parser = Url::from_setting)]
    pub endpoints: Vec<Url>,
    /// How many times each endpoint is asked at most
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = count)]
    pub attempts: u32,
    /// Pause after an answer
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub interval: HumanDuration,
    /// How many good answers in a row make an endpoint healthy
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = count)]
    pub consecutive: u32,
    /// Status codes of a good answer
    #[arg(long, value_name = "CODE", default_value = "200", value_parser = status)]
    pub expect_status: Vec<u16>,
    /// jq condition on the JSON body of a good answer, such as `.version == $subject.tag`
    #[arg(long, value_name = "JQ")]
    pub condition: Option<Condition>,
    /// Headers of the request, `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// How long one answer may take, redirects and body included
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub request_timeout: HumanDuration,
    /// How many redirects are followed; with 0, one is an answer that is not good
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = redirects)]
    pub redirects: u32,
}

impl Command for Args {
    const NAME: &'static str = "health";
    const ABOUT: &'static str = "Check that the new version is rolled out and answers as it should";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "activity", color: "blue" });
    const OUTPUTS: &'static [Output] = &[];
    const REFERENCE_TABLE: Option<ReferenceTable> = Some(ReferenceTable {
        name: "states",
        columns: &["State", "What is seen", "Blocks after"],
        rows: || workloads::states().collect(),
    });

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

pub(super) fn count(text: &str) -> Result<u32, ValueError> {
    const ACCEPTED: ValueError = ValueError::new("a whole number from 1 to 1000");
    text.parse().ok().filter(|count| (1..=MOST_ATTEMPTS).contains(count)).ok_or(ACCEPTED)
}

pub(super) fn status(text: &str) -> Result<u16, ValueError> {
    text.parse()
        .ok()
        .filter(|status| (100..=599).contains(status))
        .ok_or(ValueError::new("status codes from 100 to 599 such as `200`"))
}

fn redirects(text: &str) -> Result<u32, ValueError> {
    text.parse().ok().filter(|count| *count <= MOST_REDIRECTS).ok_or(ValueError::new("a whole number from 0 to 20"))
}

/// Watches the rollout, if there is one, and then asks every endpoint until it is decided.
///
/// # Errors
/// Bad input in settings that do not go together; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    check(args, subject)?;
    if args.rollout.workload.is_empty() {
        return Ok(ask(args, subject, ctx, &[])?.into());
    }
    let mut outcome = workloads::run(&args.rollout, subject, ctx)?;
    if !args.endpoints.is_empty() {
        if verdict(&outcome.findings) == Verdict::Passed {
            outcome.findings = ask(args, subject, ctx, &outcome.findings)?;
        } else {
            ctx.log.say("the endpoints are not asked: the rollout did not pass");
        }
    }
    Ok(outcome)
}

/// Asks every endpoint until it is decided. Gives the findings so far, and those about the endpoints.
fn ask(args: &Args, subject: &Subject, ctx: &CommandContext, so_far: &[Finding]) -> Result<Vec<Finding>, CommandError> {
    let rules = Rules {
        attempts: args.attempts as usize,
        consecutive: args.consecutive as usize,
        statuses: args.expect_status.clone(),
        condition: args.condition.as_ref().map(ToString::to_string),
    };
    let how = How {
        statuses: args.expect_status.clone(),
        condition: args.condition.clone(),
        headers: args.headers.clone(),
        timeout: args.request_timeout,
        redirects: args.redirects,
    };
    let mut seen = Seen::of(args.endpoints.iter().map(ToString::to_string));
    let decided = vec![Cell::new(false); args.endpoints.len()];
    let sources = args.endpoints.iter().zip(&decided).enumerate().map(|(endpoint, (url, decided))| {
        let ask = Arc::new(Ask::new(endpoint, url, &how, subject, ctx));
        let source = Source::blocking(PollInterval::Every(args.interval.0), move || {
            let ask = Arc::clone(&ask);
            Box::new(move || ask.probe())
        });
        source.until(|| decided.get())
    });
    let each = args.interval.0 + args.request_timeout.0 + EVALUATION;
    let end = observe_until_decided(
        &ctx.execution,
        each * args.attempts + EVALUATION,
        sources.collect(),
        &mut seen,
        |seen, _, probe| {
            let line = format!("attempt {} of {}: {}", seen.take(probe.clone()), args.attempts, probe.told());
            let endpoint = &seen.endpoints[probe.endpoint];
            ctx.log.say(&format!("{}: {line}", endpoint.name));
            decided[probe.endpoint].set(rules.course(&endpoint.probes) != Course::Open);
        },
        |seen, _| {
            let Judgement { findings, decision } = judge(&rules, seen);
            Judgement { findings: so_far.iter().cloned().chain(findings).collect(), decision }
        },
    );
    // However it ended: a report that was cut short tells as well what was seen.
    ctx.execution.partial.edit(|partial| partial.tables.extend(probes(&rules, &seen)));
    end
}

/// What no single setting can say of itself.
fn check(args: &Args, subject: &Subject) -> Result<(), CommandError> {
    if args.endpoints.is_empty() && args.rollout.workload.is_empty() {
        return Err(Finding::inconclusive("`endpoints`, `workload`")
            .actual("neither is given")
            .expected("URLs to ask, workloads to watch, or both")
            .bad_input());
    }
    if args.endpoints.len() > MOST_ENDPOINTS {
        return Err(Finding::inconclusive("`endpoints`")
            .actual(format!("{} of them", args.endpoints.len()))
            .expected(format!("at most {MOST_ENDPOINTS}"))
            .bad_input());
    }
    if args.consecutive > args.attempts {
        return Err(Finding::inconclusive("`consecutive`")
            .actual(format!("{} good answers in a row out of {} attempts", args.consecutive, args.attempts))
            .expected("no more than `attempts`")
            .bad_input());
    }
    match args.condition.as_ref().and_then(|condition| condition.lacks(subject)) {
        None => Ok(()),
        Some(part) => Err(Finding::inconclusive("`condition`")
            .actual(format!("it compares with `$subject.{part}`, and the subject has no {part}"))
            .expected("a subject with every part that the condition names")
            .next(format!("give `{part}`"))
            .bad_input()),
    }
}

/// Every attempt, as far as a person reads on: the last ones of each endpoint.
fn probes(rules: &Rules, seen: &Seen) -> Option<Table> {
    let most = (ROWS / seen.endpoints.len().max(1)).max(1);
    let columns = ["Endpoint", "Attempt", "Time", "Latency", "Outcome", "Seen"];
    let rows = seen.endpoints.iter().flat_map(|endpoint| {
        let skipped = endpoint.probes.len().saturating_sub(most);
        endpoint.probes.iter().zip(1..).skip(skipped).map(|(probe, attempt): (&Probe, usize)| {
            let outcome = match rules.sight(probe) {
                Sight::Good => "as expected",
                Sight::Bad => "not as expected",
                Sight::Nothing => "not observed",
            };
            vec![
                endpoint.name.clone(),
                attempt.to_string(),
                probe.at.clone(),
                format!("{} ms", probe.took.as_millis()),
                outcome.to_owned(),
                probe.told(),
            ]
        })
    });
    let rows: Vec<_> = rows.collect();
    let left_out = seen.endpoints.iter().map(|endpoint| endpoint.probes.len()).sum::<usize>() - rows.len();
    let title = if left_out == 0 { "Probes".to_owned() } else { format!("Probes, without {left_out} earlier ones") };
    (!rows.is_empty()).then(|| Table { title, open: false, columns: columns.map(ToOwned::to_owned).into(), rows })
}
