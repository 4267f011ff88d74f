//! Objects of Flux. Source: the custom resource definitions of kustomize-controller v1.9 and helm-controller v1.6, and their
//! Go types.

use serde::{Deserialize, de::IgnoredAny};

use super::object::{Condition, Object, ObjectMeta, impl_object, lenient, or_default};

impl_object!(Kustomization, "/apis/kustomize.toolkit.fluxcd.io/v1", "kustomizations");
impl_object!(HelmRelease, "/apis/helm.toolkit.fluxcd.io/v2", "helmreleases");

lenient! {
    pub struct Kustomization {
        pub metadata: ObjectMeta,
        pub spec: KustomizationSpec,
        pub status: KustomizationStatus,
    }

    pub struct KustomizationSpec {
        pub suspend: bool,
        /// All applied objects have to become healthy.
        pub wait: bool,
        /// These objects have to become healthy.
        pub health_checks: Vec<IgnoredAny>,
    }

    pub struct KustomizationStatus {
        pub observed_generation: i64,
        pub conditions: Vec<Condition>,
        pub last_applied_revision: String,
        pub last_attempted_revision: String,
        pub last_handled_reconcile_at: String,
    }

    pub struct HelmRelease {
        pub metadata: ObjectMeta,
        pub spec: HelmReleaseSpec,
        pub status: HelmReleaseStatus,
    }

    pub struct HelmReleaseSpec {
        pub suspend: bool,
        pub install: HelmAction,
        pub upgrade: HelmAction,
    }

    pub struct HelmAction {
        /// Helm does not wait until what it has applied is healthy.
        pub disable_wait: bool,
    }

    pub struct HelmReleaseStatus {
        pub observed_generation: i64,
        /// The last generation that led to a Helm action, or to the finding that none is needed.
        pub last_attempted_generation: i64,
        pub conditions: Vec<Condition>,
        pub history: Vec<HelmSnapshot>,
        /// The version of the chart.
        pub last_attempted_revision: String,
        /// The digest of the values.
        pub last_attempted_config_digest: String,
        /// `install` or `upgrade`.
        pub last_attempted_release_action: String,
        pub last_handled_reconcile_at: String,
    }

    /// A release in Helm's storage.
    pub struct HelmSnapshot {
        /// Counts the releases of this name: each install, upgrade and rollback makes one.
        pub version: i64,
        /// `deployed`, `failed`, `superseded` and others.
        pub status: String,
        pub chart_name: String,
        pub chart_version: String,
    }
}
