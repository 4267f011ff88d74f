//! The proof check: what GitHub signed is this payload, and the job that asked for the signature is the one that `services` trusts.

use jiff::Timestamp;

use super::{
    gates::{CLIP, ReportChecks, SKEW},
    job_names::{is_job_of, matrix_of},
    notices::CLIP_NAME,
    runs::FAILED_JOB,
};
use crate::{
    clock::minute,
    commands::evidence::{gate_jobs::age, observations::EvidenceObservations, verification::Verification},
    config::services::{ServiceSource, signer::RepositoryId},
    finding::{Finding, Verdict},
    proof::claims::Claims,
    results::{MATRIX, ReceivedReport},
    values::clip,
};

pub const CHECK: &str = "proof";
const VALIDATE_AGAIN: &str = "validate the release again";

/// The first claim that differs.
struct Difference {
    verdict: Verdict,
    actual: String,
    expected: String,
    next: Option<String>,
}

impl Difference {
    fn blocked(actual: String, expected: impl Into<String>) -> Self {
        Self { verdict: Verdict::Blocked, actual, expected: expected.into(), next: None }
    }

    fn inconclusive(actual: String, expected: impl Into<String>, next: &str) -> Self {
        Self { verdict: Verdict::Inconclusive, ..Self::blocked(actual, expected) }.next(next)
    }

    fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    fn into_finding(self) -> Finding {
        let finding = Finding::new(CHECK, self.verdict).actual(self.actual).expected(self.expected);
        Finding { next: self.next, ..finding }
    }
}

/// A claim that must have one value.
fn differs(claim: &str, actual: &str, expected: &str, why: &str) -> Option<Difference> {
    (actual != expected).then(|| {
        Difference::blocked(format!("signed with `{claim}` {}", clip(actual, CLIP)), format!("{expected}, {why}"))
    })
}

/// A payload without a token.
pub fn missing_proof() -> Finding {
    Finding::blocked(CHECK)
        .actual("the payload has none: GitHub did not sign it")
        .expected("a token in which GitHub signs this evidence")
        .next(
            "give the job of `record` the permission `id-token: write`, use the same version of promote-gates there, and validate \
             again; where runners have no OIDC, set `proof: annotations` in both",
        )
}

impl Verification<'_> {
    /// Compares the claims that need no observation.
    pub fn check_signature(&self, claims: &Claims, now: Timestamp) -> Finding {
        match self.difference_from_payload(claims, now) {
            Some(difference) => difference.into_finding(),
            None => self.signed_finding(claims),
        }
    }

    /// Compares all claims; absent where the annotations count instead.
    pub(super) fn check_proof(&self, observations: &EvidenceObservations) -> Option<Finding> {
        let claims = self.signed.as_ref()?;
        let difference = self
            .difference_from_payload(claims, observations.now)
            .or_else(|| self.difference_of_repository(claims, observations))
            .or_else(|| self.difference_of_workflow(claims, observations))
            .or_else(|| self.difference_of_job(claims, observations));
        Some(match difference {
            Some(difference) => difference.into_finding(),
            None => self.signed_finding(claims),
        })
    }

    fn signed_finding(&self, claims: &Claims) -> Finding {
        Finding::passed(CHECK)
            .actual(self.signed_for(claims))
            .expected("GitHub's signature of exactly this evidence, for the job of `record`")
            .seen_at(self.issuer, claims.issued_at.to_string())
    }

    /// `signed by GitHub for run 7, attempt 1 of acme/shop`
    pub fn signed_for(&self, claims: &Claims) -> String {
        format!(
            "signed by GitHub for run {}, attempt {} of {}",
            claims.run_id, claims.run_attempt, self.origin.repository
        )
    }

    fn difference_from_payload(&self, claims: &Claims, now: Timestamp) -> Option<Difference> {
        let ServiceSource { repository, .. } = self.origin;
        let (run, events) = (&self.claim.payload.run, self.origin.events());
        let is_own_repository = claims.repository.eq_ignore_ascii_case(&repository.to_string());
        let event = &claims.event_name;
        differs("aud", &claims.audience, &self.claim.audience, "the sum of what arrived")
            .or_else(|| {
                differs("iss", &claims.issuer, self.issuer, "the issuer of this server, or the setting `issuer`")
            })
            .or_else(|| {
                let trusted = repository.to_string();
                let claimed = if is_own_repository { &trusted } else { &claims.repository };
                differs("repository", claimed, &trusted, "as `services` says")
            })
            .or_else(|| differs("run_id", &claims.run_id.to_string(), &run.id.to_string(), "as the payload says"))
            .or_else(|| {
                differs("run_attempt", &claims.run_attempt.to_string(), &run.attempt.to_string(), "as the payload says")
            })
            .or_else(|| {
                (!events.contains(&event.as_str())).then(|| {
                    let expected = format!("{}, by `events` of the service", events.join(" or "));
                    Difference::blocked(format!("signed with `event_name` {}", clip(event, CLIP_NAME)), expected)
                })
            })
            .or_else(|| self.difference_of_time(claims.issued_at, now))
    }

    /// When it was signed. The token's own expiry is a few minutes, and says when it may be exchanged for access; the evidence may
    /// be older.
    fn difference_of_time(&self, issued_at: Timestamp, now: Timestamp) -> Option<Difference> {
        if now.duration_since(issued_at) < -SKEW {
            let actual = format!("signed at {issued_at}, and it is {now} here");
            return Some(Difference::inconclusive(actual, "a time that is past", "set the runner's clock"));
        }
        let (age, max_age) = (age(issued_at, now), self.max_age);
        (age.0 > max_age.0).then(|| {
            let actual = format!("signed {}, {age} before this check", minute(issued_at));
            Difference::blocked(actual, format!("at most {max_age} before")).next(VALIDATE_AGAIN)
        })
    }

    /// The number of the repository: a repository that was deleted and created again has another one.
    fn difference_of_repository(&self, claims: &Claims, observations: &EvidenceObservations) -> Option<Difference> {
        // A ledger that was not read ends the check for a replay.
        let mut entries = observations.ledger.iter().flatten();
        let (expected, why) = if let Some(RepositoryId(id)) = self.origin.signer.repository_id {
            (id, "`repository-id` of the service".to_owned())
        } else {
            let recorded = entries.find_map(|entry| Some((entry.promotion.repository_id?, &entry.commit)))?;
            (recorded.0, format!("as promotion {} recorded it", recorded.1))
        };
        differs("repository_id", &claims.repository_id.to_string(), &expected.to_string(), &why).map(|difference| {
            difference.next(
                "another repository has this name now: if that is right, set `repository-id` of the service to its number",
            )
        })
    }

    /// The workflow, its ref and its commit.
    fn difference_of_workflow(&self, claims: &Claims, observations: &EvidenceObservations) -> Option<Difference> {
        let ServiceSource { repository, workflow, deploy_workflow, signer, .. } = self.origin;
        let is_workflow_run = claims.event_name == "workflow_run";
        let branch = if is_workflow_run {
            match &observations.default_branch {
                Some(Ok(Some(default))) => default.clone(),
                other => return Some(unknown_default_branch(other.as_ref())),
            }
        } else if let Some(branch) = observations.branch_name() {
            branch.to_owned()
        } else {
            let next = "see the check `branch`";
            return Some(Difference::inconclusive(
                "the branch was not seen".to_owned(),
                "the service's `branch`",
                next,
            ));
        };
        let why = if is_workflow_run {
            "the default branch, which `workflow_run` always runs"
        } else {
            "the service's `branch`"
        };
        let git_ref = format!("refs/heads/{branch}");
        let workflow_ref = format!("{repository}/{workflow}@{git_ref}");
        // Names of repositories differ in case only if GitHub's do.
        let claimed_workflow = same_case(&claims.workflow_ref, &repository.to_string());
        let commit = self.subject(observations).commit.map(|commit| commit.to_string()).unwrap_or_default();
        differs("ref", &claims.git_ref, &git_ref, why)
            .or_else(|| differs("workflow_ref", &claimed_workflow, &workflow_ref, &format!("by `services` and {why}")))
            .or_else(|| match (&signer.job_workflow, &claims.job_workflow_ref) {
                (Some(expected), claimed) => {
                    let claimed = claimed.as_deref().unwrap_or("(none)");
                    differs("job_workflow_ref", claimed, expected.as_str(), "`job-workflow` of the service")
                }
                (None, Some(claimed)) => {
                    let claimed = same_case(claimed, &repository.to_string());
                    differs("job_workflow_ref", &claimed, &workflow_ref, "the validating workflow itself").map(
                        |difference| {
                            difference.next(
                                "if `record` runs in this reusable workflow, name it in `job-workflow` of the service",
                            )
                        },
                    )
                }
                (None, None) => None,
            })
            .or_else(|| {
                // A `workflow_run` has the tip of the default branch; after a deploy workflow, the deployed commit is that run's.
                let is_built_here = !is_workflow_run && deploy_workflow.is_none();
                differs("sha", &claims.sha, &commit, "the commit of the image").filter(|_| is_built_here)
            })
    }

    /// The job, by its check run: it is the one of `record`, and none of the gates'. A token from another job proves nothing: a test
    /// or a plugin there could have asked for it.
    fn difference_of_job(&self, claims: &Claims, observations: &EvidenceObservations) -> Option<Difference> {
        let id = claims.check_run_id?;
        let record_job = &self.origin.signer.record_job;
        let expected = format!("the job `{record_job}` of this attempt, which runs `record` and no gate");
        let jobs = match observations.jobs.listed() {
            Ok(jobs) => jobs,
            Err(error) => {
                let next = error.next.as_deref().unwrap_or("run this job again");
                return Some(Difference::inconclusive(error.actual.clone(), expected, next));
            }
        };
        let Some(job) = jobs.iter().find(|job| job.check_run_id() == id) else {
            return Some(Difference::blocked(
                format!("signed by the job with check run {id}, which is none of this attempt's"),
                expected,
            ));
        };
        let name = clip(&job.name, CLIP_NAME);
        let gate = self.claim.received.iter().find(|received| is_job_of(received, job));
        if let Some(gate) = gate {
            let actual = format!("signed by job `{name}`, which ran {}", clip(&gate.report.command, CLIP_NAME));
            let next = "run `record` in its own job, and give `id-token: write` to no other";
            return Some(Difference::blocked(actual, expected).next(next));
        }
        (!record_job.is_of(&job.name)).then(|| {
            Difference::blocked(format!("signed by job `{name}`"), expected)
                .next("if this job runs `record` and nothing else, name it in `record-job` of the service; if not, take `id-token: write` from it")
        })
    }
}

fn unknown_default_branch(observed: Option<&Result<Option<String>, Finding>>) -> Difference {
    let (actual, next) = match observed {
        Some(Err(error)) => (error.actual.clone(), error.next.clone()),
        _ => ("GitHub does not show the service's repository to this token".to_owned(), None),
    };
    let next = next.unwrap_or_else(|| "give a `source-token` that may read the service's repository".to_owned());
    Difference::inconclusive(actual, "the default branch, whose workflow `workflow_run` runs", &next)
}

/// `text` with its start spelled as `name`, if it differs from it in case only.
fn same_case(text: &str, name: &str) -> String {
    match text.get(..name.len()) {
        Some(start) if start.eq_ignore_ascii_case(name) => format!("{name}{}", &text[name.len()..]),
        _ => text.to_owned(),
    }
}

impl ReportChecks<'_> {
    /// What is missing if more legs of a matrix ran this gate than the payload has reports of.
    fn missing_legs(&self, received: &ReceivedReport) -> Option<String> {
        let jobs = self.verification.jobs_of(received, self.jobs);
        let legs = jobs.iter().filter(|job| job.has_run() && matrix_of(job).is_some()).count();
        let is_of_matrix = |other: &&ReceivedReport| {
            let jobs = [&other.report, &received.report].map(|report| report.run.as_ref().map(|run| &run.job));
            jobs[0] == jobs[1] && other.report.command == received.report.command
        };
        let reports = self.verification.claim.received.iter().filter(is_of_matrix).count();
        let command = clip(&received.report.command, CLIP_NAME);
        (legs > 1 && reports < legs).then(|| {
            let example = clip(&jobs[0].name, CLIP_NAME);
            format!("{legs} legs of a matrix ran {command}, as `{example}`, and the payload has reports of {reports}")
        })
    }

    /// A report in a payload that GitHub signed. Its time is the gate's own, which the signature covers.
    pub(super) fn check_signed_report(&self, received: &ReceivedReport, claims: &Claims) -> Finding {
        if let Err(finding) = self.check_origin(received) {
            return finding;
        }
        let report = &received.report;
        let command = &clip(&report.command, CLIP_NAME);
        let run = report.run.as_ref().map(|run| run.url.clone()).unwrap_or_default();
        let finding = |verdict, actual: String| {
            Finding::new(command, verdict).actual(actual).seen_at(run.as_str(), &report.finished_at)
        };
        let reported = format!("{}: {}", report.verdict, clip(&report.reason, CLIP));
        if report.dry_run {
            return finding(Verdict::Blocked, format!("{reported} in dry-run, which counts for nothing"));
        }
        if report.verdict != Verdict::Passed {
            return finding(report.verdict, reported);
        }
        // A step after the gate, or another leg of its matrix, may have failed. Without the list of jobs this is not known, and a token
        // of an older server names no job that would have to be in it.
        if let Err(error) = self.jobs.listed() {
            let actual = format!("{reported}; its job was not seen: {}", error.actual);
            return Finding { next: error.next, ..finding(Verdict::Inconclusive, actual) };
        }
        let own = self.verification.jobs_of(received, self.jobs);
        if let Some(job) = own.into_iter().find(|job| job.conclusion.as_deref() != Some("success")) {
            let name = clip(&job.name, CLIP_NAME);
            return match &job.conclusion {
                Some(other) => finding(Verdict::Blocked, format!("{reported}, but its job `{name}` ended as {other}"))
                    .next(FAILED_JOB),
                None => finding(Verdict::Inconclusive, format!("{reported}; its job `{name}` is {}", job.status)),
            };
        }
        if let Some(missing) = self.missing_legs(received) {
            return finding(Verdict::Inconclusive, missing).next(MATRIX);
        }
        let Ok(ended) = report.finished_at.parse::<Timestamp>() else {
            let actual = format!("{reported}; its report does not say when it ended");
            return finding(Verdict::Inconclusive, actual).next(VALIDATE_AGAIN);
        };
        if claims.issued_at.duration_since(ended) < -SKEW {
            let actual = format!("{reported}; it ended at {ended}, after GitHub signed it at {}", claims.issued_at);
            return finding(Verdict::Inconclusive, actual).next("set the clock of the runner that ran it");
        }
        let age = age(ended, self.now);
        if age.0 > self.verification.max_age.0 {
            let actual = format!("{reported}; ended {}, {age} before this check", minute(ended));
            return finding(Verdict::Blocked, actual).next(VALIDATE_AGAIN);
        }
        let finding = finding(Verdict::Passed, format!("{reported}; ended {}", minute(ended)));
        match report.findings.iter().find_map(|finding| finding.waived.as_deref()) {
            Some(waived) => finding.waived(clip(waived, CLIP)),
            None => finding,
        }
    }
}
