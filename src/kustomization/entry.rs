//! The images of a kustomization: which entry is whose, and everything that makes an answer unsure.

use super::scalar::{Quote, is_null};
use super::tree::{Node, Pair, Shape, Tree};
use super::{ImageChange, ImageEntry, KustomizationError};

/// The keys of an image entry (kustomize 5.8.1, `api/types/image.go`), in the order a person writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Name,
    NewName,
    NewTag,
    Digest,
    /// Appended to the manifest's own tag; setting the image takes it out.
    TagSuffix,
}

impl Field {
    const ALL: [Self; 5] = [Self::Name, Self::NewName, Self::NewTag, Self::Digest, Self::TagSuffix];

    pub const fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NewName => "newName",
            Self::NewTag => "newTag",
            Self::Digest => "digest",
            Self::TagSuffix => "tagSuffix",
        }
    }
}

impl ImageChange {
    /// What the entry is to hold under `field`. A new name equal to the name says nothing, so it is wanted only where one
    /// `stands` already.
    pub fn wants(&self, field: Field, stands: bool) -> Option<&str> {
        match field {
            Field::Name => Some(&self.name),
            Field::NewName => self.new_name.as_deref().filter(|new| stands || *new != self.name),
            Field::NewTag => self.tag.as_deref(),
            Field::Digest => self.digest.as_deref(),
            Field::TagSuffix => None,
        }
    }

    /// The fields of an entry that did not stand there yet.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.wants(field, false)?)))
    }
}

/// One entry of `images:`.
#[derive(Debug)]
pub struct Entry<'t> {
    pub index: usize,
    pub node: &'t Node,
    pub flow: bool,
    pub pairs: Vec<(Field, &'t Pair)>,
}

impl<'t> Entry<'t> {
    /// Kustomize matches keys whatever their case, as Go's `encoding/json` does; so does this.
    /// `braces`: the list is in brackets, where YAML allows `[name: app]` for a mapping that no key can be added to.
    fn of(text: &str, node: &'t Node, index: usize, braces: bool) -> Result<Self, KustomizationError> {
        let what = format!("images[{index}]");
        let Shape::Map { pairs, flow } = &node.shape else {
            return Err(KustomizationError::at(node.place, what)
                .actual(node.kind())
                .expected("a mapping with `name` and one of `newName`, `newTag`, `digest`"));
        };
        if braces && !text[node.start..].starts_with('{') {
            return Err(KustomizationError::at(node.place, what)
                .actual("a mapping without braces, between brackets")
                .expected("`{name: …, newTag: …}`")
                .next("write the braces"));
        }
        let mut entry = Self { index, node, flow: *flow, pairs: Vec::with_capacity(pairs.len()) };
        for pair in pairs {
            let key = pair.key.scalar().map(|(key, _)| key).unwrap_or_default();
            let field = Field::ALL.into_iter().find(|field| folds_to(key, field.key())).ok_or_else(|| {
                KustomizationError::at(pair.key.place, &what)
                    .actual(format!("the key `{key}`"))
                    .expected("name, newName, newTag, digest, tagSuffix")
                    .next("kustomize refuses other keys too; correct it")
            })?;
            check_key(text, &pair.key)?;
            if let Some(first) = entry.pair(field) {
                return Err(KustomizationError::twice(key, first.key.place, pair.key.place));
            }
            if pair.value.scalar().is_none() {
                return Err(KustomizationError::at(pair.value.place, format!("{what}.{key}"))
                    .actual(pair.value.kind())
                    .expected("a single value"));
            }
            entry.pairs.push((field, pair));
        }
        Ok(entry)
    }

    pub fn pair(&self, field: Field) -> Option<&'t Pair> {
        self.pairs.iter().find(|(theirs, _)| *theirs == field).map(|(_, pair)| *pair)
    }

    /// What kustomize reads under `field`: nothing when it is missing, null or empty.
    pub fn value(&self, field: Field) -> Option<&'t str> {
        self.pair(field).and_then(value)
    }

    pub fn read(&self) -> ImageEntry {
        let owned = |field| self.value(field).map(str::to_owned);
        ImageEntry {
            name: owned(Field::Name).unwrap_or_default(),
            new_name: owned(Field::NewName),
            tag: owned(Field::NewTag),
            digest: owned(Field::Digest),
        }
    }
}

/// What kustomize reads in a pair of an image entry.
pub fn value(pair: &Pair) -> Option<&str> {
    pair.value.scalar().filter(|(text, quote)| !is_null(text, *quote)).map(|(text, _)| text)
}

/// The `images:` of a kustomization.
#[derive(Debug)]
pub struct Images<'t> {
    /// Its key and value, which may be null; `None` when there is no such key.
    pub pair: Option<&'t Pair>,
    pub entries: Vec<Entry<'t>>,
}

impl<'t> Images<'t> {
    pub fn of(text: &str, tree: &'t Tree) -> Result<Self, KustomizationError> {
        let root = &tree.root;
        let Shape::Map { pairs, .. } = &root.shape else {
            return Err(KustomizationError::at(root.place, "the file")
                .actual(root.kind())
                .expected("a kustomization: a mapping with keys such as `resources`")
                .next("is it the right file?"));
        };
        check_plain(root, "the file")?;
        let mut found: Option<&Pair> = None;
        for pair in pairs {
            let Some((key, quote)) = pair.key.scalar() else { continue };
            if key == "<<" && quote == Quote::Plain {
                return Err(KustomizationError::at(pair.key.place, "the file")
                    .actual("a merge key `<<` at the top, which may bring `images` along")
                    .expected("keys that stand there themselves")
                    .next("write the merged keys out"));
            } else if folds_to(key, "images") {
                check_key(text, &pair.key)?;
                if let Some(first) = found.replace(pair) {
                    return Err(KustomizationError::twice(key, first.key.place, pair.key.place));
                }
            } else if folds_to(key, "imageTags") {
                return Err(KustomizationError::at(pair.key.place, "imageTags")
                    .actual("the old key, which kustomize applies after `images`")
                    .expected("images")
                    .next("rename it to `images`, or run `kustomize edit fix`, and commit that first"));
            } else if folds_to(key, "kind") {
                check_kind(&pair.value)?;
            }
        }
        let mut entries = Vec::new();
        if let Some(pair) = found {
            check_unshared(&pair.key)?;
            check_unshared(&pair.value)?;
            match &pair.value.shape {
                Shape::List { items, flow } => {
                    for (index, item) in items.iter().enumerate() {
                        entries.push(Entry::of(text, item, index, *flow)?);
                    }
                }
                Shape::Scalar { text, quote } if is_null(text, *quote) && *quote == Quote::Plain => {}
                _ => {
                    return Err(KustomizationError::at(pair.value.place, "images")
                        .actual(pair.value.kind())
                        .expected("a list of mappings, or nothing"));
                }
            }
        }
        Ok(Self { pair: found, entries })
    }

    /// The entry of `name`. Two of them are refused: kustomize applies both in turn, and its `edit set image` drops the second.
    pub fn entry(&self, name: &str) -> Result<Option<&Entry<'t>>, KustomizationError> {
        let mut named = self.entries.iter().filter(|entry| entry.value(Field::Name) == Some(name));
        let first = named.next();
        if let (Some(first), Some(second)) = (first, named.next()) {
            return Err(KustomizationError::at(second.node.place, format!("images[{}]", second.index))
                .actual(format!("a second entry for {name}, after the one on line {}", first.node.place.line))
                .expected("one entry for each name")
                .next("decide which of the two holds, and take the other out"));
        }
        Ok(first)
    }
}

/// Equal as Go's `encoding/json` compares keys: without regard to case, `ſ` and the Kelvin sign included.
pub fn folds_to(key: &str, field: &str) -> bool {
    key == field || key.to_uppercase().to_lowercase() == field.to_lowercase()
}

fn check_kind(value: &Node) -> Result<(), KustomizationError> {
    match value.scalar() {
        Some(("Kustomization" | "Component", _)) => Ok(()),
        Some((text, quote)) if is_null(text, quote) => Ok(()),
        other => Err(KustomizationError::at(value.place, "kind")
            .actual(other.map_or_else(|| value.kind().to_owned(), |(text, _)| text.to_owned()))
            .expected("Kustomization or Component")
            .next("is it the right file?")),
    }
}

/// A `? key` on a line of its own is YAML, but nothing to edit around.
fn check_key(text: &str, key: &Node) -> Result<(), KustomizationError> {
    if text[..key.start].trim_end_matches(' ').ends_with('?') {
        return Err(KustomizationError::at(key.place, "images")
            .actual("a key written with `?`")
            .expected("`key: value`"));
    }
    Ok(())
}

fn check_plain(node: &Node, what: &str) -> Result<(), KustomizationError> {
    let seen = match &node.shape {
        Shape::Alias(_) => "an alias (`*`)",
        _ if node.anchor != 0 => "an anchor (`&`)",
        _ if node.tag.is_some() => "a tag (`!`)",
        _ => return Ok(()),
    };
    Err(KustomizationError::at(node.place, what)
        .actual(format!("{seen}, so that an edit here could change what stands elsewhere"))
        .expected("values that stand there themselves")
        .next("write the value out"))
}

/// Refuses anchors, aliases, tags and merge keys anywhere in `node`.
fn check_unshared(node: &Node) -> Result<(), KustomizationError> {
    check_plain(node, "images")?;
    match &node.shape {
        Shape::List { items, .. } => items.iter().try_for_each(check_unshared),
        Shape::Map { pairs, .. } => pairs.iter().try_for_each(|pair| {
            if matches!(pair.key.scalar(), Some(("<<", Quote::Plain))) {
                return Err(KustomizationError::at(pair.key.place, "images")
                    .actual("a merge key `<<`")
                    .expected("values that stand there themselves")
                    .next("write the merged keys out"));
            }
            check_unshared(&pair.key)?;
            check_unshared(&pair.value)
        }),
        _ => Ok(()),
    }
}
