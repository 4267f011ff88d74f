//! A wait that is over and finds nothing, behind a relay.

use super::*;
use crate::{faults::Story, relay::Relay, shop};

pub fn story() -> Story {
    let stage = stage();
    let folder = stage.infra.path().parent().unwrap();
    let relay = Relay::start(&stage.fake_github.api_url(), folder);
    shop::git(&stage.checkout(), &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner = step(&stage)
        .env("GITHUB_API_URL", relay.url())
        .input("results", &results(noon_plus(0)))
        .input("interval", "200ms")
        .input("timeout", "2m");
    Story::new(relay, runner, "wait", move || {
        // The whole stage, with its folder.
        let stage = &stage;
        stage.fake_github.violations()
    })
}
