//! The baseline file: the sizes to compare with, as JSON whose diff can be reviewed.

use std::{collections::BTreeMap, fmt::Write};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    bundle::{Bundle, BundleFile, Compressor},
    names,
    sizes::{Compression, Sizes},
    sketch::Sketch,
};
use crate::finding::Finding;

/// The version of the format. The first one had the sums of the files of each canonical name.
pub const SCHEMA: u64 = 2;
/// The largest total in bytes that is accepted: a petabyte, more than any bundle has.
const LARGEST_TOTAL: u64 = 1_000_000_000_000_000;
/// The next step when the baseline cannot be used.
pub const HOW_TO_WRITE: &str =
    "write it again: run `bundle-size` with `write-baseline` on the branch to compare with, and commit the file";

/// The sizes to compare with. A total of zero can be read, but not compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub compressor: Compressor,
    /// The judged files, by path. From a file of the first schema: sums of files of every kind, by canonical name.
    pub files: Vec<BundleFile>,
    /// The other files with their raw bytes.
    pub listed: BTreeMap<String, u64>,
    /// The lines of `path` with which they were found; `None` if unknown.
    pub patterns: Option<Vec<String>>,
    /// The commit that was measured, if known.
    pub commit: Option<String>,
    /// Raw bytes by package; empty if unknown.
    pub packages: BTreeMap<String, u64>,
    /// The service and tag that were measured, if known.
    pub subject: Option<Map<String, Value>>,
    /// RFC 3339, UTC.
    pub measured_at: Option<String>,
}

/// The fields of the file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BaselineFile {
    schema: u64,
    algorithm: String,
    level: u32,
    backend: String,
    #[serde(default)]
    measured_at: Option<String>,
    #[serde(default)]
    commit: Option<String>,
    #[serde(default)]
    path: Option<Vec<String>>,
    #[serde(default)]
    subject: Option<Map<String, Value>>,
    total: Sizes,
    files: BTreeMap<String, FileEntry>,
    #[serde(default)]
    listed: BTreeMap<String, u64>,
    #[serde(default)]
    packages: BTreeMap<String, u64>,
}

/// A file in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    raw: u64,
    #[serde(rename = "gzip", alias = "brotli")]
    compressed: u64,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    like: Option<Sketch>,
    #[serde(default)]
    id: Option<String>,
}

/// The field that every version of the format has.
#[derive(Deserialize)]
struct SchemaVersion {
    schema: u64,
}

impl Baseline {
    /// The sizes of a measured bundle; the caller adds where and when it was measured.
    #[must_use]
    pub fn from_bundle(measured: &Bundle) -> Self {
        Self {
            compressor: measured.compressor.clone(),
            files: measured.files.clone(),
            listed: measured.listed.clone(),
            patterns: None,
            commit: None,
            packages: measured.packages.clone(),
            subject: None,
            measured_at: None,
        }
    }

    /// Reads a baseline. `name` is the file in messages.
    ///
    /// # Errors
    /// Invalid JSON (with line and column), another version of the format, a field that is missing, unknown or out of range,
    /// a total that is not the sum of the files.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Finding> {
        let finding = |actual: String| {
            let next = format!("remove the file, then {HOW_TO_WRITE}");
            Finding::inconclusive(name).actual(actual).expected("a baseline of `bundle-size`").next(next)
        };
        let malformed = |error: serde_json::Error| finding(locate(text, &error));
        let SchemaVersion { schema } = serde_json::from_slice(text).map_err(malformed)?;
        if !(1..=SCHEMA).contains(&schema) {
            return Err(finding(format!("schema {schema}")).expected(format!("schema 1 to {SCHEMA}")));
        }
        let content: BaselineFile = serde_json::from_slice(text).map_err(malformed)?;
        let algorithm = &content.algorithm;
        let show = |sizes: Sizes| format!("{} bytes raw, {} {algorithm}", sizes.raw, sizes.compressed);
        let mut sum = Sizes::default();
        for (file, entry) in &content.files {
            let sizes = Sizes { raw: entry.raw, compressed: entry.compressed };
            sum = sum.plus(sizes);
            if sum.raw.max(sum.compressed) > LARGEST_TOTAL {
                let actual = format!("{file}: {}", show(sizes));
                return Err(finding(actual).expected(format!("at most {LARGEST_TOTAL} bytes in all")));
            }
        }
        if sum != content.total {
            let actual = format!("its total is {}, its files add up to {}", show(content.total), show(sum));
            return Err(finding(actual).expected("a total that is the sum of the files"));
        }
        let compressor = Compressor { algorithm: content.algorithm, level: content.level, backend: content.backend };
        let mut baseline = Self {
            compressor,
            files: content.files.into_iter().map(|(path, entry)| entry.file(path)).collect(),
            listed: content.listed,
            patterns: content.path,
            commit: content.commit,
            packages: content.packages,
            subject: content.subject,
            measured_at: content.measured_at,
        };
        if content.schema == 1 {
            baseline.convert_first_schema();
        }
        Ok(baseline)
    }

    /// Makes the names of the first schema canonical again, since a later version recognises more hashes.
    fn convert_first_schema(&mut self) {
        let mut sums: BTreeMap<String, Sizes> = BTreeMap::new();
        for file in std::mem::take(&mut self.files) {
            let known = sums.entry(names::canonical_name(&file.path)).or_default();
            *known = known.plus(file.sizes);
        }
        let file = |(path, sizes)| BundleFile { path, sizes, ..BundleFile::default() };
        self.files = sums.into_iter().map(file).collect();
    }

    /// The file: fields in fixed order, one line a file, names sorted, a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Compressor { algorithm, level, backend } = &self.compressor;
        let mut fields = vec![
            ("schema", json!(SCHEMA)),
            ("algorithm", json!(algorithm)),
            ("level", json!(level)),
            ("backend", json!(backend)),
        ];
        fields.extend(self.measured_at.as_ref().map(|at| ("measured-at", json!(at))));
        fields.extend(self.commit.as_ref().map(|commit| ("commit", json!(commit))));
        fields.extend(self.patterns.as_ref().map(|patterns| ("path", json!(patterns))));
        fields.extend(self.subject.as_ref().map(|subject| ("subject", json!(subject))));
        let total = self.total();
        let mut text = "{\n".to_owned();
        for (key, value) in fields {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  \"{key}\": {value},");
        }
        let _ = writeln!(text, "  \"total\": {{ \"raw\": {}, \"{algorithm}\": {} }},", total.raw, total.compressed);
        let files = self.files.iter().map(|file| format!("{}: {}", json!(file.path), entry(file, algorithm)));
        text.push_str(&block("files", files));
        for (key, bytes) in [("listed", &self.listed), ("packages", &self.packages)] {
            if !bytes.is_empty() {
                text.push_str(",\n");
                text.push_str(&block(key, bytes.iter().map(|(name, bytes)| format!("{}: {bytes}", json!(name)))));
            }
        }
        text + "\n}\n"
    }

    #[must_use]
    pub fn total(&self) -> Sizes {
        self.files.iter().map(|file| file.sizes).sum()
    }

    /// How the sizes can be compared with those of `now`: as asked, or before compression if the level or the library is another, as
    /// after an update of the action, which compresses the same file to another size.
    ///
    /// # Errors
    /// Another algorithm, which somebody chose.
    pub fn comparable(&self, now: &Compressor, judged: Compression) -> Result<Compression, Finding> {
        let before = &self.compressor;
        if judged == Compression::Raw {
            return Ok(judged);
        }
        if before.algorithm == now.algorithm {
            return Ok(if before.is_comparable(now) { judged } else { Compression::Raw });
        }
        let show = |used: &Compressor| format!("{} level {} by {}", used.algorithm, used.level, used.backend);
        Err(Finding::inconclusive("baseline")
            .actual(format!("sizes compressed with {}", show(before)))
            .expected(format!("{}, as now: others differ by up to 4 % for the same file", show(now)))
            .next(format!("{HOW_TO_WRITE}; or judge the sizes before compression (`compression: raw`)")))
    }

    /// The same sizes with paths relative to the folder of the checkout instead of the working directory.
    #[must_use]
    pub fn outside(mut self, folder: &str) -> Self {
        self.change_paths(|path| {
            path.strip_prefix(folder).and_then(|path| path.strip_prefix('/')).unwrap_or(path).to_owned()
        });
        self
    }

    /// The same sizes with paths relative to the working directory, which has the checkout in `folder`.
    #[must_use]
    pub fn inside(mut self, folder: &str) -> Self {
        if !folder.is_empty() {
            self.change_paths(|path| format!("{folder}/{path}"));
        }
        self
    }

    fn change_paths(&mut self, change: impl Fn(&str) -> String) {
        self.files.iter_mut().for_each(|file| file.path = change(&file.path));
        self.listed = self.listed.iter().map(|(path, raw)| (change(path), *raw)).collect();
        for pattern in self.patterns.iter_mut().flatten() {
            *pattern = match pattern.strip_prefix('!') {
                Some(path) => format!("!{}", change(path.trim_start())),
                None => change(pattern),
            };
        }
    }

    /// Whether both hold the same sizes of the same files by the same compressor; subject, commit and time do not matter.
    #[must_use]
    pub fn same_sizes(&self, other: &Self) -> bool {
        self.compressor == other.compressor
            && self.files == other.files
            && self.listed == other.listed
            && self.patterns == other.patterns
            && self.packages == other.packages
    }
}

impl FileEntry {
    fn file(self, path: String) -> BundleFile {
        let sizes = Sizes { raw: self.raw, compressed: self.compressed };
        BundleFile { path, sizes, sha256: self.sha256, sketch: self.like, id: self.id }
    }
}

/// A file as a value of `files`.
fn entry(file: &BundleFile, algorithm: &str) -> String {
    let mut text = format!("{{ \"raw\": {}, \"{algorithm}\": {}", file.sizes.raw, file.sizes.compressed);
    let hash = Some(&file.sha256).filter(|hash| !hash.is_empty()).map(|hash| ("sha256", json!(hash)));
    let sketch = file.sketch.as_ref().map(|sketch| ("like", json!(sketch)));
    let id = file.id.as_ref().map(|id| ("id", json!(id)));
    for (key, value) in [hash, sketch, id].into_iter().flatten() {
        let _ = write!(text, ", \"{key}\": {value}");
    }
    text + " }"
}

/// An object with one line for each entry, without a newline at its end.
fn block(key: &str, entries: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = entries.map(|entry| format!("\n    {entry}")).collect();
    let end = if lines.is_empty() { "" } else { "\n  " };
    format!("  \"{key}\": {{{}{end}}}", lines.join(","))
}

/// serde's message, which ends with line and column, and the line itself, so that a merge conflict is visible.
fn locate(text: &[u8], error: &serde_json::Error) -> String {
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).trim().chars().take(80).collect();
    if shown.is_empty() { error.to_string() } else { format!("{error}: `{shown}`") }
}

#[cfg(test)]
mod tests;
