//! The rules: nothing is decided before the moment, and then by looks that began after it; what blocks does so at once.

use jiff::Timestamp;

use crate::{
    clock::Moment,
    commands::health::{
        judge::{Rules as Good, Sight},
        observations::Probe,
    },
    finding::{Finding, Verdict, verdict},
    observe::Judgement,
    values::HumanDuration,
};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Rules {
    pub duration: HumanDuration,
    /// What the waiting is counted from, in words: `the approval at …`.
    pub since: String,
    /// When it is over.
    pub until: Moment,
    /// The same by the wall's clock.
    pub until_wall: String,
    /// Open issues with this label hold every promotion.
    pub hold_label: String,
    /// What is promoted, and where to: `checkout-service in production`.
    pub what: String,
    /// A good answer of an endpoint.
    pub good: Good,
    /// How many answers in a row that are not good block. At least 1.
    pub consecutive: usize,
}

impl Rules {
    #[must_use]
    pub fn is_good(&self, probe: &Probe) -> bool {
        self.good.sight(probe) == Sight::Good
    }
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub endpoints: Vec<Endpoint>,
    pub holds: Looks<Vec<Hold>>,
    pub promotions: Looks<Option<Newer>>,
}

#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its URL, as it may be shown.
    pub name: String,
    /// In order.
    pub probes: Vec<(Moment, Probe)>,
}

/// The looks at one thing.
#[derive(Clone, Debug)]
pub struct Looks<T> {
    /// The last one, and when it was over.
    pub last: Option<(Moment, Result<T, Finding>)>,
    pub all: usize,
    pub failed: usize,
}

impl<T> Default for Looks<T> {
    fn default() -> Self {
        Self { last: None, all: 0, failed: 0 }
    }
}

/// An open issue that holds all promotions.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub number: u64,
    pub title: String,
    pub url: String,
    pub by: Option<String>,
}

/// A promotion of the same service to the same environment that is younger than this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Newer {
    pub commit: String,
    pub kind: String,
    pub image: String,
    pub at: Timestamp,
}

impl<T> Looks<T> {
    pub fn take(&mut self, at: Moment, look: Result<T, Finding>) {
        self.all += 1;
        self.failed += usize::from(look.is_err());
        self.last = Some((at, look));
    }

    /// What the last look saw.
    fn seen(&self) -> Option<&T> {
        self.last.as_ref().and_then(|(_, look)| look.as_ref().ok())
    }

    /// A finding of what is free of it, as far as it was looked at: after `until` only a look that ended later counts.
    fn free(&self, check: &str, nothing: &str, until: Moment, now: Moment) -> Finding {
        match &self.last {
            None => Finding::inconclusive(check).actual("not looked at yet"),
            Some((_, Err(error))) => {
                let finding = error.clone();
                Finding { actual: format!("{}: {}", finding.check, finding.actual), check: check.to_owned(), ..finding }
            }
            Some((at, Ok(_))) if now >= until && *at < until => {
                Finding::inconclusive(check).actual("not looked at since the wait was over")
            }
            Some((_, Ok(_))) if self.failed > 0 => Finding::passed(check)
                .actual(format!("{nothing} ({} of {} looks failed, the last one did not)", self.failed, self.all)),
            Some((_, Ok(_))) => Finding::passed(check).actual(nothing),
        }
    }
}

/// Settled as soon as something blocks; else at the end, when all was looked at once more.
#[must_use]
pub fn judge(rules: &Rules, seen: &Seen, now: Moment) -> Judgement {
    let over = now >= rules.until;
    let mut findings = vec![waited(rules, now), held(rules, seen, now), overtaken(rules, seen, now)];
    findings.extend(seen.endpoints.iter().map(|endpoint| healthy(rules, endpoint, now)));
    match verdict(&findings) {
        Verdict::Blocked => Judgement::decided(findings),
        Verdict::Passed if over => Judgement::decided(findings),
        Verdict::Passed | Verdict::Inconclusive if over => Judgement::pending(findings),
        Verdict::Passed | Verdict::Inconclusive => Judgement::pending_until(findings, rules.until),
    }
}

fn waited(Rules { duration, since, until, until_wall, .. }: &Rules, now: Moment) -> Finding {
    let finding = if now >= *until {
        Finding::passed("wait").actual(format!("over since {until_wall}"))
    } else {
        Finding::inconclusive("wait").actual(format!("{} left, until {until_wall}", left(*until, now)))
    };
    finding.expected(format!("{duration} since {since}"))
}

fn held(rules: &Rules, seen: &Seen, now: Moment) -> Finding {
    let label = &rules.hold_label;
    let expected = format!("no open issue labelled {label}");
    match seen.holds.seen().and_then(|holds| holds.split_first()) {
        None => seen.holds.free("hold", &expected, rules.until, now).expected(expected),
        Some((Hold { number, title, url, by }, more)) => {
            let by = by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
            let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
            Finding::blocked("hold")
                .actual(format!("issue #{number} \"{title}\"{by} holds all promotions: {url}{more}"))
                .expected(expected)
                .next("close it once promotions may go on, and start this one again")
        }
    }
}

fn overtaken(rules: &Rules, seen: &Seen, now: Moment) -> Finding {
    let check = "supersession";
    let expected = format!("no younger promotion of {}", rules.what);
    match seen.promotions.seen() {
        Some(Some(Newer { commit, kind, image, at })) => Finding::blocked(check)
            .actual(format!("{image} came by {commit} ({kind}) at {at}, after this release was validated"))
            .expected(expected)
            .next("promote the younger one, or validate this one again"),
        _ => seen.promotions.free(check, &expected, rules.until, now).expected(expected),
    }
}

/// As many bad answers as it takes since the last good one block. What was not observed in between is none, and makes
/// none good.
fn healthy(rules: &Rules, Endpoint { name, probes }: &Endpoint, now: Moment) -> Finding {
    let sight = |probe: &Probe| rules.good.sight(probe);
    let since_good = || probes.iter().rev().map(|(_, probe)| probe).take_while(|probe| sight(probe) != Sight::Good);
    let bad = since_good().filter(|probe| sight(probe) == Sight::Bad).count();
    let expected = format!("{}, not missed {} times in a row", rules.good.expected(), rules.consecutive);
    let Some((at, last)) = probes.last() else {
        return Finding::inconclusive(name).actual("no answer yet").expected(expected);
    };
    let finding = if bad >= rules.consecutive {
        let worst = since_good().find(|probe| sight(probe) == Sight::Bad).unwrap_or(last);
        Finding::blocked(name).actual(format!("{}, {bad} times in a row", worst.words()))
    } else if sight(last) != Sight::Good {
        Finding::inconclusive(name).actual(format!("{}, not yet {} times in a row", last.words(), rules.consecutive))
    } else if now >= rules.until && *at < rules.until {
        Finding::inconclusive(name).actual("not looked at since the wait was over")
    } else {
        let missed = probes.iter().filter(|(_, probe)| sight(probe) != Sight::Good).count();
        let missed = if missed == 0 { String::new() } else { format!(", and {missed} of {} missed", probes.len()) };
        Finding::passed(name).actual(format!("{}{missed}", last.words()))
    };
    finding.expected(expected).seen_at(name, &last.at)
}

/// What a person reads once a minute: `9m left, until …: no hold, nothing younger, 2 of 2 endpoints well`. What was not
/// looked at yet is left out.
#[must_use]
pub fn line(rules: &Rules, seen: &Seen, now: Moment) -> String {
    let holds = seen.holds.last.as_ref().map(|(_, look)| match look {
        Ok(holds) if holds.is_empty() => "no hold",
        Ok(_) => "held",
        Err(_) => "holds not seen",
    });
    let promotions = seen.promotions.last.as_ref().map(|(_, look)| match look {
        Ok(None) => "nothing younger",
        Ok(Some(_)) => "overtaken",
        Err(_) => "the ledger not seen",
    });
    let last = || seen.endpoints.iter().filter_map(|endpoint| endpoint.probes.last());
    let well = last().filter(|(_, probe)| rules.is_good(probe)).count();
    let endpoints = last().next().map(|_| format!("{well} of {} endpoints well", seen.endpoints.len()));
    let parts = [holds.map(ToOwned::to_owned), promotions.map(ToOwned::to_owned), endpoints];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let parts = if parts.is_empty() { parts } else { format!(": {parts}") };
    format!("{} left, until {}{parts}", left(rules.until, now), rules.until_wall)
}

/// In whole seconds, as long as there is one.
fn left(until: Moment, now: Moment) -> HumanDuration {
    let left = until.saturating_sub(now);
    HumanDuration(if left.as_secs() == 0 {
        left
    } else {
        Moment::from_secs(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    })
}

#[cfg(test)]
mod tests;
