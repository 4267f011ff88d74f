//! Faulty servers for writes: lost and late answers, refusals, races. Each script says how the step ends, which effects its
//! report has, and what really is on the servers afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use super::*;
use crate::{
    promote::story::story_in,
    relay::{LateRequest, Reaction},
    shop::Shop,
};

/// A faulty server, and what becomes of a step.
pub(super) struct Script {
    pub name: &'static str,
    pub story: fn() -> Story,
    pub fault: fn(&Story),
    pub code: i32,
    /// The states of the effects in the report.
    pub effects: &'static [&'static str],
    /// How many commits, issues, dispatches or accepted requests are on the servers.
    pub written: usize,
    pub says: &'static [&'static str],
}

const PUSH: &str = "POST /infra.git/git-receive-pack";
const PUSH_REFS: &str = "GET /infra.git/info/refs?service=git-receive-pack";
const FETCH_REFS: &str = "GET /infra.git/info/refs?service=git-upload-pack";
const ISSUE: &str = "POST /repos/acme/infra/issues";
const DISPATCH: &str = "POST /repos/acme/ecommerce-infra/dispatches";
const RULES: &str = "PUT /repos/acme/ecommerce-infra/environments/production";
const PATTERN: &str = "POST /repos/acme/ecommerce-infra/environments/production/deployment-branch-policies";

/// The first request of this name fails.
pub(super) fn once(story: &Story, name: &'static str, reaction: fn() -> Reaction) {
    story.relay.react(
        move |request| {
            if request.name() == name && request.number == 1 { reaction() } else { Reaction::Pass }
        },
    );
}

/// Every request of this name fails.
pub(super) fn always(story: &Story, name: &'static str, reaction: fn() -> Reaction) {
    story.relay.react(move |request| if request.name() == name { reaction() } else { Reaction::Pass });
}

/// The first write arrives after it was read back once: the first fetch is before it, and the second one reads it back.
pub(super) fn late(story: &Story, write: &'static str, fetch: &'static str) {
    let late = Arc::<Mutex<Vec<LateRequest>>>::default();
    story.relay.react(move |request| {
        let held = Arc::clone(&late);
        let name = request.name();
        if name == write && request.number == 1 {
            return Reaction::Late(Box::new(move |late| hold(&held, late)));
        }
        if name == fetch && request.number > 2 {
            arrive(&held);
        }
        Reaction::Pass
    });
}

pub(super) fn bad_gateway() -> Reaction {
    Reaction::Refuse("502 Bad Gateway")
}

fn promote() -> Story {
    story_of("promote")
}

/// A promotion that ends soon when nothing answers.
fn hasty_promote() -> Story {
    promote().within(3)
}

/// A promotion to a repository whose hook declines every push with this text, as GitHub sends it.
fn declined(text: &str) -> Story {
    let shop = Shop::new();
    shop.hook("pre-receive", &format!("cat >&2 <<'END'\n{text}\nEND\nexit 1"));
    story_in(shop, &[])
}

/// Another writer pushes when the step is about to.
fn overtake(shop: Shop) -> Story {
    // The hook runs while the server handles the push; the branch moves before it takes the lock.
    let once = shop.path("overtaken");
    let tree = "git rev-parse main^{tree}";
    shop.hook(
        "pre-receive",
        &format!(
            "[ -e '{0}' ] && exit 0\n: > '{0}'\nunset GIT_QUARANTINE_PATH\nexport GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b \
             GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b\ngit update-ref refs/heads/main $(git commit-tree $({tree}) -p main -m other)",
            once.display()
        ),
    );
    story_in(shop, &[])
}

const SCRIPTS: &[Script] = &[
    Script {
        name: "the push arrives, and its answer is lost",
        story: promote,
        fault: |story| once(story, PUSH, || Reaction::Lose),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["the push got no answer"],
    },
    Script {
        name: "the push arrives, and its answer is cut",
        story: promote,
        fault: |story| once(story, PUSH, || Reaction::CutHalfway),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["the push got no answer"],
    },
    Script {
        name: "the push is lost before it arrives",
        story: promote,
        fault: |story| once(story, PUSH, || Reaction::Cut),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["the push got no answer"],
    },
    Script {
        name: "the push arrives after it was read back for the first time",
        story: promote,
        fault: |story| late(story, PUSH, FETCH_REFS),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["the push got no answer"],
    },
    Script {
        name: "a busy server before the push",
        story: promote,
        fault: |story| once(story, PUSH_REFS, bad_gateway),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["502"],
    },
    Script {
        name: "a busy server in place of the push",
        story: promote,
        fault: |story| once(story, PUSH, bad_gateway),
        code: 0,
        effects: &["applied"],
        written: 1,
        says: &["502"],
    },
    Script {
        name: "a server that stays busy for pushes",
        story: hasty_promote,
        fault: |story| always(story, PUSH, bad_gateway),
        code: 3,
        effects: &["unknown"],
        written: 0,
        says: &["502", "look at the branch before running it again"],
    },
    Script {
        name: "a server that never answers a push",
        story: hasty_promote,
        fault: |story| always(story, PUSH, || Reaction::Hang),
        code: 3,
        effects: &["unknown"],
        written: 0,
        says: &["no answer after", "look at the branch before running it again"],
    },
    Script {
        name: "a protected branch (GH006)",
        story: || {
            declined(
                "error: GH006: Protected branch update failed for refs/heads/main.\n\n- Changes must be made through a pull request.",
            )
        },
        fault: |_| (),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["error: GH006: Protected branch update failed", "Contents: write"],
    },
    Script {
        name: "a private email address (GH007)",
        story: || {
            declined(
                "error: GH007: Your push would publish a private email address.\nYou can make your email public or disable this \
                 protection by visiting:\nhttps://github.com/settings/emails",
            )
        },
        fault: |_| (),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["error: GH007: Your push would publish a private email address", "https://github.com/settings/emails"],
    },
    Script {
        name: "a rule of the repository (GH013)",
        story: || {
            declined(
                "error: GH013: Repository rule violations found for refs/heads/main.\nReview all repository rules at \
                 https://github.com/acme/infra/rules?ref=refs%2Fheads%2Fmain",
            )
        },
        fault: |_| (),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &[
            "error: GH013: Repository rule violations",
            "https://github.com/acme/infra/rules?ref=refs%2Fheads%2Fmain",
        ],
    },
    Script {
        name: "a locked repository",
        story: || declined("fatal: This repository is locked for a migration. See https://docs.github.com/migrations"),
        fault: |_| (),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["fatal: This repository is locked for a migration", "https://docs.github.com/migrations"],
    },
    Script {
        name: "a full quota",
        story: || {
            declined("error: Your account has exceeded its storage quota. See https://github.com/settings/billing")
        },
        fault: |_| (),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["has exceeded its storage quota", "https://github.com/settings/billing"],
    },
    Script {
        name: "a token that may not push",
        story: promote,
        fault: |story| always(story, PUSH_REFS, || Reaction::Refuse("403 Forbidden")),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["403", "give a `token` with Contents: write"],
    },
    Script {
        name: "a token that the server does not know",
        story: promote,
        fault: |story| {
            always(story, PUSH_REFS, || Reaction::Refuse("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""));
        },
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["could not read Username", "give a `token` with Contents: write"],
    },
    Script {
        name: "another writer pushes first",
        story: || overtake(Shop::new()),
        fault: |_| (),
        code: 0,
        effects: &["applied"],
        written: 2,
        says: &["another push was first, planning again"],
    },
    Script {
        name: "the issue is opened, and the answer is lost",
        story: || story_of("emergency"),
        fault: |story| once(story, ISSUE, || Reaction::Lose),
        code: 0,
        effects: &["applied", "applied"],
        written: 2,
        says: &[],
    },
    Script {
        name: "the issue is not opened, and the answer is lost",
        story: || story_of("emergency"),
        fault: |story| once(story, ISSUE, || Reaction::Cut),
        code: 0,
        effects: &["applied", "applied"],
        written: 2,
        says: &[],
    },
    Script {
        name: "a server that stays busy for issues",
        story: || story_of("emergency").within(6),
        fault: |story| always(story, ISSUE, bad_gateway),
        code: 3,
        effects: &["applied", "unknown"],
        written: 1,
        says: &["502", "the commit stands and is not made twice"],
    },
    Script {
        name: "a token that may not open issues",
        story: || story_of("emergency"),
        fault: |story| always(story, ISSUE, || Reaction::Refuse("403 Forbidden")),
        code: 3,
        effects: &["applied", "refused"],
        written: 1,
        says: &["403", "Issues: write on acme/infra", "the commit stands and is not made twice"],
    },
    Script {
        name: "the issue of a rollback is opened, and the answer is lost",
        story: || story_of("rollback"),
        fault: |story| once(story, ISSUE, || Reaction::Lose),
        code: 0,
        effects: &["applied", "applied"],
        written: 3,
        says: &[],
    },
    Script {
        name: "the dispatch is taken, and the answer is lost",
        story: || story_of("record"),
        fault: |story| once(story, DISPATCH, || Reaction::Lose),
        code: 3,
        effects: &["unknown"],
        written: 1,
        says: &["it may have arrived", "look at the runs of acme/ecommerce-infra"],
    },
    Script {
        name: "the dispatch is lost",
        story: || story_of("record"),
        fault: |story| once(story, DISPATCH, || Reaction::Cut),
        code: 3,
        effects: &["unknown"],
        written: 0,
        says: &["it may have arrived"],
    },
    Script {
        name: "a token that may not dispatch",
        story: || story_of("record"),
        fault: |story| once(story, DISPATCH, || Reaction::Refuse("403 Forbidden")),
        code: 3,
        effects: &["refused"],
        written: 0,
        says: &["403", "Contents: write on acme/ecommerce-infra"],
    },
    Script {
        name: "a server that never answers a dispatch",
        story: || story_of("record").within(3),
        fault: |story| always(story, DISPATCH, || Reaction::Hang),
        code: 3,
        effects: &["unknown"],
        written: 0,
        says: &["it may have arrived"],
    },
    Script {
        name: "the rules of an environment are taken, and the answer is lost",
        story: || story_of("environments apply"),
        fault: |story| once(story, RULES, || Reaction::Lose),
        code: 0,
        effects: &["applied", "applied", "applied"],
        written: 3,
        says: &[],
    },
    Script {
        name: "the rules of an environment are lost",
        story: || story_of("environments apply"),
        fault: |story| once(story, RULES, || Reaction::Cut),
        code: 0,
        effects: &["applied", "applied", "applied"],
        written: 3,
        says: &[],
    },
    Script {
        name: "a pattern is taken, and the answer is lost",
        story: || story_of("environments apply"),
        fault: |story| once(story, PATTERN, || Reaction::Lose),
        code: 0,
        effects: &["applied", "applied", "applied"],
        written: 3,
        says: &[],
    },
    Script {
        name: "a server that stays busy for rules",
        story: || story_of("environments apply").within(6),
        fault: |story| always(story, RULES, bad_gateway),
        code: 3,
        effects: &["applied", "unknown"],
        written: 1,
        says: &["502"],
    },
];

pub(super) fn hold(held: &Mutex<Vec<LateRequest>>, late: LateRequest) {
    held.lock().unwrap_or_else(PoisonError::into_inner).push(late);
}

/// Lets all held requests arrive, in order.
pub(super) fn arrive(held: &Mutex<Vec<LateRequest>>) {
    let late = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
    late.into_iter().for_each(LateRequest::arrive);
}

#[test]
fn every_faulty_server_is_reported_as_it_was() {
    play(SCRIPTS);
}

/// Runs all scripts, and fails with those that end otherwise. On a busy machine, a step whose time is limited may need more of it.
pub(super) fn play(scripts: &[Script]) {
    run_all(scripts, |script| {
        play_one(script, &(script.story)())
            .or_else(|failure| (script.story)().with_more_time().map_or(Err(failure), |story| play_one(script, &story)))
    });
}

fn play_one(script: &Script, story: &Story) -> Result<(), String> {
    (script.fault)(story);
    let ended = story.run();
    let end = story.end(&ended);
    let seen = (end.code, end.effects.iter().map(String::as_str).collect::<Vec<_>>(), end.written.len());
    if seen != (script.code, script.effects.to_vec(), script.written) {
        return Err(format!("{}: {seen:?}: {:?}\n{}", script.name, end.written, ended.log));
    }
    let Some(part) = script.says.iter().find(|part| !ended.log.contains(**part)) else { return Ok(()) };
    Err(format!("{}: {part:?} is not in\n{}", script.name, ended.log))
}

/// A refusal that cannot heal is not sent again.
#[test]
fn a_declined_push_is_sent_once() {
    let story = declined("error: GH013: Repository rule violations found for refs/heads/main.");
    story.run();
    let pushes = story.relay.requests().into_iter().filter(|request| request.name() == PUSH).count();
    assert_eq!(pushes, 1);
}

/// Every answer is lost, and the pushes arrive when the step has ended: it must not have said that nothing was written.
#[test]
fn a_push_that_arrives_after_the_end_was_unknown() {
    let (story, late) = (hasty_promote(), Arc::<Mutex<Vec<LateRequest>>>::default());
    let held = Arc::clone(&late);
    story.relay.react(move |request| match request.name().as_str() {
        PUSH => {
            let held = Arc::clone(&held);
            Reaction::Late(Box::new(move |late| hold(&held, late)))
        }
        _ => Reaction::Pass,
    });
    let ended = story.run();
    let end = story.end(&ended);
    assert_eq!((end.code, end.effects, end.written), (3, vec!["unknown".to_owned()], vec![]), "{}", ended.log);
    arrive(&late);
    assert_eq!(story.written(), ["promote(production): checkout-service → 1.4.2"], "only the first of them counts");
    story.relay.react(|_| Reaction::Pass);
    let again = story.run();
    assert_eq!((story.end(&again).effects, story.written().len()), (vec!["already".to_owned()], 1), "{}", again.log);
}
