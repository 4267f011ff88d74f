//! Decides whether to commit a rollback, from the branch and the approval alone.

use jiff::Timestamp;

use crate::{
    finding::Finding,
    kustomization,
    ledger::{LedgerEntry, LedgerQuery, Promotion, PromotionKind, WantedEntry},
    promotion::{
        infra::{ImageField, ImageLocator, InfraSnapshot, NewImage, PlannedCommit, PromotionPlan, PromotionResult},
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
    pub image_locator: ImageLocator,
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
    fn image_locator(&self) -> &ImageLocator {
        &self.image_locator
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
        let current = match snapshot.image_field.current_image(&snapshot.text) {
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
        let refuse = |actual: String, expected: String, next: &str| {
            Plan::Refuse(Finding::blocked("rollback").actual(actual).expected(expected).next(next))
        };
        if let (Some(RefutedRun { promotion, why }), RollbackTarget::Latest { .. }) = (&self.refuted, &self.target)
            && *promotion == target.commit
        {
            return refuse(
                format!("the last promotion, {promotion}, was not made by the workflow run that it names: {why}"),
                "a promotion by a workflow run".to_owned(),
                "look at the commit; if the image before it is the wanted one, name the commit with `promotion`",
            );
        }
        let LedgerEntry { commit, promotion: Promotion { image, .. }, change, .. } = target;
        // The entry that the promotion changed, whatever its name is.
        let image_field = ImageField { name: change.after.entry.name.clone(), ..snapshot.image_field.clone() };
        let current = match image_field.find_entry(&snapshot.text) {
            Ok(entry) => entry,
            Err(finding) => return Plan::Refuse(finding),
        };
        if !current.as_ref().is_some_and(|current| target.has_set(current)) {
            let current = current.map_or_else(|| "no image entry".to_owned(), |entry| entry.reference());
            return refuse(
                format!("the current image is {current}"),
                format!("{image}, which {commit} promoted"),
                "it was changed since: name the promotion that set the current image, or set the image by hand",
            );
        }
        let Some(before) = &change.before else {
            return refuse(
                format!("{commit} added the image entry: there was no image before it"),
                "a promotion with an image before it".to_owned(),
                "it was the first promotion of its service: set the image by hand, or remove the entry",
            );
        };
        let previous = before.entry.reference();
        let Ok(Reference { image, tag, digest }) = previous.parse() else {
            return refuse(
                format!("the image before {commit} is \"{previous}\""),
                "an image such as `ghcr.io/acme/checkout-service:1.4.1`".to_owned(),
                "set the image by hand",
            );
        };
        if let Some(repository) = self.repository.as_ref().filter(|repository| **repository != image) {
            return refuse(
                format!("the image before {commit} is {previous}"),
                format!("an image of {repository}, as `services` has it"),
                "check where it comes from: set it by hand, or correct `services` if the service had this repository",
            );
        }
        let (edited, image_entry, remark) = match kustomization::restore(&snapshot.text, before, &change.after) {
            Ok(Some(edited)) => (edited, before.entry.clone(), None),
            Ok(None) => match image_field.set(&snapshot.text, &NewImage { image: Some(image), tag, digest }) {
                Ok((edited, entry)) => (edited, entry, Some(RESHAPED.to_owned())),
                Err(finding) => return Plan::Refuse(finding),
            },
            Err(error) => return Plan::Refuse(error.to_finding(image_field.file.as_str())),
        };
        if !edited.changed {
            return Plan::UpToDate(PromotionResult::up_to_date(image_entry.reference(), None));
        }
        if let Some(finding) = &self.refusal {
            return Plan::Refuse(finding.clone());
        }
        let promotion = Promotion { rolls_back: Some(commit.clone()), ..self.promotion.clone() };
        Plan::Write(PlannedCommit { remark, ..PlannedCommit::new(edited, &image_entry, &promotion) })
    }
}
