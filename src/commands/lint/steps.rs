//! The steps of a workflow that use an action of this repository, and the values of their inputs. Pure.

use super::{
    known::{ConfigSettings, KnownAction, LintRules},
    model::{Entry, Job, Step, Text, Workflow},
    problem::{Problem, Rule},
};
use crate::{values::closest, yaml::Position};

/// The input that names the config file.
pub const CONFIG: &str = "config";

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
    /// An expression decides it, or a config file that is not in this checkout.
    Unknown,
}

/// The steps of a workflow that use an action of this repository, and a problem for each that uses none there is.
pub fn find_steps<'a>(workflow: &'a Workflow, rules: &'a LintRules) -> (Vec<OurStep<'a>>, Vec<Problem>) {
    let (mut steps, mut problems) = (Vec::new(), Vec::new());
    for job in &workflow.jobs {
        for (index, step) in job.steps.iter().enumerate() {
            let Some(uses) = &step.uses else { continue };
            let Some(name) = rules.used(job, index) else { continue };
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
        self.step.with(key)
    }

    /// The value in the step. An empty one counts as not given, as it does when the step runs.
    fn given(&self, key: &str) -> Option<&'a str> {
        self.with(key).map(Entry::text).filter(|text| !text.trim().is_empty())
    }

    /// The config file of the step. `Err`: which one it is, or what it says, is unknown.
    fn config<'r>(&self, rules: &'r LintRules) -> Result<Option<&'r ConfigSettings>, ()> {
        match self.given(CONFIG) {
            None => Ok(rules.config.as_ref()),
            Some(path) => rules.named_configs.get(path.trim()).map(Some).ok_or(()),
        }
    }

    /// The value of an input: from the step, the config file, or the default.
    pub fn value(&self, key: &str, rules: &LintRules) -> InputValue {
        if let Some(text) = self.given(key) {
            return if text.contains("${{") { InputValue::Unknown } else { InputValue::Plain(text.trim().to_owned()) };
        }
        if self.step.with_expression.is_some() {
            return InputValue::Unknown;
        }
        let Ok(config) = self.config(rules) else { return InputValue::Unknown };
        let configured = config.and_then(|config| config.settings.get(self.action.name)?.get(key));
        let default = || self.action.input(key).map(|input| &input.default);
        match configured.or_else(default).map(Vec::as_slice).unwrap_or_default() {
            [] => InputValue::Missing,
            texts => InputValue::Plain(texts.join("\n")),
        }
    }

    /// Whether the step or the config file gives an input, or may give it.
    pub fn is_given(&self, key: &str, rules: &LintRules) -> bool {
        if self.given(key).is_some() || self.step.with_expression.is_some() {
            return true;
        }
        self.config(rules).map_or(true, |config| {
            config.and_then(|config| config.settings.get(self.action.name)).is_some_and(|keys| keys.contains_key(key))
        })
    }

    /// Whether the step itself gives an input.
    pub fn is_given_by_step(&self, key: &str) -> bool {
        self.given(key).is_some()
    }

    /// Whether its report counts for nothing.
    pub fn is_dry_run(&self, rules: &LintRules) -> bool {
        // The spellings of a boolean: `true`, `True`, `TRUE`.
        matches!(self.value("dry-run", rules), InputValue::Plain(value) if value.eq_ignore_ascii_case("true"))
    }

    /// Whether an input has this function of this context, as in `toJSON(needs)`.
    pub fn passes_on(&self, key: &str, context: &str) -> bool {
        let text: String = self.given(key).unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        text.to_ascii_lowercase().contains(&format!("tojson({context})"))
    }

    /// Whether each step before it uses an action of this repository, or one of GitHub's own.
    pub fn only_known_actions_before(&self, rules: &LintRules) -> bool {
        let is_known = |(index, step): (usize, &Step)| {
            let is_githubs = step.uses.as_ref().is_some_and(|uses| uses.text.starts_with("actions/"));
            is_githubs || rules.used(self.job, index).is_some()
        };
        self.job.steps.iter().enumerate().take(self.index).all(is_known)
    }

    pub fn problem(&self, at: Position, rule: Rule) -> Problem {
        Problem::new(&self.workflow.path, at, rule)
    }
}
