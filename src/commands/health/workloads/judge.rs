//! The verdict on each workload, from what the gate sees now, what it saw before, and the time.

use super::{
    headline,
    history::{Completion, ReleasePhase, WorkloadHistory},
    image::ImageMatch,
    limits::WorkloadLimits,
    observations::WorkloadObservations,
    pod_problems::{PodProblem, SEE_LOG, pod_problems},
    progress::RolloutProgress,
    snapshot::WorkloadSnapshot,
    stability::{self, Unstable},
    states::UnhealthyState,
    timeline::{deadline, millis},
    views::ViewState,
    workload::{Workload, WorkloadKind},
};
use crate::{
    clock::Moment,
    finding::{Finding, Verdict},
    observe::Judgement,
    values::HumanDuration,
};

/// A rollout that took less was complete before the gate began.
const SHORTEST_ROLLOUT: Moment = Moment::from_millis(100);

/// How far a workload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkloadAssessment {
    /// Undecided. `revisit` is the moment at which time alone may decide.
    Pending {
        summary: String,
        revisit: Option<Moment>,
    },
    Healthy(String),
    Failed {
        verdict: Verdict,
        reason: String,
        /// The reason in a few words.
        cause: Option<String>,
        next: &'static str,
    },
}

/// Decided when every workload is decided, or one is blocked: no verdict is worse.
///
/// Nothing is decided while a needed view is not up to date: what it shows may no longer be true.
#[must_use]
pub fn judge(limits: &WorkloadLimits, observations: &WorkloadObservations, now: Moment) -> Judgement {
    if let Some(judgement) = judge_unobservable(limits, observations, now) {
        return judgement;
    }
    let workloads = || limits.workloads.iter().zip(&observations.histories);
    let (assessments, findings): (Vec<WorkloadAssessment>, Vec<Finding>) = workloads()
        .map(|(workload, history)| {
            let snapshot = WorkloadSnapshot::take(limits, &observations.views, workload);
            let assessor = Assessor { limits, observations, history, snapshot: &snapshot, now };
            let assessment = assessor.assess();
            let finding = assessor.finding(workload, &assessment);
            (assessment, finding)
        })
        .unzip();
    let is_blocked =
        |one: &WorkloadAssessment| matches!(one, WorkloadAssessment::Failed { verdict: Verdict::Blocked, .. });
    let mut revisits = Vec::new();
    let mut pending = false;
    for assessment in &assessments {
        if let WorkloadAssessment::Pending { revisit, .. } = assessment {
            pending = true;
            revisits.extend(*revisit);
        }
    }
    match revisits.into_iter().min() {
        _ if !pending || assessments.iter().any(is_blocked) => Judgement::decided(findings),
        Some(revisit) => Judgement::pending_until(findings, revisit),
        None => Judgement::pending(findings),
    }
}

/// The judgement while the cluster refuses a list, does not answer, or has not been listed yet.
fn judge_unobservable(limits: &WorkloadLimits, observations: &WorkloadObservations, now: Moment) -> Option<Judgement> {
    let needed: Vec<ViewState<'_>> = observations.view_states().into_iter().filter(|view| view.needed).collect();
    let for_all = |actual: &str, next: Option<&str>| {
        let finding = |workload: &Workload| {
            let expected = expected(limits, workload.kind);
            let finding = Finding::inconclusive(workload.to_string()).actual(actual).expected(expected);
            Finding { next: next.map(ToOwned::to_owned), ..finding }
        };
        limits.workloads.iter().map(finding).collect::<Vec<_>>()
    };
    let refused: Vec<(&ViewState<'_>, &Finding)> =
        needed.iter().filter_map(|view| view.refused.map(|finding| (view, finding))).collect();
    if !refused.is_empty() {
        let mut findings: Vec<Finding> = refused
            .iter()
            .map(|(view, finding)| {
                let check = format!("{} of the namespace {} in {}", view.resource, limits.namespace, limits.context);
                // The cause may be a plugin or a file, which only the check of the original finding names.
                let actual = format!("{}: {}", finding.check, finding.actual);
                Finding { check, actual, ..(*finding).clone() }
            })
            .collect();
        let names: Vec<&str> = refused.iter().map(|(view, _)| view.resource).collect();
        findings.extend(for_all(&format!("not judged: {} cannot be seen", names.join(", ")), None));
        return Some(Judgement::decided(findings));
    }
    if let Some((since, reason)) = &observations.outage {
        let actual = format!("the API server of {} does not answer: {reason}", limits.context);
        let findings = for_all(&actual, Some("see whether this runner can reach it, and whether it is healthy"));
        return Some(match limits.grace_period(UnhealthyState::ApiLost).map(|period| *since + period) {
            Some(end) if now >= end => Judgement::decided(findings),
            Some(end) => Judgement::pending_until(findings, end),
            None => Judgement::pending(findings),
        });
    }
    let listed = needed.iter().all(|view| view.listed);
    (!listed).then(|| Judgement::pending(for_all("not seen yet", None)))
}

/// Assesses one workload at one moment.
struct Assessor<'a> {
    limits: &'a WorkloadLimits,
    observations: &'a WorkloadObservations,
    history: &'a WorkloadHistory,
    snapshot: &'a WorkloadSnapshot<'a>,
    now: Moment,
}

impl Assessor<'_> {
    fn assess(&self) -> WorkloadAssessment {
        let Self { limits, history, snapshot, now, .. } = *self;
        if let Some(assessment) = self.assess_absent_image() {
            return assessment;
        }
        if let (RolloutProgress::Empty(reason), false) = (&snapshot.progress, limits.allow_empty) {
            let reason = format!("{reason}, so nothing was observed to be healthy");
            return failed(Verdict::Inconclusive, reason, None, "set `allow-empty` if this is intended");
        }
        if let (Some(completion), Ok(())) = (&history.completion, snapshot.check_healthy(limits)) {
            return self.assess_complete(completion);
        }
        // A failure from before the gate began may be of another revision: the one under promotion may still come.
        let failed_before = now < limits.appear_timeout && history.failed_before.as_ref() == Some(&snapshot.revision);
        if let RolloutProgress::Failed { reason, .. } = &snapshot.progress {
            let problems = self.pod_problems();
            let reason = with_problems(reason, &problems);
            if failed_before {
                return WorkloadAssessment::Pending { summary: reason, revisit: Some(limits.appear_timeout) };
            }
            return self.failed(Verdict::Blocked, reason, &problems);
        }
        if snapshot.only_image_is_unknown(limits) {
            // Waiting does not make the names of images clearer, unless a new image appears.
            let summary = self.describe_incomplete();
            if !snapshot.open_digests(limits).is_empty() {
                let summary = format!("{summary}; the registry is asked");
                return WorkloadAssessment::Pending { summary, revisit: None };
            }
            if now < limits.appear_timeout {
                return WorkloadAssessment::Pending { summary, revisit: Some(limits.appear_timeout) };
            }
            if snapshot.kind.has_pods() {
                let cause = Some("its image is not confirmed".to_owned());
                return failed(Verdict::Inconclusive, summary, cause, headline::confirm_image(limits));
            }
            return self.failed(Verdict::Inconclusive, summary, &[]);
        }
        self.assess_incomplete(failed_before)
    }

    /// Assesses a workload that is healthy now: whether it has lasted.
    fn assess_complete(&self, completion: &Completion) -> WorkloadAssessment {
        let Self { limits, observations, snapshot, now, .. } = *self;
        let slowest = stability::slowest(limits, observations, &snapshot.pods, &completion.pods);
        let anew = match &completion.evicted {
            Some((at, _)) => Some(*at),
            None if snapshot.kind.has_pods() => None,
            None => Some(completion.at),
        };
        let anew = anew.map_or(0, |anew| millis(anew + limits.stabilize));
        let due = slowest.as_ref().map_or(0, |one| one.due).max(anew);
        if limits.stabilize.is_zero() || (due <= millis(now) && !slowest.as_ref().is_some_and(|one| one.exhausted)) {
            return WorkloadAssessment::Healthy(self.describe_healthy(completion));
        }
        let evicted = completion.evicted.as_ref().map(|(_, how)| how.clone());
        let (why, cause) = match (slowest.filter(|one| one.due == due || one.exhausted), evicted) {
            (Some(Unstable { description, cause, exhausted: true, .. }), _) => {
                return failed(Verdict::Blocked, description, Some(cause), SEE_LOG);
            }
            (Some(Unstable { description, cause, .. }), _) => (description, cause),
            (None, Some(how)) => (how.clone(), how),
            (None, None) => (format!("complete for less than {}", HumanDuration(limits.stabilize)), String::new()),
        };
        let time_limit = self.time_limit_after(completion);
        if now >= time_limit {
            let period = HumanDuration(limits.stabilize);
            let reason = format!("it was complete, and did not stay so for {period}: {why}");
            return failed(Verdict::Blocked, reason, Some(cause).filter(|cause| !cause.is_empty()), SEE_LOG);
        }
        let due = u64::try_from(due).map_or(time_limit, Moment::from_millis);
        let summary = format!("{}; {why}", snapshot.summary());
        WorkloadAssessment::Pending { summary, revisit: Some(due.min(time_limit)) }
    }

    /// Until when a rollout that was complete has to last, or to be complete again after it was scaled or moved.
    fn time_limit_after(&self, completion: &Completion) -> Moment {
        let Self { limits, history, .. } = *self;
        let rollout_end = history.appeared.unwrap_or_default() + limits.rollout_timeout;
        rollout_end.max(completion.at + limits.stabilize) + limits.max_unhealthy
    }

    /// Assesses a workload that requests the image under promotion and is not healthy, by what time is left.
    fn assess_incomplete(&self, failed_before: bool) -> WorkloadAssessment {
        let Self { limits, history, snapshot, now, .. } = *self;
        let time_limit = match &history.completion {
            Some(completion) => self.time_limit_after(completion),
            None => history.appeared.unwrap_or_default() + limits.rollout_timeout,
        };
        let problems = self.pod_problems();
        let summary = with_problems(&self.describe_incomplete(), &problems);
        let stuck = self.stuck_deadline();
        let stuck = if failed_before { stuck.map(|due| due.max(millis(limits.appear_timeout))) } else { stuck };
        let due = problems.iter().filter_map(|problem| problem.due).chain(stuck).min();
        if due.is_some_and(|due| due <= millis(now)) {
            return self.failed(Verdict::Blocked, summary, &problems);
        }
        if now >= time_limit {
            let late = format!("not complete after {}", HumanDuration(limits.rollout_timeout));
            let reason = format!("{late}: {summary}");
            // A complete rollout whose image is unknown was not observed to be bad.
            let verdict = match (&snapshot.progress, snapshot.running_image(limits)) {
                (RolloutProgress::Complete(_), ImageMatch::Unknown(_)) | (RolloutProgress::Unknown(_), _) => {
                    Verdict::Inconclusive
                }
                _ => Verdict::Blocked,
            };
            let cause = problems.first().map_or(late, |problem| problem.cause.clone());
            return failed(verdict, reason, Some(cause), headline::next_step(snapshot, &problems));
        }
        let due = due.and_then(|due| u64::try_from(due).ok()).map(Moment::from_millis);
        let revisit = Some(due.map_or(time_limit, |due| due.min(time_limit)));
        WorkloadAssessment::Pending { summary, revisit }
    }

    /// When the grace period of a stuck workload ends, in milliseconds on the gate's clock; `None`: at its time limit.
    fn stuck_deadline(&self) -> Option<i64> {
        let Self { limits, observations, history, snapshot, now } = *self;
        let RolloutProgress::Stuck { state, since, .. } = &snapshot.progress else { return None };
        // What was complete still runs while its controller waits for a person.
        if *state == UnhealthyState::Paused && history.was_complete() {
            return None;
        }
        let began = millis(history.appeared.unwrap_or_default());
        // Each retry of the controller sets a new time; the workload is unhealthy since the first failure.
        let first_failure = history.unhealthy_since.as_ref().filter(|_| *state == UnhealthyState::Degraded);
        let first_failure = first_failure.map(|(at, _)| millis(*at));
        // The controller's clock may be ahead of the server's, so its time may lie in the future.
        let reported = since.map(|time| observations.gate_millis(time).min(millis(now)));
        let since = reported.into_iter().chain(first_failure).min().unwrap_or(began);
        // An earlier condition or event may describe the previous revision.
        let may_be_older =
            matches!(snapshot.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet);
        let since = if may_be_older { since.max(began) } else { since };
        deadline(limits.grace_period(*state), since)
    }

    /// The assessment while the workload does not request the image under promotion, or runs another one.
    fn assess_absent_image(&self) -> Option<WorkloadAssessment> {
        let Self { limits, history, snapshot, now, .. } = *self;
        let was_replaced = history.release == ReleasePhase::Replaced;
        if let Some(image) = snapshot.other_release(limits).filter(|_| was_replaced) {
            // A later release has its own gate: waiting for this one would be in vain.
            let name = limits.image.name();
            let reason = format!("{name} was requested, and now {image} is: another release took its place");
            let cause = Some(format!("replaced by {}", headline::short_images(&image)));
            let next = "see what has been deployed since; the later release has its own gate";
            return Some(failed(Verdict::Blocked, reason, cause, next));
        }
        let is_complete = matches!(snapshot.progress, RolloutProgress::Complete(_));
        let other_image = match (&snapshot.requested, &snapshot.progress) {
            (_, RolloutProgress::Missing) => None,
            (ImageMatch::Differs(image), _) => Some(image.clone()),
            // Only the pods show the digest of a tag.
            (_, RolloutProgress::Complete(_)) => match snapshot.running_image(limits) {
                ImageMatch::Differs(image) => Some(image),
                ImageMatch::Matches | ImageMatch::Unknown(_) => return None,
            },
            _ => return None,
        };
        let (name, namespace) = (limits.image.name(), &limits.namespace);
        let summary = match &other_image {
            None if was_replaced => format!("it is gone from the namespace {namespace}"),
            None => format!("there is no such workload in the namespace {namespace}"),
            Some(image) if is_complete => format!("it is healthy, and runs {image}, not {name}"),
            Some(image) if !snapshot.kind.has_pods() => {
                format!("it runs {image} ({}), not {name}", snapshot.summary())
            }
            Some(image) => format!("it requests {image}, not {name}"),
        };
        if now < limits.appear_timeout {
            return Some(WorkloadAssessment::Pending { summary, revisit: Some(limits.appear_timeout) });
        }
        let waited = match limits.appear_timeout {
            Moment::ZERO => String::new(),
            _ if was_replaced => String::new(),
            limit => format!(", after {}", HumanDuration(limit)),
        };
        let cause = match &other_image {
            None if was_replaced => Some("it was deleted".to_owned()),
            None => None,
            Some(_) => Some(format!("{} is not deployed", limits.image.version().unwrap_or(name))),
        };
        let next = match other_image {
            None if was_replaced => "see what has been deployed since; the later release has its own gate",
            None => "see whether `workload`, `namespace` and `context` are the right ones",
            Some(_) => {
                "see whether this release has been deployed; `appear-timeout` waits for a deployment that comes later"
            }
        };
        Some(failed(Verdict::Blocked, format!("{summary}{waited}"), cause, next))
    }

    fn failed(&self, verdict: Verdict, reason: String, problems: &[PodProblem]) -> WorkloadAssessment {
        let cause = headline::cause(self.snapshot, problems);
        failed(verdict, reason, Some(cause), headline::next_step(self.snapshot, problems))
    }

    fn finding(&self, workload: &Workload, assessment: &WorkloadAssessment) -> Finding {
        let Self { limits, observations, snapshot, now, .. } = *self;
        let name = workload.to_string();
        let mut figures = headline::figures(limits, snapshot);
        let finding = match assessment {
            WorkloadAssessment::Pending { summary, .. } => {
                figures = figures.cause("undecided");
                Finding::inconclusive(name).actual(format!("undecided: {summary}"))
            }
            WorkloadAssessment::Healthy(summary) => Finding::passed(name).actual(summary),
            WorkloadAssessment::Failed { verdict, reason, cause, next } => {
                // The cause may repeat the figure, if all that is known is what the controller reports.
                figures.cause = cause.clone().filter(|cause| *cause != figures.now);
                Finding::new(name, *verdict).actual(reason).next(*next)
            }
        };
        let source = format!("{workload} in the namespace {} of {}", limits.namespace, limits.context);
        let finding = finding.expected(expected(limits, workload.kind)).figures(figures);
        finding.seen_at(source, observations.cluster_time(now))
    }

    fn pod_problems(&self) -> Vec<PodProblem> {
        pod_problems(self.limits, self.observations, self.snapshot)
    }

    fn describe_incomplete(&self) -> String {
        let summary = self.snapshot.summary();
        match self.snapshot.check_healthy(self.limits) {
            Err(reason) if reason != summary => format!("{summary}; {reason}"),
            _ => summary,
        }
    }

    fn describe_healthy(&self, completion: &Completion) -> String {
        let Self { limits, history, snapshot, .. } = *self;
        let took = completion.at.saturating_sub(history.appeared.unwrap_or(completion.at));
        let mut text = snapshot.summary();
        // A shorter time only shows in which order the kinds were listed.
        if took >= SHORTEST_ROLLOUT {
            text.push_str(&format!(", after {}", HumanDuration(Moment::from_millis(millis(took).unsigned_abs()))));
        }
        match snapshot.kind {
            _ if !limits.image.names_version() => {}
            WorkloadKind::Kustomization | WorkloadKind::HelmRelease => {}
            WorkloadKind::Application => text.push_str(&format!("; it runs {}", limits.image.name())),
            _ if snapshot.pods.is_empty() => text.push_str(&format!("; it requests {}", limits.image.name())),
            _ => text.push_str(&format!("; its pods run {}", limits.image.name())),
        }
        let period = HumanDuration(limits.stabilize);
        text.push_str(&match (limits.stabilize.is_zero(), snapshot.kind.has_pods()) {
            (true, _) => "; `stabilize: 0`: one moment was enough".to_owned(),
            (false, true) => format!("; every container has run for {period}"),
            (false, false) => format!("; so for {period}"),
        });
        let restarts = stability::restarts(self.observations, &snapshot.pods);
        if !restarts.is_empty() {
            text.push_str(&format!("; tolerated: {}", restarts.join(", ")));
        }
        text
    }
}

const fn failed(verdict: Verdict, reason: String, cause: Option<String>, next: &'static str) -> WorkloadAssessment {
    WorkloadAssessment::Failed { verdict, reason, cause, next }
}

/// The first problem, and how many pods have the same.
fn with_problems(summary: &str, problems: &[PodProblem]) -> String {
    let Some(first) = problems.first() else { return summary.to_owned() };
    let same = problems.iter().filter(|problem| problem.description == first.description).count();
    let others = match (same - 1, problems.len() - same) {
        (0, 0) => String::new(),
        (0, others) => format!(" (and {others} more, not ready)"),
        (same, others) => format!(" (and {} more)", same + others),
    };
    let container = first.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
    format!("pod {}{container}: {}{others}; {summary}", first.pod, first.description)
}

fn expected(limits: &WorkloadLimits, kind: WorkloadKind) -> String {
    let mut text = match kind {
        WorkloadKind::Application => "Healthy and Synced".to_owned(),
        WorkloadKind::Kustomization => "Ready, the last revision applied".to_owned(),
        WorkloadKind::HelmRelease => "Ready, the last chart and values deployed".to_owned(),
        _ => "the new revision complete, nothing of the old one left".to_owned(),
    };
    if limits.image.names_version() && kind.reports_images() {
        text.push_str(&format!(", running {}", limits.image.name()));
    }
    if !limits.stabilize.is_zero() {
        text.push_str(&format!(", and so for {}", HumanDuration(limits.stabilize)));
    }
    text
}

#[cfg(test)]
mod tests;
