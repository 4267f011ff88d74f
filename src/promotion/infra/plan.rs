//! How a command decides about the commit of a promotion, and the result.

use jiff::Timestamp;

use super::{
    image_edit::{FileTexts, ImageEdit, find_entries, set_images, whole_entry},
    image_field::{ImageField, NewImage},
    image_locators::ImageLocators,
};
use crate::{
    finding::Finding,
    image_entry::ImageEntry,
    ledger::{LedgerEntry, LedgerQuery, Promotion, proof::is_described},
    reconcile::Plan,
    world::git::{Commit, TreePath},
};

/// The decision of one command: whether it may change the image that its locators find.
pub trait PromotionPlan {
    fn image_locators(&self) -> &ImageLocators;

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
    /// The texts of the files with the image.
    pub texts: FileTexts,
    /// Where the image is in them, or is to be added. At least one.
    pub fields: Vec<ImageField>,
    /// The entries that [`PromotionPlan::ledger_query`] asks for, newest first.
    pub entries: Vec<LedgerEntry>,
    pub now: Timestamp,
}

impl InfraSnapshot {
    /// The files with another image. Pure, as every edit.
    ///
    /// # Errors
    /// One of the files cannot be edited safely.
    pub fn set(&self, new: &NewImage) -> Result<ImageEdit, Finding> {
        set_images(&self.texts, &self.fields, new)
    }

    /// The current entry of each field.
    ///
    /// # Errors
    /// One of the files cannot be read safely.
    pub fn entries_now(&self) -> Result<Vec<Option<ImageEntry>>, Finding> {
        find_entries(&self.texts, &self.fields)
    }

    /// The current image as a whole, if the fields agree on one.
    ///
    /// # Errors
    /// As [`InfraSnapshot::entries_now`].
    pub fn current_image(&self) -> Result<Option<String>, Finding> {
        let entries: Option<Vec<ImageEntry>> = self.entries_now()?.into_iter().collect();
        Ok(entries.and_then(|entries| agreed_image(&entries)))
    }
}

/// The image that all entries are of; `None` when they disagree.
#[must_use]
pub fn agreed_image(entries: &[ImageEntry]) -> Option<String> {
    let whole = whole_entry(entries)?.reference();
    entries.iter().all(|entry| is_described(entry, &whole)).then_some(whole)
}

/// What a person does when the answer to a write is lost.
pub const AFTER_A_LOST_ANSWER: &str = "look at the branch before running it again; a second run is safe: an image that is already set is not committed twice";

/// The commit to make.
#[derive(Debug, PartialEq, Eq)]
pub struct PlannedCommit {
    /// The new texts of the files that change.
    pub files: FileTexts,
    pub image: String,
    /// The image before, of the first file that changes.
    pub previous: Option<String>,
    pub message: String,
    /// What was in each place, for a service with several.
    pub places: Vec<String>,
    /// What a reader of the change should know about the edit.
    pub remark: Option<String>,
}

impl PlannedCommit {
    /// The commit of edited files. The images of `promotion` are filled in from the entries before and after.
    #[must_use]
    pub fn new(edit: ImageEdit, promotion: &Promotion) -> Self {
        let (previous, places) = (edit.previous(), edit.lines());
        let entry = edit.entry();
        let image = entry.as_ref().map(ImageEntry::reference).unwrap_or_default();
        let (tag, pinned) = entry.map_or((None, None), |entry| (entry.tag, entry.digest));
        // The digest is in `Image` already if an entry pins it.
        let digest = promotion.digest.clone().filter(|_| pinned.is_none());
        let promotion = Promotion { image: image.clone(), previous: previous.clone(), digest, ..promotion.clone() };
        let parts: Vec<&str> = [&tag, &pinned].into_iter().flatten().map(String::as_str).collect();
        let release = if parts.is_empty() { image.clone() } else { parts.join("@") };
        let message = promotion.message(&release, &places);
        Self { files: edit.files, image, previous, message, places, remark: None }
    }

    /// Which file gets which image, for the report.
    #[must_use]
    pub fn describe_change(&self) -> String {
        match &self.places[..] {
            [] => {
                let files: Vec<&str> = self.files.keys().map(TreePath::as_str).collect();
                let previous = self.previous.as_deref().unwrap_or("no image entry");
                format!("{}: {previous} → {}", files.join(", "), self.image)
            }
            places => format!("{} → {}", places.join("; "), self.image),
        }
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
