//! The Apps of the company, and the tokens that the workflows make of their keys. A token may do what its step asks for, and
//! nothing else: so the tests show that it is enough.

use std::fs;
use std::path::Path;

use super::Acme;
use super::git_server::GitAccess;
use crate::act::Act;

/// The start of every token.
const TOKEN: &str = "ghs_";
const ACTION: &str = "actions/create-github-app-token@";
/// The name of each App's step, and its key.
const APPS: [(&str, &str); 4] = [
    ("dispatcher", "dispatchesToTheInfraRepository"),
    ("reader", "readsTheTeamsRepositories"),
    ("writer", "writesToTheInfraRepository"),
    (JUDGE, JUDGE_KEY),
];
/// The token of the App that may push to the infra repository: a rule there stops all others.
pub const WRITER: &str = "ghs_writesToTheInfraRepository";

/// The App from which a rule of the main branch requires the status, its number, its account and its key.
const JUDGE: &str = "judge";
pub const JUDGE_NUMBER: u64 = 424_242;
pub const JUDGE_ACCOUNT: &str = "acme-judge[bot]";
pub const JUDGE_KEY: &str = "setsTheStatusOfPullRequests";
/// The secret with its key: one of environments, so a run has it only if an environment of its jobs gives it to the branch.
pub const JUDGE_SECRET: &str = "JUDGE_APP_PRIVATE_KEY";

/// Makes the token of a key. As GitHub's, it refuses a step without an App, and one that asks for no permission is refused here.
const CREATE: &str = r#"
name: create-github-app-token
description: makes a token
inputs:
  client-id: { description: the App, required: true }
  private-key: { description: its key, required: true }
  repositories: { description: those that the token is for; by default this one }
  permission-actions: { description: read }
  permission-checks: { description: read }
  permission-contents: { description: read or write }
  permission-pull-requests: { description: read }
  permission-statuses: { description: write }
outputs:
  token: { description: the token, value: "${{ steps.make.outputs.token }}" }
runs:
  using: composite
  steps:
    - id: make
      shell: bash
      env:
        APP: ${{ inputs.client-id }}
        KEY: ${{ inputs.private-key }}
        PERMISSIONS: ${{ inputs.permission-actions }}${{ inputs.permission-contents }}${{ inputs.permission-pull-requests }}
      run: |
        set -eu
        for value in "$APP" "$KEY" "$PERMISSIONS"; do [ -n "$value" ]; done
        echo "::add-mask::ghs_$KEY"
        echo "token=ghs_$KEY" >>"$GITHUB_OUTPUT"
"#;

/// A step that makes a token.
#[derive(Debug, PartialEq, Eq)]
struct TokenStep {
    app: String,
    /// Without an owner; none for the workflow's own.
    repositories: Vec<String>,
    /// Such as `pull_requests=read`.
    permissions: Vec<String>,
}

/// The steps of a workflow that make tokens.
fn token_steps(workflow: &str) -> Vec<TokenStep> {
    let mut steps = Vec::new();
    let mut app = String::new();
    let mut inside = false;
    for line in workflow.lines().map(|line| line.split(" #").next().unwrap_or_default().trim()) {
        if let Some(id) = line.strip_prefix("- id: ") {
            (app, inside) = (id.to_owned(), false);
        } else if line.starts_with("- ") {
            inside = false;
        } else if line.strip_prefix("uses: ").is_some_and(|uses| uses.starts_with(ACTION)) {
            inside = true;
            steps.push(TokenStep { app: app.clone(), repositories: Vec::new(), permissions: Vec::new() });
        } else if let (true, Some(step)) = (inside, steps.last_mut()) {
            match line.split_once(": ") {
                Some(("repositories", names)) => step.repositories = names.split(',').map(ToOwned::to_owned).collect(),
                Some((key, level)) => {
                    let permission = key.strip_prefix("permission-").map(|name| name.replace('-', "_"));
                    step.permissions.extend(permission.map(|name| format!("{name}={level}")));
                }
                None => {}
            }
        }
    }
    steps
}

impl Acme {
    /// Lets a run make the tokens that its workflow asks for: gives it the Apps' ids and keys, and their tokens the permissions.
    /// `branch`: the run's own.
    pub(super) fn with_apps<'a>(
        &self,
        act: Act<'a>,
        repository: &str,
        branch: &str,
        workflow: &str,
        folder: &Path,
    ) -> Act<'a> {
        let given = self.secrets_of_environments(repository, branch, workflow);
        let has_key = given.iter().any(|name| name == JUDGE_SECRET);
        let act = if has_key { act.secret(JUDGE_SECRET, JUDGE_KEY) } else { act };
        let Some(used) = workflow.split_whitespace().find(|word| word.starts_with(ACTION)) else { return act };
        fs::create_dir_all(folder).expect("make a folder");
        fs::write(folder.join("action.yml"), CREATE).expect("write an action");
        for step in token_steps(workflow) {
            // A second token of a job has the name of its App, and more: `reader-after-wait`.
            let name = step.app.split('-').next().unwrap_or_default();
            let (_, key) = APPS.iter().find(|(app, _)| *app == name).unwrap_or_else(|| panic!("{step:?}"));
            let own = repository.split_once('/').map_or(repository, |(_, name)| name);
            let names = if step.repositories.is_empty() { vec![own.to_owned()] } else { step.repositories };
            let permissions: Vec<&str> = step.permissions.iter().map(String::as_str).collect();
            for name in names {
                let (token, repository) = (format!("{TOKEN}{key}"), format!("acme/{name}"));
                self.fake_github.grant(&token, &repository, &permissions);
                if step.app == JUDGE {
                    self.git.allow(&token, &repository, GitAccess::Read);
                    self.fake_github.set_app(&token, "acme-judge", JUDGE_NUMBER);
                }
            }
        }
        APPS.iter().fold(act.action(used, folder), |act, (app, key)| {
            let app = app.to_uppercase();
            let act = act.variable(&format!("{app}_APP_CLIENT_ID"), &format!("Iv23li{app}"));
            let secret = format!("{app}_APP_PRIVATE_KEY");
            if secret == JUDGE_SECRET { act } else { act.secret(&secret, key) }
        })
    }
}

impl Acme {
    /// The names of the secrets that the environments of a workflow's jobs give to a branch.
    fn secrets_of_environments(&self, repository: &str, branch: &str, workflow: &str) -> Vec<String> {
        let environments = workflow.lines().filter_map(|line| line.trim().strip_prefix("environment: "));
        environments.flat_map(|name| self.fake_github.environment_secrets(repository, name, branch)).collect()
    }
}

#[test]
fn the_steps_that_make_tokens_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/promote-to-production.yml");
    let steps = token_steps(&fs::read_to_string(path).expect("the workflow"));
    let apps: Vec<&str> = steps.iter().map(|step| step.app.as_str()).collect();
    assert_eq!(apps, ["reader", "reader", "writer"]);
    assert_eq!(steps[0].permissions, ["actions=read", "contents=read", "pull_requests=read"]);
    assert_eq!((steps[0].repositories.len(), steps[2].repositories.len()), (1, 0));
    assert_eq!(steps[2].permissions, ["contents=write"]);
}
