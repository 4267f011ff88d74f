//! The notices in which a command announces its report. GitHub keeps them as annotations of the job's check run, and other jobs
//! and runs read them there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Report;
use crate::subject::{Environment, Service, Subject};

/// The title of its annotation.
pub const TITLE: &str = "promote-gates";

/// `command=health verdict=passed sha256=… subject={"service":"checkout-service",…}`, with `dry-run=true` before the subject
/// in a dry-run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportNotice {
    pub command: String,
    pub verdict: String,
    /// Of the compact report, in hex.
    pub sha256: String,
    pub dry_run: bool,
    /// `None` in a notice of version 0.3 or earlier.
    pub subject: Option<Subject>,
}

impl ReportNotice {
    /// Reads a message. `None` if no version writes such a notice.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        let mut parts = message.splitn(4, ' ');
        let mut value_of = |key: &str| parts.next()?.strip_prefix(key)?.strip_prefix('=').map(ToOwned::to_owned);
        let (command, verdict, sha256) = (value_of("command")?, value_of("verdict")?, value_of("sha256")?);
        let Some(rest) = parts.next() else {
            return Some(Self { command, verdict, sha256, dry_run: false, subject: None });
        };
        let (dry_run, rest) = rest.strip_prefix("dry-run=true ").map_or((false, rest), |rest| (true, rest));
        let subject = Some(rest.strip_prefix("subject=")?.parse().ok()?);
        Some(Self { command, verdict, sha256, dry_run, subject })
    }
}

impl fmt::Display for ReportNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, verdict, sha256, dry_run, subject } = self;
        write!(f, "command={command} verdict={verdict} sha256={sha256}")?;
        if *dry_run {
            f.write_str(" dry-run=true")?;
        }
        match subject {
            Some(subject) => write!(f, " subject={}", serde_json::json!(subject)),
            None => Ok(()),
        }
    }
}

/// The title of the annotation that lists the services of a [`ReadyNotice`].
pub const READY: &str = "promote-gates: ready";

/// Which of several services `evidence` found ready: `{"environment":"production","services":["cart","search"]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyNotice {
    pub environment: Environment,
    pub services: Vec<Service>,
}

impl ReadyNotice {
    /// The notice of a report about several services; `None` for other reports, and where none is ready.
    #[must_use]
    pub fn of(report: &Report) -> Option<Self> {
        if report.command != "evidence" || report.dry_run || report.reports.is_empty() {
            return None;
        }
        let services: Vec<Service> = serde_json::from_str(report.outputs.get("services")?).ok()?;
        (!services.is_empty()).then_some(Self { environment: report.subject.environment.clone()?, services })
    }

    /// Reads a message. `None` if no version writes such a notice.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        serde_json::from_str(message).ok()
    }
}

impl fmt::Display for ReadyNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, services } = self;
        write!(f, "{}", serde_json::json!({ "environment": environment, "services": services }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_is_written() {
        for subject in ["{}", r#"{"service":"checkout-service","environment":"staging","tag":"1.4.2"}"#] {
            let notice = ReportNotice {
                command: "health".to_owned(),
                verdict: "passed".to_owned(),
                sha256: "a".repeat(64),
                dry_run: false,
                subject: subject.parse().ok(),
            };
            assert_eq!(
                notice.to_string(),
                format!("command=health verdict=passed sha256={} subject={subject}", "a".repeat(64))
            );
            assert_eq!(ReportNotice::parse(&notice.to_string()), Some(notice.clone()));
            let dry = ReportNotice { dry_run: true, ..notice };
            assert!(dry.to_string().contains(" dry-run=true subject={"), "{dry}");
            assert_eq!(ReportNotice::parse(&dry.to_string()), Some(dry));
        }
        let older = ReportNotice::parse("command=health verdict=passed sha256=a").unwrap();
        assert_eq!((&*older.command, &*older.sha256, &older.subject), ("health", "a", &None));
    }

    #[test]
    fn a_report_about_several_services_announces_those_that_are_ready() {
        let mut report = Report::open("evidence", String::new());
        report.subject = r#"{"environment":"production"}"#.parse().unwrap();
        report.outputs.insert("services".to_owned(), r#"["cart","search"]"#.to_owned());
        assert_eq!(ReadyNotice::of(&report), None, "about one service");
        report.reports.push(Report::open("evidence", String::new()));
        let notice = ReadyNotice::of(&report).unwrap();
        assert_eq!(notice.to_string(), r#"{"environment":"production","services":["cart","search"]}"#);
        assert_eq!(ReadyNotice::parse(&notice.to_string()), Some(notice));
        let dry = Report { dry_run: true, ..report.clone() };
        assert_eq!(ReadyNotice::of(&dry), None);
        report.outputs.insert("services".to_owned(), "[]".to_owned());
        assert_eq!(ReadyNotice::of(&report), None, "none is ready");
    }

    #[test]
    fn a_message_of_another_form_is_no_notice() {
        for message in [
            "",
            "command=health verdict=passed",
            "x command=health verdict=passed sha256=a",
            "command=health verdict=passed sha256=a x=y",
            "command=health verdict=passed sha256=a subject=",
            "command=health verdict=passed sha256=a dry-run=true",
            "command=health verdict=passed sha256=a dry-run=false subject={}",
            "command=health verdict=passed sha256=a subject={\"service\":\"***\"}",
            "command=health verdict=passed sha256=a subject={\"sevice\":\"a\"}",
            "command=health verdict=passed sha256=a subject={} x",
        ] {
            assert_eq!(ReportNotice::parse(message), None, "{message}");
        }
    }
}
