//! Looks at a promotion's pull request: its reviews through GitHub, its commit through git, and what both rest on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    announced::{self, AnnouncingRun, Problem},
    observations::{
        EvidenceLook, ExcludedPerson, FileOwners, FoundPullRequest, OtherApproval, Proposal, PullRequestLook,
        PullRequestObservations, subject_of,
    },
};
use crate::{
    approvers::{
        LastReview,
        codeowners::{self, owners_of},
        last_reviews,
    },
    clock::rfc3339,
    config::{Config, services::ServiceSource},
    context::CommandContext,
    deployment::{fetch_run, locate_commit},
    finding::Finding,
    ledger::{self, EvidenceId, InfraRepo, LedgerEntry, OverlayScope, PromotionBranch, PromotionKind},
    observe::read_until_answered,
    people::{look::PeopleObserver, recompute::recompute},
    subject::{Commit, Subject},
    values::short_sha,
    world::{
        git::{Branch, TreeEntry},
        github::{GitHub, ListedPullRequests, Repository},
    },
};

/// Why a person of the release is excluded.
const PART: &str = "had a part in the release";

/// Which pull request is looked at.
#[derive(Clone, Debug)]
pub enum WantedPullRequest {
    Number(u64),
    /// The open one with this branch.
    Branch(PromotionBranch),
}

/// The evidence of this run, from the report of `evidence`.
#[derive(Clone, Debug)]
pub struct OwnEvidence {
    pub id: Option<EvidenceId>,
    pub subject: Subject,
    /// The logins of the people who had a part in the release.
    pub people: Result<Vec<String>, Finding>,
}

/// Looks at one pull request.
pub struct PullRequestObserver<'a> {
    pub github: &'a GitHub,
    /// For the repositories of the services.
    pub source_github: &'a GitHub,
    pub repository: &'a Repository,
    pub infra: &'a InfraRepo,
    pub wanted: WantedPullRequest,
    pub config: &'a Config,
    /// `None`: the evidence is that of the run which made the commit.
    pub own_evidence: Option<Result<OwnEvidence, Finding>>,
    /// Whether it matters who had a part in the release.
    pub independent: bool,
    /// Logins of the setting `excluded`.
    pub excluded: Vec<String>,
    /// Whether the owners of the file are needed.
    pub codeowners: bool,
    pub window: Duration,
    /// How long a read is repeated while GitHub or git do not answer.
    pub time_limit: Duration,
    pub ctx: &'a CommandContext,
}

impl PullRequestObserver<'_> {
    /// Looks once; each read is repeated until it is answered.
    pub fn observe(&self) -> PullRequestObservations {
        let (pull_request, proposal) = match self.ask(|| self.find()) {
            Ok((look, proposal)) => (Ok(look), proposal),
            Err(error) => (Err(error), None),
        };
        let mut observations = PullRequestObservations {
            at: rfc3339(self.ctx.execution.clock.wall()),
            pull_request,
            proposal,
            evidence: None,
            excluded: None,
            owners: None,
            others: None,
        };
        let (Some(found), Some(entry)) = (observations.found(), observations.entry()) else { return observations };
        let evidence = self.look_for_evidence(entry);
        let excluded = if self.independent { self.find_excluded(found, entry) } else { Ok(Vec::new()) };
        let owners = self.codeowners.then(|| self.find_owners(entry));
        let others = self.find_other_approvals(found, entry);
        (observations.evidence, observations.excluded) = (Some(evidence), Some(excluded));
        (observations.owners, observations.others) = (owners, Some(others));
        observations
    }

    /// Asks GitHub or git until it answers.
    fn ask<T>(&self, read: impl FnMut() -> Result<T, Finding>) -> Result<T, Finding> {
        read_until_answered(&self.ctx.execution, self.time_limit, read)
    }

    /// The pull request, and what its branch holds.
    fn find(&self) -> Result<(PullRequestLook, Option<Proposal>), Finding> {
        let number = match &self.wanted {
            WantedPullRequest::Number(number) => *number,
            WantedPullRequest::Branch(branch) => match self.find_open(branch)? {
                Some(number) => number,
                None => return Ok((PullRequestLook::NoneOpen(branch.clone()), None)),
            },
        };
        let Some(facts) = self.github.reviewed_pull_request(self.repository, number)? else {
            return Ok((PullRequestLook::NoSuchNumber(number), None));
        };
        let reviews = last_reviews(&facts.reviews, &self.config.people);
        let branch: Option<PromotionBranch> = facts.branch.parse().ok();
        let found = FoundPullRequest { facts, branch, reviews };
        // The branch of a fork is not in this repository.
        let branch = found.branch.as_ref().filter(|_| !found.facts.is_of_fork && found.facts.state == "OPEN");
        let proposal = branch.map(|branch| self.read_branch(branch, &found.facts.head)).transpose()?;
        Ok((PullRequestLook::Found(Box::new(found)), proposal))
    }

    /// The number of the open pull request with a branch. Git has one branch of a name, and GitHub one open pull request of a
    /// branch into another.
    fn find_open(&self, branch: &PromotionBranch) -> Result<Option<u64>, Finding> {
        let open = self.github.list_pull_requests(self.repository, ListedPullRequests::Open)?;
        let name = branch.to_string();
        let mut numbers = open.into_iter().filter(|one| one.branch == name && !one.is_of_fork).map(|one| one.number);
        let number = numbers.next();
        match numbers.next() {
            Some(other) => Err(Finding::inconclusive("pull request")
                .actual(format!("several have the branch {name}: #{}, #{other}", number.unwrap_or_default()))
                .expected("one")
                .next("close the ones that are not into the branch with the promotions")),
            None => Ok(number),
        }
    }

    /// What a branch holds: fetched by git, because a commit counts by what it changed. `head` is its last commit by GitHub.
    fn read_branch(&self, branch: &PromotionBranch, head: &str) -> Result<Proposal, Finding> {
        let PromotionBranch { environment, service, .. } = branch;
        let name: Branch = branch.to_string().parse().map_err(|error: String| {
            Finding::inconclusive("pull request").actual(error).expected("a name that git accepts")
        })?;
        let on_branch = self.infra.on_branch(name);
        let Some(tip) = on_branch.fetch()? else { return Ok(Proposal { tip: None, newest: None }) };
        if tip.commit.as_str() != head {
            return Err(Finding::inconclusive("pull request")
                .actual(format!(
                    "git has {} on its branch, and GitHub {}",
                    short_sha(tip.commit.as_str()),
                    short_sha(head)
                ))
                .expected("the same commit")
                .next("run this step again")
                .temporary(Duration::ZERO));
        }
        let entries = ledger::history(&on_branch, &tip.commit, service, environment, |entries| !entries.is_empty())?;
        Ok(Proposal { tip: Some(tip.commit.clone()), newest: entries.into_iter().next() })
    }

    fn look_for_evidence(&self, entry: &LedgerEntry) -> Result<EvidenceLook, Finding> {
        if let Some(own) = &self.own_evidence {
            let OwnEvidence { id, subject, .. } = own.clone()?;
            return Ok(EvidenceLook::InThisRun { id, subject });
        }
        let named = match announced::named_run(entry, self.repository) {
            Ok(named) => named,
            Err(problem) => return Ok(EvidenceLook::OfRun { run: String::new(), problems: vec![problem] }),
        };
        let run = format!("run {}", named.id);
        let problem = |text: &str, next| {
            Ok(EvidenceLook::OfRun { run: run.clone(), problems: vec![(format!("{text} {}", named.id), next)] })
        };
        let Some(found) = self.ask(|| fetch_run(self.github, self.repository, named.id))? else {
            return problem(
                "its message names a run that this repository does not have:",
                "validate the release again",
            );
        };
        let Ok(commit) = found.head_sha.parse::<Commit>() else {
            return problem("GitHub shows no commit of run", "validate the release again");
        };
        let position = self.ask(|| locate_commit(self.github, self.repository, None, &commit))?;
        let attempt = named.attempt.unwrap_or(found.attempt);
        let jobs = self.ask(|| self.github.jobs(self.repository, named.id, attempt.min(found.attempt)))?;
        let mut annotations = Vec::new();
        for job in jobs.iter().filter(|job| job.has_run()) {
            annotations.extend(self.ask(|| self.github.annotations(self.repository, job.check_run_id()))?);
        }
        let announcing = AnnouncingRun { run: found, position, annotations };
        let mut problems = announced::run_problems(&named, &announcing, &subject_of(entry));
        problems.extend(announced::time_problem(entry, &announcing.run));
        if problems.is_empty() && self.independent {
            problems = self.find_people_problems(entry)?;
        }
        Ok(EvidenceLook::OfRun { run, problems })
    }

    /// What is wrong with the list of people in the commit's message.
    fn find_people_problems(&self, entry: &LedgerEntry) -> Result<Vec<Problem>, Finding> {
        let source = self.source_of(entry)?;
        let mut runs = Vec::new();
        for id in entry.promotion.people.iter().flat_map(|people| &people.runs) {
            runs.push((*id, self.ask(|| fetch_run(self.source_github, &source.repository, *id))?));
        }
        let before = self.find_commit_before(entry)?;
        Ok(announced::people_problems(entry, before.as_ref(), source, &runs))
    }

    /// The source commit of the image before, by the ledger; `None` if the ledger does not have it.
    fn find_commit_before(&self, entry: &LedgerEntry) -> Result<Option<Commit>, Finding> {
        let befores: Vec<_> = entry.changes.iter().filter_map(|change| change.before.as_ref()).collect();
        if befores.is_empty() {
            return Ok(None);
        }
        let has_set = |entry: &&LedgerEntry| {
            befores.iter().all(|before| entry.has_set(&before.entry)) && entry.promotion.source_commit.is_some()
        };
        let promotion = &entry.promotion;
        let entries = self.ask(|| {
            let tip = self.infra.fetch()?.ok_or_else(|| self.infra.no_branch())?;
            ledger::history(self.infra, &tip.commit, &promotion.service, &promotion.environment, |entries| {
                entries.iter().any(|entry| has_set(&entry))
            })
        })?;
        Ok(entries.iter().find(has_set).and_then(|entry| entry.promotion.source_commit.clone()))
    }

    fn source_of(&self, entry: &LedgerEntry) -> Result<&ServiceSource, Finding> {
        let service = &entry.promotion.service;
        self.config.services.get(service).ok_or_else(|| {
            Finding::inconclusive("independence")
                .actual(format!("the source of {service} is not known here, so its people cannot be listed"))
                .expected("the service in `services` of the config file")
                .next("check out the repository with the config file")
        })
    }

    /// Everyone whose approval does not count: who had a part in the release or in the pull request, and the setting `excluded`.
    fn find_excluded(&self, found: &FoundPullRequest, entry: &LedgerEntry) -> Result<Vec<ExcludedPerson>, Finding> {
        let person = |login: &str, id, part| ExcludedPerson { login: login.to_owned(), id, part };
        let mut excluded: Vec<ExcludedPerson> = Vec::new();
        let opener = found.facts.author.as_ref().filter(|author| author.account.kind == "User");
        excluded.extend(opener.map(|author| person(&author.account.login, author.id, "opened the pull request")));
        let committers = found.facts.people.iter().filter_map(|actor| actor.login.as_deref());
        excluded.extend(committers.map(|login| person(login, None, "made its commit")));
        excluded.extend(self.excluded.iter().map(|login| person(login, None, "is in `excluded`")));
        // Without an approval, no person has to be compared with the list.
        if !found.reviews.iter().any(|review| review.person().is_some()) {
            return Ok(excluded);
        }
        if let Some(own) = &self.own_evidence {
            for login in own.clone()?.people? {
                let account = self.ask(|| self.github.account(&login))?;
                let account = account.ok_or_else(|| gone(&login))?;
                excluded.push(person(&login, Some(account.id), PART));
            }
        } else if let Some(digest) = &entry.promotion.people {
            let source = self.source_of(entry)?;
            let observer = PeopleObserver {
                github: self.source_github,
                repository: &source.repository,
                paths: &source.paths,
                execution: &self.ctx.execution,
                time_limit: self.time_limit,
            };
            let logins = recompute(&observer, digest, &self.config.people)
                .map_err(|finding| finding.for_check("independence"))?;
            // These logins are of now: no account can have changed its name since.
            excluded.extend(logins.iter().map(|login| person(login, None, PART)));
        }
        Ok(excluded)
    }

    /// The line of CODEOWNERS that decides about each changed file, at the tip of the base branch.
    fn find_owners(&self, entry: &LedgerEntry) -> Result<Vec<FileOwners>, Finding> {
        let text = self.ask(|| {
            let tip = self.infra.fetch()?.ok_or_else(|| self.infra.no_branch())?;
            for place in codeowners::PLACES {
                let path = place.parse().map_err(|error: String| Finding::inconclusive(place).actual(error))?;
                if let Some(entry) = self.infra.git.read_file(&tip.commit, &path)? {
                    return match entry {
                        TreeEntry::File(blob) if blob.bytes.len() <= codeowners::MAX_SIZE => Ok(Some(blob.bytes)),
                        _ => Err(Finding::inconclusive("code owners")
                            .actual(format!("{place} is no file of at most 3 MiB"))
                            .expected("a file that GitHub reads")),
                    };
                }
            }
            Ok(None)
        })?;
        let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let paths = entry.changes.iter().map(|change| change.file.path.clone());
        Ok(paths.map(|path| FileOwners { line: owners_of(&text, &path), path }).collect())
    }

    /// Approvals of other promotions to the same environment that may be within the window before one of these approvals.
    fn find_other_approvals(
        &self,
        found: &FoundPullRequest,
        entry: &LedgerEntry,
    ) -> Result<Vec<OtherApproval>, Finding> {
        let people = found.reviews.iter().filter(|review| review.person().is_some());
        let Some(first) = people.filter_map(|review: &LastReview| review.submitted_at).min() else {
            return Ok(Vec::new());
        };
        let window = SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX);
        let since = first.checked_sub(window).unwrap_or(Timestamp::MIN);
        let environment = &entry.promotion.environment;
        let (mut others, mut counted) = (Vec::new(), vec![entry.promotion.evidence.clone()]);
        let listed =
            self.ask(|| self.github.list_pull_requests(self.repository, ListedPullRequests::ChangedSince(since)))?;
        for listed in listed.iter().filter(|listed| listed.number != found.facts.number && !listed.is_of_fork) {
            let Ok(branch) = listed.branch.parse::<PromotionBranch>() else { continue };
            if branch.environment != *environment {
                continue;
            }
            counted.push(Some(branch.evidence));
            for (approver, at) in &listed.approvals {
                let Some(approver) = approver else { continue };
                let (login, number) = (approver.account.login.clone(), Some(listed.number));
                let target = format!("#{}", listed.number);
                others.push(OtherApproval { login, id: approver.id, at: *at, number, target });
            }
        }
        let scope = OverlayScope::of(&entry.promotion.service, environment);
        for entry in self.ask(|| ledger::read(self.infra, &scope, since))? {
            let promotion = &entry.promotion;
            // The limit must not make anyone hesitate to roll back. What came by a pull request was counted there.
            let is_counted = promotion.evidence.is_some() && counted.contains(&promotion.evidence);
            if promotion.environment != *environment || promotion.kind == PromotionKind::Rollback || is_counted {
                continue;
            }
            let target = format!("commit {} ({})", &entry.commit.as_str()[..8], promotion.kind);
            let approvers = promotion.approved_by.iter().flat_map(|names| names.split(',')).map(str::trim);
            others.extend(approvers.map(|login| OtherApproval {
                login: login.to_owned(),
                id: None,
                at: entry.committed_at,
                number: None,
                target: target.clone(),
            }));
        }
        Ok(others)
    }
}

fn gone(login: &str) -> Finding {
    Finding::inconclusive("independence")
        .actual(format!(
            "GitHub has no account {login} any more, who had a part in the release: it may have another name now"
        ))
        .expected("the people who had a part in the release, by the names that they have now")
        .next("validate the release again: `evidence` then lists the present names")
}
