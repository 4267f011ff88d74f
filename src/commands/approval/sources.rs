//! Observes this run and the other runs of this repository through GitHub, and the ledger.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    attempts::{find_old_approval, find_own_job, job_ended_at},
    observations::{
        ApprovalObservations, CommitApproval, EnvironmentProtection, OtherApprovals, OwnApproval, OwnRun, ReviewedRun,
    },
    window::ApprovalWindow,
};
use crate::{
    approvers::{JobWait, OtherRules, Reviews, WaitEnd, fetch_reviews, find_reviews},
    clock::{Clock, rfc3339},
    config::people::People,
    finding::Finding,
    ledger::{self, EvidenceId, InfraRepo, OverlayScope, PromotionKind},
    subject::{Environment, Service},
    supersession::look::SupersessionObserver,
    world::github::{self, GitHub, Job, Repository, Reviewer, ReviewerKind},
};

/// How long GitHub lets a job wait for its approval, and a day for GitHub to notice. GitHub fails a job that waits longer than
/// 30 days.
/// <https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/review-deployments>
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(31 * 24);
/// GitHub may be late to show that a job stopped waiting, so the newest runs that wait are asked for their reviews, up to this
/// many without any.
const MAX_OPEN: usize = 2;
/// A run with more attempts is not looked through.
const MAX_ATTEMPTS: u32 = 20;
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
    /// One for each service that is promoted.
    pub evidence: Vec<EvidenceRef>,
    /// The key of the job that ran `evidence`, from its report.
    pub evidence_job: Option<String>,
    pub people: People,
    pub excluded: Result<Vec<String>, Finding>,
    /// `None` where no evidence says when the release was validated.
    pub supersession: Option<SupersessionObserver>,
    pub clock: Arc<dyn Clock>,
}

/// What identifies the promotion of a service in the ledger.
pub struct EvidenceRef {
    pub service: Option<Service>,
    pub id: EvidenceId,
    pub validated_at: Timestamp,
}

/// This step's job, and the deployments to its environment.
struct OwnJob {
    job: Job,
    /// All jobs of this attempt.
    jobs: Vec<Job>,
    waits: Vec<JobWait>,
}

impl ApprovalObserver {
    /// Looks once. Blocks until GitHub and the Git remote have answered.
    pub fn observe(&self) -> ApprovalObservations {
        let Self { github, repository, own_run, github_environment, .. } = self;
        let environment = github.environment(repository, github_environment);
        let name = environment.as_ref().ok().and_then(Option::as_ref).map(|environment| environment.name.clone());
        let protection = environment.map(|environment| environment.map(|found| protection_of(found, &self.people)));
        let other_rules =
            protection.as_ref().ok().and_then(Option::as_ref).map(|found| found.other_rules).unwrap_or_default();
        let reviews = fetch_reviews(github, repository, own_run.id, github_environment, &self.people);
        let own_job = self.fetch_own_job(name.as_deref().unwrap_or(github_environment.as_str()));
        let approval = own_job.as_ref().map_err(Clone::clone).and_then(|own| self.find_own_approval(own, other_rules));
        let others = match (&reviews, &own_job, &approval) {
            (Ok(reviews), Ok(own), Ok(approval)) => self.fetch_other_approvals(reviews, own, *approval, other_rules),
            // The error is already among the observations.
            _ => Ok(OtherApprovals::default()),
        };
        let old_approval = self.find_old_approval(own_job.as_ref());
        ApprovalObservations {
            run: own_run.clone(),
            at: rfc3339(self.clock.wall()),
            protection,
            reviews,
            approval,
            excluded: self.excluded.clone(),
            committed: self.find_commit_of_evidence(),
            old_approval,
            others,
            newer: self.supersession.as_ref().map(SupersessionObserver::look),
        }
    }

    /// This step's job, and the deployments to the environment since the earliest time at which one can have been created that
    /// was approved within the window. No variable holds the job's name: `GITHUB_JOB` is its key in the file.
    fn fetch_own_job(&self, environment: &str) -> Result<OwnJob, Finding> {
        let OwnRun { id, attempt, .. } = self.own_run;
        let jobs = self.github.jobs(&self.repository, id, attempt)?;
        let job = find_own_job(&jobs, self.runner.as_deref()).cloned().ok_or_else(|| {
            let under_way = jobs.iter().filter(|job| job.status == "in_progress").map(|job| job.name.as_str());
            let under_way = under_way.collect::<Vec<_>>().join(", ");
            Finding::inconclusive(format!("the jobs of run {id}"))
                .actual(format!("none is surely this one; in progress: {under_way}"))
                .expected("one in progress on this runner")
                .next("let no other job of the workflow run beside it")
        })?;
        // This job was not approved before the attempt began.
        let began = jobs.iter().filter_map(|job| job.began.into_iter().chain(job.started_at).min()).min();
        let began = began.unwrap_or_else(|| self.clock.wall());
        let window = SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX);
        let since = subtract(subtract(began, window), LONGEST_WAIT);
        let deployments = self.github.deployments(&self.repository, environment, since)?;
        let repository = self.repository.to_string();
        let waits = deployments.iter().filter_map(|deployment| JobWait::new(deployment, &repository)).collect();
        Ok(OwnJob { job, jobs, waits })
    }

    /// When this job was approved.
    fn find_own_approval(&self, own: &OwnJob, rules: OtherRules) -> Result<OwnApproval, Finding> {
        let OwnJob { job, jobs, waits } = own;
        let environment = &self.github_environment;
        let check = format!("the deployment of this job to {environment}");
        let is_own = |wait: &&JobWait| wait.run == Some(self.own_run.id) && wait.job == Some(job.id);
        let wait = waits.iter().find(is_own).ok_or_else(|| {
            Finding::inconclusive(&check)
                .actual("GitHub shows none, so the time of the approval is unknown")
                .expected(format!("one that names job {} of run {}", job.id, self.own_run.id))
                .next(format!(
                    "name {environment} in the job's `environment:`, without `deployment: false`, and run this step in that \
                     job"
                ))
        })?;
        let time = wait.approval(rules).ok_or_else(|| {
            Finding::inconclusive(&check)
                .actual("GitHub does not show when it stopped waiting, so the time of the approval is unknown")
                .expected("a state after the last `waiting`")
                .next("start it again, and have it approved")
        })?;
        let pack = job_ended_at(jobs, self.evidence_job.as_deref());
        Ok(OwnApproval { job: job.id, time, requested_at: wait.since.into_iter().chain(pack).max() })
    }

    /// Other promotions that the approvers of this run may have approved within the window.
    fn fetch_other_approvals(
        &self,
        reviews: &Reviews,
        own: &OwnJob,
        approval: OwnApproval,
        rules: OtherRules,
    ) -> Result<OtherApprovals, Finding> {
        let mut others = OtherApprovals::default();
        if reviews.people().next().is_none() {
            return Ok(others);
        }
        let window = ApprovalWindow::new(self.own_run.id, approval, self.window);
        let mut by_run: BTreeMap<u64, Vec<JobWait>> = BTreeMap::new();
        for wait in &own.waits {
            match wait.run {
                Some(run) => by_run.entry(run).or_default().push(wait.clone()),
                None if window.may_include(wait) => return Err(self.nameless(wait)),
                None => {}
            }
        }
        let may_count = |wait: &JobWait| window.may_include(wait);
        // A job that still waits, and that nothing but the approval holds back, is not approved yet.
        let is_surely_open =
            |wait: &JobWait| wait.end == WaitEnd::NotYet && !wait.is_held_back(rules, approval.time.latest);
        let mut unapproved = 0;
        // The newest run first.
        for (id, jobs) in by_run.into_iter().rev() {
            others.listed.insert(id);
            let is_own = id == self.own_run.id;
            let is_open = jobs.iter().filter(|wait| may_count(wait)).all(is_surely_open);
            // Of a later attempt's reviews, those of the earlier ones are judged on their own.
            if !jobs.iter().any(may_count)
                || (is_own && self.own_run.attempt > 1)
                || (is_open && unapproved >= MAX_OPEN)
            {
                continue;
            }
            let reviews = if is_own { Some(reviews.clone()) } else { self.find_reviews(id)? };
            unapproved += usize::from(is_open && reviews.as_ref().is_none_or(|reviews| reviews.decisions == 0));
            others.runs.push(ReviewedRun { id, reviews, jobs });
        }
        for entry in ledger::read(&self.ledger, &self.scope(), window.start())? {
            let run = entry.promotion.workflow_run().filter(|run| run.repository == self.repository).map(|run| run.id);
            others.promoted.extend(run);
            let is_elsewhere =
                self.environment.as_ref().is_some_and(|environment| *environment != entry.promotion.environment);
            // The limit must not make anyone hesitate to roll back.
            if is_elsewhere || entry.promotion.kind == PromotionKind::Rollback {
                continue;
            }
            let target = format!("commit {} ({})", short_sha(entry.commit.as_str()), entry.promotion.kind);
            let approvers = entry.promotion.approved_by.iter().flat_map(|names| names.split(',')).map(str::trim);
            others.commits.extend(approvers.map(|approver| CommitApproval {
                approver: approver.to_owned(),
                at: entry.committed_at,
                run,
                target: target.clone(),
            }));
        }
        Ok(others)
    }

    fn find_reviews(&self, run: u64) -> Result<Option<Reviews>, Finding> {
        find_reviews(&self.github, &self.repository, run, &self.github_environment, &self.people)
    }

    fn nameless(&self, wait: &JobWait) -> Finding {
        Finding::inconclusive(format!("a deployment to {}", self.github_environment))
            .actual(format!("it waited for its rules since {}, and names no workflow run", wait.created_at))
            .expected("one that names the run whose approval counts")
            .next("delete that deployment if no workflow of this repository made it")
    }

    /// What an approval of this run may be from, other than this job in this attempt.
    fn find_old_approval(&self, own: Result<&OwnJob, &Finding>) -> Result<Option<String>, Finding> {
        let OwnRun { id, attempt, .. } = self.own_run;
        if attempt <= 1 {
            return Ok(None);
        }
        if attempt > MAX_ATTEMPTS {
            return Ok(Some(format!("the run has more than {MAX_ATTEMPTS} attempts")));
        }
        let own = own.map_err(Clone::clone)?;
        let earlier = (1..attempt).map(|attempt| Ok((attempt, self.github.jobs(&self.repository, id, attempt)?)));
        let earlier = earlier.collect::<Result<Vec<_>, Finding>>()?;
        Ok(find_old_approval(id, &own.job, &own.jobs, &earlier, &own.waits))
    }

    fn scope(&self) -> OverlayScope {
        OverlayScope { service: self.service.clone(), environment: self.environment.clone() }
    }

    /// The commit that holds this evidence. Only looked up from the second attempt on, because only then it matters.
    fn find_commit_of_evidence(&self) -> Result<Option<String>, Finding> {
        let first = self.evidence.iter().map(|evidence| evidence.validated_at).min();
        let Some(first) = first.filter(|_| self.own_run.attempt > 1) else { return Ok(None) };
        let entries = ledger::read(&self.ledger, &self.scope(), subtract(first, SKEW))?;
        let commit_of = |evidence: &EvidenceRef| {
            let entry = entries.iter().find(|entry| entry.promotion.evidence.as_ref() == Some(&evidence.id))?;
            Some(entry.commit.to_string())
        };
        // Of several services, all have to be committed: they are pushed together.
        let commits: Option<Vec<String>> = self.evidence.iter().map(commit_of).collect();
        Ok(commits.and_then(|commits| commits.into_iter().next()))
    }
}

fn protection_of(environment: github::EnvironmentProtection, people: &People) -> EnvironmentProtection {
    let other_rules = OtherRules { wait_timer: environment.wait_timer, custom: environment.has_custom_rules };
    let (users, teams): (Vec<_>, Vec<_>) =
        environment.reviewers.into_iter().partition(|reviewer| reviewer.kind == ReviewerKind::User);
    let (machines, users) = users.into_iter().partition(|user| people.is_machine(&user.name));
    let names = |reviewers: Vec<Reviewer>| reviewers.into_iter().map(|reviewer| reviewer.name).collect();
    EnvironmentProtection {
        users: names(users),
        teams: names(teams),
        machines: names(machines),
        admins_bypass: environment.can_admins_bypass,
        other_rules,
    }
}

/// `at` minus `duration`, or the earliest possible time.
fn subtract(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

fn short_sha(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}
