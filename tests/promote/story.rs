//! A promotion with all its reports, behind a relay.

use super::*;
use crate::{faults::Story, relay::Relay};

pub fn story() -> Story {
    story_in(Shop::new(), &["--depth=1"])
}

/// In a checkout that `git clone` made with these options.
pub fn story_in(shop: Shop, clone_options: &[&str]) -> Story {
    let dir = shop.checkout("infra", clone_options);
    let relay = Relay::start("nowhere", shop.infra.path().parent().unwrap());
    git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let reports = ["evidence", "approval", "wait"].map(|command| report(command, Verdict::Passed));
    let runner =
        step(&dir, SERVICE, "1.4.2").input("require", "").input("results", &needs(&reports)).input("timeout", "2m");
    Story::new(relay, runner, "promote", move || shop.log("%s"))
}
