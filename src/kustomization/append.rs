//! Plans the smallest edit that adds an entry: to the list there is, to an empty one, or with an `images:` of its own.

use super::entry::{Entry, Images};
use super::scalar::{Quote, written};
use super::splice::{Hand, Plan, lead, line_break, line_end, line_start};
use super::tree::{Node, Shape, Tree};
use super::{ImageChange, KustomizationError};

/// Adds the entry of `change`, at the end of the list.
pub fn append(text: &str, tree: &Tree, images: &Images<'_>, change: &ImageChange) -> Result<Plan, KustomizationError> {
    let Some(pair) = images.pair else { return new_key(text, tree, change) };
    let value = &pair.value;
    if let Some(last) = images.entries.last() {
        return match &value.shape {
            Shape::List { flow: true, .. } => {
                let mut plan = Plan::within(last.node.end..value.end);
                plan.extend_flow(
                    text,
                    last.node.start..last.node.end,
                    &[in_braces(change, Hand::of(last), spaced(text, last))],
                );
                Ok(plan)
            }
            _ => below(text, last, change),
        };
    }
    let root = Root::of(text, tree)?;
    let empty_list = matches!(value.shape, Shape::List { .. });
    let bare = !empty_list || text[value.start..value.end].trim_matches(['[', ']', ' ']).is_empty();
    let mut plan = Plan::within(pair.key.end..line_end(text, value.end));
    if root.flow || !bare {
        let entry = in_braces(change, Hand { flow: true, ..root.hand }, false);
        if empty_list {
            plan.insert(value.start + 1, entry);
        } else {
            plan.put(value.start..value.end, format!("{}[{entry}]", lead(text, value)));
        }
    } else {
        // `images: []`, `images: ~`, `images:`: what stands for nothing goes, and the list begins on the next line.
        let blank = text[..value.start].trim_end_matches(' ').len();
        let start = if text[..blank].ends_with(':') { blank } else { value.start };
        plan.put(start..value.end, "");
        let line_break = line_break(text, value.end);
        let lines = lines(change, root.hand, &root.dashes, " ").join(line_break);
        plan.insert(line_end(text, value.end), format!("{line_break}{lines}"));
    }
    Ok(plan)
}

/// An `images:` where there was none: the last key.
fn new_key(text: &str, tree: &Tree, change: &ImageChange) -> Result<Plan, KustomizationError> {
    let root = Root::of(text, tree)?;
    if root.flow {
        let entry = in_braces(change, root.hand, false);
        let key = format!("{}: [{entry}]", written("images", root.hand.key, true));
        let mut plan = Plan::within(root.last.start..tree.root.end);
        match root.last.end {
            end if end > root.last.start => plan.extend_flow(text, root.last.clone(), &[key]),
            end => plan.insert(end, key),
        }
        return Ok(plan);
    }
    let before = &text[..tree.end];
    let line_break = line_break(text, root.last.end);
    let mut lines = vec![format!("{}images:", root.indent)];
    lines.extend(self::lines(change, root.hand, &root.dashes, " "));
    let lines = lines.join(line_break);
    let mut plan = Plan::within(tree.end..tree.end);
    if before.ends_with('\n') {
        plan.insert(tree.end, format!("{lines}{line_break}"));
    } else if root.ends_in_block {
        return Err(KustomizationError::at(tree.root.place, "the file")
            .actual("no line break behind its last line, which belongs to a block scalar (`|` or `>`)")
            .expected("a line break at the end of the file")
            .next("add it: a new key behind that line would add it to the value"));
    } else {
        plan.insert(tree.end, format!("{line_break}{lines}"));
    }
    Ok(plan)
}

/// Behind the last entry of a block list, written as that one is.
fn below(text: &str, last: &Entry<'_>, change: &ImageChange) -> Result<Plan, KustomizationError> {
    let (dashes, gap) = dash(text, last.node)?;
    let hand = Hand::of(last);
    let mut at = line_end(text, last.node.end);
    // Comments deeper than the dash belong to the entry above them.
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
        vec![format!("{dashes}-{gap}{}", in_braces(change, hand, spaced(text, last)))]
    } else {
        lines(change, hand, &dashes, &gap)
    };
    let line_break = line_break(text, last.node.end);
    let mut plan = Plan::within(at..at);
    plan.insert(at, format!("{line_break}{}", lines.join(line_break)));
    Ok(plan)
}

fn in_braces(change: &ImageChange, hand: Hand, spaced: bool) -> String {
    let pairs: Vec<String> = change.fields().map(|(field, value)| hand.pair(field.key(), value)).collect();
    let pairs = pairs.join(", ");
    if spaced { format!("{{ {pairs} }}") } else { format!("{{{pairs}}}") }
}

fn lines(change: &ImageChange, hand: Hand, dashes: &str, gap: &str) -> Vec<String> {
    let mut lead = format!("{dashes}-{gap}");
    let mut lines = Vec::new();
    for (field, value) in change.fields() {
        lines.push(format!("{lead}{}", hand.pair(field.key(), value)));
        lead = " ".repeat(lead.len());
    }
    lines
}

/// Whether an entry is written `{ so }` rather than `{so}`.
fn spaced(text: &str, entry: &Entry<'_>) -> bool {
    entry.flow && text[entry.node.start + 1..].starts_with(' ')
}

/// What stands before the dash of a block list's item, and between the dash and the item.
fn dash(text: &str, item: &Node) -> Result<(String, String), KustomizationError> {
    let start = line_start(text, item.start);
    let lead = &text[start..item.start];
    let before = lead.trim_end().strip_suffix('-').filter(|before| before.bytes().all(|byte| byte == b' '));
    if let Some(before) = before {
        let gap = &lead[before.len() + 1..];
        let gap = if gap.bytes().all(|byte| byte == b' ') { gap } else { " " };
        return Ok((before.to_owned(), gap.to_owned()));
    }
    // The dash has a line of its own, with nothing but comments down to its item.
    text[..start]
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .filter(|line| lead.trim().is_empty() && line.trim_start_matches(' ').starts_with('-'))
        .map(|line| (line[..line.len() - line.trim_start_matches(' ').len()].to_owned(), " ".to_owned()))
        .ok_or_else(|| {
            KustomizationError::at(item.place, "images").actual("an entry without its dash").expected("`- name: …`")
        })
}

/// What a new key at the top has to fit in with.
struct Root {
    flow: bool,
    hand: Hand,
    /// Before a key.
    indent: String,
    /// Before the dash of a list: as far in as the lists there are.
    dashes: String,
    /// The last pair, or the place behind the opening brace.
    last: std::ops::Range<usize>,
    ends_in_block: bool,
}

impl Root {
    fn of(text: &str, tree: &Tree) -> Result<Self, KustomizationError> {
        let root = &tree.root;
        let Shape::Map { pairs, flow } = &root.shape else {
            return Err(KustomizationError::at(root.place, "the file").actual(root.kind()).expected("a mapping"));
        };
        let indent = " ".repeat(if *flow { 0 } else { root.place.column - 1 });
        let lists = pairs.iter().filter_map(|pair| match &pair.value.shape {
            Shape::List { items, flow: false } => items.first(),
            _ => None,
        });
        let dashes = lists.filter_map(|first| dash(text, first).ok()).map(|(before, _)| before).next();
        let last = pairs.last();
        let key = match last.and_then(|pair| pair.key.scalar()) {
            Some((_, quote)) if *flow && quote != Quote::Block => quote,
            _ => Quote::Plain,
        };
        Ok(Self {
            flow: *flow,
            hand: Hand { key, value: key, flow: *flow },
            dashes: dashes.unwrap_or_else(|| indent.clone()),
            indent,
            last: last.map_or(root.start + 1..root.start + 1, |pair| pair.key.start..pair.value.end),
            ends_in_block: last.is_some_and(|pair| ends_in_block(&pair.value)),
        })
    }
}

fn ends_in_block(node: &Node) -> bool {
    match &node.shape {
        Shape::Scalar { quote, .. } => *quote == Quote::Block,
        Shape::List { items, .. } => items.last().is_some_and(ends_in_block),
        Shape::Map { pairs, .. } => pairs.last().is_some_and(|pair| ends_in_block(&pair.value)),
        Shape::Alias(_) => false,
    }
}
