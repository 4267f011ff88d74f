//! Compares an edited kustomization with the original: only the image entry may differ.

use std::ops::Range;

use super::{
    document::parse,
    image::{ImageChange, ImageKey},
    image_list::{ImageItem, ImageList, is_same_key},
};
use crate::yaml::{
    EditError,
    quoting::plain_is_text,
    tree::{Content, Document, Quoting, SpannedPair},
};

/// Refuses an edit that changes a byte outside `reach` or any other node, or that leaves other values in the entry than those
/// of `change`.
pub fn verify(before: &str, after: &str, reach: &Range<usize>, change: &ImageChange) -> Result<(), EditError> {
    verify_entry(before, after, reach, &change.name, &|item| holds(item, change))
}

/// Refuses an edit that changes a byte outside `reach` or any other node, or after which the entry of `name` does not hold what
/// is requested.
pub fn verify_entry(
    before: &str,
    after: &str,
    reach: &Range<usize>,
    name: &str,
    holds: &dyn Fn(&ImageItem<'_>) -> bool,
) -> Result<(), EditError> {
    let (head, tail) = (&before[..reach.start], &before[reach.end..]);
    if after.len() < head.len() + tail.len() || !after.starts_with(head) || !after.ends_with(tail) {
        return Err(refused("bytes outside the image entry would change"));
    }
    let old = parse(before)?;
    let new = parse(after).map_err(|error| refused(format!("the file would not be readable any more: {error}")))?;
    let (old_pairs, new_pairs) = (pairs_without_images(&old), pairs_without_images(&new));
    if old_pairs.len() != new_pairs.len() || !old_pairs.iter().zip(new_pairs).all(|(old, new)| old.is_same(new)) {
        return Err(refused("keys other than `images` would change"));
    }
    let (old, new) = (ImageList::read(before, &old)?, ImageList::read(after, &new)?);
    let index = old.item(name)?.map_or(old.items.len(), |item| item.index);
    let item = new.item(name)?.filter(|item| item.index == index);
    if !item.is_some_and(holds) {
        return Err(refused(format!("the entry for {name} would not hold the requested values")));
    }
    let others = |images: &ImageList<'_>| images.items.iter().filter(|item| item.index != index).count();
    let same = old.items.iter().zip(&new.items).all(|(old, new)| old.index == index || old.node.is_same(new.node));
    if others(&old) != others(&new) || !same {
        return Err(refused("other entries of `images` would change"));
    }
    Ok(())
}

/// Whether an entry holds exactly the requested values, written so that every reader takes them for text.
fn holds(item: &ImageItem<'_>, change: &ImageChange) -> bool {
    ImageKey::ALL.into_iter().all(|key| {
        let value = item.value(key);
        value == change.value(key, value.is_some())
    }) && is_text(item)
}

/// Whether every reader takes the values of an entry for text.
pub fn is_text(item: &ImageItem<'_>) -> bool {
    item.pairs.iter().all(|(key, pair)| {
        let quoting = pair.value.scalar().map_or(Quoting::Plain, |(_, quoting)| quoting);
        quoting != Quoting::Plain || item.value(*key).is_none_or(plain_is_text)
    })
}

fn pairs_without_images(document: &Document) -> Vec<&SpannedPair> {
    let Content::Map { pairs, .. } = &document.root.content else { return Vec::new() };
    pairs.iter().filter(|pair| !pair.key.scalar().is_some_and(|(key, _)| is_same_key(key, "images"))).collect()
}

pub fn refused(actual: impl Into<String>) -> EditError {
    EditError::of_change("the edit")
        .actual(actual)
        .expected("a change of the image entry only")
        .next("set the image by hand once, each key on its own line: `- name: …`, `newTag: …`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_changes_more_than_requested_is_refused() {
        let before = "resources: [a]\nimages:\n- name: app\n  newTag: v1\n- name: db\n";
        let change = ImageChange { name: "app".into(), new_name: None, tag: Some("v2".into()), digest: None };
        let reach = before.find("name: app").unwrap()..before.find("\n- name: db").unwrap();
        let verdict = |after: &str, reach: &Range<usize>| {
            verify(before, after, reach, &change).map_err(|error| error.finding.actual)
        };
        let good = before.replace("v1", "v2");
        assert_eq!(verdict(&good, &reach), Ok(()));
        let all = 0..before.len();
        for (after, reach, error) in [
            (good.replace("[a]", "[b]"), &reach, "bytes outside the image entry would change"),
            (good.replace("[a]", "[b]"), &all, "keys other than `images` would change"),
            (format!("{good}kind: Component\n"), &all, "keys other than `images` would change"),
            (good.replace("name: db", "name: dc"), &all, "other entries of `images` would change"),
            (good.replace("- name: db\n", ""), &all, "other entries of `images` would change"),
            (format!("{good}- name: dc\n"), &all, "other entries of `images` would change"),
            (before.to_owned(), &all, "the entry for app would not hold the requested values"),
            (
                good.replace("v2", "v2\n  digest: sha256:0a"),
                &all,
                "the entry for app would not hold the requested values",
            ),
            (
                good.replace("name: app\n", "name: app\n  newName: b\n"),
                &all,
                "the entry for app would not hold the requested values",
            ),
        ] {
            assert_eq!(verdict(&after, reach), Err(error.to_owned()), "{after}");
        }
        let broken = verdict(&good.replace("newTag: v2", "newTag: v2: v3"), &all).unwrap_err();
        assert!(
            broken.starts_with("the file would not be readable any more: the file (line 4, column 13): no valid YAML"),
            "{broken}"
        );
    }

    #[test]
    fn a_tag_that_some_reader_takes_for_a_number_is_refused() {
        let before = "images:\n- name: app\n  newTag: v1\n";
        let change = ImageChange { name: "app".into(), new_name: None, tag: Some("1.10".into()), digest: None };
        assert!(verify(before, &before.replace("v1", "1.10"), &(0..before.len()), &change).is_err());
        assert!(verify(before, &before.replace("v1", "\"1.10\""), &(0..before.len()), &change).is_ok());
    }
}
