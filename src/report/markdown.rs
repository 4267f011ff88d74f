//! Markdown that text from outside cannot change: escaping, links, tables and folds, as GitHub renders them.
//!
//! Every character with a meaning in markdown or HTML becomes an entity. Links are written out: GitHub's own links of bare
//! addresses take an entity beside them into the address. Source: the extended autolinks of GitHub Flavored Markdown.

use super::table::{Cell, Link, Table};
use crate::values::clip;

/// The maximum length of a cell in characters.
const CELL: usize = 2000;
/// The maximum length of a shown address in characters; the link itself is whole.
const SHOWN_ADDRESS: usize = 70;
/// The maximum number of rows of a table.
const ROWS: usize = 200;

/// Text for a cell, a heading or a sentence: escaped, with `` `code` `` and addresses made visible as such. A line break
/// becomes `<br>`, other control characters become visible.
#[must_use]
pub fn inline(text: &str) -> String {
    let text = clip(text.trim_end(), CELL).replace("\r\n", "\n").replace('\r', "\n");
    text.split('\n').map(line).collect::<Vec<_>>().join("<br>")
}

fn line(text: &str) -> String {
    let mut marked = String::new();
    let mut rest = text;
    while let Some((before, code, after)) = next_code(rest) {
        marked.push_str(&linked(before));
        marked.push_str(&format!("<code>{}</code>", escape(code)));
        rest = after;
    }
    marked.push_str(&linked(rest));
    marked
}

/// The text before the first code, the code between its backticks, and the text behind it.
fn next_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    (!code.trim().is_empty()).then_some((before, code, after))
}

/// Escapes a text without code, and links its addresses.
fn linked(text: &str) -> String {
    let mut marked = String::new();
    let mut rest = text;
    while let Some(start) = [rest.find("https://"), rest.find("http://")].into_iter().flatten().min() {
        let (before, address_on) = rest.split_at(start);
        let end = address_on.find(|c| !is_address(c)).unwrap_or(address_on.len());
        let address = address_on[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '(']);
        marked.push_str(&escape(before));
        if is_linkable(address) {
            marked.push_str(&anchor(&clip(address, SHOWN_ADDRESS), address));
        } else {
            marked.push_str(&escape(address));
        }
        rest = &address_on[address.len()..];
    }
    marked.push_str(&escape(rest));
    marked
}

/// The characters of an address that need no quoting in an attribute or a table, except `&`. Source: RFC 3986, 2.
const fn is_address(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '-' | '.' | '_' | '~' | ':' | '/' | '?' | '#' | '@' | '!' | '$' | '&' | '(' | ')')
        || matches!(c, '*' | '+' | ',' | ';' | '=' | '%' | '[' | ']')
}

/// Whether an address can be linked: `http` or `https` with a host, and without a user in front of it.
fn is_linkable(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    !host.is_empty() && !host.contains('@') && address.chars().all(is_address)
}

fn anchor(text: &str, address: &str) -> String {
    format!("<a href=\"{}\">{}</a>", address.replace('&', "&amp;"), escape(text))
}

/// Escapes text: no character keeps a meaning in markdown, and no address in it is linked.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '&' | '<' | '>' | '"' | '\'' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '\\' | '#' | '!' | '$' | '@' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            ':' if text[at..].starts_with("://") => escaped.push_str("&#58;"),
            // A figure and its percent sign stay on one line.
            ' ' if text[..at].ends_with(|c: char| c.is_ascii_digit()) && text[at..].starts_with(" %") => {
                escaped.push_str("&nbsp;");
            }
            '.' if ends_with_www(&text[..at]) => escaped.push_str("&#46;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

fn ends_with_www(text: &str) -> bool {
    text.len() >= 3 && text.as_bytes()[text.len() - 3..].eq_ignore_ascii_case(b"www")
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Link(Link { text, url }) if is_linkable(url) => {
            // A link within the text would end this one.
            anchor(&clip(text, CELL), url)
        }
        Cell::Text(text) | Cell::Link(Link { text, .. }) => inline(text),
    }
}

/// A table or a list with its title, as it stands open.
#[must_use]
pub fn open(table: &Table) -> String {
    let link = table.link.clone().map(|link| format!(" ({})", cell(&Cell::Link(link)))).unwrap_or_default();
    let title = if table.title.is_empty() { String::new() } else { format!("**{}**{link}", inline(&table.title)) };
    match table.rows.as_slice() {
        [item] if table.columns.is_empty() => format!("{}\n\n", format!("{title} {}", sentence(item)).trim()),
        _ if title.is_empty() => content(table),
        _ => format!("{title}\n\n{}", content(table)),
    }
}

/// A table or a list below its folded title.
#[must_use]
pub fn folded(table: &Table) -> String {
    fold(&inline(&table.title), &content(table))
}

/// Markdown that a click on `title`, markdown as well, unfolds.
#[must_use]
pub fn fold(title: &str, inner: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{inner}</details>\n\n")
}

fn sentence(item: &[Cell]) -> String {
    item.iter().map(cell).collect::<Vec<_>>().join(" ")
}

/// An item of a list, whose text must not begin its own list.
fn list_item(item: &[Cell]) -> String {
    let text = sentence(item);
    let text = text.trim_start();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (start, rest) = text.split_at(digits);
    match rest.chars().next() {
        Some(c @ ('-' | '+' | '=')) if digits == 0 => format!("- &#{};{}\n", u32::from(c), &rest[1..]),
        Some(c @ ('.' | ')')) if digits > 0 => format!("- {start}&#{};{}\n", u32::from(c), &rest[1..]),
        _ => format!("- {text}\n"),
    }
}

fn content(table: &Table) -> String {
    let mut text = String::new();
    let shown = table.rows.iter().take(ROWS);
    if table.columns.is_empty() {
        text.extend(shown.map(|item| list_item(item)));
    } else {
        let row = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        text.push_str(&row(&mut table.columns.iter().map(|column| inline(column))));
        let rule = |index| if table.figures.contains(&index) { "---:" } else { "---" };
        text.push_str(&row(&mut (0..table.columns.len()).map(|index| rule(index).to_owned())));
        text.extend(shown.map(|cells| row(&mut cells.iter().map(cell))));
    }
    let left_out = table.rows.len().saturating_sub(ROWS);
    if left_out > 0 {
        text.push_str(&format!("\n{left_out} more are in the report.\n"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_and_addresses_are_shown_as_such() {
        for (text, marked) in [
            ("`a|b` and `", "<code>a&#124;b</code> and &#96;"),
            ("``", "&#96;&#96;"),
            (
                "see https://x.io/a?b=1&c=2.",
                r#"see <a href="https://x.io/a?b=1&amp;c=2">https&#58;//x.io/a?b=1&#38;c=2</a>."#,
            ),
            (
                "'https://x.io/a.git/': 500",
                r#"&#39;<a href="https://x.io/a.git/">https&#58;//x.io/a.git/</a>&#39;: 500"#,
            ),
            ("https://ada:secret@x.io", "https&#58;//ada:secret&#64;x.io"),
            ("https:// http://", "https&#58;// http&#58;//"),
            ("www.x.io", "www&#46;x.io"),
            ("a\r\nb\rc", "a<br>b<br>c"),
        ] {
            assert_eq!(inline(text), marked, "{text}");
        }
        assert_eq!(cell(&Cell::link("a](b) `c`", "javascript:alert(1)")), "a&#93;(b) <code>c</code>");
        assert_eq!(cell(&Cell::link("log", "https://x.io/1")), r#"<a href="https://x.io/1">log</a>"#);
    }

    #[test]
    fn a_list_of_one_item_is_a_sentence() {
        let list = |items| open(&Table::list("Not you?", items));
        assert_eq!(list(vec![vec!["ada wrote it"]]), "**Not you?** ada wrote it\n\n");
        assert_eq!(list(vec![vec!["ada", "x"], vec!["bob", "y"]]), "**Not you?**\n\n- ada x\n- bob y\n\n");
        assert_eq!(list(vec![vec!["- a"], vec!["12. b"]]), "**Not you?**\n\n- &#45; a\n- 12&#46; b\n\n");
    }

    proptest! {
        #[test]
        fn no_text_adds_markup(text in r"[ -~\n|`<>&#]{0,80}") {
            let marked = inline(&text);
            let tags = ["<br>", "<code>", "</code>", "</a>"];
            let mut bare = tags.iter().fold(marked, |bare, tag| bare.replace(tag, ""));
            while let Some(start) = bare.find("<a href=\"http") {
                let end = start + bare[start..].find("\">").unwrap();
                prop_assert!(!bare[start + 9..end].contains(['"', '<', '>', ' ', '|', '`']));
                bare.replace_range(start..end + 2, "");
            }
            prop_assert!(!bare.contains(['<', '>', '"', '|', '`', '*', '[', ']', '\n', '\\', '~', '!', '@']), "{bare}");
        }
    }
}
