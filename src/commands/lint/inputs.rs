//! Inputs that an action does not have, and required ones that are missing. GitHub only warns of the former, and the command
//! takes its default. Pure.

use super::{
    known::LintRules,
    model::{Entry, Text},
    problem::{Problem, Rule},
    steps::OurStep,
};
use crate::values::closest;

pub fn judge_inputs(step: &OurStep<'_>, rules: &LintRules) -> Vec<Problem> {
    let name = step.action.name;
    let known: Vec<&str> = step.action.inputs.iter().map(|input| input.key.as_str()).collect();
    let mut problems = Vec::new();
    let mut meant = Vec::new();
    if let Some(Text { text, at }) = &step.step.with_expression {
        problems.push(
            step.problem(*at, Rule::UnknownInput)
                .undecided()
                .actual(format!("`{text}` decides which inputs `{name}` gets"))
                .expected("the names of the inputs, as plain keys")
                .next("write each input as a key of `with:`"),
        );
    }
    let unknown = |entry: &&Entry| step.action.input(&entry.key.text).is_none() && !entry.key.text.contains("${{");
    for entry in step.step.with.iter().filter(unknown) {
        let key = &entry.key.text;
        let close = closest(key, &known);
        meant.extend(close);
        let (expected, next) = match close {
            Some(close) => (
                format!("an input of `{name}`"),
                format!("did you mean `{close}`? GitHub only warns, and `{name}` takes its default"),
            ),
            None => (format!("one of {}", known.join(", ")), format!("remove the line, or name an input of `{name}`")),
        };
        problems.push(
            step.problem(entry.key.at, Rule::UnknownInput)
                .actual(format!("`{key}`, which is no input of `{name}`"))
                .expected(expected)
                .next(next),
        );
    }
    for input in step.action.inputs.iter().filter(|input| input.required) {
        // A misspelt key is one problem, not two.
        if step.is_given(&input.key, rules) || meant.contains(&input.key.as_str()) {
            continue;
        }
        let empty = step.with(&input.key);
        let actual = if empty.is_some() { "is empty" } else { "is not given" };
        problems.push(
            step.problem(empty.map_or(step.uses.at, |entry| entry.key.at), Rule::MissingInput)
                .actual(format!("`{}` of `{name}` {actual}", input.key))
                .expected(format!("a value: `{name}` requires it"))
                .next(input.way_to_give.as_str()),
        );
    }
    problems
}
