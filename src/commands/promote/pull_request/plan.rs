//! Decides about the branch and the pull request of a promotion, and which of several that are open stays. Pure.

use jiff::Timestamp;

use super::super::{freshness::CLOCK_SKEW, plan::Promote};
use crate::{
    finding::Finding,
    ledger::{LedgerEntry, Promotion, PromotionBranch, PromotionKind, RunUrl},
    promotion::infra::{InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult},
    reconcile::Plan,
    subject::Commit,
    values::short_sha,
    world::github::PullRequest,
};

const PULL_REQUEST: &str = "pull request";
const NEW_EVIDENCE: &str = "validate the release again: new evidence gets a new branch and pull request";

/// The last commit of the promotion's branch.
#[derive(Clone, Debug)]
pub struct BranchTip {
    pub commit: Commit,
    /// The promotion that this commit makes; `None` if it makes none.
    pub entry: Option<LedgerEntry>,
}

/// Another open pull request of the same service and environment.
#[derive(Clone, Debug)]
pub struct Rival {
    pub number: u64,
    pub branch: PromotionBranch,
    /// The promotion that the last commit of its branch makes, on the evidence that the branch names.
    pub entry: LedgerEntry,
}

/// The commit of a promotion on its branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedCommit {
    pub commit: Commit,
    pub image: String,
    /// `None` when there was no entry.
    pub previous: Option<String>,
    /// The first line of its message.
    pub title: String,
    /// Whether this command pushed it.
    pub created: bool,
}

/// How the search for a commit to review ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// On its branch.
    Commit(ProposedCommit),
    /// The image is in place already.
    Promoted(PromotionResult),
}

/// What is known before anything is written.
pub struct ProposalFacts<'a> {
    pub branch: &'a PromotionBranch,
    /// The branch that the pull request is to be merged into.
    pub base: &'a InfraSnapshot,
    /// The tip of the promotion's own branch; `None` if there is none.
    pub tip: Option<&'a BranchTip>,
    /// The pull requests of that branch, whatever their state and their base.
    pub own: &'a [PullRequest],
    pub rivals: &'a [Rival],
}

/// The commit of a pull request that people approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedHead {
    pub number: u64,
    pub head: Commit,
}

/// Decides about the merge of an approved commit.
pub fn decide_merge(
    promote: &Promote,
    base: &str,
    facts: &ProposalFacts<'_>,
    approved: &ApprovedHead,
) -> Plan<PlannedCommit, PromotionResult> {
    let planned = match promote.decide(facts.base) {
        Plan::UpToDate(result) => return Plan::UpToDate(result),
        Plan::Refuse(finding) => return Plan::Refuse(finding),
        Plan::Write(planned) => planned,
    };
    if let Some(newer) = newest_above(&promote.promotion, facts.rivals, facts.base.now) {
        return Plan::Refuse(superseded(&promote.promotion, newer));
    }
    let ApprovedHead { number, head } = approved;
    let Some(open) = into(facts.own, base).find(|one| one.number == *number && one.is_open()) else {
        let closed = was_closed(facts.own, base);
        return Plan::Refuse(closed.unwrap_or_else(|| {
            Finding::blocked(PULL_REQUEST)
                .actual(format!("#{number} is not open into {base}"))
                .expected("the approved pull request")
                .next(NEW_EVIDENCE)
        }));
    };
    if open.head.sha != head.as_str() {
        return Plan::Refuse(
            Finding::blocked(PULL_REQUEST)
                .actual(format!(
                    "its last commit is {}, and {} was approved",
                    short_sha(&open.head.sha),
                    short_sha(head.as_str())
                ))
                .expected("the approved commit")
                .next(format!("find out who pushed it, and close the pull request; {NEW_EVIDENCE}")),
        );
    }
    let is_approved = |entry: &LedgerEntry| {
        let found = &entry.promotion;
        entry.commit == *head
            && is_of_branch(entry, facts.branch)
            && found.image == planned.image
            && has_same_facts(found, &promote.promotion)
    };
    match facts.tip {
        Some(tip) if tip.entry.as_ref().is_some_and(is_approved) => Plan::Write(planned),
        Some(tip) => Plan::Refuse(moved(facts.branch, &tip.commit)),
        None => Plan::Refuse(
            Finding::blocked(PULL_REQUEST)
                .actual(format!("its branch {} is gone", facts.branch))
                .expected("the branch with the approved commit")
                .next(NEW_EVIDENCE),
        ),
    }
}

/// Decides about the commit. The branch is made once and never moved: what an approval is worth hangs on its only commit.
pub fn decide_commit(promote: &Promote, base: &str, facts: &ProposalFacts<'_>) -> Plan<PlannedCommit, Proposed> {
    let planned = match promote.decide(facts.base) {
        Plan::UpToDate(result) => return Plan::UpToDate(Proposed::Promoted(result)),
        Plan::Refuse(finding) => return Plan::Refuse(finding),
        Plan::Write(planned) => planned,
    };
    if let Some(newer) = newest_above(&promote.promotion, facts.rivals, facts.base.now) {
        return Plan::Refuse(superseded(&promote.promotion, newer));
    }
    if let Some(finding) = was_closed(facts.own, base) {
        return Plan::Refuse(finding);
    }
    let Some(tip) = facts.tip else { return Plan::Write(planned) };
    let is_this = |entry: &&LedgerEntry| {
        let found = &entry.promotion;
        is_of_branch(entry, facts.branch) && found.image == planned.image && has_same_facts(found, &promote.promotion)
    };
    match tip.entry.as_ref().filter(is_this) {
        Some(entry) => Plan::UpToDate(Proposed::Commit(ProposedCommit {
            commit: tip.commit.clone(),
            image: entry.promotion.image.clone(),
            previous: entry.promotion.previous.clone(),
            title: title_of(&planned),
            created: false,
        })),
        None => Plan::Refuse(moved(facts.branch, &tip.commit)),
    }
}

/// Whether a commit says of the release what its evidence says: an earlier delivery of the same evidence wrote the same.
fn has_same_facts(found: &Promotion, own: &Promotion) -> bool {
    let facts = |promotion: &Promotion| {
        let Promotion { source_commit, digest, validated_at, validation_run, repository_id, .. } = promotion.clone();
        (source_commit, digest, validated_at, validation_run, repository_id)
    };
    // Later releases are compared with what was measured.
    let measured = |promotion: &Promotion| (promotion.bundle_sizes.clone(), promotion.tests);
    facts(found) == facts(own) && measured(found) == measured(own)
}

/// The first line of a commit's message.
pub fn title_of(planned: &PlannedCommit) -> String {
    planned.message.lines().next().unwrap_or_default().to_owned()
}

/// Whether an entry is the normal promotion that a branch names. Without the time of its validation, neither its age nor a newer
/// release would count against it: `promote` always writes it.
pub fn is_of_branch(entry: &LedgerEntry, branch: &PromotionBranch) -> bool {
    let promotion = &entry.promotion;
    promotion.kind == PromotionKind::Normal
        && promotion.validated_at.is_some()
        && promotion.is_for(&branch.service, &branch.environment)
        && promotion.evidence.as_ref() == Some(&branch.evidence)
}

/// Decides about the pull request of a branch whose last commit is `commit`.
pub fn decide_pull_request(
    own: &[PullRequest],
    branch: &PromotionBranch,
    base: &str,
    commit: &Commit,
) -> Plan<(), PullRequest> {
    if let Some(open) = into(own, base).find(|one| one.is_open()) {
        return match open.head.sha.parse::<Commit>() {
            Ok(head) if head == *commit => Plan::UpToDate(open.clone()),
            Ok(head) => Plan::Refuse(moved(branch, &head)),
            Err(_) => Plan::Refuse(
                Finding::inconclusive(PULL_REQUEST)
                    .actual(format!("GitHub shows no last commit of #{}", open.number))
                    .expected(format!("the commit {}", short_sha(commit.as_str()))),
            ),
        };
    }
    was_closed(own, base).map_or(Plan::Write(()), Plan::Refuse)
}

/// The pull requests into a branch.
fn into<'a>(all: &'a [PullRequest], base: &'a str) -> impl Iterator<Item = &'a PullRequest> {
    all.iter().filter(move |one| one.base.branch == base)
}

/// The finding on evidence whose pull request ended: one person's decision is not undone by a run that comes again.
fn was_closed(own: &[PullRequest], base: &str) -> Option<Finding> {
    if into(own, base).any(PullRequest::is_open) {
        return None;
    }
    let last = into(own, base).max_by_key(|one| one.number)?;
    let (actual, next) = if last.is_merged() {
        (format!("#{} of this evidence was merged, and its image is not the current one", last.number), NEW_EVIDENCE)
    } else {
        (
            format!("#{} of this evidence was closed", last.number),
            "reopen it if it is still wanted; else validate the release again: new evidence gets a new pull request",
        )
    };
    let expected = "evidence whose pull request is open, or that has none yet";
    Some(Finding::blocked(PULL_REQUEST).actual(actual).expected(expected).next(next))
}

/// The finding on a branch that holds something else than its promotion.
fn moved(branch: &PromotionBranch, tip: &Commit) -> Finding {
    Finding::blocked(PULL_REQUEST)
        .actual(format!("its branch {branch} is at {}, which is no commit of this promotion", short_sha(tip.as_str())))
        .expected("the commit that `promote` made, which nothing moves")
        .next(format!("find out who pushed it, and close its pull request; {NEW_EVIDENCE}"))
}

/// The finding on a release that a newer one replaces.
pub fn superseded(own: &Promotion, newer: &Rival) -> Finding {
    let (number, image) = (newer.number, &newer.entry.promotion.image);
    let at = |promotion: &Promotion| promotion.validated_at.map(|at| at.to_string()).unwrap_or_default();
    Finding::blocked("supersession")
        .actual(format!(
            "#{number} promotes {image}, which was validated at {}, after this release ({})",
            at(&newer.entry.promotion),
            at(own)
        ))
        .expected("the newest validated release")
        .next(format!("review #{number}, or validate this release again"))
}

/// The newest of the rivals that are newer than `own`.
pub fn newest_above<'a>(own: &Promotion, rivals: &'a [Rival], now: Timestamp) -> Option<&'a Rival> {
    let newest = rivals.iter().filter(|rival| counts(&rival.entry.promotion, now));
    let newest = newest.max_by(|one, other| age_key(&one.entry.promotion).cmp(&age_key(&other.entry.promotion)))?;
    (age_key(&newest.entry.promotion) > age_key(own)).then_some(newest)
}

/// The rivals that are older than `own`, which a newer validation closes.
pub fn older_ones<'a>(own: &Promotion, rivals: &'a [Rival], now: Timestamp) -> Vec<&'a Rival> {
    let is_older =
        |rival: &&Rival| counts(&rival.entry.promotion, now) && age_key(&rival.entry.promotion) < age_key(own);
    rivals.iter().filter(is_older).collect()
}

/// Whether a rival says when it was validated, and that was not in the future: anyone who can push can make a branch of such a name.
fn counts(promotion: &Promotion, now: Timestamp) -> bool {
    promotion.validated_at.is_some_and(|at| at.duration_since(now) <= CLOCK_SKEW)
}

/// Of two validations in the same second, the run with the higher number is newer; where that does not decide, the greater evidence
/// id, so that two runs which look at each other agree on one.
fn age_key(promotion: &Promotion) -> (Option<Timestamp>, u64, Option<&str>) {
    let run = promotion.validation_run.as_deref().and_then(|url| url.parse::<RunUrl>().ok()).map_or(0, |run| run.id);
    (promotion.validated_at, run, promotion.evidence.as_ref().map(crate::ledger::EvidenceId::as_str))
}
