//! Expressions in the inputs of a step that have no value: the gate would get an empty input, and take its default. Pure.

use super::{
    expressions::{expressions, has_fallback, references},
    known::LintRules,
    model::KnownNames,
    problem::{Problem, Rule},
    steps::OurStep,
};
use crate::values::closest;

/// The objects of `github.event` that only some events have, by the start of their names.
/// Source: <https://docs.github.com/webhooks/webhook-events-and-payloads>
const EVENT_OBJECTS: &[(&str, &[&str])] = &[
    ("workflow_run", &["workflow_run"]),
    ("client_payload", &["repository_dispatch"]),
    ("merge_group", &["merge_group"]),
    ("pull_request", &["pull_request"]),
    ("deployment", &["deployment"]),
    ("release", &["release"]),
];

/// Why a reference has no value, and what to do.
struct NoValue {
    why: String,
    next: String,
}

pub fn judge_references(step: &OurStep<'_>, rules: &LintRules) -> Vec<Problem> {
    let mut problems = Vec::new();
    for entry in &step.step.with {
        let found = expressions(entry.text());
        let paths = found.into_iter().filter(|expression| !has_fallback(expression)).flat_map(references);
        let Some((path, NoValue { why, next })) = paths
            .filter(|path| !path.contains(&"*"))
            .find_map(|path| Some((path.join("."), no_value(step, &path, rules)?)))
        else {
            continue;
        };
        problems.push(
            step.problem(entry.value_at(), Rule::EmptyValue)
                .actual(format!("`{}`: `{path}` is empty: {why}", entry.key.text))
                .expected("a value: an empty input counts as not given")
                .next(next),
        );
    }
    problems
}

fn no_value(step: &OurStep<'_>, path: &[&str], rules: &LintRules) -> Option<NoValue> {
    let [context, name, rest @ ..] = path else { return None };
    match context.to_ascii_lowercase().as_str() {
        "steps" => of_step(step, name, rest, rules),
        "inputs" => of_inputs(step, name),
        // An action sees the jobs, the matrix, the variables and the event of its caller.
        _ if step.workflow.is_action => None,
        "needs" => of_job(step, name, rest),
        "matrix" => of_matrix(step, name),
        "env" => of_env(step, name, rules),
        "github" if name.eq_ignore_ascii_case("event") => match rest {
            ["inputs", name, ..] => of_inputs(step, name),
            [object, ..] => of_event(step, object),
            [] => None,
        },
        _ => None,
    }
}

fn of_step(step: &OurStep<'_>, id: &str, rest: &[&str], rules: &LintRules) -> Option<NoValue> {
    let job = &step.job.id.text;
    let earlier = &step.job.steps[..step.index];
    let has_id = |known: &Option<String>| known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(id));
    let Some(index) = earlier.iter().position(|step| has_id(&step.id)) else {
        let ids: Vec<&str> = earlier.iter().filter_map(|step| step.id.as_deref()).collect();
        let place = if step.workflow.is_action { "the action".to_owned() } else { format!("job `{job}`") };
        let why = format!("no earlier step of {place} has `id: {id}`");
        return Some(NoValue { why, next: did_you_mean(id, &ids, || format!("add `id: {id}` to the step")) });
    };
    let ["outputs", output, ..] = rest else { return None };
    let action = rules.find(&rules.used(step.job, index)?)?;
    if action.outputs.iter().any(|known| known.eq_ignore_ascii_case(output)) {
        return None;
    }
    let why = format!("`{}` has no output `{output}`", action.name);
    let next = did_you_mean(output, &action.outputs, || format!("use one of {}", action.outputs.join(", ")));
    Some(NoValue { why, next })
}

fn of_job(step: &OurStep<'_>, id: &str, rest: &[&str]) -> Option<NoValue> {
    let own = &step.job.id.text;
    let needs: Vec<&str> = step.job.needs.iter().map(String::as_str).collect();
    if !needs.iter().any(|need| need.eq_ignore_ascii_case(id)) {
        let next = match step.workflow.job(id) {
            Some(job) => format!("add `{}` to `needs:` of job `{own}`", job.id.text),
            None => did_you_mean(id, &needs, || format!("name a job that is in `needs:` of job `{own}`")),
        };
        return Some(NoValue { why: format!("job `{own}` does not need `{id}`"), next });
    }
    let (["outputs", output, ..], Some(job)) = (rest, step.workflow.job(id)) else { return None };
    let outputs: Vec<&str> = job.outputs.iter().map(|entry| entry.key.text.as_str()).collect();
    if job.calls.is_some() || outputs.iter().any(|known| known.eq_ignore_ascii_case(output)) {
        return None;
    }
    let why = format!("job `{id}` has no output `{output}`");
    Some(NoValue { why, next: did_you_mean(output, &outputs, || format!("add it to `outputs:` of job `{id}`")) })
}

fn of_matrix(step: &OurStep<'_>, name: &str) -> Option<NoValue> {
    let job = &step.job.id.text;
    let why = match &step.job.matrix {
        None => format!("job `{job}` has no matrix"),
        Some(names) if !names.may_have(name) => format!("the matrix of job `{job}` has no `{name}`"),
        Some(_) => return None,
    };
    let known = listed(step.job.matrix.as_ref());
    Some(NoValue { why, next: did_you_mean(name, &known, || "name a key of the job's matrix".to_owned()) })
}

fn of_inputs(step: &OurStep<'_>, name: &str) -> Option<NoValue> {
    let known: Vec<&str> = step.workflow.inputs.iter().map(String::as_str).collect();
    if known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let (file, place) = if step.workflow.is_action {
        ("action", "`inputs:`")
    } else {
        ("workflow", "`inputs:` below `workflow_dispatch` or `workflow_call`")
    };
    let why = format!("the {file} has no input `{name}`");
    let next = did_you_mean(name, &known, || format!("declare `{name}` in {place}"));
    Some(NoValue { why, next })
}

fn of_env(step: &OurStep<'_>, name: &str, rules: &LintRules) -> Option<NoValue> {
    let places = [&step.workflow.env, &step.job.env, &step.step.env];
    // A program may write variables for later steps to `GITHUB_ENV`.
    if places.iter().any(|names| names.may_have(name)) || !step.only_known_actions_before(rules) {
        return None;
    }
    let known: Vec<&str> = places.into_iter().flat_map(|names| listed(Some(names))).collect();
    let why = format!("no `env:` of the workflow, the job or the step has `{name}`");
    Some(NoValue { why, next: did_you_mean(name, &known, || format!("add `{name}` to `env:`")) })
}

fn of_event(step: &OurStep<'_>, object: &str) -> Option<NoValue> {
    let (_, events) = EVENT_OBJECTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(object))?;
    let workflow = &step.workflow;
    // A called workflow has the event of its caller.
    let has = |event: &String| event == "workflow_call" || events.iter().any(|start| event.starts_with(start));
    if workflow.events.is_empty() || workflow.events.iter().any(has) {
        return None;
    }
    let started: Vec<String> = workflow.events.iter().map(|event| format!("`{event}`")).collect();
    let why = format!("{} starts the workflow, which has no `{object}`", started.join(" or "));
    Some(NoValue { why, next: "take the value from the event that starts the workflow".to_owned() })
}

fn listed(names: Option<&KnownNames>) -> Vec<&str> {
    match names {
        Some(KnownNames::Listed(names)) => names.iter().map(String::as_str).collect(),
        Some(KnownNames::Nothing | KnownNames::Unknown) | None => Vec::new(),
    }
}

fn did_you_mean(name: &str, known: &[&str], otherwise: impl FnOnce() -> String) -> String {
    closest(name, known).map_or_else(otherwise, |close| format!("did you mean `{close}`?"))
}
