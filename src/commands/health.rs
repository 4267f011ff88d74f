//! `health`: the new version is rolled out (`workloads`), and its endpoints answer as expected, several times in a row
//! (`endpoints`).
//!
//! | what is observed of an endpoint | verdict |
//! |---|---|
//! | as many good responses in a row as required | passed |
//! | another status, a redirect, another page, a condition that is false or cannot be evaluated, no HTTP, no response in time, a refused connection | blocked |
//! | no address, no connection in time, no trusted TLS, no route through the proxy or the network | inconclusive |
//!
//! Blocked means observed and bad; inconclusive means not observed. A service that refuses connections or does not answer,
//! several times in a row, does not work: that is an observation. A name without an address, a connection that a firewall
//! drops, a certificate that is not trusted and a proxy that refuses may all be problems of the runner, and say nothing about
//! the service.
//!
//! Each endpoint is judged on its own. The gate ends when all are decided, or one is blocked: nothing that it could still
//! observe would change the verdict.
//!
//! With `workload`, the rollout is watched first, and the endpoints are probed only after it has passed: until then, two
//! versions of the service answer. The rollout stays watched until the endpoints are decided, and what happens then counts.

pub(super) mod endpoints;
#[cfg(test)]
mod tests;
pub mod workloads;

use crate::{
    command::{Branding, Command, CommandKind, Gate, ReferenceTable, RunInputs},
    condition::Condition,
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::Finding,
    observe::observe_until_decided,
    report::{Outcome, Output, Table},
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::{http::Header, url::Url},
};
use endpoints::{
    EndpointLimits, EndpointObservations, EndpointProbes, Probe, ProbeRating, ProbeSettings, judge::judge,
};

/// Each endpoint is probed on its own thread.
const MAX_ENDPOINTS: usize = 50;
const MAX_ATTEMPTS: u32 = 1000;
const MAX_REDIRECTS: u32 = 20;
/// Rows of the table of probes.
const MAX_ROWS: usize = 200;

/// Settings of `health`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub rollout: workloads::Args,
    /// Endpoints to probe, as http or https URLs
    #[arg(long, value_name = "URL", value_parser = Url::from_setting)]
    pub endpoints: Vec<Url>,
    /// Maximum number of attempts for each endpoint
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = count)]
    pub attempts: u32,
    /// Pause between two attempts
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub interval: HumanDuration,
    /// How many good responses in a row make an endpoint healthy
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = count)]
    pub consecutive: u32,
    /// Status codes of a good response
    #[arg(long, value_name = "CODE", default_value = "200", value_parser = status)]
    pub expect_status: Vec<u16>,
    /// jq condition on the JSON body of a good response, such as `.version == $subject.tag`
    #[arg(long, value_name = "JQ")]
    pub condition: Option<Condition>,
    /// Request headers, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// How long one response may take, including redirects and body
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub request_timeout: HumanDuration,
    /// How many redirects to follow; with 0, a redirect is not a good response unless `expect-status` lists its status
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = redirects)]
    pub redirects: u32,
}

impl Command for Args {
    const NAME: &'static str = "health";
    const ABOUT: &'static str = "Check that the new version is rolled out and responds as expected";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "activity", color: "blue" });
    const OUTPUTS: &'static [Output] = &[workloads::DIGEST, workloads::PLATFORM_DIGEST];
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
    text.parse().ok().filter(|count| (1..=MAX_ATTEMPTS).contains(count)).ok_or(ACCEPTED)
}

pub(super) fn status(text: &str) -> Result<u16, ValueError> {
    text.parse()
        .ok()
        .filter(|status| (100..=599).contains(status))
        .ok_or(ValueError::new("status codes from 100 to 599 such as `200`"))
}

fn redirects(text: &str) -> Result<u32, ValueError> {
    text.parse().ok().filter(|count| *count <= MAX_REDIRECTS).ok_or(ValueError::new("a whole number from 0 to 20"))
}

/// Watches the rollout, if there is one, and probes every endpoint once it has passed, until all is decided.
///
/// # Errors
/// Bad input in settings that do not go together; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    check(args, subject)?;
    let probes = endpoint_probes(args, subject, ctx);
    let mut responses = EndpointObservations::new(&args.endpoints);
    let end = if args.rollout.workload.is_empty() {
        probe_endpoints(&probes, &mut responses)
    } else {
        workloads::run(&args.rollout, subject, ctx, &probes, &mut responses)
    };
    if let Ok(outcome) = &end {
        let digest = outcome.outputs.get(workloads::DIGEST.name).and_then(|digest| digest.parse().ok());
        // The subject of the report is what was observed, for everything that rests on it.
        ctx.execution.partial.edit(|partial| partial.subject.digest = partial.subject.digest.take().or(digest));
    }
    // Also after an error: the report of a cancelled gate shows its probes as well.
    ctx.execution.partial.edit(|partial| partial.tables.extend(probe_table(&probes.limits, &responses)));
    end
}

fn endpoint_probes<'a>(args: &'a Args, subject: &'a Subject, ctx: &'a CommandContext) -> EndpointProbes<'a> {
    let limits = EndpointLimits {
        attempts: args.attempts as usize,
        consecutive: args.consecutive as usize,
        statuses: args.expect_status.clone(),
        condition: args.condition.as_ref().map(ToString::to_string),
        compared: args.condition.as_ref().and_then(|condition| condition.wanted(subject)),
    };
    let settings = ProbeSettings {
        statuses: args.expect_status.clone(),
        condition: args.condition.clone(),
        headers: args.headers.clone(),
        timeout: args.request_timeout,
        redirects: args.redirects,
    };
    EndpointProbes::new(&args.endpoints, limits, settings, args.interval.0, subject, ctx)
}

/// Probes every endpoint until it is decided, without a rollout.
fn probe_endpoints(probes: &EndpointProbes<'_>, responses: &mut EndpointObservations) -> Result<Outcome, CommandError> {
    let findings = observe_until_decided(
        &probes.ctx.execution,
        probes.time_limit(),
        probes.sources(|probe| probe, || true),
        responses,
        |responses, _, probe| probes.record(responses, probe),
        |responses, _| judge(&probes.limits, responses),
    )?;
    Ok(findings.into())
}

/// Checks that the settings go together.
fn check(args: &Args, subject: &Subject) -> Result<(), CommandError> {
    if args.endpoints.is_empty() && args.rollout.workload.is_empty() {
        return Err(Finding::inconclusive("`endpoints`, `workload`")
            .actual("neither is given")
            .expected("URLs to ask, workloads to watch, or both")
            .bad_input());
    }
    if args.endpoints.len() > MAX_ENDPOINTS {
        return Err(Finding::inconclusive("`endpoints`")
            .actual(format!("{} of them", args.endpoints.len()))
            .expected(format!("at most {MAX_ENDPOINTS}"))
            .bad_input());
    }
    if args.consecutive > args.attempts {
        return Err(Finding::inconclusive("`consecutive`")
            .actual(format!("{} good answers in a row out of {} attempts", args.consecutive, args.attempts))
            .expected("no more than `attempts`")
            .bad_input());
    }
    match args.condition.as_ref().and_then(|condition| condition.missing_part(subject)) {
        None => Ok(()),
        Some(part) => Err(Finding::inconclusive("`condition`")
            .actual(format!("it compares with `$subject.{part}`, and the subject has no {part}"))
            .expected("a subject with every part that the condition names")
            .next(format!("give `{part}`"))
            .bad_input()),
    }
}

/// The last probes of each endpoint, as many as a person reads.
fn probe_table(limits: &EndpointLimits, observations: &EndpointObservations) -> Option<Table> {
    let max_rows = (MAX_ROWS / observations.endpoints.len().max(1)).max(1);
    let columns = ["Endpoint", "Attempt", "Time", "Latency", "Outcome", "Seen"];
    let rows = observations.endpoints.iter().flat_map(|endpoint| {
        let skipped = endpoint.probes.len().saturating_sub(max_rows);
        endpoint.probes.iter().zip(1..).skip(skipped).map(|(probe, attempt): (&Probe, usize)| {
            let outcome = match limits.rate(probe) {
                ProbeRating::Good => "as expected",
                ProbeRating::Bad => "not as expected",
                ProbeRating::Unobserved => "not observed",
            };
            vec![
                endpoint.url.clone(),
                attempt.to_string(),
                probe.at.clone(),
                format!("{} ms", probe.took.as_millis()),
                outcome.to_owned(),
                probe.details(),
            ]
        })
    });
    let rows: Vec<_> = rows.collect();
    let probes: usize = observations.endpoints.iter().map(|endpoint| endpoint.probes.len()).sum();
    let title = match probes - rows.len() {
        0 => "Probes".to_owned(),
        omitted => format!("Probes, without {omitted} earlier ones"),
    };
    (!rows.is_empty()).then(|| Table::new(title, &columns, rows).figures(&[1, 3]))
}
