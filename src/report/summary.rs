//! The job summary: markdown that a person reads in ten seconds. Text from outside cannot add markup.

use std::io;

use serde_json::Value;

use super::{Report, Table, log, tail::Tail};
use crate::{finding::Verdict, values::clip};

/// The maximum size of a step's summary in bytes. GitHub drops a summary over 1 MiB, and some just below it.
const LIMIT: usize = 1_000_000;
/// The maximum length of a cell in characters.
const CELL: usize = 2000;
/// The maximum number of rows of a table.
const ROWS: usize = 200;

/// Writes the report into the step's summary file, in brief where the space is short.
///
/// # Errors
/// When it cannot be written whole.
pub fn put(file: &Tail, report: &Report) -> io::Result<()> {
    let text = render(report);
    let room = LIMIT.saturating_sub(usize::try_from(file.start).unwrap_or(LIMIT));
    let text = if text.len() <= room { text } else { brief(report) };
    // Also an empty text replaces what an earlier call wrote.
    file.put(if text.len() <= room { &text } else { "" })
}

/// The whole report as markdown.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = heading(report, "###");
    text.push_str(&body(report));
    for inner in &report.reports {
        text.push_str(&heading(inner, "####"));
        text.push_str(&body(inner));
    }
    text
}

/// Heading and reason only, for a summary file that is almost full.
fn brief(report: &Report) -> String {
    format!("{}{}\n\n", heading(report, "###"), escape(&report.reason))
}

fn heading(report: &Report, hashes: &str) -> String {
    let subject =
        if report.subject.is_empty() { String::new() } else { format!(": {}", escape(&report.subject.to_string())) };
    let shadow = if report.dry_run { " (dry-run: counts for nothing)" } else { "" };
    format!(
        "{hashes} {} {} {}{subject}{shadow}\n\n",
        log::mark(report.verdict),
        escape(&report.command),
        report.verdict
    )
}

fn body(report: &Report) -> String {
    let (open, folded): (Vec<&Table>, Vec<&Table>) = report.tables.iter().partition(|table| table.open);
    let open = open.into_iter().map(|table| format!("**{}**\n\n{}", escape(&table.title), cells(table)));
    let open: String = open.collect();
    let first = report.verdict == Verdict::Passed;
    let mut text = if first { open.clone() } else { String::new() };
    if !report.findings.is_empty() {
        let rows = report.findings.iter().map(|finding| {
            let mut actual = finding.actual.clone();
            if let Some(waived) = &finding.waived {
                actual.push_str(&format!("\nexplained: {waived}"));
            }
            if let Some(next) = &finding.next {
                actual.push_str(&format!("\nnext: {next}"));
            }
            let mark = format!("{} {}", log::mark(finding.verdict), finding.verdict);
            vec![finding.check.clone(), mark, finding.expected.clone(), actual]
        });
        text.push_str(&table(&["Check", "Verdict", "Expected", "Seen"], rows.collect()));
    }
    if !first {
        text.push_str(&open);
    }
    if !report.effects.is_empty() {
        let rows = report.effects.iter().map(|effect| {
            vec![effect.target.clone(), effect.detail.clone(), log::effect_word(effect.state).to_owned()]
        });
        text.push_str(&table(&["Written to", "What", "State"], rows.collect()));
    }
    for table in folded {
        text.push_str(&fold(&table.title, &cells(table)));
    }
    if !report.settings.is_empty() {
        let rows = report.settings.iter().map(|(key, value)| {
            let text = match value {
                Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(
                    "
",
                ),
                value => plain(value),
            };
            vec![key.clone(), text, report.origins.get(key).cloned().unwrap_or_default()]
        });
        text.push_str(&fold("Settings in force", &table(&["Setting", "Value", "From"], rows.collect())));
    }
    text
}

/// A JSON value as text, without quotes around a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn fold(title: &str, inner: &str) -> String {
    format!("<details><summary>{}</summary>\n\n{inner}</details>\n\n", escape(title))
}

fn cells(Table { columns, rows, .. }: &Table) -> String {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    table(&columns, rows.clone())
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut columns.iter().map(|column| escape(column)));
    text.push_str(&line(&mut columns.iter().map(|_| "---".to_owned())));
    let left_out = rows.len().saturating_sub(ROWS);
    for row in rows.into_iter().take(ROWS) {
        text.push_str(&line(&mut row.iter().map(|cell| escape(cell))));
    }
    if left_out > 0 {
        text.push_str(&format!("\n{left_out} more are in the report.\n"));
    }
    text.push('\n');
    text
}

/// Escapes text from outside for a table cell or a heading: every character with a meaning in markdown or HTML becomes an
/// entity, a line break becomes `<br>`, other control characters become visible.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in clip(text.trim_end(), CELL).replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\r' => escaped.push_str("<br>"),
            '&' | '<' | '>' | '"' | '\'' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '\\' | '#' | '!' | '$' | '@' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;

    #[test]
    fn text_from_outside_adds_no_markup_and_no_cell() {
        let hostile = "</td><script>x</script> a|b `c` **d** [e](http://f) ![g](h) @i #1 $j$\n\n# k\u{1b}[0m";
        let escaped = escape(hostile);
        for c in ['|', '`', '*', '[', '@', '$', '\n', '\u{1b}'] {
            assert!(!escaped.contains(c), "{c:?} in {escaped}");
        }
        assert!(!escaped.replace("<br>", "").contains('<'), "{escaped}");
        let mut report = Report::open("health", String::new());
        report.close(
            Ok(vec![Finding::blocked(hostile).expected(hostile).actual(hostile).next(hostile)].into()),
            String::new(),
        );
        let text = render(&report);
        let row = text.lines().nth(4).unwrap();
        assert_eq!(row.matches('|').count(), 5, "{row}");
        assert!(!text.contains("<script"), "{text}");
    }

    #[test]
    fn a_summary_stays_below_the_limit_and_near_it_is_brief() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        let mut report = Report::open("smoke", String::new());
        let long = "x".repeat(5000);
        report.close(Ok(vec![Finding::blocked("path").actual(&long).expected(&long); 150].into()), String::new());
        put(&Tail::of(&path), &report).unwrap();
        put(&Tail::of(&path), &report).unwrap();
        let size = path.metadata().unwrap().len();
        assert!(size < 1_000_000 && size > 500_000, "{size}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("### ⛔ smoke blocked").count(), 2, "the second one is in brief");
    }

    #[test]
    fn open_tables_come_first_when_all_checks_passed() {
        let table = |title: &str, open| Table { title: title.to_owned(), open, columns: vec![], rows: vec![] };
        let order = |verdict| {
            let mut report = Report::open("evidence", String::new());
            report.tables = vec![table("details", false), table("pack", true)];
            report.close(Ok(vec![Finding::new("check", verdict)].into()), String::new());
            let text = render(&report);
            let mut parts = ["**pack**", "| check |", "<summary>details</summary>"];
            parts.sort_by_key(|part| text.find(part).unwrap());
            parts.map(|part| part.trim_matches(|c: char| !c.is_alphabetic())[..4].to_owned())
        };
        assert_eq!(order(Verdict::Passed), ["pack", "chec", "summ"]);
        assert_eq!(order(Verdict::Blocked), ["chec", "pack", "summ"]);
    }

    #[test]
    fn a_summary_reads_in_ten_seconds() {
        let mut report = Report::open("performance", String::new());
        report.subject = r#"{"service":"checkout-service","tag":"1.4.2","environment":"staging"}"#.parse().unwrap();
        report.close(
            Ok(vec![Finding::blocked("p99 latency").expected("at most 120 (1.2 × 100)").actual("130")].into()),
            String::new(),
        );
        insta::assert_snapshot!(render(&report), @r"
        ### ⛔ performance blocked: checkout-service 1.4.2 in staging

        | Check | Verdict | Expected | Seen |
        | --- | --- | --- | --- |
        | p99 latency | ⛔ blocked | at most 120 (1.2 × 100) | 130 |
        ");
    }
}
