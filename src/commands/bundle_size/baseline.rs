//! The baseline file: the sizes to compare with, as JSON that is committed beside the code so that its diff can be reviewed.

use std::{collections::BTreeMap, fmt::Write};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    bundle::{Bundle, Compressor, NamedFiles},
    names,
    sizes::{Compression, Sizes},
};
use crate::finding::Finding;

/// The version of the format.
pub const SCHEMA: u64 = 1;
/// The largest total in bytes that is accepted: a petabyte, more than any bundle has.
const LARGEST_TOTAL: u64 = 1_000_000_000_000_000;
/// The next step when the baseline cannot be used.
pub const HOW_TO_WRITE: &str =
    "write it again: run `bundle-size` with `write-baseline` on the branch to compare with, and commit the file";

/// The sizes to compare with. A total of zero can be read, but not compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub compressor: Compressor,
    /// By canonical name.
    pub files: BTreeMap<String, Sizes>,
    /// The service and tag that were measured, if known.
    pub subject: Option<Map<String, Value>>,
    /// RFC 3339, UTC.
    pub measured_at: Option<String>,
}

/// The fields of the file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BaselineFile {
    #[serde(rename = "schema")]
    _schema: u64,
    algorithm: String,
    level: u32,
    backend: String,
    #[serde(default)]
    measured_at: Option<String>,
    #[serde(default)]
    subject: Option<Map<String, Value>>,
    total: Sizes,
    files: BTreeMap<String, Sizes>,
}

/// The field that every version of the format has.
#[derive(Deserialize)]
struct SchemaVersion {
    schema: u64,
}

impl Baseline {
    /// The sizes of a measured bundle; the caller adds subject and time.
    #[must_use]
    pub fn from_bundle(measured: &Bundle) -> Self {
        Self {
            compressor: measured.compressor.clone(),
            files: measured.files.iter().map(|(name, named)| (name.clone(), NamedFiles::sizes(named))).collect(),
            subject: None,
            measured_at: None,
        }
    }

    /// Reads a baseline. `name` is the file in messages.
    ///
    /// Names are made canonical again, so that a baseline stays valid when a later version recognises more hashes.
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
        if schema != SCHEMA {
            return Err(finding(format!("schema {schema}")).expected(format!("schema {SCHEMA}")));
        }
        let content: BaselineFile = serde_json::from_slice(text).map_err(malformed)?;
        let show = |sizes: Sizes| format!("{} bytes raw, {} gzip", sizes.raw, sizes.gzip);
        let mut sum = Sizes::default();
        let mut files: BTreeMap<String, Sizes> = BTreeMap::new();
        for (file, sizes) in content.files {
            sum = sum.plus(sizes);
            if sum.raw.max(sum.gzip) > LARGEST_TOTAL {
                let actual = format!("{file}: {}", show(sizes));
                return Err(finding(actual).expected(format!("at most {LARGEST_TOTAL} bytes in all")));
            }
            let known = files.entry(names::canonical_name(&file)).or_default();
            *known = known.plus(sizes);
        }
        if sum != content.total {
            let actual = format!("its total is {}, its files add up to {}", show(content.total), show(sum));
            return Err(finding(actual).expected("a total that is the sum of the files"));
        }
        Ok(Self {
            compressor: Compressor { algorithm: content.algorithm, level: content.level, backend: content.backend },
            files,
            subject: content.subject,
            measured_at: content.measured_at,
        })
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
        fields.extend(self.subject.as_ref().map(|subject| ("subject", json!(subject))));
        let total = self.total();
        let mut text = "{\n".to_owned();
        for (key, value) in fields {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  \"{key}\": {value},");
        }
        let _ = writeln!(text, "  \"total\": {{ \"raw\": {}, \"gzip\": {} }},", total.raw, total.gzip);
        text.push_str("  \"files\": {");
        for (at, (name, sizes)) in self.files.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ =
                write!(text, "{comma}\n    {}: {{ \"raw\": {}, \"gzip\": {} }}", json!(name), sizes.raw, sizes.gzip);
        }
        text.push_str(if self.files.is_empty() { "}\n}\n" } else { "\n  }\n}\n" });
        text
    }

    #[must_use]
    pub fn total(&self) -> Sizes {
        self.files.values().copied().sum()
    }

    /// Checks that the judged sizes can be compared with those of `now`. Raw sizes always can.
    ///
    /// # Errors
    /// Another algorithm, level or release series of the library, which would compress the same file to another size.
    pub fn check_comparable(&self, now: &Compressor, judged: Compression) -> Result<(), Finding> {
        let before = &self.compressor;
        let same = before.algorithm == now.algorithm
            && before.level == now.level
            && series(&before.backend) == series(&now.backend);
        if same || judged == Compression::Raw {
            return Ok(());
        }
        let show = |used: &Compressor| format!("{} level {} by {}", used.algorithm, used.level, used.backend);
        Err(Finding::inconclusive("baseline")
            .actual(format!("sizes compressed with {}", show(before)))
            .expected(format!("{}, as now: others differ by up to 4 % for the same file", show(now)))
            .next(format!("{HOW_TO_WRITE}; or judge the sizes before compression (`compression: raw`)")))
    }

    /// Whether both hold the same sizes by the same compressor; subject and time do not matter.
    #[must_use]
    pub fn same_sizes(&self, other: &Self) -> bool {
        self.compressor == other.compressor && self.files == other.files
    }
}

/// The release series of a library, within which compressed sizes stay the same: `zlib-rs 0.6` for `zlib-rs 0.6.8`,
/// `zlib-ng 2` for `zlib-ng 2.2.1`.
fn series(backend: &str) -> &str {
    let Some((name, version)) = backend.rsplit_once(' ') else { return backend };
    let parts = if version.starts_with("0.") { 2 } else { 1 };
    let length = version.split('.').take(parts).map(|part| part.len() + 1).sum::<usize>();
    &backend[..(name.len() + length).min(backend.len())]
}

/// serde's message, which ends with line and column, and the line itself, so that a merge conflict is visible.
fn locate(text: &[u8], error: &serde_json::Error) -> String {
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).trim().chars().take(80).collect();
    if shown.is_empty() { error.to_string() } else { format!("{error}: `{shown}`") }
}

#[cfg(test)]
mod tests;
