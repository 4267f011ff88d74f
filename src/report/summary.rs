//! The job summary: a page that a person decides by in ten seconds.
//!
//! It opens with one headline that carries the figure, then says what to do, then shows the checks that did not pass. What
//! passed, the settings and other details are folded.

use std::{io, time::Duration};

use clap::ValueEnum;
use serde_json::Value;

use super::{
    Cell, Report, Table, log,
    markdown::{fold, folded, inline, open},
    tail::Tail,
    trend::chart,
};
use crate::{
    finding::{Finding, Verdict},
    values::{Bytes, HumanDuration, clip},
};

/// The maximum size of a step's summary in bytes. GitHub drops a summary over 1 MiB, and some just below it.
const LIMIT: usize = 1_000_000;
/// How many characters of an observation a row of the open table shows; the folded table has all of it.
const OBSERVATION: usize = 240;
/// How many checks the open table shows; the folded table has all of them.
const OPEN_CHECKS: usize = 10;
/// How many next steps are shown.
const NEXT_STEPS: usize = 3;

/// How much of the report the job summary shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryStyle {
    /// Everything, details folded.
    #[default]
    Full,
    /// The headline, the next step, and the checks that did not pass.
    Short,
    /// Nothing.
    None,
}

/// Writes the report into the step's summary file, in brief where the space is short.
///
/// # Errors
/// When it cannot be written whole.
pub fn put(file: &Tail, report: &Report, style: SummaryStyle) -> io::Result<()> {
    let room = LIMIT.saturating_sub(usize::try_from(file.start).unwrap_or(LIMIT));
    let wanted = match style {
        SummaryStyle::Full => vec![render(report), short(report), brief(report)],
        SummaryStyle::Short => vec![short(report), brief(report)],
        SummaryStyle::None => Vec::new(),
    };
    // Also an empty text replaces what an earlier call wrote.
    file.put(&wanted.into_iter().find(|text| text.len() <= room).unwrap_or_default())
}

/// The whole report as markdown.
#[must_use]
pub fn render(report: &Report) -> String {
    format!("{}{}{}", heading(report, "###"), body(report), settings(report))
}

/// The report without its heading and its settings.
#[must_use]
pub fn body(report: &Report) -> String {
    let next = next_steps(report);
    let mut text = next.clone();
    let (open_tables, folded_tables): (Vec<&Table>, Vec<&Table>) = report.tables.iter().partition(|table| table.open);
    let open_tables: String = open_tables.into_iter().map(open).collect();
    let open_checks = open_checks(report).as_ref().map(open).unwrap_or_default();
    // A page that asks for a decision shows first what is decided; one that reports a failure, what failed.
    let parts = if report.verdict == Verdict::Passed { [open_tables, open_checks] } else { [open_checks, open_tables] };
    text.extend(parts);
    text.extend(report.trend.as_ref().map(chart));
    text.push_str(&effects(report));
    for inner in &report.reports {
        let inner_page = format!("{}{}", status(inner), details(inner));
        text.push_str(&if inner.verdict == Verdict::Passed {
            fold(&format!("{} {}", log::mark(inner.verdict), inline(&inner.headline())), &inner_page)
        } else {
            // A step that was already said above is not repeated.
            render(inner).replacen("### ", "#### ", 1).replacen(&next, "", 1)
        });
    }
    text.push_str(&all_checks(report));
    text.extend(folded_tables.into_iter().map(folded));
    text
}

/// What has to be seen at once.
fn short(report: &Report) -> String {
    format!("{}{}", heading(report, "###"), short_body(report))
}

/// What has to be seen at once, without the heading.
#[must_use]
pub fn short_body(report: &Report) -> String {
    let checks = open_checks(report).as_ref().map(open).unwrap_or_default();
    format!("{}{checks}{}", next_steps(report), effects(report))
}

/// For a summary file that is almost full.
fn brief(report: &Report) -> String {
    heading(report, "###")
}

/// The body of a passed gate of `run`.
fn details(report: &Report) -> String {
    let tables: String = report.tables.iter().map(folded).chain(report.trend.as_ref().map(chart)).collect();
    format!("{}{tables}{}", all_checks(report), settings(report))
}

fn heading(report: &Report, hashes: &str) -> String {
    format!("{hashes} {} {}\n\n{}", log::mark(report.verdict), inline(&report.headline()), status(report))
}

/// The line below the heading. A title that names the release already says what passed.
#[must_use]
pub fn status(report: &Report) -> String {
    let service = report.subject.service.as_ref().map(ToString::to_string);
    let names_release = report.title.as_ref().zip(service).is_some_and(|(title, service)| title.contains(&service));
    if names_release && report.verdict == Verdict::Passed && !report.dry_run {
        return String::new();
    }
    format!("{}\n\n", inline(&report.status()))
}

/// What a person must do, most urgent first.
fn next_steps(report: &Report) -> String {
    let mut steps: Vec<(&str, &str)> = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::Passed) {
        if let Some(next) = finding.next.as_deref().filter(|next| !steps.iter().any(|(_, known)| known == next)) {
            steps.push((&finding.check, next));
        }
    }
    match steps.as_slice() {
        [] => String::new(),
        [(_, next)] => open(&Table::list("Next:", [[*next]])),
        steps => {
            let items = steps.iter().take(NEXT_STEPS).map(|(check, next)| [format!("{check}: {next}")]);
            open(&Table::list("Next:", items))
        }
    }
}

/// The checks that did not pass, and those that passed only by an explanation; of `run`, every gate.
fn open_checks(report: &Report) -> Option<Table> {
    let is_run = !report.reports.is_empty() && !report.is_batch();
    let of_note: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Passed || finding.waived.is_some() || is_run)
        .collect();
    let shown = &of_note[..of_note.len().min(OPEN_CHECKS)];
    let has_figures = shown.iter().any(|finding| finding.figures.is_some());
    let names = if has_figures { ["Now", "Limit", "Baseline"] } else { ["Observed", "Expected", "Baseline"] };
    let rows: Vec<[String; 5]> = shown
        .iter()
        .map(|finding| {
            let explained = finding.waived.as_ref().map(|why| format!("\nexplained: {why}")).unwrap_or_default();
            let baseline = finding.figures.as_ref().and_then(|figures| figures.baseline.clone()).unwrap_or_default();
            let (now, limit) = match &finding.figures {
                Some(figures) => (figures.now.clone(), figures.limit.clone().unwrap_or_default()),
                None => (clip(&finding.actual, OBSERVATION), clip(&finding.expected, OBSERVATION)),
            };
            let icon = log::mark(finding.verdict).to_owned();
            [icon, finding.check.clone(), format!("{now}{explained}"), limit, baseline]
        })
        .collect();
    let used: Vec<usize> = (0..5).filter(|index| rows.iter().any(|row| !row[*index].is_empty())).collect();
    let check = if is_run { "Gate" } else { "Check" };
    let columns: Vec<&str> = used.iter().map(|index| ["", check, names[0], names[1], names[2]][*index]).collect();
    // The figures of a gate are a sentence.
    let all_figures = !is_run && shown.iter().all(|finding| finding.figures.is_some());
    let figures: Vec<usize> = if all_figures { (2..used.len()).collect() } else { Vec::new() };
    let pick = |row: [String; 5]| used.iter().map(move |index| row[*index].clone());
    let table = Table::new("", &columns, rows.into_iter().map(pick)).open();
    (!shown.is_empty()).then(|| table.figures(&figures))
}

/// Every check with all that is known of it, unless the open table has shown that already.
fn all_checks(report: &Report) -> String {
    let findings = &report.findings;
    let is_long = |finding: &Finding| finding.actual.chars().count() > OBSERVATION || finding.figures.is_some();
    let is_shown =
        |finding: &Finding| (finding.verdict != Verdict::Passed || finding.waived.is_some()) && !is_long(finding);
    // The gates of `run` have reports of their own below.
    let in_full = !report.reports.is_empty() || findings.iter().all(is_shown);
    if findings.len() <= OPEN_CHECKS && in_full {
        return String::new();
    }
    let rows = findings.iter().map(|finding| {
        let mut actual = finding.actual.clone();
        if let Some(waived) = &finding.waived {
            actual.push_str(&format!("\nexplained: {waived}"));
        }
        if let Some(next) = &finding.next {
            actual.push_str(&format!("\nnext: {next}"));
        }
        [log::mark(finding.verdict).to_owned(), finding.check.clone(), actual, finding.expected.clone()]
    });
    let table = Table::new(checks_title(findings), &["", "Check", "Observed", "Expected"], rows);
    folded(&table)
}

fn checks_title(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (passed, all) = (count(Verdict::Passed), findings.len());
    match all {
        1 => "The check in full".to_owned(),
        all if passed == all => format!("{} All {all} checks passed", log::mark(Verdict::Passed)),
        _ => {
            let others = [Verdict::Blocked, Verdict::Inconclusive, Verdict::Passed];
            let counts = others.map(|verdict| (count(verdict), verdict)).into_iter().filter(|(count, _)| *count > 0);
            let counts: Vec<String> = counts.map(|(count, verdict)| format!("{count} {verdict}")).collect();
            format!("All {all} checks: {}", counts.join(", "))
        }
    }
}

fn effects(report: &Report) -> String {
    if report.effects.is_empty() {
        return String::new();
    }
    let rows = report
        .effects
        .iter()
        .map(|effect| [effect.target.clone(), effect.detail.clone(), log::effect_word(effect.state).to_owned()]);
    open(&Table::new("", &["Written to", "What", "State"], rows))
}

fn settings(report: &Report) -> String {
    let config = config_file(report);
    if report.settings.is_empty() && config.is_none() {
        return String::new();
    }
    let rows = report.settings.iter().map(|(key, value)| {
        let unit = report.units.get(key).map_or("", String::as_str);
        let text = match value {
            Value::Array(items) => items.iter().map(|item| with_unit(item, unit)).collect::<Vec<_>>().join("\n"),
            value => with_unit(value, unit),
        };
        [Cell::Text(key.clone()), text.into(), report.origins.get(key).cloned().unwrap_or_default().into()]
    });
    folded(&Table::new("Settings in force", &["Setting", "Value", "From"], config.into_iter().chain(rows)))
}

/// The row of the config file, or why there is none.
fn config_file(report: &Report) -> Option<[Cell; 3]> {
    let (value, from) = match (&report.config, &report.no_config) {
        (Some(file), _) => {
            (file.path.clone(), file.commit.as_ref().map(|commit| format!("base commit {commit}")).unwrap_or_default())
        }
        (None, Some(why)) => ("none".to_owned(), why.clone()),
        (None, None) => return None,
    };
    Some([Cell::Text("(config file)".to_owned()), value.into(), from.into()])
}

/// A setting's value for people: `1m30s`, `1.05 MB`, `5 %`; without quotes around a text.
fn with_unit(value: &Value, unit: &str) -> String {
    match (unit, value) {
        ("s", Value::Number(number)) => number
            .as_f64()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map_or_else(|| number.to_string(), |duration| HumanDuration(duration).to_string()),
        ("B", Value::Number(number)) => {
            number.as_u64().map_or_else(|| number.to_string(), |bytes| Bytes(bytes).to_string())
        }
        ("%" | "×", Value::Number(number)) => format!("{number} {unit}"),
        (_, Value::String(text)) => text.clone(),
        (_, value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Figures;

    /// A closed report of a command.
    fn report_of(command: &str, findings: Vec<Finding>) -> Report {
        let mut report = Report::open(command, String::new());
        report.close(Ok(findings.into()), "2026-11-29T15:44:31Z".to_owned());
        report
    }

    #[test]
    fn text_from_outside_adds_no_markup_and_no_cell() {
        let hostile = "</td><script>x</script> a|b `c` **d** [e](http://f) ![g](h) @i #1 $j$\n\n# k\u{1b}[0m";
        let finding = Finding::blocked(hostile).expected(hostile).actual(hostile).next(hostile);
        let text = render(&report_of("health", vec![finding]));
        let row = text.lines().find(|line| line.starts_with("| ⛔")).unwrap();
        assert_eq!(row.matches('|').count(), 5, "{row}");
        assert!(!text.contains("<script") && !text.contains("\n# k") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_summary_stays_below_the_limit_and_near_it_is_brief() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        let long = "x".repeat(5000);
        let report = report_of("smoke", vec![Finding::blocked("path").actual(&long).expected(&long); 150]);
        put(&Tail::of(&path), &report, SummaryStyle::Full).unwrap();
        put(&Tail::of(&path), &report, SummaryStyle::Full).unwrap();
        let size = path.metadata().unwrap().len();
        assert!(size < 1_000_000 && size > 500_000, "{size}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("### ⛔ smoke: path: xxx").count(), 2, "the second one is in brief");
    }

    #[test]
    fn the_style_says_how_much_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let report = Report {
            settings: [("timeout".to_owned(), 90.into())].into(),
            units: [("timeout".to_owned(), "s".to_owned())].into(),
            ..report_of("smoke", vec![Finding::blocked("tests").actual("1 of 2 failed"), Finding::passed("command")])
        };
        let written = |style, name: &str| {
            let path = folder.path().join(name);
            put(&Tail::of(&path), &report, style).unwrap();
            std::fs::read_to_string(&path).unwrap()
        };
        let full = written(SummaryStyle::Full, "full");
        assert!(full.contains("| timeout | 1m30s |") && full.contains("All 2 checks: 1 blocked, 1 passed"), "{full}");
        let short = written(SummaryStyle::Short, "short");
        assert!(short.contains("1 of 2 failed") && !short.contains("<details>"), "{short}");
        assert_eq!(written(SummaryStyle::None, "none"), "");
    }

    #[test]
    fn open_tables_come_first_when_all_checks_passed() {
        let order = |verdict| {
            let table = |title: &str| Table::new(title, &[], [["x"]]);
            let finding = Finding::new("check", verdict).waived("why");
            let report =
                Report { tables: vec![table("details"), table("pack").open()], ..report_of("evidence", vec![finding]) };
            let text = render(&report);
            let mut parts = ["**pack**", " | check |", "<summary>details</summary>"];
            parts.sort_by_key(|part| text.find(part).unwrap());
            parts.map(|part| part.trim_matches(|c: char| !c.is_alphabetic())[..4].to_owned())
        };
        assert_eq!(order(Verdict::Passed), ["pack", "chec", "summ"]);
        assert_eq!(order(Verdict::Blocked), ["chec", "pack", "summ"]);
    }

    #[test]
    fn a_summary_reads_in_ten_seconds() {
        let figures = Figures::now("957 kB (+634 %)").baseline("130 kB").limit("+5 %").cause("`debug-lib.js` +825 kB");
        let finding = Finding::blocked("frontend").expected("at most 136.5 kB").actual("957 kB gzip in 3 files");
        let mut report = report_of(
            "bundle-size",
            vec![
                finding.figures(figures).next("remove it, or raise `max-increase`"),
                Finding::passed("path").actual("3"),
            ],
        );
        report.subject = r#"{"service":"checkout-service","tag":"1.4.2","environment":"staging"}"#.parse().unwrap();
        insta::assert_snapshot!(render(&report), @r"
        ### ⛔ bundle-size: frontend 130 kB → 957 kB (+634&nbsp;%), limit +5&nbsp;%: <code>debug-lib.js</code> +825 kB

        blocked · checkout-service 1.4.2 in staging · 2026-11-29 15:44 UTC

        **Next:** remove it, or raise <code>max-increase</code>

        |  | Check | Now | Limit | Baseline |
        | --- | --- | ---: | ---: | ---: |
        | ⛔ | frontend | 957 kB (+634&nbsp;%) | +5&nbsp;% | 130 kB |

        <details><summary>All 2 checks: 1 blocked, 1 passed</summary>

        |  | Check | Observed | Expected |
        | --- | --- | --- | --- |
        | ⛔ | frontend | 957 kB gzip in 3 files<br>next: remove it, or raise <code>max-increase</code> | at most 136.5 kB |
        | ✅ | path | 3 |  |

        </details>
        ");
        let figures = |now: &str| Figures::now(now).limit("360 ms");
        let report = report_of(
            "performance",
            vec![
                Finding::passed("p99").figures(figures("88 ms")),
                Finding::passed("p50").figures(figures("9 ms")),
                Finding::passed("results"),
            ],
        );
        assert_eq!(
            report.headline(),
            "performance: p99 88 ms, limit 360 ms · p50 9 ms, limit 360 ms · all 3 checks passed"
        );
    }
}
