//! `metric`: whether figures of monitoring are within their limits, and no alert fires.
//!
//! Every figure is read at the same time, again and again, until the conditions have held for `duration`. A condition that is
//! observed and broken blocks at once. What cannot be read, or says nothing, is never good: it is read again, for `timeout` after
//! the duration, and then the gate is inconclusive.

mod alerts;
mod checks;
mod condition;
mod figure;
mod judge;
mod look;
mod observations;
mod table;
mod unit;
mod words;

use std::{str::FromStr, sync::Arc, time::Duration};

use crate::{
    clock::Moment,
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output},
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::{http::Header, url::Url},
};
use checks::{Checks, FigureQuestion, fill_matchers, resolve};
use condition::{AlertMatchers, MetricCondition};
use figure::{FigureDefinition, FigureQuery};
use judge::{MetricLimits, add_held, judge};
use look::{AlertReader, FigureReader, Server};
use observations::{MetricFact, MetricObservations};

/// Each question occupies a thread.
const MOST_QUESTIONS: usize = 50;
/// The longest pause between two readings after the duration.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Settings of `metric`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Conditions, such as `error-rate <= 1 % with requests >= 100`, `lcp <= 1.1 × baseline`, `no alert {service="$service"}`, or `burn-rate of error-rate at 99.9 % <= 14.4 over 1h and 5m`
    #[arg(long, value_name = "CONDITION", required = true)]
    pub conditions: Vec<MetricCondition>,
    /// Figures of the conditions, as `error-rate = QUERY` in PromQL, `lcp (ms) = https://… | JQ`, or `lcp baseline = QUERY`; `$window`, `$service` and other parts of the subject are replaced
    #[arg(long, value_name = "FIGURE")]
    pub figures: Vec<FigureDefinition>,
    /// Prometheus or a compatible server, as an http or https URL
    #[arg(long, value_name = "URL", value_parser = Url::from_setting)]
    pub prometheus: Option<Url>,
    /// Headers of the requests to Prometheus, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub prometheus_headers: Vec<Header>,
    /// Alertmanager, as an http or https URL
    #[arg(long, value_name = "URL", value_parser = Url::from_setting)]
    pub alertmanager: Option<Url>,
    /// Headers of the requests to Alertmanager, as `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub alertmanager_headers: Vec<Header>,
    /// Headers of the requests for figures in JSON, as `Name: value`; these figures must then have one host
    #[arg(long, value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// What `$window` in a query stands for
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = nonzero_duration)]
    pub window: HumanDuration,
    /// The alert that always fires, as its matchers, or `none`; without it, an empty list of alerts says nothing
    #[arg(long, value_name = "MATCHERS", default_value = "{alertname=\"Watchdog\"}")]
    pub watchdog: WatchdogSetting,
    /// Maximum age of a value
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = nonzero_duration)]
    pub max_age: HumanDuration,
    /// How long to wait before the first reading; as long as `window`, it leaves out what was before the step
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub delay: HumanDuration,
    /// How long the conditions must hold; 0: one reading is enough
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub duration: HumanDuration,
    /// Pause between two readings
    #[arg(long, value_name = "DURATION", default_value = "15s")]
    pub interval: HumanDuration,
    /// How long one response may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub request_timeout: HumanDuration,
    /// How long to retry after the duration while something cannot be read or has too few samples
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub timeout: HumanDuration,
}

/// The setting `watchdog`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchdogSetting {
    None,
    Alert(AlertMatchers),
}

impl FromStr for WatchdogSetting {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "none" {
            return Ok(Self::None);
        }
        let matchers: AlertMatchers = text.parse()?;
        // Without a matcher any alert would prove that alerts arrive, also one that just fires.
        let found = Some(matchers).filter(|matchers| !matchers.0.is_empty());
        found.map(Self::Alert).ok_or(ValueError::new("matchers such as `{alertname=\"Watchdog\"}`, or `none`"))
    }
}

impl Command for Args {
    const NAME: &'static str = "metric";
    const ABOUT: &'static str = "Check that figures of monitoring are within their limits and no alert fires";
    const KIND: CommandKind = CommandKind::SoftwareGate;
    const BRANDING: Option<Branding> = Some(Branding { icon: "bar-chart-2", color: "blue" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

/// Reads the figures until the conditions have held for the duration, and once more after it.
///
/// # Errors
/// Bad input in settings that do not go together; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    if !args.duration.0.is_zero() && args.interval >= args.max_age {
        return Err(Finding::inconclusive("`interval`")
            .actual(args.interval.to_string())
            .expected(format!("less than `max-age`, which is {}: a value counts for that long", args.max_age))
            .bad_input());
    }
    let clock = &ctx.execution.clock;
    let readers = MetricReaders::prepare(args, subject, ctx)?;
    let begin = clock.now() + args.delay.0;
    let limits =
        MetricLimits { checks: readers.checks.clone(), begin, until: begin + args.duration.0, max_age: args.max_age.0 };
    let mut observations = MetricObservations::new(&limits.checks);
    let end = observe(args, &limits, &readers, &mut observations, ctx);
    // Also after a signal: the report of a cancelled gate shows what was read.
    let table = table::readings(&limits.checks, &args.figures, &observations);
    ctx.execution.partial.edit(|partial| partial.tables.extend(table));
    end.map(Outcome::from)
}

/// Reads until the duration is over, and then until every condition is decided.
fn observe(
    args: &Args,
    limits: &MetricLimits,
    readers: &MetricReaders,
    observations: &mut MetricObservations,
    ctx: &CommandContext,
) -> Result<Vec<Finding>, CommandError> {
    let clock = &ctx.execution.clock;
    let mut findings = Vec::new();
    if clock.now() < limits.until {
        ctx.log.say(&format!("reads for {} after a delay of {}", args.duration, args.delay));
        let judge_until_over = |observations: &MetricObservations, now: Moment| match judge(limits, observations, now) {
            Judgement { findings, .. } if now >= limits.until => Judgement::decided(findings),
            judgement => judgement,
        };
        findings = observe_until_decided(
            &ctx.execution,
            limits.until.saturating_sub(clock.now()) + args.timeout.0,
            readers.sources(args.interval.0, limits.begin, ctx),
            observations,
            |observations, at, fact| record(limits, observations, at, fact, ctx),
            judge_until_over,
        )?;
    }
    let is_early = clock.now() < limits.until && !findings.is_empty();
    if !is_early && verdict(&findings) != Verdict::Blocked {
        findings = observe_until_decided(
            &ctx.execution,
            args.timeout.0,
            readers.sources(args.interval.0.min(RETRY_PAUSE), limits.begin, ctx),
            observations,
            |observations, at, fact| record(limits, observations, at, fact, ctx),
            |observations, now| judge(limits, observations, now),
        )?;
    }
    Ok(findings)
}

/// Records an answer. One that is of no use is logged at once.
fn record(
    limits: &MetricLimits,
    observations: &mut MetricObservations,
    at: Moment,
    fact: MetricFact,
    ctx: &CommandContext,
) {
    let unread = match &fact {
        MetricFact::Figure { reading, .. } => reading.as_ref().err(),
        MetricFact::Alerts { reading, .. } => reading.as_ref().err(),
    };
    if let Some(unread) = unread {
        ctx.log.say(&format!("not read: {}", unread.reason));
    }
    observations.record(at, fact);
    add_held(limits, observations, at);
}

/// The conditions, and a reader for each of their questions.
struct MetricReaders {
    checks: Checks,
    figures: Vec<Arc<FigureReader>>,
    alerts: Vec<Arc<AlertReader>>,
}

impl MetricReaders {
    fn prepare(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Self, CommandError> {
        let checks = resolve(&args.conditions, &args.figures, subject, args.window).map_err(Finding::bad_input)?;
        let questions = checks.figures.len() + checks.alerts.len();
        if questions > MOST_QUESTIONS {
            return Err(Finding::inconclusive("`figures`")
                .actual(format!("{questions} queries, each window counted"))
                .expected(format!("at most {MOST_QUESTIONS}"))
                .bad_input());
        }
        let server = |headers: &[Header]| Server::new(headers, args.request_timeout.0, ctx);
        let mut figures: Vec<Arc<FigureReader>> = Vec::new();
        let mut json_urls: Vec<Url> = Vec::new();
        for FigureQuestion { definition, text, .. } in &checks.figures {
            let reader = match &args.figures[*definition].query {
                FigureQuery::Prometheus(_) => {
                    let base = needed(args.prometheus.as_ref(), "prometheus", "a figure in PromQL")?;
                    let url = base.below("/api/v1/query").with_parameter("query", text);
                    FigureReader { server: server(&args.prometheus_headers), url, expression: None }
                }
                FigureQuery::Json { expression, .. } => {
                    let url = Url::from_setting(text).map_err(|error| {
                        let finding = Finding::inconclusive("`figures`");
                        let name = &args.figures[*definition].name;
                        finding.actual(format!("the address of {name:?}")).expected(error.to_string()).bad_input()
                    })?;
                    json_urls.push(url.clone());
                    FigureReader { server: server(&args.headers), url, expression: Some(expression.clone()) }
                }
            };
            figures.push(Arc::new(reader));
        }
        if !args.headers.is_empty() && json_urls.windows(2).any(|pair| !pair[0].same_origin(&pair[1])) {
            return Err(Finding::inconclusive("`headers`")
                .actual("given, and the figures in JSON are of several hosts")
                .expected("one host: each of them would receive the token of the other")
                .next("use one step for each host")
                .bad_input());
        }
        let watchdog = match &args.watchdog {
            WatchdogSetting::None => None,
            WatchdogSetting::Alert(matchers) => {
                Some(fill_matchers(matchers, subject, args.window, "watchdog").map_err(Finding::bad_input)?)
            }
        };
        let mut alerts = Vec::new();
        for matchers in &checks.alerts {
            let base = needed(args.alertmanager.as_ref(), "alertmanager", "a condition on alerts")?;
            alerts.push(Arc::new(AlertReader::new(
                server(&args.alertmanager_headers),
                base,
                matchers,
                watchdog.as_ref(),
            )));
        }
        Ok(Self { checks, figures, alerts })
    }

    /// One source for each question. None of them begins before `begin`.
    fn sources<'a>(&'a self, pause: Duration, begin: Moment, ctx: &'a CommandContext) -> Vec<Source<'a, MetricFact>> {
        let interval = PollInterval::Every(pause);
        let has_begun = move || (ctx.execution.clock.now() >= begin).then_some(0);
        let figures = self.figures.iter().enumerate().map(|(question, reader)| {
            Source::blocking(interval, move || {
                let reader = Arc::clone(reader);
                Box::new(move || MetricFact::Figure { question, reading: reader.read() })
            })
            .named("a figure")
            .aimed_at(has_begun)
        });
        let alerts = self.alerts.iter().enumerate().map(|(question, reader)| {
            Source::blocking(interval, move || {
                let reader = Arc::clone(reader);
                Box::new(move || MetricFact::Alerts { question, reading: reader.read() })
            })
            .named("the alerts")
            .aimed_at(has_begun)
        });
        figures.chain(alerts).collect()
    }
}

fn needed<'a>(url: Option<&'a Url>, name: &str, user: &str) -> Result<&'a Url, CommandError> {
    url.ok_or_else(|| {
        Finding::inconclusive(format!("`{name}`"))
            .actual(format!("not given, and there is {user}"))
            .expected("an http:// or https:// URL")
            .bad_input()
    })
}
