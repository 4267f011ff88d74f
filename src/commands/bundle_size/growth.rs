//! The judgement: how much the bundle grew, which file it was, and whether that may be.

use std::cmp::Reverse;

use super::{
    baseline::{Baseline, HOW},
    measure::{Measured, Named},
    names,
    sizes::{Compression, Sizes, signed},
};
use crate::{
    finding::{Finding, Verdict},
    values::{Bytes, Percent},
};

/// How much a bundle may grow. The fields are settings of the command, with their defaults.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Rule {
    /// How many percent larger than the baseline the bundle may be; exactly that many still pass
    #[arg(long, value_name = "PERCENT", default_value = "5")]
    pub max_increase: Percent,
    // A percentage alone lets a whole library into a large bundle: 4 MB are under 5 % of anything over 80 MB, and a new
    // file has no percentage of its own. Raw, because code that compresses to nothing still has to be parsed, and because
    // that is what people mean by "a 4 MB library". 1 MB, because it is a quarter of the library that this gate exists for
    // (4 MB cost 3 s of loading, so 1 MB is most of a second) and several times what a route or a widget brings; whoever
    // means to add a file of that size can say why in one line.
    /// How many bytes, before compression, any one file may add, whatever the percentage
    #[arg(long, value_name = "BYTES", default_value = "1 MB")]
    pub max_added: Bytes,
    /// Growth by fewer bytes than this counts as noise, whatever the percentage
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub min_increase: Bytes,
    /// Which size is judged: that of the files as they are, or compressed one by one
    #[arg(long, value_enum, value_name = "WHICH", default_value = "gzip")]
    pub compression: Compression,
    /// Why the growth is right: with a reason it passes, and the report says so
    #[arg(long, value_name = "TEXT")]
    pub explanation: Option<String>,
}

impl Rule {
    /// The percentage in millionths: what a person writes in decimals is exact in it, as it is not in binary.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; no number at all allows no growth"
    )]
    fn millionths(&self) -> u128 {
        (self.max_increase.0 * 1e6).round() as u128
    }

    /// The bytes that `before` may grow to.
    fn limit(&self, before: u64) -> u64 {
        let added = u128::from(before).saturating_mul(self.millionths()) / 100_000_000;
        before.saturating_add(u64::try_from(added).unwrap_or(u64::MAX))
    }

    /// Blank explains nothing.
    fn explanation(&self) -> Option<&str> {
        self.explanation.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// Blocked, or passed with the explanation.
    fn over(&self, finding: Finding, actual: String) -> Finding {
        match self.explanation() {
            Some(why) => Finding { verdict: Verdict::Passed, ..finding }
                .actual(format!("{actual}; over the limit, but explained"))
                .waived(why),
            None => finding.actual(actual).next("make it smaller, or say in `explanation` why it is right"),
        }
    }
}

/// A file that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The canonical name, of now where there is one.
    pub name: String,
    /// The canonical name in the baseline, where it was another.
    pub was: Option<String>,
    /// Absent: new.
    pub before: Option<Sizes>,
    /// Absent: gone.
    pub now: Option<Sizes>,
    /// How many files have this name now.
    pub files: usize,
    /// The path of the largest of them, and its raw bytes.
    pub largest: Option<(String, u64)>,
}

impl Row {
    /// Bytes now less bytes before.
    #[must_use]
    pub fn change(&self, by: Compression) -> i128 {
        let size = |sizes: Option<Sizes>| i128::from(sizes.unwrap_or_default().by(by));
        size(self.now) - size(self.before)
    }

    /// The most raw bytes that any one file behind this row can have added: not more than the row grew by, and not more
    /// than the file has. Several chunks under one name are not taken for one large file.
    fn added_by_one(&self) -> u64 {
        let grown = u64::try_from(self.change(Compression::Raw)).unwrap_or_default();
        grown.min(self.largest.as_ref().map_or(0, |(_, raw)| *raw))
    }

    /// `new`, `gone`, or the percentage.
    #[must_use]
    pub fn percent(&self, by: Compression) -> String {
        match (self.before, self.now) {
            (None, _) => "new".to_owned(),
            (_, None) => "gone".to_owned(),
            (Some(before), Some(now)) => percent(before.by(by), now.by(by)),
        }
    }

    /// `dist/chunk-[hash].js (12 files, the largest dist/chunk-ABCDEF12.js)`.
    #[must_use]
    pub fn title(&self) -> String {
        let files = match (self.files, &self.largest) {
            (2.., Some((path, _))) => format!(" ({} files, the largest {path})", self.files),
            _ => String::new(),
        };
        let was = self.was.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
        format!("{}{files}{was}", self.name)
    }

    /// `vendor/debug-lib.js +1.1 MB gzip, +4.0 MB raw (new)`.
    fn grew(&self, by: Compression) -> String {
        let raw = signed(self.change(Compression::Raw));
        let change = if by == Compression::Raw { raw } else { format!("{} gzip, {raw} raw", signed(self.change(by))) };
        format!("{} {change} ({})", self.title(), self.percent(by))
    }
}

/// What became of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    pub findings: Vec<Finding>,
    /// Every file that changed: the one that grew most first, the one that shrank most last.
    pub rows: Vec<Row>,
    pub before: Sizes,
    pub now: Sizes,
    pub judged: Compression,
}

/// Holds a bundle against its baseline.
///
/// # Errors
/// Those of [`Baseline::comparable`].
pub fn judge(measured: &Measured, baseline: &Baseline, rule: &Rule) -> Result<Growth, Finding> {
    let judged = rule.compression;
    baseline.comparable(&measured.compressor, judged)?;
    let (before, now) = (baseline.total(), measured.total());
    let rows = rows(measured, baseline, judged);
    let findings = if now.raw == 0 {
        vec![empty(measured, judged)]
    } else if before.raw == 0 || before.by(judged) == 0 {
        let seen = format!("the baseline has 0 bytes in {} files; now {}", baseline.files.len(), Bytes(now.by(judged)));
        vec![Finding::inconclusive(check(judged)).expected("a baseline with something in it").actual(seen).next(HOW)]
    } else {
        vec![total(before.by(judged), now.by(judged), &rows, rule), one_file(&rows, rule)]
    };
    Ok(Growth { findings, rows, before, now, judged })
}

/// What the check of the total is called.
#[must_use]
pub fn check(judged: Compression) -> String {
    format!("bundle size ({})", judged.word())
}

/// The finding on a bundle that holds nothing, whatever it is compared with.
#[must_use]
pub fn empty(measured: &Measured, judged: Compression) -> Finding {
    Finding::inconclusive(check(judged))
        .expected("a bundle with something in it")
        .actual(format!("0 bytes in {}", measured.count()))
        .next("build first, and name the folder that is shipped in `path`")
}

/// The files that changed, the one that grew most first.
fn rows(measured: &Measured, baseline: &Baseline, judged: Compression) -> Vec<Row> {
    let now: Vec<(&str, Sizes)> = measured.files.iter().map(|(name, named)| (name.as_str(), named.sizes())).collect();
    let sizes_before = baseline.files.iter().map(|(name, sizes)| (name.as_str(), sizes.raw));
    let pairs = names::pair(sizes_before, now.iter().map(|(name, sizes)| (*name, sizes.raw)));
    let rows = pairs.iter().map(|pair| row(pair, measured, baseline));
    let mut rows: Vec<Row> = rows.filter(|row| row.before != row.now).collect();
    rows.sort_by_key(|row| (Reverse((row.change(judged), row.change(Compression::Raw))), row.name.clone()));
    rows
}

fn row(pair: &names::Pair, measured: &Measured, baseline: &Baseline) -> Row {
    let title = |names: &[&str]| {
        let marked = names.iter().find(|name| name.contains(names::MARK));
        marked.or(names.first()).map(|name| (*name).to_owned())
    };
    let (was, is) = (title(&pair.before), title(&pair.now));
    let before: Vec<Sizes> = pair.before.iter().filter_map(|name| baseline.files.get(*name)).copied().collect();
    let now: Vec<&Named> = pair.now.iter().filter_map(|name| measured.files.get(*name)).collect();
    let largest = now.iter().filter_map(|named| named.largest()).max_by_key(|file| file.sizes.raw);
    Row {
        before: (!before.is_empty()).then(|| before.into_iter().sum()),
        now: (!now.is_empty()).then(|| now.iter().map(|named| named.sizes()).sum()),
        files: now.iter().map(|named| named.files.len()).sum(),
        largest: largest.map(|file| (file.path.clone(), file.sizes.raw)),
        was: was.clone().filter(|was| is.as_ref().is_some_and(|is| is != was)),
        name: is.or(was).unwrap_or_default(),
    }
}

/// The percentage, for all files together.
fn total(before: u64, now: u64, rows: &[Row], rule: &Rule) -> Finding {
    let by = rule.compression;
    let word = by.word();
    let limit = rule.limit(before);
    let floor = match rule.min_increase {
        Bytes(0) => String::new(),
        floor => format!(", or less than {floor} more"),
    };
    let expected = format!(
        "at most {} % more than the baseline's {}, which is {} {word}{floor}",
        rule.max_increase,
        Bytes(before),
        Bytes(limit)
    );
    let most = rows.first().filter(|row| row.change(by) > 0);
    let most = most.map(|row| format!("; grew most: {}", row.grew(by))).unwrap_or_default();
    let actual = format!("{} → {} {word} ({}){most}", Bytes(before), Bytes(now), percent(before, now));
    let finding = |finding: Finding| finding.expected(expected);
    if now <= limit {
        finding(Finding::passed(check(by))).actual(actual)
    } else if now - before < rule.min_increase.0 {
        finding(Finding::passed(check(by))).actual(format!("{actual}; so little counts as noise"))
    } else {
        rule.over(finding(Finding::blocked(check(by))), actual)
    }
}

/// The cap, for each file.
fn one_file(rows: &[Row], rule: &Rule) -> Finding {
    const SHOWN: usize = 3;
    let check = "bytes added by one file";
    let Bytes(cap) = rule.max_added;
    let expected = format!("at most {} raw more in any one file", rule.max_added);
    let mut grown: Vec<&Row> = rows.iter().filter(|row| row.added_by_one() > 0).collect();
    grown.sort_by_key(|row| Reverse(row.added_by_one()));
    let over = grown.iter().filter(|row| row.added_by_one() > cap).count();
    let mut actual: Vec<String> =
        grown.iter().take(over.clamp(1, SHOWN)).map(|row| row.grew(Compression::Raw)).collect();
    if over > SHOWN {
        actual.push(format!("and {} more", over - SHOWN));
    }
    let actual = if actual.is_empty() { "no file grew".to_owned() } else { actual.join(", ") };
    if over == 0 {
        return Finding::passed(check).expected(expected).actual(actual);
    }
    rule.over(Finding::blocked(check).expected(expected), actual)
}

/// `+5.1 %`, rounded up to hundredths, so that what is over a limit never looks as if it were not.
fn percent(before: u64, now: u64) -> String {
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
    /// `+5.1 %`, of the judged total.
    #[must_use]
    pub fn change(&self) -> String {
        percent(self.before.by(self.judged), self.now.by(self.judged))
    }

    /// The heads of [`Growth::table`].
    #[must_use]
    pub fn columns(&self) -> [String; 6] {
        let word = self.judged.word();
        [
            "file".into(),
            format!("{word} before"),
            format!("{word} now"),
            "change".into(),
            "%".into(),
            "raw change".into(),
        ]
    }

    /// At most `limit` files that changed, those that grew most first, then those that shrank most; the rest in one row, and
    /// the total last. The changes add up to the total's.
    #[must_use]
    pub fn table(&self, limit: usize) -> Vec<[String; 6]> {
        let (grown, other): (Vec<&Row>, Vec<&Row>) = self.rows.iter().partition(|row| row.change(self.judged) > 0);
        let room = limit - other.len().min(limit / 3);
        let shown: Vec<&Row> = grown.iter().copied().take(room).collect();
        let left = limit - shown.len();
        let shown: Vec<&Row> = shown.into_iter().chain(other.iter().rev().copied().take(left)).collect();
        let mut table: Vec<_> =
            shown.iter().map(|row| self.cells(row.title(), row.before, row.now, row.percent(self.judged))).collect();
        if shown.len() < self.rows.len() {
            let rest = || self.rows.iter().filter(|row| !shown.contains(row));
            let before = rest().filter_map(|row| row.before).sum::<Sizes>();
            let now = rest().filter_map(|row| row.now).sum::<Sizes>();
            let name = format!("{} more files that changed", self.rows.len() - shown.len());
            table.push(self.cells(name, Some(before), Some(now), percent(before.by(self.judged), now.by(self.judged))));
        }
        table.push(self.cells("total".to_owned(), Some(self.before), Some(self.now), self.change()));
        table
    }

    fn cells(&self, name: String, before: Option<Sizes>, now: Option<Sizes>, percent: String) -> [String; 6] {
        let size = |sizes: Option<Sizes>| {
            sizes.map_or_else(|| "–".to_owned(), |sizes| Bytes(sizes.by(self.judged)).to_string())
        };
        let change = |by: Compression| {
            let bytes = |sizes: Option<Sizes>| i128::from(sizes.unwrap_or_default().by(by));
            signed(bytes(now) - bytes(before))
        };
        [name, size(before), size(now), change(self.judged), percent, change(Compression::Raw)]
    }
}

#[cfg(test)]
mod tests;
