//! The steps of a shipped workflow that use our actions, and the inputs that `init` sets in them. Pure.

use super::template::{
    At::{self, Item, Key},
    Template, TemplateError,
};

/// The token of the job.
pub const JOB_TOKEN: &str = "${{ github.token }}";
/// An action that makes the token of an App.
pub const APP_TOKEN: &str = "actions/create-github-app-token";

/// A step of a job that uses one of our actions.
pub struct Step {
    job: String,
    pub index: usize,
}

impl Step {
    pub fn with(&self) -> Vec<At<'_>> {
        vec![Key("jobs"), Key(&self.job), Key("steps"), Item(self.index), Key("with")]
    }

    pub fn key<'s>(&'s self, key: &'s str) -> Vec<At<'s>> {
        [&self.with()[..], &[Key(key)]].concat()
    }
}

pub fn step(template: &Template, job: &str, action: &str) -> Option<Step> {
    let index = *template.steps(job, action).first()?;
    Some(Step { job: job.to_owned(), index })
}

pub fn require(template: &Template, job: &str, action: &str) -> Result<Step, TemplateError> {
    step(template, job, action).ok_or_else(|| TemplateError(format!("no step of {action} in job {job}")))
}

pub fn remove_step(template: &mut Template, job: &str, action: &str) {
    for index in template.steps(job, action).into_iter().rev() {
        template.remove(&[Key("jobs"), Key(job), Key("steps"), Item(index)]);
    }
}

pub fn set_health(
    template: &mut Template,
    health: &Step,
    namespace: &str,
    workload: &str,
) -> Result<(), TemplateError> {
    template.set(&health.key("namespace"), namespace)?;
    template.set(&health.key("workload"), workload)
}

/// The endpoints of a gate; without a URL, the gate looks at the rollout alone.
pub fn set_endpoints(
    template: &mut Template,
    health: &Step,
    url: Option<&str>,
    service: &str,
) -> Result<(), TemplateError> {
    // Only the team knows what its service answers.
    template.remove(&health.key("condition"));
    if let Some(url) = url {
        return template.set(&health.key("endpoints"), &url.replace("{service}", service));
    }
    for key in ["endpoints", "interval", "consecutive"] {
        template.remove(&health.key(key));
    }
    Ok(())
}
