//! `wait`: waits after the approval. Meanwhile a person can cancel or hold the promotion, and a newer promotion blocks it.
//!
//! | observed | verdict |
//! |---|---|
//! | the wait is over, no hold, no newer promotion, every endpoint is healthy | passed |
//! | a hold; a newer promotion of the service, or a newer validation of it; an endpoint with several bad answers in a row: at once, not at the end | blocked |
//! | holds, ledger or an endpoint cannot be observed after the wait; cancelled | inconclusive |
//!
//! A failed look during the wait is logged and changes nothing, because everything is looked at again after the wait.

mod judge;
mod observations;
mod sources;

use std::{str::FromStr, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::health::{
    self,
    endpoints::{EndpointLimits, ProbeSettings, Prober},
};
use crate::{
    batch::list_services,
    clock::{Moment, minute},
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    config::Config,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    ledger::{InfraRepo, infra_repo::InfraRepoArgs},
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output},
    results::{ReceivedReports, output::VALIDATED_AT},
    secret::Secret,
    subject::Subject,
    supersession::{
        SupersededBy,
        look::{SupersessionObserver, ValidatedService, ValidationRuns},
    },
    values::{HumanDuration, nonzero_duration},
    world::{http::Header, url::Url},
};
use judge::{WaitLimits, judge, progress_line, title};
use observations::{WaitFact, WaitObservations, WatchedEndpoint};
use sources::HoldSource;

/// The limit of GitHub's own wait timer.
const MAX_DURATION: Duration = Duration::from_secs(43_200 * 60);
/// Each endpoint occupies a thread.
const MAX_ENDPOINTS: usize = 50;
/// Pause between two looks after the wait.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Settings of `wait`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to wait after the approval, at most 43200 minutes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub duration: HumanDuration,
    /// Reports of earlier jobs and steps, including those of `evidence` and `approval`: the expressions `toJSON(needs)` and `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Pause between two checks, and between two progress lines in the log
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub interval: HumanDuration,
    /// Endpoints that must stay healthy during the wait, as http or https URLs; `{service}` in a path stands for the name of each service
    #[arg(long, value_name = "URL")]
    pub endpoints: Vec<Url>,
    /// Request headers, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// Status codes of a good response
    #[arg(long, value_name = "CODE", default_value = "200", value_parser = health::status)]
    pub expect_status: Vec<u16>,
    /// How long one response of an endpoint may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub request_timeout: HumanDuration,
    /// Number of bad responses of an endpoint in a row at which the gate blocks
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = health::count)]
    pub consecutive: u32,
    /// Label of the issues that hold all promotions while they are open
    #[arg(long, value_name = "LABEL", default_value = "promotion-hold")]
    pub hold_label: LabelName,
    /// What supersedes a promotion that waits: a newer promotion of the service in the ledger; or also a newer validation, whose promotion goes on in another run of this workflow
    #[arg(long, value_name = "WHAT", default_value = "promotion")]
    pub superseded_by: SupersededBy,
    /// Token that may read this repository's issues (Issues: read) and the ledger (Contents: read); with `superseded-by: validation` also its workflow runs (Actions: read) and their annotations (Checks: read)
    #[arg(long, value_name = "GITHUB_TOKEN", required = true)]
    pub token: Option<Secret>,
    #[command(flatten)]
    pub ledger: InfraRepoArgs,
    /// How long to retry after the wait while something cannot be read or an endpoint is not healthy
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "wait";
    const ABOUT: &'static str = "Wait after the approval, while the promotion can still be cancelled or held";
    const KIND: CommandKind = CommandKind::PromotionGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "clock", color: "blue" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, inputs.config, ctx)
    }
}

impl Gate for Args {}

fn duration(text: &str) -> Result<HumanDuration, ValueError> {
    const ACCEPTED: ValueError = ValueError::new(
        "a duration over 0 and of at most 43200 minutes (30 days) such as `10m`; a bare number means seconds",
    );
    let duration: HumanDuration = text.parse().map_err(|_| ACCEPTED)?;
    (!duration.0.is_zero() && duration.0 <= MAX_DURATION).then_some(duration).ok_or(ACCEPTED)
}

/// The name of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName(String);

impl FromStr for LabelName {
    type Err = ValueError;

    /// GitHub allows 50 characters. GitHub's API would split a name with a comma into two labels.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let accepted = (1..=50).contains(&text.chars().count()) && !text.contains(|c: char| c.is_control() || c == ',');
        if accepted { Ok(Self(text.to_owned())) } else { Err(ValueError::new("a label: 1 to 50 characters, no comma")) }
    }
}

/// Waits, and looks again after the wait.
///
/// # Errors
/// Bad input; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, config: &Config, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let session = WaitSession::prepare(args, subject, config, ctx)?;
    let limits = &session.limits;
    let mut observations = WaitObservations { endpoints: session.endpoints.clone(), ..WaitObservations::default() };
    let mut findings = Vec::new();
    if ctx.execution.clock.now() < limits.until {
        let judge_until_over = |observations: &WaitObservations, now| match judge(limits, observations, now) {
            Judgement { findings, .. } if now >= limits.until => Judgement::decided(findings),
            judgement => judgement,
        };
        let time_limit = limits.until.saturating_sub(ctx.execution.clock.now()) + REQUEST_TIMEOUT.0;
        let mut sources = session.sources(args.interval.0);
        sources.push(
            Source::new(PollInterval::Every(args.interval.0), |reply| {
                reply.send(WaitFact::Tick);
                Box::new(())
            })
            .named("the clock"),
        );
        findings = observe_until_decided(
            &ctx.execution,
            time_limit,
            sources,
            &mut observations,
            session.absorb(),
            judge_until_over,
        )?;
    }
    if verdict(&findings) != Verdict::Blocked {
        let sources = session.sources(RETRY_PAUSE.min(args.interval.0));
        ctx.log.say("the time is over: looking once more");
        findings = observe_until_decided(
            &ctx.execution,
            args.timeout.0,
            sources,
            &mut observations,
            session.absorb(),
            |observations, now| judge(limits, observations, now),
        )?;
    }
    Ok(Outcome { title: Some(title(limits, &observations)), ..findings.into() })
}

/// The limits and the sources of one wait.
struct WaitSession<'a> {
    limits: WaitLimits,
    endpoints: Vec<WatchedEndpoint>,
    probers: Vec<Arc<Prober>>,
    holds: Arc<HoldSource>,
    supersession: Arc<SupersessionObserver>,
    ctx: &'a CommandContext,
}

impl<'a> WaitSession<'a> {
    fn prepare(args: &Args, subject: &Subject, config: &Config, ctx: &'a CommandContext) -> Result<Self, CommandError> {
        let missing = |name: &str| {
            let finding = Finding::inconclusive(format!("`{name}`")).actual("not given");
            finding.expected(format!("the {name} that is promoted")).bad_input()
        };
        let environment = subject.environment.clone().ok_or_else(|| missing("environment"))?;
        let reports = args.results.as_deref().map(ReceivedReports::from_results).transpose()?.unwrap_or_default();
        let now = ctx.execution.clock.wall();
        let approved_at = reports.output("approval", "approved-at", subject, ctx.runner_env.run.as_ref());
        let start = WaitStart::new(approved_at.and_then(|at| at.parse().ok()), now);
        ctx.log.say(&format!("counted from {}", start.description));
        let validated_at = |subject: &Subject| {
            let found = reports.parsed_output(VALIDATED_AT, subject, ctx.runner_env.run.as_ref());
            Ok::<_, CommandError>(found.map_err(Finding::unobservable)?.unwrap_or_else(|| {
                ctx.log.say(
                    "no report of a passed `evidence` says when this release was validated: promotions since the approval count as \
                     newer",
                );
                start.at
            }))
        };
        let batch = match reports.batch(subject, ctx.runner_env.run.as_ref()).filter(|_| subject.service.is_none()) {
            Some(batch) => batch.map_err(Finding::unobservable)?.ready,
            None => Vec::new(),
        };
        let subjects =
            if batch.is_empty() { vec![subject] } else { batch.iter().map(|report| &report.subject).collect() };
        let services: Vec<ValidatedService> = subjects
            .into_iter()
            .map(|subject| {
                let service = subject.service.clone().ok_or_else(|| missing("service"))?;
                Ok(ValidatedService { service, validated_at: validated_at(subject)?, evidence: None })
            })
            .collect::<Result<_, CommandError>>()?;
        let of_services = |url: &Url| {
            let each = services.iter().map(|one| url.for_service(&one.service));
            if url.names_service() { each.collect() } else { vec![url.clone()] }
        };
        let endpoints: Vec<Url> = args.endpoints.iter().flat_map(of_services).collect();
        if endpoints.len() > MAX_ENDPOINTS {
            return Err(Finding::inconclusive("`endpoints`")
                .actual(format!("{} of them", endpoints.len()))
                .expected(format!("at most {MAX_ENDPOINTS}"))
                .bad_input());
        }
        let target = list_services(services.iter().map(|one| &one.service));
        let waited = Duration::try_from(now.duration_since(start.at)).unwrap_or_default();
        let left = args.duration.0.saturating_sub(waited);
        let settings = ProbeSettings {
            statuses: args.expect_status.clone(),
            condition: None,
            headers: args.headers.clone(),
            timeout: args.request_timeout,
            redirects: 0,
        };
        let probers = endpoints.iter().enumerate();
        let probers = probers.map(|(index, url)| Arc::new(Prober::new(index, url, &settings, subject, ctx))).collect();
        let consecutive = args.consecutive as usize;
        Ok(Self {
            limits: WaitLimits {
                duration: args.duration,
                since: start.description,
                until: ctx.execution.clock.now() + left,
                until_wall: start.at.checked_add(args.duration.0).map(minute).unwrap_or_default(),
                hold_label: args.hold_label.0.clone(),
                target: format!("{target} in {environment}"),
                superseded_by: args.superseded_by,
                good: EndpointLimits {
                    attempts: 1,
                    consecutive: 1,
                    statuses: settings.statuses,
                    condition: None,
                    compared: None,
                },
                consecutive,
            },
            endpoints: Url::short_names(&endpoints)
                .into_iter()
                .zip(&endpoints)
                .map(|(name, url)| WatchedEndpoint { name, url: url.to_string(), probes: Vec::new() })
                .collect(),
            probers,
            holds: Arc::new(HoldSource {
                github: ctx.github(args.token.as_ref(), REQUEST_TIMEOUT)?,
                repository: ctx.own_repository()?,
                label: args.hold_label.0.clone(),
            }),
            supersession: Arc::new(SupersessionObserver {
                place: InfraRepo::open(&args.ledger, args.token.as_ref(), &config.services, ctx)?,
                services,
                environment,
                validations: ValidationRuns::of(args.superseded_by, args.token.as_ref(), ctx)?,
            }),
            ctx,
        })
    }

    fn sources(&self, pause: Duration) -> Vec<Source<'_, WaitFact>> {
        let interval = PollInterval::Every(pause);
        let holds = Source::blocking(interval, || {
            let holds = Arc::clone(&self.holds);
            Box::new(move || WaitFact::Holds(holds.look()))
        })
        .named("open holds");
        let newer = Source::blocking(interval, || {
            let supersession = Arc::clone(&self.supersession);
            Box::new(move || WaitFact::Newer(supersession.look()))
        })
        .named("newer promotions in the ledger, and newer validations");
        let endpoints = self.probers.iter().map(|prober| {
            Source::blocking(interval, || {
                let prober = Arc::clone(prober);
                Box::new(move || WaitFact::Probe(prober.probe()))
            })
            .named("an endpoint")
        });
        [holds, newer].into_iter().chain(endpoints).collect()
    }

    /// Records a fact. A failure is logged at once, the progress at each tick.
    fn absorb(&self) -> impl Fn(&mut WaitObservations, Moment, WaitFact) {
        let say = |text: &str| self.ctx.log.say(text);
        move |observations, at, fact| match fact {
            WaitFact::Tick => say(&progress_line(&self.limits, observations, at)),
            WaitFact::Probe(probe) => {
                let endpoint = &mut observations.endpoints[probe.endpoint];
                if !self.limits.is_good(&probe) {
                    say(&format!("{}: {}", endpoint.url, probe.details()));
                }
                endpoint.probes.push((at, probe));
            }
            WaitFact::Holds(look) => {
                if let Err(finding) = &look {
                    say(&format!("holds not seen: {finding}"));
                }
                observations.holds.add(at, look);
            }
            WaitFact::Newer(look) => {
                if let Err(finding) = &look {
                    say(&format!("newer releases not seen: {finding}"));
                }
                observations.newer.add(at, look);
            }
        }
    }
}

/// The start of the wait.
struct WaitStart {
    at: Timestamp,
    description: String,
}

impl WaitStart {
    /// The approval's time, or now if that is unknown or in the future: a clock that is ahead must not change the wait.
    fn new(approved_at: Option<Timestamp>, now: Timestamp) -> Self {
        let from_now = |reason: &str| (now, format!("now, {}: {reason}", minute(now)));
        let (at, description) = match approved_at {
            Some(at) if at <= now => (at, format!("the approval at {}", minute(at))),
            Some(at) => from_now(&format!("the approval's time, {}, is in the future", minute(at))),
            None => from_now("no report of a passed `approval` says when it was"),
        };
        Self { at, description }
    }
}

#[cfg(test)]
mod tests;
