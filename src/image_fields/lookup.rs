//! Finds the value at a path, and refuses what cannot be edited safely.

use super::{
    path::{FieldPath, Step},
    text_block::BlockText,
};
use crate::yaml::{
    EditError, Position,
    quoting::is_null,
    text::parse_all,
    tree::{Content, Quoting, SpannedNode, SpannedPair},
};

/// Why there is no value to edit.
#[derive(Debug)]
pub enum LookupError {
    /// Nothing is at the path.
    Missing(EditError),
    /// It is there, and cannot be read or edited safely.
    Refused(EditError),
}

impl LookupError {
    pub fn into_error(self) -> EditError {
        match self {
            Self::Missing(error) | Self::Refused(error) => error,
        }
    }
}

/// A single value of a file, with its place in the file's text.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub value: String,
    pub quoting: Quoting,
    /// Within brackets or braces.
    pub flow: bool,
    pub position: Position,
    /// The bytes behind the key, or where the item of a list starts.
    pub from: usize,
    pub start: usize,
    pub end: usize,
    /// The block scalar that it is in, such as `helm.values: |`.
    pub block: Option<ScalarBlock>,
}

/// A block scalar with a document in it.
#[derive(Clone, Debug)]
pub struct ScalarBlock {
    /// Where it starts in the file's text.
    pub start: usize,
    /// The bytes of the value in its text.
    pub inner: Inner,
}

/// The place of a value in the text of a block scalar.
#[derive(Clone, Copy, Debug)]
pub struct Inner {
    pub from: usize,
    pub start: usize,
    pub end: usize,
}

impl Scalar {
    /// What Kubernetes' tools read: nothing for an empty value or null.
    pub fn text(&self) -> Option<&str> {
        (!is_null(&self.value, self.quoting)).then_some(&self.value)
    }
}

/// What a path leads to.
pub enum Found<'t> {
    Node {
        node: &'t SpannedNode,
        key: Option<&'t SpannedNode>,
        flow: bool,
    },
    /// The path continues in the text of a block scalar.
    Block {
        node: &'t SpannedNode,
        rest: FieldPath,
    },
}

/// Follows a path from the top of a document.
pub fn walk<'t>(text: &str, root: &'t SpannedNode, path: &FieldPath) -> Result<Found<'t>, LookupError> {
    let (mut node, mut key, mut flow) = (root, None, false);
    let refused = LookupError::Refused;
    for (index, step) in path.steps().iter().enumerate() {
        check_unshared(node, path).map_err(refused)?;
        check_rendered(node, path).map_err(refused)?;
        let missing = |actual: String| {
            let actual = format!("nothing is there: {actual}");
            LookupError::Missing(
                EditError::at(node.position, format!("`{path}`"))
                    .actual(actual)
                    .expected("a value at this path")
                    .next("correct the path in `files`; `create-entry: true` adds a last key that is missing"),
            )
        };
        (node, key) = match (&node.content, step) {
            (Content::Map { pairs, flow: braces }, Step::Key(name)) => {
                flow |= *braces;
                let pair = find_pair(text, root, pairs, name, path)?;
                let pair = pair.ok_or_else(|| missing(format!("{} has no key `{name}`", path.up_to(index))))?;
                (&pair.value, Some(&pair.key))
            }
            (Content::List { items, flow: brackets }, Step::Index(at)) => {
                flow |= *brackets;
                let item = items.get(*at);
                (item.ok_or_else(|| missing(format!("{} has {} items", path.up_to(index), items.len())))?, None)
            }
            (Content::List { items, flow: brackets }, Step::Item { keys, value }) => {
                flow |= *brackets;
                let item = find_item(text, root, items, keys, value, path)?;
                let no_item = || missing(format!("no item of {} has {}={value}", path.up_to(index), keys.join(".")));
                (item.ok_or_else(no_item)?, None)
            }
            (Content::Scalar { quoting: Quoting::Block, .. }, _) => {
                return Ok(Found::Block { node, rest: path.without_steps(index) });
            }
            (Content::Scalar { text, .. }, _) if text.contains('\n') => {
                return Err(LookupError::Refused(
                    EditError::at(node.position, format!("`{path}`"))
                        .actual(format!("{} is a text of several lines in quotes", path.up_to(index)))
                        .expected("a text block (`|`) with one YAML document, for a path that continues in it")
                        .next("write it as `|`"),
                ));
            }
            _ => return Err(missing(format!("{} is {}", path.up_to(index), node.kind()))),
        };
    }
    check_unshared(node, path).map_err(refused)?;
    Ok(Found::Node { node, key, flow })
}

/// The pair of a key. A merge key may contain it as well: it counts less than a key behind it, and readers disagree about one
/// before it.
fn find_pair<'t>(
    text: &str,
    root: &SpannedNode,
    pairs: &'t [SpannedPair],
    name: &str,
    path: &FieldPath,
) -> Result<Option<&'t SpannedPair>, LookupError> {
    let own = own_pair(root, pairs, name)?;
    let counts = |merge: &&SpannedPair| is_merge(merge) && own.is_none_or(|own| own.key.start < merge.key.start);
    if let Some(merge) = pairs.iter().find(counts) {
        let next = match own {
            Some(_) => "move `<<` above the mapping's other keys, or write the merged keys out",
            None => "write the merged keys out",
        };
        return Err(LookupError::Refused(
            EditError::at(merge.key.position, format!("`{path}`"))
                .actual("a merge key `<<` on the path")
                .expected("keys without a merge, or behind it")
                .next(next),
        ));
    }
    let Some(pair) = own else { return Ok(None) };
    // The key stays as it is: only a tag could make it another one.
    if pair.key.tag.is_some() {
        check_unshared(&pair.key, path).map_err(LookupError::Refused)?;
    }
    if text[..pair.key.start].trim_end_matches(' ').ends_with('?') {
        return Err(LookupError::Refused(
            EditError::at(pair.key.position, format!("`{path}`"))
                .actual("a key written with `?`")
                .expected("`key: value`")
                .next("write it so"),
        ));
    }
    Ok(Some(pair))
}

/// The pair that a mapping itself has for a key. Of a key that it has twice readers take the first, the last, or none.
fn own_pair<'t>(
    root: &SpannedNode,
    pairs: &'t [SpannedPair],
    name: &str,
) -> Result<Option<&'t SpannedPair>, LookupError> {
    let mut own = pairs.iter().filter(|pair| key_text(root, &pair.key) == Some(name));
    match (own.next(), own.next()) {
        (Some(first), Some(second)) => {
            Err(LookupError::Refused(EditError::duplicate_key(name, first.key.position, second.key.position)))
        }
        (own, _) => Ok(own),
    }
}

/// The text of a key, which may be an alias (`*app :`).
fn key_text<'n>(root: &'n SpannedNode, key: &'n SpannedNode) -> Option<&'n str> {
    resolved(root, key).scalar().map(|(text, _)| text)
}

/// The node, or the one that it is an alias of.
fn resolved<'n>(root: &'n SpannedNode, node: &'n SpannedNode) -> &'n SpannedNode {
    match node.content {
        Content::Alias(anchor) => root.anchored(anchor).unwrap_or(node),
        _ => node,
    }
}

/// The text at some keys of a document, which no merge is looked up for.
pub fn own_text<'t>(root: &'t SpannedNode, keys: &[&str]) -> Result<Option<&'t str>, LookupError> {
    let mut node = root;
    for key in keys {
        let Content::Map { pairs, .. } = &node.content else { return Ok(None) };
        let Some(pair) = own_pair(root, pairs, key)? else { return Ok(None) };
        node = resolved(root, &pair.value);
    }
    Ok(node.scalar().map(|(text, _)| text))
}

fn is_merge(pair: &SpannedPair) -> bool {
    matches!(pair.key.scalar(), Some(("<<", Quoting::Plain)))
}

/// The only item with a value at a key.
fn find_item<'t>(
    text: &str,
    root: &SpannedNode,
    items: &'t [SpannedNode],
    keys: &[String],
    value: &str,
    path: &FieldPath,
) -> Result<Option<&'t SpannedNode>, LookupError> {
    let mut matching = Vec::new();
    for item in items {
        let mut found = Some(resolved(root, item));
        for key in keys {
            let Some(SpannedNode { content: Content::Map { pairs, .. }, .. }) = found else {
                found = None;
                break;
            };
            // A merged key counts only where there is no own one.
            let pair = match own_pair(root, pairs, key)? {
                Some(own) => Some(own),
                None => find_pair(text, root, pairs, key, path)?,
            };
            found = pair.map(|pair| resolved(root, &pair.value));
        }
        if found.and_then(SpannedNode::scalar).is_some_and(|(text, _)| text == value) {
            matching.push(item);
        }
    }
    match &matching[..] {
        [first, second, ..] => Err(LookupError::Refused(two_places(path, first.position, second.position))),
        matching => Ok(matching.first().copied()),
    }
}

pub fn two_places(path: &FieldPath, first: Position, second: Position) -> EditError {
    EditError::at(second, format!("`{path}`"))
        .actual(format!("a second place that the path names, after the one on line {}", first.line))
        .expected("one place")
        .next("name one of them: an item by its name, a document of several by `document`")
}

/// Refuses an alias, an anchor, and a tag. `!!str` changes nothing, because a new value is text.
fn check_unshared(node: &SpannedNode, path: &FieldPath) -> Result<(), EditError> {
    let has_text = node.scalar().is_none_or(|(text, _)| !text.is_empty());
    let construct = match &node.content {
        Content::Alias(_) => "an alias (`*`)",
        _ if node.anchor != 0 => "an anchor (`&`)",
        Content::Scalar { .. } if has_text && node.tag.as_deref() == Some(TEXT_TAG) => return Ok(()),
        _ if node.tag.is_some() => "a tag (`!`)",
        _ => return Ok(()),
    };
    Err(EditError::at(node.position, format!("`{path}`"))
        .actual(format!("{construct} on the path, so that an edit here could change other values, or their types"))
        .expected("values without anchors, aliases and tags")
        .next("write the value out"))
}

/// `!!str`
const TEXT_TAG: &str = "tag:yaml.org,2002:!str";

/// Refuses a template that may become, or bring along, what the path names: the node itself, a key beside it, an item beside it.
fn check_rendered(node: &SpannedNode, path: &FieldPath) -> Result<(), EditError> {
    let template = match &node.content {
        _ if is_template(node) => Some(node),
        Content::Map { pairs, .. } => pairs.iter().map(|pair| &pair.key).find(|key| {
            is_template(key) || matches!(key.scalar(), Some((text, Quoting::Plain)) if text.contains("{{"))
        }),
        Content::List { items, .. } => items.iter().find(|item| is_template(item)),
        _ => None,
    };
    match template {
        Some(template) => Err(EditError::at(template.position, format!("`{path}`"))
            .actual("a template (`{{`) on the path")
            .expected("values without `{{` on the path")
            .next("name the place where the template's value comes from")),
        None => Ok(()),
    }
}

/// Whether a value is a template without quotes, which YAML reads as braces in braces.
fn is_template(node: &SpannedNode) -> bool {
    let Content::Map { pairs, flow: true } = &node.content else { return false };
    pairs.iter().any(|pair| matches!(pair.key.content, Content::Map { flow: true, .. }))
}

/// The value at a path of a document. `in_list` chooses an item where the path leads to a list of texts.
pub fn scalar_at(
    text: &str,
    root: &SpannedNode,
    path: &FieldPath,
    in_list: &dyn Fn(&str) -> bool,
) -> Result<Scalar, LookupError> {
    let (node, key, flow) = match walk(text, root, path)? {
        Found::Node { node, key, flow } => (node, key, flow),
        Found::Block { node, rest } => return scalar_in_block(text, node, &rest, path, in_list),
    };
    let (node, key, flow) = match &node.content {
        Content::List { items, flow: brackets } => {
            check_rendered(node, path).map_err(LookupError::Refused)?;
            let is_chosen = |item: &&SpannedNode| item.scalar().is_some_and(|(text, _)| in_list(text));
            let mut chosen = items.iter().filter(is_chosen);
            match (chosen.next(), chosen.next()) {
                (Some(first), Some(second)) => {
                    return Err(LookupError::Refused(two_places(path, first.position, second.position)));
                }
                (Some(item), None) => (item, None, flow || *brackets),
                (None, _) => {
                    return Err(LookupError::Missing(
                        EditError::at(node.position, format!("`{path}`"))
                            .actual("nothing is there: no text of this list is an image of the service")
                            .expected("one text with the service's image")
                            .next("correct the path in `files`, or `image` of the service"),
                    ));
                }
            }
        }
        _ => (node, key, flow),
    };
    check_unshared(node, path).map_err(LookupError::Refused)?;
    let refused = |actual: String, expected: &str, next: &str| {
        let error = EditError::at(node.position, format!("`{path}`"));
        Err(LookupError::Refused(error.actual(actual).expected(expected).next(next)))
    };
    match node.scalar() {
        None if is_template(node) => refused(
            "a template (`{{`)".to_owned(),
            "a value without `{{`",
            "name the place where the template's value comes from",
        ),
        None => refused(node.kind().to_owned(), "a single value", "correct the path in `files`"),
        Some((_, Quoting::Block)) => refused(
            "a block scalar (`|` or `>`)".to_owned(),
            "a value on the line of its key",
            "write it there; a path may go on in the text of a block scalar",
        ),
        Some((value, _)) if value.contains("{{") => refused(
            format!("`{value}`, a template"),
            "a value without `{{`",
            "name the place where the template's value comes from",
        ),
        Some((value, quoting)) => Ok(Scalar {
            value: value.to_owned(),
            quoting,
            flow,
            position: node.position,
            from: key.map_or(node.start, |key| key.end),
            start: node.start,
            end: node.end,
            block: None,
        }),
    }
}

/// The value in a document that is the text of a block scalar.
fn scalar_in_block(
    text: &str,
    node: &SpannedNode,
    rest: &FieldPath,
    path: &FieldPath,
    in_list: &dyn Fn(&str) -> bool,
) -> Result<Scalar, LookupError> {
    let refused = |actual: &str, next: &str| {
        let error = EditError::at(node.position, format!("`{path}`"));
        let expected = "a text block (`|`) with one YAML document, for a path that continues in it";
        LookupError::Refused(error.actual(actual).expected(expected).next(next))
    };
    let folded = || refused("a block scalar whose lines are folded", "write it as `|`");
    let block = BlockText::of(text, node).ok_or_else(folded)?;
    // In the words of the file: its position, and the whole path.
    let in_file = |error: EditError| {
        let EditError { position, mut finding } = error;
        if finding.check == format!("`{rest}`") {
            finding.check = format!("`{path}`");
        }
        EditError { position: position.map(|at| block.position(at)), finding }
    };
    let documents = parse_all(block.value).map_err(|error| LookupError::Refused(in_file(error)))?;
    let [document] = &documents[..] else {
        return Err(refused("a block scalar with no document or several", "name another place"));
    };
    let found = scalar_at(block.value, &document.root, rest, in_list).map_err(|error| match error {
        LookupError::Missing(error) => LookupError::Missing(in_file(error)),
        LookupError::Refused(error) => LookupError::Refused(in_file(error)),
    })?;
    if found.block.is_some() {
        return Err(refused("a block scalar within a block scalar", "name another place"));
    }
    let inner = Inner { from: found.from, start: found.start, end: found.end };
    let at = |offset: usize| block.offset(offset).ok_or_else(folded);
    Ok(Scalar {
        position: block.position(found.position),
        from: at(inner.from)?,
        start: at(inner.start)?,
        end: at(inner.end)?,
        block: Some(ScalarBlock { start: node.start, inner }),
        ..found
    })
}
