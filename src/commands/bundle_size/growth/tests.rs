mod rules;

use std::collections::BTreeMap;

use clap::{Args as _, FromArgMatches as _};
use proptest::prelude::*;

use super::*;
use crate::{
    commands::bundle_size::{bundle::Compressor, packages::Package, sketch::Sketch},
    finding::verdict,
    values::Percent,
};

const MB: u64 = 1_000_000;

/// Path, raw, gzip.
type Weights<'a> = &'a [(&'a str, u64, u64)];

fn bundle(files: Weights) -> Bundle {
    Bundle::from_files(files.iter().map(|(path, raw, gzip)| BundleFile {
        path: (*path).to_owned(),
        sizes: Sizes { raw: *raw, compressed: *gzip },
        ..BundleFile::default()
    }))
}

/// A file of this size whose content is that of a seed.
fn alike(path: &str, seed: u64, raw: u64) -> BundleFile {
    let mut random = fastrand::Rng::with_seed(seed);
    let text: String = (0..3000).map(|_| format!("{:06x}(", random.u32(0x0010_0000..0x00ff_ffff))).collect();
    let sketch = Some(Sketch::of(text.as_bytes()));
    BundleFile { path: path.to_owned(), sizes: Sizes { raw, compressed: raw / 3 }, sketch, ..BundleFile::default() }
}

fn judged(now: &Bundle, baseline: &Baseline, limits: &GrowthLimits, groups: &[&str]) -> Result<Growth, Finding> {
    let groups = groups.iter().map(|group| group.parse().expect("a group")).collect();
    let scope = Scope { patterns: vec![".".to_owned()], groups };
    let explanation = KnownExplanation::of_input(limits.explanation.as_deref(), "");
    let packages = Packages::default();
    judge(&Rules { check: "bundle", limits, scope: &scope, explanation, packages: &packages }, now, baseline)
}

fn grown(before: Weights, now: Weights, limits: &GrowthLimits) -> Growth {
    judged(&bundle(now), &Baseline::from_bundle(&bundle(before)), limits, &[]).expect("comparable")
}

fn total_finding(before: u64, now: u64, limits: &GrowthLimits) -> Finding {
    grown(&[("a.js", before, before)], &[("a.js", now, now)], limits).findings.remove(0)
}

/// The limits that clap reads from these arguments.
fn parse_limits(arguments: &[&str]) -> GrowthLimits {
    let command = GrowthLimits::augment_args(clap::Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap_or_else(|error| panic!("{error}"));
    GrowthLimits::from_arg_matches(&matches).expect("limits")
}

fn default_limits() -> GrowthLimits {
    parse_limits(&[])
}

#[test]
fn limits_have_defaults_and_are_read_from_arguments() {
    let expected = GrowthLimits {
        max_increase: Percent(5.0),
        max_added: Bytes(1_000_000),
        max_added_per_package: None,
        max_size: None,
        max_decrease: Percent(50.0),
        min_increase: Bytes(0),
        compression: Compression::Gzip,
        explanation: None,
    };
    assert_eq!(default_limits(), expected);
    let given = parse_limits(&["--max-increase=2.5 %", "--max-added=2MiB", "--compression=raw", "--explanation=why"]);
    assert_eq!((given.max_increase, given.max_added), (Percent(2.5), Bytes(2_097_152)));
    assert_eq!((given.compression, given.explanation.as_deref()), (Compression::Raw, Some("why")));
}

#[test]
fn growth_of_exactly_the_limit_passes() {
    let default = default_limits();
    let percent = |percent| GrowthLimits { max_increase: Percent(percent), ..default.clone() };
    let floor = |bytes| GrowthLimits { min_increase: Bytes(bytes), ..default.clone() };
    for (limits, before, now, expected) in [
        (&default, 1_000_000, 1_051_000, Verdict::Blocked),
        (&default, 1_000_000, 1_049_000, Verdict::Passed),
        (&default, 1_000_000, 1_050_000, Verdict::Passed),
        (&default, 1_000_000, 1_050_001, Verdict::Blocked),
        (&default, 999_999, 1_049_998, Verdict::Passed),
        (&default, 999_999, 1_049_999, Verdict::Blocked),
        (&default, 20, 21, Verdict::Passed),
        (&default, 19, 20, Verdict::Blocked),
        (&default, 1_000_000, 1_000_000, Verdict::Passed),
        (&default, 1_000_000, 500_000, Verdict::Passed),
        (&default, 1_000_000, 499_999, Verdict::Inconclusive),
        (&percent(5.1), 1_000_000, 1_051_000, Verdict::Passed),
        (&percent(5.1), 1_000_000, 1_051_001, Verdict::Blocked),
        (&percent(0.1), 3_000, 3_003, Verdict::Passed),
        (&percent(0.1), 3_000, 3_004, Verdict::Blocked),
        (&percent(0.0), 1_000, 1_000, Verdict::Passed),
        (&percent(0.0), 1_000, 1_001, Verdict::Blocked),
        (&percent(f64::NAN), 1_000, 1_001, Verdict::Blocked),
        (&percent(-1.0), 1_000, 1_001, Verdict::Blocked),
        (&percent(-1.0), 1_000, 1_000, Verdict::Passed),
        (&percent(f64::INFINITY), 1_000, u64::MAX, Verdict::Passed),
        (&percent(100.0), 1_000, 2_000, Verdict::Passed),
        (&percent(100.0), 1_000, 2_001, Verdict::Blocked),
        (&floor(100), 1_000, 1_099, Verdict::Passed),
        (&floor(100), 1_000, 1_100, Verdict::Blocked),
        (&default, 900_000_000_000_000, 945_000_000_000_000, Verdict::Passed),
        (&default, 900_000_000_000_000, 945_000_000_000_001, Verdict::Blocked),
    ] {
        let finding = total_finding(before, now, limits);
        assert_eq!(finding.verdict, expected, "{before} → {now} {limits:?}: {finding:?}");
        assert_eq!(finding.waived, None);
    }
}

#[test]
fn explained_growth_passes_and_keeps_its_explanation() {
    let limits = |why: &str| GrowthLimits { explanation: Some(why.to_owned()), ..default_limits() };
    let finding = total_finding(1_000_000, 1_051_000, &limits(" the editor moved in here \n"));
    assert_eq!(finding.verdict, Verdict::Passed);
    assert_eq!(finding.waived.as_deref(), Some("the editor moved in here"));
    assert_eq!(
        finding.actual,
        "1 MB → 1.05 MB gzip (+5.1 %); grew most: `a.js` +51 kB gzip, +51 kB raw (+5.1 %); over the limit, but explained"
    );
    assert_eq!(
        total_finding(1_000_000, 1_051_000, &limits(" \n")).verdict,
        Verdict::Blocked,
        "a blank explanation is none"
    );
    assert_eq!(finding.next, None, "nothing is left to do");
    let blocked = total_finding(1_000_000, 1_051_000, &default_limits());
    assert!(blocked.next.is_some_and(|next| next.contains("`explanation`")));
    let within = total_finding(1_000_000, 1_049_000, &limits("in advance"));
    assert_eq!((within.verdict, within.waived), (Verdict::Passed, None), "nothing needed explaining");

    let library = ("vendor/debug-lib.js", 4 * MB, MB);
    let growth =
        grown(&[("a.js", 80 * MB, 20 * MB)], &[("a.js", 80 * MB, 20 * MB), library], &limits("needed until Friday"));
    assert_eq!(verdict(&growth.findings), Verdict::Passed);
    assert_eq!(growth.findings[1].waived.as_deref(), Some("needed until Friday"));
    assert!(growth.findings[1].actual.ends_with("(new); over the limit, but explained"), "{:?}", growth.findings[1]);
}

#[test]
fn a_large_new_file_is_named() {
    let app = ("dist/app.3f2a.js", 1_600_000, 500_000);
    let library = ("vendor/debug-lib.js", 4 * MB, 1_100_000);
    let growth = grown(&[app], &[("dist/app.9c1b.js", 1_610_000, 503_000), library], &default_limits());
    let [total, one] = &growth.findings[..] else { panic!("{:?}", growth.findings) };
    assert_eq!((total.verdict, one.verdict), (Verdict::Blocked, Verdict::Blocked));
    assert_eq!(total.check, "bundle");
    assert_eq!(total.expected, "at most 5 % more than the baseline's 500 kB, which is 525 kB gzip");
    assert_eq!(
        total.actual,
        "500 kB → 1.6 MB gzip (+221 %); grew most: `vendor/debug-lib.js` +1.1 MB gzip, +4 MB raw (new)"
    );
    assert_eq!(one.check, "new bytes");
    assert_eq!(one.expected, "at most 1 MB raw more in new and grown files");
    assert_eq!(one.actual, "+4.01 MB in all: `vendor/debug-lib.js` +4 MB (new), `dist/app.[hash].js` +10 kB (+0.62 %)");
}

#[test]
fn a_large_file_in_a_large_bundle_is_blocked() {
    let before: Weights = &[("a.js", 60 * MB, 15 * MB), ("b.js", 40 * MB, 10 * MB)];
    for (now, limits, expected, actual) in [
        // a new file: 4 % of the bundle raw, 1 % when it compresses well
        (
            &[("a.js", 60 * MB, 15 * MB), ("b.js", 40 * MB, 10 * MB), ("debug.js", 4 * MB, MB / 4)][..],
            default_limits(),
            Verdict::Blocked,
            "`debug.js` +4 MB (new)",
        ),
        // an existing file that grew
        (
            &[("a.js", 64 * MB, 16 * MB), ("b.js", 40 * MB, 10 * MB)],
            default_limits(),
            Verdict::Blocked,
            "`a.js` +4 MB (+6.7 %)",
        ),
        // a removed file does not make up for it
        (&[("a.js", 60 * MB, 15 * MB), ("c.js", 4 * MB, MB)], default_limits(), Verdict::Blocked, "`c.js` +4 MB (new)"),
        (
            &[("a.js", 61 * MB, 15 * MB), ("b.js", 40 * MB, 10 * MB)],
            default_limits(),
            Verdict::Passed,
            "`a.js` +1 MB (+1.7 %)",
        ),
        (&[("a.js", 60 * MB, 15 * MB)], default_limits(), Verdict::Passed, "no file grew"),
        (
            &[("a.js", 64 * MB, 16 * MB), ("b.js", 40 * MB, 10 * MB)],
            GrowthLimits { max_added: Bytes(4 * MB), ..default_limits() },
            Verdict::Passed,
            "`a.js` +4 MB (+6.7 %)",
        ),
        // five files, each of which is small enough
        (
            &[
                ("a.js", 60 * MB, 15 * MB),
                ("b.js", 40 * MB, 10 * MB),
                ("1.js", 11, 1),
                ("2.js", 12, 1),
                ("3.js", 13, 1),
                ("4.js", 9, 1),
                ("5.js", 15, 1),
            ],
            GrowthLimits { max_added: Bytes(59), ..default_limits() },
            Verdict::Blocked,
            "+60 B in all: `5.js` +15 B (new), `3.js` +13 B (new), `2.js` +12 B (new), and 2 more",
        ),
    ] {
        let findings = grown(before, now, &limits).findings;
        assert_eq!(findings[0].verdict, Verdict::Passed, "{:?}", findings[0]);
        assert_eq!((findings[1].verdict, findings[1].actual.as_str()), (expected, actual));
    }
}

#[test]
fn a_library_in_many_chunks_is_blocked() {
    let names: Vec<String> = (0..5).map(|at| format!("chunk-ABCDEF{at:02}.js")).collect();
    let app = ("a.js", 80 * MB, 20 * MB);
    let now: Vec<_> = names.iter().map(|name| (name.as_str(), 4 * MB / 5, MB / 20)).chain([app]).collect();
    let findings = grown(&[app], &now, &default_limits()).findings;
    assert_eq!((findings[0].verdict, findings[1].verdict), (Verdict::Passed, Verdict::Blocked));
    assert!(findings[1].actual.starts_with("+4 MB in all: `chunk-[hash].js` +800 kB (new), "), "{:?}", findings[1]);
}

#[test]
fn the_chosen_compression_is_judged() {
    let before: Weights = &[("a.js", 1000, 100)];
    let now: Weights = &[("a.js", 1100, 100)];
    let raw = GrowthLimits { compression: Compression::Raw, ..default_limits() };
    let finding = &grown(before, now, &raw).findings[0];
    assert_eq!((finding.verdict, finding.check.as_str()), (Verdict::Blocked, "bundle"));
    assert_eq!(finding.actual, "1 kB → 1.1 kB raw (+10 %); grew most: `a.js` +100 B (+10 %)");
    assert_eq!(grown(before, now, &default_limits()).findings[0].verdict, Verdict::Passed);

    let mut baseline = Baseline::from_bundle(&bundle(before));
    baseline.compressor = Compressor::of(Compression::Brotli);
    assert!(judged(&bundle(now), &baseline, &default_limits(), &[]).is_err());
    assert!(judged(&bundle(now), &baseline, &raw, &[]).is_ok());
    // Another library is compared before compression: +10 %.
    baseline.compressor = Compressor { backend: "zlib-ng 2.2.1".to_owned(), ..Compressor::of(Compression::Gzip) };
    let growth = judged(&bundle(now), &baseline, &default_limits(), &[]).expect("comparable");
    assert_eq!((growth.judged, growth.findings[0].verdict), (Compression::Raw, Verdict::Blocked));
}

#[test]
fn an_empty_bundle_or_baseline_is_inconclusive() {
    let something: Weights = &[("a.js", 10, 30)];
    for (before, now, message) in [
        (something, &[][..], "0 bytes in 0 files"),
        (something, &[("a.js", 0, 20)], "0 bytes in 1 file"),
        (&[], something, "the baseline has 0 bytes in 0 files; now 30 B"),
        (&[("a.js", 0, 20)], something, "the baseline has 0 bytes in 1 file;"),
        (&[("a.js", 10, 0)], something, "the baseline has 0 bytes in 1 file;"),
        (&[], &[], "0 bytes in 0 files"),
    ] {
        let explained = GrowthLimits { explanation: Some("because the editor moved in".into()), ..default_limits() };
        for limits in [default_limits(), explained] {
            let findings = grown(before, now, &limits).findings;
            assert_eq!(verdict(&findings), Verdict::Inconclusive, "{before:?} {now:?}");
            assert!(findings[0].actual.contains(message), "{:?}", findings[0]);
            assert_eq!(findings[0].waived, None);
        }
    }
    let finding = &grown(&[], something, &default_limits()).findings[0];
    assert!(finding.next.as_ref().is_some_and(|next| next.contains("`write-baseline`")), "{finding:?}");
}

#[test]
fn growth_below_the_noise_limit_passes() {
    let limits = GrowthLimits { min_increase: Bytes(1000), ..default_limits() };
    let finding = total_finding(1000, 1500, &limits);
    assert_eq!(
        finding.expected,
        "at most 5 % more than the baseline's 1 kB, which is 1.05 kB gzip, or less than 1 kB more"
    );
    assert!(finding.actual.ends_with("so little counts as noise"), "{finding:?}");
}

#[test]
fn the_headline_has_the_figures() {
    let explained = GrowthLimits { explanation: Some("the editor moved in here".into()), ..default_limits() };
    let noise = GrowthLimits { min_increase: Bytes(10_000), ..default_limits() };
    for (before, now, limits, headline) in [
        (130_000, 957_000, default_limits(), "bundle 130 kB → 957 kB (+636 %), limit +5 %: `a.js` +827 kB"),
        (100_000, 105_001, default_limits(), "bundle 100 kB → 105 kB (+5.001 %), limit +5 %: `a.js` +5 kB"),
        (100_000, 105_000, default_limits(), "bundle 100 kB → 105 kB (+5 kB, +5 %), limit +5 %"),
        (38_000, 38_407, default_limits(), "bundle 38 kB → 38.4 kB (+407 B, +1.1 %), limit +5 %"),
        (38_000, 38_000, default_limits(), "bundle 38 kB → 38 kB (±0 B, ±0 %), limit +5 %"),
        (38_000, 19_000, default_limits(), "bundle 38 kB → 19 kB (-19 kB, -50 %), limit +5 %"),
        (100_000, 108_000, explained, "bundle 100 kB → 108 kB (+8 %, explained), limit +5 %: `a.js` +8 kB"),
        (1_000, 3_000, noise.clone(), "bundle 1 kB → 3 kB (+2 kB, +200 %), limit less than +10 kB"),
        (1_000, 12_000, noise.clone(), "bundle 1 kB → 12 kB (+11 kB, +1,100 %), limit less than +10 kB: `a.js` +11 kB"),
        (900_000, 990_000, noise, "bundle 900 kB → 990 kB (+10 %), limit +5 %: `a.js` +90 kB"),
    ] {
        assert_eq!(total_finding(before, now, &limits).headline(), headline);
    }
    let one_file =
        |raw| grown(&[("a.js", 80 * MB, MB)], &[("a.js", 80 * MB, MB), ("dist/b.js", raw, 9)], &default_limits());
    let headline = |raw| one_file(raw).findings[1].headline();
    assert_eq!(headline(4 * MB), "new bytes +4 MB raw, limit +1 MB raw: `b.js`");
    assert_eq!(headline(MB + 1), "new bytes +1,000,001 B raw, limit +1 MB raw: `b.js`");
    assert_eq!(headline(MB), "new bytes: `dist/b.js` +1 MB (new)");
    assert_eq!(total_finding(1, 1, &default_limits()).figures.unwrap().cause, None);
    let next = one_file(4 * MB).findings.remove(1).next;
    assert!(next.is_some_and(|next| next.starts_with("make `b.js` smaller or leave it out; ")));
}

#[test]
fn the_total_is_named_after_the_service() {
    assert_eq!(total_check(&Subject::default()), "bundle");
    assert_eq!(total_check(&r#"{"service":"frontend"}"#.parse().unwrap()), "frontend");
}

#[test]
fn the_table_shows_changed_files_and_sums_up_the_rest() {
    let before: Weights = &[
        ("same.js", 10, 10),
        ("app.3f2a.js", 1000, 300),
        ("old.js", 5000, 2000),
        ("i-HomePage.js", 700, 70),
        ("tiny.js", 100, 50),
    ];
    let now: Weights = &[
        ("same.js", 10, 10),
        ("app.9c1b.js", 1500, 400),
        ("new.js", 9000, 3000),
        ("i-BxYz12_-.js", 700, 77),
        ("tiny.js", 110, 50),
    ];
    let growth = grown(before, now, &default_limits());
    assert_eq!(growth.columns(), ["File", "Before", "Now", "Growth", "Percent", "Raw growth"]);
    let rows = |limit| growth.table(limit).iter().map(|cells| cells.join(" | ")).collect::<Vec<_>>();
    let total = "total | 2.43 kB | 3.54 kB | +1.11 kB | +46 % | +4.51 kB";
    assert_eq!(
        rows(10),
        [
            "`new.js` | – | 3 kB | +3 kB | new | +9 kB",
            "`app.[hash].js` | 300 B | 400 B | +100 B | +33 % | +500 B",
            "`i-[hash].js` (was `i-HomePage.js`) | 70 B | 77 B | +7 B | +10 % | ±0 B",
            "`old.js` | 2 kB | – | -2 kB | gone | -5 kB",
            "`tiny.js` | 50 B | 50 B | ±0 B | ±0 % | +10 B",
            total,
        ]
    );
    assert_eq!(
        rows(3),
        [
            "`new.js` | – | 3 kB | +3 kB | new | +9 kB",
            "`app.[hash].js` | 300 B | 400 B | +100 B | +33 % | +500 B",
            "`old.js` | 2 kB | – | -2 kB | gone | -5 kB",
            "2 more files that changed | 120 B | 127 B | +7 B | +5.8 % | +10 B",
            total,
        ]
    );
    assert_eq!(rows(4), rows(10), "a single file that is left has its own row");
    assert_eq!(rows(0).len(), 2, "all in one row, and the total");
    assert_eq!(growth.files(3).len(), 4, "without the total");
}

proptest! {
    /// However names are matched, the changes add up to the difference of the totals, and so does every table.
    #[test]
    fn file_changes_add_up_to_the_totals(
        before in proptest::collection::btree_map("[ab](-[A-C0-2]{8}|-Page[A-C]age|\\.[0-9a-b]{4})?\\.js", (1u64..5000, 1u64..5000), 0..9),
        now in proptest::collection::btree_map("[ab](-[A-C0-2]{8}|-Page[A-C]age|\\.[0-9a-b]{4})?\\.js", (1u64..5000, 1u64..5000), 0..9),
        limit in 0usize..6,
    ) {
        fn list(files: &BTreeMap<String, (u64, u64)>) -> Vec<(&str, u64, u64)> {
            files.iter().map(|(name, (raw, gzip))| (name.as_str(), *raw, *gzip)).collect()
        }
        let (before, now) = (list(&before), list(&now));
        let growth = grown(&before, &now, &default_limits());
        let sum = |files: &[(&str, u64, u64)]| Sizes { raw: files.iter().map(|file| file.1).sum(), compressed: files.iter().map(|file| file.2).sum() };
        prop_assert_eq!((growth.before, growth.now), (sum(&before), sum(&now)));
        for by in [Compression::Raw, Compression::Gzip] {
            let rows: i128 = growth.changes.iter().map(|change| change.growth(by)).sum();
            prop_assert_eq!(rows, i128::from(growth.now.bytes(by)) - i128::from(growth.before.bytes(by)));
        }
        let changed = growth.changes.len();
        prop_assert_eq!(growth.table(limit).len(), changed.min(limit) + usize::from(changed > limit) + 1);
        prop_assert!(growth.changes.windows(2).all(|pair| pair[0].growth(Compression::Gzip) >= pair[1].growth(Compression::Gzip)));
        let most = growth.changes.iter().map(FileChange::added).sum::<u64>();
        prop_assert!(most <= growth.now.raw, "new bytes are at most all bytes");
    }

    /// The verdict is that of exact fractions.
    #[test]
    fn the_limit_is_exact(before in 1u64..1_000_000_000, change in -20i64..20, hundredths in 0u32..2000) {
        let limit = before + before * u64::from(hundredths) / 10_000;
        let now = limit.saturating_add_signed(change).max(1);
        let limits = GrowthLimits { max_increase: Percent(f64::from(hundredths) / 100.0), ..default_limits() };
        let over = (u128::from(now) * 10_000) > u128::from(before) * u128::from(10_000 + hundredths);
        let expected = if over { Verdict::Blocked } else { Verdict::Passed };
        prop_assert_eq!(total_finding(before, now, &limits).verdict, expected);
    }
}

#[test]
fn a_baseline_of_this_binary_is_comparable() {
    let measured = bundle(&[("a.js", 10, 30)]);
    assert_eq!(measured.compressor, Compressor::of(Compression::Gzip));
    assert_eq!(
        verdict(
            &judged(&measured, &Baseline::from_bundle(&measured), &default_limits(), &[]).expect("comparable").findings
        ),
        Verdict::Passed
    );
}
