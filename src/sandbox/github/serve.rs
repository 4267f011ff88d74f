//! Starts the server of the fake GitHub; records each request, and injects faults.

use std::{io, sync::Arc};

use super::{
    errors::error,
    fake_github::FakeGitHub,
    format::{GRAPHQL, graphql_path},
    routes,
    state::{FakeGitHubState, InjectedFault, RecordedRequest, SharedState},
    tokens::token,
};
use crate::sandbox::{
    lock::lock,
    server::{FakeResponse, LoopbackServer, ReceivedRequest},
};

impl FakeGitHub {
    /// Starts without repositories and tokens. The API is at the root, as on `api.github.com`.
    ///
    /// # Errors
    /// When the system has no free port, or cannot start a thread.
    pub fn start() -> io::Result<Self> {
        Self::start_below("")
    }

    /// Starts with a path prefix for the API, such as an Enterprise server's `/api/v3`.
    ///
    /// # Errors
    /// When the system has no free port, or cannot start a thread.
    pub fn start_below(prefix: &str) -> io::Result<Self> {
        let shared = Arc::<SharedState>::default();
        let (server_state, server_prefix) = (Arc::clone(&shared), prefix.to_owned());
        let server = LoopbackServer::start(move |request| {
            let response = serve(&mut lock(&server_state.state), request, &server_prefix);
            server_state.request_served.notify_all();
            response
        })?;
        Ok(Self { server, prefix: prefix.to_owned(), shared })
    }
}

fn serve(state: &mut FakeGitHubState, request: &ReceivedRequest, prefix: &str) -> FakeResponse {
    let path = match request.path.strip_prefix(prefix) {
        _ if request.path == graphql_path(prefix) => GRAPHQL,
        path => path.unwrap_or("outside the API"),
    };
    let mut recorded = RecordedRequest {
        method: request.method.to_string(),
        path: path.to_owned(),
        query: request.query.clone(),
        body: serde_json::from_slice(&request.body).unwrap_or_default(),
        status: None,
    };
    let response = match state.take_fault(&recorded) {
        Some(InjectedFault::WithoutEffect(response)) => response,
        Some(InjectedFault::AfterEffect(response)) => {
            apply(state, request, prefix, path);
            response
        }
        None => apply(state, request, prefix, path),
    };
    recorded.status = response.sent_status();
    state.requests.push(recorded);
    response
}

fn apply(state: &mut FakeGitHubState, request: &ReceivedRequest, prefix: &str, path: &str) -> FakeResponse {
    let response = routes::respond(state, request, prefix, path).unwrap_or_else(|violation| {
        state.violations.push(violation.describe(&format!("{} {path}", request.method)));
        error(violation.status, &violation.message)
    });
    match token(request).and_then(|token| state.scopes.get(token)) {
        Some(scopes) => response.header("x-oauth-scopes", scopes),
        None => response,
    }
}
