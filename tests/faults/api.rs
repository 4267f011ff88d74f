//! A promotion whose commit GitHub makes (`mode: api`): killed at every request, and with faulty servers. There is one commit.

use super::{
    kills::assert_finished_after_kills,
    writes::{Script, always, bad_gateway, late, once, play},
    *,
};
use crate::{promote::api, relay::Reaction, shop::Shop};

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
    assert_finished_after_kills(story, "a promotion by the API");
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
        fault: |story| late(story, MOVE, FETCH_REFS),
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
