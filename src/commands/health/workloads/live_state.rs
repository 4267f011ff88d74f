//! What the log says while the gate waits: how far each workload is, which of its pods are not ready, why, and since when.
//!
//! A line is logged when it is new. A rollout of hundreds of pods changes many times a second, so the number of lines in an
//! interval is limited, for each workload and for all of them. What changes beyond it is logged in the next interval, as it is
//! by then.

use std::time::Duration;

use super::{
    image::ImageMatch,
    limits::WorkloadLimits,
    observations::WorkloadObservations,
    pod_problems::{PodProblem, pod_problems},
    pod_status::ready_changed_at,
    progress::RolloutProgress,
    snapshot::WorkloadSnapshot,
    stability,
    timeline::millis,
};
use crate::{
    clock::{Moment, rfc3339},
    values::HumanDuration,
};

const INTERVAL: Duration = Duration::from_secs(30);
/// Lines of one workload after which its changes wait for the next interval. Its completion does not wait.
const MOST_LINES_OF_WORKLOAD: usize = 10;
/// Lines of all workloads, beside one for each, after which nothing is logged until the next interval.
const MOST_LINES: usize = 30;
/// Different reasons that are logged of one workload at a time.
const MOST_REASONS: usize = 3;
/// A pod that starts is not ready for a moment, without a reason.
const START: i64 = 10_000;

/// What has been logged.
#[derive(Clone, Debug, Default)]
pub struct LiveLog {
    interval_began: Moment,
    /// In this interval.
    lines: usize,
    /// By the workload's index.
    workloads: Vec<WorkloadLog>,
    /// How many notes have been logged.
    notes: usize,
    /// The start of the outage that was logged last and has not ended in the log.
    outage: Option<Moment>,
}

#[derive(Clone, Debug, Default)]
struct WorkloadLog {
    /// In this interval.
    lines: usize,
    /// What the log shows of its current state.
    current: Vec<String>,
}

impl LiveLog {
    #[must_use]
    pub fn new(workloads: usize) -> Self {
        Self { workloads: vec![WorkloadLog::default(); workloads], ..Self::default() }
    }

    /// Returns the lines that are due.
    pub fn update(&mut self, limits: &WorkloadLimits, observations: &WorkloadObservations, now: Moment) -> Vec<String> {
        if now >= self.interval_began + INTERVAL {
            (self.interval_began, self.lines) = (now, 0);
            self.workloads.iter_mut().for_each(|workload| workload.lines = 0);
        }
        let mut lines = observations.notes.get(self.notes..).unwrap_or_default().to_vec();
        self.notes += lines.len();
        if self.has_room() {
            lines.extend(self.outage_line(limits, observations, now));
        }
        self.lines += lines.len();
        if observations.outage.is_some() || !observations.is_current() {
            return lines;
        }
        for index in 0..limits.workloads.len() {
            if self.has_room() {
                let (is_complete, current) = describe(limits, observations, index, now);
                lines.extend(self.workload_lines(index, is_complete, current));
            }
        }
        lines
    }

    const fn has_room(&self) -> bool {
        self.lines < MOST_LINES + self.workloads.len()
    }

    /// Says at once when the API server is lost, and when it is back.
    fn outage_line(
        &mut self,
        limits: &WorkloadLimits,
        observations: &WorkloadObservations,
        now: Moment,
    ) -> Option<String> {
        let server = format!("the API server of {}", limits.context);
        match (self.outage, &observations.outage) {
            (None, Some((since, reason))) => {
                self.outage = Some(*since);
                Some(format!("{server} does not answer: {reason}; nothing is decided until it does"))
            }
            (Some(since), None) => {
                self.outage = None;
                let lasted = Moment::from_millis(millis(now.saturating_sub(since)).unsigned_abs());
                Some(format!("{server} answers again, after {}", HumanDuration(lasted)))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    fn workload_lines(&mut self, index: usize, is_complete: bool, current: Vec<String>) -> Vec<String> {
        let Some(workload) = self.workloads.get_mut(index) else { return Vec::new() };
        let new: Vec<String> = current.iter().filter(|line| !workload.current.contains(line)).cloned().collect();
        if workload.lines >= MOST_LINES_OF_WORKLOAD && !is_complete {
            return Vec::new();
        }
        workload.current = current;
        workload.lines += new.len();
        self.lines += new.len();
        new
    }
}

/// Whether a workload is complete, and its state in lines.
fn describe(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
    index: usize,
    now: Moment,
) -> (bool, Vec<String>) {
    let workload = &limits.workloads[index];
    let snapshot = WorkloadSnapshot::take(limits, &observations.views, workload);
    let summary = snapshot.summary();
    if matches!(snapshot.requested, ImageMatch::Differs(_)) && snapshot.progress != RolloutProgress::Missing {
        return (false, vec![format!("{workload}: {} is not deployed yet; {summary}", limits.image.name())]);
    }
    let is_complete = matches!(snapshot.progress, RolloutProgress::Complete(_));
    let mut lines = vec![summary];
    lines.extend(unready_pods(limits, observations, &snapshot, now));
    if let (true, 1, Some(completion)) = (is_complete, lines.len(), &observations.histories[index].completion) {
        let slowest = stability::slowest(limits, observations, &snapshot.pods, &completion.pods);
        let waits = slowest.filter(|one| one.due > millis(now));
        lines.extend(waits.map(|one| format!("complete, and waits: {}", one.description)));
    }
    (is_complete, lines.into_iter().map(|line| format!("{workload}: {line}")).collect())
}

/// The first pod of each reason, and how many more there are.
fn unready_pods(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
    snapshot: &WorkloadSnapshot<'_>,
    now: Moment,
) -> Vec<String> {
    let since = |problem: &PodProblem| {
        let pod = snapshot.pods.iter().find(|pod| pod.metadata.name == problem.pod)?;
        ready_changed_at(pod).or(pod.metadata.creation_timestamp)
    };
    let is_starting = |problem: &PodProblem| {
        let is_young = since(problem).is_some_and(|since| millis(now) - observations.gate_millis(since) < START);
        is_young && (problem.cause_unknown || problem.due.is_none())
    };
    let problems: Vec<PodProblem> = pod_problems(limits, observations, snapshot);
    let mut reasons: Vec<(&PodProblem, usize)> = Vec::new();
    for problem in problems.iter().filter(|problem| !is_starting(problem)) {
        match reasons.iter_mut().find(|(known, _)| known.description == problem.description) {
            Some((_, more)) => *more += 1,
            None => reasons.push((problem, 0)),
        }
    }
    let others: usize = reasons.iter().skip(MOST_REASONS).map(|(_, more)| more + 1).sum();
    let line = |(problem, more): &(&PodProblem, usize)| {
        let container = problem.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
        let since = since(problem).map(|at| format!(", not ready since {}", rfc3339(at))).unwrap_or_default();
        let more = if *more > 0 { format!(" (and {more} more)") } else { String::new() };
        format!("pod {}{container}{since}: {}{more}", problem.pod, problem.description)
    };
    let mut lines: Vec<String> = reasons.iter().take(MOST_REASONS).map(line).collect();
    if others > 0 {
        lines.push(format!("{others} more pods are not ready, for other reasons"));
    }
    lines
}
