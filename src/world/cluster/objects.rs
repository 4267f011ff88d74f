//! Kubernetes objects, with only the fields that `health` reads. All other fields are skipped during parsing, so that
//! hundreds of pods cost little.
//!
//! An absent field and `null` are the same, as in Kubernetes' Go types. Source: the API's OpenAPI description, v1.36; all
//! fields exist since v1.20 unless noted.

mod argo;
mod events;
mod flux;
mod object;
mod pods;
mod workloads;

#[cfg(test)]
mod tests;

pub use argo::{Application, OperationState, PauseCondition, Rollout};
pub use events::Event;
pub use flux::{HelmRelease, HelmSnapshot, Kustomization};
pub use object::{Condition, List, ListMeta, Object, ObjectMeta};
pub use pods::{
    Container, ContainerProbe, ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodSpec, PodTemplate,
};
pub use workloads::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
