//! Holds an edited kustomization against the original: only the image entry may differ.

use std::ops::Range;

use super::entry::{Entry, Field, Images, folds_to};
use super::scalar::{Quote, plain_is_text};
use super::tree::{Pair, Shape, Tree, parse};
use super::{ImageChange, KustomizationError};

/// Refuses an edit that changes a byte outside `reach` or any other node, or leaves the entry with anything but `change`.
pub fn hold(before: &str, after: &str, reach: &Range<usize>, change: &ImageChange) -> Result<(), KustomizationError> {
    let (head, tail) = (&before[..reach.start], &before[reach.end..]);
    if after.len() < head.len() + tail.len() || !after.starts_with(head) || !after.ends_with(tail) {
        return Err(refused("bytes outside the image entry would change"));
    }
    let old = parse(before)?;
    let new = parse(after).map_err(|problem| refused(format!("the file would not be read any more: {problem}")))?;
    let (kept, now) = (besides_images(&old), besides_images(&new));
    if kept.len() != now.len() || !kept.iter().zip(now).all(|(kept, now)| kept.same(now)) {
        return Err(refused("keys other than `images` would change"));
    }
    let (old, new) = (Images::of(before, &old)?, Images::of(after, &new)?);
    let at = old.entry(&change.name)?.map_or(old.entries.len(), |entry| entry.index);
    let entry = new.entry(&change.name)?.filter(|entry| entry.index == at);
    if !entry.is_some_and(|entry| holds(entry, change)) {
        return Err(refused(format!("the entry for {} would not hold what was asked for", change.name)));
    }
    let others = |images: &Images<'_>| images.entries.iter().filter(|entry| entry.index != at).count();
    let same = old.entries.iter().zip(&new.entries).all(|(old, new)| old.index == at || old.node.same(new.node));
    if others(&old) != others(&new) || !same {
        return Err(refused("other entries of `images` would change"));
    }
    Ok(())
}

/// Whether an entry holds exactly what was asked for, in values that every reader takes for text.
fn holds(entry: &Entry<'_>, change: &ImageChange) -> bool {
    let fields = [Field::Name, Field::NewName, Field::NewTag, Field::Digest, Field::TagSuffix];
    fields.into_iter().all(|field| {
        let value = entry.value(field);
        let quote = entry.pair(field).and_then(|pair| pair.value.scalar()).map_or(Quote::Plain, |(_, quote)| quote);
        value == change.wants(field, value.is_some()) && (quote != Quote::Plain || value.is_none_or(plain_is_text))
    })
}

fn besides_images(tree: &Tree) -> Vec<&Pair> {
    let Shape::Map { pairs, .. } = &tree.root.shape else { return Vec::new() };
    pairs.iter().filter(|pair| !pair.key.scalar().is_some_and(|(key, _)| folds_to(key, "images"))).collect()
}

pub fn refused(seen: impl Into<String>) -> KustomizationError {
    KustomizationError::with("the edit")
        .actual(seen)
        .expected("a change of the image entry alone")
        .next("set the image by hand once, on lines of its own: `- name: …`, `newTag: …`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_does_more_than_asked_is_refused() {
        let before = "resources: [a]\nimages:\n- name: app\n  newTag: v1\n- name: db\n";
        let change = ImageChange { name: "app".into(), new_name: None, tag: Some("v2".into()), digest: None };
        let reach = before.find("name: app").unwrap()..before.find("\n- name: db").unwrap();
        let verdict =
            |after: &str, reach: &Range<usize>| hold(before, after, reach, &change).map_err(|problem| problem.actual);
        let good = before.replace("v1", "v2");
        assert_eq!(verdict(&good, &reach), Ok(()));
        let all = 0..before.len();
        for (after, reach, seen) in [
            (good.replace("[a]", "[b]"), &reach, "bytes outside the image entry would change"),
            (good.replace("[a]", "[b]"), &all, "keys other than `images` would change"),
            (format!("{good}kind: Component\n"), &all, "keys other than `images` would change"),
            (good.replace("name: db", "name: dc"), &all, "other entries of `images` would change"),
            (good.replace("- name: db\n", ""), &all, "other entries of `images` would change"),
            (format!("{good}- name: dc\n"), &all, "other entries of `images` would change"),
            (before.to_owned(), &all, "the entry for app would not hold what was asked for"),
            (
                good.replace("v2", "v2\n  digest: sha256:0a"),
                &all,
                "the entry for app would not hold what was asked for",
            ),
            (
                good.replace("name: app\n", "name: app\n  newName: b\n"),
                &all,
                "the entry for app would not hold what was asked for",
            ),
        ] {
            assert_eq!(verdict(&after, reach), Err(seen.to_owned()), "{after}");
        }
        let broken = verdict(&good.replace("newTag: v2", "newTag: v2: v3"), &all).unwrap_err();
        assert!(
            broken.starts_with("the file would not be read any more: the file (line 4, column 13): no valid YAML"),
            "{broken}"
        );
    }

    #[test]
    fn a_tag_that_some_reader_takes_for_a_number_is_refused() {
        let before = "images:\n- name: app\n  newTag: v1\n";
        let change = ImageChange { name: "app".into(), new_name: None, tag: Some("1.10".into()), digest: None };
        assert!(hold(before, &before.replace("v1", "1.10"), &(0..before.len()), &change).is_err());
        assert!(hold(before, &before.replace("v1", "\"1.10\""), &(0..before.len()), &change).is_ok());
    }
}
