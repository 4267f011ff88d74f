//! The gate's own load, for teams without a load test: one run of it on one side.

pub mod judge;

use std::{cell::RefCell, time::Duration};

use super::run_failure::RunFailure;
use crate::{
    commands::performance::{
        measured::{Block, RunSide},
        measurement::Measurement,
        target::Target,
    },
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    load_results::{ExchangeRecorder, NotSent, RecordedRun, Unit},
    observe::{LookGuard, Reply, observe_stream},
    values::{HumanDuration, thousands},
    world::{
        http::Header,
        load::{Load, LoadEvent, Pace},
        url::Url,
    },
};
use judge::Lateness;

/// More time than the last requests of a run need to end.
const MARGIN: Duration = Duration::from_secs(30);
/// The time before `duration`, in which connections are opened and requests do not count: this part of it, at most this long.
const LEAD_IN_PART: u32 = 6;
const LONGEST_LEAD_IN: Duration = Duration::from_secs(1);

/// The load, and on what it runs.
pub struct OwnLoad<'a> {
    /// The target and the baseline target.
    pub targets: [&'a Target; 2],
    pub urls: [Url; 2],
    pub headers: &'a [Header],
    pub pace: Pace,
    /// How long requests are sent that count.
    pub duration: HumanDuration,
    /// How long a request may take.
    pub timeout: HumanDuration,
    /// The unit of the figures.
    pub unit: Unit,
    /// Of all runs so far.
    pub lateness: RefCell<Lateness>,
}

impl OwnLoad<'_> {
    pub const fn target(&self, side: RunSide) -> &Target {
        match side {
            RunSide::Target => self.targets[0],
            RunSide::Baseline => self.targets[1],
        }
    }

    /// What is sent, in one line.
    pub fn describe(&self) -> String {
        let [target, baseline] = self.targets;
        let both = if target == baseline { String::new() } else { format!(" and {baseline} in turn") };
        format!("load: GET {target}{both}, {} for {} in each run", self.pace_in_words(), self.duration)
    }

    /// Sends the load once; `name` says which pair it belongs to.
    ///
    /// # Errors
    /// Settings of the network that cannot be used; a signal.
    pub fn run(
        &self,
        name: &str,
        side: RunSide,
        ctx: &CommandContext,
    ) -> Result<Result<Block, RunFailure>, CommandError> {
        let [target, baseline] = &self.urls;
        let url = if side == RunSide::Target { target } else { baseline };
        let lead_in = (self.duration.0 / LEAD_IN_PART).min(LONGEST_LEAD_IN);
        let load = Load {
            url: url.clone(),
            headers: self.headers.to_vec(),
            pace: self.pace,
            duration: lead_in + self.duration.0,
            timeout: self.timeout.0,
        };
        let client = ctx.world.load()?;
        let mut unusable = None;
        let mut recorder = ExchangeRecorder::new(lead_in, self.timeout.0);
        let look = |reply: Reply<LoadEvent>| -> LookGuard {
            match client.start(&load, move |event| reply.send(event)) {
                Ok(running) => Box::new(running),
                Err(finding) => {
                    unusable = Some(finding);
                    Box::new(())
                }
            }
        };
        let take = |event| match event {
            LoadEvent::Progress(exchanges) => {
                for exchange in &exchanges {
                    recorder.add(exchange);
                }
                ctx.log.say(&format!("{name}, {side}: {} so far", recorder.progress()));
                None
            }
            LoadEvent::Ended(exchanges) => {
                for exchange in &exchanges {
                    recorder.add(exchange);
                }
                Some(())
            }
        };
        let ended = observe_stream(&ctx.execution, load.duration + load.timeout + MARGIN, look, take)?;
        if let Some(finding) = unusable {
            return Err(finding.bad_input());
        }
        let check = format!("load of {name}, {side}");
        if ended.is_none() {
            return Ok(Err(incomplete(check).into()));
        }
        let run = recorder.finish();
        if let Some(not_sent) = &run.not_sent {
            return Ok(Err(unsent(check, not_sent).into()));
        }
        let mut lateness = self.lateness.borrow_mut();
        lateness.add(&run);
        Ok(match lateness.judge(&self.pace_in_words()) {
            Some(finding) => Err(finding.into()),
            None => Ok(self.block(run)),
        })
    }

    fn block(&self, run: RecordedRun) -> Block {
        let measurement = Measurement::of_requests(run.figures, Unit::Milliseconds, self.unit);
        Block { failures: run.failures, ..Block::of_run(&measurement) }
    }

    fn pace_in_words(&self) -> String {
        match self.pace {
            Pace::Rate(rate) => format!("{rate} requests/s"),
            Pace::Users(users) => format!("{users} users"),
        }
    }
}

fn unsent(check: String, NotSent { requests, why }: &NotSent) -> Finding {
    Finding::inconclusive(check)
        .actual(format!("this machine could not send {} of its requests: {why}", thousands(*requests)))
        .expected("every request sent")
        .next("lower `rate` or `users`, or give the job more of what it ran out of, such as open files (`ulimit -n`)")
}

fn incomplete(check: String) -> Finding {
    Finding::inconclusive(check)
        .actual("it did not end, or not every request has a result")
        .expected("a result of every request")
        .next("run it again on a machine with more free time, or lower `rate`")
}
