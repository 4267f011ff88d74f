//! An approval that counts, beside one of an earlier run, behind a relay.

use super::*;
use crate::{faults::Story, relay::Relay};

pub fn story() -> Story {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    stage.approved(8, "alice", -5);
    let relay = Relay::start(&stage.fake_github.api_url(), stage.folder.path());
    shop::git(&stage.checkout(), &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner = stage.step().env("GITHUB_API_URL", relay.url()).input("timeout", "2m");
    Story::new(relay, runner, "approval", move || {
        // The whole stage, with its folder.
        let stage = &stage;
        stage.fake_github.violations()
    })
}

/// The approval of a pull request, whose evidence is that of the run which made its commit, behind a relay.
pub fn pull_request_story() -> Story {
    let stage = Stage::with_pull_requests();
    stage.announce("1.4.2", "passed");
    stage.propose(12);
    stage.approve_pull_request(12, "alice", 30);
    let (relay, runner) = behind_relay(&stage, stage.judge_pull_request(12));
    Story::new(relay, runner, "approval", move || {
        // The whole stage, with its folder.
        let stage = &stage;
        stage.fake_github.violations()
    })
}

/// The status of a pull request that is approved and has none yet, behind a relay.
pub fn status_story() -> Story {
    let stage = Stage::with_pull_requests();
    stage.fake_github.grant(TOKEN, INFRA, &["statuses=write"]);
    stage.announce("1.4.2", "passed");
    stage.propose(12);
    stage.approve_pull_request(12, "alice", 30);
    let (relay, runner) = behind_relay(&stage, stage.pull_request_step());
    Story::new(relay, runner, "status", move || {
        let stage = &stage;
        let statuses = stage.fake_github.statuses(INFRA).into_iter();
        let set = statuses.map(|status| format!("{} {}", status.state, status.description.unwrap_or_default()));
        set.chain(stage.fake_github.violations()).collect()
    })
}

/// A step whose GitHub and whose remote are behind a relay.
fn behind_relay(stage: &Stage, step: Runner) -> (Relay, Runner) {
    let relay = Relay::start(&stage.fake_github.api_url(), stage.folder.path());
    shop::git(&stage.checkout(), &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner = step.env("GITHUB_API_URL", relay.url()).input("timeout", "2m");
    (relay, runner)
}
