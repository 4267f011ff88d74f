//! What GitHub, git and the ledger show of a promotion's pull request.

use jiff::Timestamp;

use crate::{
    approvers::{LastReview, codeowners::OwnersLine},
    finding::Finding,
    ledger::{EvidenceId, LedgerEntry, PromotionBranch},
    subject::{Commit, Reference, Subject},
    world::github::ReviewedPullRequest,
};

/// One look at everything. An error says why its part could not be observed.
#[derive(Clone, Debug)]
pub struct PullRequestObservations {
    /// When the look ended: RFC 3339, UTC.
    pub at: String,
    pub pull_request: Result<PullRequestLook, Finding>,
    /// What its commit promotes; absent if there is no pull request of a promotion's branch to look at.
    pub proposal: Option<Proposal>,
    /// What is known of the evidence that the commit names; absent without a commit that promotes something.
    pub evidence: Option<Result<EvidenceLook, Finding>>,
    /// Who had a part in the release and its pull request, or why that is not known; absent without a commit that promotes something.
    pub excluded: Option<Result<Vec<ExcludedPerson>, Finding>>,
    /// Who owns each changed file; absent if that is not asked for, or without a commit that promotes something.
    pub owners: Option<Result<Vec<FileOwners>, Finding>>,
    /// Other approvals that may be within the window; absent without a commit that promotes something.
    pub others: Option<Result<Vec<OtherApproval>, Finding>>,
}

/// The pull request of a number, or of a branch.
#[derive(Clone, Debug)]
pub enum PullRequestLook {
    /// The repository has none of this number.
    NoSuchNumber(u64),
    /// No open pull request has the branch of this evidence.
    NoneOpen(PromotionBranch),
    Found(Box<FoundPullRequest>),
}

/// A pull request with the last review of each account.
#[derive(Clone, Debug)]
pub struct FoundPullRequest {
    pub facts: ReviewedPullRequest,
    /// `None` if its branch is not one of a promotion.
    pub branch: Option<PromotionBranch>,
    pub reviews: Vec<LastReview>,
}

/// What the branch of a pull request holds, by git.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The last commit of the branch; `None` if there is no such branch any more.
    pub tip: Option<Commit>,
    /// The newest promotion of the branch's service to its environment, which that commit changed as its message says.
    pub newest: Option<LedgerEntry>,
}

impl Proposal {
    /// The promotion that the last commit of the branch makes.
    #[must_use]
    pub fn entry(&self) -> Option<&LedgerEntry> {
        self.newest.as_ref().filter(|entry| Some(&entry.commit) == self.tip.as_ref())
    }
}

/// A changed file, and the line of CODEOWNERS that decides about it; `None` if none does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOwners {
    pub path: String,
    pub line: Option<OwnersLine>,
}

/// Where the evidence of the commit comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceLook {
    /// From the report of `evidence` in this run, about this subject.
    InThisRun { id: Option<EvidenceId>, subject: Subject },
    /// From the run that made the commit; what is wrong with it, each with what to do.
    OfRun { run: String, problems: Vec<(String, &'static str)> },
}

/// A person whose approval does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludedPerson {
    pub login: String,
    /// GitHub's number of the account, where it was asked for.
    pub id: Option<u64>,
    /// `had a part in the release`, `opened the pull request`.
    pub part: &'static str,
}

/// An approval of another promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherApproval {
    pub login: String,
    pub id: Option<u64>,
    pub at: Timestamp,
    /// The number of its pull request; `None` for a commit of the ledger.
    pub number: Option<u64>,
    /// `#12`, `commit 1a2b3c4d (emergency)`
    pub target: String,
}

impl PullRequestObservations {
    /// The errors of the look.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        let Self { pull_request, evidence, excluded, owners, others, .. } = self;
        let errors = [
            pull_request.as_ref().err(),
            evidence.as_ref().and_then(|evidence| evidence.as_ref().err()),
            excluded.as_ref().and_then(|excluded| excluded.as_ref().err()),
            owners.as_ref().and_then(|owners| owners.as_ref().err()),
            others.as_ref().and_then(|others| others.as_ref().err()),
        ];
        errors.into_iter().flatten()
    }

    #[must_use]
    pub fn found(&self) -> Option<&FoundPullRequest> {
        match &self.pull_request {
            Ok(PullRequestLook::Found(found)) => Some(found),
            _ => None,
        }
    }

    /// The promotion that the pull request would make.
    #[must_use]
    pub fn entry(&self) -> Option<&LedgerEntry> {
        self.proposal.as_ref()?.entry()
    }
}

/// What a ledger entry promotes, as its commit says and has changed it.
#[must_use]
pub fn subject_of(entry: &LedgerEntry) -> Subject {
    let promotion = &entry.promotion;
    let reference: Option<Reference> = promotion.image.parse().ok();
    let (image, tag, digest) =
        reference.map_or((None, None, None), |reference| (Some(reference.image), reference.tag, reference.digest));
    Subject {
        service: Some(promotion.service.clone()),
        environment: Some(promotion.environment.clone()),
        image,
        tag,
        digest: digest.or_else(|| promotion.digest.clone()),
        commit: promotion.source_commit.clone(),
    }
}
