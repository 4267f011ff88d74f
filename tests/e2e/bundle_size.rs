//! `uses: acme/promote-gates/bundle-size@v1` on a runner: a debug library in a release.

use serde_json::Value;

use crate::act::{Act, ActRun};
use crate::repo::Repo;

/// The first gate records a baseline; then the build grows by a debug library.
const WORKFLOW: &str = r#"
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      report: ${{ steps.gate.outputs.report }}
    steps:
      - uses: actions/checkout@v4
      - id: first
        uses: acme/promote-gates/bundle-size@v1
        with:
          path: public
          baseline: sizes.json
          write-baseline: true
          allow-first: true
      - run: head -c 4000000 /dev/urandom >public/debug-library.9c1bd0aa.js
      - id: gate
        uses: acme/promote-gates/bundle-size@v1
        with:
          path: public
          baseline: sizes.json
          explanation: ${{ github.event.explanation }}
          dry-run: ${{ github.event.dry-run }}
      - id: next
        run: echo released
      - id: file
        if: ${{ !cancelled() }}
        env:
          REPORT_PATH: ${{ steps.gate.outputs.report-path }}
          REPORT: ${{ steps.gate.outputs.report }}
        run: |
          sha256sum <"$REPORT_PATH"
          printf '%s' "$REPORT" | sha256sum
  record:
    needs: build
    if: ${{ !cancelled() }}
    runs-on: ubuntu-latest
    steps:
      - id: needs
        env:
          NEEDS: ${{ toJSON(needs) }}
        run: echo "$NEEDS"
"#;

fn release(payload: Value) -> ActRun {
    let repo = Repo::new();
    repo.write(".github/workflows/build.yml", WORKFLOW);
    repo.write("public/app.3f2a91cc.js", "console.log('shop');\n".repeat(2_000));
    repo.commit("a shop");
    Act::on(&repo, "push").payload(payload).run()
}

#[test]
fn a_debug_library_is_blocked_by_name_and_the_evidence_reaches_the_next_job() {
    let run = release(serde_json::json!({}));

    let first = run.step("build", "first");
    assert_eq!(first.outcome, "success", "{}", run.log);
    assert_eq!(first.outputs["verdict"], "passed");

    let gate = run.step("build", "gate");
    assert_eq!((gate.outcome.as_str(), gate.exit), ("failure", Some(1)), "{}", run.log);
    assert_eq!(gate.outputs["verdict"], "blocked");
    assert_eq!(gate.outputs["reason"].lines().count(), 1);
    assert!(gate.summary.contains("debug-library"), "{}", gate.summary);
    let errors = gate.annotated("error");
    assert_eq!(errors.len(), 2, "the total, and the one file: {errors:?}");
    for error in errors {
        assert!(error.properties.contains_key("title") && error.message.contains("debug-library"), "{error:?}");
    }
    assert!(!run.job("build").steps.contains_key("next"), "nothing after a blocked gate runs");

    let report: Value = serde_json::from_str(&gate.outputs["report"]).expect("the report is JSON");
    assert!(gate.outputs["report"].len() <= 6 * 1024, "at most 6 KiB cross into another job");
    assert_eq!(report["schema"], 1);
    assert_eq!(report["command"], "bundle-size");
    assert_eq!(report["verdict"], "blocked");

    let sums = run.step("build", "file").printed.replace(" -", "");
    let [file, output] = sums.split_whitespace().collect::<Vec<_>>()[..] else { panic!("two sums: {}", run.log) };
    assert_eq!(report["full-sha256"], file, "report-path names the whole report");
    // GitHub stores the notice with the check run, so that `evidence` can compare a payload with it.
    let notices = gate.annotated("notice");
    let [notice] = notices[..] else { panic!("one notice: {notices:?}") };
    let announced = format!("command=bundle-size verdict=blocked sha256={output} subject=");
    assert!(notice.message.starts_with(&announced), "{}", notice.message);

    let needs: Value = serde_json::from_str(&run.step("record", "needs").printed).expect("toJSON(needs)");
    assert_eq!(needs["build"]["outputs"]["report"], gate.outputs["report"].as_str());
}

#[test]
fn an_explanation_passes_and_is_in_the_summary() {
    let run = release(serde_json::json!({ "explanation": "a debug library, on purpose" }));

    let gate = run.step("build", "gate");
    assert_eq!(gate.outcome, "success", "{}", run.log);
    assert_eq!(gate.outputs["verdict"], "passed");
    assert!(gate.summary.contains("a debug library, on purpose"), "{}", gate.summary);
    assert_eq!(run.step("build", "next").printed, "released\n");
}

#[test]
fn a_dry_run_reports_the_verdict_without_failing() {
    let run = release(serde_json::json!({ "dry-run": "true" }));

    let gate = run.step("build", "gate");
    assert_eq!(gate.outcome, "success", "{}", run.log);
    assert_eq!(gate.outputs["verdict"], "blocked");
    let report: Value = serde_json::from_str(&gate.outputs["report"]).expect("the report is JSON");
    assert_eq!(report["dry-run"], true);
}

#[test]
fn a_bad_input_is_named_and_outputs_are_written() {
    let run = release(serde_json::json!({ "dry-run": "perhaps" }));

    let gate = run.step("build", "gate");
    assert_eq!((gate.outcome.as_str(), gate.exit), ("failure", Some(2)), "{}", run.log);
    assert_eq!(gate.outputs["verdict"], "inconclusive");
    let [error] = gate.annotated("error")[..] else { panic!("one error: {:?}", gate.annotations) };
    for part in ["dry-run", "perhaps", "true"] {
        assert!(error.message.contains(part), "{part} in {}", error.message);
    }
}

/// Records a baseline and prints it, so that a test can commit it.
const RECORD: &str = r"
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: acme/promote-gates/bundle-size@v1
        with:
          path: public
          baseline: sizes.json
          write-baseline: true
          allow-first: true
      - id: baseline
        run: cat sizes.json
";

const REVIEW: &str = r"
on: pull_request
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - id: gate
        uses: acme/promote-gates/bundle-size@v1
        with:
          path: public
          baseline: sizes.json
          allow-first: true
";

#[test]
fn a_pull_request_cannot_delete_its_own_baseline() {
    let repo = Repo::new();
    repo.write(".github/workflows/build.yml", RECORD);
    repo.write("public/app.js", "console.log('shop');\n".repeat(2_000));
    repo.commit("a shop");
    let baseline = Act::on(&repo, "push").run().step("build", "baseline").printed.clone();
    repo.write("sizes.json", baseline).write(".github/workflows/build.yml", REVIEW);
    let base = repo.commit("record the sizes");

    repo.git(["switch", "--quiet", "--create", "topic"]);
    repo.git(["rm", "--quiet", "sizes.json"]);
    repo.write("public/debug-library.js", vec![b'x'; 4_000_000]);
    let head = repo.commit("a small fix");
    repo.git(["switch", "--quiet", "--detach", "main"]);
    repo.git(["merge", "--quiet", "--no-ff", "--message", "Merge topic into main", "topic"]);
    let run = Act::on(&repo, "pull_request")
        .payload(serde_json::json!({ "number": 1, "pull_request": {
            "number": 1,
            "base": { "ref": "main", "sha": base },
            "head": { "ref": "topic", "sha": head },
        } }))
        .run();

    let gate = run.step("build", "gate");
    assert_eq!((gate.outcome.as_str(), gate.exit), ("failure", Some(1)), "{}", run.log);
    assert_eq!(gate.outputs["verdict"], "blocked");
    assert!(gate.summary.contains("debug-library"), "{}", gate.summary);
}
