//! A workload at one moment: its rollout status and its pods.

use std::collections::BTreeSet;

use super::{
    image::{ImageMatch, RegistryAnswers},
    limits::WorkloadLimits,
    pod_status::{has_ended, is_ready},
    progress::{RolloutProgress, RolloutStatus, rollout_status},
    views::Views,
    workload::{Workload, WorkloadKind},
};
use crate::world::cluster::objects::{Pod, PodTemplate};

pub struct WorkloadSnapshot<'a> {
    pub kind: WorkloadKind,
    pub progress: RolloutProgress,
    /// Whether the workload requests the image under promotion, by the name in its template or by the digests that its pods
    /// report.
    pub requested: ImageMatch,
    /// The template of the newest revision, if the workload has one.
    pub template: Option<&'a PodTemplate>,
    /// What the registry has said about digests.
    pub registry_answers: &'a RegistryAnswers,
    /// The pods of the new revision that are not being deleted, by name.
    pub pods: Vec<&'a Pod>,
    /// Pods that ended for good: evicted, or gone with their node. Other pods replace them.
    pub ended: Vec<&'a Pod>,
    /// How many pods of the new revision there should be.
    pub desired: i32,
    /// The revision that the controller last worked on; empty for a workload that is judged by its pods.
    pub revision: String,
}

impl<'a> WorkloadSnapshot<'a> {
    #[must_use]
    pub fn take(limits: &WorkloadLimits, views: &'a Views, workload: &Workload) -> Self {
        let RolloutStatus { progress, requested, template, mut pods, desired, revision } =
            rollout_status(limits, views, workload);
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        pods.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
        let (ended, pods): (Vec<&Pod>, Vec<&Pod>) = pods.into_iter().partition(|pod| has_ended(pod));
        let registry_answers = &views.registry_answers;
        let runs_it = |pod: &&Pod| limits.image.match_pod(template, pod, registry_answers) == ImageMatch::Matches;
        let is_proven = limits.image.digest.is_some() && !pods.is_empty() && pods.iter().all(runs_it);
        let requested = if is_proven { ImageMatch::Matches } else { requested };
        Self { kind: workload.kind, progress, requested, template, registry_answers, pods, ended, desired, revision }
    }

    /// Whether the rollout is complete, all pods are seen and ready, and they run the image under promotion.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn check_healthy(&self, limits: &WorkloadLimits) -> Result<(), String> {
        self.check_rolled_out(limits)?;
        match self.running_image(limits) {
            ImageMatch::Matches => Ok(()),
            ImageMatch::Differs(image) | ImageMatch::Unknown(image) if !self.pods.is_empty() => {
                Err(format!("its pods run {image}"))
            }
            ImageMatch::Differs(image) | ImageMatch::Unknown(image) if self.kind.has_pods() => {
                Err(format!("it requests {image}"))
            }
            ImageMatch::Differs(image) | ImageMatch::Unknown(image) => Err(format!("it runs {image}")),
        }
    }

    /// Whether the rollout is complete, and all pods are seen and ready, whatever they run.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn check_rolled_out(&self, limits: &WorkloadLimits) -> Result<(), String> {
        match &self.progress {
            RolloutProgress::Complete(_) => {}
            RolloutProgress::Empty(_) if limits.allow_empty => {}
            RolloutProgress::Missing => return Err("it is gone".to_owned()),
            RolloutProgress::Progressing(reason)
            | RolloutProgress::Reconciling(reason)
            | RolloutProgress::Unknown(reason)
            | RolloutProgress::Failed { reason, .. }
            | RolloutProgress::Empty(reason)
            | RolloutProgress::Stuck { reason, .. } => return Err(reason.clone()),
        }
        if let Some(pod) = self.pods.iter().find(|pod| !is_ready(pod)) {
            return Err(format!("pod {} is not ready", pod.metadata.name));
        }
        // The controller may count a pod before the watch on pods has reported it.
        if i32::try_from(self.pods.len()).is_ok_and(|seen| seen < self.desired) {
            return Err(format!("{} of {} pods are seen", self.pods.len(), self.desired));
        }
        if self.kind.has_pods() && self.pods.is_empty() && matches!(self.progress, RolloutProgress::Complete(_)) {
            return Err("no pod of it is seen".to_owned());
        }
        Ok(())
    }

    /// Whether all that is left open is which image runs: no name of it has the expected version.
    #[must_use]
    pub fn only_image_is_unknown(&self, limits: &WorkloadLimits) -> bool {
        self.check_rolled_out(limits).is_ok() && matches!(self.running_image(limits), ImageMatch::Unknown(_))
    }

    /// The digests that only the registry can compare, and that it has not been asked about.
    #[must_use]
    pub fn open_digests(&self, limits: &WorkloadLimits) -> BTreeSet<String> {
        if !limits.asks_registry || !self.only_image_is_unknown(limits) {
            return BTreeSet::new();
        }
        let open = self.pods.iter().flat_map(|pod| limits.image.open_digests(self.template, pod));
        open.filter(|digest| !self.registry_answers.contains_key(digest)).collect()
    }

    /// The images that its template requests, if that is another release than the one under promotion.
    #[must_use]
    pub fn other_release(&self, limits: &WorkloadLimits) -> Option<String> {
        let template = self.template.filter(|template| !limits.image.is_named_in(template))?;
        (self.requested != ImageMatch::Matches).then(|| limits.image.images_in(template))
    }

    /// Whether every pod runs the image under promotion; without pods, whether the workload requests it.
    #[must_use]
    pub fn running_image(&self, limits: &WorkloadLimits) -> ImageMatch {
        if self.pods.is_empty() {
            return self.requested.clone();
        }
        let mut worst = ImageMatch::Matches;
        for found in self.pods.iter().map(|pod| limits.image.match_pod(self.template, pod, self.registry_answers)) {
            match found {
                ImageMatch::Differs(_) => return found,
                ImageMatch::Unknown(_) => worst = found,
                ImageMatch::Matches => {}
            }
        }
        worst
    }

    /// In a few words, for the log.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.progress {
            RolloutProgress::Missing => "not found".to_owned(),
            RolloutProgress::Complete(text) => format!("complete: {text}"),
            RolloutProgress::Progressing(reason)
            | RolloutProgress::Reconciling(reason)
            | RolloutProgress::Unknown(reason)
            | RolloutProgress::Failed { reason, .. }
            | RolloutProgress::Empty(reason)
            | RolloutProgress::Stuck { reason, .. } => reason.clone(),
        }
    }
}
