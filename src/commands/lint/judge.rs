//! Judges workflows: every rule, on every step that uses an action of this repository.

use super::{
    config_file::judge_config, environment::judge_environments, hidden::hidden_steps, inputs::judge_inputs,
    known::LintRules, model::Workflow, permissions::judge_permissions, problem::Problem, references::judge_references,
    reports::judge_reports, steps::find_steps,
};

/// What was found, in the order of files and lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LintResult {
    pub problems: Vec<Problem>,
    /// How many workflows use an action of this repository.
    pub workflows: usize,
    /// How many steps do.
    pub steps: usize,
}

pub fn judge(workflows: &[Workflow], rules: &LintRules) -> LintResult {
    let mut result = LintResult::default();
    let mut found = Vec::new();
    for workflow in workflows.iter().chain(rules.local.values()) {
        let (steps, unknown) = find_steps(workflow, rules);
        let count = steps.len() + unknown.len();
        if count == 0 && !calls_gates(workflow, workflows, rules) {
            continue;
        }
        result.workflows += 1;
        result.steps += count;
        found.extend(unknown);
        for step in &steps {
            found.extend(judge_inputs(step, rules));
            found.extend(judge_references(step, rules));
            found.extend(judge_config(step, rules));
        }
        if !workflow.is_action {
            found.extend(judge_permissions(workflow, &steps, workflows, rules));
            found.extend(judge_environments(workflow, &steps, rules));
            found.extend(judge_reports(workflow, &steps, workflows, rules));
        }
    }
    for problem in found {
        // Two steps may need what is missing in one place.
        if !result.problems.iter().any(|known| known.is_same(&problem)) {
            result.problems.push(problem);
        }
    }
    result.sort();
    result
}

impl LintResult {
    pub fn sort(&mut self) {
        let place = |problem: &Problem| (problem.path.clone(), problem.at.line, problem.at.column);
        self.problems.sort_by_key(place);
    }
}

/// Whether a job of the workflow runs an action of this repository through another file.
fn calls_gates(workflow: &Workflow, workflows: &[Workflow], rules: &LintRules) -> bool {
    workflow.jobs.iter().any(|job| !hidden_steps(job, workflows, rules).steps.is_empty())
}

#[cfg(test)]
mod tests;
