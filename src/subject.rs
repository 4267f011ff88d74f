//! What a command judges: service, environment, image, tag, digest, commit. Parsing validates, so a value of these types is
//! safe in a path, a git argument or a commit message.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de};

use crate::{
    error::{CommandError, ValueError},
    finding::Finding,
};

/// A validated text: only `FromStr` constructs it; it serializes as the text.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $accepted:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What is accepted, for errors and documentation.
            pub const ACCEPTED: &'static str = $accepted;

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(ValueError::new($accepted)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

mod environment_name;

pub use environment_name::EnvironmentName;

checked_text!(
    /// A service: it names a folder, an image and a Kubernetes object, so it is a DNS label (RFC 1123).
    Service,
    "a service name: lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63 characters",
    is_label
);

checked_text!(
    /// A GitHub environment, also the name of its overlay folder. GitHub accepts more; a path should not.
    Environment,
    "an environment name: letters, digits, `-`, `_` and `.`, starting with a letter or digit, at most 63 characters",
    |text| text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !text.contains("..")
);

impl From<&Environment> for EnvironmentName {
    /// Every [`Environment`] is a name that GitHub accepts.
    fn from(environment: &Environment) -> Self {
        Self::of_valid(environment.0.clone())
    }
}

checked_text!(
    /// An OCI tag (distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
    Tag,
    "an OCI tag: letters, digits, `_`, `.` and `-`, not starting with `.` or `-`, at most 128 characters",
    |text| (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

checked_text!(
    /// An OCI digest (image-spec, the two registered algorithms).
    Digest,
    "an OCI digest: `sha256:` and 64 lower-case hex digits, or `sha512:` and 128",
    |text| match text.split_once(':') {
        Some(("sha256", hex)) => hex.len() == 64 && is_hex(hex),
        Some(("sha512", hex)) => hex.len() == 128 && is_hex(hex),
        _ => false,
    }
);

checked_text!(
    /// An image repository without tag and digest (the `name` of the distribution reference grammar).
    Image,
    "an image repository such as `ghcr.io/acme/checkout-service`: an optional host with port, then lower-case path \
     components, no tag and no digest",
    is_repository
);

checked_text!(
    /// A full git commit id: SHA-1 or SHA-256.
    Commit,
    "a whole git commit id: 40 (or 64) lower-case hex digits",
    |text| matches!(text.len(), 40 | 64) && is_hex(text)
);

impl Image {
    /// Its registry and the path there, written in full: `nginx` is `docker.io` and `library/nginx`. Source:
    /// distribution/reference, familiar names.
    #[must_use]
    pub fn host_and_path(&self) -> (String, String) {
        const DOCKER_HUB: &str = "docker.io";
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        let (host, path) = match self.0.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => (DOCKER_HUB, self.as_str()),
        };
        let host = if host == "index.docker.io" { DOCKER_HUB } else { host };
        let is_official = host == DOCKER_HUB && !path.contains('/');
        (host.to_owned(), if is_official { format!("library/{path}") } else { path.to_owned() })
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_repository(text: &str) -> bool {
    if text.is_empty() || text.len() > 255 {
        return false;
    }
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    let has_host = !rest.is_empty() && (first.contains(['.', ':']) || first == "localhost");
    let path = if has_host { rest } else { text };
    (!has_host || is_host(first)) && path.split('/').all(is_path_component)
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    name.split('.').all(|part| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    }) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.split(alphanumeric).all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|b| b == b'-'))
}

/// An image reference, `repository[:tag][@digest]`, as the `image` input accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub image: Image,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("an image such as `ghcr.io/acme/checkout-service`, optionally with `:tag` and `@sha256:…`");
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| ACCEPTED)?)),
            None => (text, None),
        };
        // A colon after the last slash is a tag; one before it is a port.
        let (image, tag) = match rest.rsplit_once(':') {
            Some((image, tag)) if !tag.contains('/') => (image, Some(tag.parse().map_err(|_| ACCEPTED)?)),
            _ => (rest, None),
        };
        Ok(Self { image: image.parse().map_err(|_| ACCEPTED)?, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.image)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The release that a command judges or promotes. Every part is optional; a command requires the parts it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

impl FromStr for Subject {
    type Err = String;

    /// Reads the `subject` input: a JSON object with the keys of this type.
    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            format!(
                "a JSON object with any of service, environment, image, tag, digest, commit, as another command's \
                 report holds it ({error})"
            )
        })
    }
}

/// The inputs that name the subject, the same for every command.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Subject")]
pub struct SubjectArgs {
    /// The complete subject as one JSON object, to pass it between jobs
    #[arg(long, value_name = "JSON")]
    pub subject: Option<Subject>,
    /// Service under promotion
    #[arg(long)]
    pub service: Option<Service>,
    /// Environment that the command checks or changes
    #[arg(long)]
    pub environment: Option<Environment>,
    /// Image repository, optionally with `:tag` and `@digest`
    #[arg(long)]
    pub image: Option<Reference>,
    /// Tag of the image under promotion
    #[arg(long)]
    pub tag: Option<Tag>,
    /// Digest of the image under promotion
    #[arg(long)]
    pub digest: Option<Digest>,
    /// Commit the image was built from
    #[arg(long, value_name = "SHA")]
    pub commit: Option<Commit>,
}

impl SubjectArgs {
    /// Combines the single inputs, the parts of `image` and the `subject` object.
    ///
    /// # Errors
    /// Bad input when two of them contradict each other.
    pub fn assemble(&self) -> Result<Subject, CommandError> {
        let whole = self.subject.clone().unwrap_or_default();
        let image = self.image.as_ref();
        let tag = agree("tag", self.tag.clone(), "image", image.and_then(|reference| reference.tag.clone()))?;
        let digest =
            agree("digest", self.digest.clone(), "image", image.and_then(|reference| reference.digest.clone()))?;
        Ok(Subject {
            service: agree("service", self.service.clone(), "subject", whole.service)?,
            environment: agree("environment", self.environment.clone(), "subject", whole.environment)?,
            image: agree("image", image.map(|reference| reference.image.clone()), "subject", whole.image)?,
            tag: agree("tag", tag, "subject", whole.tag)?,
            digest: agree("digest", digest, "subject", whole.digest)?,
            commit: agree("commit", self.commit.clone(), "subject", whole.commit)?,
        })
    }
}

fn agree<T: PartialEq + fmt::Display>(
    name: &str,
    single: Option<T>,
    other_name: &str,
    other: Option<T>,
) -> Result<Option<T>, CommandError> {
    match (single, other) {
        (Some(one), Some(two)) if one != two => Err(Finding::inconclusive(name)
            .actual(format!("`{one}` in `{name}` but `{two}` in `{other_name}`"))
            .expected("both to name the same, or only one of them to be given")
            .bad_input()),
        (single, other) => Ok(single.or(other)),
    }
}

impl Subject {
    /// Why a report about `self` does not count for `wanted`, or `None` when it does.
    ///
    /// A part that `wanted` names must be the same in the report. A missing tag or digest is a difference, for it was not
    /// observed. Environment, image and commit may be missing.
    #[must_use]
    pub fn differs_from(&self, wanted: &Self) -> Option<String> {
        fn difference<T: PartialEq + fmt::Display>(
            name: &str,
            actual: Option<&T>,
            wanted: Option<&T>,
            needed: bool,
        ) -> Option<String> {
            match (actual, wanted) {
                (Some(actual), Some(wanted)) if actual != wanted => Some(format!("{name} {actual}, not {wanted}")),
                (None, Some(wanted)) if needed => Some(format!("no {name}, wanted {wanted}")),
                _ => None,
            }
        }
        // With a digest on both sides the tag may be missing: the digest is more precise.
        let same_digest = self.digest.is_some() && self.digest == wanted.digest;
        let same_tag = self.tag.is_some() && self.tag == wanted.tag;
        difference("service", self.service.as_ref(), wanted.service.as_ref(), true)
            .or_else(|| difference("tag", self.tag.as_ref(), wanted.tag.as_ref(), !same_digest))
            .or_else(|| difference("digest", self.digest.as_ref(), wanted.digest.as_ref(), !same_tag))
            .or_else(|| difference("commit", self.commit.as_ref(), wanted.commit.as_ref(), false))
            .or_else(|| difference("image", self.image.as_ref(), wanted.image.as_ref(), false))
            .or_else(|| difference("environment", self.environment.as_ref(), wanted.environment.as_ref(), false))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same release in any environment.
    #[must_use]
    pub fn without_environment(&self) -> Self {
        Self { environment: None, ..self.clone() }
    }
}

impl fmt::Display for Subject {
    /// `checkout-service 1.4.2 in staging`, with the parts that are known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = self
            .tag
            .as_ref()
            .map(Tag::as_str)
            .or(self.digest.as_ref().map(Digest::as_str))
            .or(self.commit.as_ref().map(Commit::as_str));
        let name = self.service.as_ref().map(Service::as_str).or(self.image.as_ref().map(Image::as_str));
        let environment = self.environment.as_ref().map(|environment| format!("in {environment}"));
        let parts: Vec<&str> = [name, release, environment.as_deref()].into_iter().flatten().collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_unsafe_in_a_path_or_a_shell_are_refused() {
        for bad in ["../../etc", "a;rm -rf", "$(id)", "A", "-a", "a-", "", "a.b", "a/b", "a\nb", "ä", &"a".repeat(64)]
        {
            assert!(bad.parse::<Service>().is_err(), "{bad:?}");
        }
        for good in ["checkout-service", "a", "0", &"a".repeat(63)] {
            assert!(good.parse::<Service>().is_ok(), "{good:?}");
        }
        for bad in ["..", ".a", "-a", "a/b", "a..b", "a b", ""] {
            assert!(bad.parse::<Environment>().is_err(), "{bad:?}");
        }
        for bad in ["", ".1", "-1", "a b", "1:2", "$(id)", "::error::x", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?}");
        }
        for good in ["1.10", "_x", "v1.2.3-rc.1", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn commits_are_full_ids() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        for good in [id.to_owned(), format!("{id}{}", &id[..24])] {
            assert!(good.parse::<Commit>().is_ok(), "{good}");
        }
        for bad in ["", "HEAD", &id[1..], &id.to_uppercase(), &format!("{id}0"), &format!("-{}", &id[1..])] {
            assert!(bad.parse::<Commit>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn references_split_into_repository_tag_and_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, image, tag, has_digest) in [
            ("nginx".to_owned(), "nginx", None, false),
            ("localhost:5000/app".to_owned(), "localhost:5000/app", None, false),
            ("localhost:5000/app:1.2".to_owned(), "localhost:5000/app", Some("1.2"), false),
            (format!("ghcr.io/acme/x:1@{digest}"), "ghcr.io/acme/x", Some("1"), true),
            (format!("ghcr.io/acme/x@{digest}"), "ghcr.io/acme/x", None, true),
        ] {
            let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(reference.image.as_str(), image);
            assert_eq!(reference.tag.as_ref().map(Tag::as_str), tag);
            assert_eq!(reference.digest.is_some(), has_digest);
            assert_eq!(reference.to_string(), text);
        }
        for bad in ["", "UPPER/x", "a//b", "/a", "a/", "a:b:c", "a@sha256:12", "a/../b", "host:0/x", "a___b", "a.-b"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reports_about_different_subjects_do_not_count_together() {
        let subject = |service: &str, tag: Option<&str>| Subject {
            service: service.parse().ok(),
            tag: tag.and_then(|tag| tag.parse().ok()),
            ..Subject::default()
        };
        let wanted = subject("a", Some("1"));
        assert_eq!(subject("a", Some("1")).differs_from(&wanted), None);
        assert_eq!(subject("a", Some("2")).differs_from(&wanted).as_deref(), Some("tag 2, not 1"));
        assert_eq!(subject("b", Some("1")).differs_from(&wanted).as_deref(), Some("service b, not a"));
        assert_eq!(subject("a", None).differs_from(&wanted).as_deref(), Some("no tag, wanted 1"));
    }

    #[test]
    fn contradicting_inputs_are_bad_input() {
        let args =
            SubjectArgs { image: "ghcr.io/acme/x:1".parse().ok(), tag: "2".parse().ok(), ..SubjectArgs::default() };
        let Err(CommandError::BadInput(finding)) = args.assemble() else { panic!("must be refused") };
        assert!(finding.to_string().contains("`2`") && finding.to_string().contains("`1`"), "{finding}");
    }
}
