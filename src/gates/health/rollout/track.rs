//! What was seen of a workload over time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    image::Fit,
    pods,
    progress::{Progress, Sight},
    rules::{Rules, State},
};
use crate::world::clock::Moment;

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
    /// How it was told last.
    pub told: String,
    /// It was complete before its controller set to work again.
    earlier: Option<Complete>,
    /// Its controller has nothing more to do.
    at_rest: bool,
}

/// When a rollout was complete, and how often its pods had restarted.
#[derive(Clone, Debug, PartialEq)]
pub struct Complete {
    pub at: Moment,
    restarts: BTreeMap<String, i32>,
    revision: String,
}

impl Track {
    /// `sight` is fresh: every view it comes from is heard of. `epoch` is the cluster's clock when we began.
    pub fn follow(&mut self, rules: &Rules, at: Moment, epoch: Option<Timestamp>, sight: &Sight<'_>) {
        let asked = matches!(sight.asked, Fit::Fits | Fit::Unknown(_)) && sight.progress != Progress::Missing;
        if !asked {
            // What came of the one before says nothing about the next.
            *self = Self { told: std::mem::take(&mut self.told), ..Self::default() };
            return;
        }
        self.appeared.get_or_insert(at);
        if !sight.kind.has_pods() {
            self.follow_controller(at, epoch, sight);
        }
        let restarts = pods::restarts(&sight.pods);
        match (&self.complete, sight.is_good(rules)) {
            (None, Ok(())) => {
                let earlier = self.earlier.take().filter(|earlier| earlier.revision == sight.revision);
                let now = Complete { at, restarts, revision: sight.revision.clone() };
                self.complete = Some(earlier.unwrap_or(now));
            }
            (Some(complete), Ok(())) if complete.revision != sight.revision => {
                self.complete = Some(Complete { at, restarts, revision: sight.revision.clone() });
            }
            (Some(_), Err(why)) => {
                self.disturbed.get_or_insert(why);
            }
            (Some(complete), Ok(())) => {
                // A pod that came later has restarted since, if it has at all.
                let more = restarts
                    .iter()
                    .find(|(uid, count)| **count > complete.restarts.get(*uid).copied().unwrap_or_default());
                if let Some((uid, _)) = more {
                    let name = sight.pods.iter().find(|pod| pod.metadata.uid == **uid).map(|pod| &pod.metadata.name);
                    self.disturbed
                        .get_or_insert_with(|| format!("pod {} restarted", name.cloned().unwrap_or_default()));
                }
            }
            (None, Err(_)) => {}
        }
    }

    /// What is known of a workload by its controller's word only.
    ///
    /// Such a controller sets to work again and again, for a new revision or to see that nothing has changed; it may fail to
    /// look, or wait to be told to go on. That is no harm to what was complete, and what comes of it has its own time.
    fn follow_controller(&mut self, at: Moment, epoch: Option<Timestamp>, sight: &Sight<'_>) {
        let is_new = |known: &Option<String>| known.as_ref().is_some_and(|known| *known != sight.revision);
        if is_new(&self.unwell.as_ref().map(|(_, revision)| revision.clone())) {
            self.unwell = None;
        }
        let before_us = |since: &Option<Timestamp>| since.zip(epoch).is_some_and(|(since, epoch)| since < epoch);
        match &sight.progress {
            Progress::Reconciling(_) | Progress::Rolling(_) if self.at_rest => {
                self.at_rest = false;
                self.appeared = Some(at);
            }
            Progress::Complete(_) | Progress::Empty(_) | Progress::Failed { .. } => self.at_rest = true,
            Progress::Stuck { state: State::Paused, .. } => self.at_rest = true,
            _ => {}
        }
        match &sight.progress {
            Progress::Reconciling(_) | Progress::Unclear(_) | Progress::Stuck { state: State::Paused, .. } => {
                self.earlier = self.complete.take().or(self.earlier.take());
            }
            Progress::Complete(_) | Progress::Empty(_) => self.unwell = None,
            Progress::Stuck { state: State::Degraded, since, .. } => {
                self.unwell.get_or_insert((at, sight.revision.clone()));
                if before_us(since) {
                    self.failed_before.get_or_insert(sight.revision.clone());
                }
            }
            Progress::Failed { since, .. } if before_us(since) => {
                self.failed_before.get_or_insert(sight.revision.clone());
            }
            Progress::Rolling(_) => self.unwell = None,
            _ => {}
        }
        if matches!(sight.progress, Progress::Rolling(_) | Progress::Failed { .. })
            || matches!(sight.progress, Progress::Stuck { state: State::Degraded, .. })
        {
            self.earlier = None;
        }
    }
}
