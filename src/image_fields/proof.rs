//! Compares a file after an edit with the file before it: only the wanted values may differ.

use std::collections::BTreeMap;

use super::lookup::Scalar;
use crate::yaml::{
    EditError,
    quoting::plain_is_text,
    text::parse_all,
    tree::{Content, Document, Quoting, SpannedNode, SpannedPair},
};

/// What an edit is to change, by where it is in the text before.
#[derive(Debug, Default)]
pub struct Expected {
    /// The value of the scalar that starts there.
    values: BTreeMap<usize, ExpectedValue>,
    /// The edits in the text of the block scalar that starts there.
    blocks: BTreeMap<usize, Box<Self>>,
    /// The pair that the mapping which starts there gets.
    added: BTreeMap<usize, (String, String)>,
}

#[derive(Debug)]
struct ExpectedValue {
    value: String,
    /// An earlier text that is put back, whatever readers take it for.
    restored: bool,
}

impl Expected {
    pub fn value(&mut self, scalar: &Scalar, value: &str, restored: bool) {
        let value = ExpectedValue { value: value.to_owned(), restored };
        match &scalar.block {
            None => drop(self.values.insert(scalar.start, value)),
            Some(block) => drop(self.blocks.entry(block.start).or_default().values.insert(block.inner.start, value)),
        }
    }

    pub fn added(&mut self, mapping: &SpannedNode, key: &str, value: &str) {
        self.added.insert(mapping.start, (key.to_owned(), value.to_owned()));
    }

    fn len(&self) -> usize {
        self.values.len() + self.added.len() + self.blocks.values().map(|block| block.len()).sum::<usize>()
    }
}

/// Refuses an edit after which the file differs in more, or in less, than is expected.
pub fn verify(documents: &[Document], edited: &[Document], expected: &Expected) -> Result<(), EditError> {
    let mut met = 0;
    let is_same = documents.len() == edited.len()
        && documents.iter().zip(edited).all(|(old, new)| is_same_except(&old.root, &new.root, expected, &mut met));
    if !is_same {
        return Err(refused("other values of the file would change"));
    }
    if met != expected.len() {
        return Err(refused("the file would not hold the wanted values"));
    }
    Ok(())
}

/// Whether two nodes differ in what is expected and in nothing else. Adds the number of met expectations to `met`.
fn is_same_except(old: &SpannedNode, new: &SpannedNode, expected: &Expected, met: &mut usize) -> bool {
    if old.anchor != new.anchor || old.tag != new.tag {
        return false;
    }
    match (&old.content, &new.content) {
        (Content::Scalar { text, quoting }, Content::Scalar { text: other, quoting: style }) => {
            if let Some(ExpectedValue { value, restored }) = expected.values.get(&old.start) {
                *met += 1;
                let is_text = *style != Quoting::Plain || plain_is_text(other) || other.is_empty();
                return other == value && (*restored || is_text) && *style != Quoting::Block;
            }
            match expected.blocks.get(&old.start) {
                Some(inner) => quoting == style && is_same_text_except(text, other, inner, met),
                None => text == other && quoting == style,
            }
        }
        (Content::List { items, flow }, Content::List { items: others, flow: style }) => {
            flow == style
                && items.len() == others.len()
                && items.iter().zip(others).all(|(old, new)| is_same_except(old, new, expected, met))
        }
        (Content::Map { pairs, flow }, Content::Map { pairs: others, flow: style }) => {
            let wanted = expected.added.get(&old.start);
            let added = wanted.and_then(|wanted| others.iter().position(|pair| is_added(pair, wanted)));
            if wanted.is_some() != added.is_some() {
                return false;
            }
            let count = usize::from(added.is_some());
            *met += count;
            let kept = others.iter().enumerate().filter(|(at, _)| Some(*at) != added);
            flow == style
                && pairs.len() + count == others.len()
                && pairs.iter().zip(kept).all(|(old, (_, new))| {
                    old.key.is_same(&new.key) && is_same_except(&old.value, &new.value, expected, met)
                })
        }
        (Content::Alias(anchor), Content::Alias(other)) => anchor == other,
        _ => false,
    }
}

/// Whether a pair is the wanted one, and text to every reader.
fn is_added(pair: &SpannedPair, (key, value): &(String, String)) -> bool {
    let is = |node: &SpannedNode, wanted: &str| {
        node.scalar()
            .is_some_and(|(text, quoting)| text == wanted && (quoting != Quoting::Plain || plain_is_text(text)))
    };
    is(&pair.key, key) && is(&pair.value, value)
}

/// The same for the documents in two block scalars.
fn is_same_text_except(old: &str, new: &str, expected: &Expected, met: &mut usize) -> bool {
    let (Ok(old), Ok(new)) = (parse_all(old), parse_all(new)) else { return false };
    old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| is_same_except(&old.root, &new.root, expected, met))
}

pub fn refused(actual: &str) -> EditError {
    EditError::of_change("the edit")
        .actual(actual)
        .expected("a change of the image only")
        .next("set the image by hand once, each key on its own line")
}
