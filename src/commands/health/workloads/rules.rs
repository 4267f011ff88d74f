//! What was asked for, and how long each state of a pod is borne with.

use std::{str::FromStr, time::Duration};

use super::{image::Wanted, workload::Workload};
use crate::{error::ValueError, values::HumanDuration};

/// A state that is no health, and that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `InvalidImageName`, `ErrImageNeverPull`: nothing but a new version of the workload can end it.
    InvalidImage,
    /// The registry says that it does not have the image.
    ImageNotFound,
    /// Any other trouble with pulling: a registry that is down, credentials that come late.
    ImagePull,
    /// `CreateContainerConfigError`: a ConfigMap or a Secret that is not there, perhaps yet.
    ConfigError,
    /// No pod can be created: a quota, an admission webhook.
    FailedCreate,
    /// `ProgressDeadlineExceeded`. For a moment it may be the word on the revision before.
    GivenUp,
    /// An image is being pulled, or an init container is at work: the pod is not late, it has not begun.
    Starting,
    /// The rollout waits for a person.
    Paused,
    /// No node takes the pod. An autoscaler may bring one.
    Unschedulable,
    /// The controller calls it unhealthy. Borne with as an unhealthy pod is, by `max-unhealthy`, unless asked otherwise.
    Degraded,
    /// Nothing is heard of the API server.
    ApiLost,
}

impl State {
    const ALL: [(Self, &'static str); 11] = [
        (Self::InvalidImage, "invalid-image"),
        (Self::ImageNotFound, "image-not-found"),
        (Self::ImagePull, "image-pull"),
        (Self::ConfigError, "config-error"),
        (Self::FailedCreate, "failed-create"),
        (Self::GivenUp, "given-up"),
        (Self::Starting, "starting"),
        (Self::Paused, "paused"),
        (Self::Unschedulable, "unschedulable"),
        (Self::Degraded, "degraded"),
        (Self::ApiLost, "api-lost"),
    ];

    /// How long it is borne with unless something else is asked for; `None`: until the rollout's time is up.
    const fn usual(self) -> Option<Duration> {
        match self {
            Self::InvalidImage | Self::ImageNotFound | Self::Paused => Some(Duration::ZERO),
            Self::ImagePull | Self::ApiLost => Some(Duration::from_secs(60)),
            Self::ConfigError => Some(Duration::from_secs(30)),
            Self::FailedCreate => Some(Duration::from_secs(15)),
            Self::GivenUp => Some(Duration::from_secs(5)),
            Self::Starting | Self::Unschedulable | Self::Degraded => None,
        }
    }

    /// By what it is known, for the documentation.
    const fn told_by(self) -> &'static str {
        match self {
            Self::InvalidImage => {
                "`InvalidImageName`, `ErrImageNeverPull`: only a new version of the workload can end it"
            }
            Self::ImageNotFound => {
                "`ErrImagePull`, `ImagePullBackOff`, and the registry says that it does not have the image (\"not found\", \
                 \"manifest unknown\")"
            }
            Self::ImagePull => {
                "`ErrImagePull`, `ImagePullBackOff` for another reason: a registry that is down, credentials that come late"
            }
            Self::ConfigError => {
                "`CreateContainerConfigError`: a ConfigMap or a Secret is not there, perhaps yet. While it is only the \
                 kubelet's cache that is late, no grace counts"
            }
            Self::FailedCreate => {
                "`ReplicaFailure` of a Deployment or a Rollout: a quota or an admission rule lets no pod be made. Others tell \
                 it by events only"
            }
            Self::GivenUp => {
                "`ProgressDeadlineExceeded` of a Deployment; for a moment it may be the word on the revision before"
            }
            Self::Starting => {
                "an image is being pulled, or an init container is at work: `max-unhealthy` counts from when that is done"
            }
            Self::Paused => {
                "it waits for a person: paused or suspended, synced by hand, or its pods are replaced `OnDelete`"
            }
            Self::Unschedulable => "no node takes the pod; an autoscaler may bring one until `rollout-timeout`",
            Self::Degraded => {
                "an Application is `Degraded` or `Missing`, a Kustomization fails and is tried again, a Rollout's \
                 specification is not valid: borne with as a pod is"
            }
            Self::ApiLost => "nothing is heard of the API server: inconclusive then, not blocked",
        }
    }
}

/// The table of states in the documentation: name, by what it is known, how long it is borne with.
pub fn states() -> impl Iterator<Item = Vec<String>> {
    State::ALL.into_iter().map(|(state, name)| {
        let lasts = match state.usual() {
            _ if state == State::Degraded => "`max-unhealthy`".to_owned(),
            None => "`never`".to_owned(),
            Some(lasts) => format!("`{}`", HumanDuration(lasts)),
        };
        vec![format!("`{name}`"), state.told_by().to_owned(), lasts]
    })
}

/// `image-pull 5m`, `paused never`: how long a state is borne with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    state: State,
    /// `None`: until the rollout's time is up.
    lasts: Option<Duration>,
}

impl FromStr for Grace {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a state and a duration or `never`, as in `image-pull 5m`; states: invalid-image, image-not-found, image-pull, \
             config-error, failed-create, given-up, starting, paused, unschedulable, degraded, api-lost",
        );
        let (name, lasts) = text.split_once([' ', '\t']).ok_or(ACCEPTED)?;
        let state = State::ALL.into_iter().find(|(_, known)| *known == name).ok_or(ACCEPTED)?.0;
        let lasts = match lasts.trim() {
            "never" => None,
            span => Some(span.parse::<HumanDuration>().map_err(|_| ACCEPTED)?.0),
        };
        Ok(Self { state, lasts })
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub workloads: Vec<Workload>,
    /// As a person knows it: for messages.
    pub context: String,
    pub namespace: String,
    pub image: Wanted,
    /// How long the image may take to appear.
    pub appear_timeout: Duration,
    /// How long the rollout may take once it has.
    pub timeout: Duration,
    /// How long nothing may go unready or restart afterwards.
    pub stabilize: Duration,
    pub max_unhealthy: Duration,
    /// So many crashes of one container are too many.
    pub crash_limit: i32,
    pub graces: Vec<Grace>,
    pub allow_empty: bool,
}

impl Rules {
    /// How long a state is borne with; `None`: until the rollout's time is up.
    #[must_use]
    pub fn grace(&self, state: State) -> Option<Duration> {
        let asked = self.graces.iter().rev().find(|grace| grace.state == state);
        let usual = || if state == State::Degraded { Some(self.max_unhealthy) } else { state.usual() };
        asked.map_or_else(usual, |grace| grace.lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_names_a_state_and_how_long() {
        let grace = |text: &str| text.parse::<Grace>();
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        assert_eq!(grace("image-pull 5m"), Ok(Grace { state: State::ImagePull, lasts: minutes(5) }));
        assert_eq!(grace("paused never"), Ok(Grace { state: State::Paused, lasts: None }));
        for text in ["image-pull", "image-pull: 5m", "crash 3", "paused soon", ""] {
            assert!(grace(text).is_err(), "{text}");
        }
    }
}
