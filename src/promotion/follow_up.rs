//! The follow-up issue: exactly one for each commit that bypassed the gates.
//!
//! A marker in the body names the commit. An existing issue is found in the list of all issues with the label, open and
//! closed, because GitHub's search lags behind. After the command creates an issue, it lists them again: if several were
//! created at once, the one with the lowest number stays and the others are closed.

use std::time::Duration;

use crate::{
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::{LedgerEntry, Promotion, PromotionKind},
    observe::read_until_answered,
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState, markdown::inline},
    values::clip,
    world::{
        git::Commit,
        github::{GitHub, Issue, IssueQuery, IssueState, NewIssue, Repository},
    },
};

/// The label of every such issue.
pub const LABEL: &str = "promote-gates";
/// The next step when there is a commit without an issue.
pub const RUN_AGAIN: &str = "run it again: the commit stands and is not made twice, and the issue is filed";
/// How long to retry when GitHub does not answer.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// The most characters of a title; GitHub accepts 256.
const MAX_TITLE: usize = 250;

/// A follow-up issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// Names the commit, on its own line of the body.
    pub marker: String,
    /// Raw.
    pub title: String,
    /// Markdown; all text from outside is escaped.
    pub text: String,
}

impl FollowUp {
    /// The marker of a commit's issue.
    #[must_use]
    pub fn marker(entry: &LedgerEntry) -> String {
        let LedgerEntry { commit, promotion: Promotion { kind, environment, service, .. }, .. } = entry;
        format!("<!-- promote-gates:{kind}:{environment}:{service}:{commit} -->")
    }

    fn matches(&self, issue: &Issue) -> bool {
        issue.body.lines().any(|line| line.trim() == self.marker)
    }

    fn to_new_issue(&self) -> NewIssue {
        let title = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        NewIssue {
            title: clip(&title, MAX_TITLE),
            body: format!("{}\n\n{}\n", self.marker, self.text),
            labels: vec![LABEL.to_owned()],
        }
    }
}

/// The facts of a ledger entry as a markdown list. Commits and workflow runs become links.
#[must_use]
pub fn entry_facts(entry: &LedgerEntry, repository_url: &str) -> String {
    let promotion = &entry.promotion;
    let commit = |id: &Commit| format!("[{}]({repository_url}/commit/{id})", &id.as_str()[..12]);
    let text = |value: &Option<String>| value.as_deref().map(inline);
    let rows = [
        ("Commit", Some(commit(&entry.commit))),
        ("Committed", Some(inline(&entry.committed_at.to_string()))),
        ("Image", Some(inline(&promotion.image))),
        ("Image before", text(&promotion.previous)),
        ("Rolls back", promotion.rolls_back.as_ref().map(commit)),
        ("Incident", text(&promotion.incident)),
        ("Reason", text(&promotion.reason)),
        ("Approved by", Some(text(&promotion.approved_by).unwrap_or_else(|| "**no known approval**".to_owned()))),
        (
            "Independent",
            promotion.is_self_approved().then(|| "**no: the person who started it approved it**".to_owned()),
        ),
        ("Started by", text(&promotion.triggered_by)),
        ("Workflow run", text(&promotion.workflow)),
    ];
    let lines = rows.into_iter().filter_map(|(name, value)| Some(format!("- {name}: {}", value?)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Files the issue unless it exists, and returns it; `None` in dry-run when it does not exist yet.
///
/// # Errors
/// GitHub is unreachable, refuses, or opened the issue without the label, by which later runs find it.
pub fn file_issue(
    ctx: &CommandContext,
    github: &GitHub,
    repository: &Repository,
    follow_up: &FollowUp,
) -> Result<Option<Issue>, CommandError> {
    let issue = reconcile(&ctx.execution, TIME_LIMIT, &OpenIssue { github, repository, follow_up })?;
    let Some(issue) = issue else { return Ok(None) };
    if !issue.labels.iter().any(|label| label == LABEL) {
        let finding = Finding::inconclusive("follow-up issue")
            .actual(format!("GitHub opened issue {} without its label", issue.number))
            .expected(format!("the label `{LABEL}`, by which it is found again"))
            .next(format!("add the label `{LABEL}` to it, and give a token that may do so (Issues: write)"));
        return Err(CommandError::Refused(finding));
    }
    let list = || matching_issues(github, repository, follow_up).map_err(Finding::unobservable);
    let all = read_until_answered(&ctx.execution, TIME_LIMIT, list)?;
    let first = all.iter().min_by_key(|one| one.number).cloned().unwrap_or(issue);
    for duplicate in all.iter().filter(|one| one.number > first.number && one.state == IssueState::Open) {
        reconcile(
            &ctx.execution,
            TIME_LIMIT,
            &CloseDuplicate { github, repository, follow_up, number: duplicate.number },
        )?;
    }
    Ok(Some(first))
}

/// The issues with this marker, as GitHub lists them now.
fn matching_issues(github: &GitHub, repository: &Repository, follow_up: &FollowUp) -> Result<Vec<Issue>, Finding> {
    let query = IssueQuery { labels: vec![LABEL.to_owned()], closed: true, since: None };
    let mut issues = github.issues(repository, &query)?;
    issues.retain(|issue| follow_up.matches(issue));
    Ok(issues)
}

/// Opens the issue unless it exists.
struct OpenIssue<'a> {
    github: &'a GitHub,
    repository: &'a Repository,
    follow_up: &'a FollowUp,
}

impl Change for OpenIssue<'_> {
    type Base = Option<Issue>;
    type Edit = ();
    type Done = Issue;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: format!("issues of {}", self.repository),
            detail: self.follow_up.to_new_issue().title,
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<Option<Issue>, CommandError> {
        let all = matching_issues(self.github, self.repository, self.follow_up).map_err(Finding::unobservable)?;
        Ok(all.into_iter().min_by_key(|one| one.number))
    }

    fn plan(&self, base: &Option<Issue>) -> Plan<(), Issue> {
        base.clone().map_or(Plan::Write(()), Plan::UpToDate)
    }

    fn write(&self, permit: &Permit, _: &Option<Issue>, (): &()) -> WriteOutcome<Issue> {
        self.github.create_issue(permit, self.repository, &self.follow_up.to_new_issue()).into_write_outcome("issue")
    }
}

/// Closes an issue about the same commit.
struct CloseDuplicate<'a> {
    github: &'a GitHub,
    repository: &'a Repository,
    follow_up: &'a FollowUp,
    number: u64,
}

impl Change for CloseDuplicate<'_> {
    type Base = bool;
    type Edit = ();
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: format!("issue {} of {}", self.number, self.repository),
            detail: "closed: another issue is about the same commit".to_owned(),
            state: EffectState::Planned,
        }
    }

    /// Whether it is still open.
    fn read(&self) -> Result<bool, CommandError> {
        let all = matching_issues(self.github, self.repository, self.follow_up).map_err(Finding::unobservable)?;
        Ok(all.iter().any(|one| one.number == self.number && one.state == IssueState::Open))
    }

    fn plan(&self, open: &bool) -> Plan<(), ()> {
        if *open { Plan::Write(()) } else { Plan::UpToDate(()) }
    }

    fn write(&self, permit: &Permit, _: &bool, (): &()) -> WriteOutcome<()> {
        self.github.close_issue(permit, self.repository, self.number).into_write_outcome("issue")
    }
}

/// The finding about the issue, and its URL. The commit exists by now even if the issue failed: running the command again
/// files the issue and commits nothing.
#[must_use]
pub fn report_issue(kind: PromotionKind, filed: Result<Option<Issue>, CommandError>) -> (Finding, Option<String>) {
    let finding = Finding::passed("follow-up issue").expected(format!("one issue about the {kind}"));
    let unfiled = match filed {
        Ok(Some(issue)) => return (finding.actual(issue.html_url.clone()), Some(issue.html_url)),
        Ok(None) => Finding { verdict: Verdict::Inconclusive, ..finding.actual("dry-run: nothing was written") },
        Err(CommandError::Refused(finding) | CommandError::BadInput(finding) | CommandError::Unobservable(finding)) => {
            finding
        }
        Err(CommandError::Cancelled) => {
            Finding::inconclusive("follow-up issue").actual("cancelled before it was filed")
        }
    };
    let next = unfiled.next.clone().map_or_else(|| RUN_AGAIN.to_owned(), |next| format!("{next}; {RUN_AGAIN}"));
    (unfiled.next(next), None)
}
