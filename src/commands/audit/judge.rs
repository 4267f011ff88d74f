//! Decides.

use super::{
    look::{ByHand, Facts},
    tally::{Tally, Worst},
};
use crate::{
    finding::{Finding, Verdict},
    values::clip,
};

/// At most `budget` emergencies of an environment in 30 days, and `by_hand` commits beside the ledger. What was asked for no
/// report was allowed to be, and is told.
pub(super) fn judge(facts: &Facts, tally: &Tally, budget: u32, by_hand: u32) -> Vec<Finding> {
    let over = |count: usize, limit: u32| count > usize::try_from(limit).unwrap_or(usize::MAX);
    let mut findings: Vec<Finding> = tally
        .worst
        .iter()
        .map(|(environment, Worst { count, until })| {
            let finding = Finding::passed(format!("emergencies in {environment}"))
                .actual(format!("{count} in the 30 days up to {until}"))
                .expected(format!("at most {budget} in any 30 days"));
            if !over(*count, budget) {
                return finding;
            }
            Finding { verdict: Verdict::Blocked, ..finding }
                .next("the normal flow is too slow or too strict: read the follow-ups together, and mend what makes people go around it")
        })
        .collect();
    if findings.is_empty() {
        findings
            .push(Finding::passed("emergencies").actual("none").expected(format!("at most {budget} in any 30 days")));
    }
    findings.push(beside(&facts.by_hand, over(facts.by_hand.len(), by_hand), by_hand));
    if tally.counts.ungated > 0 {
        let told = format!("{} promotions with `require: none`", tally.counts.ungated);
        findings.push(Finding::passed("promotions without a report").actual(told).waived("their commits say so"));
    }
    findings
}

fn beside(all: &[ByHand], over: bool, limit: u32) -> Finding {
    let finding = Finding::passed("images changed by hand").expected(match limit {
        0 => "none: every change of an image in the ledger".to_owned(),
        limit => format!("at most {limit}"),
    });
    let Some(last) = all.first() else { return finding.actual("none") };
    let ByHand { commit, author, title, service, environment, before, after, says, .. } = last;
    let says = says.as_ref().map(|image| format!(", and says {image}")).unwrap_or_default();
    let told = format!(
        "{}; the last: {commit} by {author} ({}) set {service} in {environment} from {before} to {after}{says}",
        all.len(),
        clip(title, 80),
    );
    if over {
        let next =
            "let only the App that promotes push to the branch, and set images by `promote`, `emergency` or `rollback`";
        Finding { verdict: Verdict::Blocked, ..finding.actual(told).next(next) }
    } else {
        finding.actual(told).waived(format!("`by-hand: {limit}`"))
    }
}
