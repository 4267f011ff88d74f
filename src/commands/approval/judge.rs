//! Judges the approval: a person approved who is a required reviewer, had no part in the release, and has not approved too
//! many other promotions shortly before.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;

use super::observations::{ApprovalObservations, OwnRun, PastApproval};
use crate::{
    approvers::{ReviewAuthor, Reviews, is_same_login, join_names},
    finding::{Finding, Verdict, verdict},
    observe::Judgement,
    subject::Environment,
    values::HumanDuration,
};

/// How many approval times a message lists.
const MAX_TIMES: usize = 10;
/// How many excluded people a message lists.
const MAX_NAMES: usize = 5;

/// The limits that an approval must keep.
#[derive(Clone, Debug)]
pub struct ApprovalRules {
    pub environment: Environment,
    /// Whether the people who had a part in the release may not approve it.
    pub independent: bool,
    /// At least 1.
    pub max_approvals: usize,
    pub window: HumanDuration,
}

impl ApprovalObservations {
    /// The logins of the people who approved and can be required reviewers, in the order of their reviews.
    fn approving_reviewers(&self) -> Vec<&str> {
        let Ok(reviews) = &self.reviews else { return Vec::new() };
        let protection = self.protection.as_ref().ok().and_then(Option::as_ref);
        reviews.people().filter(|login| protection.is_none_or(|protection| protection.admits(login))).collect()
    }

    /// The approving reviewers whose approval counts.
    #[must_use]
    pub fn eligible_approvers(&self, rules: &ApprovalRules) -> Vec<&str> {
        let excluded = self.excluded.as_deref().unwrap_or_default();
        let mut eligible = self.approving_reviewers();
        eligible.retain(|login| !rules.independent || !excluded.iter().any(|one| is_same_login(one, login)));
        eligible
    }

    /// The approver that the promotion names: the eligible one with the fewest approvals within the window.
    #[must_use]
    pub fn approver(&self, rules: &ApprovalRules) -> Option<&str> {
        self.eligible_approvers(rules).into_iter().min_by_key(|login| self.earlier_approvals(rules, login).len())
    }

    /// What `login` approved within the window before this run, each run once, oldest first. Among runs that started in the
    /// same second, the one with the lower id is earlier, so that exactly the third of three simultaneous runs is too many.
    fn earlier_approvals(&self, rules: &ApprovalRules, login: &str) -> Vec<&PastApproval> {
        let (Ok(started), Ok(others)) = (&self.started, &self.others) else { return Vec::new() };
        let window = SignedDuration::try_from(rules.window.0).unwrap_or(SignedDuration::MAX);
        let counts = |approval: &&PastApproval| {
            is_same_login(&approval.approver, login)
                && (approval.at, approval.run) < (*started, Some(self.run.id))
                && approval.run != Some(self.run.id)
                && started.duration_since(approval.at) <= window
        };
        // The start of a run's job is closer to the approval than the run's commit.
        let is_unlisted = |approval: &&PastApproval| approval.run.is_none_or(|run| !others.listed.contains(&run));
        let mut earlier: Vec<&PastApproval> = others.runs.iter().filter(counts).collect();
        earlier.extend(others.commits.iter().filter(is_unlisted).filter(counts));
        earlier.sort_by_key(|approval| (approval.at, approval.run));
        let mut counted_runs = BTreeSet::new();
        earlier.retain(|approval| approval.run.is_none_or(|run| counted_runs.insert(run)));
        earlier
    }
}

/// Decided if everything was observed or something blocks. A part that was not observed may be in the next look.
#[must_use]
pub fn judge(rules: &ApprovalRules, observations: &ApprovalObservations) -> Judgement {
    let mut findings = vec![check_protection(rules, observations), check_approval(rules, observations)];
    findings.extend(check_attempt(observations));
    findings.extend(check_independence(rules, observations));
    findings.extend(check_frequency(rules, observations));
    let with_source = |finding: Finding| finding.seen_at(&observations.run.url, &observations.at);
    let findings: Vec<Finding> = findings.into_iter().map(with_source).collect();
    let is_decided = observations.errors().next().is_none() || verdict(&findings) == Verdict::Blocked;
    if is_decided { Judgement::decided(findings) } else { Judgement::pending(findings) }
}

fn check_protection(ApprovalRules { environment, .. }: &ApprovalRules, observations: &ApprovalObservations) -> Finding {
    let check = format!("protection of {environment}");
    let expected = "an environment with required reviewers";
    let next = format!(
        "give {environment} required reviewers: `environments` with `mode: apply`, or the repository's settings"
    );
    match &observations.protection {
        Err(error) => error.for_check(check),
        Ok(None) => Finding::blocked(check)
            .actual("the environment does not exist: GitHub creates one that a job names, without any protection")
            .expected(expected)
            .next(next),
        Ok(Some(protection)) if protection.reviewers().is_empty() => Finding::blocked(check)
            .actual("it has no required reviewers, so GitHub requests no approval")
            .expected(expected)
            .next(next),
        Ok(Some(protection)) => {
            let reviewers = join_names(&protection.reviewers());
            Finding::passed(check).actual(format!("one of {reviewers} has to approve")).expected(expected)
        }
    }
}

fn check_approval(ApprovalRules { environment, .. }: &ApprovalRules, observations: &ApprovalObservations) -> Finding {
    let check = "approval";
    let expected = format!("a person who approved this run for {environment}");
    let Reviews { approved, rejected } = match &observations.reviews {
        Ok(reviews) => reviews,
        Err(error) => return error.for_check(check),
    };
    if !rejected.is_empty() {
        let approved =
            if approved.is_empty() { String::new() } else { format!(", approved by {}", join_names(approved)) };
        return Finding::blocked(check)
            .actual(format!("rejected by {}{approved}", join_names(rejected)))
            .expected(expected)
            .next("ask who rejected it why; a new run asks for a new review");
    }
    if approved.is_empty() {
        return no_approval(observations).expected(expected);
    }
    let actual = format!("approved by {}", join_names(approved));
    if !observations.approving_reviewers().is_empty() {
        Finding::passed(check).actual(actual).expected(expected)
    } else if approved.iter().any(|reviewer| reviewer.person().is_some()) {
        Finding::blocked(check)
            .actual(format!(
                "{actual}, none of its reviewers: the protection was bypassed, or its reviewers have changed since"
            ))
            .expected(expected)
            .next("start it again, and have it approved by a reviewer")
    } else if approved.iter().all(ReviewAuthor::is_bot) {
        Finding::blocked(check).actual(actual).expected(expected).next("let only people be reviewers")
    } else {
        Finding::inconclusive(check).actual(actual).expected(expected).next("start it again, and have it approved")
    }
}

/// The finding for a run without an approval. The job runs all the same, so the protection did not hold it back.
fn no_approval(observations: &ApprovalObservations) -> Finding {
    let finding = Finding::blocked("approval");
    let protected = match &observations.protection {
        Ok(Some(protection)) if !protection.reviewers().is_empty() => protection,
        _ => {
            return finding
                .actual("this run has no approval")
                .next("name an environment with required reviewers in the job's `environment:`, and start it again");
        }
    };
    let finding = finding.actual(
        "this run has no approval, though reviewers are required: its protection was bypassed, or switched on only later",
    );
    match protected.admins_bypass {
        Some(false) => finding.next("start it again, and have it approved"),
        _ => finding.next(
            "start it again, and have it approved; take away the right to bypass (\"Allow administrators to bypass \
             configured protection rules\")",
        ),
    }
}

/// From the second attempt on, the approval may be one of an earlier attempt. Once the evidence is committed, this no longer
/// matters.
fn check_attempt(observations: &ApprovalObservations) -> Option<Finding> {
    let OwnRun { id, attempt, .. } = observations.run;
    if attempt <= 1 {
        return None;
    }
    let finding = Finding::blocked("attempt")
        .actual(format!("attempt {attempt} of run {id}: GitHub does not show which attempt was approved"))
        .expected("the first attempt of a run");
    Some(match &observations.committed {
        Err(error) => error.for_check("attempt"),
        Ok(None) => finding.next("dispatch again: a new run asks for a new review"),
        Ok(Some(commit)) => {
            let passed = Finding::passed("attempt").actual(finding.actual).expected(finding.expected);
            passed.waived(format!("this evidence is committed already, by {commit}"))
        }
    })
}

fn check_independence(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    let check = "independence";
    if !rules.independent {
        let finding = Finding::passed(check).actual("people who had a part in the release may approve it");
        return Some(finding.waived("`independent: false`"));
    }
    let reviewers = observations.approving_reviewers();
    if reviewers.is_empty() {
        return None;
    }
    let expected = "a person who had no part in the release: neither its deployment nor its commits";
    let excluded = match &observations.excluded {
        Ok(excluded) => excluded,
        Err(missing) => {
            let actual =
                format!("the people who had a part in the release are unknown; {}: {}", missing.check, missing.actual);
            return Some(Finding { check: check.to_owned(), actual, ..missing.clone() });
        }
    };
    let eligible = observations.eligible_approvers(rules);
    Some(if eligible.is_empty() {
        Finding::blocked(check)
            .actual(format!("{} had a part in it", join_names(&reviewers)))
            .expected(expected)
            .next("start it again, and have it approved by another person")
    } else {
        Finding::passed(check)
            .actual(format!("{} had no part in it{}", join_names(&eligible), describe_excluded(excluded)))
            .expected(expected)
    })
}

/// `, unlike ada, ben and 5 more`
fn describe_excluded(excluded: &[String]) -> String {
    match excluded {
        [] => String::new(),
        few if few.len() <= MAX_NAMES => format!(", unlike {}", join_names(few)),
        all => format!(", unlike {} and {} more", join_names(&all[..MAX_NAMES]), all.len() - MAX_NAMES),
    }
}

fn check_frequency(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    let ApprovalRules { max_approvals, window, .. } = rules;
    let approver = observations.approver(rules)?;
    let check = format!("approvals within {window}");
    let expected = format!("at most {max_approvals} by one person");
    let started = match (&observations.started, &observations.others) {
        (Ok(started), Ok(_)) => *started,
        (Err(error), _) | (_, Err(error)) => return Some(error.for_check(check)),
    };
    let earlier = observations.earlier_approvals(rules, approver);
    let mut times: Vec<String> =
        earlier.iter().map(|approval| format!("{} ({})", approval.at, approval.target)).collect();
    times.push(format!("{started} (this run)"));
    let omitted = times.len().saturating_sub(MAX_TIMES);
    let more = if omitted == 0 { String::new() } else { format!("{omitted} before, ") };
    let actual = format!("{} by {approver}: {more}{}", times.len(), times[omitted..].join(", "));
    if earlier.len() < *max_approvals {
        return Some(Finding::passed(check).actual(actual).expected(expected));
    }
    // From this moment on, the window has room for one more approval.
    let retry_at = earlier.get(earlier.len() - max_approvals).map(|approval| approval.at);
    let retry_at = retry_at.and_then(|at| at.checked_add(window.0 + Duration::from_secs(1)).ok());
    let retry_at = retry_at.map(|at| format!(", or approved no earlier than {at}")).unwrap_or_default();
    Some(
        Finding::blocked(check).actual(actual).expected(expected).next(format!(
            "start it again, and have it approved by another reviewer who takes the time to look{retry_at}"
        )),
    )
}

#[cfg(test)]
mod tests;
