//! Judges the growth since a tag: many small growths, each within its limit, add up.

use super::Rules;
use crate::{
    commands::bundle_size::{
        baseline::Baseline,
        bundle::{Bundle, BundleFile},
        scope::Scope,
        sizes::{Sizes, show_percent},
    },
    finding::{Figures, Finding},
    values::{Bytes, Percent},
};

/// The size at a tag, and how much it may have grown since.
pub struct Drift<'a> {
    pub tag: &'a str,
    pub then: &'a Baseline,
    pub limit: Percent,
    /// Whether this change makes the bundle larger. One that does not is not to blame.
    pub grows: bool,
}

/// Judges the growth since the tag, over the files that the patterns of both cover.
#[must_use]
pub fn judge(rules: &Rules<'_>, bundle: &Bundle, Drift { tag, then, limit, grows }: &Drift<'_>) -> Finding {
    let check = format!("since {tag}");
    let judged = match then.comparable(&bundle.compressor, rules.limits.compression) {
        Ok(judged) => judged,
        Err(finding) => return Finding { check, ..finding },
    };
    let patterns = then.patterns.as_ref().unwrap_or(&rules.scope.patterns);
    let scope = Scope { patterns: patterns.clone(), groups: rules.scope.groups.clone() };
    let both = |file: &&BundleFile| scope.covers(&file.path) && rules.scope.covers(&file.path);
    let judged_files = |files| scope.judged(files).filter(both).map(|file: &BundleFile| file.sizes).sum::<Sizes>();
    // A baseline of the first schema has names, not paths.
    let before = match then.patterns {
        None => then.files.iter().map(|file| file.sizes).sum(),
        Some(_) => judged_files(&then.files),
    };
    let (before, now) = (before.bytes(judged), judged_files(&bundle.files).bytes(judged));
    let word = judged.word();
    let expected = format!("at most {limit} % more than at `{tag}`, where it had {} {word}", Bytes(before));
    if before == 0 {
        return Finding::inconclusive(check)
            .expected(expected)
            .actual(format!("nothing to compare with; now {} {word}", Bytes(now)))
            .next("name a tag whose baseline has the files of `path` in `drift-from`");
    }
    let percent = show_percent(before, now, Some(*limit));
    let actual = format!("{} → {} {word} ({percent})", Bytes(before), Bytes(now));
    if now <= limit.limit_of(before) {
        return Finding::passed(check).expected(expected).actual(actual);
    }
    if !grows {
        return Finding::passed(check).expected(expected).actual(actual).waived("this change does not grow the bundle");
    }
    let figures = Figures::now(format!("{} ({percent})", Bytes(now))).limit(format!("+{limit} %"));
    Finding::blocked(check)
        .expected(expected)
        .actual(actual)
        .figures(figures.baseline(Bytes(before).to_string()))
        .next("make the bundle smaller; if it is meant to be this large, name a newer tag in `drift-from` or raise `max-drift`")
}
