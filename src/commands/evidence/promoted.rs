//! A figure of a release as its promotion recorded it: what a new release is compared with.

use crate::{
    image_entry::ImageEntry,
    ledger::{LedgerEntry, Promotion, PromotionKind},
    subject::Reference,
    values::clip,
};

/// Length limit of a version, in characters.
const MAX_VERSION: usize = 40;

/// A figure of an image that was promoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotedFigure<T> {
    pub figure: T,
    /// The tag of the image, or its digest.
    pub version: String,
    /// Whether it is the image that the infra repository sets now.
    pub is_current: bool,
}

impl<T: Clone> PromotedFigure<T> {
    /// The figure of the image that all files of the service have: after a rollback, that of the promotion that set it
    /// first. If no promotion of this image recorded one, as after an emergency, that of the last promotion that did.
    /// `recorded` takes it from a promotion.
    ///
    /// Only a promotion on evidence counts: its figures are those that GitHub signed.
    #[must_use]
    pub fn find(
        entries: &[LedgerEntry],
        current: &[ImageEntry],
        recorded: fn(&Promotion) -> Option<&T>,
    ) -> Option<Self> {
        let measured = || {
            entries.iter().filter_map(move |entry| {
                let promotion = &entry.promotion;
                let is_proven = promotion.kind == PromotionKind::Normal && promotion.evidence.is_some();
                Some((entry, recorded(promotion).filter(|_| is_proven)?))
            })
        };
        let has_set_all =
            |entry: &LedgerEntry| !current.is_empty() && current.iter().all(|current| entry.has_set(current));
        let of_current = measured().find(|(entry, _)| has_set_all(entry));
        let is_current = of_current.is_some();
        let (entry, figure) = of_current.or_else(|| measured().next())?;
        Some(Self { figure: figure.clone(), version: version(&entry.promotion.image), is_current })
    }
}

/// The tag of an image, or its digest; without both, the reference.
fn version(image: &str) -> String {
    let parts: Option<Reference> = image.parse().ok();
    let name = parts.and_then(|parts| {
        parts.tag.map(|tag| tag.to_string()).or_else(|| parts.digest.map(|digest| digest.to_string()))
    });
    clip(&name.unwrap_or_else(|| image.to_owned()), MAX_VERSION)
}
