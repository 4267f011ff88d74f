//! What the approver sees, and the outputs for later jobs.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    gate_jobs::GateJob,
    judge::describe_rollback,
    observations::{BaseCommit, EvidenceObservations, attempt_url},
    test_count::TESTS,
    verification::{Verification, image_reference},
};
use crate::{
    clock::{minute, rfc3339},
    config::people::People,
    finding::{Finding, Verdict},
    people::{
        digest::{PeopleDigest, sha256_of},
        participants::Participants,
    },
    report::{
        Cell, Table,
        compact::{OUTPUTS_LIMIT, outputs_limit, size_in_json},
        log::mark,
    },
    subject::Subject,
    values::{clip, short_sha},
    world::github::SourceCommit,
};

/// Length limit of a cell with text from outside, in characters.
const MAX_CELL: usize = 160;
/// Length limit of a name or a limit in the gates' table, in characters.
const MAX_NAME: usize = 24;
/// Length limit of what a gate measured, in characters.
const MAX_FIGURE: usize = 60;
/// How many gates' figures the line above the table repeats.
const MAX_FIGURES: usize = 3;
/// How many authors are named there.
const MAX_AUTHORS: usize = 3;
/// How many of the new commits are listed.
const MAX_COMMITS: usize = 8;
/// How much of a digest identifies an image for people: `sha256:` and twelve digits.
const DIGEST: usize = 19;
/// How many promotions the table of the last promotions lists.
pub const MAX_PROMOTIONS: usize = 5;

/// The outputs that list people.
const LISTS: [&str; 2] = ["excluded", "authors"];
/// How many people the page lists.
pub const MAX_PEOPLE: usize = 40;

pub type Outputs = BTreeMap<&'static str, String>;

impl Verification<'_> {
    pub fn outputs(&self, observations: &EvidenceObservations) -> Outputs {
        let subject = self.subject(observations);
        let Participants { excluded, .. } = observations.participants(self.people);
        let gate_jobs = self.gate_jobs(observations);
        let validated_at = self.first_end(&gate_jobs);
        let logins = |only_authors: bool| {
            let people = excluded.values().filter(|person| person.is_author || !only_authors);
            people.map(|person| person.login.as_str()).collect::<Vec<_>>().join("\n")
        };
        let text = |value: Option<String>| value.unwrap_or_default();
        let people = observations.built_commit().map(|head| PeopleDigest {
            count: excluded.len(),
            sha256: sha256_of(excluded.keys().map(String::as_str)),
            runs: observations.run_ids(),
            head,
            base: observations.changes.base_commit().cloned(),
        });
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
            ("repository-id", text(self.signed.as_ref().map(|claims| claims.repository_id.to_string()))),
            ("bundle-size", text(self.claim.bundle_sizes().map(|sizes| sizes.to_string()))),
            (TESTS, text(self.claim.test_count().known().map(|count| count.to_string()))),
            ("excluded", logins(false)),
            ("authors", logins(true)),
            ("people", text(people.map(|people| serde_json::json!(people).to_string()))),
        ])
    }

    /// The end of the required gate job that ended first.
    pub(super) fn first_end(&self, gate_jobs: &[GateJob<'_>]) -> Option<Timestamp> {
        let required = gate_jobs.iter().filter(|gate| self.required.contains(&gate.received.report.command));
        required.map(|gate| gate.ended).min()
    }

    /// The title of the page when every check has passed: what a reviewer is asked.
    pub fn title(&self, observations: &EvidenceObservations) -> String {
        let Subject { service, .. } = self.release();
        let service = service.map(|service| service.to_string()).unwrap_or_default();
        let next = version(&image_reference(&self.release()));
        let change = match &observations.changes.current_image {
            Some(current) => format!("`{}` → `{next}`", version(current)),
            None => format!("`{next}`, its first version"),
        };
        format!("Ready for approval: {service} {change} in {}", self.environment)
    }

    /// `ready`: nothing stands against an approval, so the page asks for one, and shows what a reviewer decides by.
    pub fn tables(&self, observations: &EvidenceObservations, ready: bool) -> Vec<Table> {
        let mut tables = vec![
            self.summary(observations),
            self.gates_table(observations),
            self.bundle_table(observations),
            Table { open: ready, ..commits_list(observations) },
            history_table(observations),
        ];
        if ready {
            tables.extend([people_list(observations, self.people), self.next_step()]);
        }
        tables.retain(|table| !table.rows.is_empty());
        tables
    }

    /// The gates, the commits and the figures in one line; where it was validated, and until when that counts.
    fn summary(&self, observations: &EvidenceObservations) -> Table {
        let gate_jobs = self.gate_jobs(observations);
        let parts = self.summary_parts(observations);
        let mut sentence: Vec<Cell> = Vec::new();
        if let Some(ended) = self.first_end(&gate_jobs) {
            let place = self.claim.payload.subject.environment.as_ref();
            let place = place.map(|environment| format!(" in {environment}")).unwrap_or_default();
            sentence.push(format!("Validated{place} on {} by", minute(ended)).into());
            let run = observations.run.as_ref().ok().and_then(Option::as_ref);
            sentence.push(match run {
                Some(run) => Cell::link(format!("run {}", run.id), attempt_url(run)),
                None => "an unknown run".into(),
            });
            if let Ok(until) = ended.checked_add(self.max_age.0) {
                sentence.push(format!("– valid until {}.", minute(until)).into());
            }
        }
        if let Some(rollback) = self.rollback(observations) {
            sentence.push(format!("{}.", describe_rollback(rollback)).into());
        }
        sentence.push(match &self.signed {
            Some(claims) => format!("The evidence is {}.", self.signed_for(claims)).into(),
            None => "GitHub did not sign the evidence: it rests on annotations, which is weaker.".into(),
        });
        Table::list(parts.join(" · "), [sentence])
    }

    /// What changes, and what the gates say of it: a row of the table of several services.
    pub fn short_summary(&self, observations: &EvidenceObservations) -> [String; 2] {
        let next = version(&image_reference(&self.release()));
        let current = observations.changes.current_image.as_deref().map_or_else(|| "none".to_owned(), version);
        [format!("{current} → {next}"), self.summary_parts(observations).join(" · ")]
    }

    fn summary_parts(&self, observations: &EvidenceObservations) -> Vec<String> {
        let gate_jobs = self.gate_jobs(observations);
        let passed = gate_jobs.iter().filter(|gate| gate.received.report.verdict == Verdict::Passed).count();
        let mut parts = vec![format!("{passed} of {} gates passed", gate_jobs.len())];
        parts.extend(Self::commits_phrase(observations));
        let unknown = observations.participants(self.people).unknown.len();
        let plural = if unknown == 1 { "" } else { "s" };
        parts.extend((unknown > 0).then(|| format!("{unknown} unknown author{plural}")));
        parts.extend(self.changed_tests(observations));
        let compared = gate_jobs.iter().filter_map(|gate| {
            let finding = gate.received.report.findings.iter().find(|finding| finding.figures.is_some())?;
            let figures = finding.figures.as_ref().filter(|figures| figures.baseline.is_some())?;
            let limit = figures.limit.as_ref().map(|limit| format!(" (limit {limit})")).unwrap_or_default();
            let name = if self.is_service(&finding.check) { &gate.received.report.command } else { &finding.check };
            Some(clip(&format!("{name} {}{limit}", figures.now), MAX_CELL))
        });
        parts.extend(compared.take(MAX_FIGURES));
        parts
    }

    /// Whether a check is named after the service, which the page's title has already.
    fn is_service(&self, check: &str) -> bool {
        check == self.claim.payload.service.as_str()
    }

    /// `3 commits by ada and bob`
    fn commits_phrase(observations: &EvidenceObservations) -> Option<String> {
        let mut authors: Vec<String> = Vec::new();
        let mut count = 0;
        for commit in observations.changes.commits() {
            count += 1;
            let author = author(commit);
            if !authors.contains(&author) {
                authors.push(author);
            }
        }
        let commits = if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") };
        let more = authors.len().saturating_sub(MAX_AUTHORS);
        authors.truncate(MAX_AUTHORS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (count > 0).then(|| format!("{commits} by {}{more}", clip(&authors.join(", "), MAX_CELL)))
    }

    fn gates_table(&self, observations: &EvidenceObservations) -> Table {
        let gate_jobs = self.gate_jobs(observations);
        let rows = gate_jobs.iter().map(|gate| {
            let report = &gate.received.report;
            let required = if self.required.contains(&report.command) { "" } else { " (not required)" };
            let finding = report.findings.iter().find(|finding| finding.figures.is_some()).or(report.findings.first());
            let figures = finding.and_then(|finding| finding.figures.as_deref());
            let now = match (finding, figures) {
                (Some(finding), Some(figures))
                    if finding.check.chars().count() <= MAX_NAME && !self.is_service(&finding.check) =>
                {
                    format!("{} {}", finding.check, figures.now)
                }
                (_, Some(figures)) => figures.now.clone(),
                (Some(finding), None) => finding.headline(),
                (None, None) => report.reason.clone(),
            };
            let short = |text: Option<&String>| text.map_or_else(|| "–".to_owned(), |text| clip(text, MAX_NAME));
            [
                Cell::Text(format!("{}{required}", clip(&report.command, MAX_NAME))),
                mark(report.verdict).into(),
                clip(&now, MAX_FIGURE).into(),
                short(figures.and_then(|figures| figures.limit.as_ref())).into(),
                short(figures.and_then(|figures| figures.baseline.as_ref())).into(),
                Cell::maybe_link(
                    "log",
                    observations.run_url().zip(gate.job).map(|(url, job)| format!("{url}/job/{}", job.id)),
                ),
            ]
        });
        let columns = ["Gate", "", "Now", "Limit", "Baseline", "Job"];
        Table::new("", &columns, rows).figures(&[2, 3, 4]).open()
    }

    /// What the reviewer does now.
    fn next_step(&self) -> Table {
        let validated_in = self.claim.payload.subject.environment.as_ref();
        let place = validated_in.map_or_else(|| "where it was validated".to_owned(), |place| format!("in {place}"));
        let step =
            format!("look at it {place}, and at what is new; then approve or reject {} in this run.", self.environment);
        Table::list("Next:", [[step]])
    }
}

/// What is new, newest first, because people read from the top.
fn commits_list(observations: &EvidenceObservations) -> Table {
    let changes = &observations.changes;
    let repository_url = observations.repository_url();
    let commits: Vec<&SourceCommit> = changes.commits().collect();
    let items = commits.iter().rev().take(MAX_COMMITS).map(|commit| {
        let url = repository_url.map(|url| format!("{url}/commit/{}", commit.sha));
        let text = format!("{} — {}", clip(commit.title(), MAX_CELL), author(commit));
        vec![Cell::maybe_link(short_sha(&commit.sha), url), text.into()]
    });
    let mut items: Vec<Vec<Cell>> = items.collect();
    let more = commits.len().saturating_sub(MAX_COMMITS);
    if more > 0 {
        items.push(vec![format!("and {more} earlier ones").into()]);
    }
    let list = Table::list("What is new", items);
    match (&changes.base, observations.built_commit()) {
        (Ok(BaseCommit::Known { sha, .. }), Some(head)) => list.linked(
            format!("compare {}…{}", short_sha(sha.as_str()), short_sha(head.as_str())),
            repository_url.map(|url| format!("{url}/compare/{sha}...{head}")),
        ),
        _ => list,
    }
}

/// Who may not approve, and what a rollback would return to.
fn people_list(observations: &EvidenceObservations, known: &People) -> Table {
    let Participants { excluded, .. } = observations.participants(known);
    let listed = excluded.values().take(MAX_PEOPLE);
    let people: Vec<String> = listed.map(|person| format!("{} ({})", person.login, person.roles.join(", "))).collect();
    let more = excluded.len().saturating_sub(MAX_PEOPLE);
    let more = if more > 0 { format!(" and {more} more, whom the output `excluded` lists,") } else { String::new() };
    let mut sentence = Vec::new();
    if !people.is_empty() {
        sentence.push(Cell::Text(format!("{}{more} may not approve.", people.join("; "))));
    }
    sentence.push(match &observations.changes.current_image {
        Some(image) => format!("A rollback returns to `{}`.", version(image)).into(),
        None => "There is no earlier image that a rollback could return to.".into(),
    });
    Table::list("Not you?", [sentence])
}

fn history_table(observations: &EvidenceObservations) -> Table {
    let entries = observations.ledger.as_deref().unwrap_or_default().iter().take(MAX_PROMOTIONS);
    let rows = entries.map(|entry| {
        [
            minute(entry.committed_at),
            entry.promotion.kind.to_string(),
            clip(&version(&entry.promotion.image), MAX_CELL),
            clip(entry.promotion.approved_by.as_deref().unwrap_or("unknown"), MAX_CELL),
            short_sha(entry.commit.as_str()).to_owned(),
        ]
    });
    Table::new("The last promotions of this service", &["When", "Kind", "Image", "Approved by", "Commit"], rows)
}

/// The login of a commit's author, or the name in the commit.
fn author(commit: &SourceCommit) -> String {
    let login = commit.author.as_ref().map(|account| account.login.clone());
    let author = login.unwrap_or_else(|| format!("{} (no account)", commit.author_name()));
    clip(&author, MAX_CELL)
}

/// The tag of an image reference, or the beginning of its digest; without both, the reference.
fn version(reference: &str) -> String {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    match (name.rsplit('/').next().and_then(|last| last.split_once(':')), digest) {
        (Some((_, tag)), _) => tag.to_owned(),
        (None, Some(digest)) => digest.get(..DIGEST).unwrap_or(digest).to_owned(),
        (None, None) => reference.to_owned(),
    }
}

/// Takes the lists of people out of the outputs that travel in the report, if those exceed its limit. `people` stays: from it
/// `approval` makes the list again.
pub fn split_long(mut outputs: Outputs) -> (Outputs, Outputs) {
    let mut long = Outputs::new();
    if size_of(&outputs) > OUTPUTS_LIMIT {
        long.extend(LISTS.iter().filter_map(|name| outputs.remove_entry(name)));
    }
    (outputs, long)
}

/// The outputs that the report of one of several services keeps: what the commit of its promotion records.
pub fn of_batch(mut outputs: Outputs) -> Outputs {
    const KEPT: [&str; 6] = ["evidence", "validated-at", "validation-run", "repository-id", "bundle-size", TESTS];
    outputs.retain(|name, _| KEPT.contains(name));
    outputs
}

/// The finding if the outputs exceed the limit even so. A report about so many services then drops all of them.
pub fn check_size(outputs: &Outputs, services: usize) -> Option<Finding> {
    let (size, limit) = (size_of(outputs), outputs_limit(services));
    (size > limit).then(|| {
        let next = if services > 1 {
            "validate fewer services in one run: the list of the people who may not approve is too long"
        } else {
            "shorten the name of the image or the tag"
        };
        Finding::blocked("outputs")
            .actual(format!("{size} bytes"))
            .expected(format!("at most {limit} bytes, which travel to the later jobs"))
            .next(next)
    })
}

fn size_of(outputs: &Outputs) -> usize {
    size_in_json(&serde_json::json!(outputs).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_services_keeps_what_its_commit_records() {
        let recorded = ["bundle-size", "evidence", "repository-id", "tests", "validated-at", "validation-run"];
        let all = recorded.into_iter().chain(["excluded", "people", "subject"]);
        let kept = of_batch(all.map(|name| (name, "x".to_owned())).collect());
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), recorded);
    }
}
