//! Judges the number of emergencies and of manual image changes.

use super::{
    figures::{AuditFigures, EmergencyPeak, PromotionCounts},
    observations::{AuditObservations, CheckedMerges, CheckedRuns, Coverage, ManualChange, UnprovenPromotion},
    short_image::short_image,
};
use crate::{
    clock::minute,
    finding::{Figures, Finding, Verdict},
    ledger::{LedgerEntry, PromotionKind},
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
    findings.extend(judge_claims(&observations.unproven));
    findings.push(judge_coverage(&observations.coverage));
    findings.extend(judge_runs(&observations.runs));
    findings.extend(judge_independence(observations, figures));
    findings.extend(judge_merges(&observations.merges));
    if figures.counts.ungated > 0 {
        let actual = format!("{} promotions with `require: none`", figures.counts.ungated);
        let finding = Finding::passed("promotions without a report").actual(actual);
        findings.push(finding.waived("recorded in their commits"));
    }
    findings
}

/// `emergency` decides whether the approval of the person who started it is enough; the audit shows how often it was.
fn judge_independence(observations: &AuditObservations, figures: &AuditFigures) -> Option<Finding> {
    let is_self_approved =
        |entry: &&LedgerEntry| entry.promotion.kind == PromotionKind::Emergency && entry.promotion.is_self_approved();
    let LedgerEntry { commit, promotion, .. } = observations.audited_entries().find(is_self_approved)?;
    let login = promotion.approved_by.as_deref().unwrap_or("an unknown person");
    let actual = format!(
        "{} of {} were approved by the person who started them; the last: {commit} by {login}",
        figures.counts.self_approved, figures.counts.emergency
    );
    let finding = Finding::passed("independent emergencies").expected("emergencies that another person approved");
    Some(finding.actual(actual).waived("`emergency` allowed it; its `independent: block` forbids it"))
}

/// The bypasses among them are images changed by hand.
fn judge_merges(CheckedMerges { merged_by, unchecked, why_unchecked }: &CheckedMerges) -> Option<Finding> {
    let counts: Vec<String> = merged_by.iter().map(|(login, count)| format!("{count} merged by {login}")).collect();
    let finding = Finding::passed("merged pull requests").expected("approved commits that no person merged");
    let Some(why) = why_unchecked else {
        return (!counts.is_empty()).then(|| finding.actual(counts.join(", ")));
    };
    let counts: String = counts.iter().map(|count| format!(", {count}")).collect();
    let finding = finding.actual(format!("{unchecked} not checked: {why}{counts}"));
    let next = "run `audit` in the infra repository, and give `token` Contents and Pull requests: read";
    Some(Finding { verdict: Verdict::Inconclusive, ..finding }.next(next))
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

/// Claims change nothing, so they never block: no figure and no other command counts them.
fn judge_claims(claims: &[UnprovenPromotion]) -> Option<Finding> {
    let UnprovenPromotion { commit, author, title, kind, service, environment, image, why, .. } = claims.first()?;
    let actual = format!(
        "{}; the last: {commit} by {author} ({}) claims a promotion ({kind}) of {service} to {environment} with {image}, but {why}",
        claims.len(),
        clip(title, 80),
    );
    let finding = Finding::passed("claims without a promotion").expected("none").actual(actual);
    Some(finding.waived("they are believed by nothing: not counted here, and no base, budget or target of any command"))
}

/// A commit that names a run which did not make it was not made by the workflow, whatever else it says.
fn judge_runs(CheckedRuns { confirmed, refuted, unchecked, why_unchecked }: &CheckedRuns) -> Option<Finding> {
    let finding = Finding::passed("workflow runs").expected("runs that can have made their promotions");
    let unchecked = match why_unchecked {
        Some(why) => format!(", {unchecked} not checked: {why}"),
        None => String::new(),
    };
    match &refuted[..] {
        [] if *confirmed == 0 && unchecked.is_empty() => None,
        [] => Some(finding.actual(format!("{confirmed} confirmed{unchecked}"))),
        [(commit, why), ..] => {
            let actual =
                format!("{} refuted; the last: {commit}: {why}; {confirmed} confirmed{unchecked}", refuted.len());
            let finding = Finding { verdict: Verdict::Blocked, ..finding.actual(actual) };
            Some(finding.next("find out who pushed this commit, as for an image that was changed by hand"))
        }
    }
}

fn judge_coverage(Coverage { files, without }: &Coverage) -> Finding {
    let finding = Finding::passed("audited files").expected("files with image entries");
    match &without[..] {
        [] => finding.actual(files.to_string()),
        [first, ..] => finding.actual(format!("{files}, {} of them without an image entry, as {first}", without.len())),
    }
}

fn judge_manual_changes(changes: &[ManualChange], exceeds: bool, limit: u32) -> Finding {
    let finding = Finding::passed("images changed by hand").expected(match limit {
        0 => "none: every change of an image in the ledger".to_owned(),
        limit => format!("at most {limit}"),
    });
    let Some(last) = changes.first() else { return finding.actual("none") };
    let ManualChange { commit, author, title, service, environment, before, after, unproven, .. } = last;
    let now = Figures::now(changes.len().to_string()).limit(limit.to_string());
    let figures = now.cause(format!("{author} set {service} in {environment} to {}", short_image(after)));
    let recorded = unproven.as_ref().map(|why| format!(", but {why}")).unwrap_or_default();
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
