//! Renders the audit as tables, for people.

use std::time::Duration;

use super::{
    figures::{AuditFigures, DurationStats, PromotionCounts},
    observations::{AuditObservations, ManualChange},
};
use crate::{
    clock::rfc3339,
    ledger::{LedgerEntry, Promotion, PromotionKind},
    report::Table,
    values::HumanDuration,
    world::git::Commit,
};

const UNKNOWN: &str = "unknown";

/// The figures first, then their details. A table without rows is left out.
pub(super) fn tables(observations: &AuditObservations, figures: &AuditFigures, budget: u32) -> Vec<Table> {
    let mut tables = vec![overview(observations, figures, budget)];
    tables.extend([
        services(figures),
        table(
            "Images changed by hand",
            &["When", "Author", "Service", "Environment", "From", "To", "Commit"],
            observations.by_hand.iter().map(manual_change).collect(),
        ),
        table(
            "Emergencies",
            &["When", "Service", "Environment", "Image", "Incident", "Started by", "Approved by", "Commit"],
            rows(observations, PromotionKind::Emergency, emergency),
        ),
        people(figures),
        months(figures),
        table(
            "Rollbacks",
            &["When", "Service", "Environment", "From", "To", "Incident", "Approved by", "Commit"],
            rows(observations, PromotionKind::Rollback, rollback),
        ),
    ]);
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn table(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table::new(title, columns, rows).open()
}

fn overview(observations: &AuditObservations, figures: &AuditFigures, budget: u32) -> Table {
    let PromotionCounts { normal, ungated, emergency, rollback } = figures.counts;
    let stats = |stats: &Option<DurationStats>| {
        stats.as_ref().map_or_else(
            || "–".to_owned(),
            |stats| {
                let DurationStats { count, mean, median, longest } = *stats;
                let [mean, median, longest] = [mean, median, longest].map(duration);
                format!("{mean} on average, median {median}, at most {longest} ({count})")
            },
        )
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("Promotions that passed the gates", normal.to_string()),
        row("of them without a required report", ungated.to_string()),
        row("Emergencies", emergency.to_string()),
    ];
    rows.extend(figures.peaks.iter().map(|(environment, peak)| {
        row(&format!("most of them in 30 days, in {environment}"), format!("{} of {budget}", peak.count))
    }));
    rows.extend([
        row("Rollbacks", rollback.to_string()),
        row("Images changed by hand", observations.by_hand.len().to_string()),
        row("From validation to promotion", stats(&figures.lead_time)),
        row("From a promotion to its rollback", stats(&figures.time_to_rollback)),
    ]);
    let title = format!("From {} to {}", rfc3339(observations.since), rfc3339(observations.until));
    table(&title, &["Figure", "Value"], rows)
}

fn services(figures: &AuditFigures) -> Table {
    let rows = figures.services.iter().flat_map(|(service, environments)| {
        environments.iter().map(move |(environment, counts)| {
            [vec![service.to_string(), environment.to_string()], cells(*counts)].concat()
        })
    });
    table("By service", &["Service", "Environment", "Promotions", "Emergencies", "Rollbacks"], rows.collect())
}

fn people(figures: &AuditFigures) -> Table {
    let rows = figures.approvals.iter().map(|(login, counts)| [vec![person(login)], cells(*counts)].concat());
    table("By approver", &["Approved by", "Promotions", "Emergencies", "Rollbacks"], rows.collect())
}

fn months(figures: &AuditFigures) -> Table {
    let rows = figures.months.iter().map(|(month, counts)| [vec![month.clone()], cells(*counts)].concat());
    let rows: Vec<_> = rows.collect();
    // A single month would repeat the figures.
    let rows = if rows.len() > 1 { rows } else { Vec::new() };
    table("By month", &["Month", "Promotions", "Emergencies", "Rollbacks"], rows)
}

fn cells(PromotionCounts { normal, emergency, rollback, .. }: PromotionCounts) -> Vec<String> {
    [normal, emergency, rollback].map(|count| count.to_string()).into()
}

fn rows(
    observations: &AuditObservations,
    kind: PromotionKind,
    row: fn(&LedgerEntry) -> Vec<String>,
) -> Vec<Vec<String>> {
    observations.audited_entries().filter(|entry| entry.promotion.kind == kind).map(row).collect()
}

fn emergency(entry: &LedgerEntry) -> Vec<String> {
    let Promotion { service, environment, image, incident, triggered_by, approved_by, .. } = &entry.promotion;
    vec![
        rfc3339(entry.committed_at),
        service.to_string(),
        environment.to_string(),
        image.clone(),
        incident.clone().unwrap_or_default(),
        person(triggered_by.as_deref().unwrap_or_default()),
        person(approved_by.as_deref().unwrap_or_default()),
        short(&entry.commit),
    ]
}

fn rollback(entry: &LedgerEntry) -> Vec<String> {
    let Promotion { service, environment, image, previous, incident, approved_by, .. } = &entry.promotion;
    vec![
        rfc3339(entry.committed_at),
        service.to_string(),
        environment.to_string(),
        previous.clone().unwrap_or_default(),
        image.clone(),
        incident.clone().unwrap_or_default(),
        person(approved_by.as_deref().unwrap_or_default()),
        short(&entry.commit),
    ]
}

fn manual_change(change: &ManualChange) -> Vec<String> {
    let ManualChange { commit, at, author, service, environment, before, after, recorded, .. } = change;
    let after = match recorded {
        Some(recorded) => format!("{after} (it records {recorded})"),
        None => after.clone(),
    };
    let (service, environment) = (service.to_string(), environment.to_string());
    vec![rfc3339(*at), author.clone(), service, environment, before.clone(), after, short(commit)]
}

fn person(login: &str) -> String {
    if login.is_empty() { UNKNOWN.to_owned() } else { login.to_owned() }
}

fn short(commit: &Commit) -> String {
    commit.as_str()[..12].to_owned()
}

/// From an hour on without seconds.
fn duration(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let seconds = if seconds >= 3600 { seconds / 60 * 60 } else { seconds };
    HumanDuration(Duration::from_secs(seconds)).to_string()
}
