//! What all Kubernetes objects share: the trait, metadata, conditions and lists.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// A kind that can be listed and watched.
pub trait Object: for<'de> Deserialize<'de> + Clone + Send + 'static {
    /// The path of the API group and version: `/apis/apps/v1`.
    const API: &'static str;
    /// The plural name, as in URLs and RBAC rules: `deployments`.
    const RESOURCE: &'static str;

    fn meta(&self) -> &ObjectMeta;
}

macro_rules! impl_object {
    ($kind:ident, $api:literal, $resource:literal) => {
        impl Object for $kind {
            const API: &'static str = $api;
            const RESOURCE: &'static str = $resource;

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
        }
    };
}
pub(super) use impl_object;

/// Reads `null` as the default value.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Structs whose fields may all be absent or `null`.
macro_rules! lenient {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$about:meta])* pub $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $(
            $(#[$about])*
            #[serde(deserialize_with = "or_default")]
            pub $field: $type,
        )* }
    )*};
}
pub(super) use lenient;

lenient! {
    pub struct ObjectMeta {
        pub name: String,
        pub uid: String,
        /// The server increments it at each change of the spec.
        pub generation: i64,
        pub creation_timestamp: Option<Timestamp>,
        /// If set, the object is being deleted.
        pub deletion_timestamp: Option<Timestamp>,
        pub labels: BTreeMap<String, String>,
        pub annotations: BTreeMap<String, String>,
        pub owner_references: Vec<OwnerReference>,
        pub managed_fields: ManagedFields,
    }

    /// Which objects a controller owns, by their labels.
    pub struct LabelSelector {
        /// An object has to have all of them.
        pub match_labels: BTreeMap<String, String>,
    }

    pub struct OwnerReference {
        pub uid: String,
        pub controller: bool,
    }

    /// One aspect of an object's status.
    pub struct Condition {
        #[serde(rename = "type")]
        pub kind: String,
        /// `True`, `False` or `Unknown`.
        pub status: String,
        pub reason: String,
        pub message: String,
        /// The generation that it describes; 0 if the controller does not report it.
        pub observed_generation: i64,
        pub last_transition_time: Option<Timestamp>,
    }

    pub struct ListMeta {
        pub resource_version: String,
        /// For the next page; empty on the last one.
        #[serde(rename = "continue")]
        pub continue_token: String,
    }
}

/// Who wrote which fields, of which only the last change of the specification is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ManagedFields {
    /// When the specification last changed; `None` if the server does not say so. Writes of the status and of the subresource
    /// `scale` do not count.
    pub spec_changed: Option<Timestamp>,
}

impl<'de> Deserialize<'de> for ManagedFields {
    /// Source: Kubernetes' API reference, `ManagedFieldsEntry`: `time` changes with the value of a field of its manager.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Entry {
            subresource: Option<String>,
            time: Option<Timestamp>,
            fields_v1: Option<Fields>,
        }

        #[derive(Deserialize)]
        struct Fields {
            #[serde(rename = "f:spec")]
            spec: Option<IgnoredAny>,
        }

        let entries = Vec::<Entry>::deserialize(deserializer)?;
        let of_spec = entries.into_iter().filter(|entry| {
            let writes_spec = entry.fields_v1.as_ref().is_some_and(|fields| fields.spec.is_some());
            writes_spec && entry.subresource.as_ref().is_none_or(String::is_empty)
        });
        Ok(Self { spec_changed: of_spec.filter_map(|entry| entry.time).max() })
    }
}

impl ObjectMeta {
    /// The uid of the controller that owns the object.
    #[must_use]
    pub fn controller_uid(&self) -> Option<&str> {
        self.owner_references.iter().find(|owner| owner.controller).map(|owner| owner.uid.as_str())
    }
}

/// A page of a list.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct List<T> {
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: ListMeta,
    #[serde(default = "Vec::new", deserialize_with = "or_default")]
    pub items: Vec<T>,
}
