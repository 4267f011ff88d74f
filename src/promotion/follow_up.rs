//! The issue that asks afterwards: exactly one for each commit that went around the gates.
//!
//! A marker in the body says which commit it is about. It is looked for in the list of all issues with our label, open and
//! closed: a search would lag behind. Who creates one lists again: of several that were created at once the lowest number
//! stays, and whoever sees the others closes them.

use std::time::Duration;

use crate::{
    context::CommandContext,
    error::CommandError,
    finding::{Finding, Verdict},
    ledger::{Entry, Kind},
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState, summary::escape},
    values::clip,
    world::{
        git::Commit,
        github::{GitHub, Issue, IssueQuery, IssueState, NewIssue, Repository},
    },
};

/// The label of every such issue.
pub const LABEL: &str = "promote-gates";
/// What to do when there is a commit and no issue.
pub const AGAIN: &str = "run it again: the commit stands and is not made twice, and the issue is filed";
/// How long to go on while GitHub loses answers.
const LIMIT: Duration = Duration::from_mins(1);
/// GitHub takes 256 characters.
const TITLE: usize = 250;

/// One such issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// What names the commit; a line of its own in the body.
    pub marker: String,
    /// Raw.
    pub title: String,
    /// Markdown, with all foreign text escaped.
    pub text: String,
}

impl FollowUp {
    /// The marker of a commit's issue.
    #[must_use]
    pub fn marker(entry: &Entry) -> String {
        let Entry { kind, environment, service, commit, .. } = entry;
        format!("<!-- promote-gates:{kind}:{environment}:{service}:{commit} -->")
    }

    fn is(&self, issue: &Issue) -> bool {
        issue.body.lines().any(|line| line.trim() == self.marker)
    }

    fn issue(&self) -> NewIssue {
        let title = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        NewIssue {
            title: clip(&title, TITLE),
            body: format!("{}\n\n{}\n", self.marker, self.text),
            labels: vec![LABEL.to_owned()],
        }
    }
}

/// What an entry of the ledger says, one fact a line, as markdown. Links are made for what is a commit or a workflow run.
#[must_use]
pub fn facts(entry: &Entry, repository_url: &str) -> String {
    let commit = |id: &Commit| format!("[{}]({repository_url}/commit/{id})", &id.as_str()[..12]);
    let text = |value: &Option<String>| value.as_deref().map(escape);
    let rows = [
        ("Commit", Some(commit(&entry.commit))),
        ("Committed", Some(escape(&entry.at.to_string()))),
        ("Image", Some(escape(&entry.image))),
        ("Image before", text(&entry.previous)),
        ("Takes back", entry.rolls_back.as_ref().map(commit)),
        ("Incident", text(&entry.incident)),
        ("Reason", text(&entry.reason)),
        ("Approved by", Some(text(&entry.approved_by).unwrap_or_else(|| "**nobody**".to_owned()))),
        ("Started by", text(&entry.triggered_by)),
        ("Workflow run", entry.workflow.as_ref().map(|run| escape(&run.url))),
    ];
    let lines = rows.into_iter().filter_map(|(name, value)| Some(format!("- {name}: {}", value?)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Sees to it that there is one issue, and gives it; `None` in dry-run, when there is none yet.
///
/// # Errors
/// GitHub cannot be reached, refuses, or left the label out, without which nobody finds the issue again.
pub fn file(
    ctx: &CommandContext,
    github: &GitHub,
    repository: &Repository,
    follow_up: &FollowUp,
) -> Result<Option<Issue>, CommandError> {
    let issue = reconcile(&ctx.execution, LIMIT, &Opening { github, repository, follow_up })?;
    let Some(issue) = issue else { return Ok(None) };
    if !issue.labels.iter().any(|label| label == LABEL) {
        let finding = Finding::inconclusive("follow-up issue")
            .actual(format!("GitHub opened issue {} without its label", issue.number))
            .expected(format!("the label `{LABEL}`, by which it is found again"))
            .next(format!("put the label `{LABEL}` on it, and give a token that may (Issues: write)"));
        return Err(CommandError::Refused(finding));
    }
    let all = listed(github, repository, follow_up).map_err(Finding::unobservable)?;
    let first = all.iter().min_by_key(|one| one.number).cloned().unwrap_or(issue);
    for twin in all.iter().filter(|one| one.number > first.number && one.state == IssueState::Open) {
        reconcile(&ctx.execution, LIMIT, &Closing { github, repository, follow_up, number: twin.number })?;
    }
    Ok(Some(first))
}

/// Our issues about this, as GitHub lists them now.
fn listed(github: &GitHub, repository: &Repository, follow_up: &FollowUp) -> Result<Vec<Issue>, Finding> {
    let query = IssueQuery { labels: vec![LABEL.to_owned()], closed: true, since: None };
    let mut issues = github.issues(repository, &query)?;
    issues.retain(|issue| follow_up.is(issue));
    Ok(issues)
}

/// Opens one, unless there is one.
struct Opening<'a> {
    github: &'a GitHub,
    repository: &'a Repository,
    follow_up: &'a FollowUp,
}

impl Change for Opening<'_> {
    type Base = Option<Issue>;
    type Edit = ();
    type Done = Issue;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: format!("issues of {}", self.repository),
            detail: self.follow_up.issue().title,
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<Option<Issue>, CommandError> {
        let all = listed(self.github, self.repository, self.follow_up).map_err(Finding::unobservable)?;
        Ok(all.into_iter().min_by_key(|one| one.number))
    }

    fn plan(&self, base: &Option<Issue>) -> Plan<(), Issue> {
        base.clone().map_or(Plan::Write(()), Plan::UpToDate)
    }

    fn write(&self, permit: &Permit, _: &Option<Issue>, (): &()) -> WriteOutcome<Issue> {
        self.github.create_issue(permit, self.repository, &self.follow_up.issue()).wrote("issue")
    }
}

/// Closes a twin.
struct Closing<'a> {
    github: &'a GitHub,
    repository: &'a Repository,
    follow_up: &'a FollowUp,
    number: u64,
}

impl Change for Closing<'_> {
    type Base = bool;
    type Edit = ();
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: format!("issue {} of {}", self.number, self.repository),
            detail: "closed: another one is about the same".to_owned(),
            state: EffectState::Planned,
        }
    }

    /// Whether it is open still.
    fn read(&self) -> Result<bool, CommandError> {
        let all = listed(self.github, self.repository, self.follow_up).map_err(Finding::unobservable)?;
        Ok(all.iter().any(|one| one.number == self.number && one.state == IssueState::Open))
    }

    fn plan(&self, open: &bool) -> Plan<(), ()> {
        if *open { Plan::Write(()) } else { Plan::UpToDate(()) }
    }

    fn write(&self, permit: &Permit, _: &bool, (): &()) -> WriteOutcome<()> {
        self.github.close_issue(permit, self.repository, self.number).wrote("issue")
    }
}

/// What became of the issue, as a finding and its address. Whatever went wrong with it, the commit stands by now: running
/// the command again files the issue and commits nothing.
#[must_use]
pub fn told(kind: Kind, filed: Result<Option<Issue>, CommandError>) -> (Finding, Option<String>) {
    let finding = Finding::passed("follow-up issue").expected(format!("one issue about the {kind}"));
    let unfiled = match filed {
        Ok(Some(issue)) => return (finding.actual(issue.html_url.clone()), Some(issue.html_url)),
        Ok(None) => Finding { verdict: Verdict::Inconclusive, ..finding.actual("dry-run: nothing was written") },
        Err(CommandError::Refused(refused)) => refused,
        Err(CommandError::BadInput(error) | CommandError::Unobservable(error)) => error,
        Err(CommandError::Cancelled) => {
            Finding::inconclusive("follow-up issue").actual("cancelled before it was filed")
        }
    };
    let next = unfiled.next.clone().map_or_else(|| AGAIN.to_owned(), |next| format!("{next}; {AGAIN}"));
    (unfiled.next(next), None)
}
