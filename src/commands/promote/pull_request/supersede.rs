//! The end of a pull request that a newer validation replaces: a comment with the reason, then it is closed. The comment comes first:
//! a run that is killed between the two is followed by one that finds the pull request open, and closes it.

use super::{plan::Rival, session::Session};
use crate::{
    error::CommandError,
    finding::Finding,
    ledger::{EvidenceId, Promotion, PromotionBranch},
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState, comment::without_mentions, markdown::inline},
    values::clip,
    world::{event::PullRequestNumber, git::Branch, github::PullRequest},
};

/// How much of an image's name the comment has, in characters.
const MAX_IMAGE: usize = 300;

/// A pull request that is replaced, and what replaces it.
pub struct Superseded<'a> {
    pub number: u64,
    pub branch: &'a PromotionBranch,
    pub promotion: &'a Promotion,
    /// The number of the newer pull request.
    pub by: u64,
    pub newer: &'a Promotion,
}

impl<'a> Superseded<'a> {
    /// A rival that is replaced by the own pull request.
    pub fn rival(rival: &'a Rival, by: u64, newer: &'a Promotion) -> Self {
        Self { number: rival.number, branch: &rival.branch, promotion: &rival.entry.promotion, by, newer }
    }

    /// What one of the two writes does.
    fn effect(&self, session: &Session<'_>, what: &str) -> Effect {
        Effect {
            target: format!("pull request #{} of {}", self.number, session.repository),
            detail: format!("{what}: #{} replaces it", self.by),
            state: EffectState::Planned,
        }
    }

    /// The hidden line by which the comment is found again.
    fn marker(&self) -> String {
        let evidence = self.newer.evidence.as_ref().map_or("none", EvidenceId::as_str);
        format!("<!-- promote-gates superseded-by={evidence} -->")
    }

    /// The reason.
    pub fn comment(&self, run: Option<&str>) -> String {
        let release = |promotion: &Promotion| {
            let at = promotion.validated_at.map(|at| at.to_string()).unwrap_or_default();
            format!("{} (validated at {at})", without_mentions(&inline(&clip(&promotion.image, MAX_IMAGE))))
        };
        let run = run.map(|url| format!("\n\n<a href=\"{}\">Workflow run</a>", address(url))).unwrap_or_default();
        format!(
            "{}\nClosed: #{} replaces it. {} is newer than {}.{run}\n",
            self.marker(),
            self.by,
            release(self.newer),
            release(self.promotion)
        )
    }
}

/// The address of the run: the program made it of the runner's variables.
fn address(url: &str) -> String {
    url.chars().filter(|c| c.is_ascii_alphanumeric() || "-._~:/".contains(*c)).collect()
}

/// Says why, and closes the pull request. `false`: a dry-run that would have done so.
///
/// # Errors
/// GitHub refuses or does not answer.
pub fn close(session: &Session<'_>, superseded: &Superseded<'_>) -> Result<bool, CommandError> {
    let execution = &session.ctx.execution;
    let said = reconcile(execution, session.timeout.0, &SayWhy { session, superseded })?;
    let closed = reconcile(execution, session.timeout.0, &Close { session, superseded })?;
    Ok(said.and(closed).is_some())
}

/// Writes the comment, unless it is there.
struct SayWhy<'a> {
    session: &'a Session<'a>,
    superseded: &'a Superseded<'a>,
}

impl Change for SayWhy<'_> {
    /// Whether it is there.
    type Base = bool;
    type Edit = ();
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        self.superseded.effect(self.session, "comment")
    }

    fn read(&self) -> Result<bool, CommandError> {
        let Session { github, repository, .. } = self.session;
        let number = number(self.superseded)?;
        let comments = github.comments(repository, number).map_err(Finding::unobservable)?;
        let marker = self.superseded.marker();
        Ok(comments.iter().any(|comment| comment.body.lines().next().map(str::trim_end) == Some(marker.as_str())))
    }

    fn plan(&self, is_there: &bool) -> Plan<(), ()> {
        if *is_there { Plan::UpToDate(()) } else { Plan::Write(()) }
    }

    fn write(&self, permit: &Permit, _: &bool, (): &()) -> WriteOutcome<()> {
        let Session { github, repository, ctx, .. } = self.session;
        let number = match number(self.superseded) {
            Ok(number) => number,
            Err(error) => {
                return WriteOutcome::Refused(error.finding().unwrap_or_else(|| Finding::inconclusive("comment")));
            }
        };
        let body = self.superseded.comment(ctx.runner_env.run.as_ref().map(|run| run.url.as_str()));
        github.create_comment(permit, repository, number, &body).into_write_outcome("comment").map(|_| ())
    }
}

fn number(superseded: &Superseded<'_>) -> Result<PullRequestNumber, CommandError> {
    PullRequestNumber::new(superseded.number).ok_or_else(|| {
        Finding::inconclusive("pull request")
            .actual(format!("the number {}", superseded.number))
            .expected("a number that GitHub gives")
            .unobservable()
    })
}

/// Closes the pull request, unless it is closed.
struct Close<'a> {
    session: &'a Session<'a>,
    superseded: &'a Superseded<'a>,
}

impl Change for Close<'_> {
    /// Whether it is open.
    type Base = bool;
    type Edit = ();
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        self.superseded.effect(self.session, "closed")
    }

    fn read(&self) -> Result<bool, CommandError> {
        let Session { github, repository, .. } = self.session;
        let name: Branch = self.superseded.branch.to_string().parse().map_err(|error: String| {
            Finding::inconclusive("pull request").actual(error).expected("a name that git accepts").unobservable()
        })?;
        let all: Vec<PullRequest> = github.pull_requests_of_branch(repository, &name).map_err(Finding::unobservable)?;
        Ok(all.iter().any(|one| one.number == self.superseded.number && one.is_open()))
    }

    fn plan(&self, is_open: &bool) -> Plan<(), ()> {
        if *is_open { Plan::Write(()) } else { Plan::UpToDate(()) }
    }

    fn write(&self, permit: &Permit, _: &bool, (): &()) -> WriteOutcome<()> {
        let Session { github, repository, .. } = self.session;
        github.close_pull_request(permit, repository, self.superseded.number).into_write_outcome("pull request")
    }
}
