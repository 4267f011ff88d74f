//! The YAML reader: documents as trees of nodes with their byte ranges.
//!
//! `saphyr-parser` gives events with their positions. This reader collects them, in bytes, and corrects what the parser's
//! spans leave open: the end of block collections, closing brackets after a trailing comma, missing values.
//!
//! Anchors, aliases and tags are kept: each user of the tree decides which of them it refuses.

mod error;
mod parser_text;

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

pub use error::{Position, YamlError, YamlErrorKind};
pub use parser_text::MAX_CHANGES;

use parser_text::{Offsets, ParserText, closing_quote};

/// One value with its place in the text.
#[derive(Debug)]
pub struct SpannedNode {
    pub position: Position,
    /// Byte range, exact for plain and quoted scalars and flow collections. A block collection ends with its last node; a
    /// block scalar starts after its header. A missing value is an empty range behind its colon, or behind its key if the
    /// colon is missing.
    pub start: usize,
    pub end: usize,
    /// The parser's number of its anchor; 0 for none.
    pub anchor: usize,
    pub tag: Option<String>,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Scalar { text: String, quoting: Quoting },
    List { items: Vec<SpannedNode>, flow: bool },
    Map { pairs: Vec<SpannedPair>, flow: bool },
    Alias(usize),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    Plain,
    Single,
    Double,
    /// `|` or `>`.
    Block,
}

impl From<ScalarStyle> for Quoting {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted => Self::Single,
            ScalarStyle::DoubleQuoted => Self::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => Self::Block,
        }
    }
}

#[derive(Debug)]
pub struct SpannedPair {
    pub key: SpannedNode,
    pub value: SpannedNode,
}

/// A document of a text.
#[derive(Debug)]
pub struct Document {
    pub root: SpannedNode,
    /// Where the document's text ends: its `...` line, the next document, or the end of the text.
    pub end: usize,
}

impl SpannedNode {
    /// The text and quoting of a scalar.
    #[must_use]
    pub fn scalar(&self) -> Option<(&str, Quoting)> {
        match &self.content {
            Content::Scalar { text, quoting } => Some((text, *quoting)),
            _ => None,
        }
    }

    /// Equal except for the position: same values, same quoting, same style, same anchors and tags.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.anchor == other.anchor
            && self.tag == other.tag
            && match (&self.content, &other.content) {
                (Content::Scalar { text, quoting }, Content::Scalar { text: other, quoting: style }) => {
                    text == other && quoting == style
                }
                (Content::List { items, flow }, Content::List { items: other, flow: style }) => {
                    flow == style && items.len() == other.len() && items.iter().zip(other).all(|(a, b)| a.is_same(b))
                }
                (Content::Map { pairs, flow }, Content::Map { pairs: other, flow: style }) => {
                    flow == style && pairs.len() == other.len() && pairs.iter().zip(other).all(|(a, b)| a.is_same(b))
                }
                (Content::Alias(anchor), Content::Alias(other)) => anchor == other,
                _ => false,
            }
    }

    /// The node that has the anchor with this number: this one or one in it.
    #[must_use]
    pub fn anchored(&self, anchor: usize) -> Option<&Self> {
        if self.anchor == anchor {
            return Some(self);
        }
        match &self.content {
            Content::Scalar { .. } | Content::Alias(_) => None,
            Content::List { items, .. } => items.iter().find_map(|item| item.anchored(anchor)),
            Content::Map { pairs, .. } => {
                pairs.iter().find_map(|pair| pair.key.anchored(anchor).or_else(|| pair.value.anchored(anchor)))
            }
        }
    }

    /// The kind of value, for an error message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar { text, quoting: Quoting::Plain } if text.is_empty() => "nothing",
            Content::Scalar { .. } => "a single value",
            Content::List { .. } => "a list",
            Content::Map { .. } => "a mapping",
            Content::Alias(_) => "an alias",
        }
    }
}

impl SpannedPair {
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key.is_same(&other.key) && self.value.is_same(&other.value)
    }
}

/// Up to how many keys of a mapping are compared one by one.
const FEW_KEYS: usize = 16;

/// Reads the only document of `text`; `None` when the text has none. `max_depth` limits how many collections may be nested,
/// so that recursion over the tree stays harmless.
///
/// # Errors
/// Broken YAML, a second document, deeper nesting, a key that one mapping has twice.
pub fn read_document(text: &str, max_depth: usize) -> Result<Option<Document>, YamlError> {
    Ok(read(text, max_depth, 1, DuplicateKeys::Refused)?.pop())
}

/// Reads all documents of `text`.
///
/// # Errors
/// As [`read_document`], except for a second document.
pub fn read_documents(text: &str, max_depth: usize) -> Result<Vec<Document>, YamlError> {
    read(text, max_depth, usize::MAX, DuplicateKeys::Refused)
}

/// Reads all documents of `text`. A mapping may have a key twice: the caller refuses it where it matters.
///
/// # Errors
/// As [`read_documents`], except for a duplicate key.
pub fn read_documents_with_duplicates(text: &str, max_depth: usize) -> Result<Vec<Document>, YamlError> {
    read(text, max_depth, usize::MAX, DuplicateKeys::Kept)
}

fn read(
    text: &str,
    max_depth: usize,
    max_documents: usize,
    duplicates: DuplicateKeys,
) -> Result<Vec<Document>, YamlError> {
    let mut text = ParserText::new(text);
    for _ in 0..MAX_CHANGES {
        match read_once(&text, max_depth, max_documents, duplicates) {
            Err(error) if text.change(&error) => {}
            read => return read,
        }
    }
    read_once(&text, max_depth, max_documents, duplicates)
}

fn read_once(
    source: &ParserText<'_>,
    max_depth: usize,
    max_documents: usize,
    duplicates: DuplicateKeys,
) -> Result<Vec<Document>, YamlError> {
    let (text, indented) = (source.text(), source.indented());
    let offsets = Offsets::new(&indented);
    let mut builder = TreeBuilder { source, text, max_depth, duplicates, offsets, open: Vec::new(), nodes: Vec::new() };
    let mut documents: Vec<Document> = Vec::new();
    let (mut started, mut end) = (0, None);
    for event in Parser::new_from_str(&indented) {
        let (event, span) = event.map_err(|error| {
            YamlError::new(source.position(*error.marker()), YamlErrorKind::Syntax(error.info().to_owned()))
        })?;
        match event {
            Event::DocumentStart(_) => {
                started += 1;
                if started > max_documents {
                    return Err(YamlError::new(source.position(span.start), YamlErrorKind::SecondDocument));
                }
                let end = end.take().unwrap_or_else(|| builder.byte(span.start));
                documents.extend(builder.nodes.pop().map(|root| Document { root, end }));
            }
            Event::DocumentEnd if end.is_none() && !span.is_empty() => end = Some(builder.byte(span.start)),
            event => builder.take(event, span)?,
        }
    }
    documents.extend(builder.nodes.pop().map(|root| Document { root, end: end.unwrap_or(text.len()) }));
    Ok(documents)
}

/// What happens to a key that one mapping has twice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DuplicateKeys {
    Refused,
    Kept,
}

struct TreeBuilder<'t> {
    source: &'t ParserText<'t>,
    text: &'t str,
    max_depth: usize,
    duplicates: DuplicateKeys,
    offsets: Offsets<'t>,
    open: Vec<OpenCollection>,
    /// The nodes of all open collections, in their order; between documents, the root. A collection takes its own when it ends,
    /// so it never grows, and a tree needs half the memory.
    nodes: Vec<SpannedNode>,
}

/// A collection whose end event has not come yet.
struct OpenCollection {
    position: Position,
    start: usize,
    anchor: usize,
    tag: Option<String>,
    kind: Collection,
    /// The index of its first node.
    first: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    List,
    /// Its nodes are keys and values in turn.
    Map,
}

impl TreeBuilder<'_> {
    /// The byte of a marker in the file's text.
    fn byte(&mut self, marker: Marker) -> usize {
        self.source.byte(self.offsets.of(marker))
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let (start, end) = (self.byte(span.start), self.byte(span.end));
                // The parser's spans include what is behind a scalar: a space before a bracket, the lines after a block
                // scalar, a comment behind a quoted one.
                let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
                let blank =
                    if end > start { self.text.as_bytes()[..end].iter().rev().take_while(is_blank).count() } else { 0 };
                let (end, quoting) = (end - blank, style.into());
                let is_behind = quoting == Quoting::Block || value.is_empty();
                let start = if is_behind { start } else { behind_properties(&self.text[..end], start) };
                let end = closing_quote(self.text, start).unwrap_or(end);
                let content = Content::Scalar { text: value.into_owned(), quoting };
                let tag = tag.map(|tag| tag.to_string());
                self.put(SpannedNode { position: self.source.position(span.start), start, end, anchor, tag, content });
            }
            Event::Alias(anchor) => {
                let (start, end) = (self.byte(span.start), self.byte(span.end));
                let content = Content::Alias(anchor);
                self.put(SpannedNode {
                    position: self.source.position(span.start),
                    start,
                    end,
                    anchor: 0,
                    tag: None,
                    content,
                });
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(span, anchor, tag.map(|tag| tag.to_string()), Collection::List)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.open(span, anchor, tag.map(|tag| tag.to_string()), Collection::Map)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, span: Span, anchor: usize, tag: Option<String>, kind: Collection) -> Result<(), YamlError> {
        let position = self.source.position(span.start);
        if self.open.len() == self.max_depth {
            return Err(YamlError::new(position, YamlErrorKind::TooDeep(self.max_depth)));
        }
        let (start, first) = (self.byte(span.start), self.nodes.len());
        self.open.push(OpenCollection { position, start, anchor, tag, kind, first });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), YamlError> {
        let Some(OpenCollection { position, start, anchor, tag, kind, first }) = self.open.pop() else { return Ok(()) };
        // The end event of a block collection has an empty span.
        let flow = !span.is_empty();
        let last = self.nodes[first..].last().map(|node| node.end);
        let (content, bracket) = match kind {
            Collection::List => (Content::List { items: self.nodes.drain(first..).collect(), flow }, b']'),
            Collection::Map => {
                let pairs = in_pairs(self.nodes.drain(first..));
                if self.duplicates == DuplicateKeys::Refused {
                    check_duplicate_keys(&pairs)?;
                }
                (Content::Map { pairs, flow }, b'}')
            }
        };
        let end = if flow {
            let from = self.byte(span.start);
            closing_bracket(self.text, from, bracket).unwrap_or_else(|| self.byte(span.end))
        } else {
            last.unwrap_or(start)
        };
        self.put(SpannedNode { position, start, end, anchor, tag, content });
        Ok(())
    }

    fn put(&mut self, mut node: SpannedNode) {
        if let Some(key) = self.key_without_value() {
            let missing = matches!(node.scalar(), Some(("", Quoting::Plain)));
            if missing && node.anchor == 0 && node.tag.is_none() {
                let rest = &self.text[key.end..];
                let blank = rest.len() - rest.trim_start().len();
                let behind = if rest[blank..].starts_with(':') { key.end + blank + 1 } else { key.end };
                (node.start, node.end) = (behind, behind);
            }
        }
        self.nodes.push(node);
    }

    /// The last key, if its value is the next node.
    fn key_without_value(&self) -> Option<&SpannedNode> {
        let open = self.open.last().filter(|open| open.kind == Collection::Map)?;
        self.nodes[open.first..].chunks(2).next_back().filter(|chunk| chunk.len() == 1)?.first()
    }
}

fn in_pairs(mut nodes: impl ExactSizeIterator<Item = SpannedNode>) -> Vec<SpannedPair> {
    let mut pairs = Vec::with_capacity(nodes.len() / 2);
    while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
        pairs.push(SpannedPair { key, value });
    }
    pairs
}

/// The byte where a scalar starts behind its anchor and its tag, which the parser's span includes.
fn behind_properties(text: &str, start: usize) -> usize {
    let mut rest = &text[start..];
    while rest.starts_with(['&', '!']) {
        rest = rest.trim_start_matches(|character: char| !character.is_whitespace()).trim_start();
    }
    text.len() - rest.len()
}

/// The byte behind the closing bracket. The parser's span may point to a trailing comma before it.
fn closing_bracket(text: &str, from: usize, bracket: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut offset = from;
    loop {
        match bytes.get(offset)? {
            byte if *byte == bracket => return Some(offset + 1),
            b',' | b' ' | b'\t' | b'\r' | b'\n' => offset += 1,
            b'#' => offset += text[offset..].find('\n')?,
            _ => return None,
        }
    }
}

/// Readers of YAML disagree about a duplicate key: one takes the first value, another the last, a third refuses the file.
fn check_duplicate_keys(pairs: &[SpannedPair]) -> Result<(), YamlError> {
    // Most mappings are small; a values file can have thousands of keys at its top.
    let mut seen = if pairs.len() > FEW_KEYS { HashMap::with_capacity(pairs.len()) } else { HashMap::new() };
    for (index, pair) in pairs.iter().enumerate() {
        let Some((key, _)) = pair.key.scalar() else { continue };
        let is_same = |other: &&SpannedPair| other.key.scalar().is_some_and(|(text, _)| text == key);
        let first = if pairs.len() > FEW_KEYS {
            seen.insert(key, pair.key.position)
        } else {
            pairs[..index].iter().find(is_same).map(|first| first.key.position)
        };
        if let Some(first) = first {
            let kind = YamlErrorKind::DuplicateKey { key: key.to_owned(), first };
            return Err(YamlError::new(pair.key.position, kind));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
