//! Plans the smallest edit that adds an entry: to the existing list, to an empty one, or with a new `images:` key.

use super::{
    image::ImageChange,
    image_list::{ImageItem, ImageList},
    style::EntryStyle,
};
use crate::yaml::{
    EditError,
    quoting::render,
    splices::{Splices, line_break, line_end, line_start, value_lead},
    tree::{Content, Document, Quoting, SpannedNode},
};

/// Adds the entry of `change`, at the end of the list.
pub fn append(
    text: &str,
    document: &Document,
    images: &ImageList<'_>,
    change: &ImageChange,
) -> Result<Splices, EditError> {
    let Some(pair) = images.pair else { return new_key(text, document, change) };
    let value = &pair.value;
    if let Some(last) = images.items.last() {
        return match &value.content {
            Content::List { flow: true, .. } => {
                let mut splices = Splices::within(last.node.end..value.end);
                splices.extend_flow(
                    text,
                    last.node.start..last.node.end,
                    &[in_braces(change, EntryStyle::of_item(last), is_spaced(text, last))],
                );
                Ok(splices)
            }
            _ => append_below(text, last, change),
        };
    }
    let top = TopLevel::read(text, document)?;
    let empty_list = matches!(value.content, Content::List { .. });
    let replaceable = !empty_list || text[value.start..value.end].trim_matches(['[', ']', ' ']).is_empty();
    let mut splices = Splices::within(pair.key.end..line_end(text, value.end));
    if top.flow || !replaceable {
        let entry = in_braces(change, EntryStyle { flow: true, ..top.style }, false);
        if empty_list {
            splices.insert(value.start + 1, entry);
        } else {
            splices
                .replace(value.start..value.end, format!("{}[{entry}]", value_lead(text, &(value.start..value.end))));
        }
    } else {
        // `images: []`, `images: ~`, `images:`: the empty value is removed, and the list begins on the next line.
        let blank = text[..value.start].trim_end_matches(' ').len();
        let start = if text[..blank].ends_with(':') { blank } else { value.start };
        splices.remove(start..value.end);
        let line_break = line_break(text, value.end);
        let lines = lines(change, top.style, &top.dashes, " ").join(line_break);
        splices.insert(line_end(text, value.end), format!("{line_break}{lines}"));
    }
    Ok(splices)
}

/// Adds the key `images` as the last one.
fn new_key(text: &str, document: &Document, change: &ImageChange) -> Result<Splices, EditError> {
    let top = TopLevel::read(text, document)?;
    if top.flow {
        let entry = in_braces(change, top.style, false);
        let key = format!("{}: [{entry}]", render("images", top.style.key, true));
        let mut splices = Splices::within(top.last.start..document.root.end);
        match top.last.end {
            end if end > top.last.start => splices.extend_flow(text, top.last.clone(), &[key]),
            end => splices.insert(end, key),
        }
        return Ok(splices);
    }
    let before = &text[..document.end];
    let line_break = line_break(text, top.last.end);
    let mut lines = vec![format!("{}images:", top.indent)];
    lines.extend(self::lines(change, top.style, &top.dashes, " "));
    let lines = lines.join(line_break);
    let mut splices = Splices::within(document.end..document.end);
    if before.ends_with('\n') {
        splices.insert(document.end, format!("{lines}{line_break}"));
    } else if top.ends_in_block {
        return Err(EditError::at(document.root.position, "the file")
            .actual("no line break behind its last line, which belongs to a block scalar (`|` or `>`)")
            .expected("a line break at the end of the file")
            .next("add it: a new key behind that line would add it to the value"));
    } else {
        splices.insert(document.end, format!("{line_break}{lines}"));
    }
    Ok(splices)
}

/// Adds the entry behind the last one of a block list, in its style.
fn append_below(text: &str, last: &ImageItem<'_>, change: &ImageChange) -> Result<Splices, EditError> {
    let (dashes, gap) = dash_blanks(text, last.node)?;
    let style = EntryStyle::of_item(last);
    let mut at = line_end(text, last.node.end);
    // Comments that are indented deeper than the dash belong to the entry above them.
    loop {
        let next = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
        let line = &text[next..line_end(text, next)];
        let comment = line.trim_start_matches(' ');
        if !comment.starts_with('#') || line.len() - comment.len() <= dashes.len() {
            break;
        }
        at = line_end(text, next);
    }
    let lines = if last.flow {
        vec![format!("{dashes}-{gap}{}", in_braces(change, style, is_spaced(text, last)))]
    } else {
        lines(change, style, &dashes, &gap)
    };
    let line_break = line_break(text, last.node.end);
    let mut splices = Splices::within(at..at);
    splices.insert(at, format!("{line_break}{}", lines.join(line_break)));
    Ok(splices)
}

fn in_braces(change: &ImageChange, style: EntryStyle, spaced: bool) -> String {
    let pairs: Vec<String> = change.values().map(|(key, value)| style.pair(key.name(), value)).collect();
    let pairs = pairs.join(", ");
    if spaced { format!("{{ {pairs} }}") } else { format!("{{{pairs}}}") }
}

fn lines(change: &ImageChange, style: EntryStyle, dashes: &str, gap: &str) -> Vec<String> {
    let mut lead = format!("{dashes}-{gap}");
    let mut lines = Vec::new();
    for (key, value) in change.values() {
        lines.push(format!("{lead}{}", style.pair(key.name(), value)));
        lead = " ".repeat(lead.len());
    }
    lines
}

/// Whether an entry is written `{ spaced }` rather than `{dense}`.
fn is_spaced(text: &str, entry: &ImageItem<'_>) -> bool {
    entry.flow && text[entry.node.start + 1..].starts_with(' ')
}

/// The blanks before the dash of a block list's item, and those between the dash and the item.
fn dash_blanks(text: &str, item: &SpannedNode) -> Result<(String, String), EditError> {
    let start = line_start(text, item.start);
    let lead = &text[start..item.start];
    let before = lead.trim_end().strip_suffix('-').filter(|before| before.bytes().all(|byte| byte == b' '));
    if let Some(before) = before {
        let gap = &lead[before.len() + 1..];
        let gap = if gap.bytes().all(|byte| byte == b' ') { gap } else { " " };
        return Ok((before.to_owned(), gap.to_owned()));
    }
    // The dash is alone on its line, with only comments between it and its item.
    text[..start]
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .filter(|line| lead.trim().is_empty() && line.trim_start_matches(' ').starts_with('-'))
        .map(|line| (line[..line.len() - line.trim_start_matches(' ').len()].to_owned(), " ".to_owned()))
        .ok_or_else(|| {
            EditError::at(item.position, "images").actual("an entry without its dash").expected("`- name: …`")
        })
}

/// The style of the top level, for a new key.
struct TopLevel {
    flow: bool,
    style: EntryStyle,
    /// The blanks before a key.
    indent: String,
    /// The blanks before the dash of a list, as in the existing lists.
    dashes: String,
    /// The byte range of the last pair, or the empty range behind the opening brace.
    last: std::ops::Range<usize>,
    ends_in_block: bool,
}

impl TopLevel {
    fn read(text: &str, document: &Document) -> Result<Self, EditError> {
        let root = &document.root;
        let Content::Map { pairs, flow } = &root.content else {
            return Err(EditError::at(root.position, "the file").actual(root.kind()).expected("a mapping"));
        };
        let indent = " ".repeat(if *flow { 0 } else { root.position.column - 1 });
        let lists = pairs.iter().filter_map(|pair| match &pair.value.content {
            Content::List { items, flow: false } => items.first(),
            _ => None,
        });
        let dashes = lists.filter_map(|first| dash_blanks(text, first).ok()).map(|(before, _)| before).next();
        let last = pairs.last();
        let key = match last.and_then(|pair| pair.key.scalar()) {
            Some((_, quoting)) if *flow && quoting != Quoting::Block => quoting,
            _ => Quoting::Plain,
        };
        Ok(Self {
            flow: *flow,
            style: EntryStyle { key, value: key, flow: *flow },
            dashes: dashes.unwrap_or_else(|| indent.clone()),
            indent,
            last: last.map_or(root.start + 1..root.start + 1, |pair| pair.key.start..pair.value.end),
            ends_in_block: last.is_some_and(|pair| ends_in_block(&pair.value)),
        })
    }
}

fn ends_in_block(node: &SpannedNode) -> bool {
    match &node.content {
        Content::Scalar { quoting, .. } => *quoting == Quoting::Block,
        Content::List { items, .. } => items.last().is_some_and(ends_in_block),
        Content::Map { pairs, .. } => pairs.last().is_some_and(|pair| ends_in_block(&pair.value)),
        Content::Alias(_) => false,
    }
}
