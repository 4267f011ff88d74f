//! Reads the ledger, and the image changes that are not in it.

use std::{cmp::Reverse, collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{
    observations::{AuditObservations, CheckedMerges, CheckedRuns, Coverage, ManualChange, UnprovenPromotion, WINDOW},
    validations::VerifyingRun,
};
use crate::{
    error::CommandError,
    execution::Execution,
    finding::Finding,
    image_entry::EntryText,
    ledger::{
        ExaminedChange, FileClaim, FileImage, FileVersion, InfraRepo, MissingFiles, OverlayLayout, OverlayVersion,
        OwnedFile, Promotion, PromotionKind, RunCheck, RunChecker, UnprovenClaim, changed_images, check_claims,
        proof::{Unproven, is_described},
    },
    observe::read_until_answered,
    promotion::rerun::earliest_attempt,
    verified::look::fetch_verified,
    world::{
        git::{BlobId, Commit, CommitSummary, HistoryFilter, LoggedCommit},
        github::{GitHub, Repository, RunQuery, WorkflowRun},
    },
};

/// # Errors
/// Bad input when there is no such branch; a history that cannot be read far enough; no file or no image entry that the
/// settings name.
pub(super) fn observe(
    repo: &InfraRepo,
    layout: &OverlayLayout,
    since: Timestamp,
    until: Timestamp,
) -> Result<AuditObservations, CommandError> {
    let tip = repo.tip()?;
    let files = repo.overlay_files(&tip.commit, &layout.scope).map_err(Finding::unobservable)?;
    let coverage = cover(repo, layout, files).map_err(Finding::unobservable)?;
    let earliest = until.checked_sub(WINDOW).map_or(since, |window| window.min(since));
    observe_history(repo, layout, coverage, &tip.commit, earliest, since, until).map_err(Finding::unobservable)
}

/// How many runs are asked for: those of the rows, and the latest promotions; and as many that promoted nothing.
const MAX_RUNS: usize = 100;
/// How long GitHub is asked again while it does not answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// The event of the runs in which `evidence` verifies a validation.
const DISPATCH: &str = "repository_dispatch";

/// Asks GitHub about the workflow runs that the audited entries name: those that bypassed the gates first. `github` says why
/// it is not asked.
pub(super) fn check_runs(observations: &AuditObservations, github: &Result<RunChecker<'_>, String>) -> CheckedRuns {
    let (bypassing, normal): (Vec<_>, Vec<_>) =
        observations.audited_entries().partition(|entry| entry.promotion.kind != PromotionKind::Normal);
    let mut runs = CheckedRuns::default();
    for (index, entry) in bypassing.into_iter().chain(normal).enumerate() {
        let check = match github {
            Ok(_) if index >= MAX_RUNS => RunCheck::NotChecked(format!("more than {MAX_RUNS}")),
            Ok(checker) => checker.check(entry),
            Err(why) => RunCheck::NotChecked(why.clone()),
        };
        match check {
            RunCheck::Confirmed(_) => runs.confirmed += 1,
            RunCheck::Refuted(why) => runs.refuted.push((entry.commit.clone(), why)),
            RunCheck::NotChecked(why) => {
                runs.unchecked += 1;
                runs.why_unchecked.get_or_insert(why);
            }
        }
    }
    runs
}

/// The runs that a dispatch started, that promoted nothing, and what their `evidence` verified: all that have not ended, and those of the
/// audited period. Also how many of the latter were not looked through.
///
/// # Errors
/// GitHub does not answer; a token without Actions: read or Checks: read; more open runs than are looked through.
pub(super) fn fetch_verifying_runs(
    github: &GitHub,
    repository: &Repository,
    observations: &AuditObservations,
    execution: &Execution,
) -> Result<(Vec<VerifyingRun>, usize), Finding> {
    // A run can wait for a month, however short the audited period is.
    let since = observations.since.min(earliest_attempt(observations.until));
    let query = RunQuery { workflow: None, event: Some(DISPATCH), since };
    let mut runs = read_until_answered(execution, PATIENCE, || github.workflow_runs(repository, query))?;
    let promoting = observations.entries.iter().filter_map(|entry| entry.promotion.workflow_run());
    let promoting: BTreeSet<u64> = promoting.filter(|run| run.repository == *repository).map(|run| run.id).collect();
    runs.retain(|run| !promoting.contains(&run.id));
    let (mut read, mut ended): (Vec<_>, Vec<_>) =
        runs.into_iter().partition(|run| run.status.as_deref() != Some("completed"));
    if read.len() > MAX_RUNS {
        return Err(Finding::inconclusive("the runs that have not ended")
            .actual(read.len().to_string())
            .expected(format!("at most {MAX_RUNS}"))
            .next("reject those that wait for an approval and are not wanted any more"));
    }
    ended.retain(|run| run.created_at >= observations.since);
    let left = MAX_RUNS - read.len();
    let unread = ended.len().saturating_sub(left);
    read.extend(ended.into_iter().take(left));
    read.sort_by_key(|run| Reverse(run.id));
    let verify = |run: WorkflowRun| {
        let releases = read_until_answered(execution, PATIENCE, || fetch_verified(github, repository, &run))?;
        Ok(VerifyingRun { run, releases })
    };
    Ok((read.into_iter().map(verify).collect::<Result<_, Finding>>()?, unread))
}

fn observe_history(
    repo: &InfraRepo,
    layout: &OverlayLayout,
    coverage: Coverage,
    tip: &Commit,
    earliest: Timestamp,
    since: Timestamp,
    until: Timestamp,
) -> Result<AuditObservations, Finding> {
    let InfraRepo { git, remote, branch, .. } = repo;
    let is_audited = |promotion: &Promotion| layout.scope.includes(&promotion.service, &promotion.environment);
    let filter = HistoryFilter {
        is_wanted: &|path| !layout.owners(path).is_empty(),
        is_relevant: &|commit| {
            !commit.changes.is_empty() || Promotion::from_trailers(&commit.summary).as_ref().is_some_and(is_audited)
        },
    };
    let commits = git.commits_since(remote, branch, tip, earliest, &filter)?;
    let mut by_hand = Vec::new();
    let owners = |path: &str| layout.owners(path);
    let checked =
        check_claims(repo, commits, &is_audited, &owners, &mut MissingFiles::new(), &mut |changed, claims| {
            if changed.commit.latest >= since {
                by_hand.extend(manual_changes(repo, layout, changed, claims));
            }
        })?;
    let by_hand_commits: BTreeSet<&Commit> = by_hand.iter().map(|change: &ManualChange| &change.commit).collect();
    let is_shown = |claim: &UnprovenClaim| claim.commit.at >= since && !by_hand_commits.contains(&claim.commit.commit);
    let unproven = checked.unproven.into_iter().filter(is_shown).map(UnprovenPromotion::from).collect();
    let (runs, merges) = (CheckedRuns::default(), CheckedMerges::default());
    let entries = checked.entries;
    Ok(AuditObservations { since, until, entries, by_hand, unproven, coverage, runs, merges, validations: None })
}

/// Checks that the files at the tip have the image entries that the settings name. An audit of files without entries would
/// find nothing in any history.
fn cover(repo: &InfraRepo, layout: &OverlayLayout, files: Vec<(String, BlobId)>) -> Result<Coverage, Finding> {
    let (paths, ids): (Vec<String>, Vec<BlobId>) = files.into_iter().unzip();
    let mut read = Vec::with_capacity(ids.len());
    repo.git.read_blobs(&repo.remote, &ids, &mut |content| read.push(FileVersion::new(content)))?;
    let has_entry = |owned: &OwnedFile, version: &FileVersion| {
        let name = layout.image_name(owned);
        // A file that cannot be read may have any entry, and its next change is found.
        version.images(&owned.file.image).entries().map_or(true, |entries| {
            entries.iter().any(|entry| name.as_ref().is_none_or(|name| entry.entry.name == *name))
        })
    };
    let shown = |OwnedFile { file, .. }: &OwnedFile| match &file.image {
        FileImage::Entry => file.path.clone(),
        FileImage::Fields { fields, .. } => format!("{} ({fields})", file.path),
    };
    let (mut with, mut without) = (BTreeSet::new(), BTreeSet::new());
    for (path, version) in paths.iter().zip(&read) {
        for owned in layout.owners(path).iter().filter(|owned| !owned.is_former) {
            if has_entry(owned, version) {
                with.insert(shown(owned))
            } else {
                without.insert(shown(owned))
            };
        }
    }
    let without: Vec<String> = without.into_iter().collect();
    if with.is_empty() {
        let setting = if layout.has_image_name() { "`image-name`" } else { "`file`" };
        return Err(Finding::inconclusive(setting)
            .actual(format!("none of {} files has such an image entry, as {}", without.len(), without.join(", ")))
            .expected("files with the image entries that promotions change")
            .next("name the files with `file`, and the entries with `image-name`"));
    }
    Ok(Coverage { files: with.len() + without.len(), without })
}

/// The changes of a service's image in a file that the commit's claim does not cover.
fn manual_changes(
    repo: &InfraRepo,
    layout: &OverlayLayout,
    changed: &ExaminedChange<'_>,
    claims: &[FileClaim<'_>],
) -> Vec<ManualChange> {
    let LoggedCommit { summary, parents, .. } = changed.commit;
    // The first commit of all and a new file promote nothing: they set up services.
    let Some(parent) = parents.first().filter(|_| *changed.before != OverlayVersion::NoFile) else { return Vec::new() };
    let OwnedFile { service, environment, .. } = changed.owned;
    let proven: BTreeSet<&str> =
        claims.iter().filter_map(|claim| Some(claim.result.as_ref().ok()?.change.after.entry.name.as_str())).collect();
    let images = match changed_images(layout, changed.owned, &repo.images, &changed.before, &changed.after) {
        Some(images) => images
            .into_iter()
            .filter(|image| !proven.contains(image.name.as_str()))
            .map(|image| (image.before, image.after))
            .collect(),
        // The text contains the commit, so two unreadable versions never count as unchanged.
        None => vec![(shown(&changed.before, parent), shown(&changed.after, &summary.commit))],
    };
    let recorded = claims.iter().find_map(|claim| Some((claim.promotion, claim.result.as_ref().err()?)));
    let CommitSummary { commit, at, author, title, .. } = summary;
    let change = |(before, after): (String, String)| ManualChange {
        commit: commit.clone(),
        at: *at,
        author: author.clone(),
        title: title.clone(),
        service: service.clone(),
        environment: environment.clone(),
        recorded: recorded.map(|(promotion, _)| promotion.image.clone()),
        unproven: recorded.map(|(promotion, why)| contradiction(promotion, why, &changed.after)),
        before,
        after,
    };
    images.into_iter().map(change).collect()
}

/// Why the record of a promotion does not describe what its commit changed.
fn contradiction(promotion: &Promotion, why: &Unproven, after: &OverlayVersion) -> String {
    let has_image = |entries: &[EntryText]| entries.iter().any(|entry| is_described(&entry.entry, &promotion.image));
    match (why, &promotion.previous) {
        (Unproven::Differs { .. }, _) if !after.entries().is_ok_and(has_image) => {
            format!("it records {}", promotion.image)
        }
        (Unproven::Differs { .. }, Some(previous)) => format!("it records {previous} before it"),
        (Unproven::Differs { .. }, None) => "it records no image before it".to_owned(),
        _ => why.to_string(),
    }
}

fn shown(version: &OverlayVersion, commit: &Commit) -> String {
    match version {
        OverlayVersion::NoFile => "no file".to_owned(),
        OverlayVersion::Unreadable(why) => format!("a file that cannot be read in {commit}: {why}"),
        OverlayVersion::Entries(entries) => match &entries[..] {
            [] => "no image entry".to_owned(),
            entries => entries.iter().map(|entry| entry.entry.reference()).collect::<Vec<_>>().join(", "),
        },
    }
}
