//! A config file that no step reads: it is in another place, or the job has no checkout. The steps would take the defaults. Pure.

use super::{
    known::LintRules,
    model::Workflow,
    problem::{Problem, Rule},
    steps::{CONFIG, OurStep},
};
use crate::{config::paths::DEFAULT_PATH, values::closest, yaml::Position};

/// The config file's name without its ending.
const STEM: &str = "promote-gates";
const ENDINGS: [&str; 4] = ["yml", "yaml", "json", "toml"];

/// Settings of the config file that a step does not get, because its job has no checkout.
pub fn judge_config(step: &OurStep<'_>, rules: &LintRules) -> Option<Problem> {
    let config = rules.config.as_ref()?;
    let settings = config.settings.get(step.action.name)?.keys();
    let keys: Vec<String> = settings.filter(|key| !step.is_given_by_step(key)).map(|key| format!("`{key}`")).collect();
    let earlier = &step.job.steps[..step.index];
    let has_checkout = earlier.iter().any(|step| step.is_action("actions/checkout"));
    let is_inside = step.workflow.is_action || step.is_given_by_step(CONFIG);
    if keys.is_empty() || has_checkout || is_inside || !step.only_known_actions_before(rules) {
        return None;
    }
    Some(
        step.problem(step.uses.at, Rule::ConfigFile)
            .actual(format!(
                "job `{}` has no checkout before `{}`, so {} is not read",
                step.job.id.text, step.action.name, config.path
            ))
            .expected(format!("its settings for `{}`: {}", step.action.name, keys.join(", ")))
            .next("add a step with `actions/checkout` before this one"),
    )
}

/// Files whose name is that of the config file, or close to it, in a place where no step looks. `files`: those that exist in the
/// folders where people put such a file.
pub fn misplaced(files: &[String], workflows: &[Workflow], rules: &LintRules) -> Vec<Problem> {
    let is_read = |path: &str| {
        rules.config.as_ref().is_some_and(|config| config.path == path) || rules.named_configs.contains_key(path)
    };
    // A workflow may have this name, too.
    let is_workflow = |path: &str| workflows.iter().any(|workflow| workflow.path == path && !workflow.jobs.is_empty());
    let wrong = files.iter().filter(|path| is_config_name(path) && !is_read(path) && !is_workflow(path));
    wrong
        .map(|path| {
            Problem::new(path, Position::START, Rule::ConfigFile)
                .actual(format!("no step reads {path}"))
                .expected(format!("the config file at {DEFAULT_PATH}, or the input `config` with its path"))
                .next(format!("git mv {path} {DEFAULT_PATH}"))
        })
        .collect()
}

fn is_config_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase().replace('_', "-");
    let Some((stem, ending)) = name.trim_start_matches('.').rsplit_once('.') else { return false };
    ENDINGS.contains(&ending) && closest(stem, &[STEM]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_close_to_the_config_file_are_recognized() {
        for name in [
            "promote-gates.yml",
            ".promote-gates.yaml",
            "x/promote_gates.json",
            "promote-gate.yml",
            "Promote-Gates.YML",
        ] {
            assert!(is_config_name(name), "{name}");
        }
        for name in ["promote.yml", "gates.yml", "promote-gates", "promote-gates.md", "promote-to-production.yml"] {
            assert!(!is_config_name(name), "{name}");
        }
    }
}
