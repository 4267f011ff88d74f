//! The rules: somebody approved who is a person, had no part in the release, and has not approved others a moment ago.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    approvers::{Reviewer, Reviews, names, same},
    finding::{Finding, Verdict, verdict},
    observe::Judgement,
    subject::Environment,
    values::HumanDuration,
};

/// How many times are told of those that were counted.
const TOLD: usize = 10;
/// How many are named of those who had a part in the release.
const NAMED: usize = 5;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Rules {
    pub environment: Environment,
    /// Whether whoever had a part in the release may not approve it.
    pub independent: bool,
    /// At least 1.
    pub max_approvals: usize,
    pub window: HumanDuration,
}

/// What was seen, or why it could not be.
pub type Look<T> = Result<T, Finding>;

/// What GitHub and the ledger tell about this run.
#[derive(Clone, Debug)]
pub struct Seen {
    pub run: Asking,
    /// When it was looked at: RFC 3339, UTC.
    pub at: String,
    /// How the environment is protected; `None` when there is no such environment.
    pub protection: Look<Option<Protection>>,
    /// The reviews of this run.
    pub reviews: Look<Reviews>,
    /// When the protected job started: nobody can have approved later.
    pub started: Look<Timestamp>,
    /// The logins of those who had a part in the release, or why nobody told.
    pub excluded: Result<Vec<String>, Finding>,
    /// The commit that holds this very evidence already.
    pub committed: Look<Option<String>>,
    /// What else was approved.
    pub others: Look<Others>,
}

/// The run that asks.
#[derive(Clone, Debug)]
pub struct Asking {
    pub id: u64,
    pub attempt: u32,
    pub url: String,
}

/// Any one of the reviewers suffices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protection {
    pub users: Vec<String>,
    pub teams: Vec<String>,
    /// `None` when GitHub does not tell.
    pub admins_bypass: Option<bool>,
}

impl Protection {
    fn reviewers(&self) -> Vec<&str> {
        self.users.iter().chain(&self.teams).map(String::as_str).collect()
    }

    /// Whether somebody can be one of the reviewers. Who is in a team, no token of a job may ask.
    fn admits(&self, login: &str) -> bool {
        !self.teams.is_empty() || self.users.iter().any(|user| same(user, login))
    }
}

/// Approvals of other promotions.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// The runs of this workflow that were looked at, whatever was seen of them.
    pub listed: BTreeSet<u64>,
    /// Of runs of this workflow. The time is the protected job's start.
    pub runs: Vec<Given>,
    /// Of commits in the ledger. The time is the commit's.
    pub commits: Vec<Given>,
}

/// An approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    pub by: String,
    pub at: Timestamp,
    /// The workflow run that was approved, where it is one of this repository.
    pub run: Option<u64>,
    /// What it was for: `run 101`, `commit 1a2b3c4 (emergency)`.
    pub of: String,
}

impl Seen {
    /// The people who approved and can be reviewers, by login, in the order they did.
    fn reviewers(&self) -> Vec<&str> {
        let Ok(reviews) = &self.reviews else { return Vec::new() };
        let protection = self.protection.as_ref().ok().and_then(Option::as_ref);
        reviews.people().filter(|login| protection.is_none_or(|protection| protection.admits(login))).collect()
    }

    /// Those among them whose approval counts.
    #[must_use]
    pub fn counted(&self, rules: &Rules) -> Vec<&str> {
        let excluded = self.excluded.as_deref().unwrap_or_default();
        let mut counted = self.reviewers();
        counted.retain(|login| !rules.independent || !excluded.iter().any(|one| same(one, login)));
        counted
    }

    /// The one that the promotion can name: of those whose approval counts, whoever has approved least of late.
    #[must_use]
    pub fn approver(&self, rules: &Rules) -> Option<&str> {
        self.counted(rules).into_iter().min_by_key(|login| self.earlier(rules, login).len())
    }

    /// Why some of it could not be seen.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        let Self { protection, reviews, started, committed, others, .. } = self;
        let all = [
            protection.as_ref().err(),
            reviews.as_ref().err(),
            started.as_ref().err(),
            committed.as_ref().err(),
            others.as_ref().err(),
        ];
        all.into_iter().flatten()
    }

    /// What `login` approved within the window before this, each run once, oldest first. Of those that started in one
    /// second the run with the lower number is the earlier one, so that of three at once exactly the third is too many.
    fn earlier(&self, rules: &Rules, login: &str) -> Vec<&Given> {
        let (Ok(started), Ok(others)) = (&self.started, &self.others) else { return Vec::new() };
        let window = SignedDuration::try_from(rules.window.0).unwrap_or(SignedDuration::MAX);
        let counts = |given: &&Given| {
            same(&given.by, login)
                && (given.at, given.run) < (*started, Some(self.run.id))
                && given.run != Some(self.run.id)
                && started.duration_since(given.at) <= window
        };
        // A run that was looked at tells better than its commit when it was approved.
        let unlisted = |given: &&Given| given.run.is_none_or(|run| !others.listed.contains(&run));
        let mut earlier: Vec<&Given> = others.runs.iter().filter(counts).collect();
        earlier.extend(others.commits.iter().filter(unlisted).filter(counts));
        earlier.sort_by_key(|given| (given.at, given.run));
        let mut met = BTreeSet::new();
        earlier.retain(|given| given.run.is_none_or(|run| met.insert(run)));
        earlier
    }
}

/// Settled when all was seen, or when something blocks. What was not seen may be the next time.
#[must_use]
pub fn judge(rules: &Rules, seen: &Seen) -> Judgement {
    let mut findings = vec![protection(rules, seen), approval(rules, seen)];
    findings.extend(attempt(seen));
    findings.extend(independence(rules, seen));
    findings.extend(haste(rules, seen));
    let source = |finding: Finding| finding.seen_at(&seen.run.url, &seen.at);
    let findings: Vec<Finding> = findings.into_iter().map(source).collect();
    let settled = seen.errors().next().is_none() || verdict(&findings) == Verdict::Blocked;
    if settled { Judgement::decided(findings) } else { Judgement::pending(findings) }
}

fn protection(Rules { environment, .. }: &Rules, seen: &Seen) -> Finding {
    let check = format!("protection of {environment}");
    let expected = "an environment with required reviewers";
    let next = format!(
        "give {environment} required reviewers: `environments` with `mode: apply`, or the repository's settings"
    );
    match &seen.protection {
        Err(error) => unobservable(check, error),
        Ok(None) => Finding::blocked(check)
            .actual("there is no such environment: GitHub makes one that a job names, without any protection")
            .expected(expected)
            .next(next),
        Ok(Some(protection)) if protection.reviewers().is_empty() => Finding::blocked(check)
            .actual("nobody is asked: it has no required reviewers")
            .expected(expected)
            .next(next),
        Ok(Some(protection)) => {
            let reviewers = names(&protection.reviewers());
            Finding::passed(check).actual(format!("one of {reviewers} has to approve")).expected(expected)
        }
    }
}

fn approval(Rules { environment, .. }: &Rules, seen: &Seen) -> Finding {
    let check = "approval";
    let expected = format!("a person who approved this run for {environment}");
    let Reviews { approved, rejected } = match &seen.reviews {
        Ok(reviews) => reviews,
        Err(error) => return unobservable(check, error),
    };
    if !rejected.is_empty() {
        let approved = if approved.is_empty() { String::new() } else { format!(", approved by {}", names(approved)) };
        return Finding::blocked(check).actual(format!("rejected by {}{approved}", names(rejected))).expected(expected);
    }
    if approved.is_empty() {
        return nobody(seen).expected(expected);
    }
    let by = format!("approved by {}", names(approved));
    if !seen.reviewers().is_empty() {
        Finding::passed(check).actual(by).expected(expected)
    } else if approved.iter().any(|reviewer| reviewer.person().is_some()) {
        Finding::blocked(check)
            .actual(format!(
                "{by}, none of its reviewers: they passed the protection by, or reviewers have changed since"
            ))
            .expected(expected)
            .next("start it again, and have it approved by a reviewer")
    } else if approved.iter().all(Reviewer::is_bot) {
        Finding::blocked(check).actual(by).expected(expected).next("let people alone be reviewers")
    } else {
        Finding::inconclusive(check).actual(by).expected(expected).next("start it again, and have it approved")
    }
}

/// The job runs all the same: something let it through.
fn nobody(seen: &Seen) -> Finding {
    let finding = Finding::blocked("approval");
    let protected = match &seen.protection {
        Ok(Some(protection)) if !protection.reviewers().is_empty() => protection,
        _ => return finding.actual("nobody approved this run"),
    };
    let finding = finding.actual(
        "nobody approved this run, though reviewers are required: its protection was bypassed, or switched on only later",
    );
    match protected.admins_bypass {
        Some(false) => finding.next("start it again, and have it approved"),
        _ => finding.next(
            "start it again, and have it approved; take away the right to bypass (\"Allow administrators to bypass \
             configured protection rules\")",
        ),
    }
}

/// A review of an earlier attempt may stand in for one of this. Once the evidence is committed, nothing hangs on it.
fn attempt(seen: &Seen) -> Option<Finding> {
    let Asking { id, attempt, .. } = seen.run;
    if attempt <= 1 {
        return None;
    }
    let finding = Finding::blocked("attempt")
        .actual(format!("attempt {attempt} of run {id}: GitHub does not tell which of them was approved"))
        .expected("the first attempt of a run");
    Some(match &seen.committed {
        Err(error) => unobservable("attempt", error),
        Ok(None) => finding.next("dispatch again: a new run asks for a new review"),
        Ok(Some(commit)) => {
            let passed = Finding::passed("attempt").actual(finding.actual).expected(finding.expected);
            passed.waived(format!("this evidence is committed already, by {commit}"))
        }
    })
}

fn independence(rules: &Rules, seen: &Seen) -> Option<Finding> {
    let check = "independence";
    if !rules.independent {
        let finding = Finding::passed(check).actual("whoever had a part in the release may approve it");
        return Some(finding.waived("`independent: false`"));
    }
    let reviewers = seen.reviewers();
    if reviewers.is_empty() {
        return None;
    }
    let expected = "somebody who had no part in the release: neither its deployment nor its commits";
    let excluded = match &seen.excluded {
        Ok(excluded) => excluded,
        Err(missing) => {
            let actual = format!("nobody told who had a part in the release; {}: {}", missing.check, missing.actual);
            return Some(Finding { check: check.to_owned(), actual, ..missing.clone() });
        }
    };
    let counted = seen.counted(rules);
    Some(if counted.is_empty() {
        Finding::blocked(check)
            .actual(format!("{} had a part in it", names(&reviewers)))
            .expected(expected)
            .next("start it again, and have it approved by somebody else")
    } else {
        Finding::passed(check)
            .actual(format!("{} had no part in it{}", names(&counted), unlike(excluded)))
            .expected(expected)
    })
}

/// `, unlike ada, ben and 5 more`
fn unlike(excluded: &[String]) -> String {
    match excluded {
        [] => String::new(),
        few if few.len() <= NAMED => format!(", unlike {}", names(few)),
        all => format!(", unlike {} and {} more", names(&all[..NAMED]), all.len() - NAMED),
    }
}

fn haste(rules: &Rules, seen: &Seen) -> Option<Finding> {
    let Rules { max_approvals, window, .. } = rules;
    let approver = seen.approver(rules)?;
    let check = format!("approvals within {window}");
    let expected = format!("at most {max_approvals} by one person");
    let started = match (&seen.started, &seen.others) {
        (Ok(started), Ok(_)) => *started,
        (Err(error), _) | (_, Err(error)) => return Some(unobservable(check, error)),
    };
    let earlier = seen.earlier(rules, approver);
    let mut times: Vec<String> = earlier.iter().map(|given| format!("{} ({})", given.at, given.of)).collect();
    times.push(format!("{started} (this run)"));
    let left_out = times.len().saturating_sub(TOLD);
    let more = if left_out == 0 { String::new() } else { format!("{left_out} before, ") };
    let actual = format!("{} by {approver}: {more}{}", times.len(), times[left_out..].join(", "));
    if earlier.len() < *max_approvals {
        return Some(Finding::passed(check).actual(actual).expected(expected));
    }
    // Then the oldest of those that are too many has left the window.
    let free = earlier.get(earlier.len() - max_approvals).map(|given| given.at);
    let free = free.and_then(|at| at.checked_add(window.0 + Duration::from_secs(1)).ok());
    let free = free.map(|free| format!(", or approved no earlier than {free}")).unwrap_or_default();
    Some(
        Finding::blocked(check)
            .actual(actual)
            .expected(expected)
            .next(format!("start it again, and have it approved by another reviewer who takes the time to look{free}")),
    )
}

fn unobservable(check: impl Into<String>, error: &Finding) -> Finding {
    let finding = error.clone();
    Finding { actual: format!("{}: {}", finding.check, finding.actual), check: check.into(), ..finding }
}

#[cfg(test)]
mod tests;
