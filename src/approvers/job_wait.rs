//! How long a job waited for the approval of its environment, from the states of its deployment.
//!
//! GitHub shows no time of a review. It creates a deployment for each job that names an environment, and a state for each
//! change: `WAITING` while the rules of the environment hold the job back, then another one. Why this is the approval, and
//! what GitHub does not document: `docs/decisions/2026-11-30-the-approval-ends-the-wait.md`.

use jiff::{SignedDuration, Timestamp};

use crate::world::github::{Deployment, DeploymentStatus};

/// How much later than its end GitHub may notice that a wait timer is over.
const TIMER_SLACK: SignedDuration = SignedDuration::from_mins(1);

/// The wait of a job for its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobWait {
    /// The job's workflow run and its own id; `None` if no state names them.
    pub run: Option<u64>,
    pub job: Option<u64>,
    pub created_at: Timestamp,
    /// When the last wait began; `None` if the deployment never waited.
    pub since: Option<Timestamp>,
    pub end: WaitEnd,
    /// Whether the job ended and did not succeed.
    pub has_failed: bool,
}

/// How the wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// At this time: the first state after the last `WAITING`.
    At(Timestamp),
    /// No state follows the last `WAITING`.
    NotYet,
    /// The states that GitHub shows do not tell.
    Unknown,
}

/// The rules of an environment that hold a job back beside the approval. While one of them does, the end of the wait is only
/// the latest possible time of the approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherRules {
    /// Minutes from the creation of the deployment.
    pub wait_timer: u32,
    /// Whether an App decides as well.
    pub custom: bool,
}

/// When a job was approved: not before `earliest`, and not after `latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalTime {
    pub earliest: Timestamp,
    pub latest: Timestamp,
}

impl JobWait {
    /// Reads a deployment. `None` if no workflow of `repository` made it: it has no wait, and no state names a run there.
    #[must_use]
    pub fn new(deployment: &Deployment, repository: &str) -> Option<Self> {
        let statuses = &deployment.statuses;
        let is_waiting = |status: &&DeploymentStatus| status.state == "WAITING";
        let since = statuses.iter().filter(is_waiting).map(|status| status.created_at).max();
        // Only GitHub itself makes a deployment wait. Any other state can be written by everyone who may write deployments.
        let own = statuses.iter().filter(is_waiting).find_map(|status| JobUrl::parse(status.log_url.as_deref()?));
        let any = || statuses.iter().filter_map(|status| JobUrl::parse(status.log_url.as_deref()?));
        let named = own.or_else(|| any().find(|url| url.repository.eq_ignore_ascii_case(repository)));
        if since.is_none() && named.is_none() {
            return None;
        }
        let latest = statuses.iter().max_by_key(|status| status.created_at);
        Some(Self {
            run: named.as_ref().map(|url| url.run),
            job: named.as_ref().and_then(|url| url.job),
            created_at: deployment.created_at,
            since,
            end: if deployment.is_complete { wait_end(statuses, since) } else { WaitEnd::Unknown },
            has_failed: latest.is_some_and(|status| matches!(status.state.as_str(), "FAILURE" | "ERROR")),
        })
    }

    /// When the job was approved, if the wait has ended.
    #[must_use]
    pub fn approval(&self, rules: OtherRules) -> Option<ApprovalTime> {
        let WaitEnd::At(latest) = self.end else { return None };
        let is_held_back = self.is_held_back(rules, latest);
        let earliest = if is_held_back { self.since.unwrap_or(self.created_at) } else { latest };
        Some(ApprovalTime { earliest: earliest.min(latest), latest })
    }

    /// Whether a rule beside the approval may hold the job back at that time.
    #[must_use]
    pub fn is_held_back(&self, rules: OtherRules, at: Timestamp) -> bool {
        let timer = SignedDuration::from_mins(i64::from(rules.wait_timer));
        let timer_end = self.created_at.checked_add(timer).and_then(|end| end.checked_add(TIMER_SLACK));
        rules.custom || (rules.wait_timer > 0 && timer_end.map_or(true, |end| at <= end))
    }
}

/// When the wait ended. Without a `WAITING`, `QUEUED` and `PENDING` can be from before the approval.
fn wait_end(statuses: &[DeploymentStatus], since: Option<Timestamp>) -> WaitEnd {
    let others = || statuses.iter().filter(|status| status.state != "WAITING");
    let Some(since) = since else {
        let has_run = |status: &&DeploymentStatus| !matches!(status.state.as_str(), "QUEUED" | "PENDING");
        return others().filter(has_run).map(|status| status.created_at).min().map_or(WaitEnd::Unknown, WaitEnd::At);
    };
    match others().map(|status| status.created_at).filter(|at| *at > since).min() {
        Some(at) => WaitEnd::At(at),
        // Times have whole seconds: a state of the same second came before the wait or after it.
        None if others().any(|status| status.created_at == since) => WaitEnd::Unknown,
        None => WaitEnd::NotYet,
    }
}

/// The address of a job: `https://github.com/acme/infra/actions/runs/7/job/41`.
struct JobUrl {
    repository: String,
    run: u64,
    job: Option<u64>,
}

impl JobUrl {
    fn parse(url: &str) -> Option<Self> {
        let (before, after) = url.split_once("/actions/runs/")?;
        let mut parents = before.rsplit('/');
        let (name, owner) = (parents.next()?, parents.next()?);
        let mut parts = after.split(['/', '?', '#']);
        let run = parts.next()?.parse().ok()?;
        let rest: Vec<&str> = parts.collect();
        let job = rest.windows(2).find(|pair| matches!(pair[0], "job" | "jobs")).and_then(|pair| pair[1].parse().ok());
        Some(Self { repository: format!("{owner}/{name}"), run, job })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "https://github.com/acme/infra/actions/runs/7/job/41";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// `WAITING 10` for each state, all with the job's address.
    fn deployment(states: &str) -> Deployment {
        let parse = |text: &str| {
            let (state, seconds) = text.trim().split_once(' ').unwrap();
            let created_at = at(seconds.parse().unwrap());
            DeploymentStatus { state: state.to_owned(), created_at, log_url: Some(JOB.to_owned()) }
        };
        let statuses = states.split(',').filter(|state| !state.trim().is_empty()).map(parse).collect();
        Deployment { id: "DE_1".to_owned(), created_at: at(1), statuses, is_complete: true }
    }

    fn wait(states: &str) -> JobWait {
        JobWait::new(&deployment(states), "acme/infra").unwrap()
    }

    #[test]
    fn the_wait_ends_with_the_first_state_after_the_last_waiting() {
        for (states, since, end) in [
            ("WAITING 10, QUEUED 70, IN_PROGRESS 900, SUCCESS 999", Some(10), WaitEnd::At(at(70))),
            // In any order.
            ("SUCCESS 999, IN_PROGRESS 900, QUEUED 70, WAITING 10", Some(10), WaitEnd::At(at(70))),
            ("WAITING 10, IN_PROGRESS 900", Some(10), WaitEnd::At(at(900))),
            ("WAITING 10, FAILURE 80", Some(10), WaitEnd::At(at(80))),
            // A branch policy or a timer waits as well.
            ("QUEUED 5, WAITING 10, QUEUED 20, WAITING 30, QUEUED 90", Some(30), WaitEnd::At(at(90))),
            ("QUEUED 5, WAITING 10", Some(10), WaitEnd::NotYet),
            ("WAITING 10", Some(10), WaitEnd::NotYet),
            // The same second.
            ("QUEUED 10, WAITING 10", Some(10), WaitEnd::Unknown),
            ("QUEUED 10, WAITING 10, IN_PROGRESS 12", Some(10), WaitEnd::At(at(12))),
            // Without a wait, a queued job may not be approved yet.
            ("QUEUED 10, IN_PROGRESS 60", None, WaitEnd::At(at(60))),
            ("QUEUED 10", None, WaitEnd::Unknown),
        ] {
            let wait = wait(states);
            assert_eq!((wait.since, wait.end), (since.map(at), end), "{states}");
            assert_eq!((wait.run, wait.job), (Some(7), Some(41)));
        }
        let incomplete = Deployment { is_complete: false, ..deployment("WAITING 10, QUEUED 70") };
        assert_eq!(JobWait::new(&incomplete, "acme/infra").unwrap().end, WaitEnd::Unknown);
        assert!(wait("WAITING 1, FAILURE 2").has_failed && !wait("WAITING 1, FAILURE 2, SUCCESS 3").has_failed);
    }

    #[test]
    fn a_wait_names_its_run_and_other_deployments_are_none() {
        let of = |url: Option<&str>, state: &str| {
            let mut deployment = deployment(&format!("{state} 10"));
            deployment.statuses[0].log_url = url.map(ToOwned::to_owned);
            JobWait::new(&deployment, "Acme/Infra").map(|wait| (wait.run, wait.job))
        };
        for (url, expected) in [
            (JOB, Some((Some(7), Some(41)))),
            ("https://ghe.acme.example/acme/infra/actions/runs/7/jobs/41", Some((Some(7), Some(41)))),
            ("https://github.com/acme/infra/actions/runs/7/attempts/2", Some((Some(7), None))),
            ("https://github.com/acme/infra/actions/runs/7?check_suite_focus=true", Some((Some(7), None))),
            ("https://github.com/acme/other/actions/runs/7/job/41", None),
            ("https://ci.acme.example/build/7", None),
            ("https://github.com/acme/infra/actions/runs/x", None),
        ] {
            assert_eq!(of(Some(url), "QUEUED"), expected, "{url}");
        }
        assert_eq!(of(None, "QUEUED"), None);
        // Only GitHub makes a deployment wait: it counts although its run is unknown, or the repository was renamed.
        assert_eq!(of(None, "WAITING"), Some((None, None)));
        assert_eq!(
            of(Some("https://github.com/acme/old-name/actions/runs/7/job/41"), "WAITING"),
            Some((Some(7), Some(41)))
        );
        // A state that somebody wrote does not rename the run.
        let mut forged = deployment("QUEUED 5, WAITING 10");
        forged.statuses[0].log_url = Some("https://github.com/acme/infra/actions/runs/8".to_owned());
        assert_eq!(JobWait::new(&forged, "acme/infra").unwrap().run, Some(7));
    }

    #[test]
    fn another_rule_makes_the_time_of_the_approval_a_range() {
        let wait = wait("WAITING 10, QUEUED 600");
        let exact = Some(ApprovalTime { earliest: at(600), latest: at(600) });
        let range = Some(ApprovalTime { earliest: at(10), latest: at(600) });
        for (wait_timer, custom, expected) in [
            (0, false, exact),
            (0, true, range),
            // The timer was over long before.
            (5, false, exact),
            (9, false, range),
            (10, false, range),
        ] {
            assert_eq!(wait.approval(OtherRules { wait_timer, custom }), expected, "{wait_timer} {custom}");
        }
        assert_eq!(self::wait("WAITING 10").approval(OtherRules::default()), None);
    }
}
