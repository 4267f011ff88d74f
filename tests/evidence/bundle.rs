//! The size of the deployed bundle, beside that of the last promotion in the ledger.

use promote_gates::sandbox::github::FakePullRequest;

use super::*;

const BEFORE: &str = "1000000 gzip, 4000000 raw; by gzip 9 zlib-rs 0.6.8";
const WITH_LIBRARY: &str = "2100000 gzip, 8100000 raw; by gzip 9 zlib-rs 0.6.8";

/// The release of [`Stage::new`], whose config requires the size of the bundle, and whose validation measured it.
fn measured(sizes: &str) -> Stage {
    let mut stage = Stage::new();
    stage.config = CONFIG.replace("policy:", "    bundle-size: required\npolicy:");
    let mut size = report("bundle-size", Verdict::Passed);
    let outcome = Outcome {
        outputs: [("sizes", sizes.to_owned())].into(),
        judged_by: Some("evidence"),
        ..vec![Finding::passed("checkout-service").actual("measured")].into()
    };
    size.findings.clear();
    size.close(Ok(outcome), rfc3339(ago(5)));
    stage.job("bundle-size", "success", Some(&size));
    stage.reports.push(size);
    stage
}

/// The trailers of a promotion on evidence.
fn trailers(number: u64, sizes: &str) -> String {
    format!("Evidence: {number:064x}\nSource-commit: {}\nBundle-size: {sizes}", sha('a'))
}

/// Commits promotions to 1.4.0 and to 1.4.1, the latter with these sizes.
fn promoted(stage: &Stage, sizes: &str) {
    stage.infra_at_first_tag(&trailers(1, sizes));
}

fn explain(stage: &Stage, body: &str) {
    let pull_request = FakePullRequest {
        number: 12,
        opener: Some("alice".to_owned()),
        brought: vec![sha('c')],
        body: body.to_owned(),
        ..FakePullRequest::default()
    };
    stage.fake_github.add_pull_request(SHOP, pull_request);
}

#[test]
fn a_bundle_that_grew_is_blocked_and_the_approver_sees_by_how_much() {
    for (sizes, expected) in [(WITH_LIBRARY, (1, "blocked")), (BEFORE, (0, "passed"))] {
        let stage = measured(sizes);
        promoted(&stage, BEFORE);
        let ended = stage.run();
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert_eq!(ended.outputs["bundle-size"], sizes);
        assert_eq!(stage.fake_github.violations(), [""; 0]);
    }
    let stage = measured(WITH_LIBRARY);
    promoted(&stage, BEFORE);
    let ended = stage.run();
    let line = "1 MB → 2.1 MB gzip (+110 %), +4.1 MB raw since 1.4.1 in production";
    assert!(ended.report["tables"].to_string().contains(line), "{}", ended.report["tables"]);
    let finding = found(&ended, "bundle size");
    assert!(finding["actual"].as_str().unwrap().contains("no merged pull request explains it"), "{finding}");
    assert!(finding["next"].as_str().unwrap().contains("`up to +4.1 MB: why`"), "{finding}");
}

#[test]
fn growth_that_was_explained_when_it_was_merged_passes_and_is_shown_without_markup() {
    for (body, expected) in [
        ("Cart\n\nup to +4.1 MB: <b>the editor</b> ::error::moved in", (0, "passed")),
        ("up to +4 MB: the editor moved in from the other app", (1, "blocked")),
        ("the editor moved in from the other app", (1, "blocked")),
    ] {
        let stage = measured(WITH_LIBRARY);
        promoted(&stage, BEFORE);
        explain(&stage, body);
        let ended = stage.run();
        assert_eq!(end(&ended), expected, "{body}: {}", ended.log);
        assert_eq!(stage.fake_github.violations(), [""; 0]);
        if expected.0 == 0 {
            assert!(ended.summary.contains("since 1.4.1 in production"), "{}", ended.summary);
            assert!(ended.summary.contains("/pull/12\">") && !ended.summary.contains("<b>the"), "{}", ended.summary);
            let waived = found(&ended, "bundle size")["waived"].as_str().unwrap().to_owned();
            assert!(waived.starts_with("#12: up to +4.1 MB: "), "{waived}");
            assert!(ended.commands().iter().all(|command| !command.starts_with("::error")), "{}", ended.log);
        }
    }
}

#[test]
fn a_first_size_needs_to_be_allowed_and_is_recorded() {
    let stage = measured(BEFORE);
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(found(&ended, "bundle size")["next"].as_str().unwrap().contains("allow-first"));
    let ended = dispatched(stage.runner().input("allow-first", "true"), &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["bundle-size"], BEFORE);
}

#[test]
fn after_a_rollback_the_bundle_is_compared_with_what_is_in_production() {
    let target = ("checkout-service", "production");
    let stage = measured(WITH_LIBRARY);
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1.4.0", &trailers(1, BEFORE));
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1.4.1", &trailers(2, WITH_LIBRARY));
    assert_eq!(end(&stage.run()), (0, "passed"), "as large as 1.4.1");
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1.4.0", "Promotion-kind: rollback");
    let ended = stage.run();
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(found(&ended, "bundle size")["actual"].as_str().unwrap().contains("since 1.4.0 in production"));
    // What an emergency put into production has no size: the last promotion that has one counts.
    let emergency = format!("Promotion-kind: emergency\nSource-commit: {}", sha('a'));
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1.4.3", &emergency);
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let actual = found(&ended, "bundle size")["actual"].as_str().unwrap().to_owned();
    assert!(actual.contains("since 1.4.1;") && actual.contains("has no recorded size"), "{actual}");
}

#[test]
fn a_size_counts_only_in_a_promotion_on_evidence() {
    let large = "9000000 gzip, 90000000 raw; by gzip 9 zlib-rs 0.6.8";
    let stage = measured(WITH_LIBRARY);
    promoted(&stage, BEFORE);
    // A commit that changed no image, one without evidence, and one of another service.
    let message = format!(
        "docs\n\nService: checkout-service\nEnvironment: production\nImage: ghcr.io/acme/checkout-service:1.4.1\n\
         Previous-Image: ghcr.io/acme/checkout-service:1.4.0\n{}",
        trailers(3, large)
    );
    shop::commit(&stage.infra, &shop::ago(0), &message, Some(("README.md", "docs")));
    shop::commit_promotion(&stage.infra, &shop::ago(0), ("frontend", "production"), "7", &trailers(4, large));
    assert_eq!(end(&stage.run()), (1, "blocked"));
    let target = ("checkout-service", "production");
    let unproven = format!("Source-commit: {}\nBundle-size: {large}", sha('a'));
    shop::commit_promotion(&stage.infra, &shop::ago(0), target, "1.4.1-by-hand", &unproven);
    let ended = stage.run();
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(found(&ended, "bundle size")["actual"].as_str().unwrap().contains("since 1.4.1;"), "{}", ended.log);
}

#[test]
fn another_compression_compares_the_sizes_before_compression() {
    for (raw, expected) in [(4_100_000, (0, "passed")), (8_100_000, (1, "blocked"))] {
        let stage = measured(&format!("900000 brotli, {raw} raw; by brotli 11 brotli 9.1.1"));
        promoted(&stage, BEFORE);
        let ended = stage.run();
        assert_eq!(end(&ended), expected, "{}", ended.log);
        let actual = found(&ended, "bundle size")["actual"].as_str().unwrap().to_owned();
        assert!(actual.contains("compared before compression"), "{actual}");
    }
}

#[test]
fn a_missing_report_is_blocked_where_the_config_requires_it() {
    let mut stage = measured(BEFORE);
    promoted(&stage, BEFORE);
    stage.reports.pop();
    let ended = stage.run();
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(found(&ended, "bundle-size")["actual"].as_str().unwrap().starts_with("no report of it in the payload"));
}
