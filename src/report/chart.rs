//! A chart of a bundle's growth as text: bars of block characters in a code block. Every renderer of markdown shows it, also that
//! of a mail; and no name in it becomes markup.

use super::{Report, Table};
use crate::values::{Bytes, clip};

/// The length of the longest bar in characters.
const LONGEST: u64 = 30;
/// How many packages or files are shown.
const ENTRIES: usize = 5;
/// The maximum length of a name in characters.
const NAME: usize = 32;

/// The size before and now, and what grew most. `None` if the report has no sizes.
#[must_use]
pub fn growth_chart(report: &Report) -> Option<String> {
    let size = |name: &str| report.outputs.get(name)?.parse::<u64>().ok();
    let (before, now) = (size("baseline-size")?, size("size")?);
    let sizes = [("before".to_owned(), before), ("now".to_owned(), now)];
    let sizes = bars(&sizes, |bytes| Bytes(bytes).to_string());
    let entries = grown(report);
    let entries = bars(&entries, |bytes| format!("+{}", Bytes(bytes)));
    let gap = if entries.is_empty() { "" } else { "\n" };
    Some(format!("```text\n{sizes}{gap}{entries}```\n\n"))
}

/// The packages that grew, or else the files.
fn grown(report: &Report) -> Vec<(String, u64)> {
    let of = |first: &str| report.tables.iter().find(|table| table.columns.first().is_some_and(|name| name == first));
    let Some(table) = of("Package").or_else(|| of("File")) else { return Vec::new() };
    let mut entries: Vec<(String, u64)> = rows(table).collect();
    entries.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    entries.truncate(ENTRIES);
    entries
}

/// The names of a table with their growth, without those that did not grow.
fn rows(table: &Table) -> impl Iterator<Item = (String, u64)> {
    let growth = table.columns.iter().position(|column| column == "Growth");
    table.rows.iter().filter_map(move |row| {
        let text = row.get(growth?)?.text();
        let Bytes(bytes) = text.strip_prefix('+')?.parse::<Bytes>().ok().filter(|bytes| *bytes > Bytes(0))?;
        Some((plain(row.first()?.text()), bytes))
    })
}

/// A name for a code block: without characters that could end it or that show nothing.
fn plain(name: &str) -> String {
    let shown = |c: char| c.is_alphanumeric() || "@/._-[]()+~ ".contains(c);
    let name: String = name.trim_matches('`').chars().map(|c| if shown(c) { c } else { '?' }).collect();
    clip(&name, NAME)
}

/// One line for each entry: name, bar, number.
fn bars(entries: &[(String, u64)], show: impl Fn(u64) -> String) -> String {
    let most = entries.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default().max(1);
    let width = entries.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(name, bytes): &(String, u64)| {
        let length = u128::from(*bytes) * u128::from(LONGEST);
        let length = usize::try_from(length.div_ceil(u128::from(most))).unwrap_or_default();
        let pad = " ".repeat(width - name.chars().count());
        format!("{name}{pad}  {}  {}\n", "█".repeat(length), show(*bytes))
    };
    entries.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(sizes: &[(&str, u64)], tables: Vec<Table>) -> Report {
        let outputs = sizes.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_string())).collect();
        Report { outputs, tables, ..Report::open("bundle-size", String::new()) }
    }

    #[test]
    fn a_chart_has_the_sizes_and_what_grew() {
        let sizes = &[("baseline-size", 130_000), ("size", 957_000)];
        let columns = &["Package", "Before", "Now", "Growth"];
        let packages = [["`react`", "9 kB", "10 kB", "+1 kB"], ["`debug-lib`", "–", "825 kB", "+825 kB"]];
        let more = [["`gone`", "2 kB", "–", "-2 kB"], ["`evil``\n# x`", "–", "1 B", "+1 B"]];
        let packages = Table::new("Packages that changed", columns, packages.into_iter().chain(more));
        let files = Table::new("Files", &["File", "Growth"], [["`a.js`", "+7 MB"]]);
        insta::assert_snapshot!(growth_chart(&report(sizes, vec![files.clone(), packages])).unwrap(), @r"
        ```text
        before  █████  130 kB
        now     ██████████████████████████████  957 kB

        debug-lib   ██████████████████████████████  +825 kB
        react       █  +1 kB
        evil???? x  █  +1 B
        ```
        ");
        let chart = growth_chart(&report(sizes, vec![files])).unwrap();
        assert!(chart.contains("a.js  ██████████████████████████████  +7 MB"), "{chart}");
        assert_eq!(growth_chart(&report(&sizes[..1], Vec::new())), None);
        let nothing = growth_chart(&report(&[("baseline-size", 0), ("size", 0)], Vec::new())).unwrap();
        assert_eq!(nothing, "```text\nbefore    0 B\nnow       0 B\n```\n\n");
    }
}
