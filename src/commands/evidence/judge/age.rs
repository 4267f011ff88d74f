//! The check of `min-age`: the release was on trial for long enough after its gates passed. A newer deployment ends that time,
//! because the release may not be what runs there any more, and so does a later validation that was bad.

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::minute,
    commands::evidence::{
        gate_jobs::age,
        later_runs::{LaterRuns, began, can_have_acted, was_active_after},
        observations::EvidenceObservations,
        verification::Verification,
    },
    finding::{Finding, Verdict},
    values::{HumanDuration, clip, short_sha},
    world::github::WorkflowRun,
};

const CHECK: &str = "age";
/// How much of a text from GitHub goes into a finding, in characters.
const CLIP: usize = 100;
/// Conclusions that say nothing against a release.
const GOOD: [&str; 3] = ["success", "skipped", "neutral"];
/// Conclusions of a validation that judged, or was to judge, and failed.
const BAD: [&str; 3] = ["failure", "timed_out", "startup_failure"];
const VALIDATE_AGAIN: &str = "find out why, and validate the release again; its age then starts again";

impl Verification<'_> {
    /// Nothing without `min-age`.
    pub(super) fn check_age(&self, observations: &EvidenceObservations) -> Option<Finding> {
        let min_age = self.min_age?;
        let expected =
            format!("every required gate passed at least {min_age} ago, and no deployment and no bad validation since");
        Some(self.judge_age(min_age, observations).unwrap_or_else(|error| error.for_check(CHECK)).expected(expected))
    }

    /// # Errors
    /// The runs cannot be read.
    fn judge_age(&self, min_age: HumanDuration, observations: &EvidenceObservations) -> Result<Finding, Finding> {
        let unknown = |actual: &str| Ok(Finding::inconclusive(CHECK).actual(actual).next("see the other checks"));
        let Some(passed_at) = self.last_end(observations) else { return unknown("no required gate has ended") };
        let (Some(later), Ok(Some(own))) = (&observations.later, &observations.run) else {
            return unknown("the runs since the validation were not looked at");
        };
        let LaterRuns { validations, deploys } = later;
        let validations = validations.as_ref().map_err(Clone::clone)?;
        let deploy = match (deploys, &observations.deploy) {
            (None, _) => {
                let of_other_commit = |run: &&WorkflowRun| is_of_same_branch(run, own) && run.head_sha != own.head_sha;
                newest_deploy(validations.iter().filter(of_other_commit), own, passed_at)
            }
            (Some(Err(error)), _) => return Err(error.clone()),
            (Some(Ok(deploys)), Some(Ok(Some(deploy)))) => newest_deploy(deploys.iter(), deploy, passed_at),
            (Some(Ok(_)), _) => return unknown("the deploy run is not known"),
        };
        if let Some(deploy) = deploy {
            return Ok(newer_deploy(deploy));
        }
        let is_later = |run: &&WorkflowRun| {
            run.id != own.id
                && is_of_same_branch(run, own)
                && can_have_acted(run)
                && (began(run) >= began(own) || was_active_after(run, passed_at))
        };
        let later: Vec<&WorkflowRun> = validations.iter().filter(is_later).collect();
        let ended = later.iter().filter(|run| run.status.as_deref() == Some("completed"));
        let worst = ended.filter_map(|run| bad_validation(run)).max_by_key(|finding| finding.verdict);
        Ok(worst.unwrap_or_else(|| old_enough(passed_at, observations.now, min_age, later.len())))
    }

    /// When the last required gate had passed.
    fn last_end(&self, observations: &EvidenceObservations) -> Option<Timestamp> {
        let gates = self.gate_jobs(observations);
        let required = gates.iter().filter(|gate| self.required.contains(&gate.received.report.command));
        required.map(|gate| gate.ended).max()
    }
}

fn is_of_same_branch(run: &WorkflowRun, own: &WorkflowRun) -> bool {
    run.head_branch == own.head_branch
}

/// The newest run that may have deployed something else since `own` did.
fn newest_deploy<'a>(
    runs: impl Iterator<Item = &'a WorkflowRun>,
    own: &WorkflowRun,
    passed_at: Timestamp,
) -> Option<&'a WorkflowRun> {
    let is_newer = |run: &&WorkflowRun| {
        run.id != own.id && can_have_acted(run) && (began(run) >= began(own) || was_active_after(run, passed_at))
    };
    runs.filter(is_newer).max_by_key(|run| began(run))
}

fn newer_deploy(run: &WorkflowRun) -> Finding {
    let WorkflowRun { id, event, html_url, .. } = run;
    let state = run.conclusion.as_deref().or(run.status.as_deref()).unwrap_or("under way");
    let actual = format!(
        "run {id} ({}, {}) deploys the commit {} since {}, so this release may have been replaced before its time was over",
        clip(event, CLIP),
        clip(state, CLIP),
        short_sha(&run.head_sha),
        minute(began(run)),
    );
    let next = "promote the newer release when its time is over, or deploy this one again and validate it";
    Finding::blocked(CHECK).actual(actual).next(next).seen_at(html_url, run.updated_at.to_string())
}

/// The finding on a validation that ended, and did not pass.
fn bad_validation(run: &WorkflowRun) -> Option<Finding> {
    let conclusion = run.conclusion.as_deref().unwrap_or("no conclusion");
    if GOOD.contains(&conclusion) {
        return None;
    }
    let verdict = if BAD.contains(&conclusion) { Verdict::Blocked } else { Verdict::Inconclusive };
    let actual =
        format!("run {}, a validation since {}, ended as {}", run.id, minute(began(run)), clip(conclusion, CLIP));
    let finding = Finding::new(CHECK, verdict).actual(actual).next(VALIDATE_AGAIN);
    Some(finding.seen_at(&run.html_url, run.updated_at.to_string()))
}

fn old_enough(passed_at: Timestamp, now: Timestamp, min_age: HumanDuration, later: usize) -> Finding {
    let passed = age(passed_at, now);
    let since = match later {
        0 => "no validation".to_owned(),
        1 => "1 validation, which was not bad,".to_owned(),
        many => format!("{many} validations, none of them bad,"),
    };
    let actual =
        format!("the last of them passed {passed} ago ({}); {since} and no deployment since", minute(passed_at));
    if passed.0 >= min_age.0 {
        return Finding::passed(CHECK).actual(actual);
    }
    // The minute that is shown must not be too early.
    let until = passed_at.checked_add(min_age.0).and_then(|until| until.checked_add(SignedDuration::from_secs(59)));
    let until = until.map(minute).unwrap_or_default();
    let next = format!("run this job again at {until} or later; nothing has to be validated again for that");
    Finding::blocked(CHECK).actual(actual).next(next)
}
