//! Plans what is written into a repository, and what is left to do. Pure.

use super::{
    config_text::config_text,
    flags::{Approval, Flags},
    found::Found,
    hand::{HandStep, hand_steps, steps_by_pull_request},
    push_filter::{PushFilter, missing_filter},
    setup::{Layout, Setup, Unclear, set_up},
    template::TemplateError,
    workflows::{PlannedFile, plan_workflows},
};
use crate::{config::paths::DEFAULT_PATH, subject::Service};

#[derive(Debug)]
pub struct Plan {
    pub files: Vec<PlannedFile>,
    /// What was assumed without a sign of it in the repository.
    pub assumed: Vec<String>,
    pub steps: Vec<HandStep>,
}

#[derive(Debug)]
pub enum PlanError {
    Unclear(Vec<Unclear>),
    /// Several services, of which a pull request promotes none.
    SeveralServices(Vec<Service>),
    /// An App for the status, which no approval by an environment has.
    StatusWithoutPullRequests,
    Template(TemplateError),
}

/// # Errors
/// What is not clear; several services by pull request; an App for the status without pull requests; a shipped workflow that is not as expected.
pub fn plan(flags: &Flags, found: &Found) -> Result<Plan, PlanError> {
    if flags.status_app.is_some() && flags.approval != Approval::PullRequest {
        return Err(PlanError::StatusWithoutPullRequests);
    }
    let setup = set_up(flags, found).map_err(PlanError::Unclear)?;
    if flags.approval == Approval::PullRequest && setup.services.len() > 1 {
        return Err(PlanError::SeveralServices(setup.services.into_iter().map(|service| service.name).collect()));
    }
    let mut files = plan_workflows(&setup, flags).map_err(PlanError::Template)?;
    if !matches!(setup.layout, Layout::Services { .. }) {
        let text = config_text(&setup, flags);
        files.insert(0, PlannedFile { path: DEFAULT_PATH.to_owned(), text, needs: Vec::new() });
    }
    let steps = match flags.approval {
        Approval::Environment => hand_steps(&setup, &files, flags),
        Approval::PullRequest => steps_by_pull_request(&setup, &files, flags, lacking_filter(&setup, found)),
    };
    Ok(Plan { assumed: assumed(&setup, flags), files, steps })
}

/// The filter that the deploy workflow lacks: where the manifests are in another repository, promotions are no commits of this one.
fn lacking_filter(setup: &Setup, found: &Found) -> Option<PushFilter> {
    let deploy = found.workflows.iter().find(|file| file.path == setup.deploy_workflow.path)?;
    (setup.layout == Layout::Both).then(|| missing_filter(&deploy.text, &setup.manifests()))?
}

fn assumed(setup: &Setup, flags: &Flags) -> Vec<String> {
    let mut assumed = Vec::new();
    if flags.actions.is_none() {
        assumed.push(
            "the actions are at acme/promote-gates@v1; --actions names your copy of them, or a commit".to_owned(),
        );
    }
    if setup.layout != (Layout::Both) {
        assumed.push("the tokens are those of Apps (docs/apps.md)".to_owned());
    }
    if !matches!(setup.layout, Layout::Infra { .. }) {
        if let [_] = setup.services[..] {
            assumed.push(format!(
                "{} tags the image with the commit's full SHA (`TAG` in validate-staging.yml)",
                setup.deploy_workflow.path
            ));
        }
        if flags.staging_url.is_none() {
            assumed.push(
                "the rollout in the cluster says that staging is healthy; with --staging-url, an endpoint does as well"
                    .to_owned(),
            );
        }
        if flags.smoke.is_none() {
            assumed.push("there are no smoke tests; --smoke and --junit add them".to_owned());
        }
        assumed.push("no load test is run; performance/README.md shows how to add the gate".to_owned());
    }
    if !matches!(setup.layout, Layout::Services { .. }) {
        if flags.approval == Approval::PullRequest {
            if flags.status_app.is_none() {
                assumed.push(
                    "the job's token sets the status, so whoever can push can set it by a workflow of a branch; with --status-app, only \
                     an App can"
                        .to_owned(),
                );
            }
            assumed.push("one person has to approve (`minimum` below `approval` in the config file)".to_owned());
            if flags.path.is_empty() {
                assumed.push(
                    "every commit is part of the service; with --path, only those count that change it".to_owned(),
                );
            }
            assumed.push(
                "no workflow is for an emergency or a rollback: both push, which the rule of the default branch refuses \
                 (docs/any-plan.md says what a person does instead)"
                    .to_owned(),
            );
        }
        assumed.push(
            "the tag of the image in production names its commit; if not, set `allow-first: true` below `evidence` in the config file \
             for the first promotion"
                .to_owned(),
        );
    }
    assumed
}

#[cfg(test)]
mod tests;
