//! The state of the fake GitHub: its data, tokens, faults to inject, and recorded requests and violations.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex},
};

use serde_json::Value;

use super::{actions_app::BOT, records::FakeGitHubData};
use crate::sandbox::server::FakeResponse;

/// A request as the fake GitHub recorded it, without its token.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRequest {
    pub method: String,
    /// Without the path prefix of an Enterprise server; `outside the API` if the request lacked that prefix.
    pub path: String,
    /// The raw query, without the `?`.
    pub query: String,
    /// `null` if there was no body, or none that is JSON.
    pub body: Value,
    /// The status of the response; `None` if none was sent.
    pub status: Option<u16>,
}

/// How a request fails.
#[derive(Clone, Debug)]
pub enum InjectedFault {
    /// GitHub does not apply the request and sends this response.
    WithoutEffect(FakeResponse),
    /// GitHub applies the request, but sends this response instead of the real one.
    AfterEffect(FakeResponse),
}

/// A fault and the requests that it applies to.
pub struct FaultInjection {
    /// Part of `METHOD /path`; empty for any request.
    pub pattern: String,
    /// How many more requests fail.
    pub remaining: usize,
    pub fault: InjectedFault,
}

#[derive(Default)]
pub struct SharedState {
    pub state: Mutex<FakeGitHubState>,
    /// Notified after every request.
    pub request_served: Condvar,
}

#[derive(Default)]
pub struct FakeGitHubState {
    pub data: FakeGitHubData,
    /// Token, then lower-case `owner/name`, then the granted permissions: `contents=write`.
    pub tokens: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// The scopes of classic tokens, as their responses say.
    pub scopes: BTreeMap<String, String>,
    /// The login of each token's App; those of jobs are not listed.
    pub apps: BTreeMap<String, String>,
    pub injections: Vec<FaultInjection>,
    pub requests: Vec<RecordedRequest>,
    pub violations: Vec<String>,
}

impl FakeGitHubState {
    /// The login of a token's account.
    pub fn account(&self, token: Option<&str>) -> String {
        token.and_then(|token| self.apps.get(token)).map_or(BOT, String::as_str).to_owned()
    }

    /// The fault to inject into this request, if any; counts it as used.
    pub fn take_fault(&mut self, request: &RecordedRequest) -> Option<InjectedFault> {
        let injection = self
            .injections
            .iter_mut()
            .find(|injection| injection.remaining > 0 && request.matches(&injection.pattern))?;
        injection.remaining -= 1;
        Some(injection.fault.clone())
    }
}

impl RecordedRequest {
    /// Whether `METHOD /path` contains the pattern. The name of a query follows its path.
    pub fn matches(&self, pattern: &str) -> bool {
        let query = self.body["operationName"].as_str().unwrap_or_default();
        format!("{} {} {query}", self.method, self.path).trim_end().contains(pattern)
    }
}
