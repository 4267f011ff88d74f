//! How far a rollout is, by the kind of workload. `kubectl rollout status` is the model, and its gaps are closed: revisions
//! are compared, nothing of the old one may be left, and nothing that runs no pod passes for well.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    image::Fit,
    pods::is_ready,
    rules::{Rules, State},
    seen::Views,
    workload::{Kind, Workload},
};
use crate::world::cluster::objects::{Condition, DaemonSet, Deployment, Pod, ReplicaSet, StatefulSet, Template};

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is no such workload.
    Missing,
    /// On its way; what it waits for.
    Rolling(String),
    /// It may go on by itself, or not.
    Stuck { state: State, since: Option<Timestamp>, why: String },
    /// The controller has given it up.
    Failed(String),
    /// Nothing is to run.
    Empty(String),
    /// By the controller's own word.
    Complete(String),
}

/// A workload as it is now.
pub struct Sight<'a> {
    pub progress: Progress,
    /// Whether its specification asks for the image under promotion.
    pub asked: Fit,
    /// The pods of the new revision that are not about to go, by name.
    pub pods: Vec<&'a Pod>,
    /// How many there should be.
    pub wanted: i32,
}

impl Sight<'_> {
    /// Whether it is complete, its pods are seen to be ready, and they run the image under promotion; else why not.
    pub fn is_good(&self, rules: &Rules) -> Result<(), String> {
        match &self.progress {
            Progress::Complete(_) => {}
            Progress::Empty(_) if rules.allow_empty => {}
            Progress::Missing => return Err("it is gone".to_owned()),
            Progress::Rolling(why) | Progress::Failed(why) | Progress::Empty(why) | Progress::Stuck { why, .. } => {
                return Err(why.clone());
            }
        }
        if let Some(pod) = self.pods.iter().find(|pod| !is_ready(pod)) {
            return Err(format!("pod {} is not ready", pod.metadata.name));
        }
        // The controller counts a pod before our watch has heard of it.
        if i32::try_from(self.pods.len()).is_ok_and(|seen| seen < self.wanted) {
            return Err(format!("{} of {} pods are seen", self.pods.len(), self.wanted));
        }
        match self.runs(rules) {
            Fit::Fits => Ok(()),
            Fit::Differs(what) | Fit::Unknown(what) => Err(format!("its pods run {what}")),
        }
    }

    /// Whether every pod runs the image under promotion.
    #[must_use]
    pub fn runs(&self, rules: &Rules) -> Fit {
        if self.pods.is_empty() {
            return self.asked.clone();
        }
        let mut worst = Fit::Fits;
        for fit in self.pods.iter().map(|pod| rules.image.in_pod(pod)) {
            match fit {
                Fit::Differs(_) => return fit,
                Fit::Unknown(_) => worst = fit,
                Fit::Fits => {}
            }
        }
        worst
    }

    /// In a few words, for the log.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.progress {
            Progress::Missing => "not there".to_owned(),
            Progress::Complete(text) => format!("complete: {text}"),
            Progress::Rolling(text)
            | Progress::Failed(text)
            | Progress::Empty(text)
            | Progress::Stuck { why: text, .. } => text.clone(),
        }
    }
}

/// A workload as the views show it.
#[must_use]
pub fn sight<'a>(rules: &Rules, views: &'a Views, workload: &Workload) -> Sight<'a> {
    let found = match workload.kind {
        Kind::Deployment => views.deployments.named(&workload.name).map(|it| deployment(views, it)),
        Kind::StatefulSet => views.stateful_sets.named(&workload.name).map(|it| stateful_set(views, it)),
        Kind::DaemonSet => views.daemon_sets.named(&workload.name).map(|it| daemon_set(views, it)),
    };
    let Some(Found { progress, template, mut pods, wanted }) = found else {
        let asked = Fit::Differs("nothing".to_owned());
        return Sight { progress: Progress::Missing, asked, pods: Vec::new(), wanted: 0 };
    };
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    pods.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    Sight { progress, asked: rules.image.in_template(template), pods, wanted }
}

struct Found<'a> {
    progress: Progress,
    template: &'a Template,
    /// Of the new revision.
    pods: Vec<&'a Pod>,
    wanted: i32,
}

fn rolling(text: impl Into<String>) -> Progress {
    Progress::Rolling(text.into())
}

const UNOBSERVED: &str = "its latest change has not been taken up yet";
const NO_REPLICAS: &str = "it asks for no pod: `replicas: 0`";

/// The controller writes the number of the newest revision on the Deployment and on its ReplicaSet.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// Of a pod: the revision that it was made from.
const POD_REVISION: &str = "controller-revision-hash";

fn deployment<'a>(views: &'a Views, it: &'a Deployment) -> Found<'a> {
    let Deployment { metadata, spec, status } = it;
    let revision = metadata.annotations.get(REVISION);
    let is_newest = |set: &&ReplicaSet| revision.is_some() && set.metadata.annotations.get(REVISION) == revision;
    let newest = views.replica_sets.made_by(&metadata.uid).find(is_newest);
    let observed = status.observed_generation >= metadata.generation;
    let pods = match newest {
        Some(set) if observed => views.pods.made_by(&set.metadata.uid).collect(),
        _ => Vec::new(),
    };
    let of_type = |kind: &str| status.conditions.iter().find(|condition: &&Condition| condition.kind == kind);
    let failure = of_type("ReplicaFailure").filter(|condition| condition.status == "True");
    let given_up = of_type("Progressing").filter(|one| one.reason == "ProgressDeadlineExceeded");
    let (updated, available, all) = (status.updated_replicas, status.available_replicas, status.replicas);
    let counts = format!("{updated} of {} updated, {available} available", spec.replicas);
    let complete = updated >= spec.replicas && all <= updated && available >= updated;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if spec.replicas == 0 && all == 0 {
        Progress::Empty(NO_REPLICAS.to_owned())
    } else if complete && newest.is_none() {
        rolling("its newest ReplicaSet is not seen yet")
    } else if complete {
        Progress::Complete(format!("{counts}, revision {}", revision.map(String::as_str).unwrap_or_default()))
    } else if let Some(condition) = given_up {
        Progress::Failed(format!("{}: {}; {counts}", condition.reason, condition.message))
    } else if spec.paused {
        Progress::Stuck { state: State::Paused, since: None, why: format!("it is paused: {counts}") }
    } else if let Some(condition) = failure {
        let why = format!("{}: {}; {counts}", condition.reason, condition.message);
        Progress::Stuck { state: State::FailedCreate, since: condition.last_transition_time, why }
    } else if all > updated {
        rolling(format!("{counts}, {} of the old revision left", all - updated))
    } else {
        rolling(counts)
    };
    Found { progress, template: &spec.template, pods, wanted: spec.replicas }
}

fn stateful_set<'a>(views: &'a Views, it: &'a StatefulSet) -> Found<'a> {
    let StatefulSet { metadata, spec, status } = it;
    let observed = status.observed_generation >= metadata.generation;
    let all = views.pods.made_by(&metadata.uid).filter(|_| observed);
    let of_new = |pod: &&Pod| pod.metadata.labels.get(POD_REVISION) == Some(&status.update_revision);
    let pods = all.filter(of_new).collect();
    let partition = spec.update_strategy.rolling_update.partition.clamp(0, spec.replicas.max(0));
    let wanted = spec.replicas - partition;
    let updated = status.updated_replicas;
    let available = status.available_replicas.unwrap_or(status.ready_replicas);
    let mut counts = format!("{updated} of {wanted} updated, {available} of {} available", spec.replicas);
    if partition > 0 {
        counts.push_str(&format!(", {partition} kept back by `partition`"));
    }
    let same = partition > 0 || status.current_revision == status.update_revision;
    let well = status.ready_replicas >= spec.replicas && available >= spec.replicas && status.replicas == spec.replicas;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if spec.replicas == 0 && status.replicas == 0 {
        Progress::Empty(NO_REPLICAS.to_owned())
    } else if updated >= wanted && well && same {
        Progress::Complete(format!("{counts}, revision {}", status.update_revision))
    } else if spec.update_strategy.kind == "OnDelete" && updated < wanted {
        on_delete(&counts)
    } else if updated >= wanted && well {
        rolling(format!("{counts}, the new revision is not the current one yet"))
    } else {
        rolling(counts)
    };
    Found { progress, template: &spec.template, pods, wanted }
}

fn daemon_set<'a>(views: &'a Views, it: &'a DaemonSet) -> Found<'a> {
    let DaemonSet { metadata, spec, status } = it;
    let observed = status.observed_generation >= metadata.generation;
    let newest = views
        .revisions
        .made_by(&metadata.uid)
        .max_by_key(|one| one.revision)
        .and_then(|one| one.metadata.labels.get(POD_REVISION));
    let all = views.pods.made_by(&metadata.uid).filter(|_| observed);
    let of_new = |pod: &&Pod| newest.is_some() && pod.metadata.labels.get(POD_REVISION) == newest;
    let pods = all.filter(of_new).collect();
    let (desired, updated) = (status.desired_number_scheduled, status.updated_number_scheduled);
    let counts = format!("{updated} of {desired} updated, {} available", status.number_available);
    let complete = updated >= desired && status.number_available >= desired;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if desired == 0 {
        Progress::Empty("no node matches it".to_owned())
    } else if complete && newest.is_none() {
        rolling("its newest revision is not seen yet")
    } else if complete {
        Progress::Complete(counts)
    } else if spec.update_strategy.kind == "OnDelete" && updated < desired {
        on_delete(&counts)
    } else {
        rolling(counts)
    };
    Found { progress, template: &spec.template, pods, wanted: desired }
}

fn on_delete(counts: &str) -> Progress {
    let why = format!("its pods are replaced only when somebody deletes them (`OnDelete`): {counts}");
    Progress::Stuck { state: State::Paused, since: None, why }
}

/// What several have in common, with the names of those that do.
#[must_use]
pub fn grouped(texts: impl IntoIterator<Item = (String, String)>) -> Vec<(String, Vec<String>)> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, text) in texts {
        groups.entry(text).or_default().push(name);
    }
    groups.into_iter().collect()
}
