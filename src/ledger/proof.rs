//! Whether a commit did what its message claims: the image entries of a file before and after it.
//!
//! An entry is known by its change, not by its name: teams name entries by service, by repository, or by what their manifests
//! say. The rule that a reference in a message describes an entry:
//!
//! - The repository is the same (`newName`, or `name` without it).
//! - Every part that the entry has, tag and digest, is in the message with the same value.
//! - The message may add a part only to an entry that has another one: the digest that ran behind a tag that stands alone in
//!   the file, or the tag of an image that is pinned by digest alone. Such a part is a remark: nothing is deployed or
//!   restored by it.
//!
//! So a message cannot claim another image than the file got, and cannot claim less than the file pins.
//!
//! A service may have its image in several files. Each one that a commit changed has to have the claimed image, and one of them
//! the image before: files that disagreed are brought together.

use std::fmt;

use super::{layout::ImageFile, promotion::Promotion};
use crate::{
    image_entry::{EntryText, ImageEntry},
    image_fields::reference_parts,
    subject::Image,
};

/// The image entry that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryChange {
    pub file: ImageFile,
    /// `None` when the commit added the entry.
    pub before: Option<EntryText>,
    pub after: EntryText,
}

/// An image entry that has the claimed image since a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenChange {
    pub change: EntryChange,
    /// Whether it had the claimed image before.
    pub had_previous: bool,
}

impl ProvenChange {
    /// Why it does not prove the claim of a commit that changed no entry from the claimed image before.
    #[must_use]
    pub fn differing(&self) -> Unproven {
        let EntryChange { before, after, .. } = &self.change;
        let reference = |entry: &EntryText| entry.entry.reference();
        Unproven::Differs { before: before.as_ref().map(reference), after: Some(reference(after)) }
    }
}

/// Why a claim is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The commit changed no image in the file of its service and environment.
    Unchanged,
    /// It changed another image, or to another one. `None` when there is no entry.
    Differs { before: Option<String>, after: Option<String> },
    /// It set an image of a repository that is not the service's.
    Repository { expected: String, actual: String },
    /// The file cannot be read before or after it.
    Unreadable(String),
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |image: &Option<String>| image.clone().unwrap_or_else(|| "no image entry".to_owned());
        match self {
            Self::Unchanged => f.write_str("it changed no image entry"),
            Self::Differs { before, after } => {
                write!(f, "it changed the image from {} to {}", shown(before), shown(after))
            }
            Self::Repository { expected, actual } => {
                write!(f, "it set an image of {actual}, and `services` has {expected}")
            }
            Self::Unreadable(why) => write!(f, "its file cannot be read: {why}"),
        }
    }
}

/// The entry that a commit changed to the claimed image, and from the claimed one before if there is such an entry. `before` and
/// `after` are the entries of the file; `repository` is that of the service, if the config file has it.
pub(super) fn prove(
    promotion: &Promotion,
    file: &ImageFile,
    before: &[EntryText],
    after: &[EntryText],
    repository: Option<&Image>,
) -> Result<ProvenChange, Unproven> {
    let changes = changes(before, after);
    let has_image = |change: &&(Option<&EntryText>, Option<&EntryText>)| {
        change.1.is_some_and(|entry| is_described(&entry.entry, &promotion.image))
    };
    let had_previous = |change: &(Option<&EntryText>, Option<&EntryText>)| match (change.0, &promotion.previous) {
        (None, None) => true,
        (Some(entry), Some(previous)) => is_described(&entry.entry, previous),
        _ => false,
    };
    let claimed = changes.iter().find(|change| has_image(change) && had_previous(change));
    let Some((before, Some(after))) = claimed.or_else(|| changes.iter().find(has_image)) else {
        let reference = |entry: Option<&EntryText>| entry.map(|entry| entry.entry.reference());
        return Err(changes.first().map_or(Unproven::Unchanged, |(before, after)| Unproven::Differs {
            before: reference(*before),
            after: reference(*after),
        }));
    };
    let actual = after.entry.repository();
    match repository {
        Some(expected) if expected.as_str() != actual => {
            Err(Unproven::Repository { expected: expected.to_string(), actual: actual.to_owned() })
        }
        _ => {
            let had_previous = had_previous(&(*before, Some(*after)));
            let change = EntryChange { file: file.clone(), before: before.cloned(), after: (*after).clone() };
            Ok(ProvenChange { change, had_previous })
        }
    }
}

/// The entries before and after that differ in their image, by name. A name that one version has twice is left out: kustomize
/// applies both in turn.
#[must_use]
pub fn changes<'e>(
    before: &'e [EntryText],
    after: &'e [EntryText],
) -> Vec<(Option<&'e EntryText>, Option<&'e EntryText>)> {
    let once = |entries: &'e [EntryText], name: &str| {
        let mut named = entries.iter().filter(|entry| entry.entry.name == name);
        match (named.next(), named.next()) {
            (first, None) => Some(first),
            _ => None,
        }
    };
    let removed = before.iter().filter(|old| after.iter().all(|new| new.entry.name != old.entry.name));
    let names = after.iter().chain(removed).map(|entry| entry.entry.name.as_str());
    names
        .filter_map(|name| Some((once(before, name)?, once(after, name)?)))
        .filter(|(old, new)| old.map(|old| old.entry.reference()) != new.map(|new| new.entry.reference()))
        .collect()
}

/// Whether `reference`, as a message has it, describes an entry: the rule at the top of this file.
#[must_use]
pub fn is_described(entry: &ImageEntry, reference: &str) -> bool {
    if entry.reference() == reference {
        return true;
    }
    let (repository, tag, digest) = reference_parts(reference);
    let is_kept =
        |part: &Option<String>, claimed: Option<&str>| part.as_deref().is_none_or(|part| claimed == Some(part));
    let is_pinned = entry.tag.is_some() || entry.digest.is_some();
    entry.repository() == repository && is_kept(&entry.tag, tag) && is_kept(&entry.digest, digest) && is_pinned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kustomization,
        ledger::{PromotionKind, layout::FileImage},
    };

    const REPOSITORY: &str = "ghcr.io/acme/shop";

    fn entries(text: &str) -> Vec<EntryText> {
        kustomization::entries(text).unwrap()
    }

    /// One entry for each pair of name and image.
    fn file(images: &[(&str, &str)]) -> Vec<EntryText> {
        let mut text = "images:\n".to_owned();
        for (name, image) in images {
            let (repository, tag, digest) = reference_parts(image);
            text += &format!("- name: {name}\n  newName: {repository}\n");
            text += &tag.map(|tag| format!("  newTag: \"{tag}\"\n")).unwrap_or_default();
            text += &digest.map(|digest| format!("  digest: {digest}\n")).unwrap_or_default();
        }
        entries(&text)
    }

    fn claim(previous: Option<&str>, image: &str) -> Promotion {
        let service = "shop".parse().unwrap();
        Promotion {
            image: image.to_owned(),
            previous: previous.map(ToOwned::to_owned),
            ..Promotion::new(PromotionKind::Normal, service, "production".parse().unwrap())
        }
    }

    /// The name of the entry that proves a claim about a single file.
    fn proven(
        claim: &Promotion,
        before: &[EntryText],
        after: &[EntryText],
        repository: Option<&Image>,
    ) -> Result<String, Unproven> {
        let file = ImageFile { path: "k.yaml".to_owned(), image: FileImage::Entry };
        let proven = prove(claim, &file, before, after, repository)?;
        if proven.had_previous { Ok(proven.change.after.entry.name) } else { Err(proven.differing()) }
    }

    #[test]
    fn a_claim_is_proven_by_the_change_of_an_entry_of_any_name() {
        let (one, two) = ("ghcr.io/acme/shop:1", "ghcr.io/acme/shop:2");
        let (sidecar, other) = ("ghcr.io/acme/sidecar:1", "ghcr.io/acme/other:2");
        let repository: Image = REPOSITORY.parse().unwrap();
        let differs = |before: &str, after: &str| {
            Err(Unproven::Differs { before: Some(before.to_owned()), after: Some(after.to_owned()) })
        };
        for (before, after, previous, image, expected) in [
            (&[("shop", one)][..], &[("shop", two)][..], Some(one), two, Ok("shop")),
            (&[("x/y", one), ("b", sidecar)], &[("x/y", two), ("b", sidecar)], Some(one), two, Ok("x/y")),
            (&[("shop", one)], &[("shop", one)], Some(one), two, Err(Unproven::Unchanged)),
            (&[("shop", two)], &[("shop", two)], Some(one), two, Err(Unproven::Unchanged)),
            (&[("shop", one)], &[("shop", one)], Some(one), one, Err(Unproven::Unchanged)),
            (&[("shop", sidecar)], &[("shop", two)], Some(one), two, differs(sidecar, two)),
            (&[("shop", one)], &[("shop", sidecar)], Some(one), two, differs(one, sidecar)),
            (&[("shop", one)], &[("shop", two)], None, two, differs(one, two)),
            // The first promotion.
            (&[], &[("shop", two)], None, two, Ok("shop")),
            (&[("b", sidecar)], &[("b", sidecar), ("shop", two)], None, two, Ok("shop")),
            (
                &[],
                &[("shop", two)],
                Some(one),
                two,
                Err(Unproven::Differs { before: None, after: Some(two.to_owned()) }),
            ),
            (
                &[("shop", one)],
                &[],
                Some(one),
                two,
                Err(Unproven::Differs { before: Some(one.to_owned()), after: None }),
            ),
            // Two entries of one name: which of them is used is unknown.
            (
                &[("shop", one), ("shop", one)],
                &[("shop", two), ("shop", one)],
                Some(one),
                two,
                Err(Unproven::Unchanged),
            ),
            (
                &[("shop", one)],
                &[("shop", other)],
                Some(one),
                other,
                Err(Unproven::Repository { expected: REPOSITORY.to_owned(), actual: "ghcr.io/acme/other".to_owned() }),
            ),
        ] {
            let name = proven(&claim(previous, image), &file(before), &file(after), Some(&repository));
            assert_eq!(name, expected.map(ToOwned::to_owned), "{before:?} {after:?}");
        }
        let proven = proven(&claim(Some(one), other), &file(&[("a", one)]), &file(&[("a", other)]), None);
        assert!(proven.is_ok(), "without `services` any repository counts");
    }

    #[test]
    fn a_reference_may_add_to_an_entry_and_never_differ_from_it() {
        let digest = |fill: char| format!("sha256:{}", fill.to_string().repeat(64));
        let (a, b) = (digest('a'), digest('b'));
        let with = |tag: &str, digest: &str| format!("{REPOSITORY}{tag}{digest}");
        let (at_a, at_b) = (format!("@{a}"), format!("@{b}"));
        for (entry, reference, expected) in [
            (with(":1", ""), with(":1", ""), true),
            (with(":1", ""), with(":1", &at_a), true),
            (with("", &at_a), with(":1", &at_a), true),
            (with(":1", &at_a), with(":1", &at_a), true),
            (with(":1", &at_a), with(":1", ""), false),
            (with(":1", &at_a), with(":1", &at_b), false),
            (with(":1", &at_a), with("", &at_a), false),
            (with("", &at_a), with(":1", ""), false),
            (with("", &at_a), with(":1", &at_b), false),
            (with(":1", ""), with(":2", &at_a), false),
            (with(":1", ""), with("", ""), false),
            (with("", ""), with("", ""), true),
            (with("", ""), with(":1", ""), false),
            (with(":1", ""), with("x:1", ""), false),
        ] {
            let file = file(&[("shop", &entry)]);
            assert_eq!(is_described(&file[0].entry, &reference), expected, "{entry} {reference}");
        }
    }
}
