//! Unhealthy states of a workload, and the grace period of each: how long a state is tolerated before the gate blocks.

use std::{str::FromStr, time::Duration};

use crate::{error::ValueError, values::HumanDuration};

/// A state that is not healthy, but may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnhealthyState {
    /// `InvalidImageName`, `ErrImageNeverPull`: only a new version of the workload can end it.
    InvalidImage,
    /// The registry says that it does not have the image.
    ImageNotFound,
    /// Any other failure to pull: a registry that is down, credentials that come late.
    ImagePull,
    /// `CreateContainerConfigError`: a ConfigMap or a Secret is missing, perhaps not created yet.
    ConfigError,
    /// No pod can be created: a quota, an admission webhook.
    FailedCreate,
    /// `ProgressDeadlineExceeded`. For a moment the condition may still describe the previous revision.
    GivenUp,
    /// An image is being pulled, or an init container is running: the pod is not late, it has not started.
    Starting,
    /// The rollout waits for a person.
    Paused,
    /// No node accepts the pod. An autoscaler may add one.
    Unschedulable,
    /// The controller reports it as unhealthy. Unless set otherwise, tolerated as long as an unhealthy pod (`max-unhealthy`).
    Degraded,
    /// The API server does not answer.
    ApiLost,
}

impl UnhealthyState {
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

    /// The grace period unless the user sets one; `None`: until the rollout's time limit.
    pub const fn default_grace_period(self) -> Option<Duration> {
        match self {
            Self::InvalidImage | Self::ImageNotFound | Self::Paused => Some(Duration::ZERO),
            Self::ImagePull | Self::ApiLost => Some(Duration::from_secs(60)),
            Self::ConfigError => Some(Duration::from_secs(30)),
            Self::FailedCreate => Some(Duration::from_secs(15)),
            Self::GivenUp => Some(Duration::from_secs(5)),
            Self::Starting | Self::Unschedulable | Self::Degraded => None,
        }
    }

    /// How the state shows in the cluster, for the documentation.
    const fn symptoms(self) -> &'static str {
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
                "`CreateContainerConfigError`: a ConfigMap or a Secret is missing, perhaps not created yet. While only the \
                 kubelet's cache is late, the grace period does not run"
            }
            Self::FailedCreate => {
                "`ReplicaFailure` of a Deployment or a Rollout, `FailedCreate` events about a StatefulSet or a DaemonSet: a quota, \
                 an admission rule or a missing service account prevents the creation of pods"
            }
            Self::GivenUp => {
                "`ProgressDeadlineExceeded` of a Deployment; for a moment it may still describe the previous revision"
            }
            Self::Starting => {
                "an image is being pulled, or an init container is running: `max-unhealthy` counts from when that is done"
            }
            Self::Paused => {
                "it waits for a person: paused or suspended, synced by hand, or its pods are replaced `OnDelete`"
            }
            Self::Unschedulable => "no node accepts the pod; an autoscaler may add one until `rollout-timeout`",
            Self::Degraded => {
                "an Application is `Degraded` or `Missing`, a Kustomization or a HelmRelease fails and is retried, a Rollout's \
                 specification is not valid: tolerated as long as an unhealthy pod"
            }
            Self::ApiLost => "the API server does not answer: inconclusive then, not blocked",
        }
    }
}

/// The table of states in the documentation: name, symptoms, grace period.
pub fn states() -> impl Iterator<Item = Vec<String>> {
    UnhealthyState::ALL.into_iter().map(|(state, name)| {
        let period = match state.default_grace_period() {
            _ if state == UnhealthyState::Degraded => "`max-unhealthy`".to_owned(),
            None => "`never`".to_owned(),
            Some(period) => format!("`{}`", HumanDuration(period)),
        };
        vec![format!("`{name}`"), state.symptoms().to_owned(), period]
    })
}

/// `image-pull 5m`, `paused never`: how long a state is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GracePeriod {
    pub state: UnhealthyState,
    /// `None`: until the rollout's time limit.
    pub duration: Option<Duration>,
}

impl FromStr for GracePeriod {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a state and a duration or `never`, as in `image-pull 5m`; states: invalid-image, image-not-found, image-pull, \
             config-error, failed-create, given-up, starting, paused, unschedulable, degraded, api-lost",
        );
        let (name, duration) = text.split_once([' ', '\t']).ok_or(ACCEPTED)?;
        let state = UnhealthyState::ALL.into_iter().find(|(_, known)| *known == name).ok_or(ACCEPTED)?.0;
        let duration = match duration.trim() {
            "never" => None,
            duration => Some(duration.parse::<HumanDuration>().map_err(|_| ACCEPTED)?.0),
        };
        Ok(Self { state, duration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_period_names_a_state_and_a_duration() {
        let parse = |text: &str| text.parse::<GracePeriod>();
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let image_pull = GracePeriod { state: UnhealthyState::ImagePull, duration: minutes(5) };
        assert_eq!(parse("image-pull 5m"), Ok(image_pull));
        assert_eq!(parse("paused never"), Ok(GracePeriod { state: UnhealthyState::Paused, duration: None }));
        for text in ["image-pull", "image-pull: 5m", "crash 3", "paused soon", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
