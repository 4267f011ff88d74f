//! Objects of Flux. Source: the custom resource definition of kustomize-controller v1.9, and its Go types.

use serde::{Deserialize, de::IgnoredAny};

use super::object::{Condition, Object, ObjectMeta, impl_object, lenient, or_default};

impl_object!(Kustomization, "/apis/kustomize.toolkit.fluxcd.io/v1", "kustomizations");

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
}
