//! What whoever approves has to see, and what later jobs go by.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::judge::{Case, Gate, People, gates_of, people, since};
use crate::commands::evidence::observations::{Seen, short};
use crate::{
    clock::rfc3339,
    finding::Finding,
    report::{
        Table,
        compact::{OUTPUTS_LIMIT, size_in_json},
    },
    subject::Subject,
    values::clip,
};

/// How much of a foreign text stands in a cell, in characters.
const CELL: usize = 160;
/// The most promotions that are shown.
pub(super) const PROMOTIONS: usize = 5;

/// `ghcr.io/acme/shop:1.4.2@sha256:…`
pub(super) fn reference(subject: &Subject) -> String {
    let mut reference = subject.image.as_ref().map(ToString::to_string).unwrap_or_default();
    if let Some(tag) = &subject.tag {
        reference.push(':');
        reference.push_str(tag.as_str());
    }
    if let Some(digest) = &subject.digest {
        reference.push('@');
        reference.push_str(digest.as_str());
    }
    reference
}

impl Case<'_> {
    /// What is promoted, and where to: with the commit that GitHub tells of it.
    pub fn subject(&self, seen: &Seen) -> Subject {
        let release = self.release();
        let commit = seen.commit().and_then(|commit| commit.parse().ok()).or(release.commit);
        Subject { environment: Some(self.environment.clone()), commit, ..release }
    }

    pub fn outputs(&self, seen: &Seen) -> BTreeMap<&'static str, String> {
        let subject = self.subject(seen);
        let People { excluded, .. } = people(seen);
        let gates = gates_of(&self.claim.received, &seen.jobs);
        let oldest = self.oldest(&gates);
        let lines = |authors: bool| {
            let logins = excluded.values().filter(|part| part.is_author || !authors).map(|part| part.login.as_str());
            logins.collect::<Vec<_>>().join("\n")
        };
        let text = |part: Option<String>| part.unwrap_or_default();
        BTreeMap::from([
            ("service", text(subject.service.as_ref().map(ToString::to_string))),
            ("environment", self.environment.to_string()),
            ("image", reference(&subject)),
            ("tag", text(subject.tag.as_ref().map(ToString::to_string))),
            ("digest", text(subject.digest.as_ref().map(ToString::to_string))),
            ("commit", text(subject.commit.as_ref().map(ToString::to_string))),
            ("subject", serde_json::json!(subject).to_string()),
            ("evidence", self.claim.id.to_string()),
            ("validated-at", text(oldest.map(rfc3339))),
            ("validation-run", text(seen.validation_run())),
            ("excluded", lines(false)),
            ("authors", lines(true)),
        ])
    }

    /// When the first of the required gates' jobs ended: nothing that is promoted was seen later than this.
    fn oldest(&self, gates: &[Gate<'_>]) -> Option<Timestamp> {
        let required = gates.iter().filter(|gate| self.required.contains(&gate.received.report.command));
        required.map(|gate| gate.ended).min()
    }

    pub fn tables(&self, seen: &Seen) -> Vec<Table> {
        [self.what(seen), self.gates_table(seen), commits(seen), approvers(seen), promotions(seen)]
            .into_iter()
            .filter(|table| !table.rows.is_empty())
            .collect()
    }

    fn what(&self, seen: &Seen) -> Table {
        let subject = self.subject(seen);
        let decision = seen.changes.decision.as_deref().unwrap_or("no image entry");
        let validated_in = self.claim.payload.subject.environment.as_ref();
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("Now", decision.to_owned()),
            row("Next", reference(&subject)),
            row("Environment", self.environment.to_string()),
            row("Validated in", validated_in.map(ToString::to_string).unwrap_or_default()),
        ];
        rows.extend(
            seen.commit()
                .map(|commit| row("Commit", format!("{}/commit/{commit}", seen.repository_url().unwrap_or_default()))),
        );
        rows.extend(seen.validation_run().map(|url| row("Validated by", url)));
        rows.retain(|row| row.iter().all(|cell| !cell.is_empty()));
        table("What would be promoted", &["What", "Which"], rows)
    }

    fn gates_table(&self, seen: &Seen) -> Table {
        let gates = gates_of(&self.claim.received, &seen.jobs);
        let rows = gates.iter().map(|gate| {
            let report = &gate.received.report;
            let figure = report.findings.first().map(|finding| format!("{}: {}", finding.check, finding.actual));
            let required = if self.required.contains(&report.command) { "" } else { " (not required)" };
            vec![
                format!("{}{required}", report.command),
                report.verdict.to_string(),
                clip(&figure.unwrap_or_else(|| report.reason.clone()), CELL),
                format!("{} ago", since(gate.ended, seen.now)),
                seen.run_url().map(|url| format!("{url}/job/{}", gate.job.id)).unwrap_or_default(),
            ]
        });
        table("What the gates saw", &["Gate", "Verdict", "Figure", "Age", "Job"], rows.collect())
    }
}

impl Seen {
    fn run_url(&self) -> Option<&str> {
        self.run.as_ref().ok().and_then(Option::as_ref).map(|run| run.html_url.as_str())
    }

    fn repository_url(&self) -> Option<&str> {
        self.run_url().and_then(|url| url.split("/actions/").next())
    }

    /// The attempt that validated.
    pub fn validation_run(&self) -> Option<String> {
        let run = self.run.as_ref().ok().and_then(Option::as_ref)?;
        Some(format!("{}/attempts/{}", run.html_url, run.attempt))
    }
}

fn commits(seen: &Seen) -> Table {
    // Newest first: that is where people begin to read.
    let mut rows: Vec<Vec<String>> = seen
        .changes
        .commits()
        .map(|commit| {
            let author = commit.author.clone().unwrap_or_else(|| format!("{} (no account)", commit.author_name()));
            vec![short(&commit.sha).to_owned(), clip(&author, CELL), clip(commit.title(), CELL)]
        })
        .collect();
    rows.reverse();
    table("What is new in it", &["Commit", "Author", "What"], rows)
}

fn approvers(seen: &Seen) -> Table {
    let People { excluded, .. } = people(seen);
    let rows = excluded.values().map(|part| vec![part.login.clone(), part.why.join(", ")]).collect();
    table("Who may not approve", &["Login", "Why"], rows)
}

fn promotions(seen: &Seen) -> Table {
    let entries = seen.ledger.as_deref().unwrap_or_default().iter().take(PROMOTIONS);
    let rows = entries.map(|entry| {
        vec![
            rfc3339(entry.committed_at),
            entry.promotion.kind.to_string(),
            clip(&entry.promotion.image, CELL),
            clip(entry.promotion.approved_by.as_deref().unwrap_or("unknown"), CELL),
            short(entry.commit.as_str()).to_owned(),
        ]
    });
    table("The last promotions of this service", &["At", "Kind", "Image", "Approved by", "Commit"], rows.collect())
}

fn table(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { title: title.to_owned(), open: true, columns: columns.iter().map(ToString::to_string).collect(), rows }
}

/// What later jobs could not read: a list that was cut would be another list, so a report keeps all of it or nothing.
pub(super) fn too_much(outputs: &BTreeMap<&'static str, String>) -> Option<Finding> {
    let size = size_in_json(&serde_json::json!(outputs).to_string());
    (size > OUTPUTS_LIMIT).then(|| {
        Finding::blocked("people")
            .actual(format!("{size} bytes of outputs, most of them those who may not approve"))
            .expected(format!("at most {OUTPUTS_LIMIT} bytes, which travel to the later jobs"))
            .next("promote in smaller steps, of fewer authors")
    })
}
