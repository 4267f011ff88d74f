//! What the values of image fields mean, and the values for a release.

use crate::subject::{Digest, Image, Tag};

/// A whole image in one text: `ghcr.io/acme/app:1.4.2@sha256:…`, with the name that kustomize knows it by before a `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageText<'t> {
    /// The name and the `=`; empty without one.
    pub prefix: &'t str,
    pub repository: &'t str,
    pub tag: Option<&'t str>,
    pub digest: Option<&'t str>,
}

impl<'t> ImageText<'t> {
    pub fn read(text: &'t str) -> Self {
        let (prefix, rest) = text.find('=').map_or(("", text), |at| text.split_at(at + 1));
        let (repository, tag, digest) = reference_parts(rest);
        Self { prefix, repository, tag, digest }
    }

    /// Whether it is an image of the repository, however that is spelled.
    pub fn is_of(&self, image: &Image) -> bool {
        is_repository(self.repository, image)
    }

    /// Whether its tag and digest are such.
    pub fn is_valid(&self) -> bool {
        self.tag.is_none_or(|tag| tag.parse::<Tag>().is_ok())
            && self.digest.is_none_or(|digest| digest.parse::<Digest>().is_ok())
    }

    /// The text with another tag and digest.
    pub fn with(&self, tag: Option<&str>, digest: Option<&str>) -> String {
        format!("{}{}{}", self.prefix, self.repository, suffix(tag, digest))
    }
}

/// `:1.4.2@sha256:…`
pub fn suffix(tag: Option<&str>, digest: Option<&str>) -> String {
    let part = |mark: char, part: Option<&str>| part.map(|part| format!("{mark}{part}")).unwrap_or_default();
    part(':', tag) + &part('@', digest)
}

pub fn is_repository(text: &str, image: &Image) -> bool {
    text.parse::<Image>().is_ok_and(|own| own.host_and_path() == image.host_and_path())
}

/// Repository, tag and digest of a reference.
#[must_use]
pub fn reference_parts(reference: &str) -> (&str, Option<&str>, Option<&str>) {
    let (name, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest)));
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[path..].split_once(':') {
        Some((last, tag)) => (&name[..path + last.len()], Some(tag), digest),
        None => (name, None, digest),
    }
}

/// The tag and the digest in the value of a tag field. Some charts take both: `1.4.2@sha256:…`. `None` when it has another value.
pub fn read_tag(text: &str) -> Option<(&str, Option<&str>)> {
    let (tag, digest) = text.split_once('@').map_or((text, None), |(tag, digest)| (tag, Some(digest)));
    let is_valid = tag.parse::<Tag>().is_ok() && digest.is_none_or(|digest| digest.parse::<Digest>().is_ok());
    is_valid.then_some((tag, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_in_one_text_has_parts() {
        let text = |text: &str| {
            let ImageText { prefix, repository, tag, digest } = ImageText::read(text);
            [Some(prefix), Some(repository), tag, digest].map(|part| part.map(ToOwned::to_owned))
        };
        for (image, expected) in [
            ("app", [Some(""), Some("app"), None, None]),
            ("app:1", [Some(""), Some("app"), Some("1"), None]),
            ("localhost:5000/app", [Some(""), Some("localhost:5000/app"), None, None]),
            ("localhost:5000/app:1@d", [Some(""), Some("localhost:5000/app"), Some("1"), Some("d")]),
            ("app=ghcr.io/acme/app:1", [Some("app="), Some("ghcr.io/acme/app"), Some("1"), None]),
        ] {
            assert_eq!(text(image), expected.map(|part| part.map(ToOwned::to_owned)), "{image}");
        }
        let image: Image = "docker.io/library/nginx".parse().unwrap();
        assert!(ImageText::read("nginx:1").is_of(&image) && !ImageText::read("acme/nginx:1").is_of(&image));
        assert_eq!(ImageText::read("a=nginx:1@d").with(Some("2"), None), "a=nginx:2");
    }

    #[test]
    fn a_tag_may_have_a_digest_behind_it() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let both = format!("1.4.2@{digest}");
        assert_eq!(read_tag("1.4.2"), Some(("1.4.2", None)));
        assert_eq!(read_tag(&both), Some(("1.4.2", Some(digest.as_str()))));
        for text in ["", "${TAG}", "1@x", "a b", ":1", &format!("@{digest}")] {
            assert_eq!(read_tag(text), None, "{text}");
        }
    }
}
