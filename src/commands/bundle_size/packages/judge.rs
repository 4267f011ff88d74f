//! Judges how much each package added, and shows the packages that changed.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{OWN_CODE, Package, Packages};
use crate::{
    commands::bundle_size::{
        kinds::file_name,
        limits::{GrowthLimits, Waiver},
        sizes::signed,
    },
    finding::{Figures, Finding},
    values::{Bytes, clip, figures::bytes_beside},
};

/// What any one package may add where nothing else is set. Raw bytes: as much as a framework.
const USUAL_LIMIT: Bytes = Bytes(100_000);
/// The maximum length of what is said of files that were not used, in characters.
const UNUSED: usize = 200;
/// The maximum length of a name in a message, in characters.
const NAME: usize = 80;

/// A package whose bytes differ from the baseline.
struct Change<'a> {
    name: &'a str,
    before: u64,
    now: u64,
    package: Option<&'a Package>,
}

impl Change<'_> {
    fn growth(&self) -> i128 {
        i128::from(self.now) - i128::from(self.before)
    }

    fn added(&self) -> u64 {
        self.now.saturating_sub(self.before)
    }

    /// The file with most of it.
    fn file(&self) -> Option<&str> {
        let most = self.package?.files.iter().max_by_key(|(_, bytes)| **bytes)?;
        Some(most.0)
    }

    /// `` `debug-lib` +3.9 MB (new, in `vendor.js`, imported by `src/main.ts`) ``
    fn describe(&self) -> String {
        let mut notes = Vec::new();
        if self.before == 0 {
            notes.push("new".to_owned());
        }
        notes.extend(self.file().map(|file| format!("in `{}`", clip(file_name(file), NAME))));
        let importer = self.package.and_then(|package| package.imported_by.as_deref());
        notes.extend(importer.map(|importer| format!("imported by `{}`", clip(importer, NAME))));
        let copies = self.package.map_or(0, |package| package.places.len());
        if copies > 1 {
            notes.push(format!("{copies} copies"));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        format!("`{}` {}{notes}", clip(self.name, NAME), signed(self.growth()))
    }
}

/// The packages that changed, the one that grew most first.
fn changes<'a>(before: &'a BTreeMap<String, u64>, now: &'a Packages) -> Vec<Change<'a>> {
    let gone = before.iter().filter(|(name, _)| !now.packages.contains_key(*name));
    let gone = gone.map(|(name, bytes)| Change { name, before: *bytes, now: 0, package: None });
    let here = now.packages.iter().map(|(name, package)| Change {
        name,
        before: before.get(name).copied().unwrap_or_default(),
        now: package.bytes,
        package: Some(package),
    });
    let mut changes: Vec<Change> = gone.chain(here).filter(|change| change.growth() != 0).collect();
    changes.sort_by_key(|change| (Reverse(change.growth()), change.name));
    changes
}

/// The package that grew most, described; `None` if packages are unknown or none grew.
#[must_use]
pub fn grew_most(before: &BTreeMap<String, u64>, now: &Packages) -> Option<String> {
    if before.is_empty() || !now.is_known() {
        return None;
    }
    let changes = changes(before, now);
    changes.first().filter(|change| change.growth() > 0 && change.name != OWN_CODE).map(Change::describe)
}

/// Judges what each package added. `None` if the packages are unknown and no limit was set for them.
#[must_use]
pub fn judge(
    before: &BTreeMap<String, u64>,
    now: &Packages,
    limits: &GrowthLimits,
    waiver: Waiver<'_>,
) -> Option<Finding> {
    const SHOWN: usize = 3;
    let limit = limits.max_added_per_package.unwrap_or(USUAL_LIMIT);
    let expected = format!("at most {limit} raw more of any one package");
    if before.is_empty() || !now.is_known() {
        let (side, next) = if now.is_known() {
            ("the baseline", "write the baseline again, with the data of the bundler or source maps beside the build")
        } else {
            (
                "this build",
                "let the bundler write its metafile, statistics or source maps, and name the file in `stats`",
            )
        };
        let finding = Finding::inconclusive("packages").expected(expected).next(next);
        let unused: String = now.unused.iter().map(|unused| format!("; {unused}")).collect();
        let unknown = finding.actual(format!("the packages of {side} are unknown{}", clip(&unused, UNUSED)));
        return limits.max_added_per_package.map(|_| unknown);
    }
    let changes = changes(before, now);
    let mut grown: Vec<&Change> =
        changes.iter().filter(|change| change.name != OWN_CODE && change.growth() > 0).collect();
    grown.sort_by_key(|change| Reverse(change.added()));
    let over = grown.iter().filter(|change| change.added() > limit.0).count();
    let mut actual: Vec<String> = grown.iter().take(over.clamp(1, SHOWN)).map(|change| change.describe()).collect();
    if over > SHOWN {
        actual.push(format!("and {} more", over - SHOWN));
    }
    let actual = if actual.is_empty() { "no package grew".to_owned() } else { actual.join(", ") };
    let actual = format!("{actual}; from {}", now.source);
    let Some(most) = grown.first().filter(|_| over > 0) else {
        return Some(Finding::passed("packages").expected(expected).actual(actual));
    };
    let name = format!("`{}`", clip(most.name, NAME));
    let figures = Figures::now(format!("+{} raw", bytes_beside(Bytes(most.added()), limit)))
        .limit(format!("+{limit} raw"))
        .cause(name.clone());
    let finding = Finding::blocked("packages").expected(expected).figures(figures);
    Some(waiver.over_limit(finding, actual, &name))
}

/// Judges the scripts whose packages are unknown, while those of others are known: each with the bytes that it added. `None` if no limit
/// was set for packages, and if they cannot have a package that adds more than the limit: every build has small scripts that no data
/// describes.
#[must_use]
pub fn judge_undescribed(scripts: &[(String, u64)], limits: &GrowthLimits) -> Option<Finding> {
    let limit = limits.max_added_per_package?;
    let (most, _) = scripts.iter().max_by_key(|(_, added)| *added)?;
    let added = scripts.iter().map(|(_, added)| *added).fold(0, u64::saturating_add);
    (added > limit.0).then(|| {
        Finding::inconclusive("scripts without packages")
            .expected(format!("at most {limit} raw more in scripts that no data of the bundler describes"))
            .actual(format!(
                "+{} in {} of them, the most in `{}`",
                bytes_beside(Bytes(added), limit),
                scripts.len(),
                clip(most, NAME)
            ))
            .next("name the data of these scripts in `stats`; or leave `max-added-per-package` out, which then is judged where packages are known")
    })
}

/// The rows of a table: package, before, now, growth, copies, where. At most `limit`.
#[must_use]
pub fn rows(before: &BTreeMap<String, u64>, now: &Packages, limit: usize) -> Vec<Vec<String>> {
    let changes = changes(before, now);
    let size = |bytes: u64| if bytes == 0 { "–".to_owned() } else { Bytes(bytes).to_string() };
    changes
        .iter()
        .take(limit)
        .map(|change| {
            let copies = change.package.map_or(0, |package| package.places.len());
            let copies = if copies > 1 { copies.to_string() } else { String::new() };
            let file = change.file().map(|file| format!("`{file}`")).unwrap_or_default();
            let name = if change.name == OWN_CODE { OWN_CODE.to_owned() } else { format!("`{}`", change.name) };
            vec![name, size(change.before), size(change.now), signed(change.growth()), copies, file]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;
    use crate::{commands::bundle_size::explanation::known::KnownExplanation, finding::Verdict};

    fn limits(arguments: &[&str]) -> GrowthLimits {
        let command = GrowthLimits::augment_args(clap::Command::new("test").no_binary_name(true));
        GrowthLimits::from_arg_matches(&command.try_get_matches_from(arguments).expect("arguments")).expect("limits")
    }

    fn packages(rows: &[(&str, u64)]) -> Packages {
        let package = |bytes| Package {
            bytes,
            files: BTreeMap::from([("dist/vendor.js".to_owned(), bytes)]),
            imported_by: Some("src/main.ts".to_owned()),
            ..Package::default()
        };
        Packages {
            source: "meta.json".to_owned(),
            unused: Vec::new(),
            packages: rows.iter().map(|(name, bytes)| ((*name).to_owned(), package(*bytes))).collect(),
        }
    }

    fn judged(before: &[(&str, u64)], now: &[(&str, u64)], arguments: &[&str]) -> Option<Finding> {
        let known = KnownExplanation::default();
        let waiver = Waiver { known: &known, added: 4_100_000 };
        judge(&packages(before).bytes(), &packages(now), &limits(arguments), waiver)
    }

    #[test]
    fn a_package_that_adds_too_much_is_named() {
        let base = [(OWN_CODE, 50_000), ("react", 130_000)];
        let finding = judged(&base, &[(OWN_CODE, 250_000), ("debug-lib", 3_900_000), ("react", 130_000)], &[]).unwrap();
        assert_eq!(finding.verdict, Verdict::Blocked);
        assert_eq!(
            finding.actual,
            "`debug-lib` +3.9 MB (new, in `vendor.js`, imported by `src/main.ts`); from meta.json"
        );
        assert_eq!(finding.headline(), "packages +3.9 MB raw, limit +100 kB raw: `debug-lib`");
        assert!(finding.next.is_some_and(|next| next.starts_with("make `debug-lib` smaller or leave it out")));
        for (now, arguments, verdict) in [
            (230_000, &[][..], Verdict::Passed),
            (230_001, &[], Verdict::Blocked),
            (230_001, &["--max-added-per-package=1MB"], Verdict::Passed),
            (129_000, &[], Verdict::Passed),
        ] {
            let finding = judged(&base, &[(OWN_CODE, 50_000), ("react", now)], arguments).unwrap();
            assert_eq!(finding.verdict, verdict, "{now} {finding:?}");
        }
        // A library that replaces another of its size adds as much.
        let finding = judged(&[("chart", 400_000)], &[("other", 400_000)], &[]).unwrap();
        assert_eq!(finding.verdict, Verdict::Blocked);
    }

    #[test]
    fn unknown_packages_are_inconclusive_only_where_a_limit_is_set() {
        let known = [("react", 130_000)];
        assert_eq!(judged(&[], &known, &[]), None);
        assert_eq!(judged(&known, &[], &[]), None);
        for (before, now, part) in [(&[][..], &known[..], "the baseline"), (&known[..], &[][..], "this build")] {
            let finding = judged(before, now, &["--max-added-per-package=1MB"]).unwrap();
            assert_eq!(finding.verdict, Verdict::Inconclusive);
            assert!(finding.actual.contains(part) && finding.next.is_some(), "{finding:?}");
        }
    }

    #[test]
    fn scripts_without_packages_are_held_to_the_limit_that_was_set() {
        let scripts = [("dist/runtime.js".to_owned(), 1_000), ("dist/b.js".to_owned(), 99_001)];
        assert_eq!(judge_undescribed(&scripts, &limits(&[])), None);
        assert_eq!(judge_undescribed(&[], &limits(&["--max-added-per-package=0"])), None);
        assert_eq!(judge_undescribed(&scripts, &limits(&["--max-added-per-package=100001"])), None);
        let finding = judge_undescribed(&scripts, &limits(&["--max-added-per-package=100kB"])).unwrap();
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert!(finding.actual.ends_with("in 2 of them, the most in `dist/b.js`"), "{finding:?}");
    }

    #[test]
    fn the_table_has_the_packages_that_changed() {
        let before = packages(&[("a", 10), ("b", 20), ("c", 30)]).bytes();
        let mut now = packages(&[("a", 10), ("b", 50), (OWN_CODE, 5)]);
        now.packages.get_mut("b").unwrap().places = ["x", "y"].map(ToOwned::to_owned).into();
        let rows = rows(&before, &now, 9);
        let rows: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "`b` | 20 B | 50 B | +30 B | 2 | `dist/vendor.js`",
                "(own code) | – | 5 B | +5 B |  | `dist/vendor.js`",
                "`c` | 30 B | – | -30 B |  | ",
            ]
        );
    }
}
