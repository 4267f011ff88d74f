//! The verdict on each endpoint: how many good responses in a row it needs, and what the other responses mean.

use super::observations::{EndpointHistory, EndpointObservations, EndpointResponse, Probe, ProbeOutcome};
use crate::{
    finding::{Figures, Finding, Verdict},
    observe::Judgement,
};

/// The longest condition that is shown as a limit, in characters.
const SHORT_CONDITION: usize = 40;

/// What an endpoint has to reach, and in how many attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointLimits {
    /// At least 1.
    pub attempts: usize,
    /// At least 1, at most `attempts`.
    pub consecutive: usize,
    pub statuses: Vec<u16>,
    /// As the user wrote it.
    pub condition: Option<String>,
    /// What the condition compares, as the release has it: `version 1.4.2`.
    pub compared: Option<String>,
}

/// What one probe says about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeRating {
    Good,
    Bad,
    Unobserved,
}

/// How far an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointAssessment {
    Pending,
    Healthy,
    /// It cannot become healthy any more: blocked or inconclusive.
    Failed(Verdict),
}

impl EndpointLimits {
    #[must_use]
    pub fn rate(&self, probe: &Probe) -> ProbeRating {
        let EndpointResponse { status, other_page, condition, .. } = match &probe.outcome {
            ProbeOutcome::Response(response) => response,
            ProbeOutcome::Failure { .. } => return ProbeRating::Bad,
            ProbeOutcome::Unobserved { .. } => return ProbeRating::Unobserved,
        };
        // A sign-in page answers 200 as well. Another page counts as the service's only if it fulfils the condition.
        let body_is_good = if self.condition.is_none() { !other_page } else { matches!(condition, Some(Ok(()))) };
        if body_is_good && self.statuses.contains(status) { ProbeRating::Good } else { ProbeRating::Bad }
    }

    /// An endpoint is healthy after enough good responses in a row. It has failed as soon as the remaining attempts cannot
    /// make such a row.
    ///
    /// A failed endpoint is blocked if a probe was bad since the last good one. Good responses at the end that are too few do
    /// not count: 503, 503, no address is blocked; 503, 200, no address is inconclusive.
    #[must_use]
    pub fn assess(&self, probes: &[Probe]) -> EndpointAssessment {
        let row = self.good_row(probes);
        if row >= self.consecutive {
            return EndpointAssessment::Healthy;
        }
        if row + self.attempts.saturating_sub(probes.len()) >= self.consecutive {
            return EndpointAssessment::Pending;
        }
        let ratings = probes.iter().rev().skip(row).map(|probe| self.rate(probe));
        let is_bad = ratings.take_while(|rating| *rating != ProbeRating::Good).any(|rating| rating == ProbeRating::Bad);
        EndpointAssessment::Failed(if is_bad { Verdict::Blocked } else { Verdict::Inconclusive })
    }

    /// The number of good responses at the end.
    fn good_row(&self, probes: &[Probe]) -> usize {
        probes.iter().rev().take_while(|probe| self.rate(probe) == ProbeRating::Good).count()
    }

    fn statuses(&self) -> String {
        self.statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }

    /// In a few words: `200, version 1.4.2, 3 in a row`
    pub fn figure(&self) -> String {
        let mut text = self.statuses();
        match (&self.compared, &self.condition) {
            (Some(compared), _) => text.push_str(&format!(", {compared}")),
            (None, Some(condition)) if condition.chars().count() <= SHORT_CONDITION => {
                text.push_str(&format!(", `{condition}`"));
            }
            (None, Some(_)) => text.push_str(" and `condition`"),
            (None, None) => {}
        }
        if self.consecutive > 1 {
            text.push_str(&format!(", {} in a row", self.consecutive));
        }
        text
    }

    /// ``200 or 204, 3 times in a row, with `.version == $subject.tag` ``
    pub fn expected(&self) -> String {
        let mut text = self.statuses();
        if self.consecutive > 1 {
            text.push_str(&format!(", {} times in a row", self.consecutive));
        }
        if let Some(condition) = &self.condition {
            text.push_str(&format!(", with `{condition}`"));
        }
        text
    }
}

/// Decided when every endpoint is decided, or one is blocked: no verdict is worse, and a promotion that is blocked should
/// stop at once.
#[must_use]
pub fn judge(limits: &EndpointLimits, observations: &EndpointObservations) -> Judgement {
    let endpoints = &observations.endpoints;
    let assessments: Vec<EndpointAssessment> =
        endpoints.iter().map(|endpoint| limits.assess(&endpoint.probes)).collect();
    let findings = endpoints.iter().zip(&assessments);
    let findings = findings.map(|(endpoint, assessment)| finding(limits, endpoint, *assessment)).collect();
    let is_blocked = assessments.contains(&EndpointAssessment::Failed(Verdict::Blocked));
    if is_blocked || !assessments.contains(&EndpointAssessment::Pending) {
        Judgement::decided(findings)
    } else {
        Judgement::pending(findings)
    }
}

fn finding(limits: &EndpointLimits, endpoint: &EndpointHistory, assessment: EndpointAssessment) -> Finding {
    let EndpointHistory { name, url, probes } = endpoint;
    let (finding, decisive) = match assessment {
        EndpointAssessment::Healthy => (Finding::passed(name).actual(describe_healthy(limits, probes)), probes.last()),
        EndpointAssessment::Failed(verdict) => {
            (Finding::new(name, verdict).actual(describe_failed(limits, probes)), last_miss(limits, probes))
        }
        EndpointAssessment::Pending => {
            let actual = match probes.last() {
                Some(last) => {
                    format!("undecided after {} of {} attempts: {}", probes.len(), limits.attempts, last.summary())
                }
                None => "no answer yet".to_owned(),
            };
            (Finding::inconclusive(name).actual(actual), last_miss(limits, probes))
        }
    };
    let finding = finding.expected(limits.expected());
    match decisive.or(probes.last()) {
        None => finding,
        Some(probe) => {
            let next = match assessment {
                EndpointAssessment::Failed(_) => Some(next_step(limits, probe).to_owned()),
                EndpointAssessment::Healthy | EndpointAssessment::Pending => None,
            };
            let finding = finding.seen_at(url, &probe.at).figures(figures(limits, probes, probe, assessment));
            Finding { next, ..finding }
        }
    }
}

/// `503, version 1.4.1, limit 200, version 1.4.2: 10 of 10 attempts failed`
fn figures(limits: &EndpointLimits, probes: &[Probe], decisive: &Probe, assessment: EndpointAssessment) -> Figures {
    let (seen, most) = (probes.len(), limits.attempts);
    let figures = match assessment {
        EndpointAssessment::Healthy => Figures::now(format!("{} after {seen} of {most} attempts", decisive.figure())),
        EndpointAssessment::Pending => {
            Figures::now(decisive.figure()).cause(format!("undecided after {seen} of {most} attempts"))
        }
        EndpointAssessment::Failed(_) => {
            let misses = probes.iter().filter(|probe| limits.rate(probe) != ProbeRating::Good).count();
            let flapping = if is_flapping(limits, probes) { "flapping, " } else { "" };
            Figures::now(decisive.figure()).cause(format!("{flapping}{misses} of {seen} attempts failed"))
        }
    };
    figures.limit(limits.figure())
}

/// Whether good and other responses took turns.
fn is_flapping(limits: &EndpointLimits, probes: &[Probe]) -> bool {
    let is_good = |probe: &Probe| limits.rate(probe) == ProbeRating::Good;
    probes.windows(2).filter(|pair| is_good(&pair[0]) != is_good(&pair[1])).count() > 1
}

/// `200 after 12 ms, 3 times in a row (attempts 3 to 5 of 10)`
fn describe_healthy(limits: &EndpointLimits, probes: &[Probe]) -> String {
    let summary = probes.last().map(Probe::summary).unwrap_or_default();
    let (last, most) = (probes.len(), limits.attempts);
    if limits.consecutive == 1 {
        return format!("{summary} (attempt {last} of {most})");
    }
    let first = last + 1 - limits.consecutive.min(last);
    format!("{summary}, {} times in a row (attempts {first} to {last} of {most})", limits.consecutive)
}

/// `flapping: 503 after 12 ms (5 of 10 attempts failed; at most 1 good in a row, the last at …)`
fn describe_failed(limits: &EndpointLimits, probes: &[Probe]) -> String {
    let good: Vec<bool> = probes.iter().map(|probe| limits.rate(probe) == ProbeRating::Good).collect();
    let misses = good.iter().filter(|good| !**good).count();
    let longest_row = good.split(|good| !good).map(<[bool]>::len).max().unwrap_or_default();
    let last_good = probes.iter().rev().find(|probe| limits.rate(probe) == ProbeRating::Good);

    let mut text = if is_flapping(limits, probes) { "flapping: ".to_owned() } else { String::new() };
    text.push_str(&last_miss(limits, probes).map(Probe::summary).unwrap_or_default());
    text.push_str(&format!(" ({misses} of {} attempts failed", probes.len()));
    let left = limits.attempts.saturating_sub(probes.len());
    if left > 0 {
        text.push_str(&format!(", and the {left} that are left cannot make {} good ones in a row", limits.consecutive));
    }
    if let Some(last_good) = last_good {
        text.push_str(&format!("; at most {longest_row} good in a row, the last at {}", last_good.at));
    }
    text.push(')');
    text
}

fn last_miss<'a>(limits: &EndpointLimits, probes: &'a [Probe]) -> Option<&'a Probe> {
    probes.iter().rev().find(|probe| limits.rate(probe) != ProbeRating::Good)
}

/// What to do about a probe that was not good.
const fn next_step(limits: &EndpointLimits, probe: &Probe) -> &'static str {
    match &probe.outcome {
        ProbeOutcome::Response(EndpointResponse { redirect_to: Some(_), .. }) => {
            "a sign-in page says nothing about health: give what it asks for in `headers`; if the service has moved, use its \
             new address, or set `redirects`"
        }
        ProbeOutcome::Response(EndpointResponse { status: 401 | 403, other_page: true, .. }) => {
            "use that address in `endpoints`: a redirect to another server is followed without `headers`"
        }
        ProbeOutcome::Response(EndpointResponse { status: 401 | 403, .. }) => "give what it asks for in `headers`",
        ProbeOutcome::Response(EndpointResponse { other_page: true, condition: None, .. }) => {
            "a sign-in page says nothing about health: if this is the service's page, use its address in `endpoints`, or \
             describe its body with `condition`"
        }
        ProbeOutcome::Response(EndpointResponse { condition: Some(Err(_)), compared: Some(_), .. })
            if limits.compared.is_some() =>
        {
            "see whether this release is deployed: another one answers; a larger `attempts` waits longer for it"
        }
        ProbeOutcome::Response(EndpointResponse { condition: Some(Err(_)), .. }) => {
            "compare the body in the table of probes with `condition`"
        }
        ProbeOutcome::Response(EndpointResponse { status: 404 | 410, .. }) => {
            "see whether the path is right, and whether this release serves it"
        }
        ProbeOutcome::Response(EndpointResponse { status: 500.., .. }) => {
            "see the service's log for the reason, and run this step again once it answers"
        }
        ProbeOutcome::Response(_) => "see why the service answers so, or list the status in `expect-status`",
        ProbeOutcome::Unobserved { next, .. } | ProbeOutcome::Failure { next, .. } => next,
    }
}

#[cfg(test)]
mod tests;
