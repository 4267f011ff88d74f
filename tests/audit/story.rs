//! An audit of two promotions and their workflow runs, behind a relay.

use super::*;
use crate::{
    faults::Story,
    relay::Relay,
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
