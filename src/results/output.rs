//! A value among the outputs of the reports that count.

use std::str::FromStr;

use super::{ReceivedReports, assess, batch::EVIDENCE};
use crate::{
    finding::{Finding, Verdict},
    report::Run,
    subject::Subject,
    values::clip,
};

/// How much of a value a message quotes, in characters.
const CLIP: usize = 100;

/// An output of a command, and what its value is.
#[derive(Clone, Copy, Debug)]
pub struct WantedOutput<'a> {
    pub command: &'a str,
    pub name: &'a str,
    pub expected: &'a str,
}

/// What identifies the evidence.
pub const EVIDENCE_ID: WantedOutput<'_> =
    WantedOutput { command: EVIDENCE, name: "evidence", expected: "the evidence id: 64 lower-case hex digits" };
/// When the first of the gates in the evidence ended.
pub const VALIDATED_AT: WantedOutput<'_> =
    WantedOutput { command: EVIDENCE, name: "validated-at", expected: "when it was validated, in RFC 3339" };

impl ReceivedReports {
    /// The value of an output, parsed. `None` if no report of the command that passed in this run is about `subject`: what a report
    /// that counts does not say, or says unclearly, is no such absence.
    ///
    /// # Errors
    /// Such a report does not have the output, two of them differ, or the value cannot be read.
    pub fn parsed_output<T: FromStr>(
        &self,
        wanted: WantedOutput<'_>,
        subject: &Subject,
        run: Option<&Run>,
    ) -> Result<Option<T>, Finding> {
        let WantedOutput { command, name, expected } = wanted;
        let mut of_command = self.received.iter().filter(|received| received.report.command == command);
        if !of_command.any(|received| assess(command, received, subject, run).verdict == Verdict::Passed) {
            return Ok(None);
        }
        let finding = |actual: String| {
            let next = "use the same version of promote-gates in all jobs, and start it again";
            Finding::inconclusive(command).actual(actual).expected(expected).next(next)
        };
        match self.output(command, name, subject, run) {
            None => Err(finding(format!("its report has no output `{name}`, or two reports of it disagree"))),
            Some(text) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(finding(format!("its output `{name}` is \"{}\"", clip(text, CLIP)))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    #[test]
    fn an_output_that_cannot_be_read_is_not_an_absent_one() {
        let report = |verdict: Verdict, at: Option<&str>| {
            let mut report = Report::open("evidence", String::new());
            report.close(Ok(vec![Finding::new("check", verdict).actual("as seen")].into()), String::new());
            report.outputs.extend(at.map(|at| ("validated-at".to_owned(), at.to_owned())));
            report
        };
        let passed = |at| report(Verdict::Passed, at);
        let read = |reports: &[Report]| {
            let mut received = ReceivedReports::default();
            for report in reports {
                received.add("here", &serde_json::to_string(report).unwrap());
            }
            received.parsed_output::<jiff::Timestamp>(VALIDATED_AT, &Subject::default(), None)
        };
        let at = "2026-01-01T10:00:00Z";
        assert_eq!(read(&[passed(Some(at))]), Ok(at.parse().ok()));
        for reports in [vec![], vec![report(Verdict::Blocked, Some("soon"))]] {
            assert_eq!(read(&reports), Ok(None));
        }
        for (reports, words) in [
            (vec![passed(Some("soon"))], "`validated-at` is \"soon\""),
            (vec![passed(None)], "no output `validated-at`"),
            (vec![passed(Some(at)), passed(Some("2026-01-01T10:00:01Z"))], "disagree"),
        ] {
            let finding = read(&reports).unwrap_err();
            assert_eq!((finding.verdict, finding.check.as_str()), (Verdict::Inconclusive, "evidence"));
            assert!(finding.actual.contains(words), "{finding}");
        }
    }
}
