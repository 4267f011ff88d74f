//! The API client: sends requests with credentials and time limits, and classifies errors.

use std::{
    ffi::OsString,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, Response, body::Bytes, header::RETRY_AFTER};
use kube::{
    Client, Error,
    client::Body,
    core::{Status, request},
};
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};

use super::{
    credentials,
    error::{ClusterError, causes},
    kubeconfig::ClusterTarget,
    transport,
};
use crate::{
    clock::Stopwatch,
    finding::Finding,
    values::HumanDuration,
    world::{
        network::{ConfiguredProxy, Network},
        process::ProcessGroups,
    },
};

/// The largest response that is not a page of a list, in bytes.
const LARGEST_RESPONSE: usize = 4 << 20;
/// A longer `Retry-After` of the server is shortened to this: a release waits for the gate.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A request of kube's builder, or its error when a name does not fit into a URL.
pub(super) type BuiltRequest = Result<Request<Vec<u8>>, request::Error>;

/// Sends requests to one API server. It looks up credentials and connects at the first request.
pub(super) struct ApiClient {
    pub(super) target: ClusterTarget,
    pub(super) network: Network,
    pub(super) groups: ProcessGroups,
    /// Variables that a credential plugin does not get.
    pub(super) withheld: Vec<OsString>,
    pub(super) timeout: Duration,
    pub(super) authenticated: Mutex<Option<Arc<AuthenticatedClient>>>,
}

/// kube's client with its credentials.
pub(super) struct AuthenticatedClient {
    client: Client,
    /// The proxy to the server, for messages.
    proxy: Option<ConfiguredProxy>,
    /// Whether the server has accepted the credentials at least once.
    accepted: AtomicBool,
}

impl ApiClient {
    /// Sends a request once and returns the response before its body has arrived. `permission` is what the account has to
    /// be allowed to do: `list pods in the namespace staging`.
    pub(super) async fn send(&self, request: BuiltRequest, permission: &str) -> Result<Response<Body>, ClusterError> {
        let request = require_valid(request)?.map(Body::from);
        let authenticated = self.authenticate().await?;
        // A list and a watch differ only in the query, which is not logged.
        let watch =
            if request.uri().query().is_some_and(|query| query.contains("watch=true")) { " (watch)" } else { "" };
        let asked = format!("cluster: {} {}{watch}", request.method(), request.uri().path());
        let started = Stopwatch::start();
        let sent = timeout(self.timeout, authenticated.client.send(request)).await;
        let answer = match &sent {
            Err(_) => "no answer".to_owned(),
            Ok(Err(error)) => causes(error),
            Ok(Ok(response)) => response.status().as_u16().to_string(),
        };
        log::debug!("{asked} → {answer}, after {}", HumanDuration(started.elapsed()));
        let response = match sent {
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                let through = authenticated.proxy.as_ref().map(|proxy| format!(" through {proxy}"));
                return Err(ClusterError::Temporary(format!(
                    "no answer within {seconds} s{}",
                    through.unwrap_or_default()
                )));
            }
            Ok(Err(error)) => return Err(ClusterError::from_kube(&error, permission)),
            Ok(Ok(response)) => response,
        };
        let code = response.status();
        if code.is_success() {
            authenticated.accepted.store(true, Ordering::Release);
            return Ok(response);
        }
        let pause = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        let body = self.read_body(response, LARGEST_RESPONSE).await.unwrap_or_default();
        let status = serde_json::from_slice::<Status>(&body)
            .unwrap_or_else(|_| Status::failure(&String::from_utf8_lossy(&body), ""))
            .with_code(code.as_u16());
        Err(match (self.classify_status(&authenticated, status, permission).await, pause) {
            (ClusterError::Temporary(reason), Some(pause)) => {
                ClusterError::RetryAfter(reason, Duration::from_secs(pause).min(LONGEST_PAUSE))
            }
            (error, _) => error,
        })
    }

    /// Sends a request once and returns the whole response.
    pub(super) async fn fetch(&self, request: BuiltRequest, permission: &str) -> Result<Bytes, ClusterError> {
        let response = self.send(request, permission).await?;
        self.read_body(response, LARGEST_RESPONSE).await
    }

    async fn classify_status(
        &self,
        authenticated: &Arc<AuthenticatedClient>,
        status: Status,
        permission: &str,
    ) -> ClusterError {
        let renewable = credentials::is_renewable(&self.target.config.auth_info);
        if status.code == 401 && renewable && authenticated.accepted.load(Ordering::Acquire) {
            // The server accepted these credentials before, so they have expired. The next request gets new ones.
            self.discard(authenticated).await;
            return ClusterError::Temporary("the credentials have expired".to_owned());
        }
        ClusterError::from_kube(&Error::Api(status.boxed()), permission)
    }

    pub(super) async fn read_body(&self, response: Response<Body>, largest: usize) -> Result<Bytes, ClusterError> {
        match timeout(self.timeout, Limited::new(response.into_body(), largest).collect()).await {
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                Err(ClusterError::Temporary(format!("the answer was not complete within {seconds} s")))
            }
            Ok(Err(error)) => Err(ClusterError::Temporary(format!("the response ended early: {}", causes(&*error)))),
            Ok(Ok(body)) => Ok(body.to_bytes()),
        }
    }

    async fn authenticate(&self) -> Result<Arc<AuthenticatedClient>, ClusterError> {
        // The lock is held throughout, so that concurrent requests share one plugin run and one connection.
        let mut slot = self.authenticated.lock().await;
        if let Some(authenticated) = slot.as_ref() {
            return Ok(Arc::clone(authenticated));
        }
        let (user, groups, withheld) =
            (self.target.config.auth_info.clone(), self.groups.clone(), self.withheld.clone());
        let resolved = spawn_blocking(move || credentials::resolve(user, &groups, &withheld)).await;
        let user = resolved
            .map_err(|error| ClusterError::Temporary(format!("no thread for credentials: {error}")))?
            .map_err(ClusterError::Refused)?;
        let proxy = transport::proxy(&self.network, &self.target).map_err(ClusterError::Refused)?;
        let client =
            transport::client(&self.network, &self.target, user, proxy.as_ref()).map_err(ClusterError::Refused)?;
        let authenticated = Arc::new(AuthenticatedClient { client, proxy, accepted: AtomicBool::new(false) });
        *slot = Some(Arc::clone(&authenticated));
        Ok(authenticated)
    }

    /// Discards expired credentials, unless another request has already replaced them.
    async fn discard(&self, expired: &Arc<AuthenticatedClient>) {
        let mut slot = self.authenticated.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, expired)) {
            *slot = None;
        }
    }
}

fn require_valid(request: BuiltRequest) -> Result<Request<Vec<u8>>, ClusterError> {
    request.map_err(|error| {
        ClusterError::Refused(
            Finding::inconclusive("the cluster's API").actual(causes(&error)).expected("names that are valid in a URL"),
        )
    })
}
