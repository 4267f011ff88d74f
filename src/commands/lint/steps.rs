//! The steps of a workflow that use an action of this repository, and the values of their inputs. Pure.

use super::{
    known::{KnownAction, LintRules, used_action},
    model::{Entry, Job, Step, Text, Workflow},
    problem::{Problem, Rule},
};
use crate::{values::closest, yaml::Position};

/// A step that uses an action of this repository.
#[derive(Clone, Copy, Debug)]
pub struct OurStep<'a> {
    pub workflow: &'a Workflow,
    pub job: &'a Job,
    pub step: &'a Step,
    /// Its index among the steps of the job.
    pub index: usize,
    pub uses: &'a Text,
    pub action: &'a KnownAction,
}

/// The value of an input.
#[derive(Debug, PartialEq, Eq)]
pub enum InputValue {
    Missing,
    Plain(String),
    /// It has an expression.
    Unknown,
}

/// The steps of a workflow that use an action of this repository, and a problem for each that uses none there is.
pub fn find_steps<'a>(workflow: &'a Workflow, rules: &'a LintRules) -> (Vec<OurStep<'a>>, Vec<Problem>) {
    let (mut steps, mut problems) = (Vec::new(), Vec::new());
    for job in &workflow.jobs {
        for (index, step) in job.steps.iter().enumerate() {
            let Some(uses) = &step.uses else { continue };
            let Some(name) = used_action(&uses.text) else { continue };
            match rules.find(&name) {
                Some(action) => steps.push(OurStep { workflow, job, step, index, uses, action }),
                None => problems.push(unknown_action(workflow, uses, rules)),
            }
        }
    }
    (steps, problems)
}

fn unknown_action(workflow: &Workflow, uses: &Text, rules: &LintRules) -> Problem {
    let folders = rules.folders();
    let path = uses.text.split('@').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let next = closest(name, &folders).map_or_else(
        || "use one of them".to_owned(),
        |close| format!("did you mean `{}`?", uses.text.replacen(&format!("/{name}"), &format!("/{close}"), 1)),
    );
    Problem::new(&workflow.path, uses.at, Rule::UnknownAction)
        .actual(format!("`{}`: there is no action `{name}`", uses.text))
        .expected(format!("one of {}", folders.join(", ")))
        .next(next)
}

impl<'a> OurStep<'a> {
    pub fn with(&self, key: &str) -> Option<&'a Entry> {
        self.step.with.iter().find(|entry| entry.key.text.eq_ignore_ascii_case(key))
    }

    /// The value in the step. An empty one counts as not given, as it does when the step runs.
    fn given(&self, key: &str) -> Option<&'a str> {
        self.with(key).map(Entry::text).filter(|text| !text.trim().is_empty())
    }

    /// The value of an input: from the step, the config file, or the default.
    pub fn value(&self, key: &str, rules: &LintRules) -> InputValue {
        if let Some(text) = self.given(key) {
            return if text.contains("${{") { InputValue::Unknown } else { InputValue::Plain(text.trim().to_owned()) };
        }
        let default = self.action.input(key).map(|input| input.default.as_slice()).unwrap_or_default();
        match rules.configured(self.action, key).unwrap_or(default) {
            [] => InputValue::Missing,
            texts => InputValue::Plain(texts.join("\n")),
        }
    }

    /// Whether the step or the config file gives an input.
    pub fn is_given(&self, key: &str, rules: &LintRules) -> bool {
        self.given(key).is_some() || rules.configured(self.action, key).is_some()
    }

    /// Whether its report counts for nothing.
    pub fn is_dry_run(&self, rules: &LintRules) -> bool {
        self.value("dry-run", rules) == InputValue::Plain("true".to_owned())
    }

    /// Whether an input has this function of this context, as in `toJSON(needs)`.
    pub fn passes_on(&self, key: &str, context: &str) -> bool {
        let text: String = self.given(key).unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        text.to_ascii_lowercase().contains(&format!("tojson({context})"))
    }

    pub fn problem(&self, at: Position, rule: Rule) -> Problem {
        Problem::new(&self.workflow.path, at, rule)
    }
}
