//! The routes, and what holds for all of them: who asks, whether the repository exists for them, what they may do.

use hyper::{Method, header};

use super::{Breach, Repository, State, call::Call, dispatches, error};
use crate::sandbox::server::{Answer, Request};

/// The version of the API that the rules here are from.
const API_VERSION: &str = "2022-11-28";

pub(super) struct Route {
    method: Method,
    /// After `/repos/{owner}/{repo}`; `{…}` stands for one segment.
    path: &'static str,
    /// What the token needs: `contents=write`.
    permission: &'static str,
    answer: fn(&mut Repository, &Call) -> Result<Answer, Breach>,
}

/// Everything this GitHub knows how to do.
const ROUTES: &[Route] =
    &[Route { method: Method::POST, path: "/dispatches", permission: "contents=write", answer: dispatches::create }];

pub(super) fn answer(state: &mut State, request: &Request, path: &str) -> Result<Answer, Breach> {
    check_headers(request)?;
    let Some((repository, rest)) = split(path) else { return Err(unknown()) };
    let at_path: Vec<_> = ROUTES.iter().filter(|route| matches(route.path, rest)).collect();
    let Some(route) = at_path.iter().find(|route| route.method == request.method) else { return Err(unknown()) };
    if !request.query.is_empty() {
        return Err(Breach::new(422, format!("No query is known here, saw {:?}", request.query)));
    }
    let granted = match token(request) {
        None => return Ok(error(401, "Requires authentication")),
        Some(token) => match state.tokens.get(token) {
            None => return Ok(error(401, "Bad credentials")),
            Some(grants) => grants.get(&repository),
        },
    };
    // What a token cannot see does not exist for it.
    let (Some(granted), Some(repository)) = (granted, state.repositories.get_mut(&repository)) else {
        return Ok(error(404, "Not Found"));
    };
    if !granted.iter().any(|granted| granted == route.permission) {
        let denied = error(403, "Resource not accessible by integration");
        return Ok(denied.header("x-accepted-github-permissions", route.permission));
    }
    let body = match &*request.body {
        [] => None,
        body => Some(serde_json::from_slice(body).map_err(|_| Breach::new(400, "Problems parsing JSON"))?),
    };
    (route.answer)(repository, &Call { body })
}

fn unknown() -> Breach {
    Breach::new(404, "Not Found")
}

/// What GitHub asks of every request (user agent), and what is easily sent wrong (version, encoding).
fn check_headers(request: &Request) -> Result<(), Breach> {
    let header = |name| request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if header("user-agent").is_none_or(|agent| agent.trim().is_empty()) {
        return Err(Breach::new(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        ));
    }
    if let Some(version) = header("x-github-api-version").filter(|version| version != API_VERSION) {
        return Err(Breach::new(400, format!("Unknown API version {version}")));
    }
    match header("content-type") {
        Some(kind) if !request.body.is_empty() && !kind.starts_with("application/json") => {
            Err(Breach::new(415, format!("The body is {kind}, expected application/json")))
        }
        _ => Ok(()),
    }
}

fn token(request: &Request) -> Option<&str> {
    let credentials = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    credentials.strip_prefix("Bearer ").or_else(|| credentials.strip_prefix("token "))
}

/// Lower-case `owner/name`, and the rest of the path.
fn split(path: &str) -> Option<(String, &str)> {
    let path = path.strip_prefix("/repos/")?;
    let (owner, rest) = path.split_once('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    Some((format!("{owner}/{name}").to_lowercase(), rest))
}

fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(part, seen)| part == seen || (part.starts_with('{') && !seen.is_empty()))
}
