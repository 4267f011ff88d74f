//! How far a rollout is, by the kind of workload. `kubectl rollout status` is the model, and its gaps are closed: revisions
//! are compared, nothing of the old one may be left, and nothing that runs no pod passes for well. Kinds of others are told
//! as their own controllers and tools read them.

mod application;
mod daemon_set;
mod deployment;
mod kustomization;
mod rollout;
mod stateful_set;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    image::Fit,
    pods::{MESSAGE, is_over, is_ready},
    rules::{Rules, State},
    views::Views,
    workload::{Kind, Workload},
};
use crate::{
    secret::excerpt,
    world::cluster::objects::{Condition, Pod},
};

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is no such workload.
    Missing,
    /// On its way; what it waits for.
    Rolling(String),
    /// Its controller is at work on it, or is about to be: what it said before may be over.
    Reconciling(String),
    /// The controller itself cannot tell how it is, or it cannot be told from here.
    Unclear(String),
    /// It may go on by itself, or not.
    Stuck { state: State, since: Option<Timestamp>, why: String },
    /// The controller has given it up; when, if that is told.
    Failed { why: String, since: Option<Timestamp> },
    /// Nothing is to run, or nothing is looked at that runs.
    Empty(String),
    /// By the controller's own word.
    Complete(String),
}

/// A workload as it is now.
pub struct Sight<'a> {
    pub kind: Kind,
    pub progress: Progress,
    /// Whether it asks for the image under promotion.
    pub asked: Fit,
    /// The pods of the new revision that are not about to go, by name.
    pub pods: Vec<&'a Pod>,
    /// Those that ended for good: evicted, or gone with their node. Others take their places.
    pub ended: Vec<&'a Pod>,
    /// How many there should be.
    pub wanted: i32,
    /// What its controller was last at work on; nothing where pods tell it.
    pub revision: String,
}

impl Sight<'_> {
    /// Whether it is complete, its pods are seen to be ready, and they run the image under promotion; else why not.
    pub fn is_good(&self, rules: &Rules) -> Result<(), String> {
        match &self.progress {
            Progress::Complete(_) => {}
            Progress::Empty(_) if rules.allow_empty => {}
            Progress::Missing => return Err("it is gone".to_owned()),
            Progress::Rolling(why)
            | Progress::Reconciling(why)
            | Progress::Unclear(why)
            | Progress::Failed { why, .. }
            | Progress::Empty(why)
            | Progress::Stuck { why, .. } => return Err(why.clone()),
        }
        if let Some(pod) = self.pods.iter().find(|pod| !is_ready(pod)) {
            return Err(format!("pod {} is not ready", pod.metadata.name));
        }
        // The controller counts a pod before our watch has heard of it.
        if i32::try_from(self.pods.len()).is_ok_and(|seen| seen < self.wanted) {
            return Err(format!("{} of {} pods are seen", self.pods.len(), self.wanted));
        }
        if self.kind.has_pods() && self.pods.is_empty() && matches!(self.progress, Progress::Complete(_)) {
            return Err("no pod of it is seen".to_owned());
        }
        match self.runs(rules) {
            Fit::Fits => Ok(()),
            Fit::Differs(what) | Fit::Unknown(what) if self.kind.has_pods() => Err(format!("its pods run {what}")),
            Fit::Differs(what) | Fit::Unknown(what) => Err(format!("it runs {what}")),
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
            | Progress::Reconciling(text)
            | Progress::Unclear(text)
            | Progress::Failed { why: text, .. }
            | Progress::Empty(text)
            | Progress::Stuck { why: text, .. } => text.clone(),
        }
    }
}

/// A workload as the views show it.
#[must_use]
pub fn sight<'a>(rules: &Rules, views: &'a Views, workload: &Workload) -> Sight<'a> {
    let name = &workload.name;
    let found = match workload.kind {
        Kind::Deployment => views.deployments.named(name).map(|it| deployment::deployment(rules, views, it)),
        Kind::StatefulSet => views.stateful_sets.named(name).map(|it| stateful_set::stateful_set(rules, views, it)),
        Kind::DaemonSet => views.daemon_sets.named(name).map(|it| daemon_set::daemon_set(rules, views, it)),
        Kind::Rollout => views.rollouts.named(name).map(|it| rollout::rollout(rules, views, it)),
        Kind::Application => views.applications.named(name).map(|it| application::application(rules, it)),
        Kind::Kustomization => views.kustomizations.named(name).map(|it| kustomization::kustomization(rules, it)),
    };
    let found = found.unwrap_or_else(|| Found {
        progress: Progress::Missing,
        asked: Fit::Differs("nothing".to_owned()),
        pods: Vec::new(),
        wanted: 0,
        revision: String::new(),
    });
    let Found { progress, asked, mut pods, wanted, revision } = found;
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    pods.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    let (ended, pods) = pods.into_iter().partition(|pod| is_over(pod));
    Sight { kind: workload.kind, progress, asked, pods, ended, wanted, revision }
}

struct Found<'a> {
    progress: Progress,
    asked: Fit,
    /// Of the new revision.
    pods: Vec<&'a Pod>,
    wanted: i32,
    revision: String,
}

impl<'a> Found<'a> {
    const fn of_pods(progress: Progress, asked: Fit, pods: Vec<&'a Pod>, wanted: i32) -> Self {
        Self { progress, asked, pods, wanted, revision: String::new() }
    }

    /// Of a workload whose controller tells all that there is to know.
    const fn of_word(progress: Progress, asked: Fit, revision: String) -> Self {
        Self { progress, asked, pods: Vec::new(), wanted: 0, revision }
    }
}

fn rolling(text: impl Into<String>) -> Progress {
    Progress::Rolling(text.into())
}

const UNOBSERVED: &str = "its latest change has not been taken up yet";
const NO_REPLICAS: &str = "it asks for no pod: `replicas: 0`";

/// Of a pod: the revision that it was made from.
const POD_REVISION: &str = "controller-revision-hash";

/// By a condition's own word.
fn stuck(state: State, condition: &Condition, counts: &str) -> Progress {
    let why = format!("{}; {counts}", said(&condition.reason, &condition.message));
    Progress::Stuck { state, since: condition.last_transition_time, why }
}

fn on_delete(counts: &str) -> Progress {
    let why = format!("its pods are replaced only when somebody deletes them (`OnDelete`): {counts}");
    Progress::Stuck { state: State::Paused, since: None, why }
}

/// A reason and a message, of which one may be missing.
fn said(reason: &str, message: &str) -> String {
    let message = excerpt(message, MESSAGE);
    match (reason.is_empty(), message.is_empty()) {
        (false, false) => format!("{reason}: {message}"),
        (true, _) => message,
        (false, true) => reason.to_owned(),
    }
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
