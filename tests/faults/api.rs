//! A promotion whose commit GitHub makes (`mode: api`): killed at every request, and with faulty servers. There is one commit.

use std::sync::{Arc, Mutex};

use rustix::process::Signal;

use super::{
    kills::{finishes, points, start_to},
    writes::{Script, always, arrive, bad_gateway, hold, once, play},
    *,
};
use crate::{
    promote::api,
    relay::{LateRequest, Reaction},
    shop::Shop,
};

const FETCH_REFS: &str = "GET /acme/infra.git/info/refs?service=git-upload-pack";
const TREES: &str = "POST /repos/acme/infra/git/trees";
const COMMITS: &str = "POST /repos/acme/infra/git/commits";
const MOVE: &str = "PATCH /repos/acme/infra/git/refs/heads/main";

fn story(shallow: bool) -> Story {
    api::story(Shop::new(), if shallow { &["--depth=1"] } else { &[] })
}

fn shallow() -> Story {
    story(true)
}

/// A promotion that ends soon when nothing answers.
fn hasty() -> Story {
    shallow().input("timeout", "8s")
}

#[test]
fn a_promotion_by_the_api_that_is_killed_is_finished_by_the_next_run() {
    let points = points(story);
    run_all(&points, |point| {
        let story = story(point.shallow);
        let (step, go_on) = start_to(&story, *point)?;
        step.signal(Signal::KILL);
        drop(step);
        drop(go_on);
        finishes(&story, *point)
    });
    print(&format!("kill -9 at {} points of a promotion by the API: one commit each", points.len()));
}

const SCRIPTS: &[Script] = &[
    Script {
        name: "the branch moves, and the answer is lost",
        story: shallow,
        fault: |story| once(story, MOVE, || Reaction::Lose),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["GitHub's answer is lost"],
    },
    Script {
        name: "the branch moves, and the answer is cut",
        story: shallow,
        fault: |story| once(story, MOVE, || Reaction::CutHalfway),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["GitHub's answer is lost"],
    },
    Script {
        name: "the move is lost before it arrives",
        story: shallow,
        fault: |story| once(story, MOVE, || Reaction::Cut),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["GitHub's answer is lost"],
    },
    Script {
        name: "the move arrives after it was read back for the first time",
        story: shallow,
        fault: |story| {
            let late = Arc::<Mutex<Vec<LateRequest>>>::default();
            story.relay.react(move |request| {
                let held = Arc::clone(&late);
                match request.name().as_str() {
                    MOVE if request.number == 1 => Reaction::Late(Box::new(move |late| hold(&held, late))),
                    // The first fetch is before the move, the second one reads it back.
                    FETCH_REFS if request.number > 2 => {
                        arrive(&held);
                        Reaction::Pass
                    }
                    _ => Reaction::Pass,
                }
            });
        },
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["GitHub's answer is lost"],
    },
    Script {
        name: "a busy server in place of the move",
        story: shallow,
        fault: |story| once(story, MOVE, bad_gateway),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["502"],
    },
    Script {
        name: "a busy server in place of the tree",
        story: shallow,
        fault: |story| once(story, TREES, bad_gateway),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &[],
    },
    Script {
        name: "the commit is made, and the answer is lost",
        story: shallow,
        fault: |story| once(story, COMMITS, || Reaction::Lose),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &[],
    },
    Script {
        name: "a server that makes no commit",
        story: hasty,
        fault: |story| always(story, COMMITS, bad_gateway),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &[],
    },
    Script {
        name: "a server that stays busy for the move",
        story: hasty,
        fault: |story| always(story, MOVE, bad_gateway),
        code: 3,
        effects: &["unknown"],
        written: 0,
        says: &["502", "look at the branch before running it again"],
    },
    Script {
        name: "a lost move, and a server that makes no commit from then on",
        story: hasty,
        fault: |story| {
            story.relay.react(|request| match request.name().as_str() {
                MOVE => Reaction::Cut,
                COMMITS if request.number > 1 => bad_gateway(),
                _ => Reaction::Pass,
            });
        },
        code: 3,
        effects: &["unknown"],
        written: 0,
        says: &["look at the branch before running it again"],
    },
    Script {
        name: "a token that may not write",
        story: shallow,
        fault: |story| always(story, TREES, || Reaction::Refuse("403 Forbidden")),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["403", "the token needs Contents: write on acme/infra"],
    },
    Script {
        name: "a rule of the branch",
        story: shallow,
        fault: |story| always(story, MOVE, || Reaction::Refuse("422 Unprocessable Entity")),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["422", "let the rules of main accept the App of the `token`"],
    },
];

#[test]
fn every_faulty_server_is_reported_as_it_was() {
    play(SCRIPTS);
}
