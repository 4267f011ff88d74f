//! Workflows that use other files: reusable workflows, composite actions, copies of this repository, config files.

use super::{VALIDATE, changed, marked, rules};
use crate::{
    commands::lint::{
        judge::judge,
        problem::Problem,
        reader::{read_action, read_workflow},
    },
    finding::Verdict,
    yaml::Position,
};

const CALLER: &str = ".github/workflows/validate.yml";
const CALLED: &str = ".github/workflows/gates.yml";

/// `validate.yml` with a job in the place of `smoke`.
fn with_job(job: &str) -> String {
    let start = VALIDATE.find("  smoke:\n").unwrap();
    let end = VALIDATE.find("  record:\n").unwrap();
    format!("{}{job}{}", &VALIDATE[..start], &VALIDATE[end..])
}

/// The problems of a workflow, with another one, with actions by their folder, and with a config file.
fn lint(text: &str, called: &str, actions: &[(&str, &str)], config: &str) -> Vec<Problem> {
    let mut rules = rules(config);
    for (folder, text) in actions {
        rules.local.insert((*folder).to_owned(), read_action(&format!("{folder}/action.yml"), text).unwrap());
    }
    let workflows = [(CALLED, called), (CALLER, text)].map(|(path, text)| read_workflow(path, text).unwrap());
    judge(&workflows, &rules).problems
}

fn assert_one(found: &[Problem], rule: &str, at: Position, actual: &str) {
    let [problem] = found else { panic!("{rule}: {found:#?}") };
    assert_eq!((problem.rule.name(), problem.at), (rule, at), "{problem:#?}");
    assert!(problem.actual.contains(actual), "{problem:#?}");
}

const SMOKE: &str = "on:\n  workflow_call:\n    outputs:\n      report:\n        value: ${{ jobs.tests.outputs.report }}\npermissions: {}\njobs:\n  tests:\n    runs-on: x\n    outputs:\n      report: ${{ steps.smoke.outputs.report }}\n    steps:\n      - id: smoke\n        uses: acme/promote-gates/smoke@v1\n        with: { command: npm run smoke, junit: results/*.xml }\n";

#[test]
fn a_called_workflow_passes_its_reports_on() {
    let text = with_job("  smoke:\n    uses: ⟦./.github/workflows/gates.yml\n");
    let (text, at) = marked(&text);
    assert_eq!(lint(&text, SMOKE, &[], "{}"), []);
    let without =
        changed(SMOKE, &[("    outputs:\n      report:\n        value: ${{ jobs.tests.outputs.report }}\n", "")]);
    assert_one(
        &lint(&text, &without, &[], "{}"),
        "missing-report",
        at,
        "gates.yml has no output with the report of `smoke`",
    );
    let misspelt = changed(SMOKE, &[("jobs.tests.outputs.report", "jobs.tests.outputs.reprt")]);
    assert_one(&lint(&text, &misspelt, &[], "{}"), "missing-report", at, "gates.yml has no output");
}

#[test]
fn record_waits_for_a_called_workflow_with_gates() {
    let text = with_job("  smoke:\n    uses: ./.github/workflows/gates.yml\n");
    let (text, at) = marked(&changed(&text, &[("needs: [health, smoke]", "⟦needs: [health]")]));
    let found = lint(&text, SMOKE, &[], "{}");
    assert_one(&found, "missing-need", at, "does not wait for job `smoke`, which runs `smoke`");
}

#[test]
fn a_job_that_calls_the_workflow_of_record_may_sign() {
    let caller =
        "on: push\njobs:\n  all:\n    permissions:\n      id-token: write\n    uses: ./.github/workflows/gates.yml\n";
    let recording = changed(VALIDATE, &[("on:\n", "on:\n  workflow_call:\n")]);
    assert_eq!(lint(caller, &recording, &[], "{}"), []);
    let (caller, at) = marked(&caller.replace("id-token", "⟦id-token"));
    assert_one(&lint(&caller, SMOKE, &[], "{}"), "id-token", at, "job `all` has `id-token: write`");
}

const ACTION: &str = "name: smoke\ninputs:\n  command: { required: true }\noutputs:\n  report: { value: '${{ steps.smoke.outputs.report }}' }\nruns:\n  using: composite\n  steps:\n    - id: smoke\n      uses: acme/promote-gates/smoke@v1\n      with:\n        junit: results/*.xml\n        command: ${{ inputs.command }}\n        env: ⟦${{ steps.prepare.outputs.env }}\n";

#[test]
fn the_steps_of_a_composite_action_are_judged() {
    let job = "  smoke:\n    runs-on: x\n    outputs:\n      report: ${{ steps.smoke.outputs.report }}\n    steps:\n      - id: smoke\n        uses: ./actions/smoke\n        with: { command: x }\n";
    let (action, at) = marked(ACTION);
    let found = lint(&with_job(job), "on: push\n", &[("actions/smoke", &action)], "{}");
    assert_one(&found, "empty-value", at, "no earlier step of the action has `id: prepare`");
    assert_eq!(found[0].path, "actions/smoke/action.yml");

    let right = changed(&action, &[("        env: ${{ steps.prepare.outputs.env }}\n", "")]);
    assert_eq!(lint(&with_job(job), "on: push\n", &[("actions/smoke", &right)], "{}"), []);
    let wrong = changed(&right, &[("junit:", "junitt:")]);
    let found = lint(&with_job(job), "on: push\n", &[("actions/smoke", &wrong)], "{}");
    assert_one(&found, "unknown-input", Position { line: 12, column: 9 }, "`junitt`");
    let wrong = changed(&right, &[("inputs.command", "inputs.comand")]);
    let found = lint(&with_job(job), "on: push\n", &[("actions/smoke", &wrong)], "{}");
    assert_one(&found, "empty-value", Position { line: 13, column: 18 }, "the action has no input `comand`");

    let (text, at) = marked(&with_job(&changed(
        job,
        &[("    outputs:\n      report: ${{ steps.smoke.outputs.report }}\n", ""), ("smoke:\n", "⟦smoke:\n")],
    )));
    let found = lint(&text, "on: push\n", &[("actions/smoke", &right)], "{}");
    assert_one(
        &found,
        "missing-report",
        at,
        "no output with the report of `smoke`, which actions/smoke/action.yml runs",
    );
    let (text, at) = marked(&changed(&with_job(job), &[("needs: [health, smoke]", "⟦needs: [health]")]));
    let found = lint(&text, "on: push\n", &[("actions/smoke", &right)], "{}");
    assert_one(&found, "missing-need", at, "does not wait for job `smoke`");
}

/// The action of a copy of this repository.
const COPY: &str = "runs:\n  using: composite\n  steps:\n    - shell: sh\n      run: exec \"$GITHUB_ACTION_PATH/../dist/promote-gates\" smoke\n";

#[test]
fn actions_by_path_are_recognized() {
    for (uses, before, actions) in [
        ("./promote-gates/smoke", "", &[][..]),
        ("./.promote-gates/smoke", "", &[]),
        ("./tools/gates/smoke", "", &[("tools/gates/smoke", COPY)]),
        ("./tools/smoke", "repository: acme/promote-gates, path: tools", &[]),
        ("./smoke", "repository: Acme/Promote-Gates", &[]),
    ] {
        let before = format!("{{ {before} }}");
        let text = changed(
            VALIDATE,
            &[
                ("acme/promote-gates/smoke@v1", uses),
                ("uses: actions/checkout@v4", &format!("uses: actions/checkout@v4\n        with: {before}")),
            ],
        );
        assert_eq!(lint(&text, "on: push\n", actions, "{}"), [], "{uses}");
        let (wrong, at) = marked(&changed(&text, &[("junit: results", "⟦junitt: results")]));
        assert_one(&lint(&wrong, "on: push\n", actions, "{}"), "unknown-input", at, "`junitt`");
    }
    let other = changed(VALIDATE, &[("acme/promote-gates/smoke@v1", "./tools/smoke")]);
    let found = lint(&other, "on: push\n", &[("tools/smoke", "runs: { using: node24, main: x.js }\n")], "{}");
    assert_eq!(found.len(), 0, "another action is not judged: {found:#?}");
}

#[test]
fn a_config_file_without_a_checkout_is_reported() {
    let (text, at) =
        marked(&changed(VALIDATE, &[("uses: acme/promote-gates/health", "uses: ⟦acme/promote-gates/health")]));
    let found = lint(&text, "on: push\n", &[], "health: { attempts: 9 }");
    assert_one(&found, "config-file", at, "job `health` has no checkout before `health`");
    assert!(found[0].expected.contains("`attempts`") && found[0].verdict == Verdict::Blocked, "{found:#?}");
    let with_checkout =
        changed(VALIDATE, &[("      - id: health", "      - uses: actions/checkout@v4\n      - id: health")]);
    assert_eq!(lint(&with_checkout, "on: push\n", &[], "health: { attempts: 9 }"), []);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let text = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(lint(&text(VALIDATE), "on: push\n", &[], "{}"), []);
    let (wrong, at) = marked(&changed(VALIDATE, &[("consecutive: 3", "⟦consecutiv: 3")]));
    assert_one(&lint(&text(&wrong), "on: push\n", &[], "{}"), "unknown-input", at, "`consecutiv`");
}

#[test]
fn an_expression_that_makes_inputs_is_inconclusive() {
    let (wrong, at) = marked(&changed(VALIDATE, &[("consecutive: 3", "⟦${{ insert }}: ${{ fromJSON(env.TAG) }}")]));
    let found = lint(&wrong, "on: push\n", &[], "{}");
    assert_one(&found, "unknown-input", at, "`${{ insert }}` decides which inputs `health` gets");
    assert_eq!(found[0].verdict, Verdict::Inconclusive);
}
