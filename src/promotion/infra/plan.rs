//! How a command decides about the commit of a promotion, and the result.

use jiff::Timestamp;

use super::{image_field::ImageField, image_locator::ImageLocator};
use crate::{
    kustomization::{Edited, ImageEntry},
    ledger::{LedgerEntry, LedgerQuery, Promotion},
    reconcile::Plan,
    world::git::Commit,
};

/// The decision of one command: whether it may change the image entry that its locator finds.
pub trait PromotionPlan {
    fn image_locator(&self) -> &ImageLocator;

    /// The new release, as far as it is known before anything is read.
    fn release(&self) -> String;

    /// The entries of the ledger that [`PromotionPlan::decide`] needs; `None`: it needs none.
    fn ledger_query(&self, now: Timestamp) -> Option<LedgerQuery>;

    /// Decides what to commit. A pure function of the snapshot.
    fn decide(&self, snapshot: &InfraSnapshot) -> Plan<PlannedCommit, PromotionResult>;
}

/// The branch at its current tip.
#[derive(Debug)]
pub struct InfraSnapshot {
    /// The text of the image's file.
    pub text: String,
    /// The image entry in it, or the one to add.
    pub image_field: ImageField,
    /// The entries that [`PromotionPlan::ledger_query`] asks for, newest first.
    pub entries: Vec<LedgerEntry>,
    pub now: Timestamp,
}

/// The commit to make.
#[derive(Debug, PartialEq, Eq)]
pub struct PlannedCommit {
    /// The file's new text.
    pub text: String,
    pub image: String,
    pub previous: Option<String>,
    pub message: String,
    /// What a reader of the change should know about the edit.
    pub remark: Option<String>,
}

impl PlannedCommit {
    /// The commit of an edited file. The images of `promotion` are filled in from the entries before and after.
    #[must_use]
    pub fn new(edited: Edited, entry: &ImageEntry, promotion: &Promotion) -> Self {
        let image = entry.reference();
        let previous = edited.previous.as_ref().map(ImageEntry::reference);
        // The digest is in `Image` already if the entry pins it.
        let digest = promotion.digest.clone().filter(|_| entry.digest.is_none());
        let promotion = Promotion { image: image.clone(), previous: previous.clone(), digest, ..promotion.clone() };
        let parts: Vec<&str> = [&entry.tag, &entry.digest].into_iter().flatten().map(String::as_str).collect();
        let release = if parts.is_empty() { image.clone() } else { parts.join("@") };
        Self { text: edited.text, image, previous, message: promotion.message(&release), remark: None }
    }
}

/// How a promotion ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionResult {
    /// The image that was promoted.
    pub image: String,
    /// The image before; `None` when there was no entry, or it is unknown.
    pub previous: Option<String>,
    /// The commit that set the image, if it is known.
    pub commit: Option<Commit>,
    /// Whether this command pushed that commit.
    pub changed: bool,
    /// Whether the branch still has the image, as far as it was read. It may not when the commit is from an earlier attempt.
    pub is_current: bool,
}

impl PromotionResult {
    /// The branch had the image before this command. `entry`: the ledger entry that set it.
    #[must_use]
    pub fn up_to_date(image: String, entry: Option<&LedgerEntry>) -> Self {
        let previous = entry.map_or_else(|| Some(image.clone()), |entry| entry.promotion.previous.clone());
        let commit = entry.map(|entry| entry.commit.clone());
        Self { image, previous, commit, changed: false, is_current: true }
    }

    /// The promotion was committed earlier, as `entry`; `current` is the image now.
    #[must_use]
    pub fn committed_earlier(entry: &LedgerEntry, current: Option<&str>) -> Self {
        let image = &entry.promotion.image;
        let is_current = current == Some(image.as_str());
        Self { is_current, ..Self::up_to_date(image.clone(), Some(entry)) }
    }
}
