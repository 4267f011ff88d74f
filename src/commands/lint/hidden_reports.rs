//! Whether the reports of gates in another file of the checkout leave that file: a called workflow and a composite action have
//! outputs of their own. Pure.

use super::{
    expressions::{expressions, references},
    hidden::called,
    model::{Entry, Job, Workflow},
    problem::{Problem, Rule},
    steps::OurStep,
};

/// The problem with the report of a gate that a job runs in another file.
pub fn judge_hidden(reader: &OurStep<'_>, job: &Job, gate: &OurStep<'_>, workflows: &[Workflow]) -> Option<Problem> {
    let name = gate.action.name;
    let expected =
        format!("an output of job `{}` with the report of `{name}`, which `{}` reads", job.id.text, reader.action.name);
    let Some(workflow) = called(job, workflows) else {
        if job.outputs.iter().any(Entry::is_report) {
            return None;
        }
        let file = &gate.workflow.path;
        return Some(
            reader
                .problem(job.outputs_at.unwrap_or(job.id.at), Rule::MissingReport)
                .actual(format!("job `{}` has no output with the report of `{name}`, which {file} runs", job.id.text))
                .expected(expected)
                .next(format!(
                    "let the action pass the report on as an output, and add `report: ${{{{ steps.ID.outputs.report }}}}` to \
                     `outputs:` of job `{}`",
                    job.id.text
                )),
        );
    };
    // The gate may be in a job of the called workflow, or deeper.
    let is_of_gate = |path: Vec<&str>| match path[..] {
        ["jobs", id, "outputs", name] => {
            id.eq_ignore_ascii_case(&gate.job.id.text)
                && gate.job.outputs.iter().any(|output| output.key.text.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    let passes_on = |output: &Entry| {
        let mut paths = expressions(output.text()).into_iter().flat_map(references);
        output.is_report() && paths.any(is_of_gate)
    };
    let is_direct = gate.workflow.path == workflow.path;
    let is_passed_on = if is_direct {
        workflow.call_outputs.iter().any(passes_on)
    } else {
        workflow.call_outputs.iter().any(Entry::is_report)
    };
    if is_passed_on {
        return None;
    }
    let at = job.calls.as_ref().map_or(job.id.at, |calls| calls.at);
    Some(
        reader
            .problem(at, Rule::MissingReport)
            .actual(format!("{} has no output with the report of `{name}`", workflow.path))
            .expected(expected)
            .next(format!(
                "add `{name}-report: {{ value: '${{{{ jobs.{}.outputs.report }}}}' }}` to `outputs:` below `workflow_call` there",
                gate.job.id.text
            )),
    )
}
