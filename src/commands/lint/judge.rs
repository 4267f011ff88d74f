//! Judges workflows: every rule, on every step that uses an action of this repository.

use super::{
    environment::judge_environments, inputs::judge_inputs, known::LintRules, model::Workflow,
    permissions::judge_permissions, problem::Problem, references::judge_references, reports::judge_reports,
    steps::find_steps,
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
    for workflow in workflows {
        let (steps, unknown) = find_steps(workflow, rules);
        let count = steps.len() + unknown.len();
        if count == 0 {
            continue;
        }
        result.workflows += 1;
        result.steps += count;
        let mut found = unknown;
        for step in &steps {
            found.extend(judge_inputs(step, rules));
            found.extend(judge_references(step, rules));
        }
        found.extend(judge_permissions(workflow, &steps, rules));
        found.extend(judge_environments(workflow, &steps, rules));
        found.extend(judge_reports(workflow, &steps, rules));
        found.sort_by_key(|problem| (problem.at.line, problem.at.column));
        for problem in found {
            // Two steps may need what is missing in one place.
            if !result.problems.iter().any(|known| known.is_same(&problem)) {
                result.problems.push(problem);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests;
