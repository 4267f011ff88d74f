//! Plans the smallest edit of an existing entry.

use std::collections::BTreeMap;

use super::{
    image::{ImageChange, ImageKey},
    image_list::{ImageItem, pair_value},
    style::EntryStyle,
};
use crate::yaml::{
    EditError,
    quoting::{plain_is_text, render},
    splices::{Splices, has_own_line, line_break, line_end, line_start, value_lead},
    tree::{Quoting, SpannedPair},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum PairEdit<'c> {
    Keep,
    Set(&'c str),
    Remove,
}

/// Makes an entry hold exactly the values of `change`.
pub fn amend(text: &str, item: &ImageItem<'_>, change: &ImageChange) -> Result<Splices, EditError> {
    let style = EntryStyle::of_item(item);
    let end = if item.flow { item.node.end } else { line_end(text, item.node.end) };
    let mut splices = Splices::within(item.node.start..end);
    let mut edits = Vec::with_capacity(item.pairs.len());
    for (key, pair) in &item.pairs {
        edits.push(pair_edit(item.index, *key, pair, change)?);
    }
    let mut missing: Vec<(ImageKey, String)> = change
        .values()
        .filter(|(key, _)| item.pair(*key).is_none())
        .map(|(key, value)| (key, style.pair(key.name(), value)))
        .collect();
    for ((_, pair), edit) in item.pairs.iter().zip(&mut edits) {
        match edit {
            PairEdit::Set(value) => set_value(&mut splices, text, pair, value, style),
            // In braces, a new pair replaces a removed one: commas and line breaks stay as they are.
            PairEdit::Remove if item.flow && !missing.is_empty() => {
                splices.replace(pair.key.start..pair.value.end, missing.remove(0).1);
                *edit = PairEdit::Keep;
            }
            PairEdit::Keep | PairEdit::Remove => {}
        }
    }
    // New pairs go behind the nearest key of the usual order: name, newName, newTag, digest.
    let mut additions: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (key, line) in missing {
        let earlier = item
            .pairs
            .iter()
            .enumerate()
            .filter(|(index, (other, _))| edits[*index] != PairEdit::Remove && *other < key);
        let nearest = earlier.max_by_key(|(_, (other, _))| *other).map_or(0, |(index, _)| index);
        additions.entry(nearest).or_default().push(line);
    }
    for (index, lines) in additions {
        let (_, pair) = item.pairs[index];
        if item.flow {
            splices.extend_flow(text, pair.key.start..pair.value.end, &lines);
        } else {
            let indent = " ".repeat(item.node.position.column - 1);
            let line_break = format!("{}{indent}", line_break(text, pair.value.end));
            splices.insert(line_end(text, pair.value.end), format!("{line_break}{}", lines.join(&line_break)));
        }
    }
    let removed: Vec<bool> = edits.iter().map(|edit| *edit == PairEdit::Remove).collect();
    let pairs: Vec<&SpannedPair> = item.pairs.iter().map(|(_, pair)| *pair).collect();
    if item.flow {
        remove_members(&mut splices, text, &pairs, &removed, item)?;
    } else {
        remove_lines(&mut splices, text, &pairs, &removed);
    }
    Ok(splices)
}

fn pair_edit<'c>(
    index: usize,
    key: ImageKey,
    pair: &SpannedPair,
    change: &'c ImageChange,
) -> Result<PairEdit<'c>, EditError> {
    let (quoting, current) = (pair.value.scalar().map_or(Quoting::Plain, |(_, quoting)| quoting), pair_value(pair));
    let ambiguous = quoting == Quoting::Plain && current.is_some_and(|current| !plain_is_text(current));
    match (change.value(key, current.is_some()), current) {
        (None, None) => Ok(PairEdit::Keep),
        (None, Some(_)) => Ok(PairEdit::Remove),
        (Some(wanted), Some(current)) if wanted == current && !ambiguous => Ok(PairEdit::Keep),
        (Some(_), _) if quoting == Quoting::Block => {
            Err(EditError::at(pair.value.position, format!("images[{index}].{}", key.name()))
                .actual("a block scalar (`|` or `>`)")
                .expected("a value on the line of its key")
                .next("write it there"))
        }
        (Some(wanted), _) => Ok(PairEdit::Set(wanted)),
    }
}

/// Writes a new value in the quoting of the old one, or in that of the entry's name if the old value was not text.
fn set_value(splices: &mut Splices, text: &str, pair: &SpannedPair, value: &str, style: EntryStyle) {
    let node = &pair.value;
    let quoting = match node.scalar() {
        Some((old, quoting)) if pair_value(pair).is_some() && (quoting != Quoting::Plain || plain_is_text(old)) => {
            quoting
        }
        _ => style.value,
    };
    let value = render(value, quoting, style.flow);
    splices.replace(node.start..node.end, format!("{}{value}", value_lead(text, &(node.start..node.end))));
}

/// Removes whole lines from a block mapping, with the comment on them. Comments on lines of their own stay.
fn remove_lines(splices: &mut Splices, text: &str, pairs: &[&SpannedPair], removed: &[bool]) {
    let Some(kept) = removed.iter().position(|removed| !removed) else { return };
    let first = pairs[0];
    let shares_line = !text[line_start(text, first.key.start)..first.key.start].trim().is_empty();
    let adjacent = pairs[..=kept].windows(2).all(|two| text[two[0].value.end..two[1].key.start].trim().is_empty());
    let from = if kept > 0 && adjacent {
        // `- digest: …`: the next key moves up behind the dash.
        splices.remove(first.key.start..pairs[kept].key.start);
        kept
    } else if kept > 0 && shares_line {
        // A comment is in between. It stays, behind or below the dash.
        let rest = &text[first.value.end..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let at_line_end = rest[blank..].starts_with(['\r', '\n']);
        let start = if at_line_end { text[..first.key.start].trim_end_matches(' ').len() } else { first.key.start };
        splices.reach.start = splices.reach.start.min(start);
        splices.remove(start..first.value.end + blank);
        1
    } else {
        0
    };
    for (pair, _) in pairs.iter().zip(removed).skip(from).filter(|(_, removed)| **removed) {
        remove_line(splices, text, pair);
    }
}

/// Removes members from a flow mapping, each with one comma.
fn remove_members(
    splices: &mut Splices,
    text: &str,
    pairs: &[&SpannedPair],
    removed: &[bool],
    item: &ImageItem<'_>,
) -> Result<(), EditError> {
    let mut index = 0;
    while let Some(first) = (index..pairs.len()).find(|index| removed[*index]) {
        let until = (first..pairs.len()).find(|index| !removed[*index]).unwrap_or(pairs.len());
        let run = &pairs[first..until];
        // A run at the end includes the comma before it. There is one, because the name always stays.
        let around =
            &pairs[if until < pairs.len() { first } else { first.saturating_sub(1) }..pairs.len().min(until + 1)];
        if around.windows(2).all(|two| text[two[0].value.end..two[1].key.start].trim() == ",") {
            match pairs.get(until) {
                Some(next) => splices.remove(run[0].key.start..next.key.start),
                None => splices.remove(around[0].value.end..run[run.len() - 1].value.end),
            }
        } else if run.iter().all(|pair| has_own_line(text, pair.key.start..pair.value.end)) {
            // Comments in between stay; a comma before the closing brace may stay too.
            for pair in run {
                remove_line(splices, text, pair);
            }
        } else {
            return Err(EditError::at(item.node.position, format!("images[{}]", item.index))
                .actual(format!("a comment beside `{}`, which has to go, within braces", item.pairs[first].0.name()))
                .expected("comments before or behind the braces")
                .next("move the comment, or write the entry without braces"));
        }
        index = until;
    }
    Ok(())
}

/// Removes the line of a pair, with the comment on it.
fn remove_line(splices: &mut Splices, text: &str, pair: &SpannedPair) {
    let before = &text[..line_start(text, pair.key.start)];
    let before = before.strip_suffix('\n').unwrap_or(before);
    let start = before.strip_suffix('\r').unwrap_or(before).len();
    splices.reach.start = splices.reach.start.min(start);
    splices.remove(start..line_end(text, pair.value.end));
}
