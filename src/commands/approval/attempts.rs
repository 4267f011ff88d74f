//! The jobs of this run: which one is this step's, when the decision pack was there, and whether an approval may be one of an
//! earlier attempt.

use jiff::Timestamp;

use crate::{approvers::JobWait, world::github::Job};

/// The job in progress on this runner. If GitHub shows none on it: the only job that is not completed. With several, each
/// could be this one, because GitHub may not show this one in progress yet.
pub fn find_own_job<'a>(jobs: &'a [Job], runner: Option<&str>) -> Option<&'a Job> {
    let incomplete: Vec<&Job> = jobs.iter().filter(|job| job.status != "completed").collect();
    let mut on_runner = incomplete.clone();
    on_runner.retain(|job| runner.is_some() && runner_of(job) == runner);
    let job = match (&on_runner[..], &incomplete[..]) {
        ([job], _) | ([], [job]) => *job,
        _ => return None,
    };
    (job.status == "in_progress").then_some(job)
}

fn runner_of(job: &Job) -> Option<&str> {
    job.runner_name.as_deref().filter(|name| !name.is_empty())
}

/// When the job with that key in the workflow file ended: the key is its name, unless the file gives it another one. In a
/// called workflow the name of the calling job stands before it.
pub fn job_ended_at(jobs: &[Job], key: Option<&str>) -> Option<Timestamp> {
    let key = key.filter(|key| !key.is_empty())?;
    let has_name = |job: &&Job| job.name.rsplit(" / ").next() == Some(key);
    jobs.iter().filter(has_name).filter_map(|job| job.completed_at).max()
}

/// What an approval of run `run` may be from, other than the job `own` in this attempt: a job of its name that was not skipped
/// in an earlier attempt, or another job that has a deployment to the environment. `None` if there was nothing else to approve.
pub fn find_old_approval(
    run: u64,
    own: &Job,
    jobs: &[Job],
    earlier: &[(u32, Vec<Job>)],
    waits: &[JobWait],
) -> Option<String> {
    for (attempt, jobs) in earlier {
        let mut same = jobs.iter().filter(|job| job.name == own.name).peekable();
        if same.peek().is_none() {
            return Some(format!("attempt {attempt} has no job {}", own.name));
        }
        if let Some(job) = same.find(|job| job.conclusion.as_deref() != Some("skipped")) {
            let end = job.conclusion.as_deref().unwrap_or(&job.status);
            return Some(format!("the job {} of attempt {attempt} was not skipped, but {end}", own.name));
        }
    }
    let is_known = |wait: &JobWait| jobs.iter().any(|job| wait.job == Some(job.id));
    let stray = waits.iter().find(|wait| wait.run == Some(run) && !is_known(wait))?;
    let name = stray.job.map_or_else(|| "a job".to_owned(), |job| format!("job {job}"));
    Some(format!("{name} of an earlier attempt waited for the same environment"))
}

#[cfg(test)]
mod tests;
