//! The evidence of a commit that was made in another workflow run: what GitHub shows of that run. The commit's message is a claim
//! of its author; a run of the default branch whose `evidence` announced this release is not. Pure.
//!
//! A run announces its reports as annotations. A token with Checks: write can add such an annotation to a job of the run, so
//! this is worth as much as `proof: annotations` of `evidence`.

use jiff::SignedDuration;

use crate::{
    config::services::ServiceSource,
    deployment::judge::BranchPosition,
    ledger::{LedgerEntry, RunUrl},
    report::notice::{self, ReportNotice},
    subject::{Commit, Subject},
    values::{clip, short_sha},
    world::github::{Annotation, CommitRelation, Repository, WorkflowRun},
};

/// How far the clocks of GitHub and of a runner may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Events of a run that starts from a fork or a branch without review.
const UNREVIEWED: [&str; 3] = ["pull_request", "pull_request_target", "pull_request_review"];
/// How much of a text from GitHub a message quotes, in characters.
const CLIP: usize = 100;
/// What to do with a pull request that can never be approved.
pub const NEW_ONE: &str = "close it, and validate the release again: new evidence gets a new pull request";
const FORGED: &str = "do not approve it, and find out who made its commit: `promote` writes no such message";

/// What is wrong with the evidence, and what to do.
pub type Problem = (String, &'static str);

/// The run that a commit names, as GitHub shows it.
pub struct AnnouncingRun {
    pub run: WorkflowRun,
    /// Where the commit of its workflow file is.
    pub position: BranchPosition,
    /// The annotations of its jobs that have ended.
    pub annotations: Vec<Annotation>,
}

/// The run that a commit of `repository` names, or why that cannot have made it.
pub fn named_run(entry: &LedgerEntry, repository: &Repository) -> Result<RunUrl, Problem> {
    let Some(run) = entry.promotion.workflow_run() else {
        return Err(("its message names no workflow run".to_owned(), FORGED));
    };
    if !run.repository.to_string().eq_ignore_ascii_case(&repository.to_string()) {
        return Err((format!("its message names a run of {}", run.repository), FORGED));
    }
    Ok(run)
}

/// What is wrong with the run that a commit names.
pub fn run_problems(named: &RunUrl, found: &AnnouncingRun, promoted: &Subject) -> Vec<Problem> {
    let AnnouncingRun { run, position, annotations } = found;
    let what = format!("run {} of {}", run.id, clip(&run.path, CLIP));
    if named.attempt.is_some_and(|attempt| attempt > run.attempt) {
        return vec![(format!("{what} has {} attempts, and its message names a later one", run.attempt), FORGED)];
    }
    if UNREVIEWED.contains(&run.event.as_str()) || !run.is_of_own_commit() {
        return vec![(format!("{what} is a run for a pull request or a fork"), FORGED)];
    }
    if !position.relation.as_ref().is_some_and(CommitRelation::is_ancestor) {
        let commit = short_sha(&run.head_sha);
        return vec![(format!("{what} is of the commit {commit}, which is not on {}", position.branch), FORGED)];
    }
    let notices = annotations.iter().filter(|annotation| is_notice(annotation));
    let notices = notices.filter_map(|annotation| ReportNotice::parse(annotation.message.as_deref()?));
    let of_release = notices.filter(|notice| {
        let is_about = |subject: &Subject| is_about(subject, promoted);
        notice.command == "evidence" && !notice.dry_run && notice.subject.as_ref().is_some_and(is_about)
    });
    let of_release: Vec<ReportNotice> = of_release.collect();
    if of_release.is_empty() {
        return vec![(format!("no job of {what} that has ended announced `evidence` for {promoted}"), NEW_ONE)];
    }
    let bad = of_release.iter().find(|notice| notice.verdict != "passed");
    bad.map(|notice| (format!("{what} announced `evidence`: {}", clip(&notice.verdict, CLIP)), NEW_ONE))
        .into_iter()
        .collect()
}

/// What is wrong with the time of the validation in the message: the run that verified it ended later. So a message cannot make a
/// validation newer than that run, which judged its age.
pub fn time_problem(entry: &LedgerEntry, run: &WorkflowRun) -> Option<Problem> {
    let validated_at = entry.promotion.validated_at?;
    (validated_at.duration_since(run.updated_at) > CLOCK_SKEW).then(|| {
        let (id, ended) = (run.id, run.updated_at);
        (
            format!(
                "its message says that it was validated at {validated_at}, and run {id} verified it before {ended}"
            ),
            FORGED,
        )
    })
}

/// Whether evidence about `subject` is about exactly the promoted release, in its environment.
fn is_about(subject: &Subject, promoted: &Subject) -> bool {
    subject.environment.is_some()
        && subject.commit.is_some()
        && subject.commit == promoted.commit
        && subject.environment == promoted.environment
        && subject.differs_from(promoted).is_none()
        && promoted.differs_from(subject).is_none()
}

/// Whether an annotation has the title and the level of our notices.
fn is_notice(annotation: &Annotation) -> bool {
    annotation.title.as_deref() == Some(notice::TITLE) && annotation.level.as_deref() == Some("notice")
}

/// What is wrong with the list of people that the message stands for: it must be about the commit in the image, about the commit
/// in the image before as the ledger has it, and about runs of the service's workflows, one of them of the commit in the image.
pub fn people_problems(
    entry: &LedgerEntry,
    before: Option<&Commit>,
    source: &ServiceSource,
    runs: &[(u64, Option<WorkflowRun>)],
) -> Vec<Problem> {
    let Some(people) = &entry.promotion.people else {
        return vec![("its message does not say who had a part in the release".to_owned(), NEW_ONE)];
    };
    let mut problems = Vec::new();
    if entry.promotion.source_commit.as_ref() != Some(&people.head) {
        problems.push((
            format!(
                "its message lists the people of the commit {}, which is not in the image",
                short_sha(people.head.as_str())
            ),
            FORGED,
        ));
    }
    if let Some(before) = before
        && people.base.as_ref() != Some(before)
    {
        let named = people.base.as_ref().map_or("no commit", |base| short_sha(base.as_str()));
        problems.push((
            format!(
                "its message lists the people since {named}, and the ledger has {} for the image before",
                short_sha(before.as_str())
            ),
            FORGED,
        ));
    }
    let workflows = [Some(&source.workflow), source.deploy_workflow.as_ref()];
    let is_of_service =
        |run: &WorkflowRun| workflows.into_iter().flatten().any(|workflow| run.is_of_workflow(workflow.as_str()));
    if let Some((id, _)) = runs.iter().find(|(_, run)| !run.as_ref().is_some_and(is_of_service)) {
        problems.push((
            format!("run {id} of {}, which its message names, is none that validates or deploys", source.repository),
            FORGED,
        ));
    }
    let is_of_release = |run: &WorkflowRun| run.head_sha == people.head.as_str();
    if !runs.iter().any(|(_, run)| run.as_ref().is_some_and(is_of_release)) {
        problems.push((
            format!("none of the runs that its message names is of the commit {}", short_sha(people.head.as_str())),
            FORGED,
        ));
    }
    problems
}

#[cfg(test)]
mod tests;
