//! `uses: acme/promote-gates@v1`: several gates from one config file in one step.

use serde_json::Value;

use crate::act::{Act, Run};
use crate::repo::Repo;

const WORKFLOW: &str = r"
on: push
jobs:
  gates:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: gates
        uses: acme/promote-gates@v1
";

/// Two gates that need nothing but the checkout.
fn gates(critical_path: &str) -> Run {
    let config = format!(
        "gates:\n  - smoke:\n      command: {critical_path}\n  - bundle-size:\n      path: public\n      baseline: sizes.json\n      allow-first: true\n"
    );
    let repo = Repo::new();
    repo.write(".github/workflows/gates.yml", WORKFLOW);
    repo.write(".github/promote-gates.yml", config);
    repo.write("public/app.js", "console.log('shop');\n");
    repo.commit("a shop");
    Act::on(&repo, "push").run()
}

#[test]
fn gates_that_all_pass_are_one_step_with_one_report() {
    let run = gates("exit 0");

    let step = run.step("gates", "gates");
    assert_eq!(step.outcome, "success", "{}", run.log);
    assert_eq!(step.outputs["verdict"], "passed");
    let report: Value = serde_json::from_str(&step.outputs["report"]).expect("the report is JSON");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["command"], "run");
    for gate in ["smoke", "bundle-size"] {
        assert!(step.summary.contains(gate), "{gate} in {}", step.summary);
    }
    assert!(step.annotated("error").is_empty(), "{:?}", step.annotations);
}

#[test]
fn the_first_gate_that_does_not_pass_ends_it() {
    let run = gates("exit 1");

    let step = run.step("gates", "gates");
    assert_eq!((step.outcome.as_str(), step.exit), ("failure", Some(1)), "{}", run.log);
    assert_eq!(step.outputs["verdict"], "blocked");
    let report: Value = serde_json::from_str(&step.outputs["report"]).expect("the report is JSON");
    assert_eq!(report["verdict"], "blocked");
    assert!(step.annotated("error").iter().any(|error| error.message.contains("smoke")), "{:?}", step.annotations);
}
