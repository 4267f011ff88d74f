//! The runner behaviour that the other tests and the evidence depend on: a composite action whose step failed still has its
//! outputs, a later job gets them as `toJSON(needs)`, and summary and annotations arrive.

use serde_json::Value;

use crate::act::Act;
use crate::repo::{Repo, program};

const WORKFLOW: &str = r#"
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    outputs:
      report: ${{ steps.gate.outputs.report }}
    steps:
      - id: gate
        uses: acme/promote-gates/gate@v1
        with:
          say: it's
          token: ${{ secrets.TOKEN }}
      - id: next
        run: exit 0
      - id: after
        if: ${{ !cancelled() }}
        run: echo "still here"
  record:
    needs: gate
    if: ${{ !cancelled() }}
    runs-on: ubuntu-latest
    steps:
      - id: needs
        env:
          NEEDS: ${{ toJSON(needs) }}
        run: echo "$NEEDS"
"#;

const ACTION: &str = r#"
name: gate
description: a gate that blocks
inputs:
  say: { description: a word }
  token: { description: a secret }
outputs:
  verdict: { description: declared, value: "${{ steps.gate.outputs.verdict }}" }
  report: { description: declared, value: "${{ steps.gate.outputs.report }}" }
runs:
  using: composite
  steps:
    - id: gate
      shell: bash
      env:
        PROMOTE_GATES_SAY: ${{ inputs.say }}
        PROMOTE_GATES_TOKEN: ${{ inputs.token }}
      run: exec "$GITHUB_ACTION_PATH/../dist/promote-gates" gate
"#;

/// Cargo sets `CARGO_MANIFEST_DIR` for every test; it must not leak into a step.
const BINARY: &str = r###"#!/bin/sh
echo "$1 $PROMOTE_GATES_SAY $GITHUB_REPOSITORY $GITHUB_API_URL $STAGE"
echo "${CARGO_MANIFEST_DIR:-clean} ${TOKEN:-clean} $PROMOTE_GATES_TOKEN ${#PROMOTE_GATES_TOKEN}"
[ ! -t 1 ] || echo "a terminal: this act was not built with tools/act/pipes.go"
echo "::error title=Gate,file=a.js::130 %25 of 100%0Aover"
echo "::notice::seen"
echo "##[group]by the old name"
printf 'verdict=blocked\nundeclared=x\nreport<<EOR\n{"a":\n1}\nEOR\n' >>"$GITHUB_OUTPUT"
printf '| table |\n' >>"$GITHUB_STEP_SUMMARY"
exit 1
"###;

#[test]
fn a_failing_action_still_has_outputs_summary_and_annotations() {
    let repo = Repo::new();
    repo.write(".github/workflows/gate.yml", WORKFLOW).commit("a workflow");

    let act = Act::on(&repo, "push").api("http://127.0.0.1:1").env("STAGE", "staging").secret("TOKEN", "correct-horse");
    let run = act.run_with(|actions| {
        program(&actions.join("dist/promote-gates"), BINARY);
        std::fs::create_dir(actions.join("gate")).expect("make the folder");
        std::fs::write(actions.join("gate/action.yml"), ACTION).expect("write the action");
    });

    assert!(!run.succeeded, "{}", run.log);
    assert_eq!(run.job("gate").result, "failure");
    let gate = run.step("gate", "gate");
    assert_eq!((gate.outcome.as_str(), gate.exit), ("failure", Some(1)));
    assert_eq!(gate.printed, "gate it's acme/shop http://127.0.0.1:1 staging\nclean clean *** 13\n");
    assert_eq!(gate.outputs.get("verdict").map(String::as_str), Some("blocked"));
    assert_eq!(gate.outputs.get("report").map(String::as_str), Some("{\"a\":\n1}"));
    assert_eq!(gate.outputs.len(), 2, "only what action.yml declares: {:?}", gate.outputs);
    assert_eq!(gate.summary, "| table |\n");
    let [error] = gate.annotated("error")[..] else { panic!("one error: {:?}", gate.annotations) };
    assert_eq!(error.message, "130 % of 100\nover");
    assert_eq!(error.properties["title"], "Gate");
    assert_eq!(gate.annotated("notice").len(), 1);
    assert_eq!(gate.commands, [("group".to_owned(), "by the old name".to_owned())]);

    assert!(!run.job("gate").steps.contains_key("next"), "a step after a failed one is skipped");
    assert_eq!(run.step("gate", "after").printed, "still here\n");

    assert_eq!(run.job("record").result, "success");
    let needs: Value = serde_json::from_str(&run.step("record", "needs").printed).expect("toJSON(needs)");
    assert_eq!(needs["gate"]["result"], "failure");
    assert_eq!(needs["gate"]["outputs"]["report"], "{\"a\":\n1}");
}
