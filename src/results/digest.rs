//! The digest of a release, as the reports of its gates name it.
//!
//! A tag can move, a digest cannot. `health` reports the digest that ran; from there on it belongs to the subject.

use std::collections::BTreeMap;

use super::{ReceivedReport, ReceivedReports};
use crate::{
    finding::{Finding, Verdict},
    report::Run,
    subject::{Digest, Subject},
};

impl ReceivedReports {
    /// The subject with its digest: its own, or the one that passed reports of `commands` name.
    ///
    /// Reports of this release may know the digest or not; two of them, or one and the subject, never name two. Reports of
    /// other releases, of other runs and of dry-runs count for nothing.
    ///
    /// # Errors
    /// Blocked when two digests are named for one tag: it moved, or a gate looked at something else.
    pub fn with_digest(&self, commands: &[String], subject: &Subject, run: Option<&Run>) -> Result<Subject, Finding> {
        let without_digest = Subject { digest: None, ..subject.without_environment() };
        let Some(tag) = &subject.tag else { return Ok(subject.clone()) };
        let is_about = |received: &&ReceivedReport| {
            let report = &received.report;
            let is_same_run = run.is_none_or(|run| {
                report.run.as_ref().is_some_and(|own| (own.id, &own.repository) == (run.id, &run.repository))
            });
            let bare = Subject { digest: None, ..report.subject.without_environment() };
            is_same_run && !report.dry_run && bare.differs_from(&without_digest).is_none()
        };
        let mut named: BTreeMap<&Digest, &str> =
            subject.digest.iter().map(|digest| (digest, "the input `digest`")).collect();
        let mut found = subject.digest.clone();
        for ReceivedReport { report, .. } in self.received.iter().filter(is_about) {
            let Some(digest) = &report.subject.digest else { continue };
            named.entry(digest).or_insert(&report.command);
            if report.verdict == Verdict::Passed && commands.contains(&report.command) {
                found = found.or_else(|| Some(digest.clone()));
            }
        }
        if named.len() > 1 {
            let named = named.iter().map(|(digest, source)| format!("{digest} ({source})")).collect::<Vec<_>>();
            return Err(Finding::blocked("digest")
                .actual(format!("{tag} is {}", named.join(" and ")))
                .expected("one digest: what one gate tested is what the others tested")
                .next(
                    "the tag may have moved during the validation: deploy the release again, and validate it again",
                ));
        }
        Ok(Subject { digest: found, ..subject.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    fn subject(more: &str) -> Subject {
        format!(r#"{{"service":"shop","tag":"1.4.2"{more}}}"#).parse().unwrap()
    }

    fn report(command: &str, subject: Subject) -> Report {
        let run = Run { repository: "acme/shop".to_owned(), id: 7, attempt: 1, url: String::new(), job: String::new() };
        Report { subject, verdict: Verdict::Passed, run: Some(run), ..Report::open(command, String::new()) }
    }

    fn with_digest(reports: Vec<Report>, subject: &Subject) -> Result<Option<String>, Finding> {
        let received = reports
            .into_iter()
            .map(|report| ReceivedReport { source: String::new(), text: String::new(), report })
            .collect();
        let reports = ReceivedReports { received, ..ReceivedReports::default() };
        let run = report("run", Subject::default()).run;
        let commands = ["health".to_owned(), "smoke".to_owned()];
        let found = reports.with_digest(&commands, subject, run.as_ref())?;
        assert_eq!(Subject { digest: None, ..found.clone() }, Subject { digest: None, ..subject.clone() });
        Ok(found.digest.map(|digest| digest.to_string()))
    }

    fn with(letter: char) -> Subject {
        subject(&format!(r#","environment":"staging","digest":"{}""#, digest(letter)))
    }

    #[test]
    fn a_report_may_know_more_but_nothing_else() {
        let plain = subject("");
        let (knows, other, does_not) =
            (report("health", with('a')), report("smoke", with('b')), report("smoke", subject("")));
        assert_eq!(with_digest(vec![does_not.clone()], &plain), Ok(None));
        assert_eq!(with_digest(vec![does_not.clone(), knows.clone()], &plain), Ok(Some(digest('a'))));
        assert_eq!(with_digest(vec![knows.clone(), report("smoke", with('a'))], &plain), Ok(Some(digest('a'))));
        assert_eq!(with_digest(vec![does_not], &with('a')), Ok(Some(digest('a'))));
        for (reports, subject) in
            [(vec![knows.clone(), other], plain.clone()), (vec![knows.clone()], with('b')), (vec![knows], with('c'))]
        {
            let finding = with_digest(reports, &subject).unwrap_err();
            assert!(finding.verdict == Verdict::Blocked && finding.next.is_some(), "{finding}");
            assert!(finding.to_string().contains("1.4.2 is sha256:aaaa"), "{finding}");
        }
    }

    #[test]
    fn only_reports_that_count_name_the_digest() {
        let knows = report("health", with('a'));
        let elsewhere = Run { id: 8, ..knows.run.clone().unwrap() };
        for uncounted in [
            Report { dry_run: true, ..knows.clone() },
            Report { run: Some(elsewhere), ..knows.clone() },
            Report { run: None, ..knows.clone() },
            Report { verdict: Verdict::Blocked, ..knows.clone() },
            Report { command: "bundle-size".to_owned(), ..knows.clone() },
            Report { subject: Subject { tag: "1.4.3".parse().ok(), ..with('a') }, ..knows },
        ] {
            assert_eq!(with_digest(vec![uncounted.clone()], &subject("")), Ok(None), "{uncounted:?}");
        }
        // One that did not pass still shows that the tag moved.
        let blocked = Report { verdict: Verdict::Blocked, ..report("smoke", with('b')) };
        assert!(with_digest(vec![report("health", with('a')), blocked], &subject("")).is_err());
    }
}
