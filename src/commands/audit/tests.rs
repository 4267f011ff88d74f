//! Figures, verdicts and tables of an audit, by cases.

use std::collections::BTreeMap;

use super::{
    observations::{AuditObservations, CheckedMerges, CheckedRuns, Coverage, ManualChange},
    *,
};
use crate::{
    config::services::Services,
    finding::Verdict,
    kustomization::DEFAULT_OVERLAY,
    ledger::{
        LedgerEntry,
        tests::{commit_with_trailers, entry_of},
    },
    report::Cell,
    world::git::CommitSummary,
};

const NOW: &str = "2026-03-31T12:00:00Z";

fn ago(days: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() - SignedDuration::from_hours(24 * days)
}

/// An entry of this many days ago.
fn entry(id: char, days: i64, kind: &str, more: &[(&str, &str)]) -> LedgerEntry {
    let least =
        [("Service", "checkout-service"), ("Environment", "production"), ("Image", "a:1"), ("Promotion-kind", kind)];
    entry_of(&CommitSummary { at: ago(days), ..commit_with_trailers(id, &[more, &least].concat()) }).unwrap()
}

/// The entries of the last 60 days.
fn observations(entries: Vec<LedgerEntry>) -> AuditObservations {
    AuditObservations {
        since: ago(60),
        until: ago(0),
        entries,
        by_hand: vec![],
        unproven: vec![],
        coverage: Coverage { files: 1, without: vec![] },
        runs: CheckedRuns::default(),
        merges: CheckedMerges::default(),
        validations: None,
    }
}

fn manual_change() -> ManualChange {
    ManualChange {
        commit: "9".repeat(40).parse().unwrap(),
        at: ago(1),
        author: "mallory".to_owned(),
        title: "quick fix".to_owned(),
        service: "checkout-service".parse().unwrap(),
        environment: "production".parse().unwrap(),
        before: "a:1".to_owned(),
        after: "a:2".to_owned(),
        recorded: None,
        unproven: None,
    }
}

fn verdicts(observed: &AuditObservations, budget: u32, limit: u32) -> Vec<(Verdict, bool)> {
    let findings = judge(observed, &AuditFigures::count(observed), budget, limit);
    let judged = findings.iter().filter(|finding| finding.check != "audited files");
    judged.map(|finding| (finding.verdict, finding.waived.is_some())).collect()
}

const PASSED: (Verdict, bool) = (Verdict::Passed, false);
const WAIVED: (Verdict, bool) = (Verdict::Passed, true);
const BLOCKED: (Verdict, bool) = (Verdict::Blocked, false);

#[test]
fn emergencies_count_in_any_thirty_days_of_one_environment() {
    let at = |days: &[i64]| observations(days.iter().map(|days| entry('1', *days, "emergency", &[])).collect());
    for (days, budget, verdict) in [
        (&[][..], 0, PASSED),
        (&[1], 0, BLOCKED),
        (&[1, 20, 50], 2, PASSED),
        (&[20, 30, 49], 2, BLOCKED),
        // Thirty days later, another period begins.
        (&[20, 30, 50], 2, PASSED),
        (&[1, 1, 1], 3, PASSED),
    ] {
        assert_eq!(verdicts(&at(days), budget, 0), [verdict, PASSED], "{days:?} {budget}");
    }
    let mut two = at(&[1, 2, 3]);
    two.entries[1].promotion.environment = "staging".parse().unwrap();
    assert_eq!(verdicts(&two, 2, 0), [PASSED; 3]);
    assert_eq!(verdicts(&two, 1, 0), [BLOCKED, PASSED, PASSED]);
}

#[test]
fn emergencies_before_the_period_count_for_the_budget_only() {
    let early = AuditObservations {
        since: ago(7),
        ..observations(vec![entry('1', 1, "emergency", &[]), entry('2', 20, "emergency", &[])])
    };
    let figures = AuditFigures::count(&early);
    assert_eq!((figures.counts.emergency, figures.peaks.values().next().unwrap().count), (1, 2));
}

#[test]
fn manual_changes_block_beyond_their_limit() {
    let one = AuditObservations { by_hand: vec![manual_change()], ..observations(vec![]) };
    assert_eq!(verdicts(&one, 2, 0), [PASSED, BLOCKED]);
    assert_eq!(verdicts(&one, 2, 1), [PASSED, WAIVED]);
    let message = judge(&one, &AuditFigures::count(&one), 2, 0)[1].to_string();
    for part in ["mallory", "quick fix", "from a:1 to a:2", "9999"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_refuted_workflow_run_blocks_and_an_unchecked_one_is_named() {
    let with = |runs| AuditObservations { runs, ..observations(vec![]) };
    let runs = |refuted: &[char], confirmed, unchecked| CheckedRuns {
        confirmed,
        refuted: refuted.iter().map(|id| (id.to_string().repeat(40).parse().unwrap(), "no run 5".to_owned())).collect(),
        unchecked,
        why_unchecked: (unchecked > 0).then(|| "`token` is not given".to_owned()),
    };
    for (runs, expected) in [
        (runs(&[], 0, 0), &[PASSED, PASSED][..]),
        (runs(&[], 3, 0), &[PASSED; 3]),
        (runs(&[], 0, 2), &[PASSED; 3]),
        (runs(&['1'], 3, 2), &[PASSED, PASSED, BLOCKED]),
    ] {
        assert_eq!(verdicts(&with(runs.clone()), 2, 0), expected, "{runs:?}");
    }
    let unchecked = with(runs(&[], 0, 2));
    let messages = judge(&unchecked, &AuditFigures::count(&unchecked), 2, 0);
    assert!(messages.iter().any(|finding| finding.actual == "0 confirmed, 2 not checked: `token` is not given"));
}

#[test]
fn every_promotion_is_counted_once_in_each_figure() {
    let promoted = "1".repeat(40);
    let observed = observations(vec![
        entry('5', 1, "rollback", &[("Rolls-back", &promoted), ("Approved-by", "carol")]),
        entry('4', 2, "emergency", &[("Triggered-by", "alice"), ("Approved-by", "bob")]),
        entry('3', 3, "normal", &[("Required", "none")]),
        entry('2', 40, "normal", &[("Validated-at", "2026-02-19T11:00:00Z"), ("Approved-by", "bob")]),
        entry('1', 50, "normal", &[("Validated-at", "2026-02-09T08:59:00Z"), ("Approved-by", "bob")]),
        // Before the period.
        entry('0', 70, "normal", &[]),
    ]);
    let figures = AuditFigures::count(&observed);
    let counts = |normal, ungated, emergency, rollback| figures::PromotionCounts {
        normal,
        ungated,
        emergency,
        self_approved: 0,
        rollback,
    };
    assert_eq!(figures.counts, counts(3, 1, 1, 1));
    let months: Vec<_> = figures.months.iter().map(|(month, counts)| (month.as_str(), *counts)).collect();
    assert_eq!(months, [("2026-02", counts(2, 0, 0, 0)), ("2026-03", counts(1, 1, 1, 1))]);
    let people: Vec<_> = figures.approvals.iter().map(|(login, counts)| (login.as_str(), *counts)).collect();
    assert_eq!(people, [("", counts(1, 1, 0, 0)), ("bob", counts(2, 0, 1, 0)), ("carol", counts(0, 0, 0, 1))]);
    assert_eq!(figures.started.iter().next().unwrap(), (&"alice".to_owned(), &1));
    let lead = figures.lead_time.unwrap();
    assert_eq!((lead.count, lead.median, lead.longest, lead.mean), (2, 3600, 10860, 7230));
    assert_eq!(figures.time_to_rollback.unwrap().mean, 49 * 86_400);
    assert_eq!(verdicts(&observed, 2, 0), [PASSED, PASSED, WAIVED]);
}

#[test]
fn tables_without_rows_are_left_out_and_hostile_text_is_kept_raw() {
    let titles = |observed: &AuditObservations| -> Vec<String> {
        tables(observed, &AuditFigures::count(observed), 2, None).into_iter().map(|table| table.title).collect()
    };
    let none = titles(&observations(vec![]));
    assert!(none.len() == 1 && none[0] == "From 2026-01-30 to 2026-03-31", "{none:?}");
    let hostile = observations(vec![entry('1', 1, "emergency", &[("Approved-by", "<b>|x")])]);
    let tables = tables(&hostile, &AuditFigures::count(&hostile), 2, None);
    assert!(tables[0].rows.contains(&vec!["most of them in 30 days, in production".into(), "1 of 2".into()]));
    let emergencies = tables.iter().find(|table| table.title == "Emergencies").unwrap();
    assert!(emergencies.rows[0].contains(&"unknown, <b>|x".into()), "only a sink escapes");
    for table in &tables {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
    }
}

#[test]
fn the_headline_has_the_share_of_bypasses_and_the_budget() {
    let kinds = ["normal", "emergency", "emergency", "normal", "emergency", "rollback"];
    let observed = observations(kinds.iter().map(|kind| entry('1', 1, kind, &[])).collect());
    let findings = judge(&observed, &AuditFigures::count(&observed), 2, 0);
    assert_eq!(
        findings[0].headline(),
        "emergencies in production 3 in 30 days, limit 2: 3 of 5 promotions bypassed the gates in 60 days"
    );
    assert!(findings[0].next.as_ref().is_some_and(|next| next.contains("change what made people bypass the gates")));
    let by_hand = AuditObservations { by_hand: vec![manual_change()], ..observed };
    let figures = AuditFigures::count(&by_hand);
    assert_eq!(
        judge(&by_hand, &figures, 3, 0)[1].headline(),
        "images changed by hand 1, limit 0: mallory set checkout-service in production to a:2"
    );
    assert_eq!(
        title(&by_hand, &figures, 3),
        "audit: 3 of 5 promotions bypassed the gates in 60 days, budget 3 in any 30 days · 1 image changed by hand"
    );
}

#[test]
fn commits_are_short_and_linked_where_the_repository_is_known() {
    let observed =
        AuditObservations { by_hand: vec![manual_change()], ..observations(vec![entry('1', 1, "emergency", &[])]) };
    let page = "https://github.com/acme/infra";
    let figures = AuditFigures::count(&observed);
    let cells = |page| {
        tables(&observed, &figures, 2, page)[1..3]
            .iter()
            .map(|table| table.rows[0].last().cloned().unwrap())
            .collect::<Vec<_>>()
    };
    let url = |digit: &str| format!("{page}/commit/{}", digit.repeat(40));
    assert_eq!(cells(Some(page)), [Cell::link("9999999", url("9")), Cell::link("1111111", url("1"))]);
    assert_eq!(cells(None), [Cell::from("9999999"), Cell::from("1111111")]);
}

#[test]
fn since_is_a_number_of_days_or_a_date() {
    let since = |text: &str| text.parse::<Since>().ok().and_then(|since| since.start(ago(0)));
    assert_eq!(since("30d"), Some(ago(30)));
    assert_eq!(since("2026-03-30"), "2026-03-30T00:00:00Z".parse().ok());
    for bad in [
        "",
        "d",
        "0d",
        "+1d",
        "3661d",
        "30",
        "30 d",
        "1h",
        "2026-3-1",
        "2026-02-30",
        "2026-03-30T00:00:00Z",
        "20260330",
    ] {
        assert_eq!(bad.parse::<Since>().ok(), None, "{bad:?}");
    }
}

#[test]
fn a_layout_finds_the_service_and_environment_of_a_file() {
    let layout = |pattern: &str, subject: &str| {
        let files = ImageLayout::new(pattern, &Services::new()).unwrap();
        let layout = OverlayLayout::new(files, None, &subject.parse().unwrap());
        layout.check_owners().map(|()| layout)
    };
    let usual = layout(DEFAULT_OVERLAY, "{}").unwrap();
    let owner = |layout: &OverlayLayout, path: &str| {
        let owners = layout.owners(path);
        owners.first().map(|owner| format!("{} in {}", owner.service, owner.environment))
    };
    let path = "apps/checkout-service/overlays/production/kustomization.yaml";
    assert_eq!(owner(&usual, path).as_deref(), Some("checkout-service in production"));
    for other in [
        "apps/checkout-service/base/kustomization.yaml",
        "apps/checkout-service/overlays/production/kustomizationXyaml",
        "x/apps/checkout-service/overlays/production/kustomization.yaml",
        "apps/a/b/overlays/production/kustomization.yaml",
        "apps/Checkout/overlays/production/kustomization.yaml",
        "apps/\"x\"/overlays/production/kustomization.yaml",
    ] {
        assert_eq!(owner(&usual, other), None, "{other}");
    }
    let narrow = layout(DEFAULT_OVERLAY, r#"{"service":"checkout-service","environment":"staging"}"#).unwrap();
    assert_eq!(owner(&narrow, path), None);
    let twice = layout("{service}/[x]/{environment}/{service}.yaml", "{}").unwrap();
    assert_eq!(owner(&twice, "a/[x]/b/a.yaml").as_deref(), Some("a in b"));
    assert_eq!(owner(&twice, "a/[x]/b/c.yaml"), None);
    let single = layout("{service}.yaml", r#"{"environment":"production"}"#).unwrap();
    assert_eq!(owner(&single, "a.yaml").as_deref(), Some("a in production"));
    for (pattern, part) in [("{service}.yaml", "{environment}"), ("x/{environment}.yaml", "{service}")] {
        assert!(layout(pattern, "{}").unwrap_err().to_string().contains(part));
    }
}

#[test]
fn merges_that_were_not_checked_are_inconclusive() {
    let of = |merges: CheckedMerges| {
        let observed = AuditObservations { merges, ..observations(vec![]) };
        let findings = judge(&observed, &AuditFigures::count(&observed), 2, 0);
        let found = findings.into_iter().find(|finding| finding.check == "merged pull requests");
        found.map(|finding| (finding.verdict, finding.actual))
    };
    assert_eq!(of(CheckedMerges::default()), None);
    let merged_by: BTreeMap<String, usize> = [("github-actions[bot]".to_owned(), 3)].into();
    let merged = CheckedMerges { merged_by, ..CheckedMerges::default() };
    assert_eq!(of(merged.clone()), Some((Verdict::Passed, "3 merged by github-actions[bot]".to_owned())));
    let unchecked = CheckedMerges { unchecked: 2, why_unchecked: Some("no answer".to_owned()), ..merged };
    let actual = "2 not checked: no answer, 3 merged by github-actions[bot]".to_owned();
    assert_eq!(of(unchecked), Some((Verdict::Inconclusive, actual)));
}
