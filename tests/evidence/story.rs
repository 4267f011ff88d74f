//! A verification that passes, behind a relay.

use super::*;
use crate::{faults::Story, relay::Relay};

pub fn story() -> Story {
    let stage = Stage::new();
    let relay = Relay::start(&stage.fake_github.api_url(), stage.folder.path());
    let dir = stage.folder.path().join("behind-relay");
    stage.template.checkout(&stage.infra, &format!("{}/infra.git", relay.url()), &["--depth=1"], &dir);
    let runner = dispatched(stage.runner(), &stage.payload())
        .env("GITHUB_API_URL", relay.url())
        .input("checkout", &dir.display().to_string())
        .input("annotations-timeout", "2m")
        .input("timeout", "2m");
    Story::new(relay, runner, "evidence", move || {
        // The whole stage, with its folder.
        let stage = &stage;
        stage.fake_github.violations()
    })
}
