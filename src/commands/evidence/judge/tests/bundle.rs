//! The bundle that was measured, beside that of the last promotion.

use std::collections::BTreeMap;

use super::*;
use crate::{
    commands::evidence::bundle::PromotedBundle,
    report::Outcome,
    world::github::{MergedText, MergedTexts},
};

const PROMOTED: &str = "1000000 gzip, 4000000 raw; by gzip 9 zlib-rs 0.6.8";

/// The report of a gate that measured these sizes.
fn measured(sizes: &str) -> Report {
    let mut measured = report("bundle-size", Verdict::Passed);
    let outcome = Outcome {
        outputs: [("sizes", sizes.to_owned())].into(),
        judged_by: Some("evidence"),
        ..vec![Finding::passed("shop").actual("measured")].into()
    };
    measured.close(Ok(outcome), "2026-01-01T11:01:00Z".to_owned());
    measured.findings.truncate(1);
    measured
}

fn promoted(sizes: &str) -> PromotedBundle {
    PromotedBundle { figure: sizes.parse().unwrap(), version: "1.4.1".to_owned(), is_current: true }
}

fn merged(number: u64, body: &str, edited_at: Option<&str>) -> MergedText {
    MergedText {
        number,
        url: format!("https://github.com/acme/shop/pull/{number}"),
        body: body.to_owned(),
        merged_at: "2026-01-01T09:00:00Z".parse().ok(),
        edited_at: edited_at.and_then(|at| at.parse().ok()),
    }
}

/// The findings with these lines in the config of the service, and the page.
pub(super) fn judged(
    config: &str,
    reports: &[Report],
    required: &[&str],
    allow_first: bool,
    change: impl FnOnce(&mut EvidenceObservations),
) -> (Vec<Finding>, String) {
    let text = CONFIG.replace("policy:", &format!("{config}policy:"));
    let Ok(config) = Config::read(&command_table(), "f.yml", text.as_bytes(), None) else { panic!("a config file") };
    let claim = claim(reports);
    let required: Vec<String> = required.iter().map(ToString::to_string).collect();
    let verification = Verification {
        claim: &claim,
        origin: config.services.values().next().unwrap(),
        policy: &config.policy,
        people: &config.people,
        other_services: Vec::new(),
        required: &required,
        environment: &"production".parse().unwrap(),
        pinned: &Subject::default(),
        max_age: "1h".parse().unwrap(),
        min_age: None,
        allow_first,
        unknown_authors: UnknownAuthors::Show,
        issuer: "https://issuer.example",
        signed: None,
        other_commands: &["record"],
        own_run: None,
    };
    let mut facts = observations(reports);
    facts.bundle.promoted = Ok(Some(promoted(PROMOTED)));
    change(&mut facts);
    let page = serde_json::to_string(&verification.tables(&facts, true)).unwrap();
    (verification.judge(&facts), page)
}

const GATES: [&str; 2] = ["smoke", "bundle-size"];
const LIMITS: &str = "    bundle-size: required\n";

/// The verdicts of the bundle's checks.
fn verdicts(findings: &[Finding]) -> Vec<String> {
    let bundle = findings.iter().filter(|finding| finding.check.starts_with("bundle"));
    bundle.map(|finding| format!("{}: {}", finding.check, finding.verdict)).collect()
}

fn grown(sizes: &str, texts: Option<Result<Vec<MergedText>, Finding>>) -> (Finding, String) {
    let reports = [report("smoke", Verdict::Passed), measured(sizes)];
    let (findings, page) = judged(LIMITS, &reports, &GATES, false, |facts| {
        facts.bundle.texts = texts.map(|texts| {
            let templates = vec!["## Why\nup to +9 MB: as the template has it for everyone".to_owned()];
            texts.map(|pull_requests| MergedTexts { pull_requests, templates })
        });
    });
    (findings.into_iter().find(|finding| finding.check == "bundle size").unwrap(), page)
}

#[test]
fn growth_is_judged_by_both_limits() {
    for (sizes, verdict) in [
        ("1050000 gzip, 4200000 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Passed),
        ("1050001 gzip, 4200000 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Blocked),
        ("1000000 gzip, 5000000 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Passed),
        ("1000000 gzip, 5000001 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Blocked),
        ("600000 gzip, 2400000 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Passed),
        ("499999 gzip, 2400000 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Inconclusive),
        ("600000 gzip, 1999999 raw; by gzip 9 zlib-rs 0.6.8", Verdict::Inconclusive),
        // Another compressor: the sizes before compression count.
        ("900000 brotli, 4200000 raw; by brotli 11 brotli 9.1.1", Verdict::Passed),
        ("900000 brotli, 4200001 raw; by brotli 11 brotli 9.1.1", Verdict::Blocked),
        ("1050001 gzip, 4200000 raw; by gzip 9 zlib-rs 0.7.0", Verdict::Passed),
        ("4200001 raw", Verdict::Blocked),
    ] {
        let (finding, page) = grown(sizes, None);
        assert_eq!(finding.verdict, verdict, "{sizes}: {finding}");
        assert_eq!(finding.next.is_some(), verdict != Verdict::Passed, "{finding}");
        assert!(page.contains("since 1.4.1 in production"), "{page}");
    }
    let (finding, page) = grown("1000000 gzip, 8100000 raw; by gzip 9 zlib-rs 0.6.8", None);
    assert_eq!(
        finding.actual,
        "1 MB → 1 MB gzip (±0 %), +4.1 MB raw since 1.4.1 in production; no merged pull request explains it"
    );
    assert!(page.contains("no explanation of growth was merged in between"), "{page}");
    let (finding, _) = grown("900000 brotli, 4200000 raw; by brotli 11 brotli 9.1.1", None);
    assert!(finding.actual.contains("compared before compression, because 1.4.1 was measured with gzip level 9"));
}

#[test]
fn explanations_that_were_merged_cover_what_they_name() {
    const LARGE: &str = "2000000 gzip, 8100000 raw; by gzip 9 zlib-rs 0.6.8";
    let one = || merged(12, "Cart\n\nup to +4 MB: the editor moved in from the other app", None);
    let two = |edited| merged(14, "Bundle up to +200 kB, for the fonts of all languages <b>", edited);
    for (texts, verdict) in [
        (vec![one(), two(None)], Verdict::Passed),
        (vec![one()], Verdict::Blocked),
        (vec![two(None)], Verdict::Blocked),
        // A description that was changed after the merge is not what its reviewers read.
        (vec![one(), two(Some("2026-01-01T09:00:01Z"))], Verdict::Blocked),
        (vec![one(), two(Some("2026-01-01T09:00:00Z"))], Verdict::Passed),
        (vec![one(), MergedText { merged_at: None, ..two(None) }], Verdict::Blocked),
        (vec![merged(1, "up to +9 MB: as the template has it for everyone", None)], Verdict::Blocked),
        (vec![merged(1, "up to +9 MB", None)], Verdict::Blocked),
        (vec![], Verdict::Blocked),
    ] {
        let (finding, page) = grown(LARGE, Some(Ok(texts.clone())));
        assert_eq!(finding.verdict, verdict, "{texts:?}: {finding}");
        if verdict == Verdict::Passed {
            let waived = finding.waived.unwrap();
            assert!(waived.contains("#12: up to +4 MB: the editor moved in") && waived.contains("#14: "), "{waived}");
            assert!(page.contains("https://github.com/acme/shop/pull/14"), "{page}");
        } else {
            assert!(finding.next.unwrap().contains("`up to +4.1 MB: why`"));
        }
    }
    let (finding, _) = grown(LARGE, Some(Err(api_error())));
    assert_eq!(finding.verdict, Verdict::Inconclusive, "{finding}");
    let (finding, _) = grown("1000000 gzip, 4000000 raw; by gzip 9 zlib-rs 0.6.8", Some(Err(api_error())));
    assert_eq!(finding.verdict, Verdict::Passed, "nothing has to be explained: {finding}");
}

#[test]
fn groups_are_judged_by_themselves_unless_they_differ() {
    let before = "1000000 gzip, 4000000 raw; admin: 10000 gzip, 40000 raw; by gzip 9 zlib-rs 0.6.8";
    for (now, expected) in [
        (
            "1000500 gzip, 4002000 raw; admin: 10500 gzip, 42000 raw; by gzip 9 zlib-rs 0.6.8",
            &["bundle size: the rest: passed", "bundle size: admin: passed"][..],
        ),
        (
            "1000501 gzip, 4002000 raw; admin: 10501 gzip, 42000 raw; by gzip 9 zlib-rs 0.6.8",
            &["bundle size: the rest: passed", "bundle size: admin: blocked"],
        ),
        ("1000501 gzip, 4002000 raw; editor: 10501 gzip, 42000 raw; by gzip 9 zlib-rs 0.6.8", &["bundle size: passed"]),
        ("1060000 gzip, 4002000 raw; by gzip 9 zlib-rs 0.6.8", &["bundle size: blocked"]),
    ] {
        let reports = [report("smoke", Verdict::Passed), measured(now)];
        let change = |facts: &mut EvidenceObservations| facts.bundle.promoted = Ok(Some(promoted(before)));
        let (findings, _) = judged(LIMITS, &reports, &["smoke"], false, change);
        let mut found = verdicts(&findings);
        found.retain(|verdict| verdict.starts_with("bundle size"));
        assert_eq!(found, expected, "{now}");
    }
}

#[test]
fn a_bundle_is_never_passed_without_a_comparison() {
    let same = || measured(PROMOTED);
    let own = || report("bundle-size", Verdict::Passed);
    let smoke = || report("smoke", Verdict::Passed);
    let no_sizes = || Report { outputs: BTreeMap::new(), ..same() };
    let elsewhere = || Report { judged_by: Some("other".to_owned()), ..same() };
    let dry = || Report { dry_run: true, ..same() };
    let left = |command: &str| Report { judged_by: Some("evidence".to_owned()), ..report(command, Verdict::Passed) };
    for (config, reports, required, expected) in [
        (LIMITS, vec![smoke(), same()], &GATES[..], &["bundle size: passed", "bundle-size: passed"][..]),
        // The service's config names no limits: what only measured is judged by the defaults.
        ("", vec![smoke(), same()], &GATES, &["bundle size: passed", "bundle-size: passed"]),
        ("", vec![smoke(), same()], &["smoke"], &["bundle size: passed", "bundle-size: passed"]),
        ("", vec![smoke(), no_sizes()], &GATES, &["bundle size: inconclusive", "bundle-size: passed"]),
        ("", vec![smoke(), elsewhere()], &GATES, &["bundle-size: inconclusive", "bundle-size: passed"]),
        ("", vec![smoke(), own()], &GATES, &["bundle-size: passed"]),
        (LIMITS, vec![smoke(), own()], &GATES, &["bundle size: blocked", "bundle-size: passed"]),
        (LIMITS, vec![smoke()], &GATES, &["bundle-size: blocked"]),
        (LIMITS, vec![smoke(), dry()], &GATES, &["bundle-size: blocked"]),
        (
            LIMITS,
            vec![smoke(), same(), measured("7 raw")],
            &GATES,
            &["bundle size: inconclusive", "bundle-size: passed"],
        ),
    ] {
        let (findings, _) = judged(config, &reports, required, false, |_| {});
        assert_eq!(verdicts(&findings), expected, "{config} {reports:?}");
        let only_passed = expected.iter().all(|verdict| verdict.ends_with("passed"));
        assert_eq!(crate::finding::verdict(&findings) == Verdict::Passed, only_passed, "{findings:?}");
    }
    let (findings, _) = judged("", &[smoke(), left("run")], &["smoke"], false, |_| {});
    assert_eq!(notable(&findings).first().map(String::as_str), Some("run: inconclusive"), "its gates were dropped");
}

#[test]
fn a_first_size_needs_to_be_allowed() {
    let reports = [report("smoke", Verdict::Passed), measured(PROMOTED)];
    for (allow_first, expected) in [(false, "bundle size: inconclusive"), (true, "bundle size: passed")] {
        let (findings, page) = judged(LIMITS, &reports, &GATES, allow_first, |facts| facts.bundle.promoted = Ok(None));
        assert_eq!(verdicts(&findings)[0], expected);
        assert!(page.contains("no promotion recorded a size before"), "{page}");
    }
    let (findings, _) = judged(LIMITS, &reports, &GATES, true, |facts| facts.bundle.promoted = Err(api_error()));
    assert_eq!(verdicts(&findings)[0], "bundle size: inconclusive", "the ledger cannot be read");
}

#[test]
fn the_limits_of_the_service_count() {
    let reports = [report("smoke", Verdict::Passed), measured("1200000 gzip, 6000000 raw; by gzip 9 zlib-rs 0.6.8")];
    for (limits, expected) in [
        ("{ max-increase: 20, max-added: 2MB }", &["bundle size: passed"][..]),
        ("{ max-increase: 20, max-added: 1999999 }", &["bundle size: blocked"]),
        ("{ max-increase: 19.9, max-added: 2MB }", &["bundle size: blocked"]),
        (
            "{ max-increase: 20, max-added: 2MB, max-size: 1.2MB }",
            &["bundle size: passed", "bundle size: limit: passed"],
        ),
        (
            "{ max-increase: 20, max-added: 2MB, max-size: 1199999 }",
            &["bundle size: passed", "bundle size: limit: blocked"],
        ),
    ] {
        let config = format!("    bundle-size: {limits}\n");
        let (findings, _) = judged(&config, &reports, &GATES, false, |_| {});
        let mut found = verdicts(&findings);
        found.retain(|verdict| verdict.starts_with("bundle size"));
        assert_eq!(found, expected, "{limits}");
    }
}
