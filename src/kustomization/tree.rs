//! One YAML document as a tree that knows where every node stands in the text.
//!
//! `saphyr-parser` gives events with their places; this gathers them, in bytes, and straightens what its spans leave
//! open: the end of block collections, closing brackets after a trailing comma, values that are not there.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::KustomizationError;
use super::scalar::Quote;

/// How deep a file may nest. Kustomizations stay under ten; the limit keeps recursion over the tree harmless.
const DEPTH: usize = 100;

/// Where something starts, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug)]
pub struct Node {
    pub place: Place,
    /// Bytes. Exact for plain and quoted scalars and flow collections. A block collection ends with its last node; a block
    /// scalar starts after its header. A value that is not there stands behind its colon, or behind its key without one.
    pub start: usize,
    pub end: usize,
    /// The parser's number of its anchor; 0 for none.
    pub anchor: usize,
    pub tag: Option<String>,
    pub shape: Shape,
}

#[derive(Debug)]
pub enum Shape {
    Scalar { text: String, quote: Quote },
    List { items: Vec<Node>, flow: bool },
    Map { pairs: Vec<Pair>, flow: bool },
    Alias(usize),
}

#[derive(Debug)]
pub struct Pair {
    pub key: Node,
    pub value: Node,
}

/// The only document of a text.
#[derive(Debug)]
pub struct Tree {
    pub root: Node,
    /// Where the document's text ends: its `...` line, or the end of the text.
    pub end: usize,
}

impl Node {
    /// The text and quoting of a scalar.
    pub fn scalar(&self) -> Option<(&str, Quote)> {
        match &self.shape {
            Shape::Scalar { text, quote } => Some((text, *quote)),
            _ => None,
        }
    }

    /// Equal but for the place: same values, same quoting, same style, same anchors and tags.
    pub fn same(&self, other: &Self) -> bool {
        self.anchor == other.anchor
            && self.tag == other.tag
            && match (&self.shape, &other.shape) {
                (Shape::Scalar { text, quote }, Shape::Scalar { text: theirs, quote: style }) => {
                    text == theirs && quote == style
                }
                (Shape::List { items, flow }, Shape::List { items: theirs, flow: style }) => {
                    flow == style && items.len() == theirs.len() && items.iter().zip(theirs).all(|(a, b)| a.same(b))
                }
                (Shape::Map { pairs, flow }, Shape::Map { pairs: theirs, flow: style }) => {
                    flow == style && pairs.len() == theirs.len() && pairs.iter().zip(theirs).all(|(a, b)| a.same(b))
                }
                (Shape::Alias(anchor), Shape::Alias(theirs)) => anchor == theirs,
                _ => false,
            }
    }

    /// What it is, for an error message.
    pub fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::Scalar { text, quote: Quote::Plain } if text.is_empty() => "nothing",
            Shape::Scalar { .. } => "a single value",
            Shape::List { .. } => "a list",
            Shape::Map { .. } => "a mapping",
            Shape::Alias(_) => "an alias",
        }
    }
}

impl Pair {
    pub fn same(&self, other: &Self) -> bool {
        self.key.same(&other.key) && self.value.same(&other.value)
    }
}

/// A collection that is still open.
struct Frame {
    place: Place,
    start: usize,
    anchor: usize,
    tag: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { pairs: Vec<Pair>, key: Option<Node> },
}

/// Reads the only document of `text`.
pub fn parse(text: &str) -> Result<Tree, KustomizationError> {
    check_characters(text)?;
    let mut gathering = Gathering {
        text,
        // The parser counts characters.
        offsets: text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
        open: Vec::new(),
        root: None,
    };
    let mut end = text.len();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| unreadable(text, place(*error.marker()), error.info()))?;
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(KustomizationError::at(place(span.start), "the file")
                        .actual("a second YAML document")
                        .expected("one document")
                        .next("keep the kustomization alone in its file"));
                }
            }
            Event::DocumentEnd if documents == 1 && !span.is_empty() => end = gathering.offset(span.start),
            event => gathering.take(event, span)?,
        }
    }
    let root = gathering.root.ok_or_else(|| {
        KustomizationError::at(Place { line: 1, column: 1 }, "the file")
            .actual("no YAML document, only blank lines and comments")
            .expected("a kustomization: a mapping with keys such as `resources`")
            .next("is it the right file?")
    })?;
    Ok(Tree { root, end })
}

struct Gathering<'t> {
    text: &'t str,
    offsets: Vec<usize>,
    open: Vec<Frame>,
    root: Option<Node>,
}

impl Gathering<'_> {
    fn offset(&self, marker: Marker) -> usize {
        self.offsets.get(marker.index()).copied().unwrap_or(self.text.len())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), KustomizationError> {
        let (start, end) = (self.offset(span.start), self.offset(span.end));
        let leaf = |anchor, tag, end, shape| Node { place: place(span.start), start, end, anchor, tag, shape };
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let quote = match style {
                    ScalarStyle::Plain => Quote::Plain,
                    ScalarStyle::SingleQuoted => Quote::Single,
                    ScalarStyle::DoubleQuoted => Quote::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Quote::Block,
                };
                // Spans take in what is blank behind a scalar: a space before a bracket, the lines after a block scalar.
                let end =
                    if end > start { self.text[..end].trim_end_matches([' ', '\t', '\r', '\n']).len() } else { end };
                let shape = Shape::Scalar { text: value.into_owned(), quote };
                self.put(leaf(anchor, tag.map(|tag| tag.to_string()), end, shape));
            }
            Event::Alias(anchor) => self.put(leaf(0, None, end, Shape::Alias(anchor))),
            Event::SequenceStart(anchor, tag) => {
                self.enter(span, anchor, tag.map(|tag| tag.to_string()), Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { pairs: Vec::new(), key: None };
                self.enter(span, anchor, tag.map(|tag| tag.to_string()), content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(span)?,
            _ => {}
        }
        Ok(())
    }

    fn enter(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<String>,
        content: Content,
    ) -> Result<(), KustomizationError> {
        if self.open.len() == DEPTH {
            return Err(KustomizationError::at(place(span.start), "the file")
                .actual(format!("more than {DEPTH} levels of nesting"))
                .expected("a kustomization"));
        }
        self.open.push(Frame { place: place(span.start), start: self.offset(span.start), anchor, tag, content });
        Ok(())
    }

    fn leave(&mut self, span: Span) -> Result<(), KustomizationError> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        // The end of a block collection is no character of its own.
        let flow = !span.is_empty();
        let (shape, last, bracket) = match frame.content {
            Content::List(items) => {
                let last = items.last().map(|item| item.end);
                (Shape::List { items, flow }, last, b']')
            }
            Content::Map { pairs, .. } => {
                check_keys(&pairs)?;
                let last = pairs.last().map(|pair| pair.value.end);
                (Shape::Map { pairs, flow }, last, b'}')
            }
        };
        let end = if flow {
            closing(self.text, self.offset(span.start), bracket).unwrap_or_else(|| self.offset(span.end))
        } else {
            last.unwrap_or(frame.start)
        };
        self.put(Node { place: frame.place, start: frame.start, end, anchor: frame.anchor, tag: frame.tag, shape });
        Ok(())
    }

    fn put(&mut self, mut node: Node) {
        match self.open.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { pairs, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => {
                    let missing = matches!(node.scalar(), Some(("", Quote::Plain)));
                    if missing && node.anchor == 0 && node.tag.is_none() {
                        let rest = &self.text[key.end..];
                        let blank = rest.len() - rest.trim_start().len();
                        let behind = if rest[blank..].starts_with(':') { key.end + blank + 1 } else { key.end };
                        (node.start, node.end) = (behind, behind);
                    }
                    pairs.push(Pair { key, value: node });
                }
            },
        }
    }
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// The byte behind the closing bracket: the parser's span may stand at a trailing comma before it.
fn closing(text: &str, from: usize, bracket: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        match bytes.get(at)? {
            byte if *byte == bracket => return Some(at + 1),
            b',' | b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => at += text[at..].find('\n')?,
            _ => return None,
        }
    }
}

/// A key that stands twice: one reader takes the first, another the last, a third refuses.
fn check_keys(pairs: &[Pair]) -> Result<(), KustomizationError> {
    for (index, pair) in pairs.iter().enumerate() {
        let Some((key, _)) = pair.key.scalar() else { continue };
        if let Some(first) = pairs[..index].iter().find(|other| other.key.scalar().is_some_and(|(text, _)| text == key))
        {
            return Err(KustomizationError::twice(key, first.key.place, pair.key.place));
        }
    }
    Ok(())
}

/// Characters that readers of YAML see differently: some take NEL, LS, PS or a lone CR for the end of a line.
fn check_characters(text: &str) -> Result<(), KustomizationError> {
    let mut here = Place { line: 1, column: 1 };
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let seen = match character {
            '\u{feff}' if here == (Place { line: 1, column: 1 }) => "a byte order mark".to_owned(),
            '\r' if rest.peek() != Some(&'\n') => "a carriage return without a line feed".to_owned(),
            '\t' | '\r' | '\n' => String::new(),
            '\u{2028}' | '\u{2029}' => format!("the character U+{:04X}", u32::from(character)),
            control if control.is_control() => format!("the control character U+{:04X}", u32::from(control)),
            _ => String::new(),
        };
        if !seen.is_empty() {
            return Err(KustomizationError::at(here, "the file")
                .actual(seen)
                .expected("UTF-8 without a byte order mark, lines ending in LF or CRLF")
                .next("take the character out"));
        }
        here = match character {
            '\n' => Place { line: here.line + 1, column: 1 },
            _ => Place { column: here.column + 1, ..here },
        };
    }
    Ok(())
}

fn unreadable(text: &str, place: Place, info: &str) -> KustomizationError {
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    let next =
        if line.contains('\t') { "use spaces instead of the tab on this line" } else { "make the file valid YAML" };
    KustomizationError::at(place, "the file")
        .actual(format!("no valid YAML: {info}"))
        .expected("one YAML document")
        .next(next)
}
