//! An emergency that is committed and filed, behind a relay.

use super::*;
use crate::{faults::Story, relay::Relay};

pub fn story() -> Story {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &["--depth=1"]);
    let relay = Relay::start(&scene.fake_github.api_url(), scene.shop.infra.path().parent().unwrap());
    git(&dir, &["remote", "set-url", "origin", &format!("{}/infra.git", relay.url())]);
    let runner = step(&scene, 7, &dir).env("GITHUB_API_URL", relay.url()).input("timeout", "2m");
    Story::new(relay, runner, "emergency", move || scene.written())
}
