//! What was seen of a workload over time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    image::Fit,
    pods,
    progress::{Progress, Sight},
    rules::{Rules, State},
};
use crate::{clock::Moment, world::cluster::objects::Pod};

/// What was seen of a workload over time.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Since when it is asked to run the image under promotion; where only its controller tells how it is, since when that
    /// was last at work on it.
    pub appeared: Option<Moment>,
    pub complete: Option<Complete>,
    /// What went wrong after it was complete.
    pub disturbed: Option<String>,
    /// Since when its controller calls it unhealthy, and at which revision.
    pub unwell: Option<(Moment, String)>,
    /// The revision that had failed before we looked: it may not be the one under promotion.
    pub failed_before: Option<String>,
    pub release: Release,
    /// How it was told last.
    pub told: String,
    /// Something was not heard since it was looked at last.
    pub unheard: bool,
    looked: Moment,
    /// It was complete before its controller set to work again.
    earlier: Option<Complete>,
    /// Its controller has nothing more to do.
    at_rest: bool,
}

/// Whether a workload's specification asks for the image under promotion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    #[default]
    Unseen,
    Asked,
    /// It did, and no longer does.
    Replaced,
}

/// When a rollout was complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Complete {
    pub at: Moment,
    /// Those that were ready then or have become so since, by uid.
    pods: BTreeMap<String, Ready>,
    revision: String,
}

/// A pod as it became ready.
#[derive(Clone, Debug, PartialEq)]
struct Ready {
    restarts: i64,
    since: Option<Timestamp>,
}

impl Complete {
    fn of(at: Moment, sight: &Sight<'_>) -> Self {
        let mut complete = Self { at, pods: BTreeMap::new(), revision: sight.revision.clone() };
        complete.note(sight);
        complete
    }

    fn note(&mut self, sight: &Sight<'_>) {
        for pod in sight.pods.iter().filter(|pod| pods::is_ready(pod)) {
            let ready = Ready { restarts: pods::restarts(pod), since: pods::ready_since(pod) };
            self.pods.entry(pod.metadata.uid.clone()).or_insert(ready);
        }
    }

    /// What went wrong with a pod that was ready. One that was taken away did nothing wrong, and one that has come since, by
    /// an autoscaler or from a node that is drained, has its own time.
    fn disturbed(&self, sight: &Sight<'_>) -> Option<String> {
        let of_pod = |pod: &&Pod| {
            let (ready, name) = (self.pods.get(&pod.metadata.uid)?, &pod.metadata.name);
            if pods::restarts(pod) > ready.restarts {
                return Some(format!("pod {name} restarted"));
            }
            if !pods::is_ready(pod) {
                return Some(format!("pod {name} is not ready"));
            }
            (pods::ready_since(pod) != ready.since).then(|| format!("pod {name} was not ready for a while"))
        };
        let ended = sight.ended.iter().filter(|pod| self.pods.contains_key(&pod.metadata.uid));
        let ended = ended.filter(|pod| !pods::went_with_its_node(pod)).map(|pod| pods::end(pod));
        sight.pods.iter().find_map(of_pod).or_else(|| ended.into_iter().next())
    }

    /// Whether none of its pods is left: another revision, or all of them were moved.
    fn is_over(&self, sight: &Sight<'_>) -> bool {
        let known = |pod: &&Pod| self.pods.contains_key(&pod.metadata.uid);
        sight.kind.has_pods() && !sight.pods.is_empty() && !sight.pods.iter().chain(&sight.ended).any(known)
    }
}

impl Track {
    /// `sight` is fresh: every view it comes from is heard of. `epoch` is the cluster's clock when we began.
    pub fn follow(&mut self, rules: &Rules, at: Moment, epoch: Option<Timestamp>, sight: &Sight<'_>) {
        let asked = match (&sight.asked, &sight.progress) {
            (_, Progress::Missing) | (Fit::Differs(_), _) => false,
            // The digest of a tag is told by the pods, once they are all there.
            (Fit::Unknown(_), Progress::Complete(_)) => !matches!(sight.runs(rules), Fit::Differs(_)),
            _ => true,
        };
        if !asked {
            // What came of the one before says nothing about the next.
            let release = if self.release == Release::Unseen { Release::Unseen } else { Release::Replaced };
            *self = Self { told: std::mem::take(&mut self.told), release, ..Self::default() };
            return;
        }
        self.appeared.get_or_insert(at);
        if sight.asked == Fit::Fits && sight.kind.has_pods() {
            self.release = Release::Asked;
        }
        if !sight.kind.has_pods() {
            self.follow_controller(at, epoch, sight);
        }
        let (unheard, looked) = (std::mem::take(&mut self.unheard), std::mem::replace(&mut self.looked, at));
        let is_good = sight.is_good(rules);
        if self.complete.as_ref().is_some_and(|complete| complete.is_over(sight)) {
            self.complete = None;
        }
        match (&mut self.complete, is_good) {
            (None, Ok(())) => {
                let earlier = self.earlier.take().filter(|earlier| earlier.revision == sight.revision);
                self.complete = Some(earlier.unwrap_or_else(|| Complete::of(at, sight)));
            }
            (Some(complete), Ok(())) if complete.revision != sight.revision => *complete = Complete::of(at, sight),
            (Some(complete), is_good) => {
                // What comes later is no matter of this rollout; what came while nothing was heard may have come before.
                let stable = complete.at + rules.stabilize;
                if at < stable || (unheard && looked < stable) {
                    let disturbed = || if sight.kind.has_pods() { complete.disturbed(sight) } else { is_good.err() };
                    self.disturbed = self.disturbed.take().or_else(disturbed);
                }
                complete.note(sight);
            }
            (None, Err(_)) => {}
        }
    }

    /// What is known of a workload by its controller's word only.
    ///
    /// Such a controller sets to work again and again, for a new revision or to see that nothing has changed; it may fail to
    /// look, or wait to be told to go on. That is no harm to what was complete, and what comes of it has its own time.
    fn follow_controller(&mut self, at: Moment, epoch: Option<Timestamp>, sight: &Sight<'_>) {
        self.unwell.take_if(|(_, revision)| *revision != sight.revision);
        let before_us = |since: &Option<Timestamp>| since.zip(epoch).is_some_and(|(since, epoch)| since < epoch);
        match &sight.progress {
            Progress::Reconciling(_) | Progress::Rolling(_) if self.at_rest => {
                self.at_rest = false;
                self.appeared = Some(at);
            }
            Progress::Complete(_)
            | Progress::Empty(_)
            | Progress::Failed { .. }
            | Progress::Stuck { state: State::Paused, .. } => self.at_rest = true,
            _ => {}
        }
        match &sight.progress {
            Progress::Reconciling(_) | Progress::Unclear(_) | Progress::Stuck { state: State::Paused, .. } => {
                self.earlier = self.complete.take().or(self.earlier.take());
            }
            Progress::Complete(_) | Progress::Empty(_) | Progress::Rolling(_) => self.unwell = None,
            Progress::Stuck { state: State::Degraded, since, .. } => {
                self.unwell.get_or_insert((at, sight.revision.clone()));
                if before_us(since) {
                    self.failed_before.get_or_insert(sight.revision.clone());
                }
            }
            Progress::Failed { since, .. } if before_us(since) => {
                self.failed_before.get_or_insert(sight.revision.clone());
            }
            _ => {}
        }
        if let Progress::Rolling(_) | Progress::Failed { .. } | Progress::Stuck { state: State::Degraded, .. } =
            sight.progress
        {
            self.earlier = None;
        }
    }
}
