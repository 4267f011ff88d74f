//! The table of what was read.

use super::{
    checks::Checks,
    figure::FigureDefinition,
    observations::{AlertSnapshot, Answers, MetricObservations, Sample},
};
use crate::{
    clock::rfc3339,
    report::Table,
    values::{clip, figures::rounded},
};

/// Characters of a query or a reason in a cell.
const CELL_CHARS: usize = 200;

/// One row for each question; `None`: nothing was read.
#[must_use]
pub fn readings(checks: &Checks, definitions: &[FigureDefinition], observations: &MetricObservations) -> Option<Table> {
    let figures = checks.figures.iter().zip(&observations.figures).map(|(question, answers)| {
        let definition = &definitions[question.definition];
        // A baseline has the unit of its figure.
        let figure = definitions.iter().find(|one| !one.is_baseline && one.name == definition.name);
        let unit = figure.unwrap_or(definition).unit;
        let value = |sample: &Sample| (unit.label(&rounded(sample.value.to_f64())), rfc3339(sample.read_at));
        row(definition.label(), &question.text, answers, value)
    });
    let alerts = checks.alerts.iter().zip(&observations.alerts).map(|(matchers, answers)| {
        let value = |snapshot: &AlertSnapshot| {
            (format!("{} firing, {} silenced", snapshot.firing.len(), snapshot.silenced), rfc3339(snapshot.read_at))
        };
        row("alerts".to_owned(), &matchers.to_string(), answers, value)
    });
    let rows: Vec<Vec<String>> = figures.chain(alerts).flatten().collect();
    let columns = ["Figure", "Query", "Last value", "Read at", "Readings", "Failed"];
    (!rows.is_empty()).then(|| Table::new("Readings", &columns, rows).figures(&[2, 4, 5]))
}

fn row<T>(
    name: String,
    query: &str,
    answers: &Answers<T>,
    value: impl Fn(&T) -> (String, String),
) -> Option<Vec<String>> {
    let (shown, at) = match &answers.last {
        None => return None,
        Some((_, Ok(answer))) => value(answer),
        Some((_, Err(unread))) => (clip(&unread.reason, CELL_CHARS), rfc3339(unread.read_at)),
    };
    Some(vec![name, clip(query, CELL_CHARS), shown, at, answers.total.to_string(), answers.failed.to_string()])
}
