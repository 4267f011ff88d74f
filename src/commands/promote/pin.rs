//! `pin`: which parts of the release the image entry holds.

use clap::ValueEnum;

use crate::{error::CommandError, finding::Finding, promotion::infra::NewImage, subject::Subject};

/// What pins the image in the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pin {
    /// `newTag` and `digest`: the tag is for people, the digest decides what is pulled.
    Both,
    /// `digest` alone.
    Digest,
    /// `newTag` alone: the registry decides what the tag means when it is pulled.
    Tag,
}

impl Pin {
    /// The default: everything that is known.
    fn of(subject: &Subject) -> Self {
        match (&subject.tag, &subject.digest) {
            (_, None) => Self::Tag,
            (None, Some(_)) => Self::Digest,
            (Some(_), Some(_)) => Self::Both,
        }
    }

    pub const fn describe(self) -> &'static str {
        match self {
            Self::Both => "by tag and digest",
            Self::Digest => "by digest",
            Self::Tag => "by tag",
        }
    }
}

/// The values of the entry for the release, and in words what pins them.
///
/// # Errors
/// The part that is to pin it is unknown: bad input for the tag, inconclusive for the digest, which the gates find out.
pub fn pinned_image(pin: Option<Pin>, subject: &Subject) -> Result<(NewImage, &'static str), CommandError> {
    let whole = NewImage::from(subject);
    let chosen = pin.unwrap_or_else(|| Pin::of(subject));
    if chosen != Pin::Tag && whole.digest.is_none() {
        let tag = whole.tag.as_ref().map(ToString::to_string).unwrap_or_default();
        return Err(CommandError::Refused(
            Finding::inconclusive("`pin`")
                .actual(format!("the digest of {tag} is unknown: neither the subject nor a required report names it"))
                .expected("the digest that was tested")
                .next("let `health` watch the pods (`workload`) and pass on the `subject` of `evidence`, give `digest`, or set `pin: tag`"),
        ));
    }
    if chosen != Pin::Digest && whole.tag.is_none() {
        let finding = Finding::inconclusive("`pin`").actual("the release has a digest and no tag");
        return Err(finding.expected("a `tag`, or `pin: digest`").bad_input());
    }
    let image = match chosen {
        Pin::Both => whole,
        Pin::Digest => NewImage { tag: None, ..whole },
        Pin::Tag => NewImage { digest: None, ..whole },
    };
    Ok((image, chosen.describe()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_holds_what_the_setting_names() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let subject = |tag: bool, with_digest: bool| Subject {
            tag: tag.then(|| "1.4.2".parse().unwrap()),
            digest: with_digest.then(|| digest.parse().unwrap()),
            ..Subject::default()
        };
        for (pin, tag, with_digest, expected) in [
            (None, true, true, Ok((true, true, "by tag and digest"))),
            (None, true, false, Ok((true, false, "by tag"))),
            (None, false, true, Ok((false, true, "by digest"))),
            (Some(Pin::Both), true, true, Ok((true, true, "by tag and digest"))),
            (Some(Pin::Digest), true, true, Ok((false, true, "by digest"))),
            (Some(Pin::Tag), true, true, Ok((true, false, "by tag"))),
            (Some(Pin::Both), true, false, Err("the digest of 1.4.2 is unknown")),
            (Some(Pin::Digest), true, false, Err("the digest of 1.4.2 is unknown")),
            (Some(Pin::Both), false, true, Err("no tag")),
            (Some(Pin::Tag), false, true, Err("no tag")),
        ] {
            match (pinned_image(pin, &subject(tag, with_digest)), expected) {
                (Ok((image, words)), Ok((tag, digest, expected))) => {
                    assert_eq!((image.tag.is_some(), image.digest.is_some(), words), (tag, digest, expected));
                }
                (Err(error), Err(part)) => {
                    let finding = error.finding().unwrap();
                    assert!(finding.to_string().contains(part), "{finding}");
                }
                (actual, expected) => panic!("{pin:?}: {actual:?}, not {expected:?}"),
            }
        }
    }
}
