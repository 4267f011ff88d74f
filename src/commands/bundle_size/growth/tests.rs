use std::collections::BTreeMap;

use clap::{Args as _, FromArgMatches as _};
use proptest::prelude::*;

use super::*;
use crate::{
    commands::bundle_size::measure::{Compressor, File},
    finding::verdict,
};

const MB: u64 = 1_000_000;

/// Path, raw, gzip.
type Weights<'a> = &'a [(&'a str, u64, u64)];

fn bundle(files: Weights) -> Measured {
    Measured::of(files.iter().map(|(path, raw, gzip)| File {
        path: (*path).to_owned(),
        sizes: Sizes { raw: *raw, gzip: *gzip },
        sha256: String::new(),
    }))
}

fn grown(before: Weights, now: Weights, rule: &Rule) -> Growth {
    judge(&bundle(now), &Baseline::of(&bundle(before)), rule).expect("comparable")
}

/// The finding on the total.
fn of_total(before: u64, now: u64, rule: &Rule) -> Finding {
    grown(&[("a.js", before, before)], &[("a.js", now, now)], rule).findings.remove(0)
}

/// The rule as the command line makes it, with these words.
fn rule_of(arguments: &[&str]) -> Rule {
    let command = Rule::augment_args(clap::Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap_or_else(|error| panic!("{error}"));
    Rule::from_arg_matches(&matches).expect("a rule")
}

/// The rule without a word said.
fn default() -> Rule {
    rule_of(&[])
}

#[test]
fn the_rule_without_a_word_said() {
    let expected = Rule {
        max_increase: Percent(5.0),
        max_added: Bytes(1_000_000),
        min_increase: Bytes(0),
        compression: Compression::Gzip,
        explanation: None,
    };
    assert_eq!(default(), expected);
    let said = rule_of(&["--max-increase=2.5 %", "--max-added=2MiB", "--compression=raw", "--explanation=why"]);
    assert_eq!((said.max_increase, said.max_added), (Percent(2.5), Bytes(2_097_152)));
    assert_eq!((said.compression, said.explanation.as_deref()), (Compression::Raw, Some("why")));
}

#[test]
fn five_percent_is_five_percent() {
    let default = default();
    let percent = |percent| Rule { max_increase: Percent(percent), ..default.clone() };
    let floor = |bytes| Rule { min_increase: Bytes(bytes), ..default.clone() };
    for (rule, before, now, expected) in [
        (&default, 1_000_000, 1_051_000, Verdict::Blocked),
        (&default, 1_000_000, 1_049_000, Verdict::Passed),
        (&default, 1_000_000, 1_050_000, Verdict::Passed),
        (&default, 1_000_000, 1_050_001, Verdict::Blocked),
        (&default, 999_999, 1_049_998, Verdict::Passed),
        (&default, 999_999, 1_049_999, Verdict::Blocked),
        (&default, 20, 21, Verdict::Passed),
        (&default, 19, 20, Verdict::Blocked),
        (&default, 1_000_000, 1_000_000, Verdict::Passed),
        (&default, 1_000_000, 1, Verdict::Passed),
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
        let finding = of_total(before, now, rule);
        assert_eq!(finding.verdict, expected, "{before} → {now} {rule:?}: {finding:?}");
        assert_eq!(finding.waived, None);
    }
}

#[test]
fn an_explanation_lets_growth_pass_and_is_said() {
    let rule = |why: &str| Rule { explanation: Some(why.to_owned()), ..default() };
    let finding = of_total(1_000_000, 1_051_000, &rule(" the editor moved in \n"));
    assert_eq!(finding.verdict, Verdict::Passed);
    assert_eq!(finding.waived.as_deref(), Some("the editor moved in"));
    assert_eq!(
        finding.actual,
        "1 MB → 1.05 MB gzip (+5.1 %); grew most: a.js +51 kB gzip, +51 kB raw (+5.1 %); over the limit, but explained"
    );
    assert_eq!(of_total(1_000_000, 1_051_000, &rule(" \n")).verdict, Verdict::Blocked, "a blank explains nothing");
    assert_eq!(finding.next, None, "nothing is left to do");
    let blocked = of_total(1_000_000, 1_051_000, &default());
    assert!(blocked.next.is_some_and(|next| next.contains("`explanation`")));
    let within = of_total(1_000_000, 1_049_000, &rule("in advance"));
    assert_eq!((within.verdict, within.waived), (Verdict::Passed, None), "nothing needed explaining");

    let library = ("vendor/debug-lib.js", 4 * MB, MB);
    let growth =
        grown(&[("a.js", 80 * MB, 20 * MB)], &[("a.js", 80 * MB, 20 * MB), library], &rule("needed until Friday"));
    assert_eq!(verdict(&growth.findings), Verdict::Passed);
    assert_eq!(growth.findings[1].waived.as_deref(), Some("needed until Friday"));
    assert!(growth.findings[1].actual.ends_with("(new); over the limit, but explained"), "{:?}", growth.findings[1]);
}

#[test]
fn the_debug_library_is_named() {
    let app = ("dist/app.3f2a.js", 1_600_000, 500_000);
    let library = ("vendor/debug-lib.js", 4 * MB, 1_100_000);
    let growth = grown(&[app], &[("dist/app.9c1b.js", 1_610_000, 503_000), library], &default());
    let [total, one] = &growth.findings[..] else { panic!("{:?}", growth.findings) };
    assert_eq!((total.verdict, one.verdict), (Verdict::Blocked, Verdict::Blocked));
    assert_eq!(total.check, "bundle size (gzip)");
    assert_eq!(total.expected, "at most 5 % more than the baseline's 500 kB, which is 525 kB gzip");
    assert_eq!(
        total.actual,
        "500 kB → 1.6 MB gzip (+220.6 %); grew most: vendor/debug-lib.js +1.1 MB gzip, +4 MB raw (new)"
    );
    assert_eq!(one.check, "bytes added by one file");
    assert_eq!(one.expected, "at most 1 MB raw more in any one file");
    assert_eq!(one.actual, "vendor/debug-lib.js +4 MB (new)");
}

#[test]
fn a_large_bundle_hides_no_library() {
    let before: Weights = &[("a.js", 60 * MB, 15 * MB), ("b.js", 40 * MB, 10 * MB)];
    for (now, rule, expected, actual) in [
        // new, 4 % of the bundle, and 1 % when it compresses well
        (
            &[("a.js", 60 * MB, 15 * MB), ("b.js", 40 * MB, 10 * MB), ("debug.js", 4 * MB, MB / 4)][..],
            default(),
            Verdict::Blocked,
            "debug.js +4 MB (new)",
        ),
        // grown into a file that was there
        (
            &[("a.js", 64 * MB, 16 * MB), ("b.js", 40 * MB, 10 * MB)],
            default(),
            Verdict::Blocked,
            "a.js +4 MB (+6.67 %)",
        ),
        // what shrank elsewhere is no excuse
        (&[("a.js", 60 * MB, 15 * MB), ("c.js", 4 * MB, MB)], default(), Verdict::Blocked, "c.js +4 MB (new)"),
        (&[("a.js", 61 * MB, 15 * MB), ("b.js", 40 * MB, 10 * MB)], default(), Verdict::Passed, "a.js +1 MB (+1.67 %)"),
        (&[("a.js", 60 * MB, 15 * MB)], default(), Verdict::Passed, "no file grew"),
        (
            &[("a.js", 64 * MB, 16 * MB), ("b.js", 40 * MB, 10 * MB)],
            Rule { max_added: Bytes(4 * MB), ..default() },
            Verdict::Passed,
            "a.js +4 MB (+6.67 %)",
        ),
        // five of them
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
            Rule { max_added: Bytes(10), ..default() },
            Verdict::Blocked,
            "5.js +15 B (new), 3.js +13 B (new), 2.js +12 B (new), and 1 more",
        ),
    ] {
        let findings = grown(before, now, &rule).findings;
        assert_eq!(findings[0].verdict, Verdict::Passed, "{:?}", findings[0]);
        assert_eq!((findings[1].verdict, findings[1].actual.as_str()), (expected, actual));
    }
}

#[test]
fn many_small_chunks_of_one_name_are_no_large_file() {
    let names: Vec<String> = (0..10).map(|at| format!("chunk-ABCDEF{at:02}.js")).collect();
    let chunks = names.iter().map(|name| (name.as_str(), MB / 5, MB / 20));
    let app = ("a.js", 80 * MB, 20 * MB);

    let mut now: Vec<_> = chunks.chain([app]).collect();
    let findings = grown(&[app], &now, &default()).findings;
    assert_eq!(findings[1].verdict, Verdict::Passed, "{:?}", findings[1]);
    assert_eq!(findings[1].actual, "chunk-[hash].js (10 files, the largest chunk-ABCDEF09.js) +2 MB (new)");

    now.push(("chunk-QRSTUV99.js", 4 * MB, MB / 20));
    let findings = grown(&[app], &now, &default()).findings;
    assert_eq!(findings[1].verdict, Verdict::Blocked);
    assert_eq!(findings[1].actual, "chunk-[hash].js (11 files, the largest chunk-QRSTUV99.js) +6 MB (new)");
}

#[test]
fn which_sizes_are_judged() {
    let before: Weights = &[("a.js", 1000, 100)];
    let now: Weights = &[("a.js", 1100, 100)];
    let raw = Rule { compression: Compression::Raw, ..default() };
    let finding = &grown(before, now, &raw).findings[0];
    assert_eq!((finding.verdict, finding.check.as_str()), (Verdict::Blocked, "bundle size (raw)"));
    assert_eq!(finding.actual, "1 kB → 1.1 kB raw (+10.0 %); grew most: a.js +100 B (+10.0 %)");
    assert_eq!(grown(before, now, &default()).findings[0].verdict, Verdict::Passed);

    let mut baseline = Baseline::of(&bundle(before));
    baseline.compressor.level = 6;
    assert!(judge(&bundle(now), &baseline, &default()).is_err());
    assert!(judge(&bundle(now), &baseline, &raw).is_ok());
}

#[test]
fn nothing_to_judge_is_inconclusive() {
    let something: Weights = &[("a.js", 10, 30)];
    for (before, now, said) in [
        (something, &[][..], "0 bytes in 0 files"),
        (something, &[("a.js", 0, 20)], "0 bytes in 1 file"),
        (&[], something, "the baseline has 0 bytes in 0 files; now 30 B"),
        (&[("a.js", 0, 20)], something, "the baseline has 0 bytes in 1 files"),
        (&[("a.js", 10, 0)], something, "the baseline has 0 bytes in 1 files"),
        (&[], &[], "0 bytes in 0 files"),
    ] {
        let explained = Rule { explanation: Some("because".into()), ..default() };
        for rule in [default(), explained] {
            let findings = grown(before, now, &rule).findings;
            assert_eq!(verdict(&findings), Verdict::Inconclusive, "{before:?} {now:?}");
            assert!(findings[0].actual.contains(said), "{:?}", findings[0]);
            assert_eq!(findings[0].waived, None);
        }
    }
    let finding = &grown(&[], something, &default()).findings[0];
    assert!(finding.next.as_ref().is_some_and(|next| next.contains("`write-baseline`")), "{finding:?}");
}

#[test]
fn noise_is_called_noise() {
    let rule = Rule { min_increase: Bytes(1000), ..default() };
    let finding = of_total(1000, 1500, &rule);
    assert_eq!(
        finding.expected,
        "at most 5 % more than the baseline's 1 kB, which is 1.05 kB gzip, or less than 1 kB more"
    );
    assert!(finding.actual.ends_with("so little counts as noise"), "{finding:?}");
}

#[test]
fn the_table_shows_what_changed() {
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
    let growth = grown(before, now, &default());
    assert_eq!(growth.columns(), ["file", "gzip before", "gzip now", "change", "%", "raw change"]);
    let rows = |limit| growth.table(limit).iter().map(|cells| cells.join(" | ")).collect::<Vec<_>>();
    let total = "total | 2.43 kB | 3.54 kB | +1.11 kB | +45.56 % | +4.51 kB";
    assert_eq!(
        rows(10),
        [
            "new.js | – | 3 kB | +3 kB | new | +9 kB",
            "app.[hash].js | 300 B | 400 B | +100 B | +33.34 % | +500 B",
            "i-[hash].js (was i-HomePage.js) | 70 B | 77 B | +7 B | +10.0 % | ±0 B",
            "old.js | 2 kB | – | -2 kB | gone | -5 kB",
            "tiny.js | 50 B | 50 B | ±0 B | +0.0 % | +10 B",
            total,
        ]
    );
    assert_eq!(
        rows(3),
        [
            "new.js | – | 3 kB | +3 kB | new | +9 kB",
            "app.[hash].js | 300 B | 400 B | +100 B | +33.34 % | +500 B",
            "old.js | 2 kB | – | -2 kB | gone | -5 kB",
            "2 more files that changed | 120 B | 127 B | +7 B | +5.84 % | +10 B",
            total,
        ]
    );
    assert_eq!(rows(0).len(), 2, "all in one row, and the total");
}

#[test]
fn percentages_are_rounded_up() {
    for (before, now, shown) in [
        (100, 105, "+5.0 %"),
        (1_000_000, 1_050_001, "+5.01 %"),
        (1_000_000, 1_051_000, "+5.1 %"),
        (3, 4, "+33.34 %"),
        (4, 3, "-25.0 %"),
        (3, 2, "-33.33 %"),
        (1, 1, "+0.0 %"),
        (1_000_000, 999_999, "+0.0 %"),
        (1, 1001, "+100000.0 %"),
        (0, 5, "from 0 B"),
        (u64::MAX, 0, "-100.0 %"),
    ] {
        assert_eq!(percent(before, now), shown, "{before} {now}");
    }
}

proptest! {
    /// Whatever names do, what was added and removed is what the totals say, and every table adds up to it.
    #[test]
    fn nothing_is_hidden(
        before in proptest::collection::btree_map("[ab](-[A-C0-2]{8}|-Page[A-C]age|\\.[0-9a-b]{4})?\\.js", (1u64..5000, 1u64..5000), 0..9),
        now in proptest::collection::btree_map("[ab](-[A-C0-2]{8}|-Page[A-C]age|\\.[0-9a-b]{4})?\\.js", (1u64..5000, 1u64..5000), 0..9),
        limit in 0usize..6,
    ) {
        fn list(files: &BTreeMap<String, (u64, u64)>) -> Vec<(&str, u64, u64)> {
            files.iter().map(|(name, (raw, gzip))| (name.as_str(), *raw, *gzip)).collect()
        }
        let (before, now) = (list(&before), list(&now));
        let growth = grown(&before, &now, &default());
        let sum = |files: &[(&str, u64, u64)]| Sizes { raw: files.iter().map(|file| file.1).sum(), gzip: files.iter().map(|file| file.2).sum() };
        prop_assert_eq!((growth.before, growth.now), (sum(&before), sum(&now)));
        for by in [Compression::Raw, Compression::Gzip] {
            let rows: i128 = growth.rows.iter().map(|row| row.change(by)).sum();
            prop_assert_eq!(rows, i128::from(growth.now.by(by)) - i128::from(growth.before.by(by)));
        }
        let changed = growth.rows.len();
        prop_assert_eq!(growth.table(limit).len(), changed.min(limit) + usize::from(changed > limit) + 1);
        prop_assert!(growth.rows.windows(2).all(|pair| pair[0].change(Compression::Gzip) >= pair[1].change(Compression::Gzip)));
        let most = growth.rows.iter().map(Row::added_by_one).max().unwrap_or_default();
        prop_assert!(most <= now.iter().map(|file| file.1).max().unwrap_or_default(), "no file adds more than it has");
    }

    /// The verdict is the one that fractions give, however the numbers fall.
    #[test]
    fn the_limit_is_exact(before in 1u64..1_000_000_000, change in -20i64..20, hundredths in 0u32..2000) {
        let limit = before + before * u64::from(hundredths) / 10_000;
        let now = limit.saturating_add_signed(change).max(1);
        let rule = Rule { max_increase: Percent(f64::from(hundredths) / 100.0), ..default() };
        let over = (u128::from(now) * 10_000) > u128::from(before) * u128::from(10_000 + hundredths);
        let expected = if over { Verdict::Blocked } else { Verdict::Passed };
        prop_assert_eq!(of_total(before, now, &rule).verdict, expected);
    }
}

#[test]
fn what_this_binary_wrote_it_can_compare_with() {
    let measured = bundle(&[("a.js", 10, 30)]);
    assert_eq!(measured.compressor, Compressor::ours());
    assert_eq!(
        verdict(&judge(&measured, &Baseline::of(&measured), &default()).expect("comparable").findings),
        Verdict::Passed
    );
}
