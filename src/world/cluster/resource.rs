//! The API path of a kind, and which of its objects are listed and watched.

use kube::core::request;
use url::form_urlencoded;

use super::objects::Object;

/// A kind, as URLs and RBAC rules name it.
#[derive(Clone, Copy)]
pub(super) struct ApiResource {
    /// The path of the API group and version.
    pub(super) api: &'static str,
    pub(super) plural: &'static str,
}

impl ApiResource {
    pub(super) const fn of<T: Object>() -> Self {
        Self { api: T::API, plural: T::RESOURCE }
    }
}

/// Which objects of a kind are listed and watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub namespace: String,
    /// A field selector, such as `metadata.name=checkout`.
    pub fields: Option<String>,
    /// A label selector, such as `app in (cart,checkout)`.
    pub labels: Option<String>,
}

impl Scope {
    /// All objects of a namespace.
    #[must_use]
    pub const fn namespace(namespace: String) -> Self {
        Self { namespace, fields: None, labels: None }
    }

    pub(super) fn request(&self, ApiResource { api, plural }: ApiResource) -> request::Request {
        let namespace: String = form_urlencoded::byte_serialize(self.namespace.as_bytes()).collect();
        request::Request::new(format!("{api}/namespaces/{namespace}/{plural}"))
    }
}
