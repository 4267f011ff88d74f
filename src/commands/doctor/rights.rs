//! The rights that `health` uses in a namespace: the Role in its README. Pure.

use crate::{
    commands::health::workloads::{Workload, WorkloadKind},
    world::cluster::AccessRight,
};

const LIST_AND_WATCH: [&str; 2] = ["list", "watch"];

/// The rights for these workloads; without one, those for a Deployment.
#[must_use]
pub fn rights_for(workloads: &[Workload]) -> Vec<AccessRight> {
    let deployment = [WorkloadKind::Deployment];
    let kinds: Vec<WorkloadKind> = workloads.iter().map(|workload| workload.kind).collect();
    let kinds: &[WorkloadKind] = if kinds.is_empty() { &deployment } else { &kinds };
    let mut resources: Vec<(&str, &str)> = Vec::new();
    for kind in kinds {
        resources.extend_from_slice(resources_of(*kind));
    }
    let has_pods = kinds.iter().any(|kind| kind.has_pods());
    if has_pods {
        resources.extend([("", "pods"), ("", "events")]);
    }
    let mut rights: Vec<AccessRight> = Vec::new();
    for (group, resource) in resources {
        for right in LIST_AND_WATCH.map(|verb| AccessRight::new(group, resource, verb)) {
            if !rights.contains(&right) {
                rights.push(right);
            }
        }
    }
    if has_pods {
        rights.push(AccessRight { subresource: "log", ..AccessRight::new("", "pods", "get") });
    }
    rights
}

const fn resources_of(kind: WorkloadKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        WorkloadKind::Deployment => &[("apps", "deployments"), ("apps", "replicasets")],
        WorkloadKind::StatefulSet => &[("apps", "statefulsets"), ("apps", "controllerrevisions")],
        WorkloadKind::DaemonSet => &[("apps", "daemonsets"), ("apps", "controllerrevisions")],
        WorkloadKind::Rollout => &[("argoproj.io", "rollouts"), ("apps", "replicasets")],
        WorkloadKind::Application => &[("argoproj.io", "applications")],
        WorkloadKind::Kustomization => &[("kustomize.toolkit.fluxcd.io", "kustomizations")],
        WorkloadKind::HelmRelease => &[("helm.toolkit.fluxcd.io", "helmreleases")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(workloads: &[&str]) -> Vec<String> {
        let workloads: Vec<Workload> = workloads.iter().map(|text| text.parse().unwrap()).collect();
        rights_for(&workloads).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_kind_asks_for_what_health_reads() {
        let of_deployment = [
            "list deployments.apps",
            "watch deployments.apps",
            "list replicasets.apps",
            "watch replicasets.apps",
            "list pods",
            "watch pods",
            "list events",
            "watch events",
            "get pods/log",
        ];
        assert_eq!(rights(&[]), of_deployment);
        assert_eq!(rights(&["deployment/a", "deployment/b"]), of_deployment);
        assert_eq!(rights(&["app/shop"]), ["list applications.argoproj.io", "watch applications.argoproj.io"]);
        assert!(rights(&["ds/agent"]).contains(&"list controllerrevisions.apps".to_owned()));
    }
}
