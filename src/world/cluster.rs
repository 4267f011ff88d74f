//! The cluster: Kubernetes' API as a typed, synchronous face. Only looks are here; nothing is written to a cluster.
//!
//! kube is the client: kubeconfigs, TLS, who we are, requests and streams of changes. Ours is what it leaves open: limits of
//! time, the way out of this machine, which errors are final, and objects that hold only what health is told by.

mod credentials;
mod error;
mod kubeconfig;
pub mod objects;
mod transport;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request, Response,
    body::Bytes,
    header::{HeaderValue, RETRY_AFTER, USER_AGENT},
};
use kube::{
    Client, Error,
    api::{ListParams, LogParams},
    client::Body,
    core::{Status, request},
};
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};
use url::form_urlencoded;

use super::{
    network::Network,
    process::ProcessGroups,
    runtime::{Runtime, Task},
};
use crate::finding::Finding;
use error::causes;
use kubeconfig::Target;
use objects::{Event, List, Object};

pub use error::ClusterError;
pub use kubeconfig::{Source, secrets_of};
use watch::{Resource, UpdateDecoder};
pub use watch::{WatchState, WatchUpdate};

const AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));
/// The largest answer that is no list, in bytes.
const LARGEST: usize = 4 << 20;
/// Most events that are read of one object.
const EVENTS: u32 = 100;
/// A busy server is not left alone for longer than this: a gate has somebody waiting for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct Access {
    pub source: Source,
    /// The kubeconfig's current one, when not given.
    pub context: Option<String>,
    /// The context's, when not given.
    pub namespace: Option<String>,
    /// How long an answer may take to begin, the connection included; and how long reading one may take.
    pub timeout: Duration,
    /// Variables that a credential plugin does not get.
    pub withheld: Vec<OsString>,
}

/// What is listed and watched of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub namespace: String,
    /// Only the object of this name.
    pub name: Option<String>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    runtime: Arc<Runtime>,
    door: Arc<Door>,
}

/// Where requests go, and who sends them.
struct Door {
    target: Target,
    network: Network,
    groups: ProcessGroups,
    withheld: Vec<OsString>,
    timeout: Duration,
    open: Mutex<Option<Arc<Pass>>>,
}

/// A client with its credentials.
struct Pass {
    client: Client,
    /// The server has taken them once.
    accepted: AtomicBool,
}

impl Cluster {
    /// Reads the kubeconfig. Nothing is sent yet.
    ///
    /// # Errors
    /// Bad input: a kubeconfig or a context that cannot be used.
    pub fn connect(
        runtime: Arc<Runtime>,
        network: &Network,
        groups: &ProcessGroups,
        access: Access,
    ) -> Result<Self, Finding> {
        let mut target = kubeconfig::target(&access.source, access.context.as_deref(), access.namespace.as_deref())?;
        target.config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
        let Access { timeout, withheld, .. } = access;
        let door = Door {
            target,
            network: network.clone(),
            groups: groups.clone(),
            withheld,
            timeout,
            open: Mutex::default(),
        };
        Ok(Self { runtime, door: Arc::new(door) })
    }

    /// The namespace that is looked at.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.door.target.namespace
    }

    /// The context, as a person knows the cluster.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.door.target.context
    }

    /// Looks at a kind until the connection ends; tells news on a thread that must not be blocked. Dropping the task ends it.
    pub fn watch<T: Object>(
        &self,
        scope: Scope,
        state: WatchState,
        send: impl Fn(WatchUpdate<T>) + Send + Sync + 'static,
    ) -> Task {
        let door = Arc::clone(&self.door);
        let handler = UpdateDecoder::new(send);
        self.runtime.spawn(async move { watch::look(&door, Resource::of::<T>(), &scope, &state, &handler).await })
    }

    /// The Warning events about one object, in no order; no later than `within`.
    ///
    /// # Errors
    /// Why they could not be seen.
    pub fn warnings(&self, uid: &str, within: Duration) -> Result<Vec<Event>, Finding> {
        let namespace = &self.door.target.namespace;
        let scope = Scope { namespace: namespace.clone(), name: None };
        let selector = format!("involvedObject.uid={uid},type=Warning");
        let params = ListParams { field_selector: Some(selector), limit: Some(EVENTS), ..ListParams::default() };
        let what = format!("list events in the namespace {namespace}");
        let body = self.ask(move || scope.request(Resource::of::<Event>()).list(&params), what, within)?;
        let list: List<Event> = serde_json::from_slice(&body)
            .map_err(|error| Finding::inconclusive("the cluster's events").actual(error.to_string()))?;
        Ok(list.items)
    }

    /// The last lines that a container wrote; with `previous`, those of the one before its last restart. No later
    /// than `within`.
    ///
    /// # Errors
    /// Why they could not be seen; a container that never ran has none.
    pub fn log(
        &self,
        pod: &str,
        container: &str,
        previous: bool,
        lines: u32,
        within: Duration,
    ) -> Result<String, Finding> {
        let namespace = &self.door.target.namespace;
        let scope = Scope { namespace: namespace.clone(), name: None };
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines.into()),
            previous,
            ..LogParams::default()
        };
        let (pod, what) = (pod.to_owned(), format!("read pods/log in the namespace {namespace}"));
        let body = self.ask(move || scope.request(Resource::of::<objects::Pod>()).logs(&pod, &params), what, within)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// `asked` is asked a second time when the first may have come at a bad moment: what it gives is asked for once.
    fn ask(
        &self,
        asked: impl Fn() -> Asked + Send + 'static,
        what: String,
        within: Duration,
    ) -> Result<Bytes, Finding> {
        let door = Arc::clone(&self.door);
        let asked = self.runtime.run(within.min(2 * self.door.timeout), async move {
            let first = door.answer(asked(), &what).await;
            if let Err(ClusterError::Lost(_)) = first { door.answer(asked(), &what).await } else { first }
        });
        let about = |why: String| Finding::inconclusive("the cluster's API").actual(why);
        match asked {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(ClusterError::Refused(finding) | ClusterError::Denied(finding))) => Err(finding),
            Ok(Err(ClusterError::Lost(why) | ClusterError::Busy(why, _))) => Err(about(why)),
            Ok(Err(ClusterError::Expired)) => Err(about("410: gone".to_owned())),
            Err(missed) => Err(about(missed.to_string())),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context()).finish_non_exhaustive()
    }
}

/// A request as kube writes them, if it can be written.
type Asked = Result<Request<Vec<u8>>, request::Error>;

impl Scope {
    fn request(&self, Resource { api, plural }: Resource) -> request::Request {
        let namespace: String = form_urlencoded::byte_serialize(self.namespace.as_bytes()).collect();
        request::Request::new(format!("{api}/namespaces/{namespace}/{plural}"))
    }

    /// Which objects of the kind.
    fn selector(&self) -> Option<String> {
        self.name.as_ref().map(|name| format!("metadata.name={name}"))
    }
}

impl Door {
    /// Asks once; the answer's body is still to come. `what` is what the account must be allowed to.
    async fn get(&self, asked: Asked, what: &str) -> Result<Response<Body>, ClusterError> {
        let asked = written(asked)?.map(Body::from);
        let pass = self.pass().await?;
        let answer = match timeout(self.timeout, pass.client.send(asked)).await {
            Err(_) => return Err(self.late()),
            Ok(Err(error)) => return Err(ClusterError::of(&error, what)),
            Ok(Ok(answer)) => answer,
        };
        let code = answer.status();
        if code.is_success() {
            pass.accepted.store(true, Ordering::Release);
            return Ok(answer);
        }
        let pause = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        let body = self.whole(answer, LARGEST).await.unwrap_or_default();
        let said = serde_json::from_slice::<Status>(&body)
            .unwrap_or_else(|_| Status::failure(&String::from_utf8_lossy(&body), ""))
            .with_code(code.as_u16());
        Err(match (self.refused(&pass, Error::Api(said.boxed()), what).await, pause) {
            (ClusterError::Lost(why), Some(pause)) => {
                ClusterError::Busy(why, Duration::from_secs(pause).min(LONGEST_PAUSE))
            }
            (trouble, _) => trouble,
        })
    }

    /// Asks once for an answer that ends.
    async fn answer(&self, asked: Asked, what: &str) -> Result<Bytes, ClusterError> {
        let answer = self.get(asked, what).await?;
        self.whole(answer, LARGEST).await
    }

    fn late(&self) -> ClusterError {
        ClusterError::Lost(format!("no answer within {} s", self.timeout.as_secs_f64()))
    }

    async fn refused(&self, pass: &Arc<Pass>, error: Error, what: &str) -> ClusterError {
        let expired = matches!(&error, Error::Api(status) if status.code == 401);
        let renewable = credentials::renewable(&self.target.config.auth_info);
        if expired && renewable && pass.accepted.load(Ordering::Acquire) {
            // Those that were good once have expired; the next look asks for new ones.
            self.forget(pass).await;
            return ClusterError::Lost("the credentials have expired".to_owned());
        }
        ClusterError::of(&error, what)
    }

    /// The rest of an answer.
    async fn whole(&self, answer: Response<Body>, largest: usize) -> Result<Bytes, ClusterError> {
        match timeout(self.timeout, Limited::new(answer.into_body(), largest).collect()).await {
            Err(_) => Err(ClusterError::Lost(format!("no end of an answer within {} s", self.timeout.as_secs_f64()))),
            Ok(Err(error)) => Err(ClusterError::Lost(format!("the answer broke off: {}", causes(&*error)))),
            Ok(Ok(body)) => Ok(body.to_bytes()),
        }
    }

    async fn pass(&self) -> Result<Arc<Pass>, ClusterError> {
        // Held meanwhile: one plugin, one connection for all who ask.
        let mut open = self.open.lock().await;
        if let Some(pass) = open.as_ref() {
            return Ok(Arc::clone(pass));
        }
        let (who, groups, withheld) =
            (self.target.config.auth_info.clone(), self.groups.clone(), self.withheld.clone());
        let found = spawn_blocking(move || credentials::find(who, &groups, &withheld)).await;
        let who = found
            .map_err(|error| ClusterError::Lost(format!("no thread for credentials: {error}")))?
            .map_err(ClusterError::Refused)?;
        let client = transport::client(&self.network, &self.target, who).map_err(ClusterError::Refused)?;
        let pass = Arc::new(Pass { client, accepted: AtomicBool::new(false) });
        *open = Some(Arc::clone(&pass));
        Ok(pass)
    }

    async fn forget(&self, pass: &Arc<Pass>) {
        let mut open = self.open.lock().await;
        if open.as_ref().is_some_and(|now| Arc::ptr_eq(now, pass)) {
            *open = None;
        }
    }
}

fn written(asked: Asked) -> Result<Request<Vec<u8>>, ClusterError> {
    asked.map_err(|error| {
        ClusterError::Refused(
            Finding::inconclusive("the cluster's API").actual(causes(&error)).expected("names that a request can hold"),
        )
    })
}
