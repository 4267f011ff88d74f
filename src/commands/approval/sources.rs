//! Observes this run and the other runs of its workflow through GitHub, and the ledger.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::observations::{ApprovalObservations, EnvironmentProtection, OtherApprovals, OwnRun, PastApproval};
use crate::{
    approvers::{Reviews, fetch_reviews, is_same_login},
    clock::{Clock, rfc3339},
    finding::Finding,
    ledger::{self, EvidenceId, InfraRepo, OverlayScope, PromotionKind},
    subject::{Environment, Service},
    world::github::{GitHub, Job, Repository, Reviewer, ReviewerKind, WorkflowRun},
};

/// How long GitHub lets a run wait for its approval. GitHub fails a run that waits longer.
/// <https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/review-deployments>
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far the clocks of the validating and the committing machine may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// Observes what the judge needs. Shared with the thread that looks.
pub struct ApprovalObserver {
    pub github: GitHub,
    pub repository: Repository,
    pub own_run: OwnRun,
    pub github_environment: Environment,
    /// The name of the runner that this step runs on.
    pub runner: Option<String>,
    pub window: Duration,
    pub ledger: InfraRepo,
    /// The service of the promotion: the ledger must have its file.
    pub service: Option<Service>,
    /// The environment of the promotion. If `None`, ledger entries of all environments count.
    pub environment: Option<Environment>,
    pub evidence: Option<EvidenceRef>,
    pub excluded: Result<Vec<String>, Finding>,
    pub clock: Arc<dyn Clock>,
}

/// What identifies this promotion in the ledger.
pub struct EvidenceRef {
    pub id: EvidenceId,
    pub validated_at: Timestamp,
}

impl ApprovalObserver {
    /// Looks once. Blocks until GitHub and the Git remote have answered.
    pub fn observe(&self) -> ApprovalObservations {
        let Self { github, repository, own_run, github_environment, .. } = self;
        let protection = github.environment(repository, github_environment).map(|environment| {
            environment.map(|environment| {
                let (users, teams): (Vec<_>, Vec<_>) =
                    environment.reviewers.into_iter().partition(|reviewer| reviewer.kind == ReviewerKind::User);
                let names = |reviewers: Vec<Reviewer>| reviewers.into_iter().map(|reviewer| reviewer.name).collect();
                EnvironmentProtection {
                    users: names(users),
                    teams: names(teams),
                    admins_bypass: environment.can_admins_bypass,
                }
            })
        });
        let reviews = fetch_reviews(github, repository, own_run.id, github_environment);
        let job = self.fetch_own_job();
        let others = match (&reviews, &job) {
            (Ok(reviews), Ok((name, started))) => self.fetch_other_approvals(reviews, name, *started),
            // The error of the reviews or of the job is already among the observations.
            _ => Ok(OtherApprovals::default()),
        };
        ApprovalObservations {
            run: own_run.clone(),
            at: rfc3339(self.clock.wall()),
            protection,
            reviews,
            started: job.map(|(_, started)| started),
            excluded: self.excluded.clone(),
            committed: self.find_commit_of_evidence(),
            others,
        }
    }

    /// The name and the start of this step's job. No variable holds the name: `GITHUB_JOB` is the job's key in the file.
    fn fetch_own_job(&self) -> Result<(String, Timestamp), Finding> {
        let OwnRun { id, attempt, .. } = self.own_run;
        let jobs = self.github.jobs(&self.repository, id, attempt)?;
        let job = find_own_job(&jobs, self.runner.as_deref()).ok_or_else(|| {
            let under_way = jobs.iter().filter(|job| job.status == "in_progress").map(|job| job.name.as_str());
            let under_way = under_way.collect::<Vec<_>>().join(", ");
            Finding::inconclusive(format!("the jobs of run {id}"))
                .actual(format!("none is surely this one; in progress: {under_way}"))
                .expected("one in progress on this runner")
                .next("let no other job of the workflow run beside it")
        })?;
        // If GitHub shows no step yet: this step is part of the job, so the job started no later than now.
        let started = job.began.map_or_else(|| self.clock.wall(), |began| began.max(job.started_at.unwrap_or(began)));
        Ok((job.name.clone(), started))
    }

    /// Other promotions that the approvers of this run approved.
    fn fetch_other_approvals(
        &self,
        reviews: &Reviews,
        job: &str,
        started: Timestamp,
    ) -> Result<OtherApprovals, Finding> {
        let mut others = OtherApprovals::default();
        if reviews.people().next().is_none() {
            return Ok(others);
        }
        let since = subtract(started, SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX));
        let Self { github, repository, own_run, .. } = self;
        let workflow_run = github.workflow_run(repository, own_run.id)?.ok_or_else(|| {
            Finding::inconclusive(format!("workflow run {}", own_run.id))
                .actual(format!("GitHub knows none in {repository}"))
        })?;
        for run in github.runs_of_workflow(repository, workflow_run.workflow_id, subtract(since, LONGEST_WAIT))? {
            others.listed.insert(run.id);
            if run.id != own_run.id && !is_idle_since(&run, since) {
                others.runs.extend(self.fetch_approvals_of(&run, reviews, job)?);
            }
        }
        for entry in ledger::read(&self.ledger, &self.scope(), since)? {
            let is_elsewhere =
                self.environment.as_ref().is_some_and(|environment| *environment != entry.promotion.environment);
            // The limit must not make anyone hesitate to roll back.
            if is_elsewhere || entry.promotion.kind == PromotionKind::Rollback {
                continue;
            }
            let run = entry.promotion.workflow_run().filter(|run| run.repository == *repository).map(|run| run.id);
            let target = format!("commit {} ({})", short_sha(entry.commit.as_str()), entry.promotion.kind);
            let approvers = entry.promotion.approved_by.iter().flat_map(|names| names.split(',')).map(str::trim);
            others.commits.extend(approvers.map(|approver| PastApproval {
                approver: approver.to_owned(),
                at: entry.committed_at,
                run,
                target: target.clone(),
            }));
        }
        Ok(others)
    }

    /// The approvals of another run by approvers of this one: one for each start of the protected job, in every attempt.
    fn fetch_approvals_of(&self, run: &WorkflowRun, own: &Reviews, job: &str) -> Result<Vec<PastApproval>, Finding> {
        let other = fetch_reviews(&self.github, &self.repository, run.id, &self.github_environment)?;
        let both: Vec<&str> =
            other.people().filter(|login| own.people().any(|own| is_same_login(own, login))).collect();
        let mut approvals = Vec::new();
        if both.is_empty() {
            return Ok(approvals);
        }
        for attempt in 1..=run.attempt {
            let jobs = self.github.jobs(&self.repository, run.id, attempt)?;
            for at in start_times(&jobs, job) {
                approvals.extend(both.iter().map(|approver| PastApproval {
                    approver: (*approver).to_owned(),
                    at,
                    run: Some(run.id),
                    target: format!("run {}", run.id),
                }));
            }
        }
        Ok(approvals)
    }

    fn scope(&self) -> OverlayScope {
        OverlayScope { service: self.service.clone(), environment: self.environment.clone() }
    }

    /// The commit that holds this evidence. Only looked up from the second attempt on, because only then it matters.
    fn find_commit_of_evidence(&self) -> Result<Option<String>, Finding> {
        let Some(evidence) = self.evidence.as_ref().filter(|_| self.own_run.attempt > 1) else { return Ok(None) };
        let entries = ledger::read(&self.ledger, &self.scope(), subtract(evidence.validated_at, SKEW))?;
        let entry = entries.into_iter().find(|entry| entry.promotion.evidence.as_ref() == Some(&evidence.id));
        Ok(entry.map(|entry| entry.commit.to_string()))
    }
}

/// Whether no job of a run can have started since: the run is completed or waits, and its status is older than that.
fn is_idle_since(run: &WorkflowRun, since: Timestamp) -> bool {
    let is_idle = matches!(run.status.as_deref(), Some("completed" | "waiting" | "queued" | "pending" | "requested"));
    is_idle && run.updated_at < since
}

/// The job in progress on this runner. If GitHub shows none on it: the only job that is not completed. With several, each
/// could be this one, because GitHub may not show this one in progress yet.
fn find_own_job<'a>(jobs: &'a [Job], runner: Option<&str>) -> Option<&'a Job> {
    let incomplete: Vec<&Job> = jobs.iter().filter(|job| job.status != "completed").collect();
    let mut on_runner = incomplete.clone();
    on_runner.retain(|job| runner.is_some() && runner_of(job) == runner);
    let job = match (&on_runner[..], &incomplete[..]) {
        ([job], _) | ([], [job]) => *job,
        _ => return None,
    };
    (job.status == "in_progress").then_some(job)
}

fn runner_of(job: &Job) -> Option<&str> {
    job.runner_name.as_deref().filter(|name| !name.is_empty())
}

/// When the jobs of a name started. If no job has the name, the workflow was changed in between; then the last start of any
/// job, which is not earlier than the start of the approved one.
fn start_times(jobs: &[Job], name: &str) -> Vec<Timestamp> {
    if jobs.iter().any(|job| job.name == name) {
        return jobs.iter().filter(|job| job.name == name).filter_map(latest_start).collect();
    }
    jobs.iter().filter_map(latest_start).max().into_iter().collect()
}

/// The latest time at which a job can have started: the start of its first step, or else its end. GitHub's `started_at` can
/// be the time at which the job began to wait.
fn latest_start(job: &Job) -> Option<Timestamp> {
    let has_started =
        matches!(job.status.as_str(), "in_progress" | "completed") && job.conclusion.as_deref() != Some("skipped");
    let latest = job.began.or(job.completed_at).max(job.started_at);
    latest.filter(|_| has_started)
}

/// `at` minus `duration`, or the earliest possible time.
fn subtract(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

fn short_sha(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

#[cfg(test)]
mod tests;
