//! The image entry of a `kustomization.yaml`: read it, set it.
//!
//! [`set_image`] means what `kustomize edit set image NAME=NEWNAME:TAG@DIGEST` means (kustomize 5.8.1,
//! `kustomize/commands/edit/set/setimage.go`): the entry of that name holds exactly what was given and nothing it held
//! before, or is added at the end. Unlike kustomize, which writes the whole file anew and sorts the images by name, it
//! leaves every other byte alone, and so the order too, in which kustomize applies the entries one after the other.
//! Where kustomize would guess (two entries of one name, aliases that may bring the image along), it refuses.
//!
//! The parts: [`tree`] knows where every node stands, [`entry`] finds the image in it, [`splice`] and
//! [`append`] plan the smallest edit, [`proof`] holds the result against the original before anybody gets to see it.

mod append;
mod entry;
mod proof;
mod scalar;
mod splice;
mod tree;

use std::fmt;

use self::entry::Images;
pub use self::tree::Place;
use crate::finding::Finding;

/// Where the overlays stand in the infra repository, unless a setting says otherwise.
pub const USUAL_PLACE: &str = "apps/{service}/overlays/{environment}/kustomization.yaml";

/// What `kustomize edit set image` is told. A part that is `None` is taken out of the entry, as kustomize does: a tag alone
/// drops the digest, a digest alone the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// The image as the manifests name it: `images[].name`.
    pub name: String,
    /// The repository to take it from. Equal to `name` it says nothing new, and is written only where a `newName` stands.
    pub new_name: Option<String>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// An image entry as it stands: empty and null parts are `None`, as they are to kustomize. A plain `newTag: 1.10` reads `1.10`
/// here, while kustomize refuses the number: only [`Edited::changed`] says whether the entry is fine as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    pub name: String,
    pub new_name: Option<String>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

impl ImageEntry {
    /// The image that the entry makes kustomize render: `registry/app:1.4.2@sha256:…`. Without tag and digest only the
    /// name: the manifests decide then.
    pub fn reference(&self) -> String {
        let mut reference = self.new_name.as_ref().unwrap_or(&self.name).clone();
        for (mark, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                reference.push(mark);
                reference.push_str(part);
            }
        }
        reference
    }
}

/// A kustomization after [`set_image`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    pub text: String,
    /// The entry before; `None` when there was none.
    pub previous: Option<ImageEntry>,
    /// False when the entry already held exactly this; `text` is then the original.
    pub changed: bool,
}

/// Why a kustomization cannot be read or edited safely. Texts are raw: they may hold what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KustomizationError {
    /// The part it is about: `images[1].newTag`, `the file`.
    pub what: String,
    /// Where in the file; `None` when it is the change that cannot be used.
    pub place: Option<Place>,
    pub actual: String,
    pub expected: String,
    pub next: String,
}

impl KustomizationError {
    fn at(place: Place, what: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::with(what) }
    }

    fn with(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, actual: String::new(), expected: String::new(), next: String::new() }
    }

    fn twice(key: &str, first: Place, second: Place) -> Self {
        Self::at(second, format!("key `{key}`"))
            .actual(format!("it stands twice in one mapping, first on line {}", first.line))
            .expected("each key once")
            .next("take one of the two out")
    }

    fn actual(self, actual: impl Into<String>) -> Self {
        Self { actual: actual.into(), ..self }
    }

    fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), ..self }
    }

    fn next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    /// As the complaint of a command that was asked to use `file`.
    #[must_use]
    pub fn to_finding(self, file: &str) -> Finding {
        let origin = self.place.map_or_else(|| file.to_owned(), |at| format!("{file}:{}:{}", at.line, at.column));
        self.without_origin().with_origin(origin)
    }

    fn without_origin(self) -> Finding {
        Finding::inconclusive(self.what).actual(self.actual).expected(self.expected).next(self.next)
    }
}

impl fmt::Display for KustomizationError {
    /// One line, for who knows which file it is about: `images[0].newTag (line 4, column 11): a list; expected …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finding = self.clone().without_origin();
        match self.place {
            Some(at) => finding.with_origin(format_args!("line {}, column {}", at.line, at.column)).fmt(f),
            None => finding.fmt(f),
        }
    }
}

/// Sets the image entry of `change.name` in `text`.
///
/// The result is read back before it is returned: everything but the entry is the same, byte by byte and node by node, and
/// the entry holds what was asked for.
pub fn set_image(text: &str, change: &ImageChange) -> Result<Edited, KustomizationError> {
    check(change)?;
    let tree = tree::parse(text)?;
    let images = Images::of(text, &tree)?;
    let entry = images.entry(&change.name)?;
    let plan = match entry {
        Some(entry) => splice::amend(text, entry, change)?,
        None => append::append(text, &tree, &images, change)?,
    };
    let previous = entry.map(entry::Entry::read);
    if plan.is_empty() {
        return Ok(Edited { text: text.to_owned(), previous, changed: false });
    }
    let reach = plan.reach.clone();
    let edited = plan.apply(text).ok_or_else(|| proof::refused("its parts would overlap"))?;
    proof::hold(text, &edited, &reach, change)?;
    Ok(Edited { text: edited, previous, changed: true })
}

/// The image entry of `name`, if the kustomization has one.
pub fn image(text: &str, name: &str) -> Result<Option<ImageEntry>, KustomizationError> {
    let tree = tree::parse(text)?;
    let images = Images::of(text, &tree)?;
    Ok(images.entry(name)?.map(entry::Entry::read))
}

/// Values that cannot be an image's, whatever checked them before: quotes, blanks and line ends never get into the file.
fn check(change: &ImageChange) -> Result<(), KustomizationError> {
    let parts = [("newName", &change.new_name), ("newTag", &change.tag), ("digest", &change.digest)];
    let given = parts.iter().filter_map(|(key, value)| Some((*key, value.as_ref()?)));
    for (key, value) in [("name", &change.name)].into_iter().chain(given) {
        // `name` is a pattern to kustomize, and some use it as one.
        let (fits, expected): (fn(u8) -> bool, _) = match key {
            "name" => (|byte| byte.is_ascii_graphic(), "ASCII characters without blanks, at least one"),
            _ => (scalar::is_usual, "letters, digits and ._-/:@+, at least one"),
        };
        if value.is_empty() || !value.bytes().all(fits) {
            return Err(KustomizationError::with(format!("image {key}"))
                .actual(format!("{value:?}"))
                .expected(expected));
        }
    }
    if parts.iter().all(|(_, value)| value.is_none()) {
        return Err(KustomizationError::with(format!("image {}", change.name))
            .actual("neither new name nor tag nor digest")
            .expected("at least one of them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
