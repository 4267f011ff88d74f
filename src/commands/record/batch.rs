//! The validation of several services: which of them passed, and the payloads that hold those. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::payload::{DispatchPayload, NO_ROOM, ValidatedRelease, check_with_proof};
use crate::{
    batch::{ENTRIES, MAX_SERVICES, SCHEMA, pack, sum},
    finding::{Finding, Verdict, verdict},
    proof::ProofMode,
    results::{ReceivedReport, ReceivedReports},
    subject::{Service, Subject},
};

/// A service of the run, and what its gates say.
pub struct JudgedService {
    /// With the digest that the gates saw.
    pub subject: Subject,
    /// The reports about it.
    pub reports: ReceivedReports,
    /// One for each required gate.
    pub findings: Vec<Finding>,
}

impl JudgedService {
    /// All findings in one, which has the name of the service.
    pub fn finding(&self, service: &Service, required: &[String]) -> Finding {
        let worst = verdict(&self.findings);
        let expected = format!("passed reports of {}", required.join(", "));
        let Some(first) = self.findings.iter().find(|finding| finding.verdict == worst) else {
            return Finding::inconclusive(service.as_str()).actual("no gate is required").expected(expected);
        };
        if worst != Verdict::Passed {
            let finding = Finding::new(service.as_str(), worst).actual(format!("{}: {}", first.check, first.actual));
            let next = first.next.clone();
            return finding
                .expected(expected)
                .next(next.unwrap_or_else(|| "see the report of this gate, and validate again".to_owned()));
        }
        let finding = Finding::passed(service.as_str()).expected(expected).actual(format!(
            "{}: {} passed",
            self.subject,
            required.join(", ")
        ));
        match self.findings.iter().find_map(|finding| finding.waived.clone()) {
            Some(waived) => finding.waived(waived),
            None => finding,
        }
    }

    pub fn has_passed(&self) -> bool {
        verdict(&self.findings) == Verdict::Passed
    }
}

/// The reports by the service that they are about, and a finding for each one that is of no service.
pub fn by_service(reports: &ReceivedReports) -> (BTreeMap<Service, ReceivedReports>, Vec<Finding>) {
    let mut services: BTreeMap<Service, ReceivedReports> = BTreeMap::new();
    let mut nameless = Vec::new();
    for received in &reports.received {
        match &received.report.subject.service {
            Some(service) => services.entry(service.clone()).or_default().received.push(received.clone()),
            None => nameless.push(
                Finding::inconclusive(&received.source)
                    .actual(format!("a report of {} about no service", received.report.command))
                    .expected("a report about one of `subjects`")
                    .next("give each gate the `subject` of its service"),
            ),
        }
    }
    (services, nameless)
}

/// A service whose gates passed.
pub struct BatchRelease<'a> {
    pub release: ValidatedRelease<'a>,
    pub received: &'a [ReceivedReport],
}

/// The payloads of a batch, and what is not in them.
#[derive(Default)]
pub struct BatchPayloads {
    pub payloads: Vec<(Vec<Service>, DispatchPayload)>,
    /// For each service whose reports exceed GitHub's limits alone.
    pub too_large: Vec<Finding>,
    /// The reports that are not in the payloads, each with the reason.
    pub omitted: Vec<String>,
}

/// The services in as few payloads as possible, in the order of their names: the same services make the same payloads.
pub fn compose(
    releases: &[BatchRelease<'_>],
    event_type: &str,
    required: &[String],
    proof: ProofMode,
) -> BatchPayloads {
    let mut composed = BatchPayloads::default();
    let Some(BatchRelease { release: first, .. }) = releases.first() else { return composed };
    let fits = |entries: &BTreeMap<Service, Value>| {
        check_with_proof(to_json(first, entries, (usize::MAX, usize::MAX)), event_type, proof)
    };
    let mut parts: Vec<BTreeMap<Service, Value>> = Vec::new();
    let (mut included, mut received_reports) = (BTreeMap::new(), BTreeMap::new());
    for BatchRelease { release, received } in releases {
        let service = release.service;
        let (needed, others, omitted) = release.texts(received, required);
        let all: Vec<&str> = needed.iter().copied().chain(others.iter().map(|(text, _)| *text)).collect();
        received_reports.insert(service.clone(), all.len() + omitted.len());
        composed.omitted.extend(omitted);
        let alone = |texts: &[&str]| BTreeMap::from([(service.clone(), entry(release, texts))]);
        let (texts, fit) = if fits(&alone(&all)).is_ok() {
            (all, Ok(()))
        } else {
            let reason = |(_, source): &(&str, &str)| format!("{source}, {NO_ROOM}");
            composed.omitted.extend(others.iter().map(reason));
            let fit = fits(&alone(&needed));
            (needed, fit)
        };
        if let Err(finding) = fit {
            composed.too_large.push(
                Finding { check: service.to_string(), ..finding }
                    .next("not sent: fewer legs in the matrix of its gates, or several gates in one `run`"),
            );
            continue;
        }
        included.insert(service.clone(), texts.len());
        let entry = entry(release, &texts);
        match parts.last_mut() {
            Some(last) if last.len() < MAX_SERVICES && fits(&with(last, service, &entry)).is_ok() => {
                last.insert(service.clone(), entry);
            }
            _ => parts.push(BTreeMap::from([(service.clone(), entry)])),
        }
    }
    let count = |numbers: &BTreeMap<Service, usize>, part: &BTreeMap<Service, Value>| {
        part.keys().filter_map(|service| numbers.get(service)).sum()
    };
    let payloads = parts.iter().enumerate().map(|(index, part)| {
        let json = to_json(first, part, (index + 1, parts.len()));
        let (included, received) = (count(&included, part), count(&received_reports, part));
        (part.keys().cloned().collect(), DispatchPayload { json, included, received, omitted: Vec::new() })
    });
    composed.payloads = payloads.collect();
    composed
}

fn with(part: &BTreeMap<Service, Value>, service: &Service, entry: &Value) -> BTreeMap<Service, Value> {
    let mut part = part.clone();
    part.insert(service.clone(), entry.clone());
    part
}

fn entry(release: &ValidatedRelease<'_>, texts: &[&str]) -> Value {
    json!({ "subject": release.subject, "reports": texts })
}

/// The payload of one part: `(2, 3)` is the second of three.
fn to_json(first: &ValidatedRelease<'_>, entries: &BTreeMap<Service, Value>, (number, of): (usize, usize)) -> Value {
    let mut evidence = first.head(SCHEMA);
    if of > 1 {
        evidence.insert("part".to_owned(), json!({ "number": number, "of": of }));
    }
    let sums: Map<String, Value> = entries.iter().map(|(name, entry)| (name.to_string(), json!(sum(entry)))).collect();
    evidence.insert("services".to_owned(), sums.into());
    json!({ "validated_at": first.validated_at, "evidence": evidence, ENTRIES: pack(entries) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{audience, unpack},
        report::{Outcome, Report, Run, compact::compact},
    };

    fn run() -> Run {
        let url = "https://github.com/acme/shop/actions/runs/7".to_owned();
        Run { repository: "acme/shop".to_owned(), id: 7, attempt: 1, url, job: "validate".to_owned() }
    }

    fn subject(service: &str) -> Subject {
        let commit = "c".repeat(40);
        let text = format!(r#"{{"service":"{service}","environment":"staging","tag":"1.4.2","commit":"{commit}"}}"#);
        text.parse().unwrap()
    }

    /// A gate's report with text that does not compress, as hashes and addresses do not.
    fn report(service: &str, command: &str, findings: usize) -> ReceivedReport {
        let mut report = Report::open(command, "2026-01-01T00:00:00Z".to_owned());
        (report.subject, report.run) = (subject(service), Some(run()));
        let finding = |index: usize| {
            let noise =
                crate::report::compact::hex_sha256(format!("{service} {command} {findings} {index}").as_bytes());
            Finding::passed(format!("check {index}")).actual(noise.clone()).expected("as before").seen_at(noise, "now")
        };
        let findings: Vec<Finding> = (0..findings).map(finding).collect();
        report.close(Ok(Outcome::from(findings)), "2026-01-01T00:01:00Z".to_owned());
        let text = compact(&report, "").text;
        ReceivedReport { source: format!("{command} of {service}"), text, report }
    }

    fn required() -> Vec<String> {
        ["health", "smoke", "performance"].map(ToOwned::to_owned).into()
    }

    /// The services of each payload, with reports of so many findings.
    fn parts(services: usize, findings: usize) -> Vec<Vec<Service>> {
        let names: Vec<String> = (0..services).map(|index| format!("service-{index:02}")).collect();
        let subjects: Vec<Subject> = names.iter().map(|name| subject(name)).collect();
        let reports: Vec<Vec<ReceivedReport>> = names
            .iter()
            .map(|name| required().iter().map(|command| report(name, command, findings)).collect())
            .collect();
        let run = run();
        let release = |subject| ValidatedRelease::new(subject, Some(&run), None, "2026-01-01T00:02:00Z".to_owned());
        let releases: Vec<BatchRelease<'_>> = subjects
            .iter()
            .zip(&reports)
            .map(|(subject, received)| BatchRelease { release: release(subject).unwrap(), received })
            .collect();
        let composed = compose(&releases, "staging-validated", &required(), ProofMode::Required);
        assert!(composed.too_large.is_empty() && composed.omitted.is_empty());
        let again = compose(&releases, "staging-validated", &required(), ProofMode::Required);
        for ((services, payload), (_, again)) in composed.payloads.iter().zip(&again.payloads) {
            assert_eq!(payload.json, again.json);
            assert_eq!(check_with_proof(payload.json.clone(), "staging-validated", ProofMode::Required), Ok(()));
            assert_eq!(payload.audience(), audience(&payload.json));
            let entries = unpack(payload.json[ENTRIES].as_str().unwrap()).unwrap();
            for service in services {
                let entry = &entries[service.as_str()];
                assert_eq!(payload.json["evidence"]["services"][service.as_str()], json!(sum(entry)));
                assert_eq!(entry["reports"].as_array().unwrap().len(), 3);
            }
            assert_eq!((payload.included, payload.received), (3 * services.len(), 3 * services.len()));
        }
        composed.payloads.into_iter().map(|(services, _)| services).collect()
    }

    #[test]
    fn up_to_fifty_services_are_one_payload() {
        for services in [1, 3, 50] {
            let parts = parts(services, 4);
            assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [services]);
        }
    }

    #[test]
    fn more_are_split_by_name_and_none_is_lost() {
        for (services, findings) in [(51, 1), (50, 30)] {
            let parts = parts(services, findings);
            assert!(parts.len() > 1, "{services} {findings}");
            let all: Vec<&Service> = parts.iter().flatten().collect();
            assert!(all.is_sorted() && all.len() == services, "{all:?}");
        }
    }

    #[test]
    fn a_service_that_is_too_large_alone_is_named_and_the_others_are_sent() {
        let run = run();
        let subjects = [subject("cart"), subject("search")];
        let legs = |service: &str, count: usize| -> Vec<ReceivedReport> {
            (0..count).map(|leg| report(service, "smoke", 20 + leg)).collect()
        };
        let reports = [legs("cart", 60), legs("search", 1)];
        let release = |subject| ValidatedRelease::new(subject, Some(&run), None, String::new()).unwrap();
        let releases: Vec<BatchRelease<'_>> = subjects
            .iter()
            .zip(&reports)
            .map(|(subject, received)| BatchRelease { release: release(subject), received })
            .collect();
        let composed = compose(&releases, "x", &["smoke".to_owned()], ProofMode::Required);
        let [finding] = &composed.too_large[..] else { panic!("{:?}", composed.too_large) };
        assert!(finding.check == "cart" && finding.next.is_some(), "{finding}");
        assert_eq!(composed.payloads.iter().map(|(services, _)| services[0].as_str()).collect::<Vec<_>>(), ["search"]);
        // Where a report is not required, it is left out instead.
        let composed = compose(&releases, "x", &[], ProofMode::Required);
        assert!(composed.too_large.is_empty() && composed.omitted.len() == 60, "{:?}", composed.omitted);
    }
}
