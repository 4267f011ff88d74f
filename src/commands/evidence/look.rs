//! Looks: at the runs, their jobs and the commits by GitHub, at the image that stands there and the ledger by git.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{judge::Case, pack::PROMOTIONS};
use crate::commands::evidence::observations::{Base, Changes, Jobs, Looked, Seen, WorkflowRun, ended_before, short};
use crate::{
    clock::Moment,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    kustomization::ImageEntry,
    ledger::{self, InfraRepo, LedgerEntry},
    observe::{Judgement, PollInterval, Source, observe_until_decided},
    promotion::infra::ImageField,
    subject::Service,
    world::{
        git::Commit,
        github::{Annotation, GitHub, Job, Repository},
    },
};

/// How long after one look at the jobs the next one follows.
const PAUSE: Duration = Duration::from_secs(5);
/// A promotion is committed after it was validated. The clocks that say so may be this far apart.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);
/// How many promotions of a service are read at most, to find the one that set the image that stands there.
const MOST_ENTRIES: usize = 50;

/// What is looked at, and by whom.
pub(super) struct Looker<'a> {
    pub case: &'a Case<'a>,
    pub github: Arc<GitHub>,
    pub place: &'a InfraRepo,
    pub slot: &'a ImageField,
    /// How long after its end a job's annotations may take to appear.
    pub patience: Duration,
    /// How long one question may take.
    pub timeout: Duration,
    pub ctx: &'a CommandContext,
}

impl Looker<'_> {
    /// # Errors
    /// What the infra repository lacks, or git could not tell of it; a signal.
    pub fn look(&self) -> Result<Seen, CommandError> {
        let tip = self.place.tip()?.commit;
        let (text, _) = self.slot.read_file(self.place, &tip)?;
        let decision = self.slot.find_entry(&text).map_err(Finding::unobservable)?;
        let payload = &self.case.claim.payload;
        let run = self.run(payload.run.id);
        let deploy = self.case.origin.deploy_workflow.as_ref().and(payload.deploy.as_ref());
        let deploy = deploy.map(|told| self.run(told.id));
        let ours = run.as_ref().ok().and_then(Option::as_ref).filter(|run| run.attempt == payload.run.attempt);
        let jobs = ours.map(|run| self.jobs(run)).transpose()?.unwrap_or_default();
        let ledger = self.ledger(&tip, decision.as_ref(), &jobs);
        let changes = Changes {
            decision: decision.as_ref().map(ImageEntry::reference),
            base: Err(Finding::inconclusive("")),
            comparison: None,
            head: None,
        };
        let mut seen = Seen { run, deploy, jobs, ledger, changes, now: self.ctx.execution.clock.wall() };
        let base = self.base(decision.as_ref(), &seen.ledger);
        if let Some(commit) = seen.commit() {
            let repository = &self.case.origin.repository;
            let comparison = match &base {
                Ok(Base::Known { sha, .. }) => Some(self.github.commits_between(repository, sha, commit)),
                _ => None,
            };
            // Its author is known even where nothing tells what else is new.
            let head = comparison.is_none().then(|| self.github.commit(repository, commit));
            (seen.changes.comparison, seen.changes.head) = (comparison, head);
        }
        seen.changes.base = base;
        Ok(seen)
    }

    /// A run in its latest attempt. GitHub says of what a token may not see that it is not there: that there is none is
    /// only known when the repository is seen.
    fn run(&self, id: u64) -> Looked<Option<WorkflowRun>> {
        let repository = &self.case.origin.repository;
        let run = self.github.workflow_run(repository, id)?;
        if run.is_none() && self.github.commit(repository, "HEAD")?.is_none() {
            return Err(Finding::inconclusive(format!("run {id}"))
                .actual(format!("GitHub does not show {repository} to this token"))
                .expected("the run that the payload tells of")
                .next(format!("give a `source-token` with Actions, Checks and Contents: read on {repository}")));
        }
        Ok(run)
    }

    /// The jobs of the run and what they said: looks until all reports were told of, or no job can tell more.
    fn jobs(&self, run: &WorkflowRun) -> Result<Jobs, CommandError> {
        let (began, wall) = (self.ctx.execution.clock.now(), self.ctx.execution.clock.wall());
        let wall = |now: Moment| wall.checked_add(now.saturating_sub(began)).unwrap_or(wall);
        // Those that were read long after their end: they have said all that they will say.
        let done = RefCell::new(BTreeSet::new());
        let source = Source::blocking(PollInterval::Every(PAUSE), || {
            let (github, repository) = (Arc::clone(&self.github), self.case.origin.repository.clone());
            let (id, attempt, done) = (run.id, run.attempt, done.borrow().clone());
            Box::new(move || fetch(&github, &repository, id, attempt, &done))
        });
        let absorb = |jobs: &mut Jobs, now, fetched: Fetched| {
            let read = fetched.all.iter().flatten().filter(|job| fetched.said.contains_key(&job.id));
            done.borrow_mut().extend(read.filter(|job| ended_before(job, wall(now), self.patience)).map(|job| job.id));
            jobs.all = fetched.all.or_else(|| jobs.all.take());
            jobs.said.extend(fetched.said);
            jobs.trouble = fetched.trouble;
        };
        let at_first = self.case.at_first();
        let until = began + self.patience;
        let mut jobs = Jobs::default();
        // A look that is under way when patience ends is let come to its end: without any, nothing was seen.
        observe_until_decided(
            &self.ctx.execution,
            self.patience + self.timeout,
            vec![source],
            &mut jobs,
            absorb,
            |jobs, now| {
                let looked = jobs.all.is_some() || jobs.trouble.is_some();
                let more = self.case.lacks_a_notice(jobs) && jobs.may_say_more(wall(now), self.patience);
                match (looked, now < until) {
                    (true, within) if !(more && within) => Judgement::decided(at_first.clone()),
                    (_, true) => Judgement::pending_until(at_first.clone(), until),
                    (_, false) => Judgement::pending(at_first.clone()),
                }
            },
        )?;
        Ok(jobs)
    }

    fn ledger(&self, tip: &Commit, decision: Option<&ImageEntry>, jobs: &Jobs) -> Looked<Vec<LedgerEntry>> {
        let Case { claim, environment, .. } = self.case;
        let service: &Service = &claim.payload.service;
        // Nothing that rests on these reports was committed before they were there.
        let ends = jobs.all.iter().flatten().filter_map(|job| job.completed_at);
        let since = ends.min().unwrap_or_else(|| self.ctx.execution.clock.wall());
        let since = since.checked_sub(MARGIN).unwrap_or(Timestamp::MIN);
        let decision = decision.map(ImageEntry::reference);
        let enough = |entries: &[LedgerEntry]| {
            let found = entries.iter().any(|entry| is_base(entry, decision.as_deref()));
            let reaches = entries.last().is_some_and(|entry| entry.committed_at < since);
            reaches && (found && entries.len() >= PROMOTIONS || entries.len() >= MOST_ENTRIES)
        };
        ledger::history(self.place, tip, service, environment, enough)
    }

    /// The commit in the image that stands there: what the ledger says of it, else the commit that is tagged as it is.
    fn base(&self, decision: Option<&ImageEntry>, ledger: &Looked<Vec<LedgerEntry>>) -> Looked<Base> {
        let Some(decision) = decision else {
            return Ok(Base::Unknown { tried: "there is no image entry yet".to_owned() });
        };
        let image = decision.reference();
        let entries = ledger.as_ref().map_err(Clone::clone)?;
        let entry = entries.iter().find(|entry| is_base(entry, Some(&image)));
        if let Some((entry, commit)) = entry.and_then(|entry| Some((entry, entry.promotion.source_commit.as_ref()?))) {
            let by = format!("the ledger ({})", short(entry.commit.as_str()));
            return Ok(Base::Known { sha: commit.to_string(), by });
        }
        let repository = &self.case.origin.repository;
        let tag = decision.tag.clone().unwrap_or_default();
        let names = [tag.clone(), format!("v{tag}")];
        let names = names.iter().filter(|_| !tag.is_empty());
        for name in names.clone() {
            if let Some(commit) = self.github.commit(repository, name)? {
                return Ok(Base::Known { sha: commit.sha, by: format!("`{name}` in {repository}") });
            }
        }
        let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        let tried = match names.as_str() {
            "" => format!("the ledger tells none of {image}, which has no tag"),
            names => format!("the ledger tells none of {image}, and {repository} has no {names}"),
        };
        Ok(Base::Unknown { tried })
    }
}

/// Whether a promotion set the image that stands there, and says which commit is in it.
fn is_base(entry: &LedgerEntry, decision: Option<&str>) -> bool {
    Some(entry.promotion.image.as_str()) == decision && entry.promotion.source_commit.is_some()
}

/// One look at the jobs.
struct Fetched {
    all: Option<Vec<Job>>,
    said: BTreeMap<u64, Vec<Annotation>>,
    trouble: Option<Finding>,
}

/// Asks for the jobs, and for what those said that have ended and are not among `done`.
fn fetch(github: &GitHub, repository: &Repository, id: u64, attempt: u32, done: &BTreeSet<u64>) -> Fetched {
    let mut fetched = Fetched { all: None, said: BTreeMap::new(), trouble: None };
    let all = match github.jobs(repository, id, attempt) {
        Ok(all) => all,
        Err(finding) => return Fetched { trouble: Some(finding), ..fetched },
    };
    let ended = |job: &&Job| job.status == "completed" && job.conclusion.as_deref() != Some("skipped");
    for job in all.iter().filter(ended).filter(|job| !done.contains(&job.id)) {
        match github.annotations(repository, job.id) {
            Ok(said) => drop(fetched.said.insert(job.id, said)),
            Err(finding) => {
                fetched.trouble = Some(finding);
                break;
            }
        }
    }
    Fetched { all: Some(all), ..fetched }
}
