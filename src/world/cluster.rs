//! Access to a Kubernetes cluster, read-only: typed, blocking calls that list, watch, read events and logs, and ask what the
//! account may do.
//!
//! From kube come the reader of kubeconfigs, the request builder, the client type and the error types. The rest is here:
//! the choice of the context, credential plugins, the connection, time limits, list and watch, and which errors are
//! temporary.

mod access_review;
mod access_right;
mod client;
mod content;
mod credentials;
mod error;
mod kubeconfig;
pub mod objects;
mod resource;
mod transport;
mod update;
mod watch;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, fmt, sync::Arc, time::Duration};

use hyper::{
    body::Bytes,
    header::{HeaderValue, USER_AGENT},
};
use kube::api::{ListParams, LogParams};
use tokio::sync::Mutex;

use super::{
    network::Network,
    process::ProcessGroups,
    runtime::{Runtime, Task},
};
use crate::finding::Finding;
use client::{ApiClient, BuiltRequest};
use objects::{Event, List, Object, Pod};
use resource::ApiResource;
use watch::UpdateDecoder;

pub use access_right::{AccessAnswer, AccessRight};
pub use content::{kubeconfig_content, secrets_of};
pub use error::ClusterError;
pub use kubeconfig::KubeconfigSource;
pub use resource::Scope;
pub use update::WatchUpdate;
pub use watch::WatchState;

const AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));
/// How many events are read for one object.
const MOST_EVENTS: u32 = 100;

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct ClusterAccess {
    pub source: KubeconfigSource,
    /// The default is the kubeconfig's current context.
    pub context: Option<String>,
    /// The default is the namespace of the context.
    pub namespace: Option<String>,
    /// How long a response may take to begin, including the connection; and how long reading it may take.
    pub timeout: Duration,
    /// Variables that a credential plugin does not get.
    pub withheld: Vec<OsString>,
}

/// A cluster and one namespace in it. Clones share the connection.
#[derive(Clone)]
pub struct Cluster {
    runtime: Arc<Runtime>,
    client: Arc<ApiClient>,
}

impl Cluster {
    /// Reads the kubeconfig. The first request connects.
    ///
    /// # Errors
    /// Bad input: a kubeconfig or a context that cannot be used.
    pub fn connect(
        runtime: Arc<Runtime>,
        network: &Network,
        groups: &ProcessGroups,
        access: ClusterAccess,
    ) -> Result<Self, Finding> {
        let ClusterAccess { source, context, namespace, timeout, withheld } = access;
        let mut target = kubeconfig::load_target(&source, context.as_deref(), namespace.as_deref())?;
        target.config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
        let client = ApiClient {
            target,
            network: network.clone(),
            groups: groups.clone(),
            withheld,
            timeout,
            authenticated: Mutex::default(),
        };
        Ok(Self { runtime, client: Arc::new(client) })
    }

    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.client.target.namespace
    }

    /// The name of the context, or `this cluster` for in-cluster access.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.client.target.context
    }

    /// Lists and watches a kind until the connection ends. `send` runs on a thread that must not be blocked. Dropping the
    /// task ends the watch.
    pub fn watch<T: Object>(
        &self,
        scope: Scope,
        state: WatchState,
        send: impl Fn(WatchUpdate<T>) + Send + Sync + 'static,
    ) -> Task {
        let client = Arc::clone(&self.client);
        let handler = UpdateDecoder::new(send);
        self.runtime.spawn(async move { watch::watch(&client, ApiResource::of::<T>(), &scope, &state, &handler).await })
    }

    /// The Warning events about one object, in no order. Takes at most `within`.
    ///
    /// # Errors
    /// Why the events cannot be read.
    pub fn warnings(&self, uid: &str, within: Duration) -> Result<Vec<Event>, Finding> {
        let scope = Scope::namespace(self.namespace().to_owned());
        let selector = format!("involvedObject.uid={uid},type=Warning");
        let params = ListParams { field_selector: Some(selector), limit: Some(MOST_EVENTS), ..ListParams::default() };
        let permission = format!("list events in the namespace {}", scope.namespace);
        let body = self.fetch(move || scope.request(ApiResource::of::<Event>()).list(&params), permission, within)?;
        let list: List<Event> = serde_json::from_slice(&body)
            .map_err(|error| Finding::inconclusive("the cluster's events").actual(error.to_string()))?;
        Ok(list.items)
    }

    /// The last lines of a container's log; with `previous`, of the run before its last restart. Takes at most `within`.
    ///
    /// # Errors
    /// Why the log cannot be read; a container that never ran has none.
    pub fn log(
        &self,
        pod: &str,
        container: &str,
        previous: bool,
        lines: u32,
        within: Duration,
    ) -> Result<String, Finding> {
        let scope = Scope::namespace(self.namespace().to_owned());
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines.into()),
            previous,
            ..LogParams::default()
        };
        let permission = format!("read pods/log in the namespace {}", scope.namespace);
        let pod = pod.to_owned();
        let body =
            self.fetch(move || scope.request(ApiResource::of::<Pod>()).logs(&pod, &params), permission, within)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn fetch(
        &self,
        build: impl Fn() -> BuiltRequest + Send + 'static,
        permission: String,
        within: Duration,
    ) -> Result<Bytes, Finding> {
        let failed = |reason: String| Finding::inconclusive("the cluster's API").actual(reason);
        self.send(build, permission, within).map_err(|error| match error {
            ClusterError::Refused(finding) | ClusterError::Denied(finding) => finding,
            ClusterError::Temporary(reason) | ClusterError::RetryAfter(reason, _) => failed(reason),
            ClusterError::Expired => failed("410: gone".to_owned()),
        })
    }

    /// Sends a request, and once more after a temporary error: the caller asks only once.
    fn send(
        &self,
        build: impl Fn() -> BuiltRequest + Send + 'static,
        permission: String,
        within: Duration,
    ) -> Result<Bytes, ClusterError> {
        let client = Arc::clone(&self.client);
        let result = self.runtime.run(within.min(2 * client.timeout), async move {
            let first = client.fetch(build(), &permission).await;
            if let Err(ClusterError::Temporary(_)) = first { client.fetch(build(), &permission).await } else { first }
        });
        result.unwrap_or_else(|error| Err(ClusterError::Temporary(error.to_string())))
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context()).finish_non_exhaustive()
    }
}
