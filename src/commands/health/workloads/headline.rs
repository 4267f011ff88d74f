//! A workload in a few words: its figures, their cause, and what to do next.

use super::{
    image::ImageMatch, limits::WorkloadLimits, pod_problems::PodProblem, pod_status::is_ready,
    progress::RolloutProgress, snapshot::WorkloadSnapshot, states::UnhealthyState, workload::WorkloadKind,
};
use crate::{finding::Figures, values::clip};

/// Characters of a text from the cluster that a headline shows.
const SHOWN: usize = 60;

/// `3 of 4 pods ready`, limit `4 of 4 on 1.4.2`.
#[must_use]
pub fn figures(limits: &WorkloadLimits, snapshot: &WorkloadSnapshot<'_>) -> Figures {
    let now = match (&snapshot.requested, &snapshot.progress) {
        (_, RolloutProgress::Missing) => "not found".to_owned(),
        (ImageMatch::Differs(image), RolloutProgress::Complete(_)) => format!("runs {}", short_images(image)),
        (ImageMatch::Differs(image), _) => format!("asks for {}", short_images(image)),
        _ => match snapshot.running_image(limits) {
            ImageMatch::Differs(image) => format!("runs {}", short_images(&image)),
            ImageMatch::Matches | ImageMatch::Unknown(_) if snapshot.kind.has_pods() => pods_ready(snapshot),
            ImageMatch::Matches | ImageMatch::Unknown(_) => first_words(&snapshot.summary()),
        },
    };
    Figures::now(now).limit(limit(limits, snapshot))
}

fn pods_ready(snapshot: &WorkloadSnapshot<'_>) -> String {
    let ready = snapshot.pods.iter().filter(|pod| is_ready(pod)).count();
    match snapshot.desired {
        ..=0 => "no pods".to_owned(),
        desired => format!("{ready} of {desired} pods ready"),
    }
}

fn limit(limits: &WorkloadLimits, snapshot: &WorkloadSnapshot<'_>) -> String {
    let state = match (snapshot.kind, snapshot.desired) {
        (WorkloadKind::Application, _) => "Healthy and Synced".to_owned(),
        (WorkloadKind::Kustomization | WorkloadKind::HelmRelease, _) => "Ready".to_owned(),
        (_, ..=0) => "all pods ready".to_owned(),
        (_, desired) => format!("{desired} of {desired}"),
    };
    match limits.image.version().filter(|_| snapshot.kind.reports_images()) {
        Some(version) => format!("{state} on {version}"),
        None => state,
    }
}

/// The cause of a failure: the problem of the first pod, or what the controller reports.
#[must_use]
pub fn cause(snapshot: &WorkloadSnapshot<'_>, problems: &[PodProblem]) -> String {
    match (problems.first(), &snapshot.progress) {
        (Some(problem), _) => problem.cause.clone(),
        (None, RolloutProgress::Stuck { state: UnhealthyState::Paused, .. }) => "it waits for a person".to_owned(),
        (None, _) => first_words(&snapshot.summary()),
    }
}

/// What to do about a workload that failed.
#[must_use]
pub fn next_step(snapshot: &WorkloadSnapshot<'_>, problems: &[PodProblem]) -> &'static str {
    let state = match &snapshot.progress {
        RolloutProgress::Stuck { state, .. } => Some(*state),
        _ => None,
    };
    match (state, snapshot.kind) {
        (Some(UnhealthyState::Paused), WorkloadKind::Rollout) => {
            "promote it (`kubectl argo rollouts promote`); `grace: paused 1h` leaves time for that"
        }
        (Some(UnhealthyState::Paused), WorkloadKind::Application) => {
            "sync it, or resume what is suspended; `grace: paused 1h` leaves time for that"
        }
        (Some(UnhealthyState::Paused), WorkloadKind::Kustomization) => "resume it (`flux resume kustomization`)",
        (Some(UnhealthyState::Paused), WorkloadKind::HelmRelease) => "resume it (`flux resume helmrelease`)",
        (Some(UnhealthyState::Paused), _) => "resume the rollout (`kubectl rollout resume`), or delete the old pods",
        (Some(UnhealthyState::FailedCreate), _) => {
            "see the quotas, the admission rules and the service accounts of the namespace"
        }
        (None, WorkloadKind::Application) if matches!(snapshot.progress, RolloutProgress::Complete(_)) => {
            "an Application lists only the names of images: watch its Deployment as well, or in a separate step if it is in \
             another namespace"
        }
        (_, WorkloadKind::Application) => "see the Application's conditions and resources in the tables below",
        (_, WorkloadKind::Kustomization) => "see the Kustomization's conditions and events in the tables below",
        (_, WorkloadKind::HelmRelease) => "see the HelmRelease's conditions and events in the tables below",
        _ => problems.first().map_or_else(|| without_problem(snapshot), |problem| problem.next),
    }
}

const fn without_problem(snapshot: &WorkloadSnapshot<'_>) -> &'static str {
    match &snapshot.progress {
        RolloutProgress::Complete(_) => "run this step again: the pods have not reported which image they run",
        _ => "see what the rollout waits for (`kubectl describe`); `rollout-timeout` gives it more time",
    }
}

/// What to do about a workload of which no name shows that it runs the image under promotion.
#[must_use]
pub const fn confirm_image(limits: &WorkloadLimits) -> &'static str {
    if limits.image.digest.is_some() {
        "deploy the image by its digest (`image@sha256:…`), which proves what runs, or give `registry-token` to compare the \
         digests in the registry"
    } else {
        "give `digest`: the workload requests the image by its digest, without a tag"
    }
}

/// `ghcr.io/acme/shop:1.4.2, ghcr.io/acme/envoy:3 (…)` as `shop:1.4.2, envoy:3`, and digests cut short.
#[must_use]
pub fn short_images(images: &str) -> String {
    let names = images.split(" (").next().unwrap_or(images).split(", ").map(short_image);
    clip(&names.collect::<Vec<_>>().join(", "), SHOWN)
}

fn short_image(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@sha256:{}", digest.get(..7).unwrap_or(digest)),
        None => name.to_owned(),
    }
}

/// A text up to its first colon or semicolon: the reason without its message.
fn first_words(text: &str) -> String {
    let text = text.strip_prefix("complete: ").unwrap_or(text);
    clip(text.split([':', ';']).next().unwrap_or(text), SHOWN)
}
