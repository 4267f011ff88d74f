//! The cluster: Kubernetes' API as a typed, synchronous face. Only looks are here; nothing is written to a cluster.
//!
//! No client of others: the usual one reads the environment for itself, falls back to the cluster that it runs in, loops
//! at a 403, has no limit for reading and lets credential plugins block its thread. What is left of it, requests and JSON,
//! is less than what would have to be worked around.

mod credentials;
mod kubeconfig;
pub mod objects;
mod transport;
mod trouble;
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

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    header::{ACCEPT, AUTHORIZATION, HeaderValue, USER_AGENT},
};
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};
use url::form_urlencoded;

use super::{
    network::Network,
    process::Groups,
    runtime::{Runtime, Task},
};
use crate::verdict::Complaint;
use credentials::Credentials;
use kubeconfig::{Login, Target};
use objects::{Event, List, Object};
use transport::Wire;
use trouble::causes;

pub use kubeconfig::{Source, secrets_of};
pub use trouble::Trouble;
pub use watch::{News, Place};

const AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));
/// The largest answer that is no list, in bytes.
const LARGEST: usize = 4 << 20;
/// Most events that are read of one object.
const EVENTS: &str = "100";

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
    groups: Groups,
    withheld: Vec<OsString>,
    timeout: Duration,
    open: Mutex<Option<Arc<Pass>>>,
}

/// Credentials with their connection.
struct Pass {
    wire: Wire,
    header: Option<HeaderValue>,
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
        groups: &Groups,
        access: Access,
    ) -> Result<Self, Complaint> {
        let target = kubeconfig::target(&access.source, access.context.as_deref(), access.namespace.as_deref())?;
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

    /// Looks at a kind until the connection ends, from `place` on; tells news on a thread that must not be blocked. Dropping
    /// the task ends it.
    pub fn watch<T: Object>(&self, scope: Scope, place: Place, tell: impl Fn(News<T>) + Send + Sync + 'static) -> Task {
        let door = Arc::clone(&self.door);
        self.runtime.spawn(async move { watch::look::<T>(&door, &scope, &place, &tell).await })
    }

    /// The Warning events about one object, in no order.
    ///
    /// # Errors
    /// Why they could not be seen.
    pub fn warnings(&self, uid: &str) -> Result<Vec<Event>, Complaint> {
        let namespace = &self.door.target.namespace;
        let scope = Scope { namespace: namespace.clone(), name: None };
        let selector = format!("involvedObject.uid={uid},type=Warning");
        let path = scope.path::<Event>(&[("fieldSelector", &selector), ("limit", EVENTS)]);
        let body = self.ask(path, format!("list events in the namespace {namespace}"))?;
        let list: List<Event> = serde_json::from_slice(&body)
            .map_err(|error| Complaint::about("the cluster's events").seen(error.to_string()))?;
        Ok(list.items)
    }

    /// The last lines that a container wrote; with `previous`, those of the one before its last restart.
    ///
    /// # Errors
    /// Why they could not be seen; a container that never ran has none.
    pub fn log(&self, pod: &str, container: &str, previous: bool, lines: u32) -> Result<String, Complaint> {
        let namespace = &self.door.target.namespace;
        let scope = Scope { namespace: namespace.clone(), name: None };
        let lines = lines.to_string();
        let query =
            [("container", container), ("tailLines", &lines), ("previous", if previous { "true" } else { "false" })];
        let path = scope.path::<objects::Pod>(&[]);
        let path = format!("{}/{}/log?{}", path.trim_end_matches('?'), encoded(pod), queried(&query));
        let body = self.ask(path, format!("read pods/log in the namespace {namespace}"))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn ask(&self, path: String, what: String) -> Result<Bytes, Complaint> {
        let door = Arc::clone(&self.door);
        let limit = self.door.timeout;
        let asked = self.runtime.run(2 * limit, async move {
            let answer = door.get(&path, &what).await?;
            door.whole(answer, LARGEST).await
        });
        let about = |why: String| Complaint::about("the cluster's API").seen(why);
        match asked {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(Trouble::Refused(complaint))) => Err(complaint),
            Ok(Err(Trouble::Lost(why))) => Err(about(why)),
            Ok(Err(Trouble::Expired)) => Err(about("410: gone".to_owned())),
            Err(missed) => Err(about(missed.to_string())),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context()).finish_non_exhaustive()
    }
}

impl Scope {
    /// Path and query of a list.
    fn path<T: Object>(&self, query: &[(&str, &str)]) -> String {
        let name = self.name.as_ref().map(|name| format!("metadata.name={name}"));
        let query: Vec<(&str, &str)> =
            query.iter().copied().chain(name.iter().map(|name| ("fieldSelector", name.as_str()))).collect();
        format!("{}/namespaces/{}/{}?{}", T::API, encoded(&self.namespace), T::RESOURCE, queried(&query))
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn queried(query: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish()
}

impl Door {
    /// Asks once; the answer's body is still to come. `what` is what the account must be allowed to.
    async fn get(&self, path: &str, what: &str) -> Result<Response<Incoming>, Trouble> {
        let pass = self.pass().await?;
        let server = self.target.server.full().trim_end_matches('/');
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(format!("{server}{path}"))
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json, */*");
        if let Some(header) = &pass.header {
            request = request.header(AUTHORIZATION, header);
        }
        for (name, value) in &self.target.acts_as {
            request = request.header(*name, value);
        }
        let request = request.body(Empty::new()).map_err(|error| {
            Trouble::Refused(
                Complaint::about("the cluster's API").seen(error.to_string()).expected("a URL that can be sent"),
            )
        })?;
        let answer = match timeout(self.timeout, pass.wire.send(request)).await {
            Err(_) => return Err(Trouble::Lost(format!("no answer within {} s", self.timeout.as_secs_f64()))),
            Ok(Err(error)) => return Err(Trouble::Lost(causes(&error))),
            Ok(Ok(answer)) => answer,
        };
        if answer.status().is_success() {
            pass.accepted.store(true, Ordering::Release);
            return Ok(answer);
        }
        let status = answer.status();
        let body = self.whole(answer, LARGEST).await.unwrap_or_default();
        let plugin = matches!(self.target.login, Login::Plugin(_));
        if status.as_u16() == 401 && plugin && pass.accepted.load(Ordering::Acquire) {
            // Those that were good once have expired; the next look asks the plugin again.
            self.forget(&pass).await;
            return Err(Trouble::Lost("the credentials have expired".to_owned()));
        }
        Err(Trouble::of_answer(status, &body, what))
    }

    /// The rest of an answer.
    async fn whole(&self, answer: Response<Incoming>, largest: usize) -> Result<Bytes, Trouble> {
        match timeout(self.timeout, Limited::new(answer.into_body(), largest).collect()).await {
            Err(_) => Err(Trouble::Lost(format!("no end of an answer within {} s", self.timeout.as_secs_f64()))),
            Ok(Err(error)) => Err(Trouble::Lost(format!("the answer broke off: {}", causes(&*error)))),
            Ok(Ok(body)) => Ok(body.to_bytes()),
        }
    }

    async fn pass(&self) -> Result<Arc<Pass>, Trouble> {
        // Held meanwhile: one plugin, one connection for all who ask.
        let mut open = self.open.lock().await;
        let replaced = matches!(self.target.login, Login::TokenFile(_));
        if let Some(pass) = open.as_ref().filter(|_| !replaced) {
            return Ok(Arc::clone(pass));
        }
        let (target, groups, withheld) = (self.target.clone(), self.groups.clone(), self.withheld.clone());
        let found = spawn_blocking(move || credentials::find(&target, &groups, &withheld)).await;
        let Credentials { header, certificate } =
            found.map_err(|error| Trouble::Lost(format!("no thread for credentials: {error}")))??;
        let wire = if let Some(pass) = open.as_ref() {
            pass.wire.clone()
        } else {
            let certificate = certificate.as_ref().map(|(chain, key)| (chain.as_slice(), key));
            transport::wire(&self.network, &self.target, certificate).map_err(Trouble::Refused)?
        };
        let pass = Arc::new(Pass { wire, header, accepted: AtomicBool::new(false) });
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
