//! The text of the pull request: the decision pack, for the people who review it. No rule reads it, because anyone who can write can
//! change it.
//!
//! It shows what is at hand. In the job of `evidence`, that is its whole report. In another job it is what a report carries between
//! jobs, of at most 6 KiB: the checks and the outputs, from which the links follow; the page itself is in the job summary of that run.

use super::plan::ProposedCommit;
use crate::{
    clock::{minute, rfc3339},
    ledger::{EvidenceId, LedgerEntry, Promotion},
    people::digest::PeopleDigest,
    report::{
        Report, Run, Table,
        comment::{LIMIT, without_mentions},
        markdown::inline,
        summary::{body, short_body},
    },
    values::{clip, short_sha},
};

/// How many promotions the table of the last ones lists.
pub const MAX_PROMOTIONS: usize = 5;
/// The most characters of the list of people.
const MAX_PEOPLE: usize = 1000;
/// The most characters of a name in the table.
const MAX_CELL: usize = 160;
/// The title of the list in the page of `evidence` that asks for an approval of the run.
const APPROVE_RUN: &str = "Next:";

/// What the people who review a promotion see.
pub struct DecisionPack<'a> {
    /// The report of `evidence`: whole where its file is at hand, else compact.
    pub report: &'a Report,
    pub promotion: &'a Promotion,
    pub proposed: &'a ProposedCommit,
    /// The branch that the pull request is to be merged into.
    pub base: &'a str,
    /// The last promotions of the service, newest first.
    pub entries: &'a [LedgerEntry],
    /// The run that opens the pull request.
    pub run: Option<&'a Run>,
}

impl DecisionPack<'_> {
    /// Markdown of at most the length that GitHub accepts; as much of the report as fits.
    pub fn render(&self) -> String {
        let mut page = self.report.clone();
        page.tables.retain(|table| table.title != APPROVE_RUN);
        if page.tables.is_empty() {
            page.tables.extend(self.history());
        }
        let facts = self.facts();
        let pages = [body(&page), short_body(&page), String::new()];
        let texts = pages.map(|page| format!("{}{}", without_mentions(&format!("{facts}\n{page}")), self.footer()));
        texts.into_iter().find(|text| text.len() <= LIMIT).unwrap_or_default()
    }

    /// What changes, on what it rests, and who may not approve it.
    fn facts(&self) -> String {
        let Self { promotion, proposed: ProposedCommit { commit, image, previous, .. }, base, report, .. } = self;
        let before = previous.as_deref().unwrap_or("no image entry");
        let mut lines = vec![format!("Change: `{before}` → `{image}` in {} on `{base}`", promotion.environment)];
        let at = promotion.validated_at.map(rfc3339).unwrap_or_default();
        let by = promotion.validation_run.as_deref().unwrap_or("an unknown run");
        lines.push(format!("Validated at {at} by {by}"));
        let id = promotion.evidence.as_ref().map_or("none", EvidenceId::as_str);
        let verified = report.run.as_ref().map_or("an unknown run", |run| run.url.as_str());
        lines.push(format!("Evidence `{}`, verified by {verified}: its job summary has the whole page", clip(id, 12)));
        lines.extend(self.compare().map(|url| format!("What is new: {url}")));
        let excluded = report.outputs.get("excluded").map(String::as_str).unwrap_or_default();
        if !excluded.is_empty() {
            let people: Vec<&str> = excluded.lines().collect();
            lines.push(format!(
                "Had a part in the release, and may not approve it: {}",
                clip(&people.join(", "), MAX_PEOPLE)
            ));
        }
        lines.push(format!(
            "Next: look at it where it was validated, then approve this pull request or request changes. An approval counts for the \
             commit {} alone: a push onto the branch makes it void",
            short_sha(commit.as_str())
        ));
        lines.iter().map(|line| format!("- {}\n", inline(line))).collect()
    }

    /// The commits since the image before, in the repository that validated.
    fn compare(&self) -> Option<String> {
        let PeopleDigest { head, base, .. } = self.promotion.people.as_ref()?;
        let (repository, _) = self.promotion.validation_run.as_deref()?.split_once("/actions/runs/")?;
        Some(match base {
            Some(base) => format!("{repository}/compare/{base}...{head}"),
            None => format!("{repository}/commit/{head}"),
        })
    }

    fn history(&self) -> Option<Table> {
        let rows = self.entries.iter().take(MAX_PROMOTIONS).map(|entry| {
            [
                minute(entry.committed_at),
                entry.promotion.kind.to_string(),
                clip(&entry.promotion.image, MAX_CELL),
                clip(entry.promotion.approved_by.as_deref().unwrap_or("unknown"), MAX_CELL),
                short_sha(entry.commit.as_str()).to_owned(),
            ]
        });
        let columns = ["When", "Kind", "Image", "Approved by", "Commit"];
        let table = Table::new("The last promotions of this service", &columns, rows);
        (!table.rows.is_empty()).then_some(table)
    }

    fn footer(&self) -> String {
        let run = self.run.map(|run| format!(" in {}", inline(&run.url))).unwrap_or_default();
        format!("\nOpened by `promote`{run}. No check reads this text: `approval` judges the commit and the reviews.\n")
    }
}
