//! What the approver sees, and the outputs for later jobs.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    gate_jobs::{GateJob, age, find_gate_jobs},
    observations::{EvidenceObservations, short_sha},
    people::Participants,
    verification::{Verification, image_reference},
};
use crate::{
    clock::rfc3339,
    finding::Finding,
    report::{
        Table,
        compact::{OUTPUTS_LIMIT, size_in_json},
    },
    values::clip,
};

/// Length limit of a cell with text from outside, in characters.
const MAX_CELL: usize = 160;
/// How many promotions the table of the last promotions lists.
pub const MAX_PROMOTIONS: usize = 5;

impl Verification<'_> {
    pub fn outputs(&self, observations: &EvidenceObservations) -> BTreeMap<&'static str, String> {
        let subject = self.subject(observations);
        let Participants { excluded, .. } = Participants::from_observations(observations);
        let gate_jobs = find_gate_jobs(&self.claim.received, &observations.jobs);
        let validated_at = self.first_end(&gate_jobs);
        let logins = |only_authors: bool| {
            let people = excluded.values().filter(|person| person.is_author || !only_authors);
            people.map(|person| person.login.as_str()).collect::<Vec<_>>().join("\n")
        };
        let text = |value: Option<String>| value.unwrap_or_default();
        BTreeMap::from([
            ("service", text(subject.service.as_ref().map(ToString::to_string))),
            ("environment", self.environment.to_string()),
            ("image", image_reference(&subject)),
            ("tag", text(subject.tag.as_ref().map(ToString::to_string))),
            ("digest", text(subject.digest.as_ref().map(ToString::to_string))),
            ("commit", text(subject.commit.as_ref().map(ToString::to_string))),
            ("subject", serde_json::json!(subject).to_string()),
            ("evidence", self.claim.id.to_string()),
            ("validated-at", text(validated_at.map(rfc3339))),
            ("validation-run", text(observations.validation_run())),
            ("excluded", logins(false)),
            ("authors", logins(true)),
        ])
    }

    /// The end of the required gate job that ended first.
    fn first_end(&self, gate_jobs: &[GateJob<'_>]) -> Option<Timestamp> {
        let required = gate_jobs.iter().filter(|gate| self.required.contains(&gate.received.report.command));
        required.map(|gate| gate.ended).min()
    }

    pub fn tables(&self, observations: &EvidenceObservations) -> Vec<Table> {
        [
            self.promotion_table(observations),
            self.gates_table(observations),
            commits_table(observations),
            excluded_table(observations),
            history_table(observations),
        ]
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
    }

    fn promotion_table(&self, observations: &EvidenceObservations) -> Table {
        let subject = self.subject(observations);
        let current_image = observations.changes.current_image.as_deref().unwrap_or("no image entry");
        let validated_in = self.claim.payload.subject.environment.as_ref();
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("Now", current_image.to_owned()),
            row("Next", image_reference(&subject)),
            row("Environment", self.environment.to_string()),
            row("Validated in", validated_in.map(ToString::to_string).unwrap_or_default()),
        ];
        let repository_url = observations.repository_url().unwrap_or_default();
        rows.extend(
            observations.built_commit().map(|commit| row("Commit", format!("{repository_url}/commit/{commit}"))),
        );
        rows.extend(observations.validation_run().map(|url| row("Validated by", url)));
        rows.retain(|row| row.iter().all(|cell| !cell.is_empty()));
        table("What would be promoted", &["What", "Which"], rows)
    }

    fn gates_table(&self, observations: &EvidenceObservations) -> Table {
        let gate_jobs = find_gate_jobs(&self.claim.received, &observations.jobs);
        let rows = gate_jobs.iter().map(|gate| {
            let report = &gate.received.report;
            let figure = report.findings.first().map(|finding| format!("{}: {}", finding.check, finding.actual));
            let required = if self.required.contains(&report.command) { "" } else { " (not required)" };
            vec![
                format!("{}{required}", report.command),
                report.verdict.to_string(),
                clip(&figure.unwrap_or_else(|| report.reason.clone()), MAX_CELL),
                format!("{} ago", age(gate.ended, observations.now)),
                observations.run_url().map(|url| format!("{url}/job/{}", gate.job.id)).unwrap_or_default(),
            ]
        });
        table("What the gates saw", &["Gate", "Verdict", "Figure", "Age", "Job"], rows.collect())
    }
}

fn commits_table(observations: &EvidenceObservations) -> Table {
    // Newest first, because people read from the top.
    let mut rows: Vec<Vec<String>> = observations
        .changes
        .commits()
        .map(|commit| {
            let author = commit.author.clone().unwrap_or_else(|| format!("{} (no account)", commit.author_name()));
            vec![short_sha(&commit.sha).to_owned(), clip(&author, MAX_CELL), clip(commit.title(), MAX_CELL)]
        })
        .collect();
    rows.reverse();
    table("What is new in it", &["Commit", "Author", "What"], rows)
}

fn excluded_table(observations: &EvidenceObservations) -> Table {
    let Participants { excluded, .. } = Participants::from_observations(observations);
    let rows = excluded.values().map(|person| vec![person.login.clone(), person.roles.join(", ")]).collect();
    table("Who may not approve", &["Login", "Why"], rows)
}

fn history_table(observations: &EvidenceObservations) -> Table {
    let entries = observations.ledger.as_deref().unwrap_or_default().iter().take(MAX_PROMOTIONS);
    let rows = entries.map(|entry| {
        vec![
            rfc3339(entry.committed_at),
            entry.promotion.kind.to_string(),
            clip(&entry.promotion.image, MAX_CELL),
            clip(entry.promotion.approved_by.as_deref().unwrap_or("unknown"), MAX_CELL),
            short_sha(entry.commit.as_str()).to_owned(),
        ]
    });
    table("The last promotions of this service", &["At", "Kind", "Image", "Approved by", "Commit"], rows.collect())
}

fn table(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table::new(title, columns, rows).open()
}

/// The finding if the outputs exceed the limit. A report then drops all of them, since a shortened list would be wrong.
pub fn check_size(outputs: &BTreeMap<&'static str, String>) -> Option<Finding> {
    let size = size_in_json(&serde_json::json!(outputs).to_string());
    (size > OUTPUTS_LIMIT).then(|| {
        Finding::blocked("people")
            .actual(format!("{size} bytes of outputs, most of them those who may not approve"))
            .expected(format!("at most {OUTPUTS_LIMIT} bytes, which travel to the later jobs"))
            .next("promote in smaller steps, of fewer authors")
    })
}
