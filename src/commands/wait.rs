//! `wait`: time after the approval, in which the promotion can still be cancelled, held or overtaken.
//!
//! | seen | verdict |
//! |---|---|
//! | the time is over, nothing holds or overtakes the promotion, every endpoint answers | passed |
//! | a hold; a younger promotion of the service; an endpoint that failed several times in a row: at once, not at the end | blocked |
//! | holds, ledger or an endpoint that could not be looked at once the time was over; cancelled | inconclusive |
//!
//! A look in between that fails is told and changes nothing: what counts is that all was looked at when the time was over.

mod judge;
mod sources;
#[cfg(test)]
mod tests;

use std::{str::FromStr, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::health::{
    self,
    endpoints::{Ask, How},
};
use crate::{
    clock::{Moment, rfc3339},
    command::{Branding, Command, CommandKind, Gate, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    ledger::{InfraRepo, infra_repo::InfraRepoArgs},
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    report::{Outcome, Output},
    results::Reports,
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, nonzero_duration},
    world::{http::Header, url::Url},
};
use judge::{Endpoint, Rules, Seen, judge, line};
use sources::{Fact, Holds, Promotions};

/// The longest that GitHub's own wait timer accepts, too.
const LONGEST: Duration = Duration::from_secs(43_200 * 60);
/// Every endpoint is asked on a thread of its own.
const MOST_ENDPOINTS: usize = 50;
/// Once the time is over: how long after a look the next one follows, where it failed.
const AGAIN: Duration = Duration::from_secs(5);
/// How long one question to GitHub may take.
const QUESTION: HumanDuration = HumanDuration(Duration::from_secs(20));

/// Settings of `wait`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to wait after the approval, at most 43200 minutes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub duration: HumanDuration,
    /// Reports of earlier jobs and steps, those of `evidence` and `approval` among them: the expressions `toJSON(needs)` and `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Pause between two looks, and two lines in the log
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = nonzero_duration)]
    pub interval: HumanDuration,
    /// Endpoints that must stay well meanwhile, as http or https URLs
    #[arg(long, value_name = "URL")]
    pub endpoints: Vec<Url>,
    /// Headers of the request, `Name: value`
    #[arg(long, value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// Status codes of a good answer
    #[arg(long, value_name = "CODE", default_value = "200", value_parser = health::status)]
    pub expect_status: Vec<u16>,
    /// How long one answer of an endpoint may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = nonzero_duration)]
    pub request_timeout: HumanDuration,
    /// How many bad answers of an endpoint in a row block
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = health::count)]
    pub consecutive: u32,
    /// Label of the issues that hold all promotions, while they are open
    #[arg(long, value_name = "LABEL", default_value = "promotion-hold")]
    pub hold_label: Label,
    /// Token that may read this repository's issues (Issues: read) and the ledger (Contents: read)
    #[arg(long, required = true)]
    pub token: Option<Secret>,
    #[command(flatten)]
    pub ledger: InfraRepoArgs,
    /// How long to go on, once the time is over, while something cannot be looked at or an endpoint is not well
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
        run(self, inputs.subject, ctx)
    }
}

impl Gate for Args {}

fn duration(text: &str) -> Result<HumanDuration, ValueError> {
    const ACCEPTED: ValueError = ValueError::new(
        "a duration over 0 and of at most 43200 minutes (30 days) such as `10m`; a bare number means seconds",
    );
    let span: HumanDuration = text.parse().map_err(|_| ACCEPTED)?;
    (!span.0.is_zero() && span.0 <= LONGEST).then_some(span).ok_or(ACCEPTED)
}

/// The name of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl FromStr for Label {
    type Err = ValueError;

    /// GitHub takes 50 characters. A comma would part it into two, and an issue would need both.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let accepted = (1..=50).contains(&text.chars().count()) && !text.contains(|c: char| c.is_control() || c == ',');
        if accepted { Ok(Self(text.to_owned())) } else { Err(ValueError::new("a label: 1 to 50 characters, no comma")) }
    }
}

/// Waits, and looks once more when the time is over.
///
/// # Errors
/// Bad input; [`CommandError::Cancelled`].
fn run(args: &Args, subject: &Subject, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let looks = Looks::prepare(args, subject, ctx)?;
    let mut seen = Seen { endpoints: looks.endpoints.clone(), ..Seen::default() };
    let mut findings = Vec::new();
    if ctx.execution.clock.now() < looks.rules.until {
        let reached = |seen: &Seen, now| match judge(&looks.rules, seen, now) {
            Judgement { findings, .. } if now >= looks.rules.until => Judgement::decided(findings),
            judgement => judgement,
        };
        let limit = looks.rules.until.saturating_sub(ctx.execution.clock.now()) + QUESTION.0;
        let mut sources = looks.sources(args.interval.0);
        sources.push(Source::new(PollInterval::Every(args.interval.0), |reply| {
            reply.send(Fact::Tick);
            Box::new(())
        }));
        findings = observe_until_decided(&ctx.execution, limit, sources, &mut seen, looks.absorb(), reached)?;
    }
    if verdict(&findings) != Verdict::Blocked {
        let sources = looks.sources(AGAIN.min(args.interval.0));
        ctx.log.say("the time is over: looking once more");
        findings =
            observe_until_decided(&ctx.execution, args.timeout.0, sources, &mut seen, looks.absorb(), |seen, now| {
                judge(&looks.rules, seen, now)
            })?;
    }
    Ok(findings.into())
}

/// All that is looked at.
struct Looks<'a> {
    rules: Rules,
    endpoints: Vec<Endpoint>,
    asks: Vec<Arc<Ask>>,
    holds: Arc<Holds>,
    promotions: Arc<Promotions>,
    ctx: &'a CommandContext,
}

impl<'a> Looks<'a> {
    fn prepare(args: &Args, subject: &Subject, ctx: &'a CommandContext) -> Result<Self, CommandError> {
        let missing = |name: &str| {
            let finding = Finding::inconclusive(format!("`{name}`")).actual("not given");
            finding.expected(format!("the {name} that is promoted")).bad_input()
        };
        let service = subject.service.clone().ok_or_else(|| missing("service"))?;
        let environment = subject.environment.clone().ok_or_else(|| missing("environment"))?;
        if args.endpoints.len() > MOST_ENDPOINTS {
            return Err(Finding::inconclusive("`endpoints`")
                .actual(format!("{} of them", args.endpoints.len()))
                .expected(format!("at most {MOST_ENDPOINTS}"))
                .bad_input());
        }
        let reports = args.results.as_deref().map(Reports::from_results).transpose()?.unwrap_or_default();
        let now = ctx.execution.clock.wall();
        let told = |command, name| told(&reports, command, name, subject, ctx);
        let start = Start::of(told("approval", "approved-at"), now);
        ctx.log.say(&format!("counted from {}", start.words));
        let validated_at = told("evidence", "validated-at").unwrap_or_else(|| {
            ctx.log.say("no report of a passed `evidence` tells when this release was validated: what counts as younger is what came since then");
            start.at
        });
        let waited = Duration::try_from(now.duration_since(start.at)).unwrap_or_default();
        let left = args.duration.0.saturating_sub(waited);
        let how = How {
            statuses: args.expect_status.clone(),
            condition: None,
            headers: args.headers.clone(),
            timeout: args.request_timeout,
            redirects: 0,
        };
        let asks = args.endpoints.iter().enumerate();
        let asks = asks.map(|(place, url)| Arc::new(Ask::new(place, url, &how, subject, ctx))).collect();
        let consecutive = args.consecutive as usize;
        Ok(Self {
            rules: Rules {
                duration: args.duration,
                since: start.words,
                until: ctx.execution.clock.now() + left,
                until_wall: start.at.checked_add(args.duration.0).map(rfc3339).unwrap_or_default(),
                hold_label: args.hold_label.0.clone(),
                what: format!("{service} in {environment}"),
                good: health::judge::Rules { attempts: 1, consecutive: 1, statuses: how.statuses, condition: None },
                consecutive,
            },
            endpoints: args
                .endpoints
                .iter()
                .map(|url| Endpoint { name: url.to_string(), probes: Vec::new() })
                .collect(),
            asks,
            holds: Arc::new(Holds {
                github: ctx.github(args.token.as_ref(), QUESTION)?,
                repository: ctx.own_repository()?,
                label: args.hold_label.0.clone(),
            }),
            promotions: Arc::new(Promotions {
                repo: InfraRepo::open(&args.ledger, args.token.as_ref(), ctx)?,
                service,
                environment,
                validated_at,
            }),
            ctx,
        })
    }

    fn sources(&self, pause: Duration) -> Vec<Source<'_, Fact>> {
        let pace = PollInterval::Every(pause);
        let holds = Source::blocking(pace, || {
            let holds = Arc::clone(&self.holds);
            Box::new(move || Fact::Holds(holds.look()))
        });
        let promotions = Source::blocking(pace, || {
            let promotions = Arc::clone(&self.promotions);
            Box::new(move || Fact::Promotions(promotions.look()))
        });
        let endpoints = self.asks.iter().map(|ask| {
            Source::blocking(pace, || {
                let ask = Arc::clone(ask);
                Box::new(move || Fact::Probe(ask.probe()))
            })
        });
        [holds, promotions].into_iter().chain(endpoints).collect()
    }

    /// Takes a fact in. What failed is told as it comes; the rest once in a while.
    fn absorb(&self) -> impl Fn(&mut Seen, Moment, Fact) {
        let say = |text: &str| self.ctx.log.say(text);
        move |seen, at, fact| match fact {
            Fact::Tick => say(&line(&self.rules, seen, at)),
            Fact::Probe(probe) => {
                let endpoint = &mut seen.endpoints[probe.endpoint];
                if !self.rules.is_good(&probe) {
                    say(&format!("{}: {}", endpoint.name, probe.told()));
                }
                endpoint.probes.push((at, probe));
            }
            Fact::Holds(look) => {
                if let Err(finding) = &look {
                    say(&format!("holds not seen: {finding}"));
                }
                seen.holds.take(at, look);
            }
            Fact::Promotions(look) => {
                if let Err(finding) = &look {
                    say(&format!("the ledger not seen: {finding}"));
                }
                seen.promotions.take(at, look);
            }
        }
    }
}

/// An output of a command that passed in this run, where it can be read.
fn told(reports: &Reports, command: &str, name: &str, subject: &Subject, ctx: &CommandContext) -> Option<Timestamp> {
    reports.output(command, name, subject, ctx.runner_env.run.as_ref())?.parse().ok()
}

/// What the waiting is counted from.
struct Start {
    at: Timestamp,
    words: String,
}

impl Start {
    /// Never a time to come: whose clock is ahead would wait less.
    fn of(approved_at: Option<Timestamp>, now: Timestamp) -> Self {
        let from_now = |why: &str| (now, format!("now, {}: {why}", rfc3339(now)));
        let (at, words) = match approved_at {
            Some(at) if at <= now => (at, format!("the approval at {}", rfc3339(at))),
            Some(at) => from_now(&format!("the approval's time, {}, is yet to come", rfc3339(at))),
            None => from_now("no report of a passed `approval` tells when it was"),
        };
        Self { at, words }
    }
}
