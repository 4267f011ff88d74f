//! The report of `evidence` about several services, of which those that are ready are promoted together.

use super::{ReceivedReport, ReceivedReports, uncounted};
use crate::{
    finding::{Finding, Verdict},
    report::{Report, Run},
    subject::{Service, Subject},
};

/// The command whose report it is.
pub const EVIDENCE: &str = "evidence";

/// What `evidence` found of several services.
#[derive(Debug)]
pub struct BatchEvidence<'a> {
    /// The report about all of them. It need not have passed: a service that was left out is blocked in it.
    pub report: &'a Report,
    /// The passed reports about the services that are ready, each with its own subject. There is at least one.
    pub ready: Vec<Report>,
}

impl BatchEvidence<'_> {
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.ready.iter().filter_map(|report| report.subject.service.as_ref())
    }
}

impl ReceivedReports {
    /// The report of `evidence` about several services in this run; `None` if there is none. `subject`: what the services have in
    /// common.
    ///
    /// # Errors
    /// It is incomplete, of a dry-run, of another run or subject; there are two; or no service is ready.
    pub fn batch(&self, subject: &Subject, run: Option<&Run>) -> Option<Result<BatchEvidence<'_>, Finding>> {
        let is_batch = |received: &&ReceivedReport| received.report.command == EVIDENCE && received.report.is_batch();
        let mut batches = self.received.iter().filter(is_batch);
        let first = batches.next()?;
        if let Some(other) = batches.find(|other| other.text != first.text) {
            let finding = Finding::inconclusive(EVIDENCE)
                .actual(format!("two reports about several services: {}, {}", first.source, other.source))
                .expected("one")
                .next("give the results of one job with `evidence`");
            return Some(Err(finding));
        }
        Some(uncounted(EVIDENCE, first, subject, run).map_or_else(|| read(&first.report), Err))
    }
}

fn read(report: &Report) -> Result<BatchEvidence<'_>, Finding> {
    let finding = || Finding::inconclusive(EVIDENCE).expected("the services that are ready, and their reports");
    let listed = report.outputs.get("services").and_then(|list| serde_json::from_str::<Vec<Service>>(list).ok());
    let Some(listed) = listed else {
        let next = "see why `evidence` did not come to its end, and start this run again";
        return Err(finding().actual("its report does not list the services").next(next));
    };
    let is_ready = |inner: &&Report| {
        let service = inner.subject.service.as_ref();
        inner.verdict == Verdict::Passed && !inner.dry_run && service.is_some_and(|service| listed.contains(service))
    };
    let ready: Vec<Report> = report
        .reports
        .iter()
        .filter(is_ready)
        .map(|inner| Report { run: report.run.clone(), ..inner.clone() })
        .collect();
    if listed.is_empty() {
        return Err(Finding::blocked(EVIDENCE)
            .actual("no service is ready")
            .expected("a service to promote")
            .next("see the report of `evidence`"));
    }
    if ready.len() != listed.len() {
        let actual = format!("{} services are listed, and {} passed reports are there", listed.len(), ready.len());
        return Err(finding().actual(actual).next("use the same version of promote-gates in all jobs"));
    }
    Ok(BatchEvidence { report, ready })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Outcome, compact::compact};

    fn run(id: u64) -> Run {
        Run {
            repository: "acme/infra".to_owned(),
            id,
            attempt: 1,
            url: "https://github.com/acme/infra/actions/runs/7".to_owned(),
            job: "evidence".to_owned(),
        }
    }

    fn common() -> Subject {
        format!(r#"{{"environment":"production","commit":"{}"}}"#, "c".repeat(40)).parse().unwrap()
    }

    fn inner(index: usize, verdict: Verdict) -> Report {
        let mut report = Report::open(EVIDENCE, "2026-01-01T00:00:00Z".to_owned());
        let text = format!(
            r#"{{"service":"service-{index:02}","image":"ghcr.io/acme/service-{index:02}","tag":"{0}","digest":"sha256:{0}000000000000000000000000","environment":"production","commit":"{0}"}}"#,
            "c".repeat(40)
        );
        report.subject = text.parse().unwrap();
        let finding = |at: usize| Finding::new(format!("check {at}"), verdict).actual("long words ".repeat(20));
        let outputs = [
            ("evidence", "e".repeat(64)),
            ("validated-at", "2026-01-01T00:00:00Z".to_owned()),
            ("validation-run", "https://github.com/acme/shop/actions/runs/7/attempts/1".to_owned()),
            ("repository-id", "123456789".to_owned()),
        ];
        let outcome = Outcome { outputs: outputs.into(), ..(0..18).map(finding).collect::<Vec<_>>().into() };
        report.close(Ok(outcome), "2026-01-01T00:00:09Z".to_owned());
        report
    }

    fn whole(reports: Vec<Report>, listed: &[&str]) -> Report {
        let mut report = Report::open(EVIDENCE, String::new());
        (report.subject, report.run) = (common(), Some(run(7)));
        let findings =
            reports.iter().map(|inner| Finding::new("service", inner.verdict).actual("as seen")).collect::<Vec<_>>();
        let outputs = [("services", serde_json::json!(listed).to_string())].into();
        report.close(Ok(Outcome { outputs, reports, ..findings.into() }), String::new());
        report
    }

    fn received(reports: &[Report]) -> ReceivedReports {
        let mut received = ReceivedReports::default();
        for report in reports {
            received.add("a job", &compact(report, "").text);
        }
        assert_eq!(received.unreadable, []);
        received
    }

    #[test]
    fn fifty_services_travel_in_one_output() {
        let names: Vec<String> = (0..50).map(|index| format!("service-{index:02}")).collect();
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        let report = whole((0..50).map(|index| inner(index, Verdict::Passed)).collect(), &listed);
        let text = compact(&report, "").text;
        let size = crate::report::compact::size_in_json(&text);
        assert!(size < 60 * 1024, "{size}");
        let received = received(&[report]);
        let batch = received.batch(&common(), Some(&run(7))).unwrap().unwrap();
        assert_eq!(batch.services().map(Service::as_str).collect::<Vec<_>>(), listed);
        assert!(batch.ready.iter().all(|report| report.outputs.len() == 4 && report.run == Some(run(7))));
    }

    #[test]
    fn a_service_that_was_left_out_keeps_none_back() {
        let report = whole(vec![inner(0, Verdict::Passed), inner(1, Verdict::Blocked)], &["service-00"]);
        assert_eq!(report.verdict, Verdict::Blocked);
        let received = received(&[report]);
        let batch = received.batch(&common(), Some(&run(7))).unwrap().unwrap();
        assert_eq!(batch.services().map(Service::as_str).collect::<Vec<_>>(), ["service-00"]);
    }

    #[test]
    fn an_incomplete_report_counts_for_nothing() {
        let good = || whole(vec![inner(0, Verdict::Passed)], &["service-00"]);
        let unlisted = Report { outputs: [].into(), ..good() };
        let elsewhere = Report { subject: r#"{"environment":"staging"}"#.parse().unwrap(), ..good() };
        let other = whole(vec![inner(0, Verdict::Passed), inner(1, Verdict::Passed)], &["service-00", "service-01"]);
        for (reports, part) in [
            (vec![unlisted], "does not list the services"),
            (vec![whole(vec![inner(0, Verdict::Blocked)], &["service-00"])], "1 services are listed, and 0"),
            (
                vec![whole(vec![inner(0, Verdict::Passed)], &["service-00", "service-01"])],
                "2 services are listed, and 1",
            ),
            (vec![whole(vec![inner(0, Verdict::Passed)], &[])], "no service is ready"),
            (vec![Report { dry_run: true, ..good() }], "dry-run"),
            (vec![Report { run: Some(run(8)), ..good() }], "another workflow run"),
            (vec![Report { run: None, ..good() }], "another workflow run"),
            (vec![elsewhere], "environment staging, not production"),
            (vec![good(), other], "two reports"),
        ] {
            let finding = received(&reports).batch(&common(), Some(&run(7))).unwrap().unwrap_err().to_string();
            assert!(finding.contains(part), "{part}: {finding}");
        }
        // The same report twice is one; a report about one service is none.
        assert!(received(&[good(), good()]).batch(&common(), Some(&run(7))).unwrap().is_ok());
        assert!(received(&[inner(0, Verdict::Passed)]).batch(&common(), Some(&run(7))).is_none());
    }
}
