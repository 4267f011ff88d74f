//! Facts from git: the current image, its source commit, and earlier promotions.

use super::*;

const FILE: &str = "apps/checkout-service/overlays/production/kustomization.yaml";

/// Commits a promotion with these trailers to the infra repository, and sets the tag in the file if there is one.
fn commit_promotion(stage: &Stage, tag: Option<&str>, trailers: &[(&str, &str)]) {
    let edited = tag.map(|tag| {
        let text = stage.infra.read(FILE).unwrap();
        let lines = text.lines().map(|line| match line.find("newTag:") {
            Some(at) => format!("{}newTag: {tag}\n", &line[..at]),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    });
    let service_trailers = [("Service", "checkout-service"), ("Environment", "production")];
    let lines: Vec<String> =
        service_trailers.iter().chain(trailers).map(|(key, value)| format!("{key}: {value}")).collect();
    let message = format!("promote\n\n{}", lines.join("\n"));
    shop::commit(&stage.infra, &shop::ago(0), &message, edited.as_deref().map(|text| (FILE, text)));
}

fn evidence(stage: &Stage) -> String {
    stage.run().outputs["evidence"].clone()
}

const IMAGE: &str = "ghcr.io/acme/checkout-service:1.4.1";
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
        commit_promotion(
            &stage,
            None,
            &[("Image", "ghcr.io/acme/checkout-service:1.4.2"), (trailer, value), ("Workflow", workflow)],
        );
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
fn evidence_in_a_commit_of_another_service_or_environment_is_no_replay() {
    let stage = Stage::new();
    let id = evidence(&stage);
    for (service, environment) in [("frontend", "production"), ("checkout-service", "staging")] {
        let message = format!("x\n\nService: {service}\nEnvironment: {environment}\nImage: x:1\nEvidence: {id}");
        shop::commit(&stage.infra, &shop::ago(0), &message, None);
    }
    assert_eq!(end(&stage.run()), (0, "passed"));
}

#[test]
fn the_source_commit_in_the_ledger_takes_precedence_over_a_tag() {
    let stage = Stage::new();
    commit_promotion(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha('b'))]);
    commit_promotion(&stage, None, &[("Image", "ghcr.io/acme/checkout-service:1.4.0"), ("Source-commit", &sha('a'))]);
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let commits = found(&ended, "commits")["actual"].as_str().unwrap();
    assert!(commits.starts_with("1 since bbbbbbb, by the ledger ("), "{commits}");
    assert_eq!(ended.outputs["authors"], "alice");
}

#[test]
fn a_checkout_of_depth_one_is_enough() {
    let stage = Stage::new();
    commit_promotion(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha('b'))]);
    for _ in 0..3 {
        commit_promotion(&stage, None, &[("Image", "ghcr.io/acme/checkout-service:1.4.0")]);
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
    commit_promotion(
        &stage,
        Some("1.4.1-hotfix"),
        &[("Image", "ghcr.io/acme/checkout-service:1.4.1-hotfix"), ("Source-commit", &sha('b'))],
    );
    let ended = runner.run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let image = found(&ended, "image")["actual"].as_str().unwrap();
    assert_eq!(image, "ghcr.io/acme/checkout-service:1.4.1-hotfix → ghcr.io/acme/checkout-service:1.4.2");
}

#[test]
fn without_a_base_commit_the_participants_are_unknown() {
    let stage = Stage::new();
    commit_promotion(&stage, Some("unknown"), &[("Image", "ghcr.io/acme/checkout-service:unknown")]);
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let finding = found(&ended, "commits").to_string();
    for part in ["acme/shop has no `unknown` or `vunknown`", "allow-first: true"] {
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
    commit_promotion(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha('e'))]);
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
        commit_promotion(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha(base))]);
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
