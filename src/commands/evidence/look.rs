//! Observes the runs, their jobs and the commits through GitHub, and the current image and the ledger through git.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    bundle::{BundleObservations, PromotedBundle, promoted_bundle},
    later_runs::LaterRuns,
    observations::{BaseCommit, EvidenceObservations, ReleaseChanges, ValidationJobs, ended_before},
    pack::MAX_PROMOTIONS,
    test_count::promoted_tests,
    verification::Verification,
};
use crate::{
    clock::Moment,
    context::CommandContext,
    deployment::{fetch_run, locate_commit},
    error::CommandError,
    finding::Finding,
    image_entry::ImageEntry,
    ledger::{self, InfraRepo, LedgerEntry},
    observe::{Judgement, PollInterval, Source, observe_until_decided, read_until_answered},
    people::{look::PeopleObserver, participants::ReleasePeople},
    promotion::{
        infra::{
            ImageLocators,
            image_edit::{find_entries, whole_entry},
            image_file::{FoundImages, find_images},
            plan::agreed_image,
        },
        rerun::earliest_attempt,
    },
    subject::{Commit as CommitId, Service},
    values::{clip, short_sha},
    world::{
        git::Commit,
        github::{
            Annotation, GitHub, MergedTexts, PullRequestId, Repository, RunQuery, SourceCommit, TagTarget, WorkflowRun,
        },
    },
};

/// The longest pause between two looks at the jobs.
const PAUSE: Duration = Duration::from_secs(5);
/// A promotion is committed after its validation, but the clock of the committer may be behind GitHub's by this much.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
/// How many ledger entries of a service are read at most, to find the one that set the current image.
const MAX_ENTRIES: usize = 50;

/// Observes what a verification needs.
pub struct EvidenceObserver<'a> {
    pub verification: &'a Verification<'a>,
    pub github: Arc<GitHub>,
    pub place: &'a InfraRepo,
    pub image_locators: &'a ImageLocators,
    /// How long a job's annotations may take to appear after the job's end.
    pub annotation_delay: Duration,
    /// Time limit of one request.
    pub timeout: Duration,
    pub ctx: &'a CommandContext,
}

impl EvidenceObserver<'_> {
    /// # Errors
    /// The infra repository lacks the file or git cannot read it; a signal.
    pub fn observe(&self) -> Result<EvidenceObservations, CommandError> {
        let tip = self.place.read(self.ctx, || self.place.tip())?.commit;
        let found = self.place.read(self.ctx, || find_images(self.place, &tip, self.image_locators))?;
        let current = current_entries(&found).map_err(Finding::unobservable)?;
        let payload = &self.verification.claim.payload;
        let repository = &self.verification.origin.repository;
        let run = self.ask(|| fetch_run(&self.github, repository, payload.run.id));
        let deploy = self.verification.origin.deploy_workflow.as_ref().and(payload.deploy.as_ref());
        let deploy = deploy.map(|claimed| self.ask(|| fetch_run(&self.github, repository, claimed.id)));
        let claimed_attempt =
            run.as_ref().ok().and_then(Option::as_ref).filter(|run| run.attempt == payload.run.attempt);
        let jobs = claimed_attempt.map(|run| self.observe_jobs(run)).transpose()?.unwrap_or_default();
        let ledger = self.read_ledger(&tip, &current, &jobs);
        let now = self.ctx.execution.clock.wall();
        let base = self.find_base(&current, &ledger);
        let changes =
            ReleaseChanges { current_image: shown_images(&current), base, comparison: None, head: None, people: None };
        // Only the workflow of the default branch starts by `workflow_run`.
        let needs_default_branch =
            self.verification.signed.as_ref().is_some_and(|claims| claims.event_name == "workflow_run");
        let default_branch = needs_default_branch.then(|| {
            let facts = self.ask(|| self.github.repository(repository))?;
            Ok(facts.map(|facts| facts.default_branch))
        });
        let later = self.observe_later_runs(&run, deploy.as_ref());
        let bundle = BundleObservations { promoted: self.find_promoted(&current, &ledger), texts: None };
        let tests = ledger.as_ref().map_err(Clone::clone).map(|entries| promoted_tests(entries, &current));
        let mut observations = EvidenceObservations {
            run,
            deploy,
            branch: None,
            jobs,
            ledger,
            changes,
            bundle,
            tests,
            later,
            default_branch,
            now,
        };
        if let Some(commit) = &observations.built_commit() {
            let branch = self.verification.origin.branch.as_ref();
            observations.branch = Some(self.ask(|| locate_commit(&self.github, repository, branch, commit)));
            let comparison = match &observations.changes.base {
                Ok(BaseCommit::Known { sha, .. }) => {
                    Some(self.ask(|| self.github.commits_between(repository, sha, commit)))
                }
                _ => None,
            };
            // Without a comparison, at least the author of the image's commit is known.
            let head = comparison.is_none().then(|| self.ask(|| self.github.commit(repository, commit)));
            (observations.changes.comparison, observations.changes.head) = (comparison, head);
            let commits: Vec<SourceCommit> = observations.changes.commits().cloned().collect();
            observations.changes.people = (!commits.is_empty()).then(|| self.people().observe(&commits));
            observations.bundle.texts = self.merged_texts(observations.changes.people.as_ref());
        }
        Ok(observations)
    }

    /// The runs that `min-age` asks for.
    fn observe_later_runs(
        &self,
        run: &Result<Option<WorkflowRun>, Finding>,
        deploy: Option<&Result<Option<WorkflowRun>, Finding>>,
    ) -> Option<LaterRuns> {
        self.verification.min_age?;
        let known = [Some(run), deploy].into_iter().flatten().filter_map(|run| run.as_ref().ok()?.as_ref());
        let first = known.map(|run| run.created_at).min()?;
        let since = earliest_attempt(first);
        let origin = self.verification.origin;
        let runs_of = |workflow: &str| {
            let query = RunQuery { workflow: Some(workflow), event: None, since };
            self.ask(|| self.github.workflow_runs(&origin.repository, query))
        };
        Some(LaterRuns {
            validations: runs_of(origin.workflow.as_str()),
            deploys: origin.deploy_workflow.as_ref().map(|workflow| runs_of(workflow.as_str())),
        })
    }

    /// The bundle of the last promotion that recorded its size.
    fn find_promoted(
        &self,
        current: &[ImageEntry],
        ledger: &Result<Vec<LedgerEntry>, Finding>,
    ) -> Result<Option<PromotedBundle>, Finding> {
        if self.verification.claim.bundle_sizes().is_none() {
            return Ok(None);
        }
        Ok(promoted_bundle(ledger.as_ref().map_err(Clone::clone)?, current))
    }

    /// The descriptions of the pull requests that were merged since, if there is a bundle to judge.
    fn merged_texts(&self, people: Option<&Result<ReleasePeople, Finding>>) -> Option<Result<MergedTexts, Finding>> {
        self.verification.claim.bundle_sizes()?;
        let repository = &self.verification.origin.repository;
        let people = match people? {
            Ok(people) => people,
            Err(error) => return Some(Err(error.clone())),
        };
        let ids: Vec<PullRequestId> = people.pull_requests.iter().map(|one| one.id.clone()).collect();
        (!ids.is_empty()).then(|| self.ask(|| self.github.merged_texts(repository, &ids)))
    }

    fn people(&self) -> PeopleObserver<'_> {
        PeopleObserver {
            github: &self.github,
            repository: &self.verification.origin.repository,
            paths: &self.verification.origin.paths,
            execution: &self.ctx.execution,
            time_limit: self.timeout,
        }
    }

    /// Asks GitHub until it answers.
    fn ask<T>(&self, read: impl FnMut() -> Result<T, Finding>) -> Result<T, Finding> {
        read_until_answered(&self.ctx.execution, self.timeout, read)
    }

    /// The jobs of a run with their annotations: looks until every report is announced and no other notice is to be expected,
    /// or until no job can announce more.
    fn observe_jobs(&self, run: &WorkflowRun) -> Result<ValidationJobs, CommandError> {
        let (began, wall) = (self.ctx.execution.clock.now(), self.ctx.execution.clock.wall());
        let wall = |now: Moment| wall.checked_add(now.saturating_sub(began)).unwrap_or(wall);
        // Jobs whose annotations were read so long after their end that they are complete.
        let complete = RefCell::new(BTreeSet::new());
        let source = Source::blocking(PollInterval::Backoff(PAUSE), || {
            let (github, repository) = (Arc::clone(&self.github), self.verification.origin.repository.clone());
            let (id, attempt, complete) = (run.id, run.attempt, complete.borrow().clone());
            // GitHub's signature holds the reports: no notice is needed, and no Checks permission.
            let needs_notices = self.verification.signed.is_none();
            Box::new(move || fetch_jobs(&github, &repository, id, attempt, &complete, needs_notices))
        })
        .named("the gates' jobs and their annotations");
        let absorb = |jobs: &mut ValidationJobs, now, fetched: ValidationJobs| {
            let read = fetched.jobs.iter().flatten().filter(|job| fetched.annotations.contains_key(&job.id));
            let read = read.filter(|job| ended_before(job, wall(now), self.annotation_delay));
            complete.borrow_mut().extend(read.map(|job| job.id));
            jobs.jobs = fetched.jobs.or_else(|| jobs.jobs.take());
            jobs.annotations.extend(fetched.annotations);
            jobs.error = fetched.error;
        };
        let claims = self.verification.check_claims();
        let until = began + self.annotation_delay;
        let mut jobs = ValidationJobs::default();
        // A look that is in flight at `until` may end: without any look, the jobs are unknown.
        observe_until_decided(
            &self.ctx.execution,
            self.annotation_delay + self.timeout,
            vec![source],
            &mut jobs,
            absorb,
            |jobs, now| {
                let has_looked = jobs.jobs.is_some() || jobs.error.is_some();
                let expects_notice = if self.verification.signed.is_some() {
                    false
                } else if self.verification.lacks_notice(jobs) {
                    jobs.may_announce_more(wall(now), self.annotation_delay)
                } else {
                    jobs.may_contradict(wall(now), self.annotation_delay)
                };
                // A busy server may answer the next look.
                let may_answer = jobs.error.as_ref().is_some_and(|error| error.retry_after.is_some());
                match (has_looked, now < until) {
                    (true, is_in_time) if !((expects_notice || may_answer) && is_in_time) => {
                        Judgement::decided(claims.clone())
                    }
                    (_, true) => Judgement::pending_until(claims.clone(), until),
                    (_, false) => Judgement::pending(claims.clone()),
                }
            },
        )?;
        Ok(jobs)
    }

    fn read_ledger(
        &self,
        tip: &Commit,
        current: &[ImageEntry],
        jobs: &ValidationJobs,
    ) -> Result<Vec<LedgerEntry>, Finding> {
        let Verification { claim, environment, .. } = self.verification;
        let service: &Service = &claim.payload.service;
        // A promotion of these reports is committed after the jobs that announced them ended.
        let ends = jobs.jobs.iter().flatten().filter_map(|job| job.completed_at);
        let since = ends.min().unwrap_or_else(|| self.ctx.execution.clock.wall());
        let since = since.checked_sub(SKEW).unwrap_or(Timestamp::MIN);
        let needs_sizes = claim.bundle_sizes().is_some();
        let needs_tests = claim.test_count().known().is_some();
        let is_enough = |entries: &[LedgerEntry]| {
            let is_known = |current: &ImageEntry| entries.iter().any(|entry| is_base(entry, current));
            let has_sizes = || promoted_bundle(entries, current).is_some_and(|bundle| bundle.is_current);
            let has_tests = || promoted_tests(entries, current).is_some_and(|tests| tests.is_current);
            let has_figures = (!needs_sizes || has_sizes()) && (!needs_tests || has_tests());
            let has_base = !current.is_empty() && current.iter().all(is_known) && has_figures;
            let covers_validation = entries.last().is_some_and(|entry| entry.committed_at < since);
            covers_validation && (has_base && entries.len() >= MAX_PROMOTIONS || entries.len() >= MAX_ENTRIES)
        };
        self.place.read(self.ctx, || ledger::history(self.place, tip, service, environment, is_enough))
    }

    /// The source commit of the current image: from the ledger, else from a Git tag with the name of the image's tag. Where the
    /// files of the service disagree, it is that of the image that was promoted first: the release brings all of them together.
    fn find_base(
        &self,
        current: &[ImageEntry],
        ledger: &Result<Vec<LedgerEntry>, Finding>,
    ) -> Result<BaseCommit, Finding> {
        let Some(first) = current.first() else {
            return Ok(BaseCommit::Unknown { tried: "the file has no image entry yet".to_owned() });
        };
        let entries = ledger.as_ref().map_err(Clone::clone)?;
        // Newest first.
        let bases = current.iter().map(|current| entries.iter().position(|entry| is_base(entry, current)));
        let oldest = bases.collect::<Option<Vec<usize>>>().and_then(|bases| bases.into_iter().max());
        let entry = oldest.and_then(|at| entries.get(at));
        if let Some((entry, commit)) = entry.and_then(|entry| Some((entry, entry.promotion.source_commit.as_ref()?))) {
            let source = format!("the ledger ({})", short_sha(entry.commit.as_str()));
            return Ok(BaseCommit::Known { sha: commit.clone(), source });
        }
        let images = shown_images(current).unwrap_or_default();
        let no_entry = format!("no ledger commit records a source commit for {images}");
        match (&first.tag, current.len()) {
            (Some(tag), 1) => self.find_tagged(tag, &no_entry),
            (None, 1) => Ok(BaseCommit::Unknown { tried: format!("{no_entry}, and it has no tag to look up") }),
            _ => Ok(BaseCommit::Unknown { tried: format!("{no_entry}, and the files of the service disagree") }),
        }
    }

    /// The commit that an image's tag names: its id, or a git tag of the same name, with or without a `v`. A branch of that
    /// name is not asked for.
    fn find_tagged(&self, image_tag: &str, no_entry: &str) -> Result<BaseCommit, Finding> {
        let repository = &self.verification.origin.repository;
        if let Ok(id) = image_tag.parse::<CommitId>()
            && self.ask(|| self.github.commit(repository, &id))?.is_some()
        {
            return Ok(BaseCommit::Known { sha: id, source: "the image's tag".to_owned() });
        }
        let mut others = String::new();
        let names = [image_tag.to_owned(), format!("v{image_tag}")];
        for name in &names {
            match self.ask(|| self.github.tag_target(repository, name))? {
                Some(TagTarget::Commit(sha)) => {
                    return Ok(BaseCommit::Known { sha, source: format!("tag `{name}` of {repository}") });
                }
                Some(TagTarget::Other(kind)) => others = format!("; `{name}` is the tag of a {}", clip(&kind, 20)),
                None => {}
            }
        }
        let names = names.map(|name| format!("`{name}`")).join(" or ");
        Ok(BaseCommit::Unknown {
            tried: format!("{no_entry}, and {repository} has no tag {names} of a commit{others}"),
        })
    }
}

/// Whether an entry set the current image and records its source commit.
fn is_base(entry: &LedgerEntry, current: &ImageEntry) -> bool {
    entry.has_set(current) && entry.promotion.source_commit.is_some()
}

/// The different images that the files of the service have: one when they agree. Empty when none has an entry.
fn current_entries(found: &FoundImages) -> Result<Vec<ImageEntry>, Finding> {
    let entries: Vec<ImageEntry> = find_entries(&found.texts, &found.fields)?.into_iter().flatten().collect();
    if agreed_image(&entries).is_some() {
        return Ok(whole_entry(&entries).into_iter().collect());
    }
    let mut different: Vec<ImageEntry> = Vec::new();
    for entry in entries {
        if different.iter().all(|other| other.reference() != entry.reference()) {
            different.push(entry);
        }
    }
    Ok(different)
}

fn shown_images(entries: &[ImageEntry]) -> Option<String> {
    let shown: Vec<String> = entries.iter().map(ImageEntry::reference).collect();
    (!shown.is_empty()).then(|| shown.join(" and "))
}

/// Fetches the jobs, and the annotations of each one that ended and is not in `complete`.
fn fetch_jobs(
    github: &GitHub,
    repository: &Repository,
    id: u64,
    attempt: u32,
    complete: &BTreeSet<u64>,
    needs_notices: bool,
) -> ValidationJobs {
    let jobs = match github.jobs(repository, id, attempt) {
        Ok(jobs) => jobs,
        Err(error) => return ValidationJobs { error: Some(error), ..ValidationJobs::default() },
    };
    let mut annotations: BTreeMap<u64, Vec<Annotation>> = BTreeMap::new();
    let mut first_error = None;
    for job in jobs.iter().filter(|job| needs_notices && job.has_run() && !complete.contains(&job.id)) {
        match github.annotations(repository, job.check_run_id()) {
            Ok(of_job) => drop(annotations.insert(job.id, of_job)),
            Err(error) => {
                first_error = Some(error);
                break;
            }
        }
    }
    ValidationJobs { jobs: Some(jobs), annotations, error: first_error }
}
