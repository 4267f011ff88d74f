//! Looks for newer promotions in the ledger, and for newer validations in the runs of the promotion's own workflow.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{NewerPromotion, NewerRelease, NewerValidation, SupersededBy};
use crate::{
    batch::list_services,
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::Finding,
    ledger::{self, EvidenceId, InfraRepo, LedgerEntry, OverlayScope},
    secret::Secret,
    subject::{Environment, Service},
    verified::{VerifiedRelease, look::fetch_verified},
    world::github::{GitHub, Repository, RunQuery, WorkflowRun},
};

/// How far the clocks of the validating and the committing machine may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
/// How many newer runs that have not ended are looked through.
const MAX_RUNS: usize = 50;

/// A service that is promoted.
pub struct ValidatedService {
    pub service: Service,
    /// When its release was validated.
    pub validated_at: Timestamp,
    /// The evidence of the promotion: its own commit is no newer one. `None` if it is not known.
    pub evidence: Option<EvidenceId>,
}

/// Looks for what supersedes a promotion.
pub struct SupersessionObserver {
    pub place: InfraRepo,
    pub services: Vec<ValidatedService>,
    pub environment: Environment,
    /// `None` if only newer promotions count.
    pub validations: Option<ValidationRuns>,
}

/// The runs of the workflow that promotes.
pub struct ValidationRuns {
    github: GitHub,
    repository: Repository,
    own_run: u64,
    /// The workflow run of this command: its workflow, its event and its time do not change.
    own: OnceLock<WorkflowRun>,
    /// What `evidence` announced in a run and its attempt. That does not change either.
    known: Mutex<BTreeMap<(u64, u32), Vec<VerifiedRelease>>>,
}

impl SupersessionObserver {
    /// Looks once. Blocks until the Git remote and GitHub have answered. Of several services, a newer release of one leaves the
    /// others to promote: `promote` leaves out that one.
    ///
    /// # Errors
    /// The ledger or the runs cannot be read.
    pub fn look(&self) -> Result<Option<NewerRelease>, Finding> {
        if let Some(promotion) = self.newer_promotion()? {
            return Ok(Some(NewerRelease::Promoted(promotion)));
        }
        let Some(runs) = &self.validations else { return Ok(None) };
        let services: Vec<&Service> = self.services.iter().map(|one| &one.service).collect();
        Ok(runs.newer_validation(&services, &self.environment)?.map(NewerRelease::Validated))
    }

    fn newer_promotion(&self) -> Result<Option<NewerPromotion>, Finding> {
        let first = self.services.iter().map(|one| one.validated_at).min();
        let since = first.and_then(|first| first.checked_sub(SKEW).ok()).unwrap_or(Timestamp::MIN);
        let scope = match &self.services[..] {
            [one] => OverlayScope::of(&one.service, &self.environment),
            _ => OverlayScope { service: None, environment: Some(self.environment.clone()) },
        };
        let entries = ledger::read(&self.place, &scope, since)?;
        let newer = |ValidatedService { service, validated_at, evidence }: &ValidatedService| {
            let of_service = entries.iter().filter(|entry| entry.promotion.is_for(service, &self.environment));
            // Newest first: what came before the promotion's own commit does not supersede it.
            let is_own = |entry: &LedgerEntry| evidence.is_some() && entry.promotion.evidence == *evidence;
            let mut since = of_service.take_while(|entry| !is_own(entry));
            since.find(|entry| entry.decided_at() > *validated_at)
        };
        let all: Option<Vec<&LedgerEntry>> = self.services.iter().map(newer).collect();
        Ok(all.and_then(|all| all.into_iter().next()).map(|entry| NewerPromotion {
            commit: entry.commit.to_string(),
            kind: entry.promotion.kind.to_string(),
            image: entry.promotion.image.clone(),
            at: entry.committed_at,
        }))
    }
}

impl ValidationRuns {
    /// The runs to look at by the setting `superseded-by`; `None` if only newer promotions count.
    ///
    /// # Errors
    /// The workflow run is not known; bad input: the repository is not known.
    pub fn of(
        superseded_by: SupersededBy,
        token: Option<&Secret>,
        ctx: &CommandContext,
    ) -> Result<Option<Self>, CommandError> {
        if superseded_by == SupersededBy::Promotion {
            return Ok(None);
        }
        let Some(run) = &ctx.runner_env.run else {
            return Err(Finding::inconclusive("workflow run")
                .actual("none is known here (GITHUB_REPOSITORY and GITHUB_RUN_ID)")
                .expected("a step of a workflow run, for `superseded-by: validation`")
                .unobservable());
        };
        Ok(Some(Self {
            github: ctx.github(token, REQUEST_TIMEOUT)?,
            repository: ctx.own_repository()?,
            own_run: run.id,
            own: OnceLock::new(),
            known: Mutex::new(BTreeMap::new()),
        }))
    }

    /// The newest validation that supersedes these services, if there is one for each of them.
    fn newer_validation(
        &self,
        services: &[&Service],
        environment: &Environment,
    ) -> Result<Option<NewerValidation>, Finding> {
        let mut found: BTreeMap<&Service, NewerValidation> = BTreeMap::new();
        for run in self.open_runs()? {
            let releases = self.verified(&run)?;
            for release in releases.iter().filter(|release| release.environment == *environment) {
                let Some(service) = services.iter().find(|service| ***service == release.service) else { continue };
                found.entry(service).or_insert_with(|| validation_of(&run, release));
            }
        }
        let has_all = !services.is_empty() && services.iter().all(|service| found.contains_key(service));
        Ok(found.into_values().max_by_key(|newer| newer.at).filter(|_| has_all))
    }

    /// The newer runs of the same workflow that have not ended, newest first. What a run that ended has promoted is in the ledger,
    /// and what it has not promoted, it never will.
    fn open_runs(&self) -> Result<Vec<WorkflowRun>, Finding> {
        let own = self.own_run()?;
        let query = RunQuery { workflow: own.path.split('@').next(), event: Some(&own.event), since: own.created_at };
        let mut runs = self.github.workflow_runs(&self.repository, query)?;
        let is_newer = |run: &WorkflowRun| run.id != own.id && (run.created_at, run.id) > (own.created_at, own.id);
        runs.retain(|run| run.status.as_deref() != Some("completed") && is_newer(run));
        if runs.len() > MAX_RUNS {
            return Err(Finding::inconclusive("the newer runs of this workflow")
                .actual(format!("{} have not ended", runs.len()))
                .expected(format!("at most {MAX_RUNS}"))
                .next("reject the runs that wait for an approval and are not wanted any more"));
        }
        Ok(runs)
    }

    fn own_run(&self) -> Result<&WorkflowRun, Finding> {
        if let Some(own) = self.own.get() {
            return Ok(own);
        }
        let run = self.github.workflow_run(&self.repository, self.own_run)?.ok_or_else(|| {
            Finding::inconclusive("this workflow run")
                .actual(format!("GitHub does not show run {} of {} to this token", self.own_run, self.repository))
                .expected("the run of this step")
                .next(format!("give the job the permission Actions: read on {}", self.repository))
        })?;
        Ok(self.own.get_or_init(|| run))
    }

    fn verified(&self, run: &WorkflowRun) -> Result<Vec<VerifiedRelease>, Finding> {
        let key = (run.id, run.attempt);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let releases = fetch_verified(&self.github, &self.repository, run)?;
        if !releases.is_empty() {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, releases.clone());
        }
        Ok(releases)
    }
}

fn validation_of(run: &WorkflowRun, release: &VerifiedRelease) -> NewerValidation {
    let release = match &release.subject {
        Some(subject) => subject.to_string(),
        None => list_services([&release.service]),
    };
    NewerValidation { run: run.id, url: run.html_url.clone(), release, at: run.created_at }
}
