//! `timeout` bounds the whole command: a server that does not answer any more costs no more than that.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use promote_gates::{clock::Stopwatch, values::HumanDuration};

use super::*;
use crate::{house::Ended, patience::with_enough_time, relay::Reaction};

/// The time limit of a step: enough to come to any of its requests, on a machine that has time.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How much longer a step takes on a busy machine. A time limit of a single request would take at least as long.
const SOON: Duration = Duration::from_secs(15);
/// These steps wait for most of their time.
const HANGING_AT_ONCE: usize = 10;

/// A step whose server does not answer one of its requests.
struct HangingStep {
    story: Story,
    ended: Ended,
    took: Duration,
    limit: Duration,
    /// Whether it came to that request.
    reached: bool,
}

impl HangingStep {
    fn run(new: fn() -> Story, hanging: &str, timeout: &str) -> Self {
        let story = new().input("timeout", timeout).input("annotations-timeout", "500ms");
        let (hangs, reached) = (hanging.to_owned(), Arc::new(AtomicBool::new(false)));
        let is_reached = Arc::clone(&reached);
        story.relay.react(move |request| {
            if request.name() != hangs {
                return Reaction::Pass;
            }
            is_reached.store(true, Ordering::Release);
            Reaction::Hang
        });
        let watch = Stopwatch::start();
        let ended = story.run();
        let (took, limit) = (watch.elapsed(), timeout.parse::<HumanDuration>().unwrap().0);
        Self { story, ended, took, limit, reached: reached.load(Ordering::Acquire) }
    }
}

/// Each request of each story hangs, from its first or only time on.
#[test]
fn a_server_that_hangs_ends_every_command_soon_after_its_time_limit() {
    let mut cases = Vec::new();
    for (name, new) in STORIES {
        let (good, requests) = good_run(&new());
        let names: BTreeSet<String> = requests.iter().map(RelayedRequest::name).collect();
        cases.extend(names.into_iter().map(|request| (*name, *new, good.effects.clone(), request)));
    }
    run_at_once(HANGING_AT_ONCE, &cases, |(name, new, good_effects, hanging)| {
        let step = with_enough_time(TIMEOUT, |timeout| HangingStep::run(*new, hanging, timeout), |step| step.reached);
        let HangingStep { story, ended, took, limit, reached } = step;
        if !reached {
            return Err(format!("{name}: {hanging} did not come\n{}", ended.log));
        }
        if took > limit + SOON {
            return Err(format!("{name}: {hanging} hangs: it ended after {took:?}\n{}", ended.log));
        }
        let end = story.end(&ended);
        // What is asked for information only may stay unknown.
        if end.code == 0 && end.effects != *good_effects {
            return Err(format!("{name}: {hanging} hangs: {end:?}\n{}", ended.log));
        }
        Ok(())
    });
    print(&format!("{} requests that hang", cases.len()));
}
