//! Which pods, `ReplicaSets` and revisions are listed: in a namespace of thousands of pods, only those that the workloads'
//! selectors allow.
//!
//! A controller owns only objects that its selector matches, and releases an object whose labels change. The label selector
//! of a list therefore leaves out nothing that a watched workload owns. What it lets through is still judged by its owner.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    views::{ViewState, Views},
    workload::{Workload, WorkloadKind, is_name},
};

/// Bytes of a label selector. It is part of a URL, which servers and proxies limit to 8 KiB.
const LONGEST_SELECTOR: usize = 2048;
/// Matches nothing. Used while no workload exists, so that a missing permission is found before one appears.
const NO_OBJECT: &str = "app,!app";

type Labels = BTreeMap<String, String>;

/// The label selector of the objects that the workloads own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// How often the label selector has changed; 0 while it is unknown, because the workloads have not been listed.
    pub version: u64,
    /// `None`: all objects of the namespace.
    pub labels: Option<String>,
    /// What each workload's selector requires, by the workload's index. Kept when the workload is deleted.
    required: BTreeMap<usize, Labels>,
}

impl Selection {
    /// Returns whether the label selector has changed, so that what was listed before is not complete any more.
    pub fn update(&mut self, workloads: &[Workload], views: &Views) -> bool {
        let with_pods = || workloads.iter().enumerate().filter(|(_, workload)| workload.kind.has_pods());
        if !with_pods().all(|(_, workload)| workload_view(views, workload.kind).listed) {
            return false;
        }
        for (index, workload) in with_pods() {
            if let Some(labels) = required_labels(views, workload) {
                self.required.insert(index, labels.clone());
            }
        }
        let labels = label_selector(&self.required.values().collect::<Vec<_>>());
        if self.version > 0 && labels == self.labels {
            return false;
        }
        self.labels = labels;
        self.version += 1;
        self.version > 1
    }
}

fn workload_view(views: &Views, kind: WorkloadKind) -> ViewState<'_> {
    match kind {
        WorkloadKind::Deployment => views.deployments.state(),
        WorkloadKind::StatefulSet => views.stateful_sets.state(),
        WorkloadKind::DaemonSet => views.daemon_sets.state(),
        WorkloadKind::Rollout => views.rollouts.state(),
        WorkloadKind::Application => views.applications.state(),
        WorkloadKind::Kustomization => views.kustomizations.state(),
        WorkloadKind::HelmRelease => views.helm_releases.state(),
    }
}

/// The labels that an object of the workload has to have; none for a workload that does not exist.
fn required_labels<'a>(views: &'a Views, workload: &Workload) -> Option<&'a Labels> {
    let name = &workload.name;
    let selector = match workload.kind {
        WorkloadKind::Deployment => views.deployments.find(name).map(|it| &it.spec.selector),
        WorkloadKind::StatefulSet => views.stateful_sets.find(name).map(|it| &it.spec.selector),
        WorkloadKind::DaemonSet => views.daemon_sets.find(name).map(|it| &it.spec.selector),
        WorkloadKind::Rollout => views.rollouts.find(name).map(|it| &it.spec.selector),
        WorkloadKind::Application | WorkloadKind::Kustomization | WorkloadKind::HelmRelease => None,
    };
    selector.map(|selector| &selector.match_labels)
}

/// A label selector that matches every object with all labels of one of the sets: each key that all sets share, with their
/// values. Leaves out the longest keys if it would become too long. `None` if no key is left.
///
/// Source: Kubernetes' documentation, "Labels and Selectors", set-based requirements.
fn label_selector(sets: &[&Labels]) -> Option<String> {
    let Some(first) = sets.first() else { return Some(NO_OBJECT.to_owned()) };
    let requirement = |key: &String| {
        let values: BTreeSet<&str> = sets.iter().map(|set| set.get(key).map(String::as_str)).collect::<Option<_>>()?;
        // The schema of a Rollout allows selectors that the API server does not accept in a list.
        let is_valid = is_label_key(key) && values.iter().all(|value| value.is_empty() || is_label_name(value));
        let values: Vec<&str> = values.into_iter().collect();
        is_valid.then(|| match &values[..] {
            [value] => format!("{key}={value}"),
            values => format!("{key} in ({})", values.join(",")),
        })
    };
    let mut requirements: Vec<String> = first.keys().filter_map(requirement).collect();
    requirements.sort_by_key(String::len);
    let mut text = String::new();
    for requirement in requirements {
        let separator = if text.is_empty() { "" } else { "," };
        if text.len() + separator.len() + requirement.len() > LONGEST_SELECTOR {
            break;
        }
        text.push_str(separator);
        text.push_str(&requirement);
    }
    (!text.is_empty()).then_some(text)
}

/// A name, optionally after a DNS subdomain. Source: Kubernetes' documentation, "Labels and Selectors", syntax.
fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_name(prefix) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// The name in a label's key, or a value that is not empty.
fn is_label_name(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    text.len() <= 63 && text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(sets: &[&[(&str, &str)]]) -> Option<String> {
        let sets: Vec<Labels> = sets
            .iter()
            .map(|set| set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
            .collect();
        label_selector(&sets.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_selector_requires_the_keys_that_all_workloads_share() {
        let (name, tier) = ("app.kubernetes.io/name", "tier");
        for (sets, expected) in [
            (&[][..], Some("app,!app")),
            (&[&[("app", "cart")][..]], Some("app=cart")),
            (&[&[(name, "cart"), (tier, "web")]], Some("tier=web,app.kubernetes.io/name=cart")),
            (&[&[("app", "cart")], &[("app", "checkout")]], Some("app in (cart,checkout)")),
            (&[&[("app", "cart")], &[("app", "cart")]], Some("app=cart")),
            (&[&[("app", "")], &[("app", "cart")]], Some("app in (,cart)")),
            (&[&[("app", "cart"), (tier, "web")], &[("app", "db")]], Some("app in (cart,db)")),
            (&[&[("app", "cart")], &[(name, "db")]], None),
            // A selector of `matchExpressions` only, or none.
            (&[&[]], None),
            (&[&[("app", "cart")], &[]], None),
            // Text that no label can have.
            (&[&[("app", "cart),tier notin (web")]], None),
            (&[&[("app", "cart-")]], None),
            (&[&[("app", &"x".repeat(64))]], None),
            (&[&[("", "cart"), ("!app", "cart"), ("A.example/app", "cart"), (tier, "web")]], Some("tier=web")),
        ] {
            assert_eq!(selector(sets).as_deref(), expected, "{sets:?}");
        }
    }

    #[test]
    fn a_selector_is_at_most_2_kib_long() {
        let text = |workloads: usize, shared: &[(&str, &str)]| {
            let values: Vec<String> = (0..workloads).map(|number| format!("{number:0>63}")).collect();
            let sets: Vec<Vec<_>> = values.iter().map(|value| [&[("app", value.as_str())], shared].concat()).collect();
            selector(&sets.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        assert_eq!(text(31, &[]).unwrap().len(), 1992);
        assert_eq!(text(32, &[]), None, "2056 bytes");
        assert_eq!(text(31, &[("tier", &"x".repeat(50))]).unwrap().len(), LONGEST_SELECTOR);
        assert_eq!(text(31, &[("tier", &"x".repeat(51))]).unwrap(), format!("tier={}", "x".repeat(51)));
    }
}
