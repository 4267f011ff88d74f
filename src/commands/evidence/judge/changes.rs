//! What the promotion would change, and who made that: they do not approve it.

use std::collections::BTreeMap;

use super::{Case, unobservable};
use crate::{
    commands::evidence::observations::{Base, Changes, Comparison, Seen, SourceCommit, WorkflowRun, short},
    finding::Finding,
};

const CHECK: &str = "commits";

/// Who has a part in a release.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::commands::evidence) struct People {
    /// Login, and why that is; each person once, whatever the case of the login.
    pub excluded: BTreeMap<String, Part>,
    /// Commits whose author no account is known of: short id, and the name in the commit.
    pub unknown: Vec<String>,
}

/// A person's part.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands::evidence) struct Part {
    /// As GitHub writes it.
    pub login: String,
    pub why: Vec<&'static str>,
    pub is_author: bool,
}

impl People {
    fn add(&mut self, login: Option<&str>, why: &'static str, is_author: bool) {
        let Some(login) = login.filter(|login| !is_machine(login)) else { return };
        let part = self.excluded.entry(login.to_lowercase());
        let part = part.or_insert_with(|| Part { login: login.to_owned(), why: Vec::new(), is_author: false });
        part.is_author |= is_author;
        if !part.why.contains(&why) {
            part.why.push(why);
        }
    }
}

/// An App, or GitHub itself: `web-flow` commits what is merged in the browser.
fn is_machine(login: &str) -> bool {
    login.ends_with("[bot]") || login.eq_ignore_ascii_case("web-flow")
}

/// Everybody who has a part in what would be promoted, as far as it was seen.
pub(in crate::commands::evidence) fn people(seen: &Seen) -> People {
    let mut people = People::default();
    let runs = [(Some(&seen.run), "started the validation"), (seen.deploy.as_ref(), "started the deploy")];
    for (looked, why) in runs {
        let run = looked.and_then(|looked| looked.as_ref().ok()).and_then(Option::as_ref);
        if let Some(WorkflowRun { actor, triggering_actor, .. }) = run {
            people.add(actor.as_deref(), why, false);
            people.add(triggering_actor.as_deref(), why, false);
        }
    }
    for commit in seen.changes.commits() {
        people.add(commit.author.as_deref(), "author", true);
        people.add(commit.committer.as_deref(), "committer", false);
        if commit.author.is_none() {
            people.unknown.push(format!("{} by {}", short(&commit.sha), commit.author_name()));
        }
    }
    people
}

impl Changes {
    /// The commits that are new, oldest first; the last of them alone where nothing tells which are.
    pub fn commits(&self) -> impl Iterator<Item = &SourceCommit> {
        let compared = self.comparison.as_ref().and_then(|looked| looked.as_ref().ok()).and_then(Option::as_ref);
        let head = self.head.as_ref().and_then(|looked| looked.as_ref().ok()).and_then(Option::as_ref);
        compared.map(|comparison| comparison.commits.iter()).unwrap_or_default().chain(head)
    }
}

impl Case<'_> {
    pub(super) fn changes(&self, seen: &Seen) -> Vec<Finding> {
        let changes = &seen.changes;
        let release = self.release();
        let next = super::super::pack::reference(&release);
        let decision = changes.decision.as_deref().unwrap_or("no image entry");
        let image = Finding::passed("image")
            .actual(format!("{decision} → {next}"))
            .expected(format!("an image to promote to {}", self.environment));
        let mut findings = vec![image, self.commits(changes)];
        let People { unknown, .. } = people(seen);
        if !unknown.is_empty() {
            let shown = unknown.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
            let more = unknown.len().saturating_sub(10);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            findings.push(
                Finding::passed("authors")
                    .actual(format!("no account is known of {shown}{more}"))
                    .expected("authors with an account, who can be kept from approving their own work")
                    .waived("told, not judged: whoever approves should not be one of them"),
            );
        }
        findings
    }

    fn commits(&self, changes: &Changes) -> Finding {
        let expected = "what is new since the image that stands there";
        let (sha, by) = match &changes.base {
            Ok(Base::Known { sha, by }) => (short(sha), by),
            Ok(Base::Unknown { tried }) => {
                let actual = format!("nothing tells which commit is in the image that stands there: {tried}");
                let next = "tag the commits of releases, as the images are; for a service's first promotion give `allow-first: true`";
                return match &changes.head {
                    Some(Err(finding)) => unobservable(CHECK, finding).expected(expected),
                    Some(Ok(Some(_))) if self.allow_first => {
                        Finding::passed(CHECK).actual(actual).expected(expected).waived("`allow-first`")
                    }
                    _ => Finding::inconclusive(CHECK).actual(actual).expected(expected).next(next),
                };
            }
            Err(finding) => return unobservable(CHECK, finding).expected(expected),
        };
        let comparison = match &changes.comparison {
            Some(Ok(Some(comparison))) => comparison,
            Some(Ok(None)) => {
                let actual = format!("{} does not know {sha} any more, which {by} tells", self.origin.repository);
                return Finding::inconclusive(CHECK).actual(actual).expected(expected);
            }
            Some(Err(finding)) => return unobservable(CHECK, finding).expected(expected),
            None => {
                return Finding::inconclusive(CHECK).actual("the commit of this image is not known").expected(expected);
            }
        };
        let Comparison { status, total, commits } = comparison;
        if (commits.len() as u64) < *total {
            return Finding::inconclusive(CHECK)
                .actual(format!("{total} commits since {sha}, of which GitHub tells {}", commits.len()))
                .expected(expected)
                .next("promote in smaller steps");
        }
        let actual = format!("{total} since {sha}, by {by}");
        match status.as_str() {
            "ahead" => Finding::passed(CHECK).actual(actual).expected(expected),
            "identical" => {
                Finding::passed(CHECK).actual(format!("none: the same commit {sha}, by {by}")).expected(expected)
            }
            // Validations that overtake each other look like this. Who means to go back has a command for it.
            "behind" => Finding::blocked(CHECK)
                .actual(format!("a downgrade: this image is older than the one that stands there ({sha}, by {by})"))
                .expected(expected)
                .next("to go back on purpose, use `rollback`"),
            // A hotfix that was picked into the branch never becomes its ancestor, so this cannot be forbidden.
            "diverged" => Finding::passed(CHECK)
                .actual(format!("{actual}; the image that stands there holds commits that this one lacks"))
                .expected(expected)
                .waived("told, not judged: look whether what it lacks is in it in another form"),
            other => Finding::inconclusive(CHECK).actual(format!("GitHub says: {other}")).expected(expected),
        }
    }
}
