//! What is rolled out, as it is named: `deployment/checkout`.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// A kind of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    /// Of Argo Rollouts.
    Rollout,
    /// Of Argo CD.
    Application,
    /// Of Flux.
    Kustomization,
}

impl Kind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::Rollout => "rollout",
            Self::Application => "application",
            Self::Kustomization => "kustomization",
        }
    }

    /// Whether its pods are looked at. Of the others only what their controller says.
    #[must_use]
    pub const fn has_pods(self) -> bool {
        !matches!(self, Self::Application | Self::Kustomization)
    }

    /// Whether it tells which images run.
    #[must_use]
    pub const fn tells_images(self) -> bool {
        !matches!(self, Self::Kustomization)
    }

    /// As kubectl takes it, in one, in many, and in short.
    fn named(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" => Some(Self::Deployment),
            "statefulset" | "statefulsets" | "sts" => Some(Self::StatefulSet),
            "daemonset" | "daemonsets" | "ds" => Some(Self::DaemonSet),
            "rollout" | "rollouts" | "ro" => Some(Self::Rollout),
            "application" | "applications" | "app" | "apps" => Some(Self::Application),
            "kustomization" | "kustomizations" | "ks" => Some(Self::Kustomization),
            _ => None,
        }
    }
}

/// A workload by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: Kind,
    pub name: String,
}

impl FromStr for Workload {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a kind and a name, as in `deployment/checkout`; kinds: deployment, statefulset, daemonset, rollout, \
             application, kustomization",
        );
        let (kind, name) = text.split_once('/').ok_or(ACCEPTED)?;
        let kind = Kind::named(kind.trim()).ok_or(ACCEPTED)?;
        let name = is_name(name).then(|| name.to_owned()).ok_or(ACCEPTED)?;
        Ok(Self { kind, name })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

/// Source: Kubernetes' documentation, "Object Names and IDs": DNS subdomain names.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= 253 && text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

/// A namespace's name.
pub fn namespace(text: &str) -> Result<String, ValueError> {
    if is_name(text) && text.len() <= 63 && !text.contains('.') {
        Ok(text.to_owned())
    } else {
        Err(ValueError::new("the name of a namespace such as `staging`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_a_kind_and_a_name() {
        for (text, shown) in [
            ("deployment/checkout", "deployment/checkout"),
            ("deploy/checkout.v2", "deployment/checkout.v2"),
            ("StatefulSet/db-0", "statefulset/db-0"),
            ("ds/agent", "daemonset/agent"),
            ("ro/checkout", "rollout/checkout"),
            ("Rollouts/checkout", "rollout/checkout"),
            ("app/checkout", "application/checkout"),
            ("APPLICATIONS/checkout", "application/checkout"),
            ("ks/checkout", "kustomization/checkout"),
            ("Kustomizations/checkout", "kustomization/checkout"),
        ] {
            assert_eq!(text.parse::<Workload>().unwrap().to_string(), shown);
        }
        for text in [
            "checkout",
            "deployment/",
            "pod/x",
            "deployment/a/b",
            "deployment/-a",
            "deployment/A",
            "deployment/a?x",
            "/x",
            "",
        ] {
            assert!(text.parse::<Workload>().is_err(), "{text}");
        }
        assert!(namespace("staging").is_ok() && namespace("a.b").is_err() && namespace("../x").is_err());
    }
}
