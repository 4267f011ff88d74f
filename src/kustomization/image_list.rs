//! The `images:` of a kustomization: finds the entry of an image, and refuses a file where the answer is unsure.

use super::image::ImageKey;
use crate::{
    image_entry::ImageEntry,
    yaml::{
        EditError,
        quoting::is_null,
        tree::{Content, Document, Quoting, SpannedNode, SpannedPair},
    },
};

/// One item of `images:`.
#[derive(Debug)]
pub struct ImageItem<'t> {
    pub index: usize,
    pub node: &'t SpannedNode,
    pub flow: bool,
    pub pairs: Vec<(ImageKey, &'t SpannedPair)>,
}

impl<'t> ImageItem<'t> {
    /// Matches keys regardless of case, as kustomize does with Go's `encoding/json`.
    /// `in_brackets`: the list is a flow list, where YAML allows `[name: app]` for a mapping that no key can be added to.
    fn read(text: &str, node: &'t SpannedNode, index: usize, in_brackets: bool) -> Result<Self, EditError> {
        let part = format!("images[{index}]");
        let Content::Map { pairs, flow } = &node.content else {
            return Err(EditError::at(node.position, part)
                .actual(node.kind())
                .expected("a mapping with `name` and one of `newName`, `newTag`, `digest`"));
        };
        if in_brackets && !text[node.start..].starts_with('{') {
            return Err(EditError::at(node.position, part)
                .actual("a mapping without braces, between brackets")
                .expected("`{name: …, newTag: …}`")
                .next("write the braces"));
        }
        let mut item = Self { index, node, flow: *flow, pairs: Vec::with_capacity(pairs.len()) };
        for pair in pairs {
            let name = pair.key.scalar().map(|(name, _)| name).unwrap_or_default();
            let key = ImageKey::ALL.into_iter().find(|key| is_same_key(name, key.name())).ok_or_else(|| {
                EditError::at(pair.key.position, &part)
                    .actual(format!("the key `{name}`"))
                    .expected("name, newName, newTag, digest, tagSuffix")
                    .next("kustomize refuses other keys too; correct it")
            })?;
            check_key_style(text, &pair.key)?;
            if let Some(first) = item.pair(key) {
                return Err(EditError::duplicate_key(name, first.key.position, pair.key.position));
            }
            if pair.value.scalar().is_none() {
                return Err(EditError::at(pair.value.position, format!("{part}.{name}"))
                    .actual(pair.value.kind())
                    .expected("a single value"));
            }
            item.pairs.push((key, pair));
        }
        Ok(item)
    }

    pub fn pair(&self, key: ImageKey) -> Option<&'t SpannedPair> {
        self.pairs.iter().find(|(other, _)| *other == key).map(|(_, pair)| *pair)
    }

    /// What kustomize reads under `key`: nothing if it is missing, null or empty.
    pub fn value(&self, key: ImageKey) -> Option<&'t str> {
        self.pair(key).and_then(pair_value)
    }

    pub fn entry(&self) -> ImageEntry {
        let owned = |key| self.value(key).map(str::to_owned);
        ImageEntry {
            name: owned(ImageKey::Name).unwrap_or_default(),
            new_name: owned(ImageKey::NewName),
            tag: owned(ImageKey::NewTag),
            digest: owned(ImageKey::Digest),
        }
    }
}

/// What kustomize reads in a pair of an image entry.
pub fn pair_value(pair: &SpannedPair) -> Option<&str> {
    pair.value.scalar().filter(|(text, quoting)| !is_null(text, *quoting)).map(|(text, _)| text)
}

/// The `images:` of a kustomization.
#[derive(Debug)]
pub struct ImageList<'t> {
    /// The key and its value, which may be null; `None` when the key is missing.
    pub pair: Option<&'t SpannedPair>,
    pub items: Vec<ImageItem<'t>>,
}

impl<'t> ImageList<'t> {
    pub fn read(text: &str, document: &'t Document) -> Result<Self, EditError> {
        let root = &document.root;
        let Content::Map { pairs, .. } = &root.content else {
            return Err(EditError::at(root.position, "the file")
                .actual(root.kind())
                .expected("a kustomization: a mapping with keys such as `resources`")
                .next("is it the right file?"));
        };
        check_plain(root, "the file")?;
        let mut images: Option<&SpannedPair> = None;
        for pair in pairs {
            let Some((key, quoting)) = pair.key.scalar() else { continue };
            if key == "<<" && quoting == Quoting::Plain {
                return Err(EditError::at(pair.key.position, "the file")
                    .actual("a merge key `<<` at the top, which may contain `images`")
                    .expected("keys without a merge")
                    .next("write the merged keys out"));
            } else if is_same_key(key, "images") {
                check_key_style(text, &pair.key)?;
                if let Some(first) = images.replace(pair) {
                    return Err(EditError::duplicate_key(key, first.key.position, pair.key.position));
                }
            } else if is_same_key(key, "imageTags") {
                return Err(EditError::at(pair.key.position, "imageTags")
                    .actual("the old key, which kustomize applies after `images`")
                    .expected("images")
                    .next("rename it to `images`, or run `kustomize edit fix`, and commit that first"));
            } else if is_same_key(key, "kind") {
                check_kind(&pair.value)?;
            }
        }
        let mut items = Vec::new();
        if let Some(pair) = images {
            check_unshared(&pair.key)?;
            check_unshared(&pair.value)?;
            match &pair.value.content {
                Content::List { items: nodes, flow } => {
                    for (index, node) in nodes.iter().enumerate() {
                        items.push(ImageItem::read(text, node, index, *flow)?);
                    }
                }
                Content::Scalar { text, quoting } if is_null(text, *quoting) && *quoting == Quoting::Plain => {}
                _ => {
                    return Err(EditError::at(pair.value.position, "images")
                        .actual(pair.value.kind())
                        .expected("a list of mappings, or nothing"));
                }
            }
        }
        Ok(Self { pair: images, items })
    }

    /// The item of `name`. Two of them are refused: kustomize applies both in turn, and its `edit set image` removes the second.
    pub fn item(&self, name: &str) -> Result<Option<&ImageItem<'t>>, EditError> {
        let mut named = self.items.iter().filter(|item| item.value(ImageKey::Name) == Some(name));
        let first = named.next();
        if let (Some(first), Some(second)) = (first, named.next()) {
            return Err(EditError::at(second.node.position, format!("images[{}]", second.index))
                .actual(format!("a second entry for {name}, after the one on line {}", first.node.position.line))
                .expected("one entry for each name")
                .next("keep one of the two, and take the other out"));
        }
        Ok(first)
    }
}

/// Compares keys as Go's `encoding/json` does: regardless of case, `ſ` and the Kelvin sign included.
pub fn is_same_key(key: &str, known: &str) -> bool {
    key == known || key.to_uppercase().to_lowercase() == known.to_lowercase()
}

fn check_kind(value: &SpannedNode) -> Result<(), EditError> {
    match value.scalar() {
        Some(("Kustomization" | "Component", _)) => Ok(()),
        Some((text, quoting)) if is_null(text, quoting) => Ok(()),
        other => Err(EditError::at(value.position, "kind")
            .actual(other.map_or_else(|| value.kind().to_owned(), |(text, _)| text.to_owned()))
            .expected("Kustomization or Component")
            .next("is it the right file?")),
    }
}

/// A `? key` on its own line is valid YAML, but cannot be edited around.
fn check_key_style(text: &str, key: &SpannedNode) -> Result<(), EditError> {
    if text[..key.start].trim_end_matches(' ').ends_with('?') {
        return Err(EditError::at(key.position, "images").actual("a key written with `?`").expected("`key: value`"));
    }
    Ok(())
}

fn check_plain(node: &SpannedNode, part: &str) -> Result<(), EditError> {
    let construct = match &node.content {
        Content::Alias(_) => "an alias (`*`)",
        _ if node.anchor != 0 => "an anchor (`&`)",
        _ if node.tag.is_some() => "a tag (`!`)",
        _ => return Ok(()),
    };
    Err(EditError::at(node.position, part)
        .actual(format!("{construct}, so that an edit here could change other values of the file"))
        .expected("values without anchors, aliases and tags")
        .next("write the value out"))
}

/// Refuses anchors, aliases, tags and merge keys anywhere in `node`.
fn check_unshared(node: &SpannedNode) -> Result<(), EditError> {
    check_plain(node, "images")?;
    match &node.content {
        Content::List { items, .. } => items.iter().try_for_each(check_unshared),
        Content::Map { pairs, .. } => pairs.iter().try_for_each(|pair| {
            if matches!(pair.key.scalar(), Some(("<<", Quoting::Plain))) {
                return Err(EditError::at(pair.key.position, "images")
                    .actual("a merge key `<<`")
                    .expected("keys without a merge")
                    .next("write the merged keys out"));
            }
            check_unshared(&pair.key)?;
            check_unshared(&pair.value)
        }),
        _ => Ok(()),
    }
}
