//! Renders the audit as tables, for people.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    figures::{AuditFigures, DurationStats, PromotionCounts},
    observations::{AuditObservations, ManualChange, UnprovenPromotion},
    short_image::{short_change, short_image},
    validations::UnpromotedRelease,
};
use crate::{
    ledger::{LedgerEntry, Promotion, PromotionKind},
    report::{Cell, Table},
    subject::Service,
    values::HumanDuration,
    world::git::Commit,
};

const UNKNOWN: &str = "unknown";
/// Characters of a commit that are shown.
const SHORT_COMMIT: usize = 7;
/// How many unproven claims, and how many releases that were not promoted, are shown. The JSON file has all of them.
const MAX_CLAIMS: usize = 20;

/// The totals first, then what bypassed the gates; counts are folded. A table without rows is left out. `page`: that of the
/// repository on GitHub.
pub(super) fn tables(
    observations: &AuditObservations,
    figures: &AuditFigures,
    budget: u32,
    page: Option<&str>,
) -> Vec<Table> {
    let mut tables = vec![totals(observations, figures, budget)];
    let of_kind =
        |kind: PromotionKind| observations.audited_entries().filter(move |entry| entry.promotion.kind == kind);
    tables.extend([
        Table::new(
            "Images changed by hand",
            &["Date", "Change", "Author", "Commit"],
            observations.by_hand.iter().map(|change| manual_change(change, page)),
        )
        .open(),
        Table::new(
            claims_title(observations.unproven.len()),
            &["Date", "Claim", "But", "Author", "Commit"],
            observations.unproven.iter().take(MAX_CLAIMS).map(|claim| unproven(claim, page)),
        ),
        Table::new(
            "Emergencies",
            &["Date", "Image", "Incident", "Started and approved by", "Commit"],
            of_kind(PromotionKind::Emergency).map(|entry| emergency(entry, page)),
        )
        .open(),
        Table::new(
            "Rollbacks",
            &["Date", "Change", "Incident", "Approved by", "Commit"],
            of_kind(PromotionKind::Rollback).map(|entry| rollback(entry, page)),
        )
        .open(),
        unpromoted(observations),
        services(figures),
        people(figures),
        months(figures),
    ]);
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn totals(observations: &AuditObservations, figures: &AuditFigures, budget: u32) -> Table {
    let PromotionCounts { normal, ungated, emergency, self_approved, rollback } = figures.counts;
    let row = |name: &str, count: usize| vec![name.to_owned(), count.to_string()];
    let mut rows = vec![row("Promotions through the gates", normal)];
    if ungated > 0 {
        rows.push(row("of them without a required report", ungated));
    }
    rows.push(row("Emergencies, which bypassed the gates", emergency));
    if self_approved > 0 {
        rows.push(row("of them approved by the person who started them", self_approved));
    }
    rows.extend(figures.peaks.iter().map(|(environment, peak)| {
        vec![format!("most of them in 30 days, in {environment}"), format!("{} of {budget}", peak.count)]
    }));
    rows.extend([row("Rollbacks", rollback), row("Images changed by hand", observations.by_hand.len())]);
    let stats = [("From validation to promotion", &figures.lead_time), ("Until a rollback", &figures.time_to_rollback)];
    rows.extend(stats.into_iter().filter_map(|(name, stats)| {
        let DurationStats { median, longest, .. } = *stats.as_ref()?;
        let [median, longest] = [median, longest].map(duration);
        Some(vec![name.to_owned(), format!("median {median}, longest {longest}")])
    }));
    let title = format!("From {} to {}", date(observations.since), date(observations.until));
    Table::new(title, &["", "Total"], rows).figures(&[1]).open()
}

/// What was validated and not promoted: what waits comes first.
fn unpromoted(observations: &AuditObservations) -> Table {
    let found = observations.validations.as_ref().and_then(|validations| validations.as_ref().ok());
    let mut releases: Vec<&UnpromotedRelease> = found.map(|found| found.all.iter().collect()).unwrap_or_default();
    releases.sort_by_key(|release| release.ended.is_some());
    let row = |release: &UnpromotedRelease| {
        let state = release.ended.as_deref().map_or_else(|| "waits".to_owned(), |ended| format!("ended as {ended}"));
        let since = release.promoted_since.as_deref().map(short_image).unwrap_or_default();
        let run = Cell::link(release.run.to_string(), release.url.clone());
        [date(release.at).into(), release.name().into(), state.into(), since.into(), run]
    };
    let columns = ["Date", "Release", "Its run", "Promoted since", "Run"];
    Table::new("Validated and not promoted", &columns, releases.into_iter().take(MAX_CLAIMS).map(row)).open()
}

fn services(figures: &AuditFigures) -> Table {
    let rows = figures.services.iter().flat_map(|(service, environments)| {
        environments.iter().map(move |(environment, counts)| {
            [vec![service.to_string(), environment.to_string()], cells(*counts)].concat()
        })
    });
    let columns = ["Service", "Environment", "Promotions", "Emergencies", "Rollbacks"];
    Table::new("By service", &columns, rows).figures(&[2, 3, 4])
}

fn people(figures: &AuditFigures) -> Table {
    let rows = figures.approvals.iter().map(|(login, counts)| [vec![person(Some(login))], cells(*counts)].concat());
    Table::new("By approver", &["Approved by", "Promotions", "Emergencies", "Rollbacks"], rows).figures(&[1, 2, 3])
}

fn months(figures: &AuditFigures) -> Table {
    let rows = figures.months.iter().map(|(month, counts)| [vec![month.clone()], cells(*counts)].concat());
    let rows: Vec<_> = rows.collect();
    // A single month would repeat the totals.
    let rows = if rows.len() > 1 { rows } else { Vec::new() };
    Table::new("By month", &["Month", "Promotions", "Emergencies", "Rollbacks"], rows).figures(&[1, 2, 3])
}

fn cells(PromotionCounts { normal, emergency, rollback, .. }: PromotionCounts) -> Vec<String> {
    [normal, emergency, rollback].map(|count| count.to_string()).into()
}

fn emergency(entry: &LedgerEntry, page: Option<&str>) -> Vec<Cell> {
    let Promotion { service, environment, image, incident, triggered_by, approved_by, .. } = &entry.promotion;
    vec![
        date(entry.committed_at).into(),
        format!("{} in {environment}", of_service(service, short_image(image))).into(),
        incident.clone().unwrap_or_default().into(),
        if entry.promotion.is_self_approved() {
            format!("{}, not independent", person(approved_by.as_deref())).into()
        } else {
            format!("{}, {}", person(triggered_by.as_deref()), person(approved_by.as_deref())).into()
        },
        link(&entry.commit, page),
    ]
}

fn rollback(entry: &LedgerEntry, page: Option<&str>) -> Vec<Cell> {
    let Promotion { service, environment, image, previous, incident, approved_by, .. } = &entry.promotion;
    let change = short_change(previous.as_deref().unwrap_or(UNKNOWN), image);
    vec![
        date(entry.committed_at).into(),
        format!("{} in {environment}", of_service(service, change)).into(),
        incident.clone().unwrap_or_default().into(),
        person(approved_by.as_deref()).into(),
        link(&entry.commit, page),
    ]
}

fn manual_change(change: &ManualChange, page: Option<&str>) -> Vec<Cell> {
    let ManualChange { commit, at, author, service, environment, before, after, recorded, unproven, .. } = change;
    let mut text = format!("{} in {environment}", of_service(service, short_change(before, after)));
    if let (Some(recorded), Some(why)) = (recorded, unproven) {
        // Most often another image: short, as all images here.
        let why = if *why == format!("it records {recorded}") {
            format!("it records {}", short_image(recorded))
        } else {
            why.clone()
        };
        text.push_str(&format!(" ({why})"));
    }
    vec![date(*at).into(), text.into(), author.clone().into(), link(commit, page)]
}

fn claims_title(count: usize) -> String {
    let title = "Claimed by a message, not made by the commit";
    if count > MAX_CLAIMS { format!("{title}: the last {MAX_CLAIMS} of {count}") } else { title.to_owned() }
}

fn unproven(claim: &UnprovenPromotion, page: Option<&str>) -> Vec<Cell> {
    let UnprovenPromotion { commit, at, author, kind, service, environment, image, why, .. } = claim;
    vec![
        date(*at).into(),
        format!("{kind}: {} in {environment}", of_service(service, short_image(image))).into(),
        why.clone().into(),
        author.clone().into(),
        link(commit, page),
    ]
}

/// Images mostly have the name of their service; others are shown behind it.
fn of_service(service: &Service, images: String) -> String {
    let is_named = images.strip_prefix(service.as_str()).is_some_and(|rest| rest.starts_with([':', ' ', '@']));
    if is_named { images } else { format!("{service}: {images}") }
}

fn person(login: Option<&str>) -> String {
    login.filter(|login| !login.is_empty()).unwrap_or(UNKNOWN).to_owned()
}

/// `2026-11-29`
fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn link(commit: &Commit, page: Option<&str>) -> Cell {
    Cell::maybe_link(&commit.as_str()[..SHORT_COMMIT], page.map(|page| format!("{page}/commit/{commit}")))
}

/// From an hour on without seconds.
fn duration(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let seconds = if seconds >= 3600 { seconds / 60 * 60 } else { seconds };
    HumanDuration(Duration::from_secs(seconds)).to_string()
}
