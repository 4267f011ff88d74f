mod several_files;
mod wrong;

use wrong::{WRONG, WrongWorkflow};

use super::*;
use crate::{
    commands::{
        COMMANDS, command_table,
        lint::{checkout::settings_of, new_rules, reader::read_workflow},
    },
    config::Config,
    finding::Verdict,
    yaml::Position,
};

const VALIDATE: &str = include_str!("tests/validate.yml");
const PROMOTE: &str = include_str!("tests/promote.yml");
const EMERGENCY: &str = include_str!("tests/emergency.yml");
/// Stands before the place that a finding is about.
const MARK: char = '⟦';
const PATH: &str = ".github/workflows/x.yml";

fn rules(config: &str) -> LintRules {
    let table = command_table();
    let path = ".github/promote-gates.yml";
    let config = Config::read(&table, path, config.as_bytes(), None).unwrap();
    let mut rules = new_rules(COMMANDS, &table);
    rules.config = Some(settings_of(path, &config, &rules));
    rules
}

fn lint(text: &str, config: &str) -> Vec<Problem> {
    judge(&[read_workflow(PATH, text).unwrap()], &rules(config)).problems
}

/// The text with some parts replaced, each of which it has once.
fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (old, new)| {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text.replace(old, new)
    })
}

/// The text without its mark, and where the mark was.
fn marked(text: &str) -> (String, Position) {
    let (before, after) = text.split_once(MARK).unwrap_or_else(|| panic!("no mark in {text}"));
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (format!("{before}{after}"), Position { line, column })
}

#[test]
fn each_wrong_workflow_has_its_one_finding_at_line_and_column() {
    assert!(WRONG.len() >= 20);
    for WrongWorkflow { file, changes, rule, actual, next } in WRONG {
        let (text, at) = marked(&changed(file, changes));
        let found = lint(&text, "{}");
        let [problem] = &found[..] else { panic!("{changes:?}: {found:#?}") };
        assert_eq!((problem.rule.name(), problem.at), (*rule, at), "{problem:#?}");
        assert!(problem.actual.contains(actual) && problem.next.contains(next), "{problem:#?}");
        assert!(!problem.expected.is_empty() && problem.path == PATH, "{problem:#?}");
    }
}

#[test]
fn right_workflows_have_no_finding() {
    for text in [VALIDATE, PROMOTE, EMERGENCY] {
        assert_eq!(lint(text, "{}"), Vec::<Problem>::new());
    }
}

/// Without it, the job of `record` has no config file.
const CHECKOUT_FOR_RECORD: (&str, &str) =
    ("- uses: acme/promote-gates/record@v1", "- uses: actions/checkout@v4\n      - uses: acme/promote-gates/record@v1");

/// The other side of each rule.
#[test]
fn what_only_looks_wrong_has_no_finding() {
    for (file, changes, config) in [
        (
            VALIDATE,
            &[("          repository: acme/infra\n", ""), CHECKOUT_FOR_RECORD][..],
            "record: { repository: acme/infra }",
        ),
        (VALIDATE, &[("consecutive: 3", "CONSECUTIVE: 3")], "{}"),
        (VALIDATE, &[("acme/promote-gates/smoke@v1", "Octo/Promote-Gates/smoke@0123abc")], "{}"),
        (VALIDATE, &[("acme/promote-gates/smoke@v1", "acme/promote-gates/smoke/@v1")], "{}"),
        (VALIDATE, &[("report: ${{ steps.smoke", "smoke-report: ${{ steps.smoke")], "{}"),
        (VALIDATE, &[("report: ${{ steps.smoke", "report: ${{ steps.Smoke")], "{}"),
        (VALIDATE, &[("          results: ${{ toJSON(needs) }}\n", "          reports: reports/*.json\n")], "{}"),
        (VALIDATE, &[("permissions: {}", "permissions: read-all")], "{}"),
        (
            VALIDATE,
            &[("          required: |\n            health\n            smoke\n", ""), CHECKOUT_FOR_RECORD],
            "record: { required: [health, smoke] }",
        ),
        (
            VALIDATE,
            &[
                ("      id-token: write\n", ""),
                ("repository: acme/infra", "repository: acme/infra\n          proof: annotations"),
            ],
            "{}",
        ),
        (VALIDATE, &[("env.TAG }}\n          endpoints", "env.OTHER || env.TAG }}\n          endpoints")], "{}"),
        (
            VALIDATE,
            &[("uses: actions/checkout@v4", "run: echo X=1 >>\"$GITHUB_ENV\""), ("npm run smoke", "${{ env.X }}")],
            "{}",
        ),
        (
            VALIDATE,
            &[(
                "- uses: acme/promote-gates/record@v1",
                "- uses: actions/download-artifact@v8\n      - uses: acme/promote-gates/record@v1",
            )],
            "{}",
        ),
        // A gate that counts for nothing, and one on another environment.
        (
            VALIDATE,
            &[
                ("needs: [health, smoke]", "needs: [health]"),
                ("            smoke\n", ""),
                ("npm run smoke", "x\n          dry-run: True"),
            ],
            "{}",
        ),
        // Actions by a path in the workspace.
        (VALIDATE, &[("acme/promote-gates/smoke@v1", "./promote-gates/smoke")], "{}"),
        (VALIDATE, &[("acme/promote-gates/smoke@v1", "./.github/actions/promote-gates/smoke/")], "{}"),
        // A config file that the step names, and that is not in this checkout.
        (VALIDATE, &[("          repository: acme/infra\n", "          config: infra/rules.yml\n")], "{}"),
        // The step gives what the config file would.
        (VALIDATE, &[], "environment: staging"),
        (
            VALIDATE,
            &[
                ("needs: [health, smoke]", "needs: [health]"),
                ("            smoke\n", ""),
                ("npm run smoke", "x\n          environment: test"),
            ],
            "{}",
        ),
        (
            PROMOTE,
            &[("    environment: production\n    permissions", "    environment: Production\n    permissions")],
            "{}",
        ),
        (
            PROMOTE,
            &[("    environment: production\n    permissions", "    environment: ${{ vars.NAME }}\n    permissions")],
            "{}",
        ),
        (
            PROMOTE,
            &[(
                "    environment: production\n    permissions",
                "    environment: { name: production, deployment: true }\n    permissions",
            )],
            "{}",
        ),
        (
            PROMOTE,
            &[("          github-environment: production\n", "")],
            "approval: { github-environment: production }",
        ),
        (
            PROMOTE,
            &[
                ("      deployments: read\n", ""),
                ("          github-environment: production\n", "          source: pull-request\n"),
                ("      issues: read\n", "      issues: read\n      checks: read\n      pull-requests: read\n"),
            ],
            "{}",
        ),
        // A dry-run writes nothing.
        (EMERGENCY, &[("issues: write", "issues: read")], "emergency: { dry-run: true }"),
        (
            PROMOTE,
            &[("token: ${{ secrets.INFRA_WRITE_TOKEN }}", "token: ${{ github.token }}")],
            "promote: { dry-run: true }",
        ),
        (
            EMERGENCY,
            &[
                ("permissions: {}\n", ""),
                ("    permissions:\n      actions: read\n      contents: read\n      issues: write\n", ""),
            ],
            "{}",
        ),
        (
            EMERGENCY,
            &[("api-token: ${{ github.token }}", "api-token: ${{ secrets.API }}"), ("      issues: write\n", "")],
            "{}",
        ),
    ] {
        let found = lint(&changed(file, changes), config);
        assert_eq!(found, Vec::<Problem>::new(), "{changes:?}");
    }
}

#[test]
fn what_an_expression_decides_is_inconclusive() {
    let (old, new) = (
        "    environment: production\n    permissions",
        "    environment: { name: production, deployment: '${{ inputs.x }}' }\n    permissions",
    );
    let found = lint(&changed(PROMOTE, &[(old, new)]), "{}");
    assert!(matches!(&found[..], [problem] if problem.verdict == Verdict::Inconclusive), "{found:#?}");
}

#[test]
fn several_findings_are_in_the_order_of_lines() {
    let text = changed(
        VALIDATE,
        &[
            ("consecutive: 3", "consecutiv: 3"),
            ("needs: [health, smoke]", "needs: []"),
            ("repository: acme/infra", "x: y"),
        ],
    );
    let found = lint(&text, "{}");
    let rules: Vec<&str> = found.iter().map(|problem| problem.rule.name()).collect();
    assert_eq!(rules, ["unknown-input", "missing-need", "missing-need", "missing-input", "unknown-input"]);
}

#[test]
fn other_workflows_are_not_judged() {
    let text = "on: push\njobs:\n  a:\n    permissions: write-all\n    steps:\n      - uses: acme/other/health@v1\n        with: { x: y }\n";
    assert_eq!(judge(&[read_workflow(PATH, text).unwrap()], &rules("{}")), LintResult::default());
}

#[test]
fn aliases_are_followed() {
    let text = changed(
        VALIDATE,
        &[
            ("  health:\n    runs-on", "  health:\n    permissions: &all\n      ⟦id-token: write\n    runs-on"),
            ("    permissions:\n      contents: read\n    outputs", "    permissions: *all\n    outputs"),
        ],
    );
    let (text, at) = marked(&text);
    let found = lint(&text, "{}");
    assert!(matches!(&found[..], [problem] if problem.at == at && problem.rule.name() == "id-token"), "{found:#?}");
}

#[test]
fn the_actions_are_those_of_the_registry() {
    let rules = rules("{}");
    let actions: Vec<crate::actions::Action> = crate::actions::Action::all().collect();
    assert_eq!(rules.actions.len(), actions.len());
    for action in actions {
        let known = rules.actions.iter().find(|known| known.name == action.name).unwrap();
        let keys: Vec<&str> = known.inputs.iter().map(|input| input.key.as_str()).collect();
        let expected: Vec<&str> = action.settings.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(keys, expected, "{}", action.name);
        assert!(action.outputs().map(|output| output.name).eq(known.outputs.iter().copied()), "{}", action.name);
    }
    for name in [super::super::known::RECORD, super::super::known::EVIDENCE] {
        assert!(rules.actions.iter().any(|action| action.name == name), "{name}");
    }
}
