//! A promotion that is killed or cancelled at any point of its exchange with the server: the next run finishes it, and there is
//! one commit.

use std::sync::{
    Arc, Mutex, PoisonError,
    mpsc::{self, Receiver},
};

use rustix::process::Signal;

use super::*;
use crate::{
    house::{LIMIT, Started},
    promote::story::story_in,
    relay::Reaction,
    shop::Shop,
};

/// How often each signal is sent at least.
pub(super) const TIMES: usize = 30;

/// When the signal comes: at one request of the step, before or after the server acts on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct KillPoint {
    pub shallow: bool,
    request: usize,
    before: bool,
}

fn story(shallow: bool) -> Story {
    story_in(Shop::new(), if shallow { &["--depth=1"] } else { &[] })
}

/// Every point of a shallow and of a complete checkout, repeated until there are enough.
pub(super) fn points(story: fn(bool) -> Story) -> Vec<KillPoint> {
    let mut points = Vec::new();
    for shallow in [true, false] {
        let (_, requests) = good_run(&story(shallow));
        for request in 0..requests.len() {
            points.extend([true, false].map(|before| KillPoint { shallow, request, before }));
        }
    }
    let count = points.len().max(TIMES);
    points.into_iter().cycle().take(count).collect()
}

/// Lets the step stop at a point. Returns a receiver that hears when it is there; dropping the sender lets it go on.
fn stop_at(story: &Story, point: KillPoint) -> (Receiver<()>, mpsc::Sender<()>) {
    let (arrived, here) = mpsc::channel();
    let (go_on, released) = mpsc::channel::<()>();
    let (count, released) = (AtomicUsize::new(0), Arc::new(Mutex::new(released)));
    story.relay.react(move |_| {
        if count.fetch_add(1, Ordering::AcqRel) != point.request {
            return Reaction::Pass;
        }
        let (arrived, released) = (arrived.clone(), Arc::clone(&released));
        let wait = move || {
            let _ = arrived.send(());
            let _ = released.lock().unwrap_or_else(PoisonError::into_inner).recv();
        };
        if point.before {
            wait();
            return Reaction::Pass;
        }
        Reaction::PassAfter(Box::new(wait))
    });
    (here, go_on)
}

/// Starts the step, and waits until it has stopped at a point. Dropping the sender lets it go on.
pub(super) fn start_to(story: &Story, point: KillPoint) -> Result<(Started<'_>, mpsc::Sender<()>), String> {
    let (here, go_on) = stop_at(story, point);
    let step = story.runner.start(&[story.command]);
    here.recv_timeout(LIMIT).map_err(|error| format!("{point:?}: {error}"))?;
    Ok((step, go_on))
}

/// The next run: it succeeds, and there is one commit.
pub(super) fn finishes(story: &Story, point: KillPoint) -> Result<(), String> {
    story.relay.react(|_| Reaction::Pass);
    let ended = story.run();
    let end = story.end(&ended);
    match (end.code, end.written.len(), end.effects.join(" ").as_str()) {
        (0, 1, "applied" | "already") => Ok(()),
        _ => Err(format!("{point:?}: {end:?}\n{}", ended.log)),
    }
}

#[test]
fn a_killed_promotion_is_finished_by_the_next_run() {
    assert_finished_after_kills(story, "a promotion");
}

/// Kills a promotion at each point; the next run must finish it with one commit.
pub fn assert_finished_after_kills(story: fn(bool) -> Story, what: &str) {
    let points = points(story);
    run_all(&points, |point| {
        let story = story(point.shallow);
        let (step, go_on) = start_to(&story, *point)?;
        step.signal(Signal::KILL);
        // It ends. Git has its own process group, may still be there, and its push may still arrive.
        drop(step);
        drop(go_on);
        finishes(&story, *point)
    });
    print(&format!("kill -9 at {} points of {what}: one commit each", points.len()));
}

#[test]
fn a_cancelled_promotion_says_what_it_did_and_is_finished_by_the_next_run() {
    let points = points(story);
    run_all(&points, |point| {
        let story = story(point.shallow);
        let (step, go_on) = start_to(&story, *point)?;
        step.signal(Signal::TERM);
        drop(go_on);
        let ended = step.end_within(LIMIT);
        let end = story.end(&ended);
        let is_true = match (end.code, end.effects.join(" ").as_str()) {
            (0, "applied") => end.written.len() == 1,
            (3, "refused" | "") => end.written.is_empty(),
            (3, "unknown") => true,
            _ => false,
        };
        if !is_true {
            return Err(format!("{point:?}: {end:?}\n{}", ended.log));
        }
        finishes(&story, *point)
    });
    print(&format!("SIGTERM at {} points of a promotion: one commit each", points.len()));
}

/// A pull request that replaces an older one, and the merge of an approved one: at every request, before or after the server acts on it.
#[test]
fn a_killed_pull_request_and_a_killed_merge_are_finished_by_the_next_run() {
    let stories: [NewStory; 2] =
        [("pull request", crate::promote::proposals::story), ("merge", crate::promote::merged::story)];
    let mut points = Vec::new();
    for (name, new) in stories {
        let (good, requests) = good_run(&new());
        let at = (0..requests.len())
            .flat_map(|request| [true, false].map(|before| KillPoint { shallow: true, request, before }));
        let at: Vec<KillPoint> = at.collect();
        print(&format!("kill -9 at {} points of a {name}", at.len()));
        points.extend(at.into_iter().map(|point| (new, point, good.written.clone())));
    }
    assert!(points.len() >= TIMES, "{}", points.len());
    run_all(&points, |(new, point, written)| {
        let story = new();
        let (step, go_on) = start_to(&story, *point)?;
        step.signal(Signal::KILL);
        drop(step);
        drop(go_on);
        story.relay.react(|_| Reaction::Pass);
        let ended = story.run();
        let end = story.end(&ended);
        if (end.code, &end.written) == (0, written) {
            return Ok(());
        }
        Err(format!("{point:?}: {end:?}\n{}", ended.log))
    });
}
