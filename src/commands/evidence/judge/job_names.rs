//! Which jobs are of this service, by the names that GitHub displays: `smoke`, `smoke (cart, eu)`, `validate (cart) / smoke`.
//! One run may validate several services, and a job that failed for another one says nothing of this release.

use crate::{
    commands::evidence::{observations::ValidationJobs, verification::Verification},
    results::ReceivedReport,
    world::github::Job,
};

/// Between the names of a calling job and a job of a reusable workflow.
const CALL: &str = " / ";

impl Verification<'_> {
    /// Whether a job's name or matrix has another service's name, and not this one's.
    pub(super) fn is_of_other_service(&self, job: &Job) -> bool {
        let names = |service: &str| words(&job.name).any(|word| word == service);
        self.other_services.iter().any(|other| names(other)) && !names(self.claim.payload.service.as_str())
    }

    /// The jobs that are displayed as the one that a report names. Of those, the jobs of other services do not count, and where a
    /// reusable workflow also has the job of `record`, only its own jobs do.
    pub(super) fn jobs_of<'a>(&self, received: &ReceivedReport, jobs: &'a ValidationJobs) -> Vec<&'a Job> {
        let mut own: Vec<&Job> = jobs.jobs.iter().flatten().filter(|job| is_job_of(received, job)).collect();
        keep_unless_empty(&mut own, |job| !self.is_of_other_service(job));
        if let Some(call) = self.record_job(jobs).and_then(|job| caller(&job.name)) {
            keep_unless_empty(&mut own, |job| caller(&job.name) == Some(call));
        }
        own
    }

    /// Whether a job may have to do with this evidence: it ran a gate whose report is in the payload, or a further leg of its
    /// matrix. A job with its own name may be any job.
    pub(super) fn may_be_own_job(&self, job: &Job, jobs: &ValidationJobs) -> bool {
        if self.is_of_other_service(job) || self.record_job(jobs).is_some_and(|record| record.id == job.id) {
            return false;
        }
        if self.signed.is_some() {
            return self.claim.received.iter().any(|received| {
                let own = self.jobs_of(received, jobs);
                own.is_empty() || own.iter().any(|own| own.id == job.id)
            });
        }
        self.claim.texts.iter().any(|text| {
            let mut announcing = jobs.jobs.iter().flatten().filter(|other| jobs.announces(other, text));
            announcing.any(|other| other.id == job.id || is_leg_of_same_matrix(job, other))
        })
    }

    /// The job that signed: that of `record`.
    fn record_job<'a>(&self, jobs: &'a ValidationJobs) -> Option<&'a Job> {
        let id = self.signed.as_ref()?.check_run_id?;
        jobs.jobs.iter().flatten().find(|job| job.check_run_id() == id)
    }
}

fn keep_unless_empty<'a>(jobs: &mut Vec<&'a Job>, is_kept: impl Fn(&Job) -> bool) {
    let kept: Vec<&'a Job> = jobs.iter().copied().filter(|job| is_kept(job)).collect();
    if !kept.is_empty() {
        *jobs = kept;
    }
}

/// Whether a job is displayed as the job that a report names: `smoke`, `smoke (chrome)`, `validate / smoke`.
pub(super) fn is_job_of(received: &ReceivedReport, job: &Job) -> bool {
    let key = received.report.run.as_ref().map(|run| run.job.as_str()).unwrap_or_default();
    let own = job.name.rsplit(CALL).next().unwrap_or_default();
    !key.is_empty() && own.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// The name of a job's matrix; `None` if its name has no values of a matrix.
pub(super) fn matrix_of(job: &Job) -> Option<&str> {
    job.name.strip_suffix(')')?.split_once(" (").map(|(matrix, _)| matrix)
}

/// Whether two jobs are legs of one matrix. GitHub names the legs `health (eu)`, `health (us)`.
pub(super) fn is_leg_of_same_matrix(one: &Job, other: &Job) -> bool {
    matrix_of(one).is_some_and(|matrix| matrix_of(other) == Some(matrix))
}

/// The calling jobs of a job in a reusable workflow.
fn caller(name: &str) -> Option<&str> {
    name.rsplit_once(CALL).map(|(caller, _)| caller)
}

/// The names of a job and of its callers, and the values of their matrices.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(CALL).flat_map(|part| {
        let (own, values) = part.strip_suffix(')').and_then(|part| part.split_once(" (")).unwrap_or((part, ""));
        std::iter::once(own).chain(values.split(", ").filter(|value| !value.is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_name_has_callers_and_values_of_matrices() {
        let split = |name: &str| words(name).map(ToOwned::to_owned).collect::<Vec<_>>();
        assert_eq!(split("smoke"), ["smoke"]);
        assert_eq!(split("smoke (cart, eu)"), ["smoke", "cart", "eu"]);
        assert_eq!(split("validate (cart) / smoke"), ["validate", "cart", "smoke"]);
        assert_eq!(split("cart / smoke (eu)"), ["cart", "smoke", "eu"]);
        assert_eq!(split("smoke (cart"), ["smoke (cart"]);
        assert_eq!(caller("a / b / c"), Some("a / b"));
        assert_eq!(caller("c"), None);
    }
}
