//! Faulty servers for commit statuses: what was set is read back, and what was not set is never said to be.

use std::time::Duration;

use super::*;
use crate::{
    patience::{RACE_TIMEOUT, with_enough_time},
    relay::Reaction,
};

/// The request that sets a status; its path ends with the commit.
const SET: &str = "POST /repos/acme/infra/statuses/";

/// How a step ends whose first requests for a status fail: exit code, effects, and how many statuses there are.
fn end_of(times: usize, timeout: &str, reaction: fn() -> Reaction) -> (i32, Vec<String>, usize, String) {
    let story = story_of("status").input("timeout", timeout);
    story.relay.react(move |request| {
        if request.name().starts_with(SET) && request.number <= times { reaction() } else { Reaction::Pass }
    });
    let ended = story.run();
    let StoryEnd { code, effects, written, .. } = story.end(&ended);
    (code, effects, written.len(), ended.log)
}

#[test]
fn a_status_whose_answer_is_lost_is_read_back() {
    for (name, reaction) in [
        ("lost", (|| Reaction::Lose) as fn() -> Reaction),
        ("cut in the answer", || Reaction::CutHalfway),
        ("not arrived", || Reaction::Cut),
        ("busy", || Reaction::Refuse("502 Bad Gateway")),
    ] {
        let (code, effects, written, log) = end_of(1, RACE_TIMEOUT, reaction);
        assert_eq!((code, effects, written), (0, vec!["applied".to_owned()], 1), "{name}: {log}");
    }
}

#[test]
fn a_status_that_cannot_be_set_is_reported_so() {
    let busy = |timeout: &str| end_of(usize::MAX, timeout, || Reaction::Refuse("502 Bad Gateway"));
    let is_sent = |(_, effects, ..): &(i32, Vec<String>, usize, String)| effects == &["unknown"];
    let (code, _, written, log) = with_enough_time(Duration::from_secs(3), busy, is_sent);
    assert_eq!((code, written), (3, 0), "{log}");
    let (code, effects, written, log) = end_of(usize::MAX, RACE_TIMEOUT, || Reaction::Refuse("403 Forbidden"));
    assert_eq!((code, effects, written), (3, vec!["refused".to_owned()], 0), "{log}");
    assert!(log.contains("the token needs Commit statuses: write on acme/infra"), "{log}");
}
