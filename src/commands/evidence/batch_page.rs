//! The page and the outputs of several services: one table for the person who approves all of them at once. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::pack::{MAX_PEOPLE, Outputs, check_size};
use crate::{
    batch::{common_subject, list_services},
    finding::{Finding, Verdict},
    people::participants::Participants,
    report::{Cell, Outcome, Report, Table, compact::hex_sha256, log::mark},
    subject::{Environment, Service, Subject},
    values::clip,
};

/// Length limit of a reason in the table, in characters.
const MAX_REASON: usize = 160;
/// In the table, before a service that did not change.
const UNCHANGED: &str = "➖";

/// What the verification of one service found.
pub struct BatchedService {
    pub service: Service,
    pub report: Report,
    /// Why there is nothing to promote.
    pub unchanged: Option<String>,
    /// What changes, and what the gates say of it.
    pub summary: Option<[String; 2]>,
    pub people: Participants,
}

/// The services of one dispatch.
pub struct BatchPage<'a> {
    pub environment: &'a Environment,
    pub services: Vec<BatchedService>,
}

impl BatchedService {
    pub fn is_ready(&self) -> bool {
        self.report.verdict == Verdict::Passed && self.unchanged.is_none()
    }

    /// The report in one finding, which has the name of the service.
    pub fn finding(&self) -> Finding {
        let expected = "a release that may be promoted";
        let finding = Finding::new(self.service.as_str(), self.report.verdict).expected(expected);
        if let Some(why) = &self.unchanged {
            return finding.actual(format!("not promoted, because it did not change: {why}"));
        }
        if self.report.verdict == Verdict::Passed {
            let summary = self.summary.as_ref().map(|parts| parts.join(": ")).unwrap_or_default();
            return finding.actual(summary);
        }
        // The worst finding comes first.
        let Some(first) = self.report.findings.first() else { return finding.actual(&self.report.reason) };
        let finding = finding.actual(format!("left out: {}: {}", first.check, first.actual));
        finding.next(first.next.clone().unwrap_or_else(|| "see the report of this service below".to_owned()))
    }
}

impl BatchPage<'_> {
    fn ready(&self) -> impl Iterator<Item = &BatchedService> {
        self.services.iter().filter(|service| service.is_ready())
    }

    /// What the services have in common.
    pub fn subject(&self) -> Subject {
        let first = self.ready().next().or_else(|| self.services.first());
        let common = first.map(|first| common_subject(&first.report.subject)).unwrap_or_default();
        Subject { environment: Some(self.environment.clone()), ..common }
    }

    pub fn outcome(self) -> Outcome {
        let outputs = self.outputs();
        let mut findings: Vec<Finding> = self.services.iter().map(BatchedService::finding).collect();
        findings.extend(check_size(&outputs, self.services.len()));
        Outcome {
            findings,
            title: Some(self.title()),
            tables: self.tables(),
            outputs,
            reports: self.services.into_iter().map(|service| service.report).collect(),
            ..Outcome::default()
        }
    }

    /// The title if no service was left out.
    fn title(&self) -> String {
        let ready: Vec<&Service> = self.ready().map(|ready| &ready.service).collect();
        match ready.len() {
            0 => format!(
                "Nothing to promote: {} did not change",
                list_services(self.services.iter().map(|one| &one.service))
            ),
            1 => format!("Ready for approval: {} in {}", ready[0], self.environment),
            count => format!("Ready for approval: {count} services in {}: {}", self.environment, list_services(ready)),
        }
    }

    fn tables(&self) -> Vec<Table> {
        let rank = |service: &&BatchedService| match (&service.unchanged, service.is_ready()) {
            (_, true) => 0,
            (Some(_), _) => 2,
            (None, false) => 1,
        };
        let mut sorted: Vec<&BatchedService> = self.services.iter().collect();
        sorted.sort_by_key(rank);
        let rows = sorted.into_iter().map(|one| {
            let [change, gates] = match (&one.unchanged, &one.summary) {
                (Some(why), _) => ["did not change".to_owned(), why.clone()],
                (None, Some(summary)) if one.is_ready() => summary.clone(),
                _ => ["left out".to_owned(), one.report.reason.clone()],
            };
            let mark = if one.unchanged.is_some() { UNCHANGED } else { mark(one.report.verdict) };
            [mark.to_owned(), one.service.to_string(), clip(&change, MAX_REASON), clip(&gates, MAX_REASON)]
                .map(Cell::Text)
        });
        let mut tables = vec![Table::new("", &["", "Service", "Image", "What the gates say"], rows).open()];
        if self.ready().next().is_some() {
            tables.extend([self.people_list(), self.next_step()]);
        }
        tables.retain(|table| !table.rows.is_empty());
        tables
    }

    /// Who may not approve, because they had a part in one of the services.
    fn people_list(&self) -> Table {
        let mut people: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (ready, person) in
            self.ready().flat_map(|ready| ready.people.excluded.values().map(move |one| (ready, one)))
        {
            people.entry(&person.login).or_default().insert(ready.service.as_str());
        }
        let all = self.ready().count();
        let describe = |(login, services): (&&str, &BTreeSet<&str>)| match services.len() {
            count if count == all => (*login).to_owned(),
            1 => format!("{login} ({})", services.iter().copied().collect::<String>()),
            count => format!("{login} ({count} services)"),
        };
        let mut listed: Vec<String> = people.iter().take(MAX_PEOPLE).map(describe).collect();
        let more = people.len().saturating_sub(MAX_PEOPLE);
        listed.extend((more > 0).then(|| format!("{more} more, whom the output `excluded` lists")));
        let sentence = Some(format!("{} may not approve: one approval is for all services.", listed.join("; ")));
        Table::list("Not you?", sentence.filter(|_| !listed.is_empty()).map(|sentence| [sentence]))
    }

    fn next_step(&self) -> Table {
        let step = format!(
            "look at each service where it was validated, and unfold what is new in it below; then approve or reject {} in this \
             run, once for all services that are ready.",
            self.environment
        );
        Table::list("Next:", [[step]])
    }

    fn outputs(&self) -> Outputs {
        let services: Vec<&Service> = self.ready().map(|ready| &ready.service).collect();
        let mut outputs = Outputs::from([
            ("services", serde_json::json!(services).to_string()),
            ("environment", self.environment.to_string()),
        ]);
        let of_ready = |name: &str| -> BTreeSet<&str> {
            self.ready().filter_map(|ready| ready.report.outputs.get(name)).map(String::as_str).collect()
        };
        if services.is_empty() {
            return outputs;
        }
        let logins = |only_authors: bool| {
            let people = self.ready().flat_map(|ready| &ready.people.excluded);
            let people = people.filter(|(_, person)| person.is_author || !only_authors);
            let logins: BTreeMap<&str, &str> =
                people.map(|(key, person)| (key.as_str(), person.login.as_str())).collect();
            logins.into_values().collect::<Vec<_>>().join("\n")
        };
        let subject = self.subject();
        let ids = of_ready("evidence").into_iter().collect::<Vec<_>>().join("\n");
        outputs.extend([
            ("commit", subject.commit.as_ref().map(ToString::to_string).unwrap_or_default()),
            ("subject", serde_json::json!(subject).to_string()),
            ("evidence", hex_sha256(ids.as_bytes())),
            ("excluded", logins(false)),
            ("authors", logins(true)),
        ]);
        // Times in RFC 3339 and UTC sort as texts.
        for name in ["validated-at", "validation-run", "repository-id"] {
            outputs.extend(of_ready(name).first().map(|value| (name, (*value).to_owned())));
        }
        outputs
    }
}
