//! Judges the number of emergencies and of manual image changes.

use super::{
    figures::{AuditFigures, EmergencyPeak},
    observations::{AuditObservations, ManualChange},
};
use crate::{
    finding::{Finding, Verdict},
    values::clip,
};

/// Passes with at most `budget` emergencies of an environment in 30 days, and at most `by_hand` commits that are not in the
/// ledger. Promotions that required no report are allowed, and only reported.
pub(super) fn judge(
    observations: &AuditObservations,
    figures: &AuditFigures,
    budget: u32,
    by_hand: u32,
) -> Vec<Finding> {
    let exceeds = |count: usize, limit: u32| count > usize::try_from(limit).unwrap_or(usize::MAX);
    let mut findings: Vec<Finding> = figures
        .peaks
        .iter()
        .map(|(environment, EmergencyPeak { count, until })| {
            let finding = Finding::passed(format!("emergencies in {environment}"))
                .actual(format!("{count} in the 30 days up to {until}"))
                .expected(format!("at most {budget} in any 30 days"));
            if !exceeds(*count, budget) {
                return finding;
            }
            Finding { verdict: Verdict::Blocked, ..finding }
                .next("the normal flow is too slow or too strict: read the follow-up issues together, and fix why people bypass it")
        })
        .collect();
    if findings.is_empty() {
        findings
            .push(Finding::passed("emergencies").actual("none").expected(format!("at most {budget} in any 30 days")));
    }
    findings.push(judge_manual_changes(&observations.by_hand, exceeds(observations.by_hand.len(), by_hand), by_hand));
    if figures.counts.ungated > 0 {
        let actual = format!("{} promotions with `require: none`", figures.counts.ungated);
        let finding = Finding::passed("promotions without a report").actual(actual);
        findings.push(finding.waived("recorded in their commits"));
    }
    findings
}

fn judge_manual_changes(changes: &[ManualChange], exceeds: bool, limit: u32) -> Finding {
    let finding = Finding::passed("images changed by hand").expected(match limit {
        0 => "none: every change of an image in the ledger".to_owned(),
        limit => format!("at most {limit}"),
    });
    let Some(last) = changes.first() else { return finding.actual("none") };
    let ManualChange { commit, author, title, service, environment, before, after, recorded, .. } = last;
    let recorded = recorded.as_ref().map(|image| format!(", but records {image}")).unwrap_or_default();
    let actual = format!(
        "{}; the last: {commit} by {author} ({}) set {service} in {environment} from {before} to {after}{recorded}",
        changes.len(),
        clip(title, 80),
    );
    if exceeds {
        let next =
            "let only the promoting App push to the branch, and set images by `promote`, `emergency` or `rollback`";
        Finding { verdict: Verdict::Blocked, ..finding.actual(actual).next(next) }
    } else {
        finding.actual(actual).waived(format!("`by-hand: {limit}`"))
    }
}
