//! Flux's objects. Source: the custom resource definition of kustomize-controller v1.9, and the Go types that it is made
//! from.

use serde::{Deserialize, de::IgnoredAny};

use super::{Condition, Meta, Object, or_default};

object!(Kustomization, "/apis/kustomize.toolkit.fluxcd.io/v1", "kustomizations");

lenient! {
    pub struct Kustomization {
        pub metadata: Meta,
        pub spec: KustomizationSpec,
        pub status: KustomizationStatus,
    }

    pub struct KustomizationSpec {
        pub suspend: bool,
        /// Everything that it applies is to be healthy.
        pub wait: bool,
        /// These are to be healthy.
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
