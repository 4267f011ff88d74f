//! Plans what is written into a repository, and what is left to do. Pure.

use super::{
    config_text::config_text,
    flags::Flags,
    found::Found,
    hand::{HandStep, hand_steps},
    setup::{Layout, Setup, Unclear, set_up},
    template::TemplateError,
    workflows::{PlannedFile, plan_workflows},
};
use crate::config::paths::DEFAULT_PATH;

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
    Template(TemplateError),
}

/// # Errors
/// What is not clear; a shipped workflow that is not as expected.
pub fn plan(flags: &Flags, found: &Found) -> Result<Plan, PlanError> {
    let setup = set_up(flags, found).map_err(PlanError::Unclear)?;
    let mut files = plan_workflows(&setup, flags).map_err(PlanError::Template)?;
    if !matches!(setup.layout, Layout::Services { .. }) {
        let text = config_text(&setup, flags);
        files.insert(0, PlannedFile { path: DEFAULT_PATH.to_owned(), text, needs: Vec::new() });
    }
    let steps = hand_steps(&setup, &files, flags);
    Ok(Plan { assumed: assumed(&setup, flags), files, steps })
}

fn assumed(setup: &Setup, flags: &Flags) -> Vec<String> {
    let mut assumed = Vec::new();
    if setup.layout != (Layout::Both) {
        assumed.push("the tokens are those of Apps, as in README.md, Permissions".to_owned());
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
