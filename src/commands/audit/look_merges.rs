//! Asks GitHub how the promotions by pull request were merged.

use std::{collections::BTreeSet, time::Duration};

use super::{
    merge::{MergeLook, by_pull_request, merge_problem},
    observations::{AuditObservations, CheckedMerges, ManualChange},
};
use crate::{
    config::people::People,
    execution::Execution,
    finding::Finding,
    ledger::{LedgerEntry, Promotion, PromotionBranch},
    observe::read_until_answered,
    subject::Commit,
    world::{
        git::Branch,
        github::{GitHub, PullRequest, Repository},
    },
};

/// How many promotions GitHub is asked about: the latest ones, with three requests each.
const MAX_PROMOTIONS: usize = 100;
/// How long one of them is asked for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks about pull requests of one repository.
pub(super) struct MergeChecker<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
    pub people: &'a People,
    pub execution: &'a Execution,
}

/// Moves the promotions that bypassed the review of their pull request to the images that were changed by hand: they are evidence of
/// nothing. `github` says why it is not asked.
pub(super) fn check_merges(observations: &mut AuditObservations, github: &Result<MergeChecker<'_>, String>) {
    let mut merges = CheckedMerges::default();
    let (mut bypasses, mut unanswered) = (Vec::new(), None);
    let audited: Vec<&LedgerEntry> = observations.audited_entries().collect();
    for (index, entry) in by_pull_request(&audited).into_iter().enumerate() {
        let asked = match github {
            Err(why) => Err(why.clone()),
            Ok(_) if index >= MAX_PROMOTIONS => {
                Err(format!("more than {MAX_PROMOTIONS} in this period: audit a shorter one"))
            }
            Ok(checker) => unanswered.clone().map_or(Ok(checker), Err),
        };
        let look = asked.and_then(|checker| match checker.look(entry) {
            Ok(look) => Ok((look, checker.people)),
            Err(finding) => {
                // What does not answer now is not asked for each of the others, too.
                unanswered = finding.retry_after.map(|_| finding.to_string());
                Err(finding.to_string())
            }
        });
        match look {
            Ok((look, people)) => match merge_problem(&entry.promotion, &look, people) {
                Some(problem) => bypasses.push(bypass(entry, &look, problem)),
                None => merges.add(&look),
            },
            Err(why) => {
                merges.unchecked += 1;
                merges.why_unchecked.get_or_insert(why);
            }
        }
    }
    let commits: BTreeSet<&Commit> = bypasses.iter().map(|change: &ManualChange| &change.commit).collect();
    observations.entries.retain(|entry| !commits.contains(&entry.commit));
    observations.by_hand.extend(bypasses);
    observations.by_hand.sort_by_key(|change| std::cmp::Reverse(change.at));
    observations.merges = merges;
}

/// A bypass as a change by hand.
fn bypass(entry: &LedgerEntry, look: &MergeLook, problem: String) -> ManualChange {
    let LedgerEntry { commit, committed_at, promotion, .. } = entry;
    let Promotion { service, environment, image, previous, .. } = promotion;
    let (author, title) = match look {
        MergeLook::None => (None, String::new()),
        MergeLook::Merged { by, pull_request, .. } => (by.as_ref(), format!("#{}", pull_request.number)),
    };
    ManualChange {
        commit: commit.clone(),
        at: *committed_at,
        author: author.map_or_else(|| "an unknown account".to_owned(), |account| account.login.clone()),
        title,
        service: service.clone(),
        environment: environment.clone(),
        before: previous.clone().unwrap_or_else(|| "no image entry".to_owned()),
        after: image.clone(),
        recorded: Some(image.clone()),
        unproven: Some(problem),
    }
}

impl MergeChecker<'_> {
    fn look(&self, entry: &LedgerEntry) -> Result<MergeLook, Finding> {
        let Self { github, repository, execution, .. } = self;
        let Promotion { service, environment, evidence, .. } = &entry.promotion;
        let Some(evidence) = evidence.clone() else { return Ok(MergeLook::None) };
        let branch = PromotionBranch { environment: environment.clone(), service: service.clone(), evidence };
        let name: Branch = branch.to_string().parse().map_err(|error: String| {
            Finding::inconclusive("pull request").actual(error).expected("a branch that git accepts")
        })?;
        let found = read_until_answered(execution, PATIENCE, || github.pull_requests_of_branch(repository, &name))?;
        let is_this =
            |one: &&PullRequest| one.is_merged() && one.merge_commit_sha.as_deref() == Some(entry.commit.as_str());
        let Some(merged) = found.iter().find(is_this) else { return Ok(MergeLook::None) };
        let number = merged.number;
        let missing = || {
            Finding::inconclusive(format!("pull request #{number}"))
                .actual("GitHub lists it and does not show it")
                .expected("who merged and who approved it")
        };
        let whole = read_until_answered(execution, PATIENCE, || github.pull_request(repository, number))?;
        let reviewed = read_until_answered(execution, PATIENCE, || github.reviewed_pull_request(repository, number))?;
        let by = whole.ok_or_else(missing)?.merged_by;
        Ok(MergeLook::Merged { by, at: merged.merged_at, pull_request: Box::new(reviewed.ok_or_else(missing)?) })
    }
}
