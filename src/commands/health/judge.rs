//! The rules: how many good answers in a row make an endpoint healthy, and what the others say about it.

use crate::commands::health::observations::{Answer, Endpoint, Probe, Saw, Seen};
use crate::{
    finding::{Finding, Verdict},
    observe::Judgement,
};

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// At least 1.
    pub attempts: usize,
    /// At least 1, at most `attempts`.
    pub consecutive: usize,
    pub statuses: Vec<u16>,
    /// As it was written.
    pub condition: Option<String>,
}

/// What one attempt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// As expected.
    Good,
    /// Observed, and not as expected.
    Bad,
    /// Nothing was observed.
    Nothing,
}

/// How far an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    Open,
    Healthy,
    /// It cannot become healthy any more: blocked or inconclusive.
    Failed(Verdict),
}

impl Rules {
    #[must_use]
    pub fn sight(&self, probe: &Probe) -> Sight {
        let Answer { status, elsewhere, condition, .. } = match &probe.saw {
            Saw::Answer(answer) => answer,
            Saw::Failure(_) => return Sight::Bad,
            Saw::Nothing { .. } => return Sight::Nothing,
        };
        // Another page is that of the service when it fulfils its condition; a page to sign in on is well too.
        let holds = if self.condition.is_none() { !elsewhere } else { matches!(condition, Some(Ok(()))) };
        if holds && self.statuses.contains(status) { Sight::Good } else { Sight::Bad }
    }

    /// Healthy once enough good answers came in a row. Failed as soon as those that are left cannot make such a row any
    /// more: there is nothing to wait for.
    ///
    /// A failed endpoint is blocked when it was seen to be bad since it was last seen to be good, the end of a row that
    /// is too short not counted: 503, 503, no address is blocked; 503, 200, no address is inconclusive.
    #[must_use]
    pub fn course(&self, probes: &[Probe]) -> Course {
        let row = self.row(probes);
        if row >= self.consecutive {
            return Course::Healthy;
        }
        if row + self.attempts.saturating_sub(probes.len()) >= self.consecutive {
            return Course::Open;
        }
        let misses =
            probes.iter().rev().skip(row).map(|probe| self.sight(probe)).take_while(|sight| *sight != Sight::Good);
        let bad = misses.into_iter().any(|sight| sight == Sight::Bad);
        Course::Failed(if bad { Verdict::Blocked } else { Verdict::Inconclusive })
    }

    /// How many good answers stand at the end.
    fn row(&self, probes: &[Probe]) -> usize {
        probes.iter().rev().take_while(|probe| self.sight(probe) == Sight::Good).count()
    }

    /// ``200 or 204, 3 times in a row, with `.version == $subject.tag` ``
    pub fn expected(&self) -> String {
        let statuses: Vec<String> = self.statuses.iter().map(ToString::to_string).collect();
        let mut text = statuses.join(" or ");
        if self.consecutive > 1 {
            text.push_str(&format!(", {} times in a row", self.consecutive));
        }
        if let Some(condition) = &self.condition {
            text.push_str(&format!(", with `{condition}`"));
        }
        text
    }
}

/// Settled when every endpoint is decided, or one is blocked: nothing is worse, so nothing that could still be seen would
/// change the verdict, and a promotion that is blocked should hear of it at once.
#[must_use]
pub fn judge(rules: &Rules, seen: &Seen) -> Judgement {
    let courses: Vec<Course> = seen.endpoints.iter().map(|endpoint| rules.course(&endpoint.probes)).collect();
    let findings =
        seen.endpoints.iter().zip(&courses).map(|(endpoint, course)| finding(rules, endpoint, *course)).collect();
    let blocked = courses.contains(&Course::Failed(Verdict::Blocked));
    if blocked || !courses.contains(&Course::Open) {
        Judgement::decided(findings)
    } else {
        Judgement::pending(findings)
    }
}

fn finding(rules: &Rules, endpoint: &Endpoint, course: Course) -> Finding {
    let Endpoint { name, probes } = endpoint;
    let finding = match course {
        Course::Healthy => Finding::passed(name).actual(healthy(rules, probes)),
        Course::Failed(verdict) => Finding::new(name, verdict).actual(failed(rules, probes)),
        Course::Open => Finding::inconclusive(name).actual(match probes.last() {
            Some(last) => format!("undecided after {} of {} attempts: {}", probes.len(), rules.attempts, last.words()),
            None => "no answer yet".to_owned(),
        }),
    };
    let decisive = if course == Course::Healthy { probes.last() } else { last_miss(rules, probes).or(probes.last()) };
    let finding = finding.expected(rules.expected());
    match decisive {
        None => finding,
        Some(probe) => Finding { next: next(rules, probe), ..finding.seen_at(name, &probe.at) },
    }
}

/// `200 after 12 ms, 3 times in a row (attempts 3 to 5 of 10)`
fn healthy(rules: &Rules, probes: &[Probe]) -> String {
    let words = probes.last().map(Probe::words).unwrap_or_default();
    let (last, most) = (probes.len(), rules.attempts);
    if rules.consecutive == 1 {
        return format!("{words} (attempt {last} of {most})");
    }
    let first = last + 1 - rules.consecutive.min(last);
    format!("{words}, {} times in a row (attempts {first} to {last} of {most})", rules.consecutive)
}

/// `flapping: 503 after 12 ms (5 of 10 attempts failed; at most 1 good answer in a row, the last at …)`
fn failed(rules: &Rules, probes: &[Probe]) -> String {
    let sights: Vec<bool> = probes.iter().map(|probe| rules.sight(probe) == Sight::Good).collect();
    let misses = sights.iter().filter(|good| !**good).count();
    let turns = sights.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let longest = sights.split(|good| !good).map(<[bool]>::len).max().unwrap_or_default();
    let last_good = probes.iter().rev().find(|probe| rules.sight(probe) == Sight::Good);

    let mut text = if turns > 1 { "flapping: ".to_owned() } else { String::new() };
    text.push_str(&last_miss(rules, probes).map(Probe::words).unwrap_or_default());
    text.push_str(&format!(" ({misses} of {} attempts failed", probes.len()));
    let left = rules.attempts.saturating_sub(probes.len());
    if left > 0 {
        text.push_str(&format!(", and the {left} that are left cannot make {} good ones in a row", rules.consecutive));
    }
    if let Some(last_good) = last_good {
        text.push_str(&format!("; at most {longest} good in a row, the last at {}", last_good.at));
    }
    text.push(')');
    text
}

fn last_miss<'a>(rules: &Rules, probes: &'a [Probe]) -> Option<&'a Probe> {
    probes.iter().rev().find(|probe| rules.sight(probe) != Sight::Good)
}

/// What to do about a probe, where it says more than that the service is not well.
fn next(rules: &Rules, probe: &Probe) -> Option<String> {
    let text = match &probe.saw {
        Saw::Answer(Answer { leads_to: Some(_), .. }) => {
            "a page to sign in on is not health: give what it asks for in `headers`; if the service has moved, ask it where \
             it is now, or set `redirects`"
        }
        Saw::Answer(Answer { status: 401 | 403, elsewhere: true, .. }) => {
            "ask it at that address: a redirect to another server is followed without `headers`"
        }
        Saw::Answer(Answer { status: 401 | 403, .. }) => "give what it asks for in `headers`",
        Saw::Answer(Answer { elsewhere: true, condition: None, .. }) => {
            "a page to sign in on is not health: if this is the service's page, ask it at that address, or say by `condition` \
             what it holds"
        }
        Saw::Nothing { next, .. } => next,
        Saw::Answer(_) | Saw::Failure(_) => return None,
    };
    (rules.sight(probe) != Sight::Good).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
