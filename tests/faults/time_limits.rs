//! `timeout` bounds the whole command: a server that does not answer any more costs no more than that.

use std::{collections::BTreeSet, time::Duration};

use promote_gates::clock::Stopwatch;

use super::*;
use crate::relay::Reaction;

const TIMEOUT: &str = "2s";
/// The time for a step on a busy machine. A time limit of a single request would take at least as long.
const SOON: Duration = Duration::from_secs(17);

/// Each request of each story hangs, from its first or only time on.
#[test]
fn a_server_that_hangs_ends_every_command_soon_after_its_time_limit() {
    let mut cases = Vec::new();
    for (name, new) in STORIES {
        let (good, requests) = good_run(&new());
        let names: BTreeSet<String> = requests.iter().map(RelayedRequest::name).collect();
        cases.extend(names.into_iter().map(|request| (*name, *new, good.effects.clone(), request)));
    }
    run_all(&cases, |(name, new, good_effects, hanging)| {
        let story = new().input("timeout", TIMEOUT).input("annotations-timeout", "500ms");
        let hangs = hanging.clone();
        story.relay.react(move |request| if request.name() == hangs { Reaction::Hang } else { Reaction::Pass });
        let watch = Stopwatch::start();
        let ended = story.run();
        let took = watch.elapsed();
        if took > SOON {
            return Err(format!("{name}: {hanging} hangs: it ended after {took:?}\n{}", ended.log));
        }
        let end = story.end(&ended);
        // What is asked for information only may stay unknown.
        if end.code == 0 && end.effects != *good_effects {
            return Err(format!("{name}: {hanging} hangs: {end:?}\n{}", ended.log));
        }
        Ok(())
    });
}
