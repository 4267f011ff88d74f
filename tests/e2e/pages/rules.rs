//! What holds for every page, and what each page must show.

use crate::{browser::Screen, page::Measures};

/// What a page must show.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub name: &'static str,
    pub verdict: &'static str,
    /// What the heading says was measured, without separators of thousands; empty if a heading needs no figure.
    pub figure: &'static str,
    /// The most that its open part may take of a screen of 980 pixels, in pixels; `None` for a page that is a list.
    pub height: Option<u32>,
    /// Texts that are visible without unfolding.
    pub visible: &'static [&'static str],
    /// Texts in a chart that is visible without unfolding.
    pub chart: &'static [&'static str],
    /// Whether an address may only be where a link leads, not the text that a person reads.
    pub addresses_as_links: bool,
    /// Whether the tables in folds, too, fit a screen of 980 pixels.
    pub folded_tables_fit: bool,
}

/// The rules for texts that a page breaks, on whatever screen.
pub fn text_violations(page: &Page, seen: &Measures) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, violation: String| {
        if !holds {
            found.push(format!("{}: {violation}", page.name));
        }
    };
    let Measures { title, visible, unfolded, .. } = seen;

    expect(seen.first == "h3" && seen.titles == 1, format!("{} headings, and first a {:?}", seen.titles, seen.first));
    let icon = match page.verdict {
        "passed" => '✅',
        "blocked" => '⛔',
        _ => '❓',
    };
    expect(title.starts_with(icon), format!("no {icon} at the start of the heading {title:?}"));
    expect(!unfolded.contains('❔'), "❔, which is white on white".to_owned());
    let plain_title = title.replace([',', '\u{202f}', '\u{a0}'], "");
    expect(plain_title.contains(page.figure), format!("no {} in the heading {title:?}", page.figure));
    // Also a passed gate may say what comes next; the others must.
    expect(page.verdict == "passed" || visible.contains("Next: "), "nothing says what to do next".to_owned());
    for text in page.visible {
        expect(visible.contains(text), format!("{text:?} is not visible without unfolding"));
    }
    let charts = seen.charts.join(" ");
    for text in page.chart {
        expect(charts.contains(text), format!("{text:?} is in no chart: {charts:?}"));
    }
    let line_with =
        |text: &str, mark: &str| text.lines().find(|line| line.contains(mark)).unwrap_or_default().to_owned();
    for mark in ["`", "&#"] {
        let line = line_with(unfolded, mark);
        expect(line.is_empty(), format!("{mark} in {line:?}"));
    }
    if page.addresses_as_links {
        let line = line_with(visible, "://");
        expect(line.is_empty(), format!("an address as text: {line:?}"));
    }
    for link in seen.links.iter().filter(|link| ends_in_entity(link)) {
        expect(false, format!("a link to {link:?}, which ends in an entity"));
    }
    expect(seen.dropped.is_empty(), format!("markup that GitHub drops: {:?}", seen.dropped));
    found
}

/// The rules for sizes that a page breaks on a screen.
pub fn size_violations(page: &Page, screen: Screen, seen: &Measures) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, violation: String| {
        if !holds {
            found.push(format!("{} at {}: {violation}", page.name, screen.name));
        }
    };
    expect(seen.wide.is_empty(), format!("wider than the page: {:?}", seen.wide));
    if screen.width >= 980 {
        let limit = page.height.unwrap_or(u32::MAX);
        expect(seen.height <= limit, format!("{} px high, of at most {limit}", seen.height));
        let scrolling = if page.folded_tables_fit { &seen.unfolded_scrolling } else { &seen.scrolling };
        expect(scrolling.is_empty(), format!("tables that scroll: {scrolling:?}"));
    }
    found
}

/// Whether the renderer took an escaped character for the end of an address: `https://a.example/b&#95;`.
fn ends_in_entity(link: &str) -> bool {
    link.rsplit_once('&').is_some_and(|(_, name)| name.ends_with(';') && !name.contains('='))
}
