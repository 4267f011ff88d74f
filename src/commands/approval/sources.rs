//! Looking: what GitHub tells about this run and the others of its workflow, and what the ledger holds.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::judge::{Asking, Given, Look, Others, Protection, Seen};
use crate::{
    approvers::{Reviews, approved, same},
    clock::{Clock, rfc3339},
    finding::Finding,
    ledger::{self, EvidenceId, InfraRepo, PromotionKind},
    subject::Environment,
    world::github::{GitHub, Job, Repository, Reviewer, ReviewerKind, WorkflowRun},
};

/// How long GitHub lets a run wait for its approval: one that was created earlier has been given up.
/// <https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/review-deployments>
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far the clocks of whoever validates and whoever commits may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// How to look. Whoever does holds it on a thread of its own.
pub struct Looker {
    pub github: GitHub,
    pub repository: Repository,
    pub asking: Asking,
    pub github_environment: Environment,
    /// The name of the runner that this step runs on.
    pub runner: Option<String>,
    pub window: Duration,
    pub ledger: InfraRepo,
    /// Where the release is promoted to; `None`: anywhere.
    pub environment: Option<Environment>,
    pub evidence: Option<Evidence>,
    pub excluded: Result<Vec<String>, Finding>,
    pub clock: Arc<dyn Clock>,
}

/// By what the ledger would know this promotion.
pub struct Evidence {
    pub id: EvidenceId,
    pub validated_at: Timestamp,
}

impl Looker {
    /// Looks once. Blocks for as long as GitHub and the remote take.
    pub fn look(&self) -> Seen {
        let Self { github, repository, asking, github_environment, .. } = self;
        let protection = github.environment(repository, github_environment).map(|environment| {
            environment.map(|environment| {
                let (users, teams): (Vec<_>, Vec<_>) =
                    environment.reviewers.into_iter().partition(|reviewer| reviewer.kind == ReviewerKind::User);
                let names = |reviewers: Vec<Reviewer>| reviewers.into_iter().map(|reviewer| reviewer.name).collect();
                Protection { users: names(users), teams: names(teams), admins_bypass: environment.can_admins_bypass }
            })
        });
        let reviews = approved(github, repository, asking.id, github_environment);
        let job = self.own_job();
        let others = match (&reviews, &job) {
            (Ok(reviews), Ok((name, started))) => self.others(reviews, name, *started),
            // Who would be counted, or from when, is told as unseen already.
            _ => Ok(Others::default()),
        };
        Seen {
            run: asking.clone(),
            at: rfc3339(self.clock.wall()),
            protection,
            reviews,
            started: job.map(|(_, started)| started),
            excluded: self.excluded.clone(),
            committed: self.committed(),
            others,
        }
    }

    /// The name of the job that this step is in, and its start. No variable tells it: `GITHUB_JOB` is its key in the file.
    fn own_job(&self) -> Look<(String, Timestamp)> {
        let Asking { id, attempt, .. } = self.asking;
        let jobs = self.github.jobs(&self.repository, id, attempt)?;
        let job = own(&jobs, self.runner.as_deref()).ok_or_else(|| {
            let under_way = jobs.iter().filter(|job| job.status == "in_progress").map(|job| job.name.as_str());
            let under_way = under_way.collect::<Vec<_>>().join(", ");
            Finding::inconclusive(format!("the jobs of run {id}"))
                .actual(format!("none is surely this one; in progress: {under_way}"))
                .expected("one in progress on this runner")
                .next("let no other job of the workflow run beside it")
        })?;
        // This step is one of it: where GitHub shows no step yet, none can have started later than now.
        let started = job.began.map_or_else(|| self.clock.wall(), |began| began.max(job.started_at.unwrap_or(began)));
        Ok((job.name.clone(), started))
    }

    /// What those who approved this run have approved besides.
    fn others(&self, reviews: &Reviews, job: &str, started: Timestamp) -> Look<Others> {
        let mut others = Others::default();
        if reviews.people().next().is_none() {
            return Ok(others);
        }
        let since = back(started, SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX));
        let Self { github, repository, asking, .. } = self;
        let own = github.workflow_run(repository, asking.id)?.ok_or_else(|| {
            Finding::inconclusive(format!("workflow run {}", asking.id))
                .actual(format!("GitHub knows none in {repository}"))
        })?;
        for run in github.runs_of_workflow(repository, own.workflow_id, back(since, LONGEST_WAIT))? {
            others.listed.insert(run.id);
            if run.id != asking.id && !is_older(&run, since) {
                others.runs.extend(self.given(&run, reviews, job)?);
            }
        }
        for entry in ledger::read(&self.ledger, since)? {
            let elsewhere = self.environment.as_ref().is_some_and(|ours| *ours != entry.promotion.environment);
            // Nobody shall think twice about taking something back.
            if elsewhere || entry.promotion.kind == PromotionKind::Rollback {
                continue;
            }
            let run = entry.promotion.workflow_run().filter(|run| run.repository == *repository).map(|run| run.id);
            let of = format!("commit {} ({})", short(entry.commit.as_str()), entry.promotion.kind);
            let by = entry.promotion.approved_by.iter().flat_map(|names| names.split(',')).map(str::trim);
            others.commits.extend(by.map(|by| Given {
                by: by.to_owned(),
                at: entry.committed_at,
                run,
                of: of.clone(),
            }));
        }
        Ok(others)
    }

    /// What those who approved this run have approved of another one: each start of the protected job, in every attempt.
    fn given(&self, run: &WorkflowRun, ours: &Reviews, job: &str) -> Look<Vec<Given>> {
        let theirs = approved(&self.github, &self.repository, run.id, &self.github_environment)?;
        let both: Vec<&str> = theirs.people().filter(|theirs| ours.people().any(|ours| same(ours, theirs))).collect();
        let mut given = Vec::new();
        if both.is_empty() {
            return Ok(given);
        }
        for attempt in 1..=run.attempt {
            let jobs = self.github.jobs(&self.repository, run.id, attempt)?;
            let one = |by: &str, at| Given { by: by.to_owned(), at, run: Some(run.id), of: format!("run {}", run.id) };
            for at in starts(&jobs, job) {
                given.extend(both.iter().map(|by| one(by, at)));
            }
        }
        Ok(given)
    }

    /// The commit that holds this evidence. Asked for only where something hangs on it.
    fn committed(&self) -> Look<Option<String>> {
        let Some(evidence) = self.evidence.as_ref().filter(|_| self.asking.attempt > 1) else { return Ok(None) };
        let entries = ledger::read(&self.ledger, back(evidence.validated_at, SKEW))?;
        let ours = entries.into_iter().find(|entry| entry.promotion.evidence.as_ref() == Some(&evidence.id));
        Ok(ours.map(|entry| entry.commit.to_string()))
    }
}

/// Whether nothing of a run can have started since: it is over, or it waits, and what a run is has not changed since.
fn is_older(run: &WorkflowRun, since: Timestamp) -> bool {
    let rests = matches!(run.status.as_deref(), Some("completed" | "waiting" | "queued" | "pending" | "requested"));
    rests && run.updated_at < since
}

/// The job in progress on this runner. Where none is told to be: the only one that is not over, since every other one
/// could be this one, not shown in progress yet.
fn own<'a>(jobs: &'a [Job], runner: Option<&str>) -> Option<&'a Job> {
    let not_over: Vec<&Job> = jobs.iter().filter(|job| job.status != "completed").collect();
    let mut here = not_over.clone();
    here.retain(|job| runner.is_some() && runs_on(job) == runner);
    let one = match (&here[..], &not_over[..]) {
        ([one], _) | ([], [one]) => *one,
        _ => return None,
    };
    (one.status == "in_progress").then_some(one)
}

fn runs_on(job: &Job) -> Option<&str> {
    job.runner_name.as_deref().filter(|name| !name.is_empty())
}

/// When the jobs of a name started, those that did. Where none has this name, the workflow was changed in between: then
/// the last that started, which is no earlier than the one that was approved.
fn starts(jobs: &[Job], name: &str) -> Vec<Timestamp> {
    if jobs.iter().any(|job| job.name == name) {
        return jobs.iter().filter(|job| job.name == name).filter_map(start).collect();
    }
    jobs.iter().filter_map(start).max().into_iter().collect()
}

/// When a job started, as late as it can have been: its first step, or else its end. GitHub's own word for it can be the
/// time at which it began to wait.
fn start(job: &Job) -> Option<Timestamp> {
    let did =
        matches!(job.status.as_str(), "in_progress" | "completed") && job.conclusion.as_deref() != Some("skipped");
    let latest = job.began.or(job.completed_at).max(job.started_at);
    latest.filter(|_| did)
}

fn back(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

#[cfg(test)]
mod tests;
