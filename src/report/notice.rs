//! The notice in which a command announces its report. GitHub keeps it as an annotation of the job's check run, and `evidence`
//! reads it there.

use std::fmt;

use crate::subject::Subject;

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
