use super::*;
use crate::{
    commands::{
        COMMANDS, command_table,
        lint::{new_rules, reader::read_workflow},
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
    let config = Config::read(&table, ".github/promote-gates.yml", config.as_bytes(), None).unwrap();
    new_rules(COMMANDS, &table, &config)
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

/// A wrong workflow: its file, what is changed in it, the rule, and parts of what was seen and of what to do.
struct WrongWorkflow {
    file: &'static str,
    changes: &'static [(&'static str, &'static str)],
    rule: &'static str,
    actual: &'static str,
    next: &'static str,
}

const fn wrong(
    file: &'static str,
    changes: &'static [(&'static str, &'static str)],
    rule: &'static str,
    actual: &'static str,
    next: &'static str,
) -> WrongWorkflow {
    WrongWorkflow { file, changes, rule, actual, next }
}

const WRONG: &[WrongWorkflow] = &[
    wrong(
        VALIDATE,
        &[("consecutive: 3", "⟦consecutiv: 3")],
        "unknown-input",
        "`consecutiv`, which is no input of `health`",
        "did you mean `consecutive`?",
    ),
    wrong(
        VALIDATE,
        &[("repository: acme/infra", "⟦repositry: acme/infra")],
        "unknown-input",
        "`repositry`",
        "did you mean `repository`?",
    ),
    wrong(VALIDATE, &[("consecutive: 3", "⟦colour: red")], "unknown-input", "`colour`", "remove the line"),
    wrong(
        VALIDATE,
        &[("acme/promote-gates/record", "⟦acme/promote-gates/record"), ("          repository: acme/infra\n", "")],
        "missing-input",
        "`repository` of `record` is not given",
        "give `repository`",
    ),
    wrong(
        VALIDATE,
        &[("repository: acme/infra", "⟦repository: ''")],
        "missing-input",
        "`repository` of `record` is empty",
        "give `repository`",
    ),
    wrong(
        VALIDATE,
        &[
            ("acme/promote-gates/record", "⟦acme/promote-gates/record"),
            ("          results: ${{ toJSON(needs) }}\n", ""),
        ],
        "missing-input",
        "neither `results` nor `reports`",
        "add `results: ${{ toJSON(needs) }}`",
    ),
    wrong(
        EMERGENCY,
        &[("acme/promote-gates/emergency@v1", "⟦acme/promote-gates/emergancy@v1")],
        "unknown-action",
        "there is no action `emergancy`",
        "did you mean `acme/promote-gates/emergency@v1`?",
    ),
    wrong(
        VALIDATE,
        &[("  smoke:\n", "  ⟦smoke:\n"), ("    outputs:\n      report: ${{ steps.smoke.outputs.report }}\n", "")],
        "missing-report",
        "job `smoke` has no output with the report of `smoke`",
        "add `report: ${{ steps.smoke.outputs.report }}` to `outputs:` of job `smoke`",
    ),
    wrong(
        VALIDATE,
        &[("report: ${{ steps.smoke.outputs.report }}", "report: ⟦${{ steps.smok.outputs.report }}")],
        "missing-report",
        "`${{ steps.smok.outputs.report }}`",
        "write `report: ${{ steps.smoke.outputs.report }}`",
    ),
    wrong(
        VALIDATE,
        &[("report: ${{ steps.health", "⟦result: ${{ steps.health")],
        "missing-report",
        "is called `result`",
        "call it `health-report`",
    ),
    wrong(
        VALIDATE,
        &[("- id: smoke\n        uses: acme", "- uses: ⟦acme")],
        "missing-report",
        "the step of `smoke` has no `id`",
        "add `id: smoke`",
    ),
    wrong(
        VALIDATE,
        &[("required: |\n            health", "⟦required: |\n            health\n            performance")],
        "missing-report",
        "no job runs `performance`",
        "in `required`",
    ),
    wrong(
        PROMOTE,
        &[("- id: approval\n        uses: acme", "- uses: ⟦acme")],
        "missing-report",
        "the step of `approval` has no `id`, so `toJSON(steps)`",
        "add `id: approval`",
    ),
    wrong(
        VALIDATE,
        &[("needs: [health, smoke]", "⟦needs: [health]")],
        "missing-need",
        "job `record` does not wait for job `smoke`",
        "add `smoke` to `needs:` of job `record`",
    ),
    wrong(
        VALIDATE,
        &[(
            "    outputs:\n      report: ${{ steps.health",
            "    strategy:\n      matrix:\n        zone: [a, b]\n    outputs:\n      ⟦report: ${{ steps.health",
        )],
        "matrix-outputs",
        "job `health` is a matrix",
        "`report-path`",
    ),
    wrong(
        VALIDATE,
        &[("      contents: read\n    outputs:", "      contents: read\n      ⟦id-token: write\n    outputs:")],
        "id-token",
        "job `smoke` has `id-token: write`",
        "remove it from this job",
    ),
    wrong(
        VALIDATE,
        &[("- uses: acme/promote-gates/record@v1", "- ⟦run: npm ci\n      - uses: acme/promote-gates/record@v1")],
        "id-token",
        "job `record` runs a script beside `record`",
        "move the step to another job",
    ),
    wrong(
        VALIDATE,
        &[(
            "- uses: acme/promote-gates/record@v1",
            "- uses: ⟦acme/sign@v1\n      - uses: acme/promote-gates/record@v1",
        )],
        "id-token",
        "job `record` runs `acme/sign` beside `record`",
        "move the step to another job",
    ),
    wrong(
        VALIDATE,
        &[("permissions: {}", "⟦permissions: write-all")],
        "id-token",
        "job `health` has `id-token: write`, from the `permissions` of the workflow",
        "give the job of `record` its own",
    ),
    wrong(
        VALIDATE,
        &[
            ("    permissions:\n      actions: read", "    ⟦permissions:\n      actions: read"),
            ("      id-token: write\n", ""),
        ],
        "missing-permission",
        "job `record` lacks `id-token: write`",
        "add to the `permissions` of job `record`",
    ),
    wrong(
        EMERGENCY,
        &[("issues: write", "⟦issues: read")],
        "missing-permission",
        "job `emergency` lacks `issues: write`",
        "`issues: write`",
    ),
    wrong(
        EMERGENCY,
        &[
            ("    permissions:\n      actions: read\n      contents: read\n      issues: write\n", ""),
            ("acme/promote-gates", "⟦acme/promote-gates"),
        ],
        "missing-permission",
        "lacks `actions: read`, `issues: write`",
        "add to the `permissions` of job `emergency`",
    ),
    wrong(
        PROMOTE,
        &[("    environment: production\n    permissions", "    environment: ⟦prodution\n    permissions")],
        "environment",
        "the environment `prodution`",
        "give both the same name",
    ),
    wrong(
        PROMOTE,
        &[("  promote:\n", "  ⟦promote:\n"), ("    environment: production\n    permissions", "    permissions")],
        "environment",
        "job `promote` has no `environment:`",
        "add `environment: production`",
    ),
    wrong(
        PROMOTE,
        &[(
            "    environment: production\n    permissions",
            "    environment:\n      name: production\n      ⟦deployment: false\n    permissions",
        )],
        "deployment",
        "job `promote` has `deployment: false`",
        "remove the line",
    ),
    wrong(
        VALIDATE,
        &[("tag: ${{ env.TAG }}\n          endpoints", "tag: ⟦${{ env.TAGS }}\n          endpoints")],
        "empty-value",
        "`tag`: `env.TAGS` is empty",
        "did you mean `TAG`?",
    ),
    wrong(
        VALIDATE,
        &[("command: npm run smoke", "command: ⟦${{ needs.plan.outputs.command }}")],
        "empty-value",
        "job `smoke` does not need `plan`",
        "name a job that is in `needs:`",
    ),
    wrong(
        VALIDATE,
        &[(
            "tag: ${{ env.TAG }}\n          endpoints",
            "tag: ⟦${{ github.event.client_payload.tag }}\n          endpoints",
        )],
        "empty-value",
        "`workflow_run` starts the workflow, which has no `client_payload`",
        "take the value from the event",
    ),
    wrong(
        VALIDATE,
        &[("consecutive: 3", "consecutive: ⟦${{ matrix.count }}")],
        "empty-value",
        "job `health` has no matrix",
        "name a key",
    ),
    wrong(
        PROMOTE,
        &[(
            "          subject: ${{ needs.evidence.outputs.subject }}\n          github",
            "          subject: ⟦${{ needs.evidence.outputs.subjct }}\n          github",
        )],
        "empty-value",
        "job `evidence` has no output `subjct`",
        "did you mean `subject`?",
    ),
    wrong(
        PROMOTE,
        &[("duration: 10m", "duration: ⟦${{ steps.aproval.outputs.reason }}")],
        "empty-value",
        "no earlier step of job `promote` has `id: aproval`",
        "did you mean `approval`?",
    ),
    wrong(
        EMERGENCY,
        &[("reason: ${{ inputs.reason }}", "reason: ⟦${{ inputs.resaon }}")],
        "empty-value",
        "the workflow has no input `resaon`",
        "did you mean `reason`?",
    ),
];

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

/// The other side of each rule.
#[test]
fn what_only_looks_wrong_has_no_finding() {
    for (file, changes, config) in [
        (VALIDATE, &[("          repository: acme/infra\n", "")][..], "record: { repository: acme/infra }"),
        (VALIDATE, &[("consecutive: 3", "CONSECUTIVE: 3")], "{}"),
        (VALIDATE, &[("acme/promote-gates/smoke@v1", "Octo/Promote-Gates/smoke@0123abc")], "{}"),
        (VALIDATE, &[("acme/promote-gates/smoke@v1", "acme/promote-gates/smoke/@v1")], "{}"),
        (VALIDATE, &[("report: ${{ steps.smoke", "smoke-report: ${{ steps.smoke")], "{}"),
        (VALIDATE, &[("report: ${{ steps.smoke", "report: ${{ steps.Smoke")], "{}"),
        (VALIDATE, &[("          results: ${{ toJSON(needs) }}\n", "          reports: reports/*.json\n")], "{}"),
        (VALIDATE, &[("permissions: {}", "permissions: read-all")], "{}"),
        (
            VALIDATE,
            &[("          required: |\n            health\n            smoke\n", "")],
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
                ("npm run smoke", "x\n          dry-run: true"),
            ],
            "{}",
        ),
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
                ("      issues: read\n", "      issues: read\n      pull-requests: read\n"),
            ],
            "{}",
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
