//! What goes around the gates, `emergency` and `rollback`: in which incident, who approved it, and the issue that asks
//! afterwards.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use regex_lite::Regex;

use crate::{
    approvers::{Reviews, approved, names},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::Finding,
    ledger::{self, Entry, Kind, Place, Promotion},
    promotion::{
        follow_up::{self, FollowUp},
        infra::Done,
    },
    report::{Effect, EffectState, Output, Run},
    secret::Secret,
    subject::Environment,
    values::HumanDuration,
    world::github::{GitHub, Repository},
};

pub const ISSUE: Output = Output { name: "issue", help: "The address of the follow-up issue" };
pub const APPROVER: Output = Output { name: "approver", help: "Login of the person who approved this run" };

/// How long one question to GitHub may take.
const QUESTION: HumanDuration = HumanDuration(std::time::Duration::from_secs(20));
/// A run can be run again for so long. Source: GitHub's documentation, "Re-running workflows and jobs".
pub const RERUNS: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The settings that they share.
#[derive(Debug, clap::Args)]
pub struct BypassArgs {
    /// Incidents are named like this: a regular expression that the whole name has to match
    #[arg(long, value_name = "REGEX", default_value = "[A-Za-z0-9][A-Za-z0-9._-]{2,63}")]
    pub incident_pattern: Pattern,
    /// GitHub environment that this job stands in, whose reviewers approved it
    #[arg(long, value_name = "NAME", default_value = "production-emergency")]
    pub github_environment: Environment,
    /// Go on although nobody is known to have approved; the commit and the issue then say so
    #[arg(long)]
    pub allow_unapproved: bool,
    /// Repository that gets the follow-up issue [default: this one]
    #[arg(long, value_name = "OWNER/NAME")]
    pub issue_repository: Option<Repository>,
    /// Token for GitHub's API: Actions: read here, Issues: write where the follow-up goes [default: `token`]
    #[arg(long)]
    pub api_token: Option<Secret>,
    /// Token that may push to the infra repository (Contents: write); without it, the checkout's own credentials
    #[arg(long)]
    pub token: Option<Secret>,
}

/// A regular expression that a whole text has to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl FromStr for Pattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new("a regular expression such as `INC-[0-9]+`");
        // Classes such as `\d` are those of ASCII.
        let compile = |text: &str| Regex::new(text).map_err(|_| ACCEPTED);
        // On its own first: it must not close the group that it is put into.
        compile(text)?;
        let regex = compile(&format!("\\A(?:{text})\\z"))?;
        Ok(Self { text: text.to_owned(), regex })
    }
}

/// Why somebody goes around the gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl FromStr for Reason {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        if (1..=1000).contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("a reason, of at most 1000 characters"))
        }
    }
}

impl Reason {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whoever is known to have approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// `None` when nobody is, and that is allowed.
    pub by: Option<String>,
    pub finding: Finding,
}

/// The two sides of GitHub that are spoken to.
pub struct Sides {
    pub github: GitHub,
    /// Whose workflow this is.
    pub own: Repository,
    /// Where the issue goes.
    pub issues: Repository,
}

impl BypassArgs {
    /// # Errors
    /// Bad input when the pattern does not match the whole of it.
    pub fn incident(&self, incident: &str) -> Result<String, CommandError> {
        // Whatever the pattern lets through, it is one line of a message and of a title.
        let fits = incident.chars().count() <= 200 && !incident.chars().any(char::is_control);
        if fits && self.incident_pattern.regex.is_match(incident) {
            return Ok(incident.to_owned());
        }
        Err(Finding::inconclusive("`incident`")
            .actual(format!("{incident:?}"))
            .expected(format!("an incident's name: all of it has to match {}", self.incident_pattern.text))
            .next("name the incident as the tracker does, or set `incident-pattern`")
            .bad_input())
    }

    /// # Errors
    /// Bad input when one of them cannot be told.
    pub fn sides(&self, ctx: &CommandContext) -> Result<Sides, CommandError> {
        let own = ctx.own_repository()?;
        let issues = self.issue_repository.clone().unwrap_or_else(|| own.clone());
        let github = ctx.github(self.api_token.as_ref().or(self.token.as_ref()), QUESTION)?;
        Ok(Sides { github, own, issues })
    }

    /// Who approved this run. It is asked once: in an incident nobody waits for a list.
    ///
    /// # Errors
    /// Why nothing may be written.
    pub fn approval(&self, ctx: &CommandContext, sides: &Sides) -> Result<Approved, Finding> {
        let run = ctx.runner_env.run.as_ref();
        let reviews = match run {
            Some(run) => approved(&sides.github, &sides.own, run.id, &self.github_environment),
            None => Err(Finding::inconclusive("workflow run")
                .actual("none is known here (GITHUB_REPOSITORY and GITHUB_RUN_ID)")
                .expected("a step of a workflow run that somebody approved")),
        };
        judge(reviews, run, &self.github_environment, self.allow_unapproved)
    }
}

impl Sides {
    /// When somebody started this run: whatever was decided then, it was without knowing what came later. `None` outside of a
    /// run.
    ///
    /// # Errors
    /// Without an answer; no such run; a token without Actions: read.
    pub fn started(&self, ctx: &CommandContext) -> Result<Option<Timestamp>, Finding> {
        let Some(run) = &ctx.runner_env.run else { return Ok(None) };
        match self.github.workflow_run(&self.own, run.id)? {
            Some(run) => Ok(Some(run.created_at)),
            None => Err(Finding::inconclusive(format!("workflow run {} of {}", run.id, self.own))
                .actual("there is none")
                .expected("the run that this is a step of")),
        }
    }

    /// Files the issue about a commit. What became of it, and its address.
    #[must_use]
    pub fn ask(&self, ctx: &CommandContext, kind: Kind, follow_up: &FollowUp) -> (Finding, Option<String>) {
        follow_up::told(kind, follow_up::file(ctx, &self.github, &self.issues, follow_up))
    }

    /// What would be filed, in dry-run: nobody can look for the issue of a commit that was not made.
    pub fn would_ask(&self, ctx: &CommandContext, title: String) {
        let target = format!("issues of {}", self.issues);
        ctx.execution.partial.begin_effect(Effect { target, detail: title, state: EffectState::Planned });
    }
}

fn judge(
    reviews: Result<Reviews, Finding>,
    run: Option<&Run>,
    environment: &Environment,
    allow_unapproved: bool,
) -> Result<Approved, Finding> {
    let expected = format!("a person who approved this run for {environment}");
    let attempt = run.map_or(1, |run| run.attempt);
    let refused = match reviews {
        Err(error) => error,
        Ok(reviews) if !reviews.rejected.is_empty() => {
            // Nobody may go on by a setting where somebody has said no.
            return Err(Finding::blocked("approval")
                .expected(expected)
                .actual(format!("{} rejected it", names(&reviews.rejected))));
        }
        Ok(_) if attempt > 1 => Finding::blocked("approval")
            .expected(expected)
            .actual(format!("this is attempt {attempt}, and GitHub does not tell which attempt was approved"))
            .next("start the workflow anew instead of running it again"),
        Ok(reviews) => match reviews.people().next() {
            Some(login) => {
                let finding =
                    Finding::passed("approval").expected(expected).actual(format!("{login} approved this run"));
                return Ok(Approved { by: Some(login.to_owned()), finding });
            }
            None => Finding::blocked("approval")
                .expected(expected)
                .actual("nobody approved this run")
                .next(format!("give {environment} required reviewers, and name it in the job's `environment:`")),
        },
    };
    if allow_unapproved {
        let finding = Finding::passed("approval").expected(refused.expected).actual(refused.actual);
        return Ok(Approved { by: None, finding: finding.waived("`allow-unapproved`, which the issue says") });
    }
    Err(refused)
}

/// The commit of `kind` that this very workflow run has made before. GitHub runs a run again on request: what it was to do
/// is done then, whatever stands there now.
#[must_use]
pub fn of_this_run<'a>(entries: &'a [Entry], kind: Kind, run: Option<&Run>) -> Option<&'a Entry> {
    let run = run?;
    entries.iter().find(|entry| {
        let theirs = entry.workflow.as_ref().filter(|_| entry.kind == kind);
        theirs.is_some_and(|theirs| {
            theirs.id == run.id && theirs.repository.to_string().eq_ignore_ascii_case(&run.repository)
        })
    })
}

/// What every such commit says of where it comes from.
#[must_use]
pub fn signed(promotion: Promotion, ctx: &CommandContext) -> Promotion {
    Promotion {
        triggered_by: ctx.runner_env.actor.clone(),
        workflow: ctx.runner_env.run.as_ref().map(|run| run.url.clone()),
        ..promotion
    }
}

/// The entry of a commit that was just made, or found to be there. It is read back: the issue tells what the ledger says.
///
/// # Errors
/// The ledger cannot be read.
pub fn entry_of(place: &Place, done: &Done, now: Timestamp) -> Result<(Option<Entry>, Vec<Entry>), Finding> {
    let since = now.checked_sub(RERUNS).unwrap_or(now);
    let entries = ledger::read(place, since)?;
    let entry = entries.iter().find(|entry| Some(&entry.commit) == done.commit.as_ref()).cloned();
    Ok((entry, entries))
}

/// The address of a repository's pages.
#[must_use]
pub fn pages(ctx: &CommandContext, repository: &Repository) -> String {
    let server = ctx.runner_env.server_url.as_deref().unwrap_or("https://github.com");
    format!("{}/{repository}", server.trim_end_matches('/'))
}

/// Whether the workflow is that of the default branch. One of any other branch could say anything, the list of services
/// included.
///
/// # Errors
/// It is of another branch; which one it is, or should be, cannot be told.
pub fn from_default_branch(place: &Place, ctx: &CommandContext) -> Result<Finding, CommandError> {
    let default = place.git.remote_default_branch(&place.remote).map_err(Finding::unobservable)?;
    let Some(default) = default else {
        return Err(Finding::inconclusive("the default branch")
            .actual(format!("{} names none", place.remote.url()))
            .expected("a branch that HEAD stands for")
            .unobservable());
    };
    let finding = Finding::passed("workflow's branch").expected(default.full());
    match ctx.runner_env.git_ref.as_deref() {
        Some(own) if own == default.full() => Ok(finding.actual(own)),
        Some(own) => Err(CommandError::Refused(Finding {
            next: Some(format!("start the workflow from {default}")),
            ..Finding::blocked("workflow's branch").expected(default.full()).actual(own)
        })),
        None => Err(Finding::inconclusive("workflow's branch")
            .actual("GITHUB_REF is not set")
            .expected(default.full())
            .unobservable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{approvers::Reviewer, finding::Verdict};

    fn reviews(approved: &[&str], rejected: &[&str]) -> Reviews {
        let people = |logins: &[&str]| {
            let reviewer = |login: &&str| match login.strip_suffix("[bot]") {
                Some(_) => Reviewer::Bot((*login).to_owned()),
                None => Reviewer::Person((*login).to_owned()),
            };
            logins.iter().map(reviewer).collect()
        };
        Reviews { approved: people(approved), rejected: people(rejected) }
    }

    fn judged(seen: Result<Reviews, Finding>, attempt: u32, allow: bool) -> Result<Option<String>, Verdict> {
        let run = Run { repository: "acme/infra".to_owned(), id: 7, attempt, url: String::new(), job: String::new() };
        match judge(seen, Some(&run), &"production-emergency".parse().unwrap(), allow) {
            Ok(approved) => {
                assert_eq!(approved.finding.verdict, Verdict::Passed);
                assert_eq!(approved.finding.waived.is_some(), approved.by.is_none(), "{}", approved.finding);
                Ok(approved.by)
            }
            Err(finding) => Err(finding.verdict),
        }
    }

    #[test]
    fn a_person_has_to_have_approved_unless_that_is_not_asked() {
        let unobservable = || Err(Finding::inconclusive("reviews").actual("gone"));
        let bob = || Some("bob".to_owned());
        for (seen, attempt, asked, not_asked) in [
            (Ok(reviews(&["bob"], &[])), 1, Ok(bob()), Ok(bob())),
            (Ok(reviews(&["ci[bot]", "bob", "carol"], &[])), 1, Ok(bob()), Ok(bob())),
            (Ok(reviews(&[], &[])), 1, Err(Verdict::Blocked), Ok(None)),
            (Ok(reviews(&["ci[bot]"], &[])), 1, Err(Verdict::Blocked), Ok(None)),
            (Ok(reviews(&["bob"], &[])), 2, Err(Verdict::Blocked), Ok(None)),
            (Ok(reviews(&["bob"], &["carol"])), 1, Err(Verdict::Blocked), Err(Verdict::Blocked)),
            (unobservable(), 1, Err(Verdict::Inconclusive), Ok(None)),
        ] {
            assert_eq!(judged(seen.clone(), attempt, false), asked, "{seen:?} {attempt}");
            assert_eq!(judged(seen.clone(), attempt, true), not_asked, "{seen:?} {attempt}");
        }
    }

    #[test]
    fn a_pattern_is_of_the_whole_and_cannot_leave_its_group() {
        for (pattern, text, fits) in [
            ("INC-[0-9]+", "INC-17", true),
            ("INC-[0-9]+", "INC-17x", false),
            ("INC-[0-9]+", "xINC-17", false),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            ("a$", "a\n", false),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.regex.is_match(text), fits, "{text:?}");
        }
        for bad in ["(", "a)|(b", "[", "*"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
