//! `uses: acme/promote-gates@v1`: several gates from one config file in one step.

use serde_json::Value;

use crate::act::{Act, ActRun};
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

/// Two gates that need only the checkout.
const CONFIG: &str = "
gates:
  - performance:
      results: stats.json
      baseline: baseline.json
  - bundle-size:
      path: public
      baseline: sizes.json
      allow-first: true
";

/// A release with this p99 latency; the baseline is 100 ms.
fn release(p99: u32) -> ActRun {
    let repo = Repo::new();
    repo.write(".github/workflows/gates.yml", WORKFLOW);
    repo.write(".github/promote-gates.yml", CONFIG);
    repo.write("stats.json", format!(r#"{{"p99_latency": {p99}}}"#));
    repo.write("baseline.json", r#"{"p99_latency": 100}"#);
    repo.write("public/app.js", "console.log('shop');\n");
    repo.commit("a shop");
    Act::on(&repo, "push").run()
}

#[test]
fn passing_gates_share_one_step_and_one_report() {
    let run = release(119);

    let step = run.step("gates", "gates");
    assert_eq!(step.outcome, "success", "{}", run.log);
    assert_eq!(step.outputs["verdict"], "passed");
    let report: Value = serde_json::from_str(&step.outputs["report"]).expect("the report is JSON");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["command"], "run");
    for gate in ["performance", "bundle-size"] {
        assert!(step.summary.contains(gate), "{gate} in {}", step.summary);
    }
    assert!(step.annotated("error").is_empty(), "{:?}", step.annotations);
}

#[test]
fn the_first_gate_that_fails_ends_the_run() {
    let run = release(130);

    let step = run.step("gates", "gates");
    assert_eq!((step.outcome.as_str(), step.exit), ("failure", Some(1)), "{}", run.log);
    assert_eq!(step.outputs["verdict"], "blocked");
    let report: Value = serde_json::from_str(&step.outputs["report"]).expect("the report is JSON");
    assert_eq!(report["verdict"], "blocked");
    let names =
        |error: &&crate::act::ActAnnotation| ["130", "120", "100"].iter().all(|part| error.message.contains(part));
    assert!(step.annotated("error").iter().any(names), "actual, allowed and baseline value: {:?}", step.annotations);
    assert!(step.summary.contains("not run"), "the next gate: {}", step.summary);
}
