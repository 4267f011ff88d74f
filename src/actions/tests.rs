use std::collections::BTreeMap;

use super::*;
use crate::{
    runner_env::RunnerEnv,
    settings,
    yaml::{self, Node, Value},
};

/// Source: GitHub's documentation, "Metadata syntax for GitHub Actions", `branding`.
const COLORS: &str = "white black yellow blue green orange red purple gray-dark";
const ICONS: &str = include_str!("icons.txt");

fn setting(help: &str) -> Setting {
    Setting {
        unit: None,
        pattern: None,
        key: "max-ratio".to_owned(),
        help: help.to_owned(),
        value_name: String::new(),
        default: Vec::new(),
        required: false,
        many: false,
        choices: Vec::new(),
        kind: SettingKind::Text,
        heading: None,
    }
}

/// The node at a path of keys; a number is an index of a list.
fn at<'a>(node: &'a Node, path: &[&str]) -> &'a Node {
    path.iter().fold(node, |node, key| match &node.value {
        Value::Map(entries) => {
            entries.iter().find(|(found, _)| found.name == *key).map_or_else(|| panic!("no {key}"), |(_, node)| node)
        }
        Value::List(items) => &items[key.parse::<usize>().unwrap()],
        _ => panic!("nothing behind {key}"),
    })
}

fn text(node: &Node) -> &str {
    let Value::Text(text) = &node.value else { panic!("{node:?}") };
    text
}

fn entries(node: &Node) -> BTreeMap<&str, &Node> {
    let Value::Map(entries) = &node.value else { panic!("{node:?}") };
    entries.iter().map(|(key, node)| (key.name.as_str(), node)).collect()
}

#[test]
fn every_input_reaches_its_command_under_its_name() {
    for action in Action::all() {
        let yml = yaml::read(&action.yml()).unwrap();
        let inputs = entries(at(&yml, &["inputs"]));
        let variables = entries(at(&yml, &["runs", "steps", "0", "env"]));
        // As on a runner, each variable gets the value of the input in its expression: here the input's name.
        let environment = variables.iter().map(|(variable, value)| {
            let input = text(value).strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")).unwrap();
            assert!(inputs.contains_key(input), "{input}");
            ((*variable).into(), input.into())
        });
        let layer =
            settings::input_layer(&commands::command_table(), action.name, &RunnerEnv::read(environment).inputs)
                .unwrap_or_else(|error| panic!("{error:?}"));
        let received: Vec<(&str, &str)> =
            layer.iter().map(|(key, given)| (key.as_str(), given.texts[0].as_str())).collect();
        let mut wanted: Vec<&str> = action.settings.iter().map(|setting| setting.key.as_str()).collect();
        wanted.sort_unstable();
        assert_eq!(received, wanted.iter().map(|key| (*key, *key)).collect::<Vec<_>>(), "{}", action.name);
        assert_eq!(inputs.len(), wanted.len());
    }
}

#[test]
fn every_output_comes_from_the_step() {
    for action in Action::all() {
        let yml = yaml::read(&action.yml()).unwrap();
        assert_eq!(text(at(&yml, &["runs", "steps", "0", "id"])), STEP);
        let outputs = entries(at(&yml, &["outputs"]));
        assert_eq!(outputs.len(), action.outputs().count(), "{}: an output is declared twice", action.name);
        for output in action.outputs() {
            assert_eq!(
                text(at(outputs[output.name], &["value"])),
                format!("${{{{ steps.gate.outputs.{} }}}}", output.name)
            );
        }
    }
}

#[test]
fn an_action_has_only_fields_and_values_that_github_accepts() {
    for action in Action::all() {
        let yml = yaml::read(&action.yml()).unwrap();
        assert!(ICONS.split_whitespace().any(|icon| icon == action.branding.icon), "{}", action.branding.icon);
        assert!(COLORS.split_whitespace().any(|color| color == action.branding.color), "{}", action.branding.color);
        // The limit of the marketplace.
        assert!(text(at(&yml, &["description"])).chars().count() < 125, "{}", action.about);
        for (input, node) in entries(at(&yml, &["inputs"])) {
            assert_eq!(entries(node).into_keys().collect::<Vec<_>>(), ["description", "required"], "{input}");
            // The runner refuses an action with an expression in a description.
            assert!(!text(at(node, &["description"])).contains("${{"), "{input}");
        }
        let run = text(at(&yml, &["runs", "steps", "0", "run"]));
        assert!(run.starts_with("exec \"$GITHUB_ACTION_PATH/") && !run.contains("${{"), "{run}");
        assert!(run.ends_with(&format!("dist/promote-gates\" {}", action.name)), "{run}");
    }
}

#[test]
fn every_command_but_a_local_one_is_an_action_and_run_is_the_first() {
    let mut actions: Vec<&str> = Action::all().map(|action| action.name).collect();
    assert_eq!(actions[0], "run");
    let mut names = commands::names();
    actions.sort_unstable();
    names.sort_unstable();
    assert_eq!(actions, names);
}

#[test]
fn a_description_names_the_accepted_values_and_the_default() {
    for (setting, expected) in [
        (setting("Ratio"), "Ratio."),
        (Setting { required: true, ..setting("Ratio") }, "Ratio. Required, here or in the config file."),
        (
            Setting { default: vec!["10s".to_owned()], kind: SettingKind::Duration, ..setting("Pause") },
            "Pause. A duration such as `90s` or `2m`. Default: `10s`.",
        ),
        (
            Setting { many: true, ..setting("Files [default: all, if any]") },
            "Files. One item per line. Default: all, if any.",
        ),
        (
            Setting { choices: vec!["raw".to_owned(), "gzip".to_owned()], ..setting("Size") },
            "Size. One of `raw`, `gzip`.",
        ),
    ] {
        assert_eq!(described(&setting), expected);
    }
}

#[test]
fn any_help_text_is_escaped_in_markdown_and_yaml() {
    let hostile = setting("it's a|b, <img> and `<service>|x`: # \"y\" {z}");
    assert_eq!(cell(&sentences(&hostile)), "it's a\\|b, &lt;img> and `<service>\\|x`: # \"y\" {z}.");
    let read = yaml::read(&format!("a: {}", quoted(&hostile.help))).unwrap();
    assert_eq!(text(at(&read, &["a"])), hostile.help);
}
