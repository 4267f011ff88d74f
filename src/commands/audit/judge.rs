//! Judges the number of emergencies and of manual image changes.

use super::{
    figures::{AuditFigures, EmergencyPeak, PromotionCounts},
    observations::{AuditObservations, ManualChange},
    short_image::short_image,
};
use crate::{
    clock::minute,
    finding::{Figures, Finding, Verdict},
    values::clip,
};

const TOO_MANY: &str = "the gates are too slow or too strict, or the bypass is too easy: read the follow-up issues together, and \
                        change what made people bypass the gates";

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
                .actual(format!("{count} in the 30 days up to {}", minute(*until)))
                .expected(format!("at most {budget} in any 30 days"));
            let now = Figures::now(format!("{count} in 30 days")).limit(budget.to_string());
            if !exceeds(*count, budget) {
                return finding.figures(now);
            }
            Finding { verdict: Verdict::Blocked, ..finding }
                .figures(now.cause(bypassed(observations, figures)))
                .next(TOO_MANY)
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

/// The title of a passed audit: `audit: 1 of 12 promotions bypassed the gates in 90 days, budget 2 in any 30 days`.
#[must_use]
pub(super) fn title(observations: &AuditObservations, figures: &AuditFigures, budget: u32) -> String {
    let by_hand = match observations.by_hand.len() {
        0 => String::new(),
        1 => " · 1 image changed by hand".to_owned(),
        many => format!(" · {many} images changed by hand"),
    };
    format!("audit: {}, budget {budget} in any 30 days{by_hand}", bypassed(observations, figures))
}

/// `3 of 12 promotions bypassed the gates in 90 days`
fn bypassed(observations: &AuditObservations, figures: &AuditFigures) -> String {
    let PromotionCounts { normal, emergency, .. } = figures.counts;
    let hours = observations.until.duration_since(observations.since).as_hours();
    let days = match (hours + 23) / 24 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    format!("{emergency} of {} promotions bypassed the gates in {days}", normal + emergency)
}

fn judge_manual_changes(changes: &[ManualChange], exceeds: bool, limit: u32) -> Finding {
    let finding = Finding::passed("images changed by hand").expected(match limit {
        0 => "none: every change of an image in the ledger".to_owned(),
        limit => format!("at most {limit}"),
    });
    let Some(last) = changes.first() else { return finding.actual("none") };
    let ManualChange { commit, author, title, service, environment, before, after, recorded, .. } = last;
    let now = Figures::now(changes.len().to_string()).limit(limit.to_string());
    let figures = now.cause(format!("{author} set {service} in {environment} to {}", short_image(after)));
    let recorded = recorded.as_ref().map(|image| format!(", but records {image}")).unwrap_or_default();
    let actual = format!(
        "{}; the last: {commit} by {author} ({}) set {service} in {environment} from {before} to {after}{recorded}",
        changes.len(),
        clip(title, 80),
    );
    if exceeds {
        let next =
            "let only the promoting App push to the branch, and set images by `promote`, `emergency` or `rollback`";
        Finding { verdict: Verdict::Blocked, ..finding.actual(actual).figures(figures).next(next) }
    } else {
        finding.actual(actual).figures(figures).waived(format!("`by-hand: {limit}`"))
    }
}
