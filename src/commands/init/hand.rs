//! What is left for a person to do, with commands. Pure.

use std::collections::BTreeSet;

use super::{
    flags::{Approval, Flags},
    push_filter::PushFilter,
    setup::{Layout, Setup},
    workflows::{Needed, PlannedFile, scalar},
};
use crate::ruleset::{APPROVAL_STATUS, default_branch_ruleset};

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
    steps.extend(secrets_step(setup, files));
    steps.extend(other_repository_step(setup, flags));
    steps.push(commit_step(files, None));
    steps
}

/// With a rule of the default branch: it comes last, because it refuses the push of the workflows.
pub fn steps_by_pull_request(
    setup: &Setup,
    files: &[PlannedFile],
    flags: &Flags,
    filter: Option<PushFilter>,
) -> Vec<HandStep> {
    let repository = &setup.repository;
    let has_promotions = !matches!(setup.layout, Layout::Services { .. });
    let mut steps = Vec::new();
    if has_promotions {
        steps.push(HandStep::new(
            "Allow Actions to open pull requests; if GitHub answers 409, the organisation forbids it, and has the same setting:",
            vec![format!(
                "gh api -X PUT repos/{repository}/actions/permissions/workflow -F can_approve_pull_request_reviews=true"
            )],
        ));
    }
    steps.extend(secrets_step(setup, files));
    if let Some(filter) = filter {
        steps.push(filter_step(setup, filter));
    }
    steps.extend(other_repository_step(setup, flags));
    steps.push(commit_step(files, filter.map(|_| setup.deploy_workflow.path.as_str())));
    if has_promotions {
        let ruleset = default_branch_ruleset(&[APPROVAL_STATUS], flags.status_app);
        let source = flags.status_app.map(|app| format!(" from the App {app}")).unwrap_or_default();
        steps.push(HandStep::new(
            format!(
                "Then add a rule for the default branch, which requires pull requests and the status {APPROVAL_STATUS}{source} (a private \
                 repository of the Free plan has no rules). From then on, every pull request waits for this status, which \
                 promotion-status.yml sets: on one that changes no image of a service, a minute or two after each push:"
            ),
            vec![format!("gh api -X POST repos/{repository}/rulesets --input - <<<'{ruleset}'")],
        ));
    }
    steps
}

fn secrets_step(setup: &Setup, files: &[PlannedFile]) -> Option<HandStep> {
    let all: BTreeSet<&Needed> = files.iter().flat_map(|file| &file.needs).collect();
    // What the whole repository has, a job with an environment has, too.
    let is_covered =
        |needed: &Needed| needed.environment.is_some() && all.contains(&Needed { environment: None, ..needed.clone() });
    let needed: BTreeSet<&Needed> = all.iter().copied().filter(|needed| !is_covered(needed)).collect();
    if needed.is_empty() {
        return None;
    }
    let command = |needed: &&Needed| {
        let kind = if needed.is_secret { "secret" } else { "variable" };
        let environment = needed.environment.as_ref().map(|name| format!(" --env {name}")).unwrap_or_default();
        format!("gh {kind} set {} --repo {}{environment}{}", needed.name, setup.repository, value_of(needed))
    };
    let created: BTreeSet<&str> = needed.iter().filter_map(|needed| needed.environment.as_deref()).collect();
    let create = created.into_iter().filter(|name| !["production", "production-emergency"].contains(name));
    let mut commands: Vec<String> = create
        .flat_map(|name| only_default_branch(setup, &format!("repos/{}/environments/{name}", setup.repository)))
        .collect();
    commands.extend(needed.iter().map(command));
    let what = if needed.iter().all(|needed| needed.name.ends_with("KUBECONFIG")) {
        "Give the gates read access to the clusters (health/README.md has the account and the commands for its kubeconfig):"
    } else {
        "Set the secrets: read access to the clusters (health/README.md has the account and the commands for its kubeconfig), and the \
         ids and keys of the Apps (docs/apps.md shows how to create them, and the rule for the main branch that comes last):"
    };
    Some(HandStep::new(what, commands))
}

/// Where `gh` takes the value from: a file for each secret, such as `staging-kubeconfig.yaml`.
fn value_of(needed: &Needed) -> String {
    let file = |end: &str, kind: &str| {
        let of = needed.name.strip_suffix(end)?.to_lowercase().replace('_', "-");
        Some(format!(" <{of}{kind}"))
    };
    if !needed.is_secret {
        return " --body CLIENT_ID".to_owned();
    }
    file("_KUBECONFIG", "-kubeconfig.yaml").or_else(|| file("_APP_PRIVATE_KEY", ".private-key.pem")).unwrap_or_default()
}

/// An environment that only the default branch may use: without reviewers, its secrets are anyone's who can push.
fn only_default_branch(setup: &Setup, environment: &str) -> Vec<String> {
    let policy = r#"{"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}"#;
    let branch = format!("$(gh api repos/{} --jq .default_branch)", setup.repository);
    vec![
        format!("gh api -X PUT {environment} --input - <<<'{policy}'"),
        format!("gh api -X POST {environment}/deployment-branch-policies -f name=\"{branch}\""),
    ]
}

fn filter_step(setup: &Setup, filter: PushFilter) -> HandStep {
    let list = |before: &str| {
        let all = setup.manifests().into_iter().map(|path| scalar(&format!("{before}{path}")));
        all.collect::<Vec<_>>().join(", ")
    };
    let (place, lines) = match filter {
        PushFilter::PathsIgnore => ("below `push`", format!("paths-ignore: [{}]", list(""))),
        PushFilter::Paths => ("at the end of `paths` below `push`", list("!")),
    };
    let what = format!(
        "Promotions are commits of this repository, too. Add this to {}, {place}, so that they do not deploy:",
        setup.deploy_workflow.path
    );
    HandStep::new(what, vec![lines])
}

fn other_repository_step(setup: &Setup, flags: &Flags) -> Option<HandStep> {
    let approval = match flags.approval {
        Approval::Environment => "",
        Approval::PullRequest => " --approval pull-request",
    };
    let status_app = flags.status_app.map(|app| format!(" --status-app {app}")).unwrap_or_default();
    match &setup.layout {
        Layout::Services { infra } => Some(HandStep::new(
            format!("Do the same in a checkout of {infra}:"),
            vec![format!(
                "promote-gates init --source {} --deploy-workflow {}{approval}{status_app}",
                setup.repository, setup.deploy_workflow.path
            )],
        )),
        Layout::Infra { source } => {
            let images: Vec<String> =
                setup.services.iter().map(|service| format!(" --image {}", service.image)).collect();
            Some(HandStep::new(
                format!("Do the same in a checkout of {source}, if it has no gates yet:"),
                vec![format!("promote-gates init --infra {}{}{approval}", setup.repository, images.concat())],
            ))
        }
        Layout::Both => None,
    }
}

/// `edited`: a file that the person has changed before.
fn commit_step(files: &[PlannedFile], edited: Option<&str>) -> HandStep {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).chain(edited).collect();
    HandStep::new(
        "Commit, and push to the default branch: GitHub starts the workflows of that branch only.",
        vec![format!("git add {}", paths.join(" ")), "git commit -m 'Gates before production' && git push".to_owned()],
    )
}
