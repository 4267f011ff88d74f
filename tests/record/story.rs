//! A dispatch after a deploy run, behind a relay.

use std::path::Path;

use super::{deploy_run, *};
use crate::{faults::Story, relay::Relay};

pub fn story() -> Story {
    let fake_github = deploy_run::deployed();
    let relay = Relay::start(&fake_github.api_url(), Path::new("/"));
    let runner = deploy_run::step(&fake_github)
        .env("GITHUB_API_URL", relay.url())
        .input("results", &needs(&outputs(&deploy_run::reports())))
        .input("timeout", "2m");
    Story::new(relay, runner, "record", move || {
        let sent = fake_github.dispatches(INFRA).into_iter().map(|dispatch| dispatch.event_type);
        sent.chain(fake_github.violations()).collect()
    })
}
