//! Wrong workflows, each with its one finding.

use super::{EMERGENCY, PROMOTE, VALIDATE};

/// A wrong workflow: its file, what is changed in it, the rule, and parts of what was seen and of what to do.
pub struct WrongWorkflow {
    pub file: &'static str,
    pub changes: &'static [(&'static str, &'static str)],
    pub rule: &'static str,
    pub actual: &'static str,
    pub next: &'static str,
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

pub const WRONG: &[WrongWorkflow] = &[
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
        PROMOTE,
        &[
            ("duration: 10m", "duration: 10m\n          superseded-by: validation"),
            ("    permissions:\n      actions: read", "    ⟦permissions:\n      actions: read"),
        ],
        "missing-permission",
        "job `promote` lacks `checks: read`",
        "`checks: read`",
    ),
    wrong(
        PROMOTE,
        &[
            ("token: ${{ secrets.INFRA_WRITE_TOKEN }}", "token: ${{ github.token }}\n          mode: pull-request"),
            ("      contents: read\n      deployments", "      contents: write\n      deployments"),
            ("    permissions:\n      actions: read", "    ⟦permissions:\n      actions: read"),
        ],
        "missing-permission",
        "job `promote` lacks `pull-requests: write`",
        "`pull-requests: write`",
    ),
    wrong(
        PROMOTE,
        &[
            (
                "token: ${{ secrets.INFRA_WRITE_TOKEN }}",
                "token: ${{ github.token }}\n          mode: pull-request\n          merge: squash",
            ),
            ("      contents: read\n      deployments", "      contents: write\n      deployments"),
            ("    permissions:\n      actions: read", "    ⟦permissions:\n      actions: read"),
        ],
        "missing-permission",
        "job `promote` lacks `pull-requests: read`",
        "`pull-requests: read`",
    ),
    wrong(
        VALIDATE,
        &[
            ("token: ${{ secrets.DISPATCH_TOKEN }}", "token: ${{ github.token }}"),
            ("contents: read\n      id-token", "⟦contents: read\n      id-token"),
        ],
        "missing-permission",
        "job `record` lacks `contents: write`",
        "`contents: write`",
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
    wrong(
        PROMOTE,
        &[(
            "          results: |\n            ${{ toJSON(needs) }}\n            ${{ toJSON(steps) }}\n",
            "          ⟦results: ${{ toJSON(needs) }}\n",
        )],
        "missing-report",
        "`results` does not have the report of `approval`",
        "add a line `${{ toJSON(steps) }}`",
    ),
];
