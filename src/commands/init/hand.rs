//! What is left for a person to do, with commands. Pure.

use std::collections::BTreeSet;

use super::{
    flags::Flags,
    setup::{Layout, Setup},
    workflows::{Needed, PlannedFile},
};

/// One step, and the commands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandStep {
    pub what: String,
    pub commands: Vec<String>,
}

impl HandStep {
    fn new(what: impl Into<String>, commands: Vec<String>) -> Self {
        Self { what: what.into(), commands }
    }
}

pub fn hand_steps(setup: &Setup, files: &[PlannedFile], flags: &Flags) -> Vec<HandStep> {
    let mut steps = Vec::new();
    if !matches!(setup.layout, Layout::Infra { .. }) && setup.services.len() > 1 {
        steps.push(HandStep::new(
            format!(
                "Let {} upload an artifact `subject-SERVICE` for each service that it deploys, with a file subject.json \
                 (docs/monorepos.md has the steps):",
                setup.deploy_workflow.path
            ),
            vec!["jq -n '{ service: env.SERVICE, image: env.IMAGE, tag: env.GITHUB_SHA }' >subject.json".to_owned()],
        ));
    }
    let protected: Vec<&str> = ["production", "production-emergency"]
        .into_iter()
        .filter(|name| files.iter().any(|file| file.text.contains(&format!("environment: {name}\n"))))
        .collect();
    if !protected.is_empty() {
        let reviewer = flags.reviewer.as_ref().map_or_else(|| "LOGIN".to_owned(), ToString::to_string);
        let mut commands = vec![format!("ID=$(gh api users/{reviewer} --jq .id)")];
        commands.extend(protected.into_iter().map(|name| {
            let rules = "{\"reviewers\":[{\"type\":\"User\",\"id\":'\"$ID\"'}],\"prevent_self_review\":true}";
            format!("gh api -X PUT repos/{}/environments/{name} --input - <<<'{rules}'", setup.repository)
        }));
        steps.push(HandStep::new("Choose who approves: create the environments, with reviewers:", commands));
    }
    let needed: BTreeSet<&Needed> = files.iter().flat_map(|file| &file.needs).collect();
    if !needed.is_empty() {
        let command = |needed: &&Needed| {
            let kind = if needed.is_secret { "secret" } else { "variable" };
            let environment = needed.environment.as_ref().map(|name| format!(" --env {name}")).unwrap_or_default();
            let value = match needed.name.rsplit('_').next() {
                Some("KUBECONFIG") => " <kubeconfig.yaml",
                Some("KEY") => " <private-key.pem",
                _ => "",
            };
            format!("gh {kind} set {} --repo {}{environment}{value}", needed.name, setup.repository)
        };
        let created: BTreeSet<&str> = needed.iter().filter_map(|needed| needed.environment.as_deref()).collect();
        let create = created.into_iter().filter(|name| !["production", "production-emergency"].contains(name));
        let mut commands: Vec<String> =
            create.map(|name| format!("gh api -X PUT repos/{}/environments/{name}", setup.repository)).collect();
        commands.extend(needed.iter().map(command));
        let what = if needed.iter().all(|needed| needed.name.ends_with("KUBECONFIG")) {
            "Give the gates read access to the clusters (health/README.md has the Role):"
        } else {
            "Set the secrets: read access to the clusters (health/README.md has the Role), and the tokens (README.md, Permissions):"
        };
        steps.push(HandStep::new(what, commands));
    }
    match &setup.layout {
        Layout::Services { infra } => steps.push(HandStep::new(
            format!("Do the same in a checkout of {infra}:"),
            vec![format!(
                "promote-gates init --source {} --deploy-workflow {}",
                setup.repository, setup.deploy_workflow.path
            )],
        )),
        Layout::Infra { source } => {
            let images: Vec<String> =
                setup.services.iter().map(|service| format!(" --image {}", service.image)).collect();
            steps.push(HandStep::new(
                format!("Do the same in a checkout of {source}, if it has no gates yet:"),
                vec![format!("promote-gates init --infra {}{}", setup.repository, images.concat())],
            ));
        }
        Layout::Both => {}
    }
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    steps.push(HandStep::new(
        "Commit, and push to the default branch: GitHub starts the workflows of that branch only.",
        vec![format!("git add {}", paths.join(" ")), "git commit -m 'Gates before production' && git push".to_owned()],
    ));
    steps
}
