//! What belongs together, groups, and what is too small or not covered.

use Verdict::{Blocked, Inconclusive, Passed};

use super::*;

#[test]
fn half_a_build_is_inconclusive() {
    for (before, now, expected) in [
        (&[("a.js", 400_000, 100_000), ("i.html", 20, 40)][..], &[("i.html", 20, 40)][..], Inconclusive),
        // The pages outweigh the scripts, but no script is left.
        (&[("a.js", 400, 100), ("i.html", 90_000, 9_000)], &[("i.html", 90_000, 9_000)], Inconclusive),
        (
            &[("a.js", 40_000, 4_000), ("i.html", 90_000, 9_000)],
            &[("a.js", 4_000, 400), ("i.html", 90_000, 9_000)],
            Inconclusive,
        ),
        (&[("a.js", 400, 100), ("i.html", 90_000, 9_000)], &[("a.js", 4, 10), ("i.html", 90_000, 9_000)], Passed),
        (&[("s.css", 400, 100), ("i.html", 90_000, 9_000)], &[("i.html", 90_000, 9_000)], Passed),
    ] {
        let finding = grown(before, now, &default_limits()).findings.remove(0);
        assert_eq!(finding.verdict, expected, "{finding:?}");
        assert_eq!(finding.next.is_some_and(|next| next.contains("`max-decrease`")), expected == Inconclusive);
        let any = GrowthLimits { max_decrease: Percent(100.0), ..default_limits() };
        assert_eq!(grown(before, now, &any).findings[0].verdict, Passed, "{before:?}");
        let why = GrowthLimits { explanation: Some("the scripts moved elsewhere".to_owned()), ..default_limits() };
        assert_eq!(grown(before, now, &why).findings[0].verdict, expected, "an explanation is one of growth");
    }
}

#[test]
fn what_no_browser_runs_does_not_dilute() {
    let before: Weights = &[("a.js", 450_000, 150_000), ("p.jpg", 50 * MB, 50 * MB)];
    let now: Weights = &[("a.js", 450_000, 150_000), ("p.jpg", 50 * MB, 50 * MB), ("b.js", 800_000, 300_000)];
    let growth = grown(before, now, &default_limits());
    assert_eq!((growth.before.raw, growth.now.raw), (450_000, 1_250_000));
    assert_eq!(verdict(&growth.findings), Blocked);
}

#[test]
fn groups_have_limits_of_their_own() {
    let before: Weights = &[("admin/a.js", 100_000, 30_000), ("main.js", 100_000, 30_000)];
    let now: Weights = &[("admin/a.js", 104_000, 31_200), ("main.js", 104_000, 31_200)];
    let with = |groups: &[&str]| {
        judged(&bundle(now), &Baseline::from_bundle(&bundle(before)), &default_limits(), groups)
            .expect("comparable")
            .findings
    };
    let verdicts = |groups: &[&str]| {
        with(groups).iter().map(|finding| (finding.check.clone(), finding.verdict)).collect::<Vec<_>>()
    };
    let row = |check: &str, verdict| (check.to_owned(), verdict);
    assert_eq!(
        verdicts(&["admin admin max-increase=2% max-added=3kB max-size=31kB"]),
        [
            row("bundle", Passed),
            row("new bytes", Passed),
            row("admin", Blocked),
            row("admin: new bytes", Blocked),
            row("admin: size", Blocked),
        ]
    );
    assert_eq!(
        verdicts(&["admin admin max-size=32kB", "main main.js"]),
        [
            row("admin", Passed),
            row("admin: new bytes", Passed),
            row("admin: size", Passed),
            row("main", Passed),
            row("main: new bytes", Passed),
        ]
    );
    assert_eq!(verdicts(&["typo amdin"]).last(), Some(&row("typo", Inconclusive)));
    for finding in with(&["admin admin max-increase=2% max-added=3kB max-size=31kB"]) {
        assert!(finding.verdict == Passed || finding.next.is_some(), "{finding:?}");
    }
    // A part that is new has no percentage.
    let before: Weights = &[("main.js", 100_000, 30_000)];
    let findings = judged(&bundle(now), &Baseline::from_bundle(&bundle(before)), &default_limits(), &["admin admin"]);
    assert_eq!(verdict(&findings.expect("comparable").findings), Passed);
}

#[test]
fn an_absolute_limit_is_not_explained_away() {
    let limits = GrowthLimits {
        max_size: Some(Bytes(1_000)),
        explanation: Some("the editor moved in here".to_owned()),
        ..default_limits()
    };
    let finding = |bytes| grown(&[("a.js", 900, 900)], &[("a.js", bytes, bytes)], &limits).findings.remove(2);
    assert_eq!(finding(1_000).verdict, Passed);
    let over = finding(1_001);
    assert_eq!((over.verdict, over.headline().as_str()), (Blocked, "size 1,001 B gzip, limit 1 kB"));
}

#[test]
fn an_absolute_limit_is_in_the_compression_of_the_settings() {
    // The baseline is of an older library, so growth is compared by the sizes before compression.
    let weights: Weights = &[("a.js", 1_000, 400), ("admin/b.js", 900, 300)];
    let older = Compressor { backend: "zlib-rs 0.5.0".to_owned(), ..Compressor::of(Compression::Gzip) };
    let baseline = Baseline { compressor: older, ..Baseline::from_bundle(&bundle(weights)) };
    let limits = |bytes| GrowthLimits { max_size: Some(Bytes(bytes)), ..default_limits() };
    for (bytes, groups, check, expected) in [
        (700, &[][..], "size", (Passed, "700 B gzip")),
        (699, &[], "size", (Blocked, "700 B gzip")),
        (400, &["admin admin max-size=300"], "admin: size", (Passed, "300 B gzip")),
        (400, &["admin admin max-size=299"], "admin: size", (Blocked, "300 B gzip")),
    ] {
        let growth = judged(&bundle(weights), &baseline, &limits(bytes), groups).expect("comparable");
        assert_eq!(growth.judged, Compression::Raw);
        let size = growth.findings.iter().find(|finding| finding.check == check).expect("a finding");
        assert_eq!((size.verdict, size.actual.as_str()), expected, "{groups:?}");
    }
}

#[test]
fn other_patterns_are_compared_over_what_both_cover() {
    let before: Weights = &[("dist/a.js", 400_000, 100_000)];
    let baseline = |patterns: &[&str]| Baseline {
        patterns: Some(patterns.iter().map(|pattern| (*pattern).to_owned()).collect()),
        ..Baseline::from_bundle(&bundle(before))
    };
    for (patterns, new, expected) in [
        // `.` now
        (&["dist"][..], ("dist/b.js", 900_000, 1_000), Passed),
        (&["dist"], ("dist/b.js", 1_100_000, 1_000), Blocked),
        (&["dist"], ("other/b.js", 900_000, 900_000), Passed),
        (&["dist"], ("other/b.js", 1_100_000, 1_000), Inconclusive),
        (&["dist", "!dist/b.js"], ("dist/b.js", 1_100_000, 1_000), Inconclusive),
    ] {
        let now = bundle(&[before[0], new]);
        let growth = judged(&now, &baseline(patterns), &default_limits(), &[]).expect("comparable");
        assert_eq!(verdict(&growth.findings), expected, "{patterns:?} {new:?}: {:?}", growth.findings);
    }
    // Nothing of what the baseline covers is left.
    let growth = judged(&bundle(&[("build/a.js", 400_000, 100_000)]), &baseline(&["dist"]), &default_limits(), &[]);
    assert_eq!(verdict(&growth.expect("comparable").findings), Inconclusive);
}

#[test]
fn what_only_the_new_patterns_judge_is_limited() {
    let before: Weights = &[("dist/a.js", 400_000, 100_000)];
    let patterns = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let baseline = Baseline { patterns: Some(patterns(&["dist"])), ..Baseline::from_bundle(&bundle(before)) };
    let findings = |path: &[&str], new, groups: &[&str], max_size| {
        let groups = groups.iter().map(|group| group.parse().expect("a group")).collect();
        let scope = Scope { patterns: patterns(path), groups };
        let limits = GrowthLimits { max_size, ..default_limits() };
        let (explanation, packages) = (KnownExplanation::default(), Packages::default());
        let rules = Rules { check: "bundle", limits: &limits, scope: &scope, explanation, packages: &packages };
        judge(&rules, &bundle(&[before[0], new]), &baseline).expect("comparable").findings
    };
    let (png, js) = (("dist/hero.png", 30 * MB, 30 * MB), ("other/b.js", 900_000, 200_000));
    for (path, new, max_size, expected) in [
        (&["dist", "dist/**/*.png"][..], png, None, Inconclusive),
        (&["dist", "dist/**/*.png"], ("dist/hero.png", MB, MB), None, Passed),
        (&["dist"], png, None, Passed),
        (&["dist", "other"], js, None, Passed),
        (&["dist", "other"], js, Some(Bytes(300_000)), Passed),
        (&["dist", "other"], js, Some(Bytes(299_999)), Blocked),
    ] {
        let findings = findings(path, new, &[], max_size);
        assert_eq!(verdict(&findings), expected, "{path:?} {new:?} {max_size:?} {findings:?}");
        let named = findings.iter().any(|finding| finding.check == "new in `path`" && finding.actual.contains(new.0));
        assert_eq!(named, path.len() > 1, "{path:?} {findings:?}");
    }
    // Files of no group, and a group of such files.
    let new = |groups: &[&str], max_size| verdict(&findings(&["dist", "other"], js, groups, max_size));
    assert_eq!(new(&["app dist"], None), Passed);
    assert_eq!(new(&["app dist"], Some(Bytes(199_999))), Blocked);
    assert_eq!(new(&["app dist", "admin other"], None), Inconclusive);
    assert_eq!(new(&["app dist", "admin other max-size=199kB"], None), Blocked);
}

#[test]
fn an_explanation_covers_its_amount() {
    let with = |text: &str, raw| {
        let limits = GrowthLimits { explanation: Some(text.to_owned()), ..default_limits() };
        grown(&[("a.js", 100_000, 30_000)], &[("a.js", 100_000, 30_000), ("b.js", raw, 10_000)], &limits)
            .findings
            .remove(0)
    };
    let text = "up to +200 kB: the editor moved in here";
    assert_eq!(with(text, 200_000).verdict, Passed);
    let more = with(text, 200_001);
    assert_eq!(more.verdict, Blocked);
    assert!(more.actual.ends_with("the explanation covers up to +200 kB raw, and +200 kB were added"), "{more:?}");
    assert!(more.next.is_some_and(|next| next.ends_with("say in `explanation` why it is `up to +210 kB`")));
    let template = with("<!-- why -->\n- [ ] tested", 200_000);
    assert!(template.actual.contains("the text in `explanation` does not count"), "{template:?}");
}

#[test]
fn renamed_content_is_no_new_content() {
    let change = |seed| {
        let baseline = Baseline::from_bundle(&Bundle::from_files([alike("Dashboard-GrwGGwht.js", 1, 1_130_000)]));
        let now = Bundle::from_files([alike("Overview-D2N1-FpA.js", seed, 1_130_000)]);
        judged(&now, &baseline, &default_limits(), &[]).expect("comparable")
    };
    assert_eq!(verdict(&change(1).findings), Passed);
    assert_eq!(verdict(&change(2).findings), Blocked, "another library of the same size");
}

#[test]
fn several_files_of_one_name_are_several_files() {
    // Three chunks stay, and a library takes the place of the fourth.
    let side = |last: BundleFile| (0..3).map(|at| alike(&format!("chunk-ABCDEF1{at}.js"), at, 260_000)).chain([last]);
    let before = Bundle::from_files(side(alike("chunk-QQQQQQ11.js", 3, 260_000)));
    let now = Bundle::from_files(side(alike("chunk-ZZZZZZ22.js", 4, 1_300_000)));
    let growth = judged(&now, &Baseline::from_bundle(&before), &default_limits(), &[]).expect("comparable");
    assert_eq!(growth.findings[1].actual, "`chunk-[hash].js` +1.3 MB (new)");
    assert_eq!(growth.changes.len(), 2, "the removed chunk is no part of the new one");
}

#[test]
fn a_replaced_library_is_new_code_under_its_old_name() {
    let with = |seed| {
        let baseline = Baseline::from_bundle(&Bundle::from_files([alike("vendor-GrwGGwht.js", 1, 1_130_000)]));
        let now = Bundle::from_files([alike("vendor-D2N1aFpA.js", seed, 1_130_000)]);
        judged(&now, &baseline, &default_limits(), &[]).expect("comparable").findings.remove(1)
    };
    assert_eq!(with(1).verdict, Passed);
    let finding = with(2);
    assert_eq!(
        (finding.verdict, finding.actual.as_str()),
        (Blocked, "`vendor-[hash].js` (1.13 MB of other code) ±0 B (±0 %)")
    );
}

#[test]
fn a_limit_for_packages_holds_for_scripts_without_packages() {
    let of = |file: &str| Package { bytes: 50_000, files: [(file.to_owned(), 50_000)].into(), ..Package::default() };
    let packages = Packages { packages: [("react".to_owned(), of("a.js"))].into(), ..Packages::default() };
    let before: Weights = &[("a.js", 50_000, 20_000), ("runtime.js", 1_000, 500), ("i.html", 1_000, 500)];
    let baseline = Baseline { packages: packages.bytes(), ..Baseline::from_bundle(&bundle(before)) };
    let scope = Scope { patterns: vec![".".to_owned()], groups: Vec::new() };
    let findings = |new, limit, packages: &Packages| {
        let limits = GrowthLimits {
            max_added_per_package: limit,
            max_increase: Percent(f64::INFINITY),
            max_added: Bytes(10 * MB),
            ..default_limits()
        };
        let explanation = KnownExplanation::default();
        let rules = Rules { check: "bundle", limits: &limits, scope: &scope, explanation, packages };
        let now = bundle(&[before, &[new]].concat());
        verdict(&judge(&rules, &now, &baseline).expect("comparable").findings)
    };
    let limit = Some(Bytes(100_000));
    for (new, limit, expected) in [
        (("b.js", 100_000, 40_000), limit, Passed),
        (("b.js", 100_001, 40_000), limit, Inconclusive),
        (("b.js.br", 100_001, 100_001), limit, Inconclusive),
        (("b.js", 100_001, 40_000), None, Passed),
        // Pages and style sheets have no packages.
        (("b.html", 900_000, 40_000), limit, Passed),
        (("b.css", 900_000, 40_000), limit, Passed),
    ] {
        assert_eq!(findings(new, limit, &packages), expected, "{new:?} {limit:?}");
    }
    let all = ["a.js", "b.js"].map(|file| (file.to_owned(), of(file)));
    let all = Packages { packages: all.into(), ..Packages::default() };
    assert_eq!(findings(("b.js", 100_001, 40_000), limit, &all), Passed);
}
