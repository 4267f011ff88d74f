//! An audit of two promotions and their workflow runs, behind a relay.

use super::*;
use crate::{
    faults::Story,
    relay::{Reaction, Relay},
    shop::{API_TOKEN, Scene},
};

pub fn story() -> Story {
    let scene = Scene::new();
    for (run, tag) in [(5, "1.4.2"), (6, "1.4.3")] {
        scene.run(run, &[]);
        let trailer = format!("Workflow: https://github.com/acme/infra/actions/runs/{run}/attempts/1\n");
        entry(&scene.shop, 0, FILE, "normal", tag, &trailer);
    }
    scene.run(7, &[]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let relay = Relay::start(&scene.fake_github.api_url(), scene.shop.infra.path().parent().unwrap());
    git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner =
        scene.step(7, &dir).env("GITHUB_API_URL", relay.url()).input("api-token", "").input("token", API_TOKEN);
    Story::new(relay, runner, "audit", move || scene.written())
}

/// An audit of this many promotions in a partial clone, which has only the files of its tip. Git needs the step's token.
pub fn in_partial_clone(promotions: usize) -> Story {
    let scene = Scene::new();
    for number in 0..promotions {
        entry(&scene.shop, 0, FILE, "normal", &format!("2.{number}"), "");
    }
    let infra = scene.shop.infra.path();
    git(infra, &["config", "uploadpack.allowFilter", "true"]);
    let relay = Relay::start(&scene.fake_github.api_url(), infra.parent().unwrap());
    let (dir, url) = (scene.shop.path("partial"), format!("{}/infra.git", relay.url()));
    git(infra, &["clone", "-q", "--filter=blob:none", "--depth=1", &url, &dir.display().to_string()]);
    let runner = scene
        .step(7, &dir)
        .env("GITHUB_API_URL", relay.url())
        .env("GITHUB_SERVER_URL", relay.url())
        .input("api-token", "")
        .input("token", API_TOKEN);
    relay.react(|request| {
        if request.is_authorized {
            Reaction::Pass
        } else {
            Reaction::Refuse("401 Unauthorized\r\nWWW-Authenticate: Basic")
        }
    });
    Story::new(relay, runner, "audit", move || scene.written())
}
