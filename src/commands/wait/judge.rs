//! Judges the wait: a blocked finding decides at once; else the looks that ended after the wait decide.

use super::observations::{LookHistory, PromotionHold, WaitObservations, WatchedEndpoint};
use crate::{
    clock::Moment,
    commands::health::endpoints::{EndpointLimits, Probe, ProbeRating},
    finding::{Figures, Finding, Verdict, verdict},
    observe::Judgement,
    supersession::{self, SupersededBy},
    values::{HumanDuration, clip},
};

/// Characters of an issue's title in a headline.
const TITLE_CHARS: usize = 60;
const LONGER_TIMEOUT: &str = "run this step again; a longer `timeout` leaves time for the looks after the wait";

/// What the promotion waits for, and what blocks it meanwhile.
#[derive(Clone, Debug)]
pub struct WaitLimits {
    pub duration: HumanDuration,
    /// The start of the wait in words: `the approval at …`.
    pub since: String,
    /// The end of the wait.
    pub until: Moment,
    /// The end of the wait for people: `2026-11-29 15:44 UTC`.
    pub until_wall: String,
    /// Open issues with this label hold every promotion.
    pub hold_label: String,
    /// The service and the environment: `checkout-service in production`.
    pub target: String,
    pub superseded_by: SupersededBy,
    /// What a good answer of an endpoint is.
    pub good: EndpointLimits,
    /// How many bad answers in a row block. At least 1.
    pub consecutive: usize,
}

impl WaitLimits {
    #[must_use]
    pub fn is_good(&self, probe: &Probe) -> bool {
        self.good.rate(probe) == ProbeRating::Good
    }
}

/// Decided as soon as something blocks; else after the wait, once everything was looked at again.
#[must_use]
pub fn judge(limits: &WaitLimits, observations: &WaitObservations, now: Moment) -> Judgement {
    let is_over = now >= limits.until;
    let mut findings =
        vec![check_time(limits, now), check_holds(limits, observations, now), check_newer(limits, observations, now)];
    findings.extend(observations.endpoints.iter().map(|endpoint| check_endpoint(limits, endpoint, now)));
    match verdict(&findings) {
        Verdict::Blocked => Judgement::decided(findings),
        Verdict::Passed if is_over => Judgement::decided(findings),
        Verdict::Passed | Verdict::Inconclusive if is_over => Judgement::pending(findings),
        Verdict::Passed | Verdict::Inconclusive => Judgement::pending_until(findings, limits.until),
    }
}

fn check_time(WaitLimits { duration, since, until, until_wall, .. }: &WaitLimits, now: Moment) -> Finding {
    let finding = if now >= *until {
        Finding::passed("time").actual(format!("over since {until_wall}"))
    } else {
        Finding::inconclusive("time")
            .actual(format!("{} left, until {until_wall}", time_left(*until, now)))
            .next("start this promotion again if it is still wanted")
    };
    finding.expected(format!("{duration} since {since}"))
}

fn check_holds(limits: &WaitLimits, observations: &WaitObservations, now: Moment) -> Finding {
    let label = &limits.hold_label;
    let expected = format!("no open issue labelled {label}");
    match observations.holds.value().and_then(|holds| holds.split_first()) {
        None => unless_found(&observations.holds, "hold", &expected, limits.until, now).expected(expected),
        Some((PromotionHold { number, title, url, author }, more)) => {
            let by = author.as_deref().map(|author| format!(" by {author}")).unwrap_or_default();
            let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
            let (short, of) = (clip(title, TITLE_CHARS), by.replacen(" by ", " of ", 1));
            Finding::blocked("hold")
                .actual(format!("issue #{number} \"{title}\"{by} holds all promotions: {url}{more}"))
                .expected(expected)
                .figures(Figures::now(format!("by issue #{number} \"{short}\"{of}{more}")))
                .next(format!("close {url} once promotions may continue, and start this promotion again"))
        }
    }
}

fn check_newer(limits: &WaitLimits, observations: &WaitObservations, now: Moment) -> Finding {
    let expected = limits.superseded_by.expected(&limits.target);
    match observations.newer.value() {
        Some(Some(newer)) => newer.finding().expected(expected),
        _ => unless_found(&observations.newer, supersession::CHECK, &expected, limits.until, now).expected(expected),
    }
}

/// The finding if the last look found nothing, or failed. Once the wait is over, a look that ended before `until` does not
/// count.
fn unless_found<T>(looks: &LookHistory<T>, check: &str, nothing: &str, until: Moment, now: Moment) -> Finding {
    match &looks.last {
        None => Finding::inconclusive(check).actual("not looked at yet"),
        Some((_, Err(error))) => {
            let finding = error.clone();
            let actual = format!("{}: {}", finding.check, finding.actual);
            let next =
                finding.next.clone().or_else(|| Some("see why it cannot be read, and run this step again".to_owned()));
            Finding { actual, next, check: check.to_owned(), ..finding }
        }
        Some((at, Ok(_))) if now >= until && *at < until => {
            Finding::inconclusive(check).actual("not looked at since the wait was over").next(LONGER_TIMEOUT)
        }
        Some((_, Ok(_))) if looks.failed > 0 => Finding::passed(check)
            .actual(format!("{nothing} ({} of {} looks failed, the last one did not)", looks.failed, looks.total)),
        Some((_, Ok(_))) => Finding::passed(check).actual(nothing),
    }
}

/// Blocked by `consecutive` bad answers since the last good one. A probe without an observation is neither good nor bad.
fn check_endpoint(
    limits: &WaitLimits,
    WatchedEndpoint { name, url, probes }: &WatchedEndpoint,
    now: Moment,
) -> Finding {
    let rate = |probe: &Probe| limits.good.rate(probe);
    let since_good =
        || probes.iter().rev().map(|(_, probe)| probe).take_while(|probe| rate(probe) != ProbeRating::Good);
    let bad = since_good().filter(|probe| rate(probe) == ProbeRating::Bad).count();
    let expected = format!("{}, not missed {} times in a row", limits.good.expected(), limits.consecutive);
    let Some((at, last)) = probes.last() else {
        return Finding::inconclusive(name).actual("no answer yet").expected(expected);
    };
    let finding = if bad >= limits.consecutive {
        let last_bad = since_good().find(|probe| rate(probe) == ProbeRating::Bad).unwrap_or(last);
        Finding::blocked(name)
            .actual(format!("{}, {bad} times in a row", last_bad.summary()))
            .figures(Figures::now(format!("{}, {bad} times in a row", last_bad.figure())).limit(limits.good.figure()))
            .next("find out why it fails, and start this promotion again once it is healthy")
    } else if rate(last) != ProbeRating::Good {
        Finding::inconclusive(name)
            .actual(format!("{}, not yet {} times in a row", last.summary(), limits.consecutive))
            .figures(Figures::now(last.figure()).limit(limits.good.figure()))
            .next("see whether it is healthy, and run this step again; `timeout` gives it more time after the wait")
    } else if now >= limits.until && *at < limits.until {
        Finding::inconclusive(name).actual("not looked at since the wait was over").next(LONGER_TIMEOUT)
    } else {
        let missed = probes.iter().filter(|(_, probe)| rate(probe) != ProbeRating::Good).count();
        let missed = if missed == 0 { String::new() } else { format!(", and {missed} of {} missed", probes.len()) };
        Finding::passed(name).actual(format!("{}{missed}", last.summary()))
    };
    finding.expected(expected).seen_at(url, &last.at)
}

/// The progress line of the log: `9m left, until …: no hold, no newer promotion, 2 of 2 endpoints healthy`.
#[must_use]
pub fn progress_line(limits: &WaitLimits, observations: &WaitObservations, now: Moment) -> String {
    let looks = last_looks(limits, observations);
    let looks = if looks.is_empty() { looks } else { format!(": {looks}") };
    format!("{} left, until {}{looks}", time_left(limits.until, now), limits.until_wall)
}

/// The title of a wait that passed: `wait: 10m over since 2026-11-29 15:44 UTC · no hold, …`.
#[must_use]
pub fn title(limits: &WaitLimits, observations: &WaitObservations) -> String {
    format!("wait: {} over since {} · {}", limits.duration, limits.until_wall, last_looks(limits, observations))
}

/// What the last looks found. Omits everything that was not looked at yet.
fn last_looks(limits: &WaitLimits, observations: &WaitObservations) -> String {
    let holds = observations.holds.last.as_ref().map(|(_, look)| match look {
        Ok(holds) if holds.is_empty() => "no hold",
        Ok(_) => "held",
        Err(_) => "holds not seen",
    });
    let newer = observations.newer.last.as_ref().map(|(_, look)| match look {
        Ok(None) => "no newer promotion",
        Ok(Some(_)) => "superseded",
        Err(_) => "newer releases not seen",
    });
    let last = || observations.endpoints.iter().filter_map(|endpoint| endpoint.probes.last());
    let healthy = last().filter(|(_, probe)| limits.is_good(probe)).count();
    let endpoints = last().next().map(|_| format!("{healthy} of {} endpoints healthy", observations.endpoints.len()));
    let parts = [holds.map(ToOwned::to_owned), newer.map(ToOwned::to_owned), endpoints];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// In whole seconds, rounded up; exact below a second.
fn time_left(until: Moment, now: Moment) -> HumanDuration {
    let left = until.saturating_sub(now);
    HumanDuration(if left.as_secs() == 0 {
        left
    } else {
        Moment::from_secs(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    })
}

#[cfg(test)]
mod tests;
