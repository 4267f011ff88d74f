//! The environment of a job against the one whose approval a command asks GitHub about. Pure.

use super::{
    known::LintRules,
    model::{Job, Workflow},
    problem::{Problem, Rule},
    steps::{InputValue, OurStep},
};

/// The input that repeats the name of the job's environment.
const INPUT: &str = "github-environment";

pub fn judge_environments(workflow: &Workflow, steps: &[OurStep<'_>], rules: &LintRules) -> Vec<Problem> {
    let mut problems: Vec<Problem> = steps.iter().filter_map(|step| judge_name(step, rules)).collect();
    let asked: Vec<String> = steps.iter().filter_map(|step| environment_asked(step, rules)).collect();
    for job in &workflow.jobs {
        let has_step = steps.iter().any(|step| step.job.id == job.id);
        let name = job.environment.as_ref().and_then(|environment| environment.name.as_ref());
        let is_asked = name.is_some_and(|name| asked.iter().any(|asked| asked.eq_ignore_ascii_case(&name.text)));
        if has_step || is_asked {
            problems.extend(judge_deployment(workflow, job));
        }
    }
    problems
}

/// The environment whose approval a step asks about; `None` if it asks about none, or an expression names it.
fn environment_asked(step: &OurStep<'_>, rules: &LintRules) -> Option<String> {
    step.action.input(INPUT)?;
    // `approval` may ask about a pull request.
    if step.action.input("source").is_some()
        && step.value("source", rules) != InputValue::Plain("environment".to_owned())
    {
        return None;
    }
    match step.value(INPUT, rules) {
        InputValue::Plain(name) => Some(name),
        InputValue::Missing | InputValue::Unknown => None,
    }
}

fn judge_name(step: &OurStep<'_>, rules: &LintRules) -> Option<Problem> {
    let asked = environment_asked(step, rules)?;
    let (name, job) = (step.action.name, &step.job.id);
    let expected = format!("`environment: {asked}`, whose approval `{name}` asks GitHub about");
    let Some(environment) = &step.job.environment else {
        return Some(
            step.problem(job.at, Rule::Environment)
                .actual(format!("job `{}` has no `environment:`: no person is asked", job.text))
                .expected(expected)
                .next(format!("add `environment: {asked}` to job `{}`", job.text)),
        );
    };
    let written = environment.name.as_ref().filter(|name| !name.text.contains("${{"))?;
    // GitHub ignores case.
    if written.text.eq_ignore_ascii_case(&asked) {
        return None;
    }
    Some(
        step.problem(written.at, Rule::Environment)
            .actual(format!("job `{}` has the environment `{}`", job.text, written.text))
            .expected(expected)
            .next(format!(
                "give both the same name; GitHub creates `{}` without protection if it does not exist",
                written.text
            )),
    )
}

/// A job without a deployment asks its reviewers, and `approval` does not see their answer.
fn judge_deployment(workflow: &Workflow, job: &Job) -> Option<Problem> {
    let deployment = job.environment.as_ref()?.deployment.as_ref()?;
    let text = deployment.text().trim();
    let inner = text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text).trim();
    let problem = Problem::new(&workflow.path, deployment.key.at, Rule::Deployment)
        .expected("a deployment of every job that waits for reviewers: `approval` counts approvals by deployments")
        .actual(format!("job `{}` has `deployment: {text}`", job.id.text));
    match inner.to_ascii_lowercase().as_str() {
        "true" => None,
        "false" => Some(problem.next("remove the line, or give the job another environment, without reviewers")),
        _ => Some(problem.undecided().next("write `deployment` as a plain value, or remove the line")),
    }
}
