//! A workload by its kind and name: `deployment/checkout`.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    /// From Argo Rollouts.
    Rollout,
    /// From Argo CD.
    Application,
    /// From Flux.
    Kustomization,
    /// From Flux.
    HelmRelease,
}

impl WorkloadKind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::Rollout => "rollout",
            Self::Application => "application",
            Self::Kustomization => "kustomization",
            Self::HelmRelease => "helmrelease",
        }
    }

    /// Whether its pods are judged. For the other kinds, only the status that their controller writes is.
    #[must_use]
    pub const fn has_pods(self) -> bool {
        !matches!(self, Self::Application | Self::Kustomization | Self::HelmRelease)
    }

    /// Whether its status or its pods show which images run.
    #[must_use]
    pub const fn reports_images(self) -> bool {
        !matches!(self, Self::Kustomization | Self::HelmRelease)
    }

    /// Parses what kubectl accepts: singular, plural and short names.
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" => Some(Self::Deployment),
            "statefulset" | "statefulsets" | "sts" => Some(Self::StatefulSet),
            "daemonset" | "daemonsets" | "ds" => Some(Self::DaemonSet),
            "rollout" | "rollouts" | "ro" => Some(Self::Rollout),
            "application" | "applications" | "app" | "apps" => Some(Self::Application),
            "kustomization" | "kustomizations" | "ks" => Some(Self::Kustomization),
            "helmrelease" | "helmreleases" | "hr" => Some(Self::HelmRelease),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: WorkloadKind,
    pub name: String,
}

impl FromStr for Workload {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a kind and a name, as in `deployment/checkout`; kinds: deployment, statefulset, daemonset, rollout, \
             application, kustomization, helmrelease",
        );
        let (kind, name) = text.split_once('/').ok_or(ACCEPTED)?;
        let kind = WorkloadKind::parse(kind.trim()).ok_or(ACCEPTED)?;
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
    fn a_workload_is_parsed_from_its_kind_and_name() {
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
            ("hr/checkout", "helmrelease/checkout"),
            ("HelmReleases/checkout", "helmrelease/checkout"),
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
