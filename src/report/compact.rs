//! The compact report: small enough that twelve of them travel through `toJSON(needs)` as one environment string.

use sha2::{Digest as _, Sha256};

use super::Report;
use crate::values::clip;

/// The most bytes of a compact report, counted as it stands inside a JSON string (the way `toJSON` carries it): exec
/// refuses an environment string over 128 KiB, and twelve of these have to fit beside their job's other outputs.
pub const LIMIT: usize = 6 * 1024;

/// The most bytes of a command's own outputs that travel, as they stand inside a JSON string. A list that was cut would be
/// another list: it is kept whole, or not at all, and whoever needs it sees nothing.
pub const OUTPUTS_LIMIT: usize = 2 * 1024;

/// How much of a report is kept (a gate inside `run` leaves workflow run and config to the report around it): characters of a text, findings, characters of a setting.
struct Room {
    text: usize,
    findings: usize,
    setting: usize,
}

/// From roomy to bare. The last fits whatever the report holds; a dropped setting fails a policy that asks for it.
const ROOMS: [Room; 7] = [
    Room { text: 400, findings: 40, setting: 300 },
    Room { text: 200, findings: 20, setting: 200 },
    Room { text: 160, findings: 10, setting: 100 },
    Room { text: 100, findings: 6, setting: 60 },
    Room { text: 60, findings: 3, setting: 40 },
    Room { text: 40, findings: 1, setting: 0 },
    Room { text: 12, findings: 0, setting: 0 },
];

/// The compact text of a report and its sha256 (hex), which the notice carries.
pub struct Compact {
    pub text: String,
    pub sha256: String,
}

/// Cuts `report` down to [`LIMIT`]. `full_sha256` is the hash of the whole report as written to its file.
#[must_use]
pub fn compact(report: &Report, full_sha256: &str) -> Compact {
    let text = ROOMS
        .iter()
        .map(|room| encode(&cut(report, Some(full_sha256), room)))
        .find(|text| size_in_json(text) <= LIMIT)
        .unwrap_or_else(|| encode(&bare(report, full_sha256)));
    let sha256 = hex_sha256(text.as_bytes());
    Compact { text, sha256 }
}

fn cut(report: &Report, full_sha256: Option<&str>, room: &Room) -> Report {
    let mut small = report.clone();
    let share = Room { findings: room.findings.div_ceil(report.reports.len().max(1)), ..*room };
    small.reason = clip(&small.reason, room.text);
    small.findings_left_out = report.findings.len().saturating_sub(room.findings);
    small.findings.truncate(room.findings);
    for finding in &mut small.findings {
        for text in [&mut finding.check, &mut finding.expected, &mut finding.actual]
            .into_iter()
            .chain(&mut finding.waived)
            .chain(&mut finding.next)
        {
            *text = clip(text, room.text);
        }
        finding.evidence.truncate(1);
        for evidence in &mut finding.evidence {
            evidence.source = clip(&evidence.source, room.text);
        }
    }
    small.effects.truncate(room.findings);
    for effect in &mut small.effects {
        effect.target = clip(&effect.target, room.text);
        effect.detail = clip(&effect.detail, room.text);
    }
    small.settings.retain(|_, value| value.to_string().len() <= room.setting);
    if size_in_json(&serde_json::json!(small.outputs).to_string()) > OUTPUTS_LIMIT {
        small.outputs.clear();
    }
    small.origins.clear();
    small.tables.clear();
    small.reports =
        report.reports.iter().map(|inner| Report { run: None, config: None, ..cut(inner, None, &share) }).collect();
    small.full_sha256 = full_sha256.map(ToOwned::to_owned);
    small
}

/// What is left when even the smallest room was too large: a `run` over dozens of gates. Its reports do not travel, so
/// nothing downstream can count them.
fn bare(report: &Report, full_sha256: &str) -> Report {
    let mut small = cut(report, Some(full_sha256), &ROOMS[ROOMS.len() - 1]);
    small.findings_left_out += small.reports.len();
    small.reports.clear();
    small.config = None;
    small.run = None;
    small
}

fn encode(report: &Report) -> String {
    // A report holds only strings, numbers and lists of them: it cannot fail to serialize.
    serde_json::to_string(report).unwrap_or_default()
}

/// The bytes of a text as it stands inside a JSON string.
pub fn size_in_json(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len()
}

/// sha256 of some bytes, as lower-case hex.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        finding::{Finding, Verdict},
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
        let finding =
            || Finding::blocked(&long).expected(&long).actual(&long).waived(&long).next(&long).seen_at(&long, "now");
        report.tables.push(Table { title: long.clone(), open: true, columns: vec![], rows: vec![vec![long.clone()]] });
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
    fn outputs_travel_whole_or_not_at_all() {
        for (length, kept) in [(2000, true), (2100, false)] {
            let mut report = Report::open("evidence", String::new());
            let outputs = [("excluded", "x".repeat(length)), ("evidence", "0".to_owned())].into();
            report.close(Ok(Outcome { outputs, ..Outcome::default() }), String::new());
            let back: Report = serde_json::from_str(&compact(&report, "0").text).unwrap();
            assert_eq!(back.outputs.len(), if kept { 2 } else { 0 });
        }
    }

    #[test]
    fn the_gates_of_a_run_travel_in_it_and_too_many_leave_it_bare() {
        // `run` has no outputs of its own.
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
    fn a_small_report_keeps_everything_a_policy_asks_for() {
        let mut report = Report::open("performance", String::new());
        report.settings.insert("max-ratio".to_owned(), serde_json::json!(1.2));
        report.close(Ok(Outcome::from(vec![Finding::passed("p99").actual("119")])), String::new());
        let back: Report = serde_json::from_str(&compact(&report, "0").text).unwrap();
        assert_eq!(back.settings["max-ratio"], serde_json::json!(1.2));
        assert_eq!(back.findings, report.findings);
        assert_eq!(back.reason, "p99: 119");
    }
}
