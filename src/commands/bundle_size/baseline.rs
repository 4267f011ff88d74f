//! What the bundle is compared with: a JSON file that is committed beside the code, so that its diff can be reviewed.

use std::{collections::BTreeMap, fmt::Write};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    measure::{Compressor, Measured, Named},
    names,
    sizes::{Compression, Sizes},
};
use crate::finding::Finding;

/// The version of the format.
pub const SCHEMA: u64 = 1;
/// A size in bytes that no bundle has: a petabyte.
const ABSURD: u64 = 1_000_000_000_000_000;
/// How to get a good one.
pub const HOW: &str =
    "write it anew: run `bundle-size` with `write-baseline` on the branch to compare with, and commit the file";

/// The sizes of a bundle that was fine. A total of zero is readable, but nothing can be compared with it: see `judge`.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    pub compressor: Compressor,
    /// By canonical name.
    pub files: BTreeMap<String, Sizes>,
    /// What was measured, where the writer knew it.
    pub subject: Option<Map<String, Value>>,
    /// RFC 3339, UTC.
    pub measured_at: Option<String>,
}

/// The file as it is written, field by field.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
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

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Version {
    schema: u64,
}

impl Baseline {
    /// A baseline out of what was just measured; the caller adds subject and time.
    #[must_use]
    pub fn of(measured: &Measured) -> Self {
        Self {
            compressor: measured.compressor.clone(),
            files: measured.files.iter().map(|(name, named)| (name.clone(), Named::sizes(named))).collect(),
            subject: None,
            measured_at: None,
        }
    }

    /// Reads a baseline. `name` is the file as the user knows it.
    ///
    /// Names are made canonical again, so that a baseline stays good when more styles of hashes are recognised.
    ///
    /// # Errors
    /// No JSON (with line and column), another version of the format, a field that is missing, unknown or out of range, a
    /// total that is not the sum of its files.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Finding> {
        let finding = |seen: String| {
            let next = format!("remove the file, then {HOW}");
            Finding::inconclusive(name).actual(seen).expected("a baseline of `bundle-size`").next(next)
        };
        let malformed = |error: serde_json::Error| finding(locate(text, &error));
        let Version { schema } = serde_json::from_slice(text).map_err(malformed)?;
        if schema != SCHEMA {
            return Err(finding(format!("schema {schema}")).expected(format!("schema {SCHEMA}")));
        }
        let written: Written = serde_json::from_slice(text).map_err(malformed)?;
        let show = |sizes: Sizes| format!("{} bytes raw, {} gzip", sizes.raw, sizes.gzip);
        let mut sum = Sizes::default();
        let mut files: BTreeMap<String, Sizes> = BTreeMap::new();
        for (file, sizes) in written.files {
            sum = sum.plus(sizes);
            if sum.raw.max(sum.gzip) > ABSURD {
                let seen = format!("{file}: {}", show(sizes));
                return Err(finding(seen).expected(format!("at most {ABSURD} bytes in all")));
            }
            let known = files.entry(names::canonical(&file)).or_default();
            *known = known.plus(sizes);
        }
        if sum != written.total {
            let seen = format!("its total is {}, its files add up to {}", show(written.total), show(sum));
            return Err(finding(seen).expected("a total that is the sum of the files"));
        }
        Ok(Self {
            compressor: Compressor { algorithm: written.algorithm, level: written.level, backend: written.backend },
            files,
            subject: written.subject,
            measured_at: written.measured_at,
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

    /// Whether the sizes that are judged can be held against those of now. Raw sizes always can.
    ///
    /// # Errors
    /// Another algorithm, level or release series of the library: it would make other bytes of the same file.
    pub fn comparable(&self, now: &Compressor, judged: Compression) -> Result<(), Finding> {
        let then = &self.compressor;
        let same =
            then.algorithm == now.algorithm && then.level == now.level && series(&then.backend) == series(&now.backend);
        if same || judged == Compression::Raw {
            return Ok(());
        }
        let show = |by: &Compressor| format!("{} level {} by {}", by.algorithm, by.level, by.backend);
        Err(Finding::inconclusive("baseline")
            .actual(format!("sizes compressed with {}", show(then)))
            .expected(format!("{}, as now: others differ by up to 4 % for the same file", show(now)))
            .next(format!("{HOW}; or judge the sizes before compression (`compression: raw`)")))
    }

    /// Whether both hold the same sizes by the same means, whatever they are called and whenever they were measured.
    #[must_use]
    pub fn same_sizes(&self, other: &Self) -> bool {
        self.compressor == other.compressor && self.files == other.files
    }
}

/// The part of `zlib-rs 0.6.8` that says whether two versions make the same bytes: `zlib-rs 0.6`, and `zlib-ng 2` of 2.2.1.
fn series(backend: &str) -> &str {
    let Some((name, version)) = backend.rsplit_once(' ') else { return backend };
    let parts = if version.starts_with("0.") { 2 } else { 1 };
    let length = version.split('.').take(parts).map(|part| part.len() + 1).sum::<usize>();
    &backend[..(name.len() + length).min(backend.len())]
}

/// serde's message, which ends with line and column, and the line itself: a merge conflict is seen at once.
fn locate(text: &[u8], error: &serde_json::Error) -> String {
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).trim().chars().take(80).collect();
    if shown.is_empty() { error.to_string() } else { format!("{error}: `{shown}`") }
}

#[cfg(test)]
mod tests;
