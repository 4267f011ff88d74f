//! Decides whether to commit a rollback, from the branch and the approval alone.

use jiff::Timestamp;

use crate::{
    finding::Finding,
    image_entry::{EntryText, ImageEntry},
    ledger::{LedgerEntry, LedgerQuery, Promotion, PromotionKind, WantedEntry, proof::EntryChange},
    promotion::{
        infra::{
            FieldPlace, ImageEdit, ImageField, ImageLocators, InfraSnapshot, NewImage, PlannedCommit, PromotionPlan,
            PromotionResult,
        },
        rerun::{earliest_attempt, find_commit_of_run},
    },
    reconcile::Plan,
    report::Run,
    subject::{Image, Reference},
    world::git::Commit,
};

/// Why an entry is not restored as it was written.
const RESHAPED: &str =
    "the values only: the entry was written differently since, or kustomize would not read its earlier text";

/// The promotion to roll back.
#[derive(Debug)]
pub(super) enum RollbackTarget {
    Commit(Commit),
    /// The latest promotion that the person who started this run could know of.
    Latest {
        /// When the run was started, if it is known.
        started: Option<Timestamp>,
    },
}

/// A promotion whose workflow run did not make it.
#[derive(Debug)]
pub(super) struct RefutedRun {
    pub promotion: Commit,
    pub why: String,
}

/// A rollback of one promotion.
pub(super) struct Rollback {
    pub image_locators: ImageLocators,
    pub target: RollbackTarget,
    /// The facts for the commit. The images and the rolled back commit are filled in by the plan.
    pub promotion: Promotion,
    /// Why no commit may be made: the approval is missing.
    pub refusal: Option<Finding>,
    pub run: Option<Run>,
    /// A promotion that is rolled back only if a person names it.
    pub refuted: Option<RefutedRun>,
    /// The repository of the service's image, if the config file has it. No other image is set.
    pub repository: Option<Image>,
}

impl Rollback {
    /// The promotion to roll back, or the plan if there is none: a refusal, or up to date when it was rolled back earlier.
    pub fn find_target<'a>(
        &self,
        entries: &'a [LedgerEntry],
        current: Option<&str>,
    ) -> Result<&'a LedgerEntry, Plan<PlannedCommit, PromotionResult>> {
        let Promotion { service, environment, .. } = &self.promotion;
        let refuse = |actual: String, next: &str| {
            let expected = format!("a promotion of {service} to {environment} that can be rolled back");
            Err(Plan::Refuse(Finding::blocked("rollback").actual(actual).expected(expected).next(next)))
        };
        let earlier = |entry: &LedgerEntry| Err(Plan::UpToDate(PromotionResult::committed_earlier(entry, current)));
        let wanted = match &self.target {
            RollbackTarget::Commit(commit) => commit,
            RollbackTarget::Latest { started } => {
                return match entries.first() {
                    None => refuse("the ledger has no promotion".to_owned(), "set the image by a promotion"),
                    // A second run changes nothing. To go further back, the caller names the promotion.
                    Some(last) if last.promotion.kind == PromotionKind::Rollback => earlier(last),
                    Some(LedgerEntry { commit, committed_at: at, promotion, .. })
                        if started.is_some_and(|started| *at > started) =>
                    {
                        refuse(
                            format!("{} was promoted by {commit} at {at}, after this run was started", promotion.image),
                            "start a new workflow run, or name the wanted promotion with `promotion`",
                        )
                    }
                    Some(last) => Ok(last),
                };
            }
        };
        if let Some(rollback) = entries.iter().find(|entry| entry.promotion.rolls_back.as_ref() == Some(wanted)) {
            return earlier(rollback);
        }
        match entries.iter().find(|entry| entry.commit == *wanted) {
            None => refuse(
                format!("{wanted} is not a promotion in the ledger"),
                "name a commit by its full id; `git log --grep 'Service: '` shows those of the ledger",
            ),
            Some(entry) => Ok(entry),
        }
    }
}

impl PromotionPlan for Rollback {
    fn image_locators(&self) -> &ImageLocators {
        &self.image_locators
    }

    fn release(&self) -> String {
        "the image before".to_owned()
    }

    /// The promotion, and the entries that an earlier attempt of this run can have committed.
    fn ledger_query(&self, now: Timestamp) -> Option<LedgerQuery> {
        let Promotion { service, environment, .. } = self.promotion.clone();
        let wanted = match &self.target {
            RollbackTarget::Commit(commit) => WantedEntry::Commit(commit.clone()),
            RollbackTarget::Latest { .. } => WantedEntry::Latest,
        };
        Some(LedgerQuery { service, environment, since: earliest_attempt(now), wanted: Some(wanted) })
    }

    fn decide(&self, snapshot: &InfraSnapshot) -> Plan<PlannedCommit, PromotionResult> {
        let current = match snapshot.current_image() {
            Ok(image) => image,
            Err(finding) => return Plan::Refuse(finding),
        };
        if let Some(earlier) = find_commit_of_run(&snapshot.entries, PromotionKind::Rollback, self.run.as_ref()) {
            return Plan::UpToDate(PromotionResult::committed_earlier(earlier, current.as_deref()));
        }
        let target = match self.find_target(&snapshot.entries, current.as_deref()) {
            Ok(target) => target,
            Err(plan) => return plan,
        };
        if let (Some(RefutedRun { promotion, why }), RollbackTarget::Latest { .. }) = (&self.refuted, &self.target)
            && *promotion == target.commit
        {
            return Plan::Refuse(blocked(
                format!("the last promotion, {promotion}, was not made by the workflow run that it names: {why}"),
                "a promotion by a workflow run".to_owned(),
                "look at the commit; if the image before it is the wanted one, name the commit with `promotion`",
            ));
        }
        match self.edit(snapshot, target) {
            Err(finding) => Plan::Refuse(finding),
            Ok((edit, _)) if !edit.changed() => {
                let image = edit.entry().map(|entry| entry.reference()).unwrap_or_default();
                Plan::UpToDate(PromotionResult::up_to_date(image, None))
            }
            Ok((edit, remark)) => {
                if let Some(finding) = &self.refusal {
                    return Plan::Refuse(finding.clone());
                }
                let promotion = Promotion { rolls_back: Some(target.commit.clone()), ..self.promotion.clone() };
                Plan::Write(PlannedCommit { remark, ..PlannedCommit::new(edit, &promotion) })
            }
        }
    }
}

impl Rollback {
    /// Puts every file back as it was before a promotion, and says what is not byte for byte.
    ///
    /// A file that the promotion did not change had its image already: it gets the image before, too.
    fn edit(&self, snapshot: &InfraSnapshot, target: &LedgerEntry) -> Result<(ImageEdit, Option<String>), Finding> {
        let mut fields = changed_fields(snapshot, target)?;
        check_current(snapshot, target, &fields)?;
        // A rollback of several files starts with one whose image before is known.
        fields.sort_by_key(|(_, change)| change.as_ref().is_none_or(|change| change.before.is_none()));
        let before = fields.first().and_then(|(_, change)| change.as_ref()?.before.clone());
        let (mut edit, mut remark) = (ImageEdit::default(), None);
        for (field, change) in &fields {
            let own = change.as_ref().and_then(|change| Some((change.before.as_ref()?, &change.after)));
            let earlier = own.map(|(own, _)| own).or(before.as_ref()).ok_or_else(|| no_image_before(target))?;
            let image = self.earlier_image(target, earlier)?;
            let text = edit.text(&snapshot.texts, field)?;
            let restored = match own {
                Some((own, after)) => field.restore(text, own, after)?.map(|edited| (edited, own.entry.clone())),
                None => None,
            };
            let (edited, entry) = if let Some(restored) = restored {
                restored
            } else {
                remark = Some(RESHAPED.to_owned());
                field.set(text, &image)?
            };
            edit.add(field, edited, entry);
        }
        Ok((edit, remark))
    }

    /// The image of an earlier entry, if it may be set.
    fn earlier_image(&self, target: &LedgerEntry, earlier: &EntryText) -> Result<NewImage, Finding> {
        let (commit, previous) = (&target.commit, earlier.entry.reference());
        let Ok(Reference { image, tag, digest }) = previous.parse() else {
            return Err(blocked(
                format!("the image before {commit} is \"{previous}\""),
                "an image such as `ghcr.io/acme/checkout-service:1.4.1`".to_owned(),
                "set the image by hand",
            ));
        };
        match &self.repository {
            Some(repository) if *repository != image => Err(blocked(
                format!("the image before {commit} is {previous}"),
                format!("an image of {repository}, as `services` has it"),
                "check where it comes from: set it by hand, or correct `services` if the service had this repository",
            )),
            _ => Ok(NewImage { image: Some(image), tag, digest }),
        }
    }
}

/// Refuses a rollback when the image was changed since.
fn check_current(
    snapshot: &InfraSnapshot,
    target: &LedgerEntry,
    fields: &[(ImageField, Option<EntryChange>)],
) -> Result<(), Finding> {
    let LedgerEntry { commit, promotion: Promotion { image, .. }, .. } = target;
    for (field, _) in fields {
        let current = field.find_entry(ImageEdit::default().text(&snapshot.texts, field)?)?;
        if !current.as_ref().is_some_and(|current| target.has_set(current)) {
            let current = current.as_ref().map_or_else(|| "no image entry".to_owned(), ImageEntry::reference);
            let place = if fields.len() > 1 { format!(" in {} ({})", field.file, field.name()) } else { String::new() };
            return Err(blocked(
                format!("the current image is {current}{place}"),
                format!("{image}, which {commit} promoted"),
                "it was changed since: name the promotion that set the current image, or set the image by hand",
            ));
        }
    }
    Ok(())
}

/// The fields of the service, each with its change by the promotion.
///
/// An entry of a kustomization is the one that the promotion changed, whatever its name is.
fn changed_fields(
    snapshot: &InfraSnapshot,
    target: &LedgerEntry,
) -> Result<Vec<(ImageField, Option<EntryChange>)>, Finding> {
    let mut left: Vec<&EntryChange> = target.changes.iter().collect();
    let mut fields = Vec::with_capacity(snapshot.fields.len());
    for field in &snapshot.fields {
        let at = left.iter().position(|change| field.is_in(&change.file));
        let change = at.map(|at| left.remove(at).clone());
        let field = match (&field.place, &change) {
            (FieldPlace::Entry(_), Some(change)) => ImageField::entry(field.file.clone(), &change.after.entry.name),
            _ => field.clone(),
        };
        fields.push((field, change));
    }
    match left.first() {
        None => Ok(fields),
        Some(change) => Err(blocked(
            format!("{} changed {}, which is no file of the service now", target.commit, change.file.path),
            "a promotion in the files that the config file has for the service".to_owned(),
            "set the image by a promotion or by hand, or correct `files`",
        )),
    }
}

fn no_image_before(target: &LedgerEntry) -> Finding {
    blocked(
        format!("{} added the image entry: there was no image before it", target.commit),
        "a promotion with an image before it".to_owned(),
        "it was the first promotion of its service: set the image by hand, or remove the entry",
    )
}

fn blocked(actual: String, expected: String, next: &str) -> Finding {
    Finding::blocked("rollback").actual(actual).expected(expected).next(next)
}
