//! A promotion that bypasses the gates, as `emergency` and `rollback` do: its incident, its approval, and its follow-up issue.

use std::{str::FromStr, time::Duration};

use jiff::Timestamp;
use regex_lite::Regex;

use crate::{
    approvers::{Reviews, fetch_reviews, join_names},
    config::people::People,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::{CommandError, ValueError},
    finding::Finding,
    ledger::{self, InfraRepo, LedgerEntry, OverlayScope, Promotion, PromotionKind},
    observe::read_until_answered,
    promotion::{
        follow_up::{self, FollowUp},
        infra::PromotionResult,
        rerun::earliest_attempt,
        writer::{BranchWriter, WriteMode},
    },
    report::{Effect, EffectState, Output, Run},
    secret::Secret,
    subject::Environment,
    world::{
        git::CommitIdentity,
        github::{GitHub, Repository, WorkflowRun},
    },
};

pub const ISSUE: Output = Output { name: "issue", help: "URL of the follow-up issue" };
pub const APPROVER: Output = Output { name: "approver", help: "Login of the person who approved this run" };

/// The settings that `emergency` and `rollback` share.
#[derive(Debug, clap::Args)]
pub struct BypassArgs {
    /// Regular expression that the whole incident id must match
    #[arg(long, value_name = "REGEX", default_value = "[A-Za-z0-9][A-Za-z0-9._-]{2,63}")]
    pub incident_pattern: IncidentPattern,
    /// GitHub environment of this job, whose reviewers approve it
    #[arg(long, value_name = "NAME", default_value = "production-emergency")]
    pub github_environment: Environment,
    /// Continue without a known approval; the commit then names no approver, and the issue says so
    #[arg(long)]
    pub allow_unapproved: bool,
    /// Repository that gets the follow-up issue [default: this repository]
    #[arg(long, value_name = "OWNER/NAME")]
    pub issue_repository: Option<Repository>,
    /// Token for GitHub's API: Actions: read on this repository, Issues: write on the repository of the issue [default: `token`]
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub api_token: Option<Secret>,
    /// How the commit reaches the branch: `push` pushes it; `api` lets GitHub make and sign it, for a branch that requires signed commits
    #[arg(long, value_name = "MODE", default_value = "push")]
    pub mode: WriteMode,
    /// Token that may push to the infra repository (Contents: write); without it, git uses the checkout's own credentials, and `mode: push` alone is possible
    #[arg(long, value_name = "WRITER_APP_TOKEN")]
    pub token: Option<Secret>,
}

/// A regular expression that the whole name has to match.
#[derive(Clone, Debug)]
pub struct IncidentPattern {
    text: String,
    regex: Regex,
}

impl FromStr for IncidentPattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new("a regular expression such as `INC-[0-9]+`");
        // Classes such as `\d` cover ASCII only.
        let compile = |text: &str| Regex::new(text).map_err(|_| ACCEPTED);
        // First without the group: a pattern such as `a)|(b` must not close it.
        compile(text)?;
        let regex = compile(&format!("\\A(?:{text})\\z"))?;
        Ok(Self { text: text.to_owned(), regex })
    }
}

/// Why a person bypasses the gates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BypassReason(String);

impl FromStr for BypassReason {
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

impl BypassReason {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The approval of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunApproval {
    /// The people who approved it; empty when none is known and `allow-unapproved` is set.
    pub approvers: Vec<String>,
    pub finding: Finding,
}

/// GitHub, and the two repositories that a bypass uses there.
pub struct BypassGitHub {
    pub client: GitHub,
    /// The repository of this workflow.
    pub workflow_repository: Repository,
    pub issue_repository: Repository,
    /// How long it is asked about this run.
    patience: Duration,
}

impl BypassArgs {
    /// The name of the incident, if it is valid.
    ///
    /// # Errors
    /// Bad input when the pattern does not match the whole name.
    pub fn check_incident(&self, incident: &str) -> Result<String, CommandError> {
        // The name becomes one line of a commit message and of a title, whatever the pattern accepts.
        let is_one_line = incident.chars().count() <= 200 && !incident.chars().any(char::is_control);
        if is_one_line && self.incident_pattern.regex.is_match(incident) {
            return Ok(incident.to_owned());
        }
        Err(Finding::inconclusive("`incident`")
            .actual(format!("{incident:?}"))
            .expected(format!("an incident's name: all of it has to match {}", self.incident_pattern.text))
            .next("name the incident as the tracker does, or set `incident-pattern`")
            .bad_input())
    }

    /// # Errors
    /// Bad input when GitHub's address, a token or this repository is unknown or invalid.
    pub fn github(&self, ctx: &CommandContext) -> Result<BypassGitHub, CommandError> {
        let patience = self.patience();
        let workflow_repository = ctx.own_repository()?;
        let issue_repository = self.issue_repository.clone().unwrap_or_else(|| workflow_repository.clone());
        let client = ctx.github(self.api_token.as_ref().or(self.token.as_ref()), REQUEST_TIMEOUT)?;
        Ok(BypassGitHub { client, workflow_repository, issue_repository, patience })
    }

    /// Writes the commit.
    ///
    /// # Errors
    /// As [`BranchWriter::new`].
    pub fn writer<'a>(
        &self,
        committer: CommitIdentity,
        repo: &'a InfraRepo,
        ctx: &'a CommandContext,
    ) -> Result<BranchWriter<'a>, CommandError> {
        BranchWriter::new(self.mode, committer, repo, self.token.as_ref(), ctx)
    }

    /// How long GitHub is asked about this run: when an approval is required, as long as the command may take. Without one, a
    /// GitHub that does not answer must not keep an incident waiting.
    const fn patience(&self) -> Duration {
        if self.allow_unapproved { REQUEST_TIMEOUT.0 } else { Duration::MAX }
    }

    /// Checks who approved this run. It asks until GitHub answers, and does not poll, because a person waits for it in an
    /// incident.
    ///
    /// # Errors
    /// The finding that forbids every write.
    pub fn check_approval(
        &self,
        ctx: &CommandContext,
        github: &BypassGitHub,
        people: &People,
    ) -> Result<RunApproval, Finding> {
        let run = ctx.runner_env.run.as_ref();
        let reviews = match run {
            Some(run) => read_until_answered(&ctx.execution, self.patience(), || {
                fetch_reviews(&github.client, &github.workflow_repository, run.id, &self.github_environment, people)
            }),
            None => Err(Finding::inconclusive("workflow run")
                .actual("none is known here (GITHUB_REPOSITORY and GITHUB_RUN_ID)")
                .expected("a step of a workflow run with an approval")),
        };
        judge_reviews(reviews, run, &self.github_environment, self.allow_unapproved)
    }
}

impl BypassGitHub {
    /// When this run was started: the person who started it did not know of later promotions. `None` outside of a run.
    ///
    /// # Errors
    /// As [`BypassGitHub::own_run`].
    pub fn run_created_at(&self, ctx: &CommandContext) -> Result<Option<Timestamp>, Finding> {
        Ok(self.own_run(ctx)?.map(|run| run.created_at))
    }

    /// This run as GitHub shows it. `None` outside of a run.
    ///
    /// # Errors
    /// GitHub does not answer; the run does not exist; the token lacks Actions: read.
    pub fn own_run(&self, ctx: &CommandContext) -> Result<Option<WorkflowRun>, Finding> {
        let Some(run) = &ctx.runner_env.run else { return Ok(None) };
        let find = || self.client.workflow_run(&self.workflow_repository, run.id);
        match read_until_answered(&ctx.execution, self.patience, find)? {
            Some(run) => Ok(Some(run)),
            None => Err(Finding::inconclusive(format!("workflow run {} of {}", run.id, self.workflow_repository))
                .actual("there is none")
                .expected("the run of this step")),
        }
    }

    /// Files the issue about a commit: the finding about it, and its URL.
    #[must_use]
    pub fn file_issue(
        &self,
        ctx: &CommandContext,
        kind: PromotionKind,
        follow_up: &FollowUp,
    ) -> (Finding, Option<String>) {
        let filed = follow_up::file_issue(ctx, &self.client, &self.issue_repository, follow_up);
        follow_up::report_issue(kind, filed)
    }

    /// Adds the issue as a planned effect of a dry-run. It does not search for an existing one, because a commit that was
    /// not made has none.
    pub fn plan_issue(&self, ctx: &CommandContext, title: String) {
        let target = format!("issues of {}", self.issue_repository);
        ctx.execution.partial.begin_effect(Effect { target, detail: title, state: EffectState::Planned });
    }
}

fn judge_reviews(
    reviews: Result<Reviews, Finding>,
    run: Option<&Run>,
    environment: &Environment,
    allow_unapproved: bool,
) -> Result<RunApproval, Finding> {
    let expected = format!("a person who approved this run for {environment}");
    let attempt = run.map_or(1, |run| run.attempt);
    let refusal = match reviews {
        Err(finding) => finding,
        Ok(reviews) if !reviews.rejected.is_empty() => {
            // No setting overrides a rejection.
            return Err(Finding::blocked("approval")
                .expected(expected)
                .actual(format!("{} rejected it", join_names(&reviews.rejected)))
                .next("ask who rejected it why; a new run asks for a new review"));
        }
        Ok(_) if attempt > 1 => Finding::blocked("approval")
            .expected(expected)
            .actual(format!("this is attempt {attempt}, and GitHub does not say which attempt was approved"))
            .next("start a new workflow run instead of re-running this one"),
        Ok(reviews) => {
            let approvers: Vec<String> = reviews.people().map(ToOwned::to_owned).collect();
            if !approvers.is_empty() {
                let actual = format!("{} approved this run", join_names(&approvers));
                let finding = Finding::passed("approval").expected(expected).actual(actual);
                return Ok(RunApproval { approvers, finding });
            }
            Finding::blocked("approval")
                .expected(expected)
                .actual("no person approved this run")
                .next(format!("give {environment} required reviewers, and name it in the job's `environment:`"))
        }
    };
    if allow_unapproved {
        let finding = Finding::passed("approval").expected(refusal.expected).actual(refusal.actual);
        return Ok(RunApproval {
            approvers: Vec::new(),
            finding: finding.waived("`allow-unapproved`, which the issue records"),
        });
    }
    Err(refusal)
}

/// Adds who started this run, and its URL.
#[must_use]
pub fn with_run(promotion: Promotion, ctx: &CommandContext) -> Promotion {
    Promotion {
        triggered_by: ctx.runner_env.actor.clone(),
        workflow: ctx.runner_env.run.as_ref().map(|run| run.url.clone()),
        ..promotion
    }
}

/// The ledger entry of the result's commit, and all entries of the last 31 days. The issue repeats the ledger, so the entry
/// is read back.
///
/// # Errors
/// The ledger cannot be read.
pub fn read_entry(
    repo: &InfraRepo,
    promotion: &Promotion,
    result: &PromotionResult,
    now: Timestamp,
) -> Result<(Option<LedgerEntry>, Vec<LedgerEntry>), Finding> {
    let scope = OverlayScope::of(&promotion.service, &promotion.environment);
    let entries = ledger::read(repo, &scope, earliest_attempt(now))?;
    let entry = entries.iter().find(|entry| Some(&entry.commit) == result.commit.as_ref()).cloned();
    Ok((entry, entries))
}

/// The URL of a repository.
#[must_use]
pub fn repository_url(ctx: &CommandContext, repository: &Repository) -> String {
    let server = ctx.runner_env.server();
    format!("{}/{repository}", server.trim_end_matches('/'))
}

/// Checks that the workflow runs from the default branch. A workflow file of another branch could contain anything, another
/// list of services included.
///
/// # Errors
/// It runs from another branch; its branch or the default branch is unknown.
pub fn check_default_branch(repo: &InfraRepo, ctx: &CommandContext) -> Result<Finding, CommandError> {
    let default = repo.read(ctx, || repo.git.remote_default_branch(&repo.remote)).map_err(Finding::unobservable)?;
    let Some(default) = default else {
        return Err(Finding::inconclusive("the default branch")
            .actual(format!("{} has none", repo.remote.url()))
            .expected("a branch that HEAD points to")
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
    use crate::{approvers::ReviewAuthor, finding::Verdict};

    fn reviews(approved: &[&str], rejected: &[&str]) -> Reviews {
        let people = |logins: &[&str]| {
            let reviewer = |login: &&str| match login.strip_suffix("[bot]") {
                Some(_) => ReviewAuthor::Bot((*login).to_owned()),
                None => ReviewAuthor::Person((*login).to_owned()),
            };
            logins.iter().map(reviewer).collect()
        };
        Reviews { approved: people(approved), rejected: people(rejected), ..Reviews::default() }
    }

    fn judged(reviews: Result<Reviews, Finding>, attempt: u32, allow: bool) -> Result<Option<String>, Verdict> {
        let run = Run { repository: "acme/infra".to_owned(), id: 7, attempt, url: String::new(), job: String::new() };
        match judge_reviews(reviews, Some(&run), &"production-emergency".parse().unwrap(), allow) {
            Ok(approval) => {
                assert_eq!(approval.finding.verdict, Verdict::Passed);
                assert_eq!(approval.finding.waived.is_some(), approval.approvers.is_empty(), "{}", approval.finding);
                Ok(approval.approvers.first().cloned())
            }
            Err(finding) => Err(finding.verdict),
        }
    }

    #[test]
    fn a_bypass_needs_the_approval_of_a_person_unless_it_may_be_unapproved() {
        let unobservable = || Err(Finding::inconclusive("reviews").actual("gone"));
        let bob = || Some("bob".to_owned());
        for (reviews, attempt, required, optional) in [
            (Ok(reviews(&["bob"], &[])), 1, Ok(bob()), Ok(bob())),
            (Ok(reviews(&["ci[bot]", "bob", "carol"], &[])), 1, Ok(bob()), Ok(bob())),
            (Ok(reviews(&[], &[])), 1, Err(Verdict::Blocked), Ok(None)),
            (Ok(reviews(&["ci[bot]"], &[])), 1, Err(Verdict::Blocked), Ok(None)),
            (Ok(reviews(&["bob"], &[])), 2, Err(Verdict::Blocked), Ok(None)),
            (Ok(reviews(&["bob"], &["carol"])), 1, Err(Verdict::Blocked), Err(Verdict::Blocked)),
            (unobservable(), 1, Err(Verdict::Inconclusive), Ok(None)),
        ] {
            assert_eq!(judged(reviews.clone(), attempt, false), required, "{reviews:?} {attempt}");
            assert_eq!(judged(reviews.clone(), attempt, true), optional, "{reviews:?} {attempt}");
        }
    }

    #[test]
    fn an_incident_pattern_matches_the_whole_name_and_cannot_leave_its_group() {
        for (pattern, text, fits) in [
            ("INC-[0-9]+", "INC-17", true),
            ("INC-[0-9]+", "INC-17x", false),
            ("INC-[0-9]+", "xINC-17", false),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            ("a$", "a\n", false),
        ] {
            let pattern: IncidentPattern = pattern.parse().unwrap();
            assert_eq!(pattern.regex.is_match(text), fits, "{text:?}");
        }
        for bad in ["(", "a)|(b", "[", "*"] {
            assert!(bad.parse::<IncidentPattern>().is_err(), "{bad}");
        }
    }
}
