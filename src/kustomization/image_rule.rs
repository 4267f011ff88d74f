//! Kustomize's rule of which images an entry changes, and to what (kustomize 5.8.1, `api/internal/image/image.go` and
//! `api/filters/imagetag/updater.go`).

use regex_lite::Regex;

use super::{
    document,
    image::ImageKey,
    image_list::{ImageItem, ImageList},
};
use crate::{image_entry::ImageEntry, yaml::EditError};

/// One entry of `images:` as kustomize applies it.
#[derive(Clone, Debug)]
pub struct ImageRule {
    pub entry: ImageEntry,
    tag_suffix: Option<String>,
    pattern: Regex,
}

/// The entries of a kustomization, in the order in which kustomize applies them.
pub fn image_rules(text: &str) -> Result<Vec<ImageRule>, EditError> {
    let document = document::parse(text)?;
    ImageList::read(text, &document)?.items.iter().map(ImageRule::read).collect()
}

impl ImageRule {
    fn read(item: &ImageItem<'_>) -> Result<Self, EditError> {
        let entry = item.entry();
        let pattern = pattern(&entry.name).ok_or_else(|| {
            EditError::at(item.node.position, format!("images[{}].name", item.index))
                .actual(format!("{:?}", entry.name))
                .expected("the name of an image, which kustomize takes for a regular expression")
                .next("correct the name")
        })?;
        Ok(Self { tag_suffix: item.value(ImageKey::TagSuffix).map(str::to_owned), entry, pattern })
    }

    /// Whether kustomize applies the entry to an image of a manifest.
    #[must_use]
    pub fn matches(&self, image: &str) -> bool {
        self.pattern.is_match(image)
    }

    /// The image after the entry; the same when it does not match.
    #[must_use]
    pub fn apply(&self, image: &str) -> String {
        if !self.matches(image) {
            return image.to_owned();
        }
        let (name, tag, digest) = split_image(image);
        let ImageEntry { new_name, tag: new_tag, digest: new_digest, .. } = &self.entry;
        let suffixed = self.tag_suffix.as_ref().map(|suffix| format!("{tag}{suffix}"));
        let (tag, digest) = match (new_tag, new_digest, &suffixed) {
            (Some(tag), Some(digest), _) => (tag.as_str(), digest.as_str()),
            (Some(tag), None, _) => (tag.as_str(), ""),
            (None, Some(digest), _) => ("", digest.as_str()),
            (None, None, Some(suffixed)) => (suffixed.as_str(), ""),
            (None, None, None) => (tag, digest),
        };
        let mut whole = new_name.as_deref().unwrap_or(name).to_owned();
        for (mark, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                whole.push(mark);
                whole.push_str(part);
            }
        }
        whole
    }
}

/// Kustomize puts the name into a regular expression as it is: a dot matches any character.
fn pattern(name: &str) -> Option<Regex> {
    Regex::new(&format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$")).ok()
}

/// Splits an image into name, tag and digest, as kustomize does: only a colon behind the first slash starts a tag.
#[must_use]
pub fn split_image(image: &str) -> (&str, &str, &str) {
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    let host = rest.find('/').filter(|slash| *slash > 0).unwrap_or_default();
    match rest[host..].find(':') {
        Some(colon) => (&rest[..host + colon], &rest[host + colon + 1..], digest),
        None => (rest, "", digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<ImageRule> {
        image_rules(text).unwrap()
    }

    /// The cases are those of kustomize's `api/internal/image/image_test.go`.
    #[test]
    fn an_entry_matches_by_the_whole_name() {
        let sha = "sha256:25a0d4b4";
        for (image, name, matches) in [
            ("nginx", "nginx", true),
            ("nginx:12345", "nginx", true),
            ("nginx:.", "nginx", true),
            ("nginx:{var}", "nginx", true),
            (&*format!("nginx@{sha}"), "nginx", true),
            (&*format!("nginx:1@{sha}"), "nginx", true),
            ("nginx", "apache", false),
            ("nginx-extra:1", "nginx", false),
            ("my/nginx:1", "nginx", false),
            ("nginx@sha512:aa", "nginx", false),
            ("localhost:5000/shop:1", "localhost:5000/shop", true),
            ("ghcr.io/acme/shop:1", "ghcr.io/acme/shop", true),
            // A dot is any character, and kustomize does not escape it.
            ("ghcr-io/acme/shop:1", "ghcr.io/acme/shop", true),
            ("ghcr.io/acme/shop:1", ".*/shop", true),
            ("ghcr.io/acme/shop:1", "shop", false),
        ] {
            let rule = &rules(&format!("images: [{{name: '{name}'}}]"))[0];
            assert_eq!(rule.matches(image), matches, "{name} and {image}");
        }
        let error = image_rules("images:\n- name: 'shop['\n").unwrap_err().to_string();
        assert!(error.contains("images[0].name (line 2, column 3)"), "{error}");
    }

    #[test]
    fn an_image_is_split_as_kustomize_does() {
        for (image, parts) in [
            ("shop", ("shop", "", "")),
            ("shop:1", ("shop", "1", "")),
            ("localhost:5000/shop", ("localhost:5000/shop", "", "")),
            ("localhost:5000/shop:1@sha256:0a", ("localhost:5000/shop", "1", "sha256:0a")),
            ("a/b@sha256:0a", ("a/b", "", "sha256:0a")),
        ] {
            assert_eq!(split_image(image), parts, "{image}");
        }
    }

    #[test]
    fn the_values_of_an_entry_replace_those_of_the_image() {
        for (entry, after) in [
            ("newTag: '2'", "shop:2"),
            ("digest: sha256:0b", "shop@sha256:0b"),
            ("newTag: '2', digest: sha256:0b", "shop:2@sha256:0b"),
            ("newName: ghcr.io/acme/shop", "ghcr.io/acme/shop:1@sha256:0a"),
            ("tagSuffix: -x", "shop:1-x"),
        ] {
            let rule = &rules(&format!("images: [{{name: shop, {entry}}}]"))[0];
            assert_eq!(rule.apply("shop:1@sha256:0a"), after, "{entry}");
            assert_eq!(rule.apply("other:1"), "other:1");
        }
    }
}
