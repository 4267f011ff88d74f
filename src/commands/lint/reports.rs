//! Whether the reports of the gates reach the command that needs them: through `needs`, `outputs` and the ids of steps. Pure.

use std::collections::BTreeSet;

use super::{
    expressions::{expressions, references},
    hidden::{HiddenSteps, hidden_steps},
    hidden_reports::judge_hidden,
    known::{LintRules, RECORD, Role},
    model::{Entry, Job, Workflow},
    problem::{Problem, Rule},
    steps::{InputValue, OurStep},
};

/// The input with the commands whose reports a promotion requires.
const REQUIRE: &str = "require";

/// What to do when a matrix runs gates.
const MATRIX: &str = "let each leg upload the file of its `report-path` as an artifact, download them in the job of `record`, and \
                      give the files in `reports`";

pub fn judge_reports(
    workflow: &Workflow,
    steps: &[OurStep<'_>],
    workflows: &[Workflow],
    rules: &LintRules,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let records: Vec<&OurStep<'_>> = steps.iter().filter(|step| step.action.name == RECORD).collect();
    for reader in steps {
        if reader.passes_on("results", "needs") {
            for job in reader.job.needs.iter().filter_map(|id| workflow.job(id)) {
                let hidden = hidden_steps(job, workflows, rules);
                let needed = hidden.steps.iter().find(|step| is_needed(reader, step, rules));
                let of_hidden = || judge_hidden(reader, job, needed?, workflows);
                problems.extend(judge_job(reader, job, steps, rules).or_else(of_hidden));
            }
        }
        if reader.passes_on("results", "steps") {
            problems.extend(steps_without_id(reader, steps, rules));
        }
    }
    for record in &records {
        problems.extend(judge_sources(record, rules).or_else(|| missing_gate(record, workflow, steps, rules)));
    }
    problems.extend(steps.iter().filter_map(|step| judge_required(step, steps, rules)));
    problems.extend(gates_not_awaited(workflow, &records, steps, workflows, rules));
    problems
}

/// The commands whose reports a step requires; `None` if that is not known, or if it takes all.
fn required(reader: &OurStep<'_>, rules: &LintRules) -> Option<Vec<String>> {
    reader.action.input("required")?;
    match reader.value("required", rules) {
        InputValue::Plain(text) => Some(text.lines().map(|line| line.trim().to_owned()).collect()),
        InputValue::Missing | InputValue::Unknown => None,
    }
}

/// The steps of a job whose reports a reader needs.
fn needed<'s, 'a>(
    reader: &OurStep<'_>,
    job: &Job,
    steps: &'s [OurStep<'a>],
    rules: &LintRules,
) -> Vec<&'s OurStep<'a>> {
    steps.iter().filter(|step| step.job.id == job.id && is_needed(reader, step, rules)).collect()
}

/// Whether a reader needs the report of a step.
fn is_needed(reader: &OurStep<'_>, step: &OurStep<'_>, rules: &LintRules) -> bool {
    let by_name = required(reader, rules).is_none_or(|names| names.iter().any(|name| name == step.action.name));
    step.action.has_report_for_later() && (by_name || step.action.role == Role::GateRunner) && !step.is_dry_run(rules)
}

/// The first problem with the reports of a job that a reader gets through `toJSON(needs)`.
fn judge_job(reader: &OurStep<'_>, job: &Job, steps: &[OurStep<'_>], rules: &LintRules) -> Option<Problem> {
    let needed = needed(reader, job, steps, rules);
    let first = needed.first()?;
    if job.matrix.is_some() {
        let report = job.outputs.iter().find(|output| output.is_report());
        // Reports of a matrix may travel as files.
        if report.is_none() && reader.is_given("reports", rules) {
            return None;
        }
        let at = report.map_or(job.id.at, |output| output.key.at);
        return Some(
            first
                .problem(at, Rule::MatrixOutputs)
                .actual(format!(
                    "job `{}` is a matrix: the last leg that ends overwrites the outputs of the others",
                    job.id.text
                ))
                .expected("the report of every leg")
                .next(MATRIX),
        );
    }
    needed.iter().find_map(|step| judge_output(reader, step))
}

/// Whether the job of a gate has an output with its report.
fn judge_output(reader: &OurStep<'_>, gate: &OurStep<'_>) -> Option<Problem> {
    let (job, name) = (gate.job, gate.action.name);
    let line = |id: &str| format!("`report: ${{{{ steps.{id}.outputs.report }}}}`");
    let expected =
        format!("an output of job `{}` with the report of `{name}`, which `{}` reads", job.id.text, reader.action.name);
    let Some(id) = &gate.step.id else {
        return Some(
            gate.problem(gate.uses.at, Rule::MissingReport)
                .actual(format!("the step of `{name}` has no `id`, so no output can have its report"))
                .expected(expected)
                .next(format!(
                    "add `id: {name}` to the step, and {} to `outputs:` of job `{}`",
                    line(name),
                    job.id.text
                )),
        );
    };
    let refers = |output: &&Entry| report_ids(output).iter().any(|found| found.eq_ignore_ascii_case(id));
    let (right, wrong): (Vec<&Entry>, Vec<&Entry>) =
        job.outputs.iter().filter(refers).partition(|output| output.is_report());
    if !right.is_empty() {
        return None;
    }
    if let Some(output) = wrong.first() {
        return Some(
            gate.problem(output.key.at, Rule::MissingReport)
                .actual(format!("the output with the report of `{name}` is called `{}`", output.key.text))
                .expected("the name `report`, or one that ends with `-report`: others are not read")
                .next(format!("call it `{name}-report`, or `report`")),
        );
    }
    // An output that should have it, and refers to something else.
    let ids: Vec<&str> = job.steps.iter().filter_map(|step| step.id.as_deref()).collect();
    let misses = |output: &&Entry| {
        let of_gate = |found: &&str| ids.iter().any(|known| known.eq_ignore_ascii_case(found));
        output.is_report() && !report_ids(output).iter().any(of_gate)
    };
    if let Some(output) = job.outputs.iter().find(misses) {
        return Some(
            gate.problem(output.value_at(), Rule::MissingReport)
                .actual(format!("the output `{}` is `{}`", output.key.text, output.text()))
                .expected(expected)
                .next(format!("write {}", line(id))),
        );
    }
    let at = job.outputs_at.unwrap_or(job.id.at);
    Some(
        gate.problem(at, Rule::MissingReport)
            .actual(format!("job `{}` has no output with the report of `{name}`", job.id.text))
            .expected(expected)
            .next(format!("add {} to `outputs:` of job `{}`", line(id), job.id.text)),
    )
}

/// The ids of the steps whose report is in an output.
fn report_ids(output: &Entry) -> Vec<&str> {
    let paths = expressions(output.text()).into_iter().flat_map(references);
    paths.filter_map(|path| report_id(&path)).collect()
}

fn report_id<'a>(path: &[&'a str]) -> Option<&'a str> {
    match path {
        ["steps", id, "outputs", "report"] => Some(*id),
        _ => None,
    }
}

/// Steps of the same job whose reports are not in `toJSON(steps)`.
fn steps_without_id(reader: &OurStep<'_>, steps: &[OurStep<'_>], rules: &LintRules) -> Vec<Problem> {
    let earlier = needed(reader, reader.job, steps, rules).into_iter().filter(|step| step.index < reader.index);
    let nameless = earlier.filter(|step| step.step.id.is_none());
    let problem = |step: &OurStep<'_>| {
        let name = step.action.name;
        step.problem(step.uses.at, Rule::MissingReport)
            .actual(format!("the step of `{name}` has no `id`, so `toJSON(steps)` does not have its report"))
            .expected(format!("the report of `{name}`, which `{}` reads", reader.action.name))
            .next(format!("add `id: {name}` to the step"))
    };
    nameless.map(problem).collect()
}

/// Whether `record` gets any reports.
fn judge_sources(record: &OurStep<'_>, rules: &LintRules) -> Option<Problem> {
    let is_given = ["results", "reports"].iter().any(|key| record.is_given(key, rules));
    (!is_given).then(|| {
        record
            .problem(record.uses.at, Rule::MissingInput)
            .actual("neither `results` nor `reports` is given")
            .expected("the reports of the gates")
            .next("add `results: ${{ toJSON(needs) }}` to the step")
    })
}

/// A gate that `record` requires and no job of the workflow runs.
fn missing_gate(
    record: &OurStep<'_>,
    workflow: &Workflow,
    steps: &[OurStep<'_>],
    rules: &LintRules,
) -> Option<Problem> {
    // The gates of files, of `run`, of called workflows and of composite actions are not in this file.
    let uses_composite = |job: &Job| (0..job.steps.len()).any(|index| rules.composite(job, index).is_some());
    let is_elsewhere = record.is_given("reports", rules)
        || steps.iter().any(|step| step.action.role == Role::GateRunner)
        || workflow.jobs.iter().any(|job| job.calls.is_some() || uses_composite(job));
    let required = required(record, rules).filter(|_| !is_elsewhere)?;
    let missing: Vec<&String> =
        required.iter().filter(|name| !steps.iter().any(|step| step.action.name == name.as_str())).collect();
    let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
    let first = names.first()?;
    let at = record.with("required").map_or(record.uses.at, |entry| entry.key.at);
    Some(
        record
            .problem(at, Rule::MissingReport)
            .actual(format!("no job runs {}", names.join(", ")))
            .expected("a job for each gate that `record` requires")
            .next(format!("add a job with {first}, or name the gates that you run in `required`")),
    )
}

/// A report that `promote` requires, and that is not among its results: `toJSON(needs)` has those of earlier jobs, and
/// `toJSON(steps)` those of earlier steps.
fn judge_required(reader: &OurStep<'_>, steps: &[OurStep<'_>], rules: &LintRules) -> Option<Problem> {
    reader.action.input(REQUIRE)?;
    let (needs, own) = (reader.passes_on("results", "needs"), reader.passes_on("results", "steps"));
    // Results of another form may have any report.
    let InputValue::Plain(required) = reader.value(REQUIRE, rules) else { return None };
    if !needs && !own || reader.is_dry_run(rules) {
        return None;
    }
    let needed = |step: &&OurStep<'_>| reader.job.needs.iter().any(|need| need.eq_ignore_ascii_case(&step.job.id.text));
    let is_earlier = |step: &&OurStep<'_>| step.job.id == reader.job.id && step.index < reader.index;
    let missing = required.lines().map(str::trim).find_map(|name| {
        let found = || steps.iter().filter(|step| step.action.name == name);
        let is_there = needs && found().any(|step| needed(&step)) || own && found().any(|step| is_earlier(&step));
        let here = found().any(|step| is_earlier(&step)) || found().any(|step| needed(&step));
        // A command that the workflow does not run may be in a workflow that it calls.
        (!is_there && here).then_some((name, found().any(|step| is_earlier(&step))))
    });
    let (name, is_step) = missing?;
    let at = reader.with("results").map_or(reader.uses.at, |entry| entry.key.at);
    let context = if is_step { "steps" } else { "needs" };
    Some(
        reader
            .problem(at, Rule::MissingReport)
            .actual(format!("`results` does not have the report of `{name}`"))
            .expected(format!("the reports that `{}` requires: {}", reader.action.name, required.replace('\n', ", ")))
            .next(format!("add a line `${{{{ toJSON({context}) }}}}` to `results`")),
    )
}

/// Gates that no `record` waits for: it sends the dispatch before they end.
fn gates_not_awaited(
    workflow: &Workflow,
    records: &[&OurStep<'_>],
    steps: &[OurStep<'_>],
    workflows: &[Workflow],
    rules: &LintRules,
) -> Vec<Problem> {
    let Some(first) = records.first() else { return Vec::new() };
    let mut problems = Vec::new();
    for job in &workflow.jobs {
        let is_gate = |step: &&OurStep<'_>| {
            matches!(step.action.role, Role::SoftwareGate | Role::GateRunner)
                && !step.is_dry_run(rules)
                && records.iter().any(|record| has_same_environment(record, step, rules))
        };
        let HiddenSteps { steps: hidden, .. } = hidden_steps(job, workflows, rules);
        if hidden.iter().any(|step| step.action.name == RECORD) {
            continue;
        }
        let own = steps.iter().filter(|step| step.job.id == job.id);
        let Some(gate) = own.chain(&hidden).find(is_gate) else { continue };
        let is_settled = |record: &&OurStep<'_>| {
            record.job.id == job.id || waits_for(workflow, record, job, rules) || follows(workflow, job, record.job)
        };
        if records.iter().any(is_settled) {
            continue;
        }
        let (id, own) = (&job.id.text, &first.job.id.text);
        problems.push(
            first
                .problem(first.job.needs_at.unwrap_or(first.job.id.at), Rule::MissingNeed)
                .actual(format!("job `{own}` does not wait for job `{id}`, which runs `{}`", gate.action.name))
                .expected("`needs:` with every job that runs a gate")
                .next(format!("add `{id}` to `needs:` of job `{own}`")),
        );
    }
    problems
}

/// `toJSON(needs)` has the jobs of `needs:` alone; files may come from any job before.
fn waits_for(workflow: &Workflow, record: &OurStep<'_>, job: &Job, rules: &LintRules) -> bool {
    if record.is_given("reports", rules) {
        return follows(workflow, record.job, job);
    }
    record.job.needs.iter().any(|need| need.eq_ignore_ascii_case(&job.id.text))
}

/// Whether a job starts only after another one.
fn follows(workflow: &Workflow, job: &Job, other: &Job) -> bool {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&Job> = vec![job];
    while let Some(job) = open.pop() {
        for need in job.needs.iter().filter_map(|id| workflow.job(id)) {
            if need.id == other.id {
                return true;
            }
            if seen.insert(&need.id.text) {
                open.push(need);
            }
        }
    }
    false
}

/// Whether a gate may be about the environment that `record` is about.
fn has_same_environment(record: &OurStep<'_>, gate: &OurStep<'_>, rules: &LintRules) -> bool {
    match (record.value("environment", rules), gate.value("environment", rules)) {
        (InputValue::Plain(one), InputValue::Plain(other)) => one == other,
        _ => true,
    }
}
