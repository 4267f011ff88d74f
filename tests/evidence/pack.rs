//! The evidence that is shown to the approver.

use promote_gates::report::Cell;

use super::*;

/// The rows of a table of the report, the first with this title; of a link, its text.
fn rows(ended: &Ended, title: &str) -> Vec<Vec<String>> {
    let tables = ended.report["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["title"] == title).unwrap_or_else(|| panic!("{title} in {tables:#?}"));
    let rows: Vec<Vec<Cell>> = serde_json::from_value(table["rows"].clone()).unwrap();
    rows.iter().map(|row| row.iter().map(|cell| cell.text().to_owned()).collect()).collect()
}

#[test]
fn the_evidence_shows_the_changes_the_authors_and_the_gates() {
    let stage = Stage::new();
    stage.infra_at_first_tag("Approved-by: grace");
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let heading = "### ✅ Ready for approval: checkout-service <code>1.4.1</code> → <code>1.4.2</code> in production\n";
    assert!(ended.summary.starts_with(heading), "{}", ended.summary);
    let images = "ghcr.io/acme/checkout-service:1.4.1 → ghcr.io/acme/checkout-service:1.4.2";
    assert_eq!(found(&ended, "image")["actual"], images);
    let next = "**Next:** look at it in staging, and at what is new; then approve or reject production in this run.";
    assert!(ended.summary.contains(next), "{}", ended.summary);
    let gates = rows(&ended, "");
    assert_eq!(gates.iter().map(|row| &*row[0]).collect::<Vec<_>>(), GATES);
    assert_eq!(gates[2][1..5], ["✅", "performance figure: 97 ms", "–", "–"]);
    let log = |row: &str| {
        row.contains(
            "| ✅ | performance figure: 97 ms | – | – | <a href=\"https://github.com/acme/shop/actions/runs/7/job/",
        )
    };
    assert!(ended.summary.lines().any(log), "{}", ended.summary);
    let commits = rows(&ended, "What is new");
    assert_eq!(commits, [["ccccccc", "Cart: gifts — alice"], ["bbbbbbb", "Cart: coupons — bob"]]);
    let people = rows(&ended, "Not you?");
    let sentence = &people[0];
    assert!(
        sentence[0]
            .contains("alice (wrote it, committed it); bob (wrote it, committed it); dora (validated it, deployed it")
    );
    assert_eq!(sentence[1], "A rollback returns to `1.4.1`.");
    let promotions = rows(&ended, "The last promotions of this service");
    assert_eq!(promotions[0][1..4], ["normal", "1.4.1", "grace"]);
    for text in [
        "3 of 3 gates passed · 2 commits by bob, alice",
        "– valid until ",
        ">run 7</a>",
        "Not you?",
        ">compare aaaaaaa…ccccccc</a>",
    ] {
        assert!(ended.summary.contains(text), "{text} in {}", ended.summary);
    }
}

#[test]
fn bots_are_no_participants_and_logins_ignore_case() {
    let stage = Stage::new();
    let commit = |letter: char, author: Option<&str>, committer: Option<&str>, name: &str| github::FakeCommit {
        sha: sha(letter),
        message: "x".to_owned(),
        author: author.map(ToOwned::to_owned),
        committer: committer.map(ToOwned::to_owned),
        author_name: name.to_owned(),
        ..github::FakeCommit::default()
    };
    stage.fake_github.push(SHOP, commit('d', Some("renovate[bot]"), Some("web-flow"), "Renovate"));
    stage.fake_github.push(SHOP, commit('e', Some("Alice"), Some("bob"), "Alice"));
    stage.fake_github.push(SHOP, commit('f', None, None, "::error::Mallory | <b>"));
    let mut stage = stage;
    for report in &mut stage.reports {
        report.subject.commit = sha('f').parse().ok();
    }
    for report in stage.reports.clone() {
        stage.job(&report.command, "success", Some(&report));
    }
    stage.fake_github.set_run(SHOP, github::FakeRun { head_sha: sha('f'), ..deploy_run() });
    stage.deploy["head_sha"] = json!(sha('f'));
    let mut payload = stage.payload();
    payload["evidence"]["subject"]["commit"] = json!(sha('f'));
    let ended = dispatched(stage.runner(), &payload).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["excluded"], "alice\nbob\ndora\nEmil");
    let authors = found(&ended, "authors");
    assert!(authors["actual"].as_str().unwrap().contains("fffffff by ::error::Mallory"), "{authors}");
    assert!(ended.commands().iter().all(|command| !command.starts_with("::error")), "{}", ended.log);
    assert!(!ended.summary.contains("<b>"), "{}", ended.summary);
}

#[test]
fn a_gate_that_is_not_required_is_shown_and_does_not_block() {
    let mut stage = Stage::new();
    let size = report("bundle-size", Verdict::Blocked);
    stage.job("bundle-size", "failure", Some(&size));
    stage.reports.push(size);
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let finding = found(&ended, "bundle-size");
    assert_eq!(finding["waived"], "`required` does not name it");
    assert!(finding["actual"].as_str().unwrap().starts_with("blocked: bundle-size figure: 97 ms"), "{finding}");
    assert_eq!(rows(&ended, "")[3][..2], ["bundle-size (not required)", "⛔"]);
}

#[test]
fn the_gates_inside_a_run_count_with_its_annotation() {
    let mut stage = Stage::new();
    let mut outer = report("run", Verdict::Passed);
    outer.reports = stage.reports.iter().map(|report| Report { run: None, ..report.clone() }).collect();
    for command in GATES {
        let job = stage.job(command, "success", None);
        stage.fake_github.remove_annotations(SHOP, job);
    }
    stage.job("validate", "success", Some(&outer));
    stage.reports = vec![outer];
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(found(&ended, "smoke")["actual"].as_str().unwrap().contains("in job `validate`"), "{}", ended.log);
}

#[test]
fn a_dry_run_reports_the_verdict_and_fails_nothing() {
    let stage = Stage::new();
    let mut payload = stage.payload();
    payload["image_tag"] = json!("1.5.0");
    let ended = dispatched(stage.runner().input("dry-run", "true"), &payload).run(&["evidence"]);
    assert_eq!((ended.code, &*ended.outputs["verdict"]), (0, "blocked"), "{}", ended.log);
}

#[test]
fn without_a_deploy_workflow_a_push_to_the_branch_validates() {
    let mut stage = Stage::new();
    stage.config = CONFIG.replace("    deploy-workflow: .github/workflows/deploy-staging.yml\n", "");
    let pushed = github::FakeRun { event: "push".to_owned(), head_sha: sha('c'), ..validating_run() };
    stage.fake_github.set_run(SHOP, pushed.clone().in_progress());
    let mut payload = stage.payload();
    payload["evidence"].as_object_mut().unwrap().remove("deploy");
    payload["evidence"]["subject"].as_object_mut().unwrap().remove("commit");
    let ended = dispatched(stage.runner(), &payload).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["commit"], sha('c'), "the commit of the validating run");
    for (run, check, seen) in [
        (github::FakeRun { event: "pull_request".to_owned(), ..pushed.clone() }, "started by", "pull_request on main"),
        (github::FakeRun { head_branch: Some("x".to_owned()), ..pushed.clone() }, "started by", "push on x"),
        (github::FakeRun { head_sha: sha('b'), ..pushed }, "health", "commit"),
    ] {
        stage.fake_github.set_run(SHOP, run);
        payload["evidence"]["subject"]["commit"] = json!(sha('c'));
        let ended = dispatched(stage.runner(), &payload).run(&["evidence"]);
        assert_eq!(end(&ended), (1, "blocked"), "{check}: {}", ended.log);
        assert!(ended.log.contains(seen), "{seen} in {}", ended.log);
    }
}
