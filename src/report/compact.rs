//! The compact report: so small that twelve of them fit through `toJSON(needs)` in one environment variable.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::Report;
use crate::values::clip;

/// The maximum size of a compact report in bytes, measured inside a JSON string, as `toJSON` carries it. Linux refuses an
/// environment string over 128 KiB, and twelve reports must fit beside the other outputs of their jobs.
pub const LIMIT: usize = 6 * 1024;

/// The maximum size of a command's own outputs in bytes, measured inside a JSON string. A truncated list would be a
/// different list, so the outputs are kept whole or dropped.
pub const OUTPUTS_LIMIT: usize = 2 * 1024;

/// What a report about several services may have more for each of them: [`crate::batch::MAX_SERVICES`] of them still fit into one
/// environment string beside two other reports.
const PER_SERVICE: usize = 1024;
/// The same for its outputs.
const OUTPUTS_PER_SERVICE: usize = 128;

/// The maximum size of the outputs of a report about so many services.
#[must_use]
pub const fn outputs_limit(services: usize) -> usize {
    OUTPUTS_LIMIT + OUTPUTS_PER_SERVICE * services.saturating_sub(1)
}

/// How many services a report is about: those of the reports in it.
fn services(report: &Report) -> usize {
    report.reports.iter().filter_map(|inner| inner.subject.service.as_ref()).collect::<BTreeSet<_>>().len().max(1)
}

/// How much of a report is kept.
struct Limits {
    /// Characters of a text.
    text: usize,
    findings: usize,
    /// Characters of a setting.
    setting: usize,
}

/// From generous to minimal; the last fits any report. A policy that needs a dropped setting fails.
const LIMITS: [Limits; 7] = [
    Limits { text: 400, findings: 40, setting: 300 },
    Limits { text: 200, findings: 20, setting: 200 },
    Limits { text: 160, findings: 10, setting: 100 },
    Limits { text: 100, findings: 6, setting: 60 },
    Limits { text: 60, findings: 3, setting: 40 },
    Limits { text: 40, findings: 1, setting: 0 },
    Limits { text: 12, findings: 0, setting: 0 },
];

/// A compact report as JSON, and its sha256 (hex), which the notice annotation carries.
pub struct Compact {
    pub text: String,
    pub sha256: String,
}

/// Cuts `report` to [`LIMIT`], or, if the reports in it are about several services, to some more. `full_sha256` is the hash of the report file.
#[must_use]
pub fn compact(report: &Report, full_sha256: &str) -> Compact {
    let limit = LIMIT + PER_SERVICE * (services(report) - 1);
    let text = LIMITS
        .iter()
        .map(|limits| encode(&cut(report, Some(full_sha256), limits)))
        .find(|text| size_in_json(text) <= limit)
        .unwrap_or_else(|| encode(&bare(report, full_sha256)));
    let sha256 = hex_sha256(text.as_bytes());
    Compact { text, sha256 }
}

fn cut(report: &Report, full_sha256: Option<&str>, limits: &Limits) -> Report {
    let mut small = report.clone();
    let share = Limits { findings: limits.findings.div_ceil(report.reports.len().max(1)), ..*limits };
    small.reason = clip(&small.reason, limits.text);
    small.findings_left_out = report.findings.len().saturating_sub(limits.findings);
    small.findings.truncate(limits.findings);
    for finding in &mut small.findings {
        for text in [&mut finding.check, &mut finding.expected, &mut finding.actual]
            .into_iter()
            .chain(&mut finding.waived)
            .chain(&mut finding.next)
        {
            *text = clip(text, limits.text);
        }
        if let Some(figures) = finding.figures.as_deref_mut() {
            figures.now = clip(&figures.now, limits.text);
            for text in [&mut figures.limit, &mut figures.baseline, &mut figures.cause].into_iter().flatten() {
                *text = clip(text, limits.text);
            }
        }
        finding.evidence.truncate(1);
        for evidence in &mut finding.evidence {
            evidence.source = clip(&evidence.source, limits.text);
        }
    }
    small.effects.truncate(limits.findings);
    for effect in &mut small.effects {
        effect.target = clip(&effect.target, limits.text);
        effect.detail = clip(&effect.detail, limits.text);
    }
    small.settings.retain(|_, value| value.to_string().len() <= limits.setting);
    if size_in_json(&serde_json::json!(small.outputs).to_string()) > outputs_limit(services(report)) {
        small.outputs.clear();
    }
    small.origins.clear();
    small.units.clear();
    small.title = None;
    small.tables.clear();
    small.trend = None;
    small.reports = report
        .reports
        .iter()
        .map(|inner| Report { run: None, config: None, no_config: None, ..cut(inner, None, &share) })
        .collect();
    small.full_sha256 = full_sha256.map(ToOwned::to_owned);
    small
}

/// For a report that exceeds the smallest limits: a `run` of dozens of gates. The reports of its gates are dropped, so later
/// steps cannot count them.
fn bare(report: &Report, full_sha256: &str) -> Report {
    let mut small = cut(report, Some(full_sha256), &LIMITS[LIMITS.len() - 1]);
    small.findings_left_out += small.reports.len();
    small.reports.clear();
    small.config = None;
    small.no_config = None;
    small.run = None;
    small
}

fn encode(report: &Report) -> String {
    // A report holds only strings, numbers and lists of them: it cannot fail to serialize.
    serde_json::to_string(report).unwrap_or_default()
}

/// The size of a text inside a JSON string, in bytes.
pub fn size_in_json(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len()
}

/// sha256 as lower-case hex.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        finding::{Figures, Finding, Verdict},
        report::{ConfigFile, Outcome, Run, Table},
    };

    fn maximal(hostile: &str) -> Report {
        let long = hostile.repeat(500);
        let mut report = Report::open("performance", "2026-01-01T00:00:00Z".to_owned());
        report.subject = format!(
            r#"{{"service":"{}","environment":"{}","image":"{}","tag":"{}","digest":"sha512:{}","commit":"{}"}}"#,
            "a".repeat(63),
            "e".repeat(63),
            "i".repeat(255),
            "t".repeat(128),
            "0".repeat(128),
            "c".repeat(64)
        )
        .parse()
        .unwrap();
        report.run = Some(Run {
            repository: "r".repeat(140),
            id: u64::MAX,
            attempt: u32::MAX,
            url: "u".repeat(300),
            job: "j".repeat(100),
        });
        report.config =
            Some(ConfigFile { path: "p".repeat(200), sha256: "0".repeat(64), commit: Some("c".repeat(40)) });
        for key in 0..60 {
            report.settings.insert(format!("setting-number-{key}"), long[..long.len().min(400)].into());
        }
        let finding = || {
            Finding::blocked(&long)
                .expected(&long)
                .actual(&long)
                .waived(&long)
                .next(&long)
                .seen_at(&long, "now")
                .figures(Figures::now(&long).limit(&long).baseline(&long).cause(&long))
        };
        report.tables.push(Table::list(&long, [[long.as_str()]]));
        let outcome = Outcome { outputs: [("people", "p".repeat(2000))].into(), ..vec![finding(); 60].into() };
        report.close(Ok(outcome), "2026-01-01T00:00:00Z".to_owned());
        report
    }

    #[test]
    fn a_maximal_report_of_any_text_fits_and_can_be_read_back() {
        for hostile in ["x", "\"", "\\", "\n", "\u{1}", "🦀", "::error::x"] {
            let report = maximal(hostile);
            let compact = compact(&report, &"f".repeat(64));
            assert!(size_in_json(&compact.text) <= LIMIT, "{hostile:?}: {}", size_in_json(&compact.text));
            let back: Report = serde_json::from_str(&compact.text).unwrap();
            assert_eq!(back.verdict, Verdict::Blocked);
            assert_eq!((back.subject, back.outputs), (report.subject, report.outputs));
            assert!(back.findings_left_out > 0);
            assert_eq!(compact.sha256, hex_sha256(compact.text.as_bytes()));
        }
    }

    #[test]
    fn outputs_are_kept_whole_or_dropped() {
        for (length, kept) in [(2000, true), (2100, false)] {
            let mut report = Report::open("evidence", String::new());
            let outputs = [("excluded", "x".repeat(length)), ("evidence", "0".to_owned())].into();
            report.close(Ok(Outcome { outputs, ..Outcome::default() }), String::new());
            let back: Report = serde_json::from_str(&compact(&report, "0").text).unwrap();
            assert_eq!(back.outputs.len(), if kept { 2 } else { 0 });
        }
    }

    #[test]
    fn the_gates_of_a_run_are_kept_unless_they_are_too_many() {
        // `run` has no other outputs.
        let mut run = Report { outputs: BTreeMap::new(), ..maximal("x") };
        run.reports = vec![Report { outputs: BTreeMap::new(), ..maximal("y") }; 3];
        let back: Report = serde_json::from_str(&compact(&run, "0").text).unwrap();
        assert_eq!(back.reports.len(), 3);
        run.reports = vec![maximal("y"); 60];
        let bare = compact(&run, "0");
        assert!(size_in_json(&bare.text) <= LIMIT);
        assert!(serde_json::from_str::<Report>(&bare.text).unwrap().reports.is_empty());
    }

    #[test]
    fn a_small_report_keeps_everything_that_a_policy_reads() {
        let mut report = Report::open("performance", String::new());
        report.settings.insert("max-ratio".to_owned(), serde_json::json!(1.2));
        report.close(Ok(Outcome::from(vec![Finding::passed("p99").actual("119")])), String::new());
        let back: Report = serde_json::from_str(&compact(&report, "0").text).unwrap();
        assert_eq!(back.settings["max-ratio"], serde_json::json!(1.2));
        assert_eq!(back.findings, report.findings);
        assert_eq!(back.reason, "p99: 119");
    }
}
