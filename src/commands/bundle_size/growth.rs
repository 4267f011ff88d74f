//! Judges how much the bundle grew in total and by a single file, and shows which files changed.

use std::cmp::Reverse;

use super::{
    baseline::{Baseline, HOW_TO_WRITE},
    bundle::{Bundle, NamedFiles},
    names,
    sizes::{Compression, Sizes, signed},
};
use crate::{
    finding::{Figures, Finding, Verdict},
    subject::Subject,
    values::{
        Bytes, Percent, clip,
        figures::{bytes_beside, growth_percent},
    },
};

/// The maximum length of a file's name in a headline, in characters.
const SHORT_NAME: usize = 60;

/// How much a bundle may grow. The fields are settings of the command, with their defaults.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct GrowthLimits {
    /// Maximum growth over the baseline in percent; a growth of exactly this much still passes
    #[arg(long, value_name = "PERCENT", default_value = "5")]
    pub max_increase: Percent,
    // A percentage alone would let a whole library into a large bundle: 4 MB are less than 5 % of more than 80 MB, and a new
    // file has no percentage. Raw bytes, because code that compresses well still has to be parsed, and because "a 4 MB
    // library" means raw bytes. 1 MB, because it is a quarter of such a library (4 MB take 3 s to load, so 1 MB takes most
    // of a second) and several times the size of a route or a widget. An intended file of that size can be explained.
    /// Maximum number of bytes, before compression, that any one file may add, whatever the percentage
    #[arg(long, value_name = "BYTES", default_value = "1 MB")]
    pub max_added: Bytes,
    /// Growth by fewer bytes than this is ignored as noise, whatever the percentage
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub min_increase: Bytes,
    /// Which size to compare: that of the files as they are, or of each file compressed
    #[arg(long, value_enum, value_name = "WHICH", default_value = "gzip")]
    pub compression: Compression,
    /// Why the growth is intended: with an explanation the gate passes, and the report shows it
    #[arg(long, value_name = "TEXT")]
    pub explanation: Option<String>,
}

impl GrowthLimits {
    /// The percentage in millionths, which hold a decimal number exactly, unlike a binary float.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; NaN and negative numbers allow no growth"
    )]
    fn millionths(&self) -> u128 {
        (self.max_increase.0 * 1e6).round() as u128
    }

    /// The bytes that `before` may grow to.
    fn limit(&self, before: u64) -> u64 {
        let added = u128::from(before).saturating_mul(self.millionths()) / 100_000_000;
        before.saturating_add(u64::try_from(added).unwrap_or(u64::MAX))
    }

    /// The explanation; a blank one counts as none.
    fn explanation(&self) -> Option<&str> {
        self.explanation.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The growth of the total that blocks, for people: a percentage, or the noise limit where that allows more.
    fn total_limit(&self, before: u64) -> String {
        if self.is_noise_limit(before) {
            format!("less than +{}", self.min_increase)
        } else {
            format!("+{} %", self.max_increase)
        }
    }

    /// Whether the noise limit allows more than the percentage does.
    fn is_noise_limit(&self, before: u64) -> bool {
        self.min_increase.0 > self.limit(before) - before
    }

    /// The finding on growth over the limit by this file most: blocked, or passed with the explanation.
    fn over_limit(&self, finding: Finding, actual: String, file: Option<&FileChange>) -> Finding {
        if let Some(why) = self.explanation() {
            let actual = format!("{actual}; over the limit, but explained");
            return Finding { verdict: Verdict::Passed, ..finding }.actual(actual).waived(why);
        }
        let file = file.map_or_else(|| "the bundle".to_owned(), FileChange::short_name);
        finding
            .actual(actual)
            .next(format!("make {file} smaller or leave it out; if the growth is intended, say why in `explanation`"))
    }
}

/// A file whose size differs from the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The current canonical name; for a removed file, the one in the baseline.
    pub name: String,
    /// The canonical name in the baseline, if it was different.
    pub old_name: Option<String>,
    /// `None` for a new file.
    pub before: Option<Sizes>,
    /// `None` for a removed file.
    pub now: Option<Sizes>,
    /// How many files have this name now.
    pub files: usize,
    /// The path and the raw bytes of the largest of them.
    pub largest: Option<(String, u64)>,
}

impl FileChange {
    /// The bytes now minus the bytes before.
    #[must_use]
    pub fn growth(&self, compression: Compression) -> i128 {
        let size = |sizes: Option<Sizes>| i128::from(sizes.unwrap_or_default().bytes(compression));
        size(self.now) - size(self.before)
    }

    /// The most raw bytes that one file of this name can have added: at most the growth of the name, and at most the size of
    /// its largest file. So several chunks under one name do not count as one large file.
    fn largest_addition(&self) -> u64 {
        let grown = u64::try_from(self.growth(Compression::Raw)).unwrap_or_default();
        grown.min(self.largest.as_ref().map_or(0, |(_, raw)| *raw))
    }

    /// `new`, `gone`, or the percentage.
    #[must_use]
    pub fn percent(&self, compression: Compression) -> String {
        match (self.before, self.now) {
            (None, _) => "new".to_owned(),
            (_, None) => "gone".to_owned(),
            (Some(before), Some(now)) => show_percent(before.bytes(compression), now.bytes(compression), None),
        }
    }

    /// `` `dist/chunk-[hash].js` (12 files, the largest `dist/chunk-ABCDEF12.js`) ``.
    #[must_use]
    pub fn title(&self) -> String {
        let files = match (self.files, &self.largest) {
            (2.., Some((path, _))) => format!(" ({} files, the largest `{path}`)", self.files),
            _ => String::new(),
        };
        let renamed = self.old_name.as_ref().map(|name| format!(" (was `{name}`)")).unwrap_or_default();
        format!("`{}`{files}{renamed}", self.name)
    }

    /// The name without its folders, for a headline.
    fn short_name(&self) -> String {
        format!("`{}`", clip(self.name.rsplit('/').next().unwrap_or_default(), SHORT_NAME))
    }

    /// `` `debug-lib.js` +825 kB ``.
    fn cause(&self, compression: Compression) -> String {
        format!("{} {}", self.short_name(), signed(self.growth(compression)))
    }

    /// `` `vendor/debug-lib.js` +1.1 MB gzip, +4 MB raw (new) ``.
    fn describe(&self, compression: Compression) -> String {
        let raw = signed(self.growth(Compression::Raw));
        let growth = match compression {
            Compression::Raw => raw,
            Compression::Gzip => format!("{} gzip, {raw} raw", signed(self.growth(compression))),
        };
        format!("{} {growth} ({})", self.title(), self.percent(compression))
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
}

/// Judges a bundle by its baseline; `total_check` is the name of the check on the total.
///
/// # Errors
/// Those of [`Baseline::check_comparable`].
pub fn judge(
    total_check: &str,
    bundle: &Bundle,
    baseline: &Baseline,
    limits: &GrowthLimits,
) -> Result<Growth, Finding> {
    let judged = limits.compression;
    baseline.check_comparable(&bundle.compressor, judged)?;
    let (before, now) = (baseline.total(), bundle.total());
    let changes = file_changes(bundle, baseline, judged);
    let findings = if now.raw == 0 {
        vec![empty_bundle(total_check, bundle)]
    } else if before.raw == 0 || before.bytes(judged) == 0 {
        let actual =
            format!("the baseline has 0 bytes in {} files; now {}", baseline.files.len(), Bytes(now.bytes(judged)));
        vec![
            Finding::inconclusive(total_check)
                .expected("a baseline with something in it")
                .actual(actual)
                .next(HOW_TO_WRITE),
        ]
    } else {
        vec![
            judge_total(total_check, before.bytes(judged), now.bytes(judged), &changes, limits),
            judge_largest_addition(&changes, limits),
        ]
    };
    Ok(Growth { findings, changes, before, now, judged })
}

/// The name of the check on the total: the service, if it is known.
#[must_use]
pub fn total_check(subject: &Subject) -> String {
    subject.service.as_ref().map_or_else(|| "bundle".to_owned(), ToString::to_string)
}

/// The finding on a bundle without any bytes.
#[must_use]
pub fn empty_bundle(total_check: &str, bundle: &Bundle) -> Finding {
    Finding::inconclusive(total_check)
        .expected("a bundle with something in it")
        .actual(format!("0 bytes in {}", bundle.count()))
        .next("build first, and name the folder that is shipped in `path`")
}

/// The changed files, the one that grew most first.
fn file_changes(bundle: &Bundle, baseline: &Baseline, judged: Compression) -> Vec<FileChange> {
    let now: Vec<(&str, Sizes)> = bundle.files.iter().map(|(name, named)| (name.as_str(), named.sizes())).collect();
    let before = baseline.files.iter().map(|(name, sizes)| (name.as_str(), sizes.raw));
    let pairs = names::pair_names(before, now.iter().map(|(name, sizes)| (*name, sizes.raw)));
    let changes = pairs.iter().map(|pair| file_change(pair, bundle, baseline));
    let mut changes: Vec<FileChange> = changes.filter(|change| change.before != change.now).collect();
    changes
        .sort_by_key(|change| (Reverse((change.growth(judged), change.growth(Compression::Raw))), change.name.clone()));
    changes
}

fn file_change(pair: &names::NamePair, bundle: &Bundle, baseline: &Baseline) -> FileChange {
    let title = |names: &[&str]| {
        let marked = names.iter().find(|name| name.contains(names::HASH_MARK));
        marked.or(names.first()).map(|name| (*name).to_owned())
    };
    let (old_name, new_name) = (title(&pair.before), title(&pair.now));
    let before: Vec<Sizes> = pair.before.iter().filter_map(|name| baseline.files.get(*name)).copied().collect();
    let now: Vec<&NamedFiles> = pair.now.iter().filter_map(|name| bundle.files.get(*name)).collect();
    let largest = now.iter().filter_map(|named| named.largest()).max_by_key(|file| file.sizes.raw);
    FileChange {
        before: (!before.is_empty()).then(|| before.into_iter().sum()),
        now: (!now.is_empty()).then(|| now.iter().map(|named| named.sizes()).sum()),
        files: now.iter().map(|named| named.files.len()).sum(),
        largest: largest.map(|file| (file.path.clone(), file.sizes.raw)),
        old_name: old_name.clone().filter(|old| new_name.as_ref().is_some_and(|new| new != old)),
        name: new_name.or(old_name).unwrap_or_default(),
    }
}

/// Judges the total by the percentage.
fn judge_total(check: &str, before: u64, now: u64, changes: &[FileChange], limits: &GrowthLimits) -> Finding {
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
    let growth = if is_over && limits.explanation().is_some() { format!("{growth}, explained") } else { growth };
    let figures = Figures::now(format!("{} ({growth})", Bytes(now)))
        .limit(limits.total_limit(before))
        .baseline(Bytes(before).to_string());
    if is_over {
        let figures = Figures { cause: file.map(|file| file.cause(judged)), ..figures };
        return limits.over_limit(Finding::blocked(check).expected(expected).figures(figures), actual, file);
    }
    let noise = if now > limit { "; so little counts as noise" } else { "" };
    Finding::passed(check).expected(expected).actual(format!("{actual}{noise}")).figures(figures)
}

/// Judges the bytes that any one file added.
fn judge_largest_addition(changes: &[FileChange], limits: &GrowthLimits) -> Finding {
    const SHOWN: usize = 3;
    let check = "one file";
    let Bytes(limit) = limits.max_added;
    let expected = format!("at most {} raw more in any one file", limits.max_added);
    let mut grown: Vec<&FileChange> = changes.iter().filter(|change| change.largest_addition() > 0).collect();
    grown.sort_by_key(|change| Reverse(change.largest_addition()));
    let over = grown.iter().filter(|change| change.largest_addition() > limit).count();
    let mut actual: Vec<String> =
        grown.iter().take(over.clamp(1, SHOWN)).map(|change| change.describe(Compression::Raw)).collect();
    if over > SHOWN {
        actual.push(format!("and {} more", over - SHOWN));
    }
    let actual = if actual.is_empty() { "no file grew".to_owned() } else { actual.join(", ") };
    match grown.first().filter(|_| over > 0) {
        // Without figures of its own: those of the total say enough of a bundle within its limits.
        None => Finding::passed(check).expected(expected).actual(actual),
        Some(most) => {
            let figures =
                Figures::now(format!("+{} raw", bytes_beside(Bytes(most.largest_addition()), limits.max_added)))
                    .limit(format!("+{} raw", limits.max_added))
                    .cause(most.short_name());
            limits.over_limit(Finding::blocked(check).expected(expected).figures(figures), actual, Some(most))
        }
    }
}

/// The growth in percent for people.
#[expect(clippy::cast_precision_loss, reason = "sizes below 2^53 bytes are exact")]
fn show_percent(before: u64, now: u64, limit: Option<Percent>) -> String {
    if before == 0 {
        return "from 0 B".to_owned();
    }
    let growth = (i128::from(now) - i128::from(before)) as f64;
    growth_percent(growth * 100.0 / before as f64, limit)
}

/// The growth in percent for programs: `+5.1 %`, rounded up to hundredths, so that growth over a limit never looks like
/// growth within it.
fn exact_percent(before: u64, now: u64) -> String {
    if before == 0 {
        return "from 0 B".to_owned();
    }
    let before = i128::from(before);
    let hundredths = -((before - i128::from(now)) * 10_000).div_euclid(before);
    let (sign, size) = (if hundredths < 0 { "-" } else { "+" }, hundredths.unsigned_abs());
    let (whole, tenth, hundredth) = (size / 100, size / 10 % 10, size % 10);
    let last = if hundredth == 0 { String::new() } else { hundredth.to_string() };
    format!("{sign}{whole}.{tenth}{last} %")
}

impl Growth {
    /// The growth of the judged total for programs: `+5.1 %`.
    #[must_use]
    pub fn exact_percent(&self) -> String {
        exact_percent(self.before.bytes(self.judged), self.now.bytes(self.judged))
    }

    /// The column names of [`Growth::table`].
    #[must_use]
    pub const fn columns(&self) -> &'static [&'static str] {
        match self.judged {
            Compression::Raw => &["File", "Before", "Now", "Growth", "Percent"],
            Compression::Gzip => &["File", "Before", "Now", "Growth", "Percent", "Raw growth"],
        }
    }

    /// At most `limit` changed files: first those that grew most, then those that shrank most. One row sums up the other
    /// changed files; a single other file has the row for itself.
    #[must_use]
    pub fn files(&self, limit: usize) -> Vec<Vec<String>> {
        let limit = if self.changes.len() == limit + 1 { limit + 1 } else { limit };
        let (grown, other): (Vec<&FileChange>, Vec<&FileChange>) =
            self.changes.iter().partition(|change| change.growth(self.judged) > 0);
        let room = limit - other.len().min(limit / 3);
        let shown: Vec<&FileChange> = grown.iter().copied().take(room).collect();
        let left = limit - shown.len();
        let shown: Vec<&FileChange> = shown.into_iter().chain(other.iter().rev().copied().take(left)).collect();
        let mut rows: Vec<_> = shown
            .iter()
            .map(|change| self.cells(change.title(), change.before, change.now, change.percent(self.judged)))
            .collect();
        if shown.len() < self.changes.len() {
            let rest = || self.changes.iter().filter(|change| !shown.contains(change));
            let before = rest().filter_map(|change| change.before).sum::<Sizes>();
            let now = rest().filter_map(|change| change.now).sum::<Sizes>();
            rows.push(self.sum(format!("{} more files that changed", self.changes.len() - shown.len()), before, now));
        }
        rows
    }

    /// The rows of [`Growth::files`] and the total, to which the changes add up.
    #[must_use]
    pub fn table(&self, limit: usize) -> Vec<Vec<String>> {
        let mut rows = self.files(limit);
        rows.push(self.sum("total".to_owned(), self.before, self.now));
        rows
    }

    fn sum(&self, name: String, before: Sizes, now: Sizes) -> Vec<String> {
        let percent = show_percent(before.bytes(self.judged), now.bytes(self.judged), None);
        self.cells(name, Some(before), Some(now), percent)
    }

    fn cells(&self, name: String, before: Option<Sizes>, now: Option<Sizes>, percent: String) -> Vec<String> {
        let size = |sizes: Option<Sizes>| {
            sizes.map_or_else(|| "–".to_owned(), |sizes| Bytes(sizes.bytes(self.judged)).to_string())
        };
        let growth = |compression: Compression| {
            let bytes = |sizes: Option<Sizes>| i128::from(sizes.unwrap_or_default().bytes(compression));
            signed(bytes(now) - bytes(before))
        };
        let mut cells = vec![name, size(before), size(now), growth(self.judged), percent, growth(Compression::Raw)];
        cells.truncate(self.columns().len());
        cells
    }
}

#[cfg(test)]
mod tests;
