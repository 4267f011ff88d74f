//! Whether a service of a batch did not change: then it is not promoted.
//!
//! A monorepo deploys all its services for one commit, and most of them are as they were. Two facts count: the infra repository
//! has this image already, or no commit since the image there changes anything at the service's paths. Names and tags of new
//! builds do not.

use crate::{
    commands::evidence::{observations::EvidenceObservations, verification::Verification},
    people::participants::TouchingCommits,
    subject::Reference,
    values::short_sha,
};

impl Verification<'_> {
    /// Why there is nothing to promote; `None` if the service changed, or if it is not known whether it did.
    pub fn unchanged(&self, observations: &EvidenceObservations) -> Option<String> {
        self.same_image(observations).or_else(|| Self::same_sources(observations))
    }

    /// The image in the infra repository is this one: by its digest, which is in the entry or in the commit that set the tag.
    fn same_image(&self, observations: &EvidenceObservations) -> Option<String> {
        let text = observations.changes.current_image.as_deref()?;
        let (current, release): (Reference, _) = (text.parse().ok()?, self.release());
        let has_same_tag = release.tag.is_some() && current.tag == release.tag;
        let last = observations.ledger.as_ref().ok().and_then(|entries| entries.first());
        let recorded = || last.filter(|entry| entry.promotion.image == text)?.promotion.digest.as_ref();
        let is_same = match (&current.digest, &release.digest) {
            (Some(current), Some(own)) => current == own,
            (None, Some(own)) => has_same_tag && recorded() == Some(own),
            (None, None) => has_same_tag,
            (Some(_), None) => false,
        };
        let is_same = is_same && release.image.as_ref() == Some(&current.image);
        is_same.then(|| format!("{text} is in {} already", self.environment))
    }

    /// No commit between the two images touches the paths of the service.
    fn same_sources(observations: &EvidenceObservations) -> Option<String> {
        let changes = &observations.changes;
        let comparison = changes.comparison.as_ref()?.as_ref().ok()?.as_ref()?;
        let people = changes.people.as_ref()?.as_ref().ok()?;
        let TouchingCommits { touching, all, paths } = people.touching.as_ref()?;
        let has_all = comparison.commits.len() as u64 == comparison.total && *all as u64 == comparison.total;
        let base = changes.base_commit()?;
        (*touching == 0 && has_all && comparison.status == "ahead").then(|| {
            format!("none of the {all} commits since {} changes {}", short_sha(base.as_str()), paths.join(", "))
        })
    }
}
