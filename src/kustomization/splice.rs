//! Plans the smallest edit of an entry that is there: which bytes go, which come in.

use std::collections::BTreeMap;
use std::ops::Range;

use super::entry::{Entry, Field, value};
use super::scalar::{Quote, plain_is_text, written};
use super::tree::{Node, Pair};
use super::{ImageChange, KustomizationError};

/// An edit: bytes of the original, and what stands there instead. They do not overlap.
#[derive(Debug)]
pub struct Plan {
    splices: Vec<(Range<usize>, String)>,
    /// All the bytes of the original that the edit may touch at all.
    pub reach: Range<usize>,
}

impl Plan {
    pub const fn within(reach: Range<usize>) -> Self {
        Self { splices: Vec::new(), reach }
    }

    pub fn put(&mut self, at: Range<usize>, text: impl Into<String>) {
        self.splices.push((at, text.into()));
    }

    pub fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.put(at..at, text);
    }

    pub const fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// The text after the edit; `None` if two splices overlap.
    pub fn apply(mut self, text: &str) -> Option<String> {
        // What comes in at a place stands before what goes from there on, and otherwise in the order it was put.
        self.splices.sort_by_key(|(at, _)| (at.start, at.end));
        let mut edited = String::with_capacity(text.len() + 200);
        let mut from = 0;
        for (at, instead) in &self.splices {
            edited.push_str(text.get(from..at.start)?);
            edited.push_str(instead);
            from = at.end;
        }
        edited.push_str(text.get(from..)?);
        Some(edited)
    }

    /// More members of a flow collection, behind the one at `neighbour`: on lines of their own where that one has its own.
    pub fn extend_flow(&mut self, text: &str, neighbour: Range<usize>, members: &[String]) {
        if !has_own_line(text, neighbour.clone()) {
            self.insert(neighbour.end, format!(", {}", members.join(", ")));
            return;
        }
        let indent = &text[line_start(text, neighbour.start)..neighbour.start];
        let end = line_end(text, neighbour.end);
        let comma = text[neighbour.end..end].trim_start().starts_with(',');
        let line_break = format!("{}{indent}", line_break(text, neighbour.start));
        let lines = members.join(&format!(",{line_break}"));
        if comma {
            self.insert(end, format!("{line_break}{lines},"));
        } else {
            self.insert(neighbour.end, ",");
            self.insert(end, format!("{line_break}{lines}"));
        }
    }
}

/// How the neighbours are written, so that what is new looks like them.
#[derive(Clone, Copy, Debug)]
pub struct Hand {
    pub key: Quote,
    pub value: Quote,
    pub flow: bool,
}

impl Hand {
    pub fn of(entry: &Entry<'_>) -> Self {
        let quote = |node: &Node| node.scalar().map_or(Quote::Plain, |(_, quote)| quote);
        let value = entry.pair(Field::Name).map_or(Quote::Plain, |pair| quote(&pair.value));
        let key = entry.pairs.first().map_or(Quote::Plain, |(_, pair)| quote(&pair.key));
        let value = if value == Quote::Block { Quote::Plain } else { value };
        Self { key, value, flow: entry.flow }
    }

    pub fn pair(self, key: &str, value: &str) -> String {
        format!("{}: {}", written(key, self.key, self.flow), written(value, self.value, self.flow))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate<'c> {
    Keep,
    Put(&'c str),
    Drop,
}

/// Makes an entry hold exactly what `change` says.
pub fn amend(text: &str, entry: &Entry<'_>, change: &ImageChange) -> Result<Plan, KustomizationError> {
    let hand = Hand::of(entry);
    let end = if entry.flow { entry.node.end } else { line_end(text, entry.node.end) };
    let mut plan = Plan::within(entry.node.start..end);
    let mut fates = Vec::with_capacity(entry.pairs.len());
    for (field, pair) in &entry.pairs {
        fates.push(fate(entry.index, *field, pair, change)?);
    }
    let mut missing: Vec<(Field, String)> = change
        .fields()
        .filter(|(field, _)| entry.pair(*field).is_none())
        .map(|(field, wanted)| (field, hand.pair(field.key(), wanted)))
        .collect();
    for ((_, pair), fate) in entry.pairs.iter().zip(&mut fates) {
        match fate {
            Fate::Put(wanted) => put(&mut plan, text, pair, wanted, hand),
            // In braces, what comes takes the place of what goes: commas and line breaks stay as they are.
            Fate::Drop if entry.flow && !missing.is_empty() => {
                plan.put(pair.key.start..pair.value.end, missing.remove(0).1);
                *fate = Fate::Keep;
            }
            Fate::Keep | Fate::Drop => {}
        }
    }
    // Behind the nearest key that a person would write before it: name, newName, newTag, digest.
    let mut behind: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (field, line) in missing {
        let stays =
            entry.pairs.iter().enumerate().filter(|(at, (other, _))| fates[*at] != Fate::Drop && *other < field);
        let nearest = stays.max_by_key(|(_, (other, _))| *other).map_or(0, |(at, _)| at);
        behind.entry(nearest).or_default().push(line);
    }
    for (at, lines) in behind {
        let (_, pair) = entry.pairs[at];
        if entry.flow {
            plan.extend_flow(text, pair.key.start..pair.value.end, &lines);
        } else {
            let indent = " ".repeat(entry.node.place.column - 1);
            let line_break = format!("{}{indent}", line_break(text, pair.value.end));
            plan.insert(line_end(text, pair.value.end), format!("{line_break}{}", lines.join(&line_break)));
        }
    }
    let gone: Vec<bool> = fates.iter().map(|fate| *fate == Fate::Drop).collect();
    let pairs: Vec<&Pair> = entry.pairs.iter().map(|(_, pair)| *pair).collect();
    if entry.flow {
        drop_members(&mut plan, text, &pairs, &gone, entry)?;
    } else {
        drop_lines(&mut plan, text, &pairs, &gone);
    }
    Ok(plan)
}

fn fate<'c>(index: usize, field: Field, pair: &Pair, change: &'c ImageChange) -> Result<Fate<'c>, KustomizationError> {
    let (quote, now) = (pair.value.scalar().map_or(Quote::Plain, |(_, quote)| quote), value(pair));
    let misread = quote == Quote::Plain && now.is_some_and(|now| !plain_is_text(now));
    match (change.wants(field, now.is_some()), now) {
        (None, None) => Ok(Fate::Keep),
        (None, Some(_)) => Ok(Fate::Drop),
        (Some(wanted), Some(now)) if wanted == now && !misread => Ok(Fate::Keep),
        (Some(_), _) if quote == Quote::Block => {
            Err(KustomizationError::at(pair.value.place, format!("images[{index}].{}", field.key()))
                .actual("a block scalar (`|` or `>`)")
                .expected("a value on the line of its key")
                .next("write it there"))
        }
        (Some(wanted), _) => Ok(Fate::Put(wanted)),
    }
}

/// A new value in the quoting of the old one, or of the entry's name where the old one was no text.
fn put(plan: &mut Plan, text: &str, pair: &Pair, wanted: &str, hand: Hand) {
    let node = &pair.value;
    let quote = match node.scalar() {
        Some((now, quote)) if value(pair).is_some() && (quote != Quote::Plain || plain_is_text(now)) => quote,
        _ => hand.value,
    };
    let wanted = written(wanted, quote, hand.flow);
    plan.put(node.start..node.end, format!("{}{wanted}", lead(text, node)));
}

/// What has to stand before a new value. Where there was none, its node is behind the colon, or behind the key when a flow
/// mapping leaves out even that.
pub fn lead(text: &str, node: &Node) -> &'static str {
    match text[..node.start].ends_with(':') {
        _ if node.start < node.end => "",
        true => " ",
        false => ": ",
    }
}

/// Takes whole lines out of a block mapping, and the comment on them with them; comments on lines of their own stay.
fn drop_lines(plan: &mut Plan, text: &str, pairs: &[&Pair], gone: &[bool]) {
    let Some(kept) = gone.iter().position(|gone| !gone) else { return };
    let first = pairs[0];
    let shares_line = !text[line_start(text, first.key.start)..first.key.start].trim().is_empty();
    let bare = pairs[..=kept].windows(2).all(|two| text[two[0].value.end..two[1].key.start].trim().is_empty());
    let from = if kept > 0 && bare {
        // `- digest: …`: the next key moves up behind the dash.
        plan.put(first.key.start..pairs[kept].key.start, "");
        kept
    } else if kept > 0 && shares_line {
        // A comment stands in between: it stays, behind or below the dash.
        let rest = &text[first.value.end..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let bare = rest[blank..].starts_with(['\r', '\n']);
        let start = if bare { text[..first.key.start].trim_end_matches(' ').len() } else { first.key.start };
        plan.reach.start = plan.reach.start.min(start);
        plan.put(start..first.value.end + blank, "");
        1
    } else {
        0
    };
    for (pair, _) in pairs.iter().zip(gone).skip(from).filter(|(_, gone)| **gone) {
        drop_line(plan, text, pair);
    }
}

/// Takes members out of a flow mapping, each with one comma.
fn drop_members(
    plan: &mut Plan,
    text: &str,
    pairs: &[&Pair],
    gone: &[bool],
    entry: &Entry<'_>,
) -> Result<(), KustomizationError> {
    let mut at = 0;
    while let Some(first) = (at..pairs.len()).find(|at| gone[*at]) {
        let until = (first..pairs.len()).find(|at| !gone[*at]).unwrap_or(pairs.len());
        let run = &pairs[first..until];
        // A run at the end takes the comma before it along; the name always stays, so there is one.
        let around =
            &pairs[if until < pairs.len() { first } else { first.saturating_sub(1) }..pairs.len().min(until + 1)];
        if around.windows(2).all(|two| text[two[0].value.end..two[1].key.start].trim() == ",") {
            match pairs.get(until) {
                Some(next) => plan.put(run[0].key.start..next.key.start, ""),
                None => plan.put(around[0].value.end..run[run.len() - 1].value.end, ""),
            }
        } else if run.iter().all(|pair| has_own_line(text, pair.key.start..pair.value.end)) {
            // Comments in between stay; a comma before the closing brace may stay too.
            for pair in run {
                drop_line(plan, text, pair);
            }
        } else {
            return Err(KustomizationError::at(entry.node.place, format!("images[{}]", entry.index))
                .actual(format!("a comment beside `{}`, which has to go, within braces", entry.pairs[first].0.key()))
                .expected("comments before or behind the braces")
                .next("move the comment, or write the entry without braces"));
        }
        at = until;
    }
    Ok(())
}

/// Takes out the line of a pair, with the comment on it.
fn drop_line(plan: &mut Plan, text: &str, pair: &Pair) {
    let before = &text[..line_start(text, pair.key.start)];
    let before = before.strip_suffix('\n').unwrap_or(before);
    let start = before.strip_suffix('\r').unwrap_or(before).len();
    plan.reach.start = plan.reach.start.min(start);
    plan.put(start..line_end(text, pair.value.end), "");
}

/// Whether a member of a flow collection shares its lines with nothing but a comma and a comment.
fn has_own_line(text: &str, member: Range<usize>) -> bool {
    let rest = text[member.end..line_end(text, member.end)].trim_start();
    let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    text[line_start(text, member.start)..member.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'))
}

pub fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |before| before + 1)
}

/// The end of the line, before its line break.
pub fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    if end > at && text[..end].ends_with('\r') { end - 1 } else { end }
}

/// The line break that this part of the file uses.
pub fn line_break(text: &str, at: usize) -> &'static str {
    let end = text[at..].find('\n').map(|length| at + length).or_else(|| text.find('\n'));
    if end.is_some_and(|end| text[..end].ends_with('\r')) { "\r\n" } else { "\n" }
}
