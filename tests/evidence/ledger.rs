//! Facts from git: the current image, its source commit, and earlier promotions.

use super::*;

/// Commits a promotion of a tag to production with these trailers.
fn commit_promotion(stage: &Stage, tag: &str, trailers: &[(&str, &str)]) {
    let lines: Vec<String> = trailers.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let target = ("checkout-service", "production");
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, tag, &lines.join("\n"));
}

/// Commits that the current image, 1.4.1, was promoted with this source commit.
fn set_base(stage: &Stage, source: char) {
    stage.infra_at_first_tag(&format!("Source-commit: {}", sha(source)));
}

fn evidence(stage: &Stage) -> String {
    stage.run().outputs["evidence"].clone()
}

const THIS_RUN: &str = "https://github.com/acme/ecommerce-infra/actions/runs/900/attempts/1";
const OTHER_RUN: &str = "https://github.com/acme/ecommerce-infra/actions/runs/899/attempts/1";
const VALIDATION: &str = "https://github.com/acme/shop/actions/runs/7/attempts/1";

#[test]
fn a_validation_promotes_once() {
    for (trailer, value, workflow, code) in [
        ("Evidence", "", OTHER_RUN, 1),
        // Fewer reports of the same run make another evidence id.
        ("Validation-run", VALIDATION, OTHER_RUN, 1),
        ("Evidence", "", THIS_RUN, 0),
        ("Validation-run", VALIDATION, THIS_RUN, 0),
        ("Validation-run", "https://github.com/acme/shop/actions/runs/6/attempts/1", OTHER_RUN, 0),
    ] {
        let stage = Stage::new();
        let id = evidence(&stage);
        let value = if value.is_empty() { &id } else { value };
        let target = ("checkout-service", "production");
        let trailers = format!("{trailer}: {value}\nWorkflow: {workflow}");
        shop::commit_promotion(&stage.infra, &shop::ago(1), target, "1.4.2", &trailers);
        // Rolled back since: only the ledger tells that the evidence was used. A rollback after the validation has a check of
        // its own.
        shop::commit_promotion(&stage.infra, &shop::ago(1), target, "1.4.1", "Promotion-kind: rollback");
        let ended = stage.run();
        assert_eq!(ended.code, code, "{trailer} {workflow}: {}", ended.log);
        let replay = found(&ended, "replay")["actual"].as_str().unwrap();
        match (code, workflow == THIS_RUN) {
            (1, _) => assert!(replay.contains("promoted by") && replay.contains(OTHER_RUN), "{replay}"),
            (_, true) => assert!(replay.contains("which is this run"), "{replay}"),
            _ => assert_eq!(replay, "not in the ledger"),
        }
    }
}

#[test]
fn after_a_rollback_the_same_image_needs_newer_evidence() {
    let target = ("checkout-service", "production");
    for (days, code) in [(0, 1), (1, 0)] {
        let stage = Stage::new();
        shop::commit_promotion(&stage.infra, &shop::ago(2), target, "1.4.2", "");
        let rollback = "Promotion-kind: rollback\nReason: checkout was slow";
        shop::commit_promotion(&stage.infra, &shop::ago(days), target, "1.4.1", rollback);
        let ended = stage.run();
        assert_eq!(ended.code, code, "{days}: {}", ended.log);
        let finding = found(&ended, "rollback");
        assert!(finding["actual"].as_str().unwrap().contains("(checkout was slow)"), "{finding}");
        assert_eq!(finding.get("waived").is_some(), code == 0, "{finding}");
        assert!(ended.summary.contains("1.4.2 was rolled back by "), "{}", ended.summary);
    }
    // Another image was rolled back.
    let stage = Stage::new();
    shop::commit_promotion(&stage.infra, &shop::ago(2), target, "1.4.3", "");
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1.4.1", "Promotion-kind: rollback");
    assert_eq!(end(&stage.run()), (0, "passed"));
}

#[test]
fn evidence_in_a_commit_of_another_service_or_environment_is_no_replay() {
    let stage = Stage::new();
    let id = evidence(&stage);
    for target in [("frontend", "production"), ("checkout-service", "staging")] {
        shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1", &format!("Evidence: {id}"));
    }
    assert_eq!(end(&stage.run()), (0, "passed"));
}

#[test]
fn the_source_commit_in_the_ledger_takes_precedence_over_a_tag() {
    let stage = Stage::new();
    commit_promotion(&stage, "1.4.0", &[("Source-commit", &sha('a'))]);
    commit_promotion(&stage, "1.4.1", &[("Source-commit", &sha('b'))]);
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let commits = found(&ended, "commits")["actual"].as_str().unwrap();
    assert!(commits.starts_with("1 since bbbbbbb, by the ledger ("), "{commits}");
    assert_eq!(ended.outputs["authors"], "alice");
}

/// Commits trailers of a promotion with a change of the README.
fn claim_promotion(stage: &Stage, (tag, previous): (&str, &str), trailers: &str) {
    let repository = "ghcr.io/acme/checkout-service";
    let message = format!(
        "docs\n\nService: checkout-service\nEnvironment: production\nImage: {repository}:{tag}\n\
         Previous-Image: {repository}:{previous}\n{trailers}"
    );
    shop::commit(&stage.infra, &shop::ago(0), &message, Some(("README.md", trailers)));
}

#[test]
fn a_message_alone_hides_no_author_and_is_no_replay() {
    let stage = Stage::new();
    let id = evidence(&stage);
    // With this base the commit of `bob` would not be among the new ones.
    claim_promotion(&stage, ("1.4.1", "1.4.0"), &format!("Source-commit: {}", sha('b')));
    claim_promotion(&stage, ("1.4.2", "1.4.1"), &format!("Evidence: {id}\nWorkflow: {OTHER_RUN}"));
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["authors"], "alice\nbob");
    assert_eq!(found(&ended, "replay")["actual"], "not in the ledger");
}

#[test]
fn a_checkout_of_depth_one_is_enough() {
    let stage = Stage::new();
    set_base(&stage, 'b');
    for number in 0..3 {
        shop::commit(&stage.infra, &shop::ago(0), "docs", Some(("README.md", &number.to_string())));
    }
    let shallow = stage.folder.path().join("shallow");
    let url = format!("file://{}", stage.infra.path().display());
    git(stage.folder.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let runner = stage.runner().input("checkout", &shallow.display().to_string());
    let ended = dispatched(runner, &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(found(&ended, "commits")["actual"].as_str().unwrap().contains("since bbbbbbb"), "{}", ended.log);
}

#[test]
fn the_current_image_is_read_from_the_branch_not_from_the_checkout() {
    let stage = Stage::new();
    let runner = dispatched(stage.runner(), &stage.payload());
    commit_promotion(&stage, "1.4.1-hotfix", &[("Source-commit", &sha('b'))]);
    let ended = runner.run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let image = found(&ended, "image")["actual"].as_str().unwrap();
    assert_eq!(image, "ghcr.io/acme/checkout-service:1.4.1-hotfix → ghcr.io/acme/checkout-service:1.4.2");
}

#[test]
fn without_a_base_commit_the_participants_are_unknown() {
    let stage = Stage::new();
    commit_promotion(&stage, "unknown", &[]);
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let finding = found(&ended, "commits").to_string();
    for part in ["acme/shop has no tag `unknown` or `vunknown` of a commit", "allow-first: true"] {
        assert!(finding.contains(part), "{part} in {finding}");
    }
    let first = dispatched(stage.runner().input("allow-first", "true"), &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&first), (0, "passed"), "{}", first.log);
    assert_eq!(found(&first, "commits")["waived"], "`allow-first`");
    assert_eq!(first.outputs["authors"], "alice", "the author of the only known commit");
}

#[test]
fn a_base_commit_that_no_longer_exists_is_inconclusive() {
    let stage = Stage::new();
    set_base(&stage, 'e');
    let ended = dispatched(stage.runner().input("allow-first", "true"), &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(
        found(&ended, "commits")["actual"].as_str().unwrap().contains("no longer has commit eeeeeee"),
        "{}",
        ended.log
    );
}

#[test]
fn a_downgrade_is_blocked_and_the_same_commit_passes() {
    for (base, code, seen) in [('d', 1, "a downgrade"), ('c', 0, "none: the same commit ccccccc")] {
        let stage = Stage::new();
        stage.fake_github.commit(SHOP, &sha('d'), "carol", "Cart: taxes");
        set_base(&stage, base);
        let ended = stage.run();
        assert_eq!(ended.code, code, "{}", ended.log);
        assert!(found(&ended, "commits")["actual"].as_str().unwrap().starts_with(seen), "{}", ended.log);
    }
}

#[test]
fn a_missing_file_is_bad_input() {
    let stage = Stage::new();
    let runner = dispatched(stage.runner().input("file", "apps/{service}/{environment}.yaml"), &stage.payload());
    let ended = runner.run(&["evidence"]);
    assert_eq!(end(&ended), (2, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("no such file at apps/checkout-service/production.yaml on main"), "{}", ended.log);
}
