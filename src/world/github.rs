//! GitHub's API: octocrab behind a typed, synchronous face. One request, one answer, never a repetition: only the loops
//! repeat. One file per part of the API.
//!
//! A question's answer is the thing, `None` when there is none of it, or a complaint that names the permission that is
//! missing. What a write came to is [`Sent`].

mod actions;
mod answer;
mod dispatch;
mod environments;
mod issues;
mod repository;
mod sent;
mod source;
pub(in crate::world) mod transport;

use std::{error::Error, fmt, iter, sync::Arc, time::Duration};

pub use actions::{Annotation, Approval, Job, WorkflowRun};
pub use dispatch::dispatch_limits;
pub use environments::{
    BranchKind, BranchPolicy, BranchRule, Environment, EnvironmentSettings, Reviewer, ReviewerKind,
};
use http_body_util::{BodyExt as _, Limited};
use hyper::{HeaderMap, Method, body::Bytes};
pub use issues::{Issue, IssueQuery, IssueState, NewIssue};
use octocrab::Octocrab;
pub use repository::Repository;
pub use sent::{Refusal, Sent};
use serde_json::Value;
pub use source::{Comparison, SourceCommit};
use transport::Way;

use super::{
    network::Network,
    runtime::{Missed, Runtime},
};
use crate::finding::Finding;
use crate::secret::Secret;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 8 << 20;
/// How much of a server's text goes into a message, in characters.
const CLIP: usize = 300;

/// How GitHub is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// `GITHUB_API_URL`: `https://api.github.com`, or `https://<host>/api/v3` on an Enterprise server.
    pub api_url: String,
    pub token: Option<Secret>,
    /// For the name, the connection, the proxy and the handshake together.
    pub connect_timeout: Duration,
    /// For a whole call.
    pub timeout: Duration,
}

impl Access {
    /// 30 s at most for a call, 10 s of them to connect. An empty token is none.
    #[must_use]
    pub fn new(api_url: impl Into<String>, token: Option<Secret>) -> Self {
        Self {
            api_url: api_url.into(),
            token: token.filter(|token| !token.expose().is_empty()),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

/// A GitHub that can be asked. Nothing has been sent yet when it is made.
pub struct GitHub {
    runtime: Arc<Runtime>,
    octocrab: Octocrab,
    token: Option<Secret>,
    timeout: Duration,
}

/// An answer, read whole.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// Why there is no answer.
enum Lost {
    /// The request has not left: there was no connection to send it on.
    Before(String),
    /// It may have arrived.
    After(String),
}

impl GitHub {
    /// Prepares the connection; reads the certificate authorities when the API is reached by `https://`.
    ///
    /// # Errors
    /// When the address, the token, the proxy or the authorities cannot be used.
    pub fn connect(runtime: Arc<Runtime>, network: &Network, access: Access) -> Result<Self, Finding> {
        let base = transport::base(&access.api_url)?;
        let way = Way::new(network, &base)?;
        let (token, timeout) = (access.token.clone(), access.timeout);
        let made = runtime.run(timeout, async move { transport::octocrab(&base, &access, way) });
        let octocrab = made.map_err(|missed| Finding::inconclusive("GitHub's API").actual(missed.to_string()))??;
        Ok(Self { runtime, octocrab, token, timeout })
    }

    /// Sends one request, once, and reads its answer whole. `path` is everything behind the API's address, encoded.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Lost> {
        let octocrab = self.octocrab.clone();
        let request = hyper::http::request::Builder::new().method(method).uri(path);
        let request = octocrab.build_request(request, body).map_err(|error| Lost::Before(causes(&error)))?;
        let asked = self.runtime.run(self.timeout, async move {
            let response = octocrab.execute(request).await.map_err(|error| lost(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            let body = body.map_err(|error| Lost::After(format!("the answer broke off: {}", causes(&*error))))?;
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        });
        let answer = asked.unwrap_or_else(|missed| {
            Err(Lost::After(match missed {
                Missed::Elapsed(limit) => format!("no answer within {} s", limit.as_secs_f64()),
                Missed::Gone => missed.to_string(),
            }))
        });
        answer.map_err(|lost| match lost {
            Lost::Before(why) => Lost::Before(self.clean(&why)),
            Lost::After(why) => Lost::After(self.clean(&why)),
        })
    }

    /// A text from outside, fit for a message: no token, and not too long.
    fn clean(&self, text: &str) -> String {
        let text = match &self.token {
            Some(token) => text.replace(token.expose(), "***"),
            None => text.to_owned(),
        };
        match text.char_indices().nth(CLIP) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Octocrab passes hyper's error on among the causes of its own. What caused that one says more than it does.
fn lost(error: &(dyn Error + 'static)) -> Lost {
    match chain(error).find_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>()) {
        Some(error) => {
            let why = causes(error.source().unwrap_or(error));
            if error.is_connect() {
                Lost::Before(format!("no connection: {why}"))
            } else {
                Lost::After(format!("the connection was lost: {why}"))
            }
        }
        None => Lost::After(causes(error)),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// An error and what caused it, each said once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said = Vec::<String>::new();
    for error in chain(error) {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}

#[cfg(test)]
mod tests;
