//! Environments that differ from the file, behind a relay.

use std::path::Path;

use super::*;
use crate::{faults::Story, relay::Relay};

const FILE: &str = "\
environments:
  staging:
    deployment_branch_policy:
      protected_branches: true
  production:
    deployment_branch_policy:
      branches: [main]
    required_reviewers:
      - team: platform-leads
      - user: Alice
    wait_timer: 10
";

pub fn story(mode: &str) -> Story {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": policy(false) }));
    let relay = Relay::start(&fake_github.api_url(), Path::new("/"));
    let runner =
        runner(&fake_github, FILE).env("GITHUB_API_URL", relay.url()).input("mode", mode).input("timeout", "2m");
    Story::new(relay, runner, "environments", move || [writes(&fake_github), fake_github.violations()].concat())
}
