//! The steps of a job that are in another file of the checkout: in a composite action, or in the workflow that it calls. Pure.

use super::{
    known::{LintRules, local_path},
    model::{Job, Workflow},
    steps::{OurStep, find_steps},
};

/// How deep files may use each other. GitHub's own limit is 10.
const MAX_DEPTH: usize = 10;

/// What a job runs without showing it.
pub struct HiddenSteps<'a> {
    pub steps: Vec<OurStep<'a>>,
    /// Whether a part of it is in another repository, or cannot be found.
    pub is_partial: bool,
}

pub fn hidden_steps<'a>(job: &'a Job, workflows: &'a [Workflow], rules: &'a LintRules) -> HiddenSteps<'a> {
    let mut hidden = HiddenSteps { steps: Vec::new(), is_partial: false };
    collect(job, workflows, rules, MAX_DEPTH, &mut hidden);
    hidden
}

/// The workflow of the checkout that a job calls.
pub fn called<'a>(job: &Job, workflows: &'a [Workflow]) -> Option<&'a Workflow> {
    let path = local_path(&job.calls.as_ref()?.text)?;
    workflows.iter().find(|workflow| workflow.path == path)
}

fn collect<'a>(
    job: &'a Job,
    workflows: &'a [Workflow],
    rules: &'a LintRules,
    depth: usize,
    hidden: &mut HiddenSteps<'a>,
) {
    let Some(depth) = depth.checked_sub(1) else {
        hidden.is_partial = true;
        return;
    };
    let mut files: Vec<&Workflow> = Vec::new();
    if job.calls.is_some() {
        match called(job, workflows) {
            Some(workflow) => files.push(workflow),
            None => hidden.is_partial = true,
        }
    }
    files.extend((0..job.steps.len()).filter_map(|index| rules.composite(job, index)));
    for file in files {
        hidden.steps.extend(find_steps(file, rules).0);
        for job in &file.jobs {
            collect(job, workflows, rules, depth, hidden);
        }
    }
}
