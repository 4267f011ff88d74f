//! Shows, for people.

use std::time::Duration;

use super::{
    look::{ByHand, Facts},
    tally::{Counts, Tally, Times},
};
use crate::{
    clock::rfc3339,
    ledger::{Entry, Kind},
    report::Table,
    values::HumanDuration,
    world::git::Commit,
};

const NOBODY: &str = "nobody known";

/// The figures first, then what each of them is made of. What has no rows is left out.
pub(super) fn tables(facts: &Facts, tally: &Tally, budget: u32) -> Vec<Table> {
    let mut tables = vec![figures(facts, tally, budget)];
    tables.extend([
        services(tally),
        table(
            "Images changed by hand",
            &["When", "Author", "Service", "Environment", "From", "To", "Commit"],
            facts.by_hand.iter().map(by_hand).collect(),
        ),
        table(
            "Emergencies",
            &["When", "Service", "Environment", "Image", "Incident", "Started by", "Approved by", "Commit"],
            of(facts, Kind::Emergency, emergency),
        ),
        people(tally),
        months(tally),
        table(
            "Rollbacks",
            &["When", "Service", "Environment", "From", "To", "Incident", "Approved by", "Commit"],
            of(facts, Kind::Rollback, rollback),
        ),
    ]);
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn table(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { title: title.to_owned(), open: true, columns: columns.iter().map(ToString::to_string).collect(), rows }
}

fn figures(facts: &Facts, tally: &Tally, budget: u32) -> Table {
    let Counts { normal, ungated, emergency, rollback } = tally.counts;
    let times = |times: &Option<Times>| {
        times.as_ref().map_or_else(
            || "–".to_owned(),
            |times| {
                let Times { count, mean, median, longest } = *times;
                let [mean, median, longest] = [mean, median, longest].map(span);
                format!("{mean} on average, {median} in the middle, at most {longest} ({count})")
            },
        )
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("Promotions through the gates", normal.to_string()),
        row("of them without a required report", ungated.to_string()),
        row("Emergencies", emergency.to_string()),
    ];
    rows.extend(tally.worst.iter().map(|(environment, worst)| {
        row(&format!("most of them in 30 days, in {environment}"), format!("{} of {budget}", worst.count))
    }));
    rows.extend([
        row("Rollbacks", rollback.to_string()),
        row("Images changed by hand", facts.by_hand.len().to_string()),
        row("From validation to promotion", times(&tally.lead_time)),
        row("From a promotion to its rollback", times(&tally.time_to_rollback)),
    ]);
    let title = format!("From {} to {}", rfc3339(facts.since), rfc3339(facts.until));
    table(&title, &["Figure", "Value"], rows)
}

fn services(tally: &Tally) -> Table {
    let rows = tally.services.iter().flat_map(|(service, environments)| {
        environments.iter().map(move |(environment, counts)| {
            [vec![service.to_string(), environment.to_string()], cells(*counts)].concat()
        })
    });
    table("By service", &["Service", "Environment", "Promotions", "Emergencies", "Rollbacks"], rows.collect())
}

fn people(tally: &Tally) -> Table {
    let rows = tally.approvals.iter().map(|(login, counts)| [vec![person(login)], cells(*counts)].concat());
    table("By approver", &["Approved by", "Promotions", "Emergencies", "Rollbacks"], rows.collect())
}

fn months(tally: &Tally) -> Table {
    let rows = tally.months.iter().map(|(month, counts)| [vec![month.clone()], cells(*counts)].concat());
    let rows: Vec<_> = rows.collect();
    // One month says what the figures say.
    let rows = if rows.len() > 1 { rows } else { Vec::new() };
    table("By month", &["Month", "Promotions", "Emergencies", "Rollbacks"], rows)
}

fn cells(Counts { normal, emergency, rollback, .. }: Counts) -> Vec<String> {
    [normal, emergency, rollback].map(|count| count.to_string()).into()
}

fn of(facts: &Facts, kind: Kind, row: fn(&Entry) -> Vec<String>) -> Vec<Vec<String>> {
    facts.shown().filter(|entry| entry.kind == kind).map(row).collect()
}

fn emergency(entry: &Entry) -> Vec<String> {
    let Entry { service, environment, image, incident, triggered_by, approved_by, .. } = entry;
    vec![
        rfc3339(entry.at),
        service.to_string(),
        environment.to_string(),
        image.clone(),
        incident.clone().unwrap_or_default(),
        person(triggered_by.as_deref().unwrap_or_default()),
        person(approved_by.as_deref().unwrap_or_default()),
        short(&entry.commit),
    ]
}

fn rollback(entry: &Entry) -> Vec<String> {
    let Entry { service, environment, image, previous, incident, approved_by, .. } = entry;
    vec![
        rfc3339(entry.at),
        service.to_string(),
        environment.to_string(),
        previous.clone().unwrap_or_default(),
        image.clone(),
        incident.clone().unwrap_or_default(),
        person(approved_by.as_deref().unwrap_or_default()),
        short(&entry.commit),
    ]
}

fn by_hand(change: &ByHand) -> Vec<String> {
    let ByHand { commit, at, author, service, environment, before, after, says, .. } = change;
    let after = match says {
        Some(says) => format!("{after} (it says {says})"),
        None => after.clone(),
    };
    let (service, environment) = (service.to_string(), environment.to_string());
    vec![rfc3339(*at), author.clone(), service, environment, before.clone(), after, short(commit)]
}

fn person(login: &str) -> String {
    if login.is_empty() { NOBODY.to_owned() } else { login.to_owned() }
}

fn short(commit: &Commit) -> String {
    commit.as_str()[..12].to_owned()
}

/// As coarse as anybody reads it: without seconds from an hour on.
fn span(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let seconds = if seconds >= 3600 { seconds / 60 * 60 } else { seconds };
    HumanDuration(Duration::from_secs(seconds)).to_string()
}
