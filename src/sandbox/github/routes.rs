//! The routes, and what holds for all of them: who asks, whether what they ask about exists for them, what they may do.

use hyper::{Method, header};

use super::{
    Breach, State, World,
    accounts::{self, Accounts},
    approvals, branches,
    call::Call,
    checks, commits, dispatches, environments, error, id, issues, jobs, not_found, now, policies,
    repositories::{self, Repository},
    runs,
};
use crate::sandbox::server::{Answer, Request};

/// The version of the API that the rules here are from.
const API_VERSION: &str = "2022-11-28";
/// The queries of lists.
const PAGES: &[&str] = &["per_page", "page"];
const RUNS: &[&str] = &["created", "status", "event", "branch", "actor", "head_sha", "per_page", "page"];
const ISSUES: &[&str] = &["state", "labels", "since", "sort", "direction", "creator", "per_page", "page"];

/// One of the API, as GitHub's description has it.
pub struct Route {
    pub method: Method,
    /// `{…}` stands for one segment.
    pub path: &'static str,
    /// What the token needs: `contents=write`; empty when nobody is asked for one.
    pub permission: &'static str,
    /// The names in a query that are known here.
    query: &'static [&'static str],
    does: Does,
}

#[derive(Clone, Copy)]
enum Does {
    /// Something with a repository that the caller sees.
    Repository(fn(&mut Repository, &mut Accounts, &Call) -> Result<Answer, Breach>),
    /// Says what is known of one, which nothing in the request can make wrong.
    Shown(fn(&Repository, &Accounts, &Call) -> Answer),
    /// Says what is known of a user or a team.
    Account(fn(&Accounts, &Call) -> Answer),
}

/// A path below a repository's.
macro_rules! below {
    ($path:literal) => {
        concat!("/repos/{owner}/{repo}", $path)
    };
}

const fn route(
    method: Method,
    path: &'static str,
    permission: &'static str,
    query: &'static [&'static str],
    does: Does,
) -> Route {
    Route { method, path, permission, query, does }
}

/// Everything this GitHub knows how to do.
const ROUTES: &[Route] = &[
    route(Method::GET, below!(""), "metadata=read", &[], Does::Shown(repositories::get)),
    route(Method::POST, below!("/dispatches"), "contents=write", &[], Does::Repository(dispatches::create)),
    route(Method::GET, below!("/actions/runs/{run_id}"), "actions=read", &[], Does::Repository(runs::get)),
    route(
        Method::GET,
        below!("/actions/runs/{run_id}/attempts/{attempt_number}"),
        "actions=read",
        &[],
        Does::Repository(runs::attempt),
    ),
    route(
        Method::GET,
        below!("/actions/runs/{run_id}/attempts/{attempt_number}/jobs"),
        "actions=read",
        PAGES,
        Does::Repository(jobs::of_attempt),
    ),
    route(
        Method::GET,
        below!("/actions/runs/{run_id}/approvals"),
        "actions=read",
        &[],
        Does::Repository(approvals::of_run),
    ),
    route(
        Method::GET,
        below!("/actions/workflows/{workflow_id}/runs"),
        "actions=read",
        RUNS,
        Does::Repository(runs::of_workflow),
    ),
    route(
        Method::GET,
        below!("/check-runs/{check_run_id}/annotations"),
        "checks=read",
        PAGES,
        Does::Repository(checks::annotations),
    ),
    route(Method::GET, below!("/compare/{basehead}"), "contents=read", PAGES, Does::Repository(commits::compare)),
    route(Method::GET, below!("/commits/{ref}"), "contents=read", PAGES, Does::Repository(commits::get)),
    route(
        Method::GET,
        below!("/branches"),
        "contents=read",
        &["protected", "per_page", "page"],
        Does::Repository(branches::list),
    ),
    route(Method::GET, below!("/environments"), "actions=read", PAGES, Does::Repository(environments::list)),
    route(Method::GET, below!("/environments/{environment_name}"), "actions=read", &[], Does::Shown(environments::get)),
    route(
        Method::PUT,
        below!("/environments/{environment_name}"),
        "administration=write",
        &[],
        Does::Repository(environments::put),
    ),
    route(
        Method::GET,
        below!("/environments/{environment_name}/deployment-branch-policies"),
        "actions=read",
        PAGES,
        Does::Repository(policies::list),
    ),
    route(
        Method::POST,
        below!("/environments/{environment_name}/deployment-branch-policies"),
        "administration=write",
        &[],
        Does::Repository(policies::create),
    ),
    route(
        Method::DELETE,
        below!("/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}"),
        "administration=write",
        &[],
        Does::Repository(policies::delete),
    ),
    route(Method::GET, below!("/issues"), "issues=read", ISSUES, Does::Repository(issues::list)),
    route(Method::POST, below!("/issues"), "issues=write", &[], Does::Repository(issues::create)),
    route(Method::PATCH, below!("/issues/{issue_number}"), "issues=write", &[], Does::Repository(issues::update)),
    route(Method::GET, "/orgs/{org}/teams/{team_slug}", "members=read", &[], Does::Account(accounts::team)),
    route(Method::GET, "/users/{username}", "", &[], Does::Account(accounts::user)),
];

/// Everything this GitHub knows how to do.
#[must_use]
pub fn routes() -> &'static [Route] {
    ROUTES
}

pub(super) fn answer(state: &mut State, request: &Request, below: &str, path: &str) -> Result<Answer, Breach> {
    check_headers(request)?;
    let path = state.world.by_name(path);
    let mut at_path = ROUTES.iter().filter_map(|route| Some((route, parameters(route.path, &path)?)));
    let found = at_path.find(|(route, _)| route.method == request.method);
    let Some((route, parameters)) = found else { return Err(Breach::new(404, "Not Found")) };
    let query: Vec<(String, String)> = url::form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
    if let Some((name, _)) = query.iter().find(|(name, _)| !route.query.contains(&name.as_str())) {
        return Err(Breach::new(422, format!("No query {name:?} is known here, saw {:?}", request.query)));
    }
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let mut call = Call { api: format!("http://{host}{below}"), path, parameters, query, body: None, now: now() };

    let grants = match token(request) {
        None if route.permission.is_empty() => None,
        None => return Ok(error(401, "Requires authentication")),
        Some(token) => match state.tokens.get(token) {
            None => return Ok(error(401, "Bad credentials")),
            grants => grants,
        },
    };
    let World { repositories, accounts } = &mut state.world;
    let name = format!("{}/{}", call.parameter("owner"), call.parameter("repo")).to_lowercase();
    // Links to other pages name a repository by its number.
    let rest = call.path.splitn(5, '/').nth(4).unwrap_or_default();
    call.path = format!("/repositories/{}/{rest}", id("repository", &name));
    let granted: Vec<&str> = if let Does::Account(_) = route.does {
        let owner = format!("{}/", call.parameter("org").to_lowercase());
        let theirs = grants.into_iter().flatten().filter(|(repository, _)| repository.starts_with(&owner));
        theirs.flat_map(|(_, granted)| granted).map(String::as_str).collect()
    } else {
        // What a token cannot see does not exist for it.
        let Some(granted) = grants.and_then(|grants| grants.get(&name)) else { return Ok(not_found()) };
        if !repositories.contains_key(&name) {
            return Ok(not_found());
        }
        granted.iter().map(String::as_str).chain(["metadata=read"]).collect()
    };
    if !granted.iter().any(|granted| suffices(granted, route.permission)) && !route.permission.is_empty() {
        let denied = error(403, "Resource not accessible by integration");
        return Ok(denied.header("x-accepted-github-permissions", route.permission));
    }
    call.body = match &*request.body {
        [] => None,
        body => Some(serde_json::from_slice(body).map_err(|_| Breach::new(400, "Problems parsing JSON"))?),
    };
    match (route.does, repositories.get_mut(&name)) {
        (Does::Repository(does), Some(repository)) => does(repository, accounts, &call),
        (Does::Shown(does), Some(repository)) => Ok(does(repository, accounts, &call)),
        (Does::Account(does), _) => Ok(does(accounts, &call)),
        (_, None) => Ok(not_found()),
    }
}

impl World {
    /// The path with the repository's name, where it has `/repositories/{id}`.
    fn by_name(&self, path: &str) -> String {
        let numbered = path.strip_prefix("/repositories/").and_then(|rest| rest.split_once('/'));
        let named = numbered.and_then(|(number, rest)| {
            let has = |repository: &&Repository| id("repository", &repository.name).to_string() == number;
            Some(format!("/repos/{}/{rest}", self.repositories.values().find(has)?.name))
        });
        named.unwrap_or_else(|| path.to_owned())
    }
}

/// Whether what is granted lets somebody do what needs a permission: to write is to read as well.
fn suffices(granted: &str, needed: &str) -> bool {
    granted == needed || needed.strip_suffix("=read").is_some_and(|what| granted.strip_suffix("=write") == Some(what))
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

/// What the `{…}` of the pattern stand for in the path, decoded; `None` when it is another path.
fn parameters(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let mut seen = path.split('/');
    for part in pattern.split('/') {
        let segment = seen.next()?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => found.push((name, decoded(segment)?)),
            None if part == segment => {}
            _ => return None,
        }
    }
    seen.next().is_none().then_some(found)
}

/// A segment of a path without its percent-encoding.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(plain).ok()
}
