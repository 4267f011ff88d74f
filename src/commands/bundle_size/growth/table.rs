//! The changed files of a bundle as rows of a table.

use super::{FileChange, Growth};
use crate::{
    commands::bundle_size::sizes::{Compression, Sizes, show_percent, signed},
    values::Bytes,
};

impl Growth {
    /// The column names of [`Growth::table`].
    #[must_use]
    pub const fn columns(&self) -> &'static [&'static str] {
        match self.judged {
            Compression::Raw => &["File", "Before", "Now", "Growth", "Percent"],
            Compression::Gzip | Compression::Brotli => &["File", "Before", "Now", "Growth", "Percent", "Raw growth"],
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
