//! What git tells: the image that stands there, the commit in it, and what was promoted already.

use super::*;

const FILE: &str = "apps/checkout-service/overlays/production/kustomization.yaml";

/// Pushes a commit to the infra repository, whose message ends with these trailers; `image` becomes the tag in the file.
fn promoted(stage: &Stage, tag: Option<&str>, trailers: &[(&str, &str)]) {
    let edited = tag.map(|tag| {
        let text = stage.infra.read(FILE).unwrap();
        let lines = text.lines().map(|line| match line.find("newTag:") {
            Some(at) => format!("{}newTag: {tag}\n", &line[..at]),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    });
    let ours = [("Service", "checkout-service"), ("Environment", "production")];
    let lines: Vec<String> = ours.iter().chain(trailers).map(|(key, value)| format!("{key}: {value}")).collect();
    let message = format!("promote\n\n{}", lines.join("\n"));
    shop::commit(&stage.infra, &shop::ago(0), &message, edited.as_deref().map(|text| (FILE, text)));
}

fn evidence(stage: &Stage) -> String {
    stage.run().outputs["evidence"].clone()
}

const IMAGE: &str = "ghcr.io/acme/checkout-service:1.4.1";
const OURS: &str = "https://github.com/acme/ecommerce-infra/actions/runs/900/attempts/1";
const OTHER: &str = "https://github.com/acme/ecommerce-infra/actions/runs/899/attempts/1";
const VALIDATION: &str = "https://github.com/acme/shop/actions/runs/7/attempts/1";

#[test]
fn a_validation_promotes_once() {
    for (trailer, value, workflow, code) in [
        ("Evidence", "", OTHER, 1),
        // Fewer of the same reports are other evidence of the same run.
        ("Validation-run", VALIDATION, OTHER, 1),
        ("Evidence", "", OURS, 0),
        ("Validation-run", VALIDATION, OURS, 0),
        ("Validation-run", "https://github.com/acme/shop/actions/runs/6/attempts/1", OTHER, 0),
    ] {
        let stage = Stage::new();
        let id = evidence(&stage);
        let value = if value.is_empty() { &id } else { value };
        promoted(
            &stage,
            None,
            &[("Image", "ghcr.io/acme/checkout-service:1.4.2"), (trailer, value), ("Workflow", workflow)],
        );
        let ended = stage.run();
        assert_eq!(ended.code, code, "{trailer} {workflow}: {}", ended.log);
        let replay = found(&ended, "replay")["actual"].as_str().unwrap();
        match (code, workflow == OURS) {
            (1, _) => assert!(replay.contains("promoted by") && replay.contains(OTHER), "{replay}"),
            (_, true) => assert!(replay.contains("which is this run"), "{replay}"),
            _ => assert_eq!(replay, "not in the ledger"),
        }
    }
}

#[test]
fn the_evidence_of_another_service_or_environment_is_no_replay() {
    let stage = Stage::new();
    let id = evidence(&stage);
    for (service, environment) in [("frontend", "production"), ("checkout-service", "staging")] {
        let message = format!("x\n\nService: {service}\nEnvironment: {environment}\nImage: x:1\nEvidence: {id}");
        shop::commit(&stage.infra, &shop::ago(0), &message, None);
    }
    assert_eq!(end(&stage.run()), (0, "passed"));
}

#[test]
fn the_ledger_knows_the_commit_in_the_image_before_any_tag_does() {
    let stage = Stage::new();
    promoted(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha('b'))]);
    promoted(&stage, None, &[("Image", "ghcr.io/acme/checkout-service:1.4.0"), ("Source-commit", &sha('a'))]);
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let commits = found(&ended, "commits")["actual"].as_str().unwrap();
    assert!(commits.starts_with("1 since bbbbbbb, by the ledger ("), "{commits}");
    assert_eq!(ended.outputs["authors"], "alice");
}

#[test]
fn a_checkout_of_one_commit_is_enough() {
    let stage = Stage::new();
    promoted(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha('b'))]);
    for _ in 0..3 {
        promoted(&stage, None, &[("Image", "ghcr.io/acme/checkout-service:1.4.0")]);
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
fn the_branch_counts_and_not_the_files_of_the_checkout() {
    let stage = Stage::new();
    let runner = dispatched(stage.runner(), &stage.payload());
    promoted(
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
fn without_a_commit_to_begin_from_nobody_knows_who_may_not_approve() {
    let stage = Stage::new();
    promoted(&stage, Some("unknown"), &[("Image", "ghcr.io/acme/checkout-service:unknown")]);
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let finding = found(&ended, "commits").to_string();
    for part in ["acme/shop has no `unknown` or `vunknown`", "allow-first: true"] {
        assert!(finding.contains(part), "{part} in {finding}");
    }
    let first = dispatched(stage.runner().input("allow-first", "true"), &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&first), (0, "passed"), "{}", first.log);
    assert_eq!(found(&first, "commits")["waived"], "`allow-first`");
    assert_eq!(first.outputs["authors"], "alice", "of the one commit that is known");
}

#[test]
fn a_base_that_the_repository_lost_is_not_taken_for_none() {
    let stage = Stage::new();
    promoted(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha('e'))]);
    let ended = dispatched(stage.runner().input("allow-first", "true"), &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(
        found(&ended, "commits")["actual"].as_str().unwrap().contains("no longer has commit eeeeeee"),
        "{}",
        ended.log
    );
}

#[test]
fn a_downgrade_is_blocked_and_the_same_commit_is_none() {
    for (decision, code, seen) in [('d', 1, "a downgrade"), ('c', 0, "none: the same commit ccccccc")] {
        let stage = Stage::new();
        stage.fake_github.commit(SHOP, &sha('d'), "carol", "Cart: taxes");
        promoted(&stage, None, &[("Image", IMAGE), ("Source-commit", &sha(decision))]);
        let ended = stage.run();
        assert_eq!(ended.code, code, "{}", ended.log);
        assert!(found(&ended, "commits")["actual"].as_str().unwrap().starts_with(seen), "{}", ended.log);
    }
}

#[test]
fn a_file_that_is_not_there_is_bad_input() {
    let stage = Stage::new();
    let runner = dispatched(stage.runner().input("file", "apps/{service}/{environment}.yaml"), &stage.payload());
    let ended = runner.run(&["evidence"]);
    assert_eq!(end(&ended), (2, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("no such file at apps/checkout-service/production.yaml on main"), "{}", ended.log);
}
