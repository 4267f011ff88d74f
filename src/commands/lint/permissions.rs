//! Permissions of the job's token: `id-token: write` where it lets other programs sign, and what a command needs and the job
//! lacks. Pure.

use super::{
    hidden::{HiddenSteps, hidden_steps},
    known::{LintRules, RECORD, Role},
    model::{Job, Level, PermissionsBlock, Step, Workflow},
    problem::{Problem, Rule},
    steps::{InputValue, OurStep},
};
use crate::yaml::Position;

/// The permission with which a job asks GitHub for a signature.
const ID_TOKEN: &str = "id-token";

/// The actions of GitHub that the job of `record` may use: they run nothing of the team's.
const HARMLESS: [&str; 4] =
    ["actions/checkout", "actions/create-github-app-token", "actions/download-artifact", "actions/upload-artifact"];

/// What a command asks for with one of its tokens.
struct TokenNeeds {
    command: &'static str,
    input: &'static str,
    /// Only if all of them hold.
    only: &'static [Condition],
    needs: &'static [(&'static str, Level)],
}

/// What the step or the config file has to say. An expression decides nothing here.
enum Condition {
    Is(&'static str, &'static str),
    Given(&'static str),
    NotGiven(&'static str),
}

use Condition::{Given, Is, NotGiven};

impl Condition {
    fn holds(&self, step: &OurStep<'_>, rules: &LintRules) -> bool {
        match self {
            Is(key, wanted) => step.value(key, rules) == InputValue::Plain((*wanted).to_owned()),
            Given(key) => matches!(step.value(key, rules), InputValue::Plain(_)),
            NotGiven(key) => step.value(key, rules) == InputValue::Missing,
        }
    }
}

const fn needs(command: &'static str, input: &'static str, needs: &'static [(&'static str, Level)]) -> TokenNeeds {
    TokenNeeds { command, input, only: &[], needs }
}

impl TokenNeeds {
    const fn only(self, only: &'static [Condition]) -> Self {
        Self { only, ..self }
    }
}

const CHECKS: (&str, Level) = ("checks", Level::Read);
const CONTENTS: (&str, Level) = ("contents", Level::Read);
const PULL_REQUESTS: (&str, Level) = ("pull-requests", Level::Read);
const RUNS: (&str, Level) = ("actions", Level::Read);
const TO_PUSH: (&str, Level) = ("contents", Level::Write);

/// The permissions of `README.md` that the job's own token can have.
const NEEDS: &[TokenNeeds] = &[
    needs("bundle-size", "token", &[PULL_REQUESTS]),
    needs("performance", "token", &[CONTENTS]).only(&[Given("baseline-branch")]),
    needs("baseline", "token", &[TO_PUSH]).only(&[Given("branch")]),
    needs("comment", "token", &[("pull-requests", Level::Write)]),
    needs("record", "token", &[TO_PUSH]),
    needs("record", "source-token", &[RUNS, CONTENTS]),
    needs("evidence", "token", &[CONTENTS]),
    needs("evidence", "source-token", &[RUNS, CONTENTS, PULL_REQUESTS]),
    needs("evidence", "source-token", &[CHECKS]).only(&[Is("proof", "annotations")]),
    needs("approval", "token", &[RUNS, CONTENTS, ("deployments", Level::Read)]).only(&[Is("source", "environment")]),
    needs("approval", "token", &[CHECKS]).only(&[Is("source", "environment"), Is("superseded-by", "validation")]),
    needs("approval", "token", &[RUNS, CHECKS, CONTENTS, PULL_REQUESTS]).only(&[Is("source", "pull-request")]),
    needs("approval", "source-token", &[RUNS, CONTENTS, PULL_REQUESTS]),
    needs("status", "token", &[RUNS, CHECKS, CONTENTS, PULL_REQUESTS, ("statuses", Level::Write)]),
    needs("wait", "token", &[CONTENTS, ("issues", Level::Read)]),
    needs("wait", "token", &[RUNS, CHECKS]).only(&[Is("superseded-by", "validation")]),
    needs("promote", "token", &[TO_PUSH]),
    needs("promote", "token", &[("pull-requests", Level::Write)])
        .only(&[Is("mode", "pull-request"), NotGiven("merge")]),
    needs("promote", "token", &[PULL_REQUESTS]).only(&[Is("mode", "pull-request"), Given("merge")]),
    needs("emergency", "token", &[TO_PUSH]),
    needs("emergency", "api-token", &[RUNS, ("issues", Level::Write)]),
    needs("rollback", "token", &[TO_PUSH]),
    needs("rollback", "api-token", &[RUNS, ("issues", Level::Write)]),
    needs("environments", "token", &[RUNS, CONTENTS]),
    needs("doctor", "token", &[RUNS, CONTENTS]),
    needs("audit", "token", &[RUNS, CONTENTS]),
    needs("audit", "token", &[CHECKS]).only(&[Given("stale-after")]),
];

pub fn judge_permissions(
    workflow: &Workflow,
    steps: &[OurStep<'_>],
    workflows: &[Workflow],
    rules: &LintRules,
) -> Vec<Problem> {
    let mut problems = judge_id_token(workflow, steps, workflows, rules);
    for step in steps {
        problems.extend(judge_step(step, rules));
    }
    problems
}

/// `id-token: write` belongs to the job of `record` alone: whatever else runs in a job that has it could sign a forged report.
fn judge_id_token(
    workflow: &Workflow,
    steps: &[OurStep<'_>],
    workflows: &[Workflow],
    rules: &LintRules,
) -> Vec<Problem> {
    let is_record = |step: &OurStep<'_>| step.action.name == RECORD;
    let in_job = |job: &Job, hidden: &HiddenSteps<'_>, is_wanted: &dyn Fn(&OurStep<'_>) -> bool| {
        steps.iter().any(|step| step.job.id == job.id && is_wanted(step)) || hidden.steps.iter().any(is_wanted)
    };
    let records = |job: &Job| steps.iter().any(|step| step.job.id == job.id && is_record(step));
    // Without `record`, a job of the team's own may sign in to a cloud.
    let any_record = steps.iter().any(is_record);
    let mut problems: Vec<Problem> = Vec::new();
    for job in &workflow.jobs {
        let hidden = hidden_steps(job, workflows, rules);
        // A job that calls the workflow of `record` has to pass the permission on.
        let is_of_record = in_job(job, &hidden, &is_record);
        if is_of_record || !any_record && !in_job(job, &hidden, &|_: &OurStep<'_>| true) {
            continue;
        }
        let Some(block) = job.permissions.as_ref().or(workflow.permissions.as_ref()) else { continue };
        let (Level::Write, at) = block.level(ID_TOKEN) else { continue };
        let whole = if job.permissions.is_none() { ", from the `permissions` of the workflow" } else { "" };
        let problem = Problem::new(&workflow.path, at, Rule::IdToken)
            .actual(format!("job `{}` has `id-token: write`{whole}", job.id.text))
            .expected("this permission in the job of `record` alone: a program that has it can sign a forged report")
            .next(if job.permissions.is_none() {
                "give the job of `record` its own `permissions` with `id-token: write`, and remove it here"
            } else {
                "remove it from this job"
            });
        // One for the workflow, however many jobs take its permissions.
        if problems.iter().all(|known| known.at != problem.at) {
            problems.push(problem);
        }
    }
    let signing = workflow.jobs.iter().filter(|job| records(job)).filter(|job| {
        let block = job.permissions.as_ref().or(workflow.permissions.as_ref());
        block.is_some_and(|block| block.level(ID_TOKEN).0 == Level::Write)
    });
    problems.extend(signing.flat_map(|job| other_programs(workflow, job, steps)));
    problems
}

/// Steps beside `record` that run a program, which could sign as well.
fn other_programs(workflow: &Workflow, job: &Job, steps: &[OurStep<'_>]) -> Vec<Problem> {
    let program = |(index, step): (usize, &Step)| -> Option<(String, Position)> {
        if let Some(run) = &step.run {
            return Some(("a script".to_owned(), run.key.at));
        }
        let uses = step.uses.as_ref()?;
        let name = uses.text.split('@').next().unwrap_or_default();
        let ours = steps.iter().find(|ours| ours.job.id == job.id && ours.index == index);
        // Gates start the tests of the team; other commands start nothing.
        let is_harmless = ours.map_or_else(|| HARMLESS.contains(&name), |ours| ours.action.role == Role::Other);
        (!is_harmless).then(|| (format!("`{name}`"), uses.at))
    };
    let problem = |(what, at): (String, Position)| {
        Problem::new(&workflow.path, at, Rule::IdToken)
            .actual(format!("job `{}` runs {what} beside `record`, with `id-token: write`", job.id.text))
            .expected("nothing else in this job: a program that has the permission can sign a forged report")
            .next("move the step to another job, which has no `id-token: write`")
    };
    job.steps.iter().enumerate().filter_map(program).map(problem).collect()
}

fn judge_step(step: &OurStep<'_>, rules: &LintRules) -> Option<Problem> {
    let block = step.job.permissions.as_ref().or(step.workflow.permissions.as_ref());
    let mut missing: Vec<(&str, Level)> = Vec::new();
    if step.action.name == RECORD && is_signed(step, rules) && lacks(block, ID_TOKEN, Level::Write, Level::Nothing) {
        missing.push((ID_TOKEN, Level::Write));
    }
    // A dry-run writes nothing.
    let most = if step.is_dry_run(rules) { Level::Read } else { Level::Write };
    for needs in NEEDS.iter().filter(|needs| needs.command == step.action.name) {
        let applies = needs.only.iter().all(|condition| condition.holds(step, rules));
        if !applies || !step.with(needs.input).is_some_and(|entry| is_job_token(entry.text())) {
            continue;
        }
        // Without `permissions:` the settings of the repository decide, which are not in the file.
        let wanted = needs.needs.iter().map(|(scope, level)| (*scope, (*level).min(most)));
        missing.extend(wanted.filter(|(scope, level)| lacks(block, scope, *level, Level::Write)));
    }
    // Of one permission, the highest level.
    missing.sort_by(|(one, level), (other, more)| one.cmp(other).then(more.cmp(level)));
    missing.dedup_by_key(|(scope, _)| *scope);
    if missing.is_empty() {
        return None;
    }
    let lines: Vec<String> = missing.iter().map(|(scope, level)| format!("`{scope}: {}`", level.word())).collect();
    let at = step.job.permissions.as_ref().map_or(step.uses.at, |block| match &missing[..] {
        [(scope, _)] => block.level(scope).1,
        _ => block.at,
    });
    let (job, name) = (&step.job.id.text, step.action.name);
    Some(
        step.problem(at, Rule::MissingPermission)
            .actual(format!("job `{job}` lacks {}", lines.join(", ")))
            .expected(format!("the permissions that `{name}` needs"))
            .next(format!("add to the `permissions` of job `{job}`: {}", lines.join(", "))),
    )
}

/// Whether a permission is missing. `unset`: the level without any `permissions:`.
fn lacks(block: Option<&PermissionsBlock>, scope: &str, wanted: Level, unset: Level) -> bool {
    block.map_or(unset, |block| block.level(scope).0) < wanted
}

/// Whether `record` asks GitHub for a signature: not in a dry-run, and not where the notices take its place.
fn is_signed(step: &OurStep<'_>, rules: &LintRules) -> bool {
    let value = step.value("proof", rules);
    value == InputValue::Plain("required".to_owned()) && !step.is_dry_run(rules)
}

/// Whether a value is the job's own token.
fn is_job_token(value: &str) -> bool {
    let inner = value.trim().strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).unwrap_or_default();
    ["github.token", "secrets.GITHUB_TOKEN"].iter().any(|token| inner.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{COMMANDS, command_table};

    #[test]
    fn every_row_names_a_command_and_one_of_its_tokens() {
        let table = command_table();
        for TokenNeeds { command, input, only, .. } in NEEDS {
            let settings = table.settings_of(command).unwrap();
            assert!(settings.iter().any(|setting| setting.key == *input && setting.is_secret()), "{command} {input}");
            for condition in *only {
                let (key, value) = match condition {
                    Is(key, value) => (key, Some(value)),
                    Given(key) | NotGiven(key) => (key, None),
                };
                let setting = settings.iter().find(|setting| setting.key == *key).unwrap();
                let is_known = value.is_none_or(|value| setting.choices.iter().any(|choice| choice == value));
                assert!(is_known, "{command} {key} {value:?}");
            }
        }
        // A command with a job's token among its inputs has a row.
        for entry in COMMANDS.iter().filter(|entry| !entry.kind.is_local()) {
            for setting in table.settings_of(entry.name).unwrap() {
                if setting.value_name == "GITHUB_TOKEN" {
                    let has_row = NEEDS.iter().any(|row| row.command == entry.name && row.input == setting.key);
                    assert!(has_row, "{} {}", entry.name, setting.key);
                }
            }
        }
    }
}
