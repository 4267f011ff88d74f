//! Whether a promotion is superseded while it waits: by a newer promotion of its service in the ledger, or by a newer validation
//! that `evidence` verified in another run. Pure; [`look`] reads both.

pub mod look;

use jiff::Timestamp;

use crate::{
    clock::minute,
    finding::{Figures, Finding},
    values::clip,
};

/// The name of the check.
pub const CHECK: &str = "supersession";
/// How much of a text from GitHub goes into a finding, in characters.
const CLIP: usize = 200;

/// What supersedes a promotion that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SupersededBy {
    /// A newer promotion of the service in the ledger.
    Promotion,
    /// Also a newer validation whose promotion goes on in another run.
    Validation,
}

/// A release that supersedes the one under promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewerRelease {
    Promoted(NewerPromotion),
    Validated(NewerValidation),
}

/// A newer promotion of the same service to the same environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewerPromotion {
    pub commit: String,
    pub kind: String,
    pub image: String,
    pub at: Timestamp,
}

/// A newer validation of the same service for the same environment, whose promotion has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewerValidation {
    pub run: u64,
    pub url: String,
    /// The release in words; of several services, only their names are known.
    pub release: String,
    /// When its run was started.
    pub at: Timestamp,
}

impl SupersededBy {
    /// What has to be absent: `no newer promotion of cart in production`.
    #[must_use]
    pub fn expected(self, target: &str) -> String {
        match self {
            Self::Promotion => format!("no newer promotion of {target}"),
            Self::Validation => format!("no newer promotion and no newer validation of {target}"),
        }
    }
}

impl NewerRelease {
    /// The finding that blocks the promotion.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let finding = Finding::blocked(CHECK);
        match self {
            Self::Promoted(NewerPromotion { commit, kind, image, at }) => finding
                .actual(format!("{image} came by {commit} ({kind}) at {at}, after this release was validated"))
                .figures(Figures::now(format!("by {} at {} ({kind})", short_image(image), minute(*at))))
                .next("leave the newer release in place; to promote this one after all, validate it again"),
            Self::Validated(NewerValidation { run, url, release, at }) => {
                let release = clip(release, CLIP);
                finding
                    .actual(format!(
                        "{release} passed `evidence` in run {run}, which started after this run, at {at}, and has not ended"
                    ))
                    .figures(Figures::now(format!("by {release} in run {run}")))
                    .seen_at(url, at.to_string())
                    .next(format!("approve {url} instead; to promote this release after all, reject that run and validate this one again"))
            }
        }
    }
}

/// `ghcr.io/acme/shop:1.4.2` as `shop:1.4.2`.
fn short_image(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    #[test]
    fn a_newer_release_blocks_and_is_named() {
        let at = "2026-01-01T11:30:00Z".parse().unwrap();
        let (commit, kind, image) = ("2222222".to_owned(), "rollback".to_owned(), "ghcr.io/acme/cart:1.4.1".to_owned());
        let promoted = NewerRelease::Promoted(NewerPromotion { commit, kind, image, at }).finding();
        assert_eq!(promoted.headline(), "supersession by cart:1.4.1 at 2026-01-01 11:30 UTC (rollback)");
        let (url, release) = ("https://github.com/acme/infra/actions/runs/12".to_owned(), "cart 1.4.3".to_owned());
        let validated = NewerRelease::Validated(NewerValidation { run: 12, url, release, at }).finding();
        assert_eq!(validated.headline(), "supersession by cart 1.4.3 in run 12");
        assert!(validated.next.unwrap().starts_with("approve https://github.com/acme/infra/actions/runs/12 instead"));
        assert_eq!((promoted.verdict, validated.verdict), (Verdict::Blocked, Verdict::Blocked));
    }
}
