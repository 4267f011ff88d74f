//! Whether the pull request is one of a promotion, and what its commit promotes. Title and body are not read: anyone who may write
//! can change them.

use super::super::{
    announced::NEW_ONE,
    observations::{EvidenceLook, FoundPullRequest, Proposal, PullRequestLook, PullRequestObservations, subject_of},
    rules::PullRequestRules,
};
use crate::{
    finding::Finding,
    ledger::{PromotionKind, proof::EntryChange},
    values::{clip, short_sha},
};

const PULL_REQUEST: &str = "pull request";
const COMMIT: &str = "commit";
const EVIDENCE: &str = "evidence";
/// How much of a name from outside a message quotes, in characters.
const MAX_NAME: usize = 120;
/// How much of the changes a message lists, in characters.
const MAX_CHANGES: usize = 400;

pub(super) fn check_pull_request(rules: &PullRequestRules, observations: &PullRequestObservations) -> Vec<Finding> {
    let base = &rules.base;
    let expected = format!("an open pull request of a promotion, into {base}");
    let look = match &observations.pull_request {
        Ok(look) => look,
        Err(error) => return vec![error.for_check(PULL_REQUEST)],
    };
    let found = match look {
        PullRequestLook::Found(found) => found,
        PullRequestLook::NoSuchNumber(number) => {
            return vec![
                Finding::blocked(PULL_REQUEST)
                    .actual(format!("this repository has no pull request #{number}"))
                    .expected(expected)
                    .next("give the number of the promotion's pull request"),
            ];
        }
        PullRequestLook::NoneOpen(branch) => {
            return vec![
                Finding::blocked(PULL_REQUEST)
                    .actual(format!("no open one has the branch {branch}"))
                    .expected(expected)
                    .next("see whether it was closed or merged; if it was closed, validate the release again"),
            ];
        }
    };
    let FoundPullRequest { facts, branch, .. } = &**found;
    let number = facts.number;
    let mut faults: Vec<(String, String)> = Vec::new();
    match facts.state.as_str() {
        "OPEN" => {}
        "MERGED" => faults.push(("is merged already".to_owned(), "nothing is left to approve".to_owned())),
        "CLOSED" => faults.push((
            "is closed".to_owned(),
            "reopen it if it is still wanted; a newer validation may have replaced it".to_owned(),
        )),
        other => faults.push((format!("is in the unknown state {}", clip(other, 40)), NEW_ONE.to_owned())),
    }
    if facts.is_draft {
        faults.push(("is a draft".to_owned(), "mark it as ready for review".to_owned()));
    }
    if facts.is_of_fork {
        let next = "close it: the branch of a promotion is in this repository";
        faults.push(("is from a fork".to_owned(), next.to_owned()));
    }
    if facts.base != *base {
        faults.push((
            format!("is to be merged into {}", clip(&facts.base, MAX_NAME)),
            format!("change its base to {base}, or close it"),
        ));
    }
    if branch.is_none() {
        faults.push((
            format!("has the branch {}, which is none of a promotion", clip(&facts.branch, MAX_NAME)),
            "give the number of a promotion's pull request: its branch is `promote/<environment>/<service>/<evidence id>`"
                .to_owned(),
        ));
    }
    if faults.is_empty() {
        return vec![
            Finding::passed(PULL_REQUEST)
                .actual(format!("#{number} is open, from {} into {base}", facts.branch))
                .expected(expected),
        ];
    }
    let fault = |(actual, next): (String, String)| {
        Finding::blocked(PULL_REQUEST).actual(format!("#{number} {actual}")).expected(&expected).next(next)
    };
    faults.into_iter().map(fault).collect()
}

pub(super) fn check_commit(rules: &PullRequestRules, observations: &PullRequestObservations) -> Vec<Finding> {
    let (Some(found), Some(proposal)) = (observations.found(), &observations.proposal) else { return Vec::new() };
    let expected = "one commit of `promote`, which sets the image of the service and changes nothing else";
    let faults = commit_faults(rules, found, proposal);
    if faults.is_empty()
        && let Some(entry) = proposal.entry()
    {
        let change = |change: &EntryChange| {
            let before = change.before.as_ref().map(|before| before.entry.reference());
            let before = before.as_deref().unwrap_or("no image entry");
            format!("{before} → {} in {}", change.after.entry.reference(), change.file.path)
        };
        let changes = clip(&entry.changes.iter().map(change).collect::<Vec<_>>().join(", "), MAX_CHANGES);
        let actual = format!("{}: {changes}", short_sha(entry.commit.as_str()));
        return vec![Finding::passed(COMMIT).actual(actual).expected(expected)];
    }
    let fault = |(actual, next): (String, &str)| Finding::blocked(COMMIT).actual(actual).expected(expected).next(next);
    faults.into_iter().map(fault).collect()
}

/// What is wrong with the commit, and what to do; with a commit that promotes nothing, there is always something.
fn commit_faults(
    rules: &PullRequestRules,
    FoundPullRequest { facts, branch, .. }: &FoundPullRequest,
    proposal: &Proposal,
) -> Vec<(String, &'static str)> {
    let mut faults = Vec::new();
    if proposal.tip.is_none() {
        return vec![("its branch is gone".to_owned(), NEW_ONE)];
    }
    if facts.commits != 1 {
        let actual = format!("it has {} commits", facts.commits);
        faults.push((actual, "do not push to the branch of a promotion: close the pull request, and validate again"));
    }
    let Some(entry) = proposal.entry() else {
        let actual = format!("{} does not set the image as its message says", short_sha(&facts.head));
        faults.push((actual, NEW_ONE));
        return faults;
    };
    let is_of_promotion = |path: &String| entry.changes.iter().any(|change| change.file.path == *path);
    let others: Vec<&str> = facts.files.iter().filter(|path| !is_of_promotion(path)).map(String::as_str).collect();
    let hidden = facts.changed_files.saturating_sub(facts.files.len() as u64);
    if !others.is_empty() || hidden > 0 {
        let more = if hidden == 0 { String::new() } else { format!(" and {hidden} more") };
        let actual = format!("it also changes {}{more}", clip(&others.join(", "), 2 * MAX_NAME));
        faults.push((actual, "do not push to the branch of a promotion: close the pull request, and validate again"));
    }
    let promotion = &entry.promotion;
    if promotion.kind != PromotionKind::Normal {
        let actual = format!("its message says that it is of the kind {}", promotion.kind);
        faults.push((actual, "merge it by the rules of that kind, and not as a promotion that passed the gates"));
    }
    if promotion.evidence.as_ref() != branch.as_ref().map(|branch| &branch.evidence) {
        let named = promotion.evidence.as_ref().map_or("no evidence", |id| short_sha(id.as_str()));
        let of_branch = branch.as_ref().map_or("none", |branch| short_sha(branch.evidence.as_str()));
        faults.push((format!("its message names the evidence {named}, and its branch {of_branch}"), NEW_ONE));
    }
    if promotion.validated_at.is_none() {
        faults.push(("its message does not say when the release was validated".to_owned(), NEW_ONE));
    }
    if let Some(difference) = subject_of(entry).differs_from(&rules.subject) {
        let next = "give the pull request of this release, or leave the subject out";
        faults.push((format!("it is about another release: {difference}"), next));
    }
    faults
}

pub(super) fn check_evidence(observations: &PullRequestObservations) -> Vec<Finding> {
    let (Some(found), Some(entry)) = (observations.found(), observations.entry()) else { return Vec::new() };
    let expected = "evidence of exactly the release that the commit promotes";
    let of_branch = found.branch.as_ref().map(|branch| &branch.evidence);
    let look = match &observations.evidence {
        None => return Vec::new(),
        Some(Err(error)) => return vec![error.for_check(EVIDENCE)],
        Some(Ok(look)) => look,
    };
    let finding = match look {
        EvidenceLook::InThisRun { id, subject } => {
            let shown = id.as_ref().map_or("no evidence", |id| short_sha(id.as_str()));
            let next = "give `approval` the evidence of this pull request";
            match subject_of(entry).differs_from(subject) {
                _ if id.is_none() || id.as_ref() != of_branch => {
                    let of_branch = of_branch.map_or("none", |id| short_sha(id.as_str()));
                    Finding::blocked(EVIDENCE)
                        .actual(format!("this run has {shown}, and the pull request {of_branch}"))
                        .next(next)
                }
                Some(difference) => {
                    Finding::blocked(EVIDENCE).actual(format!("it is about another release: {difference}")).next(next)
                }
                None => Finding::passed(EVIDENCE).actual(format!("{shown}, of this run")),
            }
        }
        EvidenceLook::OfRun { run, problems } if problems.is_empty() => {
            let shown = of_branch.map_or("none", |id| short_sha(id.as_str()));
            Finding::passed(EVIDENCE).actual(format!("{shown}, which passed in {run}"))
        }
        EvidenceLook::OfRun { problems, .. } => {
            let problem = |(actual, next): &(String, &'static str)| {
                Finding::blocked(EVIDENCE).actual(actual).expected(expected).next(*next)
            };
            return problems.iter().map(problem).collect();
        }
    };
    vec![finding.expected(expected)]
}
