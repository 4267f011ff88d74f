//! Judges how much the bundle grew in total and by new code, and which files changed.

mod change;
pub mod drift;
mod table;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

pub use change::FileChange;

use super::{
    baseline::{Baseline, HOW_TO_WRITE},
    bundle::{Bundle, BundleFile, count},
    explanation::known::KnownExplanation,
    kinds::{self, FileKind},
    limits::{GrowthLimits, Waiver},
    packages::{self, Packages},
    pairing::{FileMatch, match_files},
    scope::Scope,
    sizes::{Compression, Sizes, exact_percent, show_percent, signed},
};
use crate::{
    finding::{Figures, Finding, Verdict},
    subject::Subject,
    values::{Bytes, figures::bytes_beside},
};

/// What a bundle is judged by.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    /// The name of the check on the total.
    pub check: &'a str,
    pub limits: &'a GrowthLimits,
    pub scope: &'a Scope,
    pub explanation: KnownExplanation,
    /// The packages of the bundle, as far as they are known.
    pub packages: &'a Packages,
}

impl Rules<'_> {
    fn waiver(&self) -> Waiver<'_> {
        Waiver { known: &self.explanation, added: 0 }
    }
}

/// How a bundle compares with its baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    pub findings: Vec<Finding>,
    /// Every changed file, from the one that grew most to the one that shrank most.
    pub changes: Vec<FileChange>,
    pub before: Sizes,
    pub now: Sizes,
    pub judged: Compression,
    /// The raw bytes that new and grown files added.
    pub added: u64,
    /// The scripts whose packages are unknown, with the raw bytes that each added.
    undescribed: Vec<(String, u64)>,
}

/// The files of one group, before and now.
struct Side {
    check: String,
    /// Those of growth, in the compression of both sides.
    limits: GrowthLimits,
    /// Those of the size now, in the compression of the settings.
    own_limits: GrowthLimits,
    before: Vec<BundleFile>,
    now: Vec<BundleFile>,
    /// The files of it that the baseline's patterns do not judge.
    extra: Vec<BundleFile>,
}

/// Judges a bundle by its baseline, over the files that the baseline's patterns cover.
///
/// # Errors
/// Those of [`Baseline::comparable`].
pub fn judge(rules: &Rules<'_>, bundle: &Bundle, baseline: &Baseline) -> Result<Growth, Finding> {
    let judged = baseline.comparable(&bundle.compressor, rules.limits.compression)?;
    let limits = GrowthLimits { compression: judged, ..rules.limits.clone() };
    let patterns = baseline.patterns.as_ref().unwrap_or(&rules.scope.patterns);
    let scope = Scope { patterns: patterns.clone(), groups: rules.scope.groups.clone() };
    let before: Vec<&BundleFile> = scope.judged(&baseline.files).collect();
    let covered = |file: &&BundleFile| baseline.patterns.is_none() || scope.covers(&file.path);
    let now: Vec<&BundleFile> = scope.judged(&bundle.files).filter(covered).collect();
    // What today's patterns judge and the baseline's do not: other folders, and other extensions.
    let compared: HashSet<&str> = now.iter().map(|file| file.path.as_str()).collect();
    let extra: Vec<&BundleFile> =
        rules.scope.judged(&bundle.files).filter(|file| !compared.contains(file.path.as_str())).collect();
    let total = |files: &[&BundleFile]| files.iter().map(|file| file.sizes).sum::<Sizes>();
    let (before_total, now_total) = (total(&before), total(&now));
    let mut growth = Growth {
        findings: Vec::new(),
        changes: Vec::new(),
        before: before_total,
        now: now_total,
        judged,
        added: 0,
        undescribed: Vec::new(),
    };
    let nothing = if now_total.raw == 0 && total(&extra).raw == 0 {
        Some(empty_bundle(rules.check, bundle))
    } else if before_total.raw == 0 || before_total.bytes(judged) == 0 {
        let now = Bytes(now_total.bytes(judged));
        let finding = Finding::inconclusive(rules.check)
            .expected("a baseline with something in it")
            .actual(format!("the baseline has 0 bytes in {}; now {now}", count(before.len())));
        Some(finding.next(HOW_TO_WRITE))
    } else {
        None
    };
    if let Some(finding) = nothing {
        let [before, now] = [before, now].map(|files| files.into_iter().cloned().collect::<Vec<_>>());
        growth.changes.extend(match_files(&before, &now).iter().filter_map(FileChange::of));
        growth.findings.push(finding);
    } else {
        for side in sides(rules, judged, &scope, [&before, &now, &extra]) {
            judge_side(rules, &side, &mut growth);
        }
        name_package(&mut growth.findings, &baseline.packages, rules.packages);
        let waiver = Waiver { added: growth.added, ..rules.waiver() };
        growth.findings.extend(packages::judge::judge(&baseline.packages, rules.packages, &limits, waiver));
        if !baseline.packages.is_empty() && rules.packages.is_known() {
            growth.findings.extend(packages::judge::judge_undescribed(&growth.undescribed, &limits));
        }
        growth.findings.extend(judge_uncovered(rules, &extra, patterns));
        growth.findings.extend(unlisted(&scope, baseline));
    }
    let order =
        |change: &FileChange| (Reverse((change.growth(judged), change.growth(Compression::Raw))), change.name.clone());
    growth.changes.sort_by_key(order);
    Ok(growth)
}

/// Names the package that grew most in the findings over a limit.
fn name_package(findings: &mut [Finding], before: &BTreeMap<String, u64>, now: &Packages) {
    let Some(most) = packages::judge::grew_most(before, now) else { return };
    for finding in findings.iter_mut().filter(|finding| finding.verdict == Verdict::Blocked || finding.waived.is_some())
    {
        finding.actual.push_str(&format!("; by package: {most}"));
    }
}

/// The groups with their files; the files of no group come first.
fn sides(
    rules: &Rules<'_>,
    judged: Compression,
    scope: &Scope,
    [before, now, extra]: [&[&BundleFile]; 3],
) -> Vec<Side> {
    let of = |files: &[&BundleFile], group: Option<usize>| -> Vec<BundleFile> {
        files.iter().filter(|file| scope.group_of(&file.path) == group).map(|file| (*file).clone()).collect()
    };
    let side = |check: &str, own_limits: GrowthLimits, group| Side {
        check: check.to_owned(),
        limits: GrowthLimits { compression: judged, ..own_limits.clone() },
        own_limits,
        before: of(before, group),
        now: of(now, group),
        extra: of(extra, group),
    };
    let groups = scope.groups.iter().enumerate();
    let groups = groups.map(|(index, group)| side(&group.name, rules.limits.of_group(group), Some(index)));
    let rest = side(rules.check, rules.limits.clone(), None);
    // With groups, nothing may be left for the general limits.
    let is_needed = |side: &Side| {
        scope.groups.is_empty() || !(side.before.is_empty() && side.now.is_empty() && side.extra.is_empty())
    };
    Some(rest).filter(is_needed).into_iter().chain(groups).collect()
}

/// Judges the files of one group.
fn judge_side(rules: &Rules<'_>, side: &Side, growth: &mut Growth) {
    let (check, limits, judged) = (&side.check, &side.limits, side.limits.compression);
    let matches = match_files(&side.before, &side.now);
    growth.undescribed.extend(undescribed_scripts(rules.packages, &matches, &side.extra));
    let mut changes: Vec<FileChange> = matches.iter().filter_map(FileChange::of).collect();
    changes.sort_by_key(|change| Reverse((change.growth(judged), change.growth(Compression::Raw))));
    let added = changes.iter().map(FileChange::added).fold(0, u64::saturating_add);
    growth.added = growth.added.saturating_add(added);
    let waiver = Waiver { added, ..rules.waiver() };
    let sum = |files: &[BundleFile]| files.iter().map(|file| file.sizes).sum::<Sizes>();
    let (before, now) = (sum(&side.before).bytes(judged), sum(&side.now).bytes(judged));
    let name = |what: &str| if check == rules.check { what.to_owned() } else { format!("{check}: {what}") };
    let whole = sum(&side.now).plus(sum(&side.extra)).bytes(side.own_limits.compression);
    let within_budget = judge_size(&name("size"), whole, &changes, &side.own_limits);
    if side.before.is_empty() && side.now.is_empty() {
        // Files of no group, that only today's patterns judge, are limited together with those of all groups.
        growth.findings.extend((check != rules.check).then(|| match side.extra.len() {
            0 => empty_group(check),
            files => uncovered_group(check, files),
        }));
        growth.findings.extend(within_budget);
        return;
    }
    growth.findings.push(match judge_decrease(side, before, now) {
        Some(finding) => finding,
        None if before == 0 => Finding::passed(check)
            .expected("new bytes within the limit: the baseline has none of these files")
            .actual(format!("new: {} {} in {}", Bytes(now), judged.word(), count(side.now.len()))),
        None => judge_total(check, before, now, &changes, limits, waiver),
    });
    growth.findings.push(judge_added(&name("new bytes"), &changes, limits, waiver));
    growth.findings.extend(within_budget);
    growth.changes.extend(changes);
}

/// The scripts that no data of the bundler describes and that grew, with what each added.
fn undescribed_scripts(packages: &Packages, matches: &[FileMatch<'_>], extra: &[BundleFile]) -> Vec<(String, u64)> {
    let described = packages.described();
    let is_undescribed = |file: &BundleFile| {
        let kind = FileKind::of(kinds::original(&file.path).unwrap_or(&file.path));
        kind == FileKind::Script && !described.contains(file.path.as_str())
    };
    let grown = matches.iter().filter_map(|found| {
        let files: Vec<_> = found.now.iter().filter(|file| is_undescribed(file)).collect();
        let most = files.iter().max_by_key(|file| file.sizes.raw)?;
        let raw = files.iter().map(|file| file.sizes.raw).sum::<u64>();
        Some((most.path.clone(), FileChange::of(found)?.added().min(raw)))
    });
    let new = extra.iter().filter(|file| is_undescribed(file)).map(|file| (file.path.clone(), file.sizes.raw));
    grown.chain(new).filter(|(_, added)| *added > 0).collect()
}

/// The finding on a group without files.
#[must_use]
pub fn empty_group(name: &str) -> Finding {
    Finding::inconclusive(name)
        .expected("files of this group, now or in the baseline")
        .actual("its patterns match no file")
        .next("correct the line in `groups`; patterns are relative to the workspace")
}

/// The finding on a group of which the baseline has nothing to compare with.
fn uncovered_group(name: &str, files: usize) -> Finding {
    Finding::inconclusive(name)
        .expected("files of this group, which the baseline's `path` names")
        .actual(format!("{}, which only the present `path` names", count(files)))
        .next(HOW_TO_WRITE)
}

/// The name of the check on the total: the service, if it is known.
#[must_use]
pub fn total_check(subject: &Subject) -> String {
    subject.service.as_ref().map_or_else(|| "bundle".to_owned(), ToString::to_string)
}

/// The finding on a bundle without any bytes.
#[must_use]
pub fn empty_bundle(total_check: &str, bundle: &Bundle) -> Finding {
    let listed = match bundle.listed.len() {
        0 => String::new(),
        files => format!(", and {} that no browser runs", count(files)),
    };
    Finding::inconclusive(total_check)
        .expected(
            "a bundle with something in it: scripts, style sheets, WebAssembly, pages, or files that `path` names",
        )
        .actual(format!("0 bytes in {}{listed}", bundle.count()))
        .next("build first, and name the folder that is shipped in `path`")
}

/// The finding on a bundle that lost so much that the build may be incomplete.
fn judge_decrease(side: &Side, before: u64, now: u64) -> Option<Finding> {
    let limits = &side.limits;
    let is_code = |path: &str| FileKind::of(kinds::original(path).unwrap_or(path)).is_code();
    let code =
        |files: &[BundleFile]| files.iter().filter(|file| is_code(&file.path)).map(|file| file.sizes.raw).sum::<u64>();
    let raw = |files: &[BundleFile]| files.iter().map(|file| file.sizes.raw).sum::<u64>();
    let (code_before, code_now) = (code(&side.before), code(&side.now));
    // A few scripts beside many pages may well become fewer.
    let matters = code_before.saturating_mul(10) >= raw(&side.before) || code_now == 0;
    let (what, before, now) = if limits.is_too_small(before, now) {
        (limits.compression.word(), before, now)
    } else if matters && limits.is_too_small(code_before, code_now) {
        ("raw of scripts", code_before, code_now)
    } else {
        return None;
    };
    let percent = show_percent(before, now, Some(limits.max_decrease));
    let figures = Figures::now(format!("{} ({percent})", Bytes(now)))
        .limit(format!("-{} %", limits.max_decrease))
        .baseline(Bytes(before).to_string());
    Some(
        Finding::inconclusive(&side.check)
            .expected(format!("a complete build: at most {} % less than the baseline (`max-decrease`)", limits.max_decrease))
            .actual(format!("{} → {} {what} ({percent})", Bytes(before), Bytes(now)))
            .figures(figures)
            .next("check that the build ran to its end and that `path` names all of it; if the bundle did shrink so much, raise `max-decrease` for this change"),
    )
}

/// Judges the total by the percentage.
fn judge_total(
    check: &str,
    before: u64,
    now: u64,
    changes: &[FileChange],
    limits: &GrowthLimits,
    waiver: Waiver<'_>,
) -> Finding {
    let judged = limits.compression;
    let word = judged.word();
    let limit = limits.limit(before);
    let noise = match limits.min_increase {
        Bytes(0) => String::new(),
        bytes => format!(", or less than {bytes} more"),
    };
    let expected = format!(
        "at most {} % more than the baseline's {}, which is {} {word}{noise}",
        limits.max_increase,
        Bytes(before),
        Bytes(limit)
    );
    let is_over = now > limit && now - before >= limits.min_increase.0;
    let file = changes.first().filter(|change| change.growth(judged) > 0);
    let most = file.map(|change| format!("; grew most: {}", change.describe(judged))).unwrap_or_default();
    let percent = show_percent(before, now, Some(limits.max_increase));
    let actual = format!("{} → {} {word} ({percent}){most}", Bytes(before), Bytes(now));
    // Growth in bytes where the percentage alone would say too little: it is small, or the limit is in bytes.
    let bytes = signed(i128::from(now) - i128::from(before));
    let growth = if is_over && !limits.is_noise_limit(before) { percent } else { format!("{bytes}, {percent}") };
    let growth = if is_over && waiver.explained().is_some() { format!("{growth}, explained") } else { growth };
    let figures = Figures::now(format!("{} ({growth})", Bytes(now)))
        .limit(limits.total_limit(before))
        .baseline(Bytes(before).to_string());
    if is_over {
        let figures = Figures { cause: file.map(|file| file.cause(judged)), ..figures };
        let culprit = file.map_or_else(|| "the bundle".to_owned(), FileChange::short_name);
        return waiver.over_limit(Finding::blocked(check).expected(expected).figures(figures), actual, &culprit);
    }
    let noise = if now > limit { "; so little counts as noise" } else { "" };
    Finding::passed(check).expected(expected).actual(format!("{actual}{noise}")).figures(figures)
}

/// Judges the bytes that new and grown files added. Removed files make up for nothing.
fn judge_added(check: &str, changes: &[FileChange], limits: &GrowthLimits, waiver: Waiver<'_>) -> Finding {
    const SHOWN: usize = 3;
    let expected = format!("at most {} raw more in new and grown files", limits.max_added);
    let mut grown: Vec<&FileChange> = changes.iter().filter(|change| change.added() > 0).collect();
    grown.sort_by_key(|change| Reverse(change.added()));
    let is_over = waiver.added > limits.max_added.0;
    let shown = if is_over { SHOWN } else { 1 };
    let mut actual: Vec<String> = grown.iter().take(shown).map(|change| change.describe(Compression::Raw)).collect();
    if grown.len() > shown {
        actual.push(format!("and {} more", grown.len() - shown));
    }
    let Some(most) = grown.first() else { return Finding::passed(check).expected(expected).actual("no file grew") };
    let sum = if grown.len() > 1 { format!("+{} in all: ", Bytes(waiver.added)) } else { String::new() };
    let actual = format!("{sum}{}", actual.join(", "));
    if !is_over {
        // Without figures: those of the total say enough of a bundle within its limits.
        return Finding::passed(check).expected(expected).actual(actual);
    }
    let figures = Figures::now(format!("+{} raw", bytes_beside(Bytes(waiver.added), limits.max_added)))
        .limit(format!("+{} raw", limits.max_added))
        .cause(most.short_name());
    waiver.over_limit(Finding::blocked(check).expected(expected).figures(figures), actual, &most.short_name())
}

/// Judges the size by its absolute limit, if there is one.
#[must_use]
pub fn judge_size(check: &str, now: u64, changes: &[FileChange], limits: &GrowthLimits) -> Option<Finding> {
    let limit = limits.max_size?;
    let word = limits.compression.word();
    let shown = bytes_beside(Bytes(now), limit);
    let finding = if now > limit.0 { Finding::blocked(check) } else { Finding::passed(check) }
        .expected(format!("at most {limit} {word} (`max-size`)"))
        .actual(format!("{shown} {word}"));
    if finding.verdict == Verdict::Passed {
        return Some(finding);
    }
    let grown = changes.first().filter(|change| change.added() > 0);
    let culprit = grown.map_or_else(|| "the bundle".to_owned(), FileChange::short_name);
    let figures = Figures::now(format!("{shown} {word}")).limit(limit.to_string());
    Some(finding.figures(figures).next(format!("make {culprit} smaller or leave it out, or raise `max-size`")))
}

/// Judges the files that the baseline's patterns do not cover: there is nothing to compare them with.
fn judge_uncovered(rules: &Rules<'_>, extra: &[&BundleFile], patterns: &[String]) -> Option<Finding> {
    let most = extra.iter().max_by_key(|file| file.sizes.raw)?;
    let raw = extra.iter().map(|file| file.sizes.raw).sum::<u64>();
    let limit = rules.limits.max_added;
    let finding = if raw > limit.0 { Finding::inconclusive } else { Finding::passed }("new in `path`")
        .expected(format!("at most {limit} raw in files that the baseline does not cover"))
        .actual(format!(
            "{} in {}, the largest `{}`; the baseline was measured with `path: {}`",
            Bytes(raw),
            count(extra.len()),
            most.path,
            patterns.join(" ")
        ));
    Some(if raw > limit.0 { finding.next(HOW_TO_WRITE) } else { finding })
}

/// The finding on a group whose files the baseline only lists: their compressed size is unknown.
fn unlisted(scope: &Scope, baseline: &Baseline) -> Option<Finding> {
    let files = baseline.files.iter().map(|file| file.path.as_str());
    let all: HashSet<&str> = files.chain(baseline.listed.keys().map(String::as_str)).collect();
    let path = baseline.listed.keys().find(|path| scope.judges(path, &all))?;
    Some(
        Finding::inconclusive("baseline")
            .expected("the sizes of every file that is judged now")
            .actual(format!("only the raw size of `{path}`, which was not judged then"))
            .next(HOW_TO_WRITE),
    )
}

impl Growth {
    /// The growth of the judged total for programs: `+5.1 %`.
    #[must_use]
    pub fn exact_percent(&self) -> String {
        exact_percent(self.before.bytes(self.judged), self.now.bytes(self.judged))
    }
}

#[cfg(test)]
mod tests;
