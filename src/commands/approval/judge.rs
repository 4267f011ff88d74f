//! Judges the approval: a person approved who is a required reviewer, had no part in the release, and has not approved too
//! many other promotions shortly before; if wanted, not before there was time to read, and with a comment.

mod care;
mod frequency;

use super::{
    observations::{ApprovalObservations, OwnRun},
    rules::ApprovalRules,
    window::{ApprovalWindow, PastApproval},
};
use crate::{
    approvers::{ReviewAuthor, Reviews, join_names},
    finding::{Finding, Verdict, verdict},
    login::is_same_login,
    observe::Judgement,
    supersession::{self, SupersededBy},
};
use care::{check_comment, check_review_time, has_comment};
use frequency::check_frequency;

/// How many excluded people a message lists.
const MAX_NAMES: usize = 5;

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

    /// The approver that the promotion names: the eligible one with the fewest approvals within the window; if a comment is
    /// required, one who wrote a comment.
    #[must_use]
    pub fn approver(&self, rules: &ApprovalRules) -> Option<&str> {
        let lacks_comment = |login: &str| rules.require_comment && !has_comment(self, login);
        let eligible = self.eligible_approvers(rules).into_iter();
        eligible.min_by_key(|login| (lacks_comment(login), self.earlier_approvals(rules, login).len()))
    }

    /// What `login` approved within the window before this job, oldest first.
    fn earlier_approvals(&self, rules: &ApprovalRules, login: &str) -> Vec<PastApproval> {
        let (Ok(own), Ok(others)) = (&self.approval, &self.others) else { return Vec::new() };
        ApprovalWindow::new(self.run.id, *own, rules.window.0).approvals_by(login, others)
    }
}

/// Decided if everything was observed or something blocks. A part that was not observed may be in the next look.
#[must_use]
pub fn judge(rules: &ApprovalRules, observations: &ApprovalObservations) -> Judgement {
    let mut findings = vec![check_protection(rules, observations), check_approval(rules, observations)];
    findings.extend(check_attempt(observations));
    findings.extend(check_supersession(rules, observations));
    findings.extend(check_independence(rules, observations));
    findings.extend(check_frequency(rules, observations));
    findings.extend(check_review_time(rules, observations));
    findings.extend(check_comment(rules, observations));
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
            .actual(match &protection.machines[..] {
                [] => "it has no required reviewers, so GitHub requests no approval".to_owned(),
                machines => format!("its only required reviewers are machines: {}", join_names(machines)),
            })
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
    let Reviews { approved, rejected, .. } = match &observations.reviews {
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
    } else if approved.iter().all(ReviewAuthor::is_no_person) {
        Finding::blocked(check)
            .actual(actual)
            .expected(expected)
            .next("start it again, and have a person approve it; let only people be reviewers")
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

/// From the second attempt on, the approval may be one of an earlier attempt. That does not matter once the evidence is
/// committed, and it is impossible if no other job of this run was ever there to be approved.
fn check_attempt(observations: &ApprovalObservations) -> Option<Finding> {
    let OwnRun { id, attempt, .. } = observations.run;
    if attempt <= 1 {
        return None;
    }
    let expected =
        "an approval of this attempt: the first one of a run, or one before which this job was always skipped";
    Some(match (&observations.committed, &observations.old_approval) {
        (Ok(Some(commit)), _) => Finding::passed("attempt")
            .actual(format!("attempt {attempt} of run {id}: GitHub does not show which attempt was approved"))
            .expected(expected)
            .waived(format!("this evidence is committed already, by {commit}")),
        (Err(error), _) | (_, Err(error)) => error.for_check("attempt"),
        (Ok(None), Ok(None)) => Finding::passed("attempt")
            .actual(format!("attempt {attempt} of run {id}; this job was skipped in every attempt before"))
            .expected(expected),
        (Ok(None), Ok(Some(old))) => Finding::blocked("attempt")
            .actual(format!(
                "attempt {attempt} of run {id}: GitHub does not show which attempt was approved, and {old}"
            ))
            .expected(expected)
            .next(
                "dispatch again: a new run asks for a new review (if `record` started this run, re-run all jobs of the \
                 validation)",
            ),
    })
}

/// A release that `promote` would refuse afterwards, or that a newer one is about to replace, is not worth an approval.
fn check_supersession(rules: &ApprovalRules, observations: &ApprovalObservations) -> Option<Finding> {
    let expected = rules.superseded_by.expected(&rules.target);
    let Some(newer) = &observations.newer else {
        let finding = Finding::inconclusive(supersession::CHECK)
            .actual("no report of a passed `evidence` says when this release was validated")
            .next("give the report of `evidence` in `results`");
        return (rules.superseded_by == SupersededBy::Validation).then(|| finding.expected(expected));
    };
    Some(match newer {
        Ok(None) => Finding::passed(supersession::CHECK).actual(&expected).expected(expected),
        Ok(Some(newer)) => newer.finding().expected(expected),
        Err(error) => error.for_check(supersession::CHECK).expected(expected),
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

#[cfg(test)]
mod tests;
