//! The verdict on each workload, from what is seen of it, what was seen before, and the moment.

use super::{
    image::Fit,
    pods::{Trouble, due, millis, trouble},
    progress::{Progress, Sight, grouped, sight},
    rules::{Rules, State},
    track::{Complete, Release, Track},
    views::ViewState,
    workload::{Kind, Workload},
};
use crate::commands::health::workloads::observations::Seen;
use crate::{
    clock::Moment,
    finding::{Finding, Verdict},
    observe::Judgement,
    values::HumanDuration,
};

/// A rollout that took less had been there before.
const SOME_TIME: Moment = Moment::from_millis(100);

/// How far a workload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// Undecided; how it is, and the moment at which time alone may decide.
    Open {
        how: String,
        revisit: Option<Moment>,
    },
    Healthy(String),
    Failed {
        verdict: Verdict,
        why: String,
        next: Option<String>,
    },
}

/// Settled when every workload is decided, or one is blocked: nothing is worse.
///
/// While something that is needed is not heard of, nothing is decided: what was seen last may be long over.
#[must_use]
pub fn judge(rules: &Rules, seen: &Seen, now: Moment) -> Judgement {
    if let Some(judgement) = unobservable(rules, seen, now) {
        return judgement;
    }
    let courses: Vec<Course> = rules
        .workloads
        .iter()
        .zip(&seen.tracks)
        .map(|(workload, track)| course(rules, seen, workload, track, now))
        .collect();
    let findings =
        rules.workloads.iter().zip(&courses).map(|(workload, course)| finding(rules, seen, workload, course, now));
    let findings = findings.collect();
    let blocked = |course: &Course| matches!(course, Course::Failed { verdict: Verdict::Blocked, .. });
    let mut revisits = Vec::new();
    let mut open = false;
    for course in &courses {
        if let Course::Open { revisit, .. } = course {
            open = true;
            revisits.extend(*revisit);
        }
    }
    match revisits.into_iter().min() {
        _ if !open || courses.iter().any(blocked) => Judgement::decided(findings),
        Some(revisit) => Judgement::pending_until(findings, revisit),
        None => Judgement::pending(findings),
    }
}

/// What is said when the cluster cannot be seen.
fn unobservable(rules: &Rules, seen: &Seen, now: Moment) -> Option<Judgement> {
    let needed: Vec<ViewState<'_>> = seen.states().into_iter().filter(|view| view.needed).collect();
    let what = format!("{} in {}", rules.namespace, rules.context);
    let all = |actual: &str, next: Option<&str>| {
        let finding = |workload: &Workload| {
            let finding =
                Finding::inconclusive(workload.to_string()).actual(actual).expected(expected(rules, workload.kind));
            Finding { next: next.map(ToOwned::to_owned), ..finding }
        };
        rules.workloads.iter().map(finding).collect::<Vec<_>>()
    };
    let refused: Vec<Finding> = needed
        .iter()
        .filter_map(|view| view.refused.map(|error| (view, error)))
        .map(|(view, error)| {
            let finding = error.clone();
            // What was wrong may be a plugin or a file, which only its own name tells.
            let actual = format!("{}: {}", finding.check, finding.actual);
            Finding { check: format!("{} of the namespace {what}", view.resource), actual, ..finding }
        })
        .collect();
    if !refused.is_empty() {
        let names: Vec<&str> = needed.iter().filter(|view| view.refused.is_some()).map(|view| view.resource).collect();
        let mut findings = refused;
        findings.extend(all(&format!("not judged: {} cannot be seen", names.join(", ")), None));
        return Some(Judgement::decided(findings));
    }
    let lost = needed.iter().filter_map(|view| view.lost).min_by_key(|(since, _)| *since);
    if let Some((since, why)) = lost {
        let told = format!("the API server of {} does not answer: {why}", rules.context);
        let findings = all(&told, Some("see whether this runner can reach it, and whether it is well"));
        return Some(match rules.grace(State::ApiLost).map(|grace| *since + grace) {
            Some(end) if now >= end => Judgement::decided(findings),
            Some(end) => Judgement::pending_until(findings, end),
            None => Judgement::pending(findings),
        });
    }
    let listed = needed.iter().all(|view| view.listed);
    (!listed).then(|| Judgement::pending(all("not seen yet", None)))
}

fn course(rules: &Rules, seen: &Seen, workload: &Workload, track: &Track, now: Moment) -> Course {
    let sight = sight(rules, &seen.views, workload);
    if let Some(course) = absent(rules, &sight, track, now) {
        return course;
    }
    let failed = |verdict: Verdict, why: String, next: Option<&str>| Course::Failed {
        verdict,
        why,
        next: next.map(ToOwned::to_owned),
    };
    if let Some(why) = &track.disturbed {
        let after = HumanDuration(rules.stabilize);
        return failed(Verdict::Blocked, format!("it was complete, and did not stay so for {after}: {why}"), None);
    }
    if let (Progress::Empty(why), false) = (&sight.progress, rules.allow_empty) {
        let next = "set `allow-empty` if that is meant";
        return failed(Verdict::Inconclusive, format!("{why}, so nothing was seen to be well"), Some(next));
    }
    let stable = track.complete.as_ref().map(|complete| complete.at + rules.stabilize);
    if let (Some(Complete { at, .. }), Some(stable), Ok(())) = (&track.complete, stable, sight.is_good(rules)) {
        if now < stable {
            let how = format!("{}; to stay so for {}", sight.told(), HumanDuration(rules.stabilize));
            return Course::Open { how, revisit: Some(stable) };
        }
        return Course::Healthy(healthy(rules, &sight, *at, track));
    }
    // What had failed before we looked may not be what is under promotion, which may still come.
    let not_ours = now < rules.appear_timeout && track.failed_before.as_ref() == Some(&sight.revision);
    if let Progress::Failed { why, .. } = &sight.progress {
        let why = with_troubles(why, &troubles(rules, seen, &sight));
        if not_ours {
            return Course::Open { how: why, revisit: Some(rules.appear_timeout) };
        }
        return failed(Verdict::Blocked, why, None);
    }
    if let (Progress::Complete(_), Fit::Unknown(_), false) = (&sight.progress, sight.runs(rules), sight.kind.has_pods())
    {
        // Names do not change by waiting, unless for those of something new.
        let how = how(&sight, rules);
        if now < rules.appear_timeout {
            return Course::Open { how, revisit: Some(rules.appear_timeout) };
        }
        return failed(Verdict::Inconclusive, how, next(&sight));
    }
    let began = track.appeared.unwrap_or_default();
    // What was complete is being scaled, or moved to other nodes: that has a time of its own.
    let deadline =
        stable.map_or(began + rules.timeout, |stable| stable.max(began + rules.timeout) + rules.max_unhealthy);
    let troubles = troubles(rules, seen, &sight);
    let why = with_troubles(&how(&sight, rules), &troubles);
    let stuck = stuck_until(rules, seen, &sight, track, now);
    let stuck = stuck.map(|due| if not_ours { due.max(millis(rules.appear_timeout)) } else { due });
    let due = troubles.iter().filter_map(|trouble| trouble.due).chain(stuck).min();
    if due.is_some_and(|due| due <= millis(now)) {
        return failed(Verdict::Blocked, why, next(&sight));
    }
    if now >= deadline {
        let why = format!("not complete after {}: {why}", HumanDuration(rules.timeout));
        // A complete rollout whose image cannot be told was not seen to be bad.
        let verdict = match (&sight.progress, sight.runs(rules)) {
            (Progress::Complete(_), Fit::Unknown(_)) | (Progress::Unclear(_), _) => Verdict::Inconclusive,
            _ => Verdict::Blocked,
        };
        return failed(verdict, why, next(&sight));
    }
    let due = due.and_then(|due| u64::try_from(due).ok()).map(Moment::from_millis);
    Course::Open { how: why, revisit: Some(due.map_or(deadline, |due| due.min(deadline))) }
}

/// How long a state of the whole workload is borne with, in milliseconds on our clock; `None`: until its time is up.
fn stuck_until(rules: &Rules, seen: &Seen, sight: &Sight<'_>, track: &Track, now: Moment) -> Option<i64> {
    let Progress::Stuck { state, since, .. } = &sight.progress else { return None };
    let began = millis(track.appeared.unwrap_or_default());
    // Each try of a controller has a time of its own; it has failed since the first.
    let first = track.unwell.as_ref().filter(|_| *state == State::Degraded).map(|(at, _)| millis(*at));
    // A controller's clock may go before the server's; nothing has begun in the time to come.
    let told = since.map(|time| seen.millis(time).min(millis(now)));
    let since = told.into_iter().chain(first).min().unwrap_or(began);
    // What was so before may be the word on the revision before.
    let since = if sight.kind == Kind::Deployment { since.max(began) } else { since };
    due(rules.grace(*state), since)
}

/// What is said while the image under promotion is not asked for, or something else is what runs.
fn absent(rules: &Rules, sight: &Sight<'_>, track: &Track, now: Moment) -> Option<Course> {
    let complete = matches!(sight.progress, Progress::Complete(_));
    let there = match (&sight.asked, &sight.progress) {
        (_, Progress::Missing) => None,
        (Fit::Differs(what), _) => Some(what.clone()),
        // Only the pods tell the digest of a tag.
        (_, Progress::Complete(_)) => match sight.runs(rules) {
            Fit::Differs(what) => Some(what),
            Fit::Fits | Fit::Unknown(_) => return None,
        },
        _ => return None,
    };
    let name = rules.image.name();
    let how = match &there {
        None if track.release == Release::Replaced => format!("it is gone from the namespace {}", rules.namespace),
        None => format!("there is no such workload in the namespace {}", rules.namespace),
        Some(what) if track.release == Release::Replaced => {
            format!("{name} was asked for, and now {what} is: another release took its place")
        }
        Some(what) if complete => format!("it is healthy, and runs {what}: {name} has not appeared"),
        Some(what) if !sight.kind.has_pods() => format!("it runs {what} ({}): {name} has not appeared", sight.told()),
        Some(what) => format!("it asks for {what}: {name} has not appeared"),
    };
    if now < rules.appear_timeout {
        return Some(Course::Open { how, revisit: Some(rules.appear_timeout) });
    }
    let waited = match rules.appear_timeout {
        Moment::ZERO => String::new(),
        _ if track.release == Release::Replaced => String::new(),
        limit => format!(" within {}", HumanDuration(limit)),
    };
    let next = match there {
        _ if track.release == Release::Replaced => {
            "see what has been deployed since; the later release has a gate of its own"
        }
        None => "see whether `workload`, `namespace` and `context` are the right ones",
        Some(_) => {
            "see whether the deployment of this release has happened; `appear-timeout` waits for one that is on its way"
        }
    };
    Some(Course::Failed { verdict: Verdict::Blocked, why: format!("{how}{waited}"), next: Some(next.to_owned()) })
}

/// How an incomplete rollout is.
fn how(sight: &Sight<'_>, rules: &Rules) -> String {
    match sight.is_good(rules) {
        Err(why) if matches!(sight.progress, Progress::Complete(_)) => format!("{}; {why}", sight.told()),
        _ => sight.told(),
    }
}

fn next(sight: &Sight<'_>) -> Option<&'static str> {
    let (state, kind) = match &sight.progress {
        Progress::Stuck { state, .. } => (Some(*state), sight.kind),
        _ => (None, sight.kind),
    };
    match (state, kind) {
        (Some(State::Paused), Kind::Rollout) => {
            Some("promote it (`kubectl argo rollouts promote`); `grace: paused 1h` waits for somebody to")
        }
        (Some(State::Paused), Kind::Application) => {
            Some("sync it, or resume what is suspended; `grace: paused 1h` waits for somebody to")
        }
        (Some(State::Paused), Kind::Kustomization) => Some("resume it (`flux resume kustomization`)"),
        (Some(State::Paused), _) => Some("resume the rollout (`kubectl rollout resume`), or delete the old pods"),
        (Some(State::FailedCreate), _) => Some("see the quotas and admission rules of the namespace"),
        (None, Kind::Application) if matches!(sight.progress, Progress::Complete(_)) => Some(
            "an application tells only the names of images: name its deployment beside it, or watch that in a step of its own \
             when it is in another namespace",
        ),
        _ => None,
    }
}

/// What is wrong with the pods of the new revision, that which is due first at the front.
pub fn troubles(rules: &Rules, seen: &Seen, sight: &Sight<'_>) -> Vec<Trouble> {
    let mut all: Vec<Trouble> = sight.pods.iter().filter_map(|pod| trouble(rules, seen, pod)).collect();
    all.sort_by_key(|trouble| trouble.due.unwrap_or(i64::MAX));
    all
}

/// The first trouble, and how many pods have the same.
fn with_troubles(how: &str, troubles: &[Trouble]) -> String {
    let Some(first) = troubles.first() else { return how.to_owned() };
    let same = grouped(troubles.iter().map(|trouble| (trouble.pod.clone(), trouble.what.clone())));
    let like = same.iter().find(|(what, _)| *what == first.what).map_or(1, |(_, pods)| pods.len());
    let others = match (like - 1, troubles.len() - like) {
        (0, 0) => String::new(),
        (0, others) => format!(" (and {others} more, not ready)"),
        (like, others) => format!(" (and {} more)", like + others),
    };
    let container = first.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
    format!("pod {}{container}: {}{others}; {how}", first.pod, first.what)
}

fn healthy(rules: &Rules, sight: &Sight<'_>, at: Moment, track: &Track) -> String {
    let took = at.saturating_sub(track.appeared.unwrap_or(at));
    let mut text = sight.told();
    // Less is only the order in which the kinds were heard of.
    if took >= SOME_TIME {
        text.push_str(&format!(", after {}", HumanDuration(Moment::from_millis(millis(took).unsigned_abs()))));
    }
    match sight.kind {
        _ if !rules.image.names_version() => {}
        Kind::Kustomization => {}
        Kind::Application => text.push_str(&format!("; it runs {}", rules.image.name())),
        _ => text.push_str(&format!("; its pods run {}", rules.image.name())),
    }
    if !rules.stabilize.is_zero() {
        text.push_str(&format!("; nothing went unready or restarted for {}", HumanDuration(rules.stabilize)));
    }
    text
}

fn expected(rules: &Rules, kind: Kind) -> String {
    let mut text = match kind {
        Kind::Application => "Healthy and Synced".to_owned(),
        Kind::Kustomization => "Ready, the last revision applied".to_owned(),
        _ => "the new revision complete, nothing of the old one left".to_owned(),
    };
    if rules.image.names_version() && kind.tells_images() {
        text.push_str(&format!(", running {}", rules.image.name()));
    }
    if !rules.stabilize.is_zero() {
        text.push_str(&format!(", and so for {}", HumanDuration(rules.stabilize)));
    }
    text
}

fn finding(rules: &Rules, seen: &Seen, workload: &Workload, course: &Course, now: Moment) -> Finding {
    let name = workload.to_string();
    let (finding, next) = match course {
        Course::Open { how, .. } => (Finding::inconclusive(name).actual(format!("undecided: {how}")), None),
        Course::Healthy(how) => (Finding::passed(name).actual(how), None),
        Course::Failed { verdict, why, next } => (Finding::new(name, *verdict).actual(why), next.clone()),
    };
    let source = format!("{workload} in the namespace {} of {}", rules.namespace, rules.context);
    Finding { next, ..finding.expected(expected(rules, workload.kind)).seen_at(source, seen.wall(now)) }
}

#[cfg(test)]
mod tests;
