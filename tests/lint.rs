//! `lint` as a person and a workflow start it: formats, exit codes, and the workflows of this repository.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    house::Runner,
    repository::{files_ending, root},
};

const RIGHT: &str = "on: push\npermissions: {}\njobs:\n  health:\n    runs-on: x\n    steps:\n      - uses: acme/promote-gates/health@v1\n        with: { endpoints: 'https://x.example' }\n";
const WRONG: &str = "on: push\npermissions: {}\njobs:\n  health:\n    runs-on: x\n    steps:\n      - uses: acme/promote-gates/health@v1\n        with: { endpoint: 'https://x.example' }\n";
const WORKFLOW: &str = ".github/workflows/a.yml";

fn with_workflow(text: &str) -> Runner {
    let runner = Runner::new();
    runner.write(WORKFLOW, text);
    runner
}

#[test]
fn the_workflows_of_this_repository_have_no_finding() {
    let checkout = root().display().to_string();
    let shipped = files_ending(&[".yml"]).into_iter().filter(|path| path.starts_with("workflows/"));
    let folders: BTreeSet<String> = shipped.filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned())).collect();
    assert!(folders.len() > 1, "{folders:?}");
    for folder in &folders {
        let ended = Runner::new().run(&["lint", "--checkout", &checkout, "--folder", folder]);
        assert_eq!(ended.code, 0, "{}", ended.log);
        assert!(ended.log.starts_with("lint: nothing found in "), "{}", ended.log);
    }
}

#[test]
fn a_finding_has_file_line_and_column() {
    let ended = with_workflow(WRONG).run(&["lint"]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    let line = format!(
        "{WORKFLOW}:8:17 unknown-input: `endpoint`, which is no input of `health`; expected an input of `health`; next: "
    );
    assert!(ended.log.contains(&line), "{}", ended.log);
    assert!(ended.log.contains("next: did you mean `endpoints`?"), "{}", ended.log);
}

#[test]
fn a_program_reads_json() {
    let read = |runner: &Runner| {
        let ended = runner.run(&["lint", "--format", "json"]);
        let json: Value = serde_json::from_str(&ended.log).unwrap_or_else(|error| panic!("{error}: {}", ended.log));
        (ended.code, json)
    };
    let (code, json) = read(&with_workflow(WRONG));
    let finding = &json["findings"][0];
    assert_eq!(code, 1);
    assert_eq!(json["verdict"], "blocked");
    assert_eq!(finding["file"], WORKFLOW);
    assert_eq!(finding["rule"], "unknown-input");
    assert_eq!(finding["line"], 8);
    assert_eq!(finding["column"], 17);
    let (code, json) = read(&with_workflow(RIGHT));
    assert_eq!(code, 0);
    assert_eq!(json["verdict"], "passed");
    assert_eq!(json["steps"], 1);
    let (code, json) = read(&with_workflow("on: push\n"));
    assert_eq!(code, 3);
    assert_eq!(json["verdict"], "inconclusive");
    assert!(json["reason"].as_str().is_some_and(|reason| reason.contains("--folder")), "{json}");
}

#[test]
fn a_workflow_run_shows_annotations() {
    let ended = with_workflow(WRONG).run(&["lint", "--format", "github"]);
    assert_eq!(ended.code, 1, "{}", ended.log);
    let start = format!("::error file={WORKFLOW},line=8,col=17,title=lint%3A unknown-input::`endpoint`");
    assert!(ended.log.contains(&start), "{}", ended.log);
    assert!(ended.log.contains("lint: 1 finding in 1 workflow with 1 step"), "{}", ended.log);
    assert_eq!(ended.commands().len(), 1, "{}", ended.log);
}

#[test]
fn text_of_a_workflow_is_no_workflow_command() {
    let hostile = WRONG.replace("endpoint:", "\"x\\n::error::y\":");
    for format in ["text", "json", "github"] {
        let ended = with_workflow(&hostile).run(&["lint", "--format", format]);
        assert_eq!(ended.code, 1, "{}", ended.log);
        assert!(!ended.log.lines().any(|line| line.trim_start().starts_with("::error::y")), "{}", ended.log);
    }
}

#[test]
fn the_config_file_gives_what_a_step_leaves_out() {
    let text = RIGHT
        .replace("steps:\n", "steps:\n      - uses: actions/checkout@v4\n")
        .replace("health@v1\n        with: { endpoints: 'https://x.example' }", "bundle-size@v1");
    let runner = with_workflow(&text);
    let ended = runner.run(&["lint"]);
    assert!(ended.code == 1 && ended.log.contains("`path` of `bundle-size` is not given"), "{}", ended.log);
    runner.write(".github/promote-gates.yaml", "bundle-size: { path: dist }\n");
    assert_eq!(runner.run(&["lint"]).code, 0);
    runner.write(".github/promote-gates.yml", "bundle-size: { path: dist }\n");
    let ended = runner.run(&["lint"]);
    assert!(ended.code == 2 && ended.log.contains("expected one config file"), "{}", ended.log);
}

#[test]
fn what_cannot_be_read_is_inconclusive() {
    for (text, actual) in [("a: [1", "a.yml:2:"), ("a: 1\na: 2\n", "a.yml:2:1 unreadable-file")] {
        let runner = with_workflow(RIGHT);
        runner.write(".github/workflows/a.yml", text);
        runner.write(".github/workflows/b.yaml", RIGHT);
        let ended = runner.run(&["lint"]);
        assert!(ended.code == 3 && ended.log.contains(actual), "{}", ended.log);
    }
    let ended = with_workflow("on: push\njobs: {}\n").run(&["lint"]);
    assert!(ended.code == 3 && ended.log.contains("no step in ./.github/workflows uses"), "{}", ended.log);
}

#[test]
fn a_config_file_that_no_step_reads_is_a_finding() {
    for path in [
        "promote-gates.yml",
        ".github/promote_gates.yaml",
        ".github/workflows/promote-gates.yml",
        "config/promote-gates.json",
    ] {
        let runner = with_workflow(RIGHT);
        runner.write(path, "health: { attempts: 9 }\n");
        let ended = runner.run(&["lint"]);
        let line = format!("{path}:1:1 config-file: no step reads {path}");
        assert!(ended.code == 1 && ended.log.contains(&line), "{}", ended.log);
        let named = RIGHT.replace("with: {", &format!("with: {{ config: {path},"));
        runner.write(WORKFLOW, named);
        let ended = runner.run(&["lint"]);
        assert_eq!(ended.code, 0, "{}", ended.log);
    }
}

#[test]
fn bad_flags_are_refused() {
    let runner = with_workflow(RIGHT);
    runner.write("src/main.rs", "");
    for (arguments, message) in [
        (["lint", "--checkout", "gone"], "gone: no such folder"),
        (["lint", "--folder", "gone"], "./gone: no such folder"),
        (["lint", "--checkout", "src"], "src/.github/workflows: no such folder"),
        (["lint", "--format", "xml"], "text, json, github"),
    ] {
        let ended = runner.run(&arguments);
        assert!(ended.code == 2 && ended.log.contains(message), "{}", ended.log);
    }
    let ended = runner.run(&["lint", "--checkout", "src"]);
    assert!(ended.log.contains(&format!("give --checkout {}", runner.workspace().display())), "{}", ended.log);
}
