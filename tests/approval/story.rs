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
