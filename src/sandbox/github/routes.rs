//! The routes, and the checks that come before each: headers, authentication, visibility, permission.

use hyper::{Method, header};

use super::{
    accounts, approvals, branches,
    call::ApiCall,
    checks, comments, commits, contents, dispatches, environments,
    errors::{ContractViolation, error, not_found},
    format::{GRAPHQL, id, now},
    git_data, graphql, issues, jobs,
    paths::match_path,
    policies, pull_merges, pulls,
    records::{FakeAccounts, FakeGitHubData, FakeRepository},
    refs, repositories, runs, settings,
    state::FakeGitHubState,
    statuses,
    tokens::{suffices, token},
};
use crate::sandbox::server::{FakeResponse, ReceivedRequest};

/// The API version whose rules the fake enforces.
const API_VERSION: &str = "2022-11-28";
/// The query names of lists.
const PAGES: &[&str] = &["per_page", "page"];
const RUNS: &[&str] = &["event", "created", "per_page", "page"];
const PULLS: &[&str] = &["state", "head", "base", "sort", "direction", "per_page", "page"];
const ISSUES: &[&str] = &["state", "labels", "since", "sort", "direction", "creator", "per_page", "page"];

/// A route of the API, as GitHub's description has it.
pub struct ApiRoute {
    pub method: Method,
    /// `{…}` matches one segment, and `{ref}` or `{path}` at the end all that follow: GitHub's description calls them
    /// `x-multi-segment`.
    pub path: &'static str,
    /// The permission that the token needs: `contents=write`; empty if the route needs no token.
    pub permission: &'static str,
    /// The query names that the route accepts.
    query: &'static [&'static str],
    handler: Handler,
}

#[derive(Clone, Copy)]
enum Handler {
    /// Reads or changes a repository that the token can see; the request can violate the API description.
    ChangeRepository(fn(&mut FakeRepository, &mut FakeAccounts, &ApiCall) -> Result<FakeResponse, ContractViolation>),
    /// Reads a repository; no request on this route violates the API description.
    ReadRepository(fn(&FakeRepository, &FakeAccounts, &ApiCall) -> FakeResponse),
    /// Reads a user or a team.
    ReadAccount(fn(&FakeAccounts, &ApiCall) -> FakeResponse),
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
    handler: Handler,
) -> ApiRoute {
    ApiRoute { method, path, permission, query, handler }
}

/// Every route of the fake GitHub.
const ROUTES: &[ApiRoute] = &[
    route(Method::GET, below!(""), "metadata=read", &[], Handler::ReadRepository(repositories::get)),
    route(Method::POST, below!("/dispatches"), "contents=write", &[], Handler::ChangeRepository(dispatches::create)),
    route(Method::GET, below!("/actions/runs"), "actions=read", RUNS, Handler::ChangeRepository(runs::list)),
    route(
        Method::GET,
        below!("/actions/workflows/{workflow_id}/runs"),
        "actions=read",
        RUNS,
        Handler::ChangeRepository(runs::list_for_workflow),
    ),
    route(Method::GET, below!("/actions/runs/{run_id}"), "actions=read", &[], Handler::ChangeRepository(runs::get)),
    route(
        Method::GET,
        below!("/actions/runs/{run_id}/attempts/{attempt_number}"),
        "actions=read",
        &[],
        Handler::ChangeRepository(runs::get_attempt),
    ),
    route(
        Method::GET,
        below!("/actions/runs/{run_id}/attempts/{attempt_number}/jobs"),
        "actions=read",
        PAGES,
        Handler::ChangeRepository(jobs::list_for_attempt),
    ),
    route(
        Method::GET,
        below!("/actions/runs/{run_id}/approvals"),
        "actions=read",
        &[],
        Handler::ChangeRepository(approvals::list_for_run),
    ),
    route(
        Method::GET,
        below!("/check-runs/{check_run_id}/annotations"),
        "checks=read",
        PAGES,
        Handler::ChangeRepository(checks::list_annotations),
    ),
    route(
        Method::GET,
        below!("/compare/{basehead}"),
        "contents=read",
        PAGES,
        Handler::ChangeRepository(commits::compare),
    ),
    // Before the route of a commit, whose name may have slashes.
    route(
        Method::GET,
        below!("/commits/{ref}/statuses"),
        "statuses=read",
        PAGES,
        Handler::ChangeRepository(statuses::list),
    ),
    route(Method::POST, below!("/statuses/{sha}"), "statuses=write", &[], Handler::ChangeRepository(statuses::create)),
    route(Method::GET, below!("/commits/{ref}"), "contents=read", PAGES, Handler::ChangeRepository(commits::get)),
    route(Method::GET, below!("/contents/{path}"), "contents=read", &["ref"], Handler::ReadRepository(contents::get)),
    route(Method::PUT, below!("/contents/{path}"), "contents=write", &[], Handler::ChangeRepository(contents::put)),
    route(Method::GET, below!("/git/ref/{ref}"), "contents=read", &[], Handler::ReadRepository(refs::get)),
    route(Method::POST, below!("/git/trees"), "contents=write", &[], Handler::ChangeRepository(git_data::create_tree)),
    route(
        Method::POST,
        below!("/git/commits"),
        "contents=write",
        &[],
        Handler::ChangeRepository(git_data::create_commit),
    ),
    route(
        Method::PATCH,
        below!("/git/refs/{ref}"),
        "contents=write",
        &[],
        Handler::ChangeRepository(git_data::update_ref),
    ),
    route(Method::GET, below!("/git/tags/{tag_sha}"), "contents=read", &[], Handler::ReadRepository(refs::get_tag)),
    route(
        Method::GET,
        below!("/branches"),
        "contents=read",
        &["protected", "per_page", "page"],
        Handler::ChangeRepository(branches::list),
    ),
    route(
        Method::GET,
        below!("/branches/{branch}"),
        "contents=read",
        &[],
        Handler::ReadRepository(settings::get_branch),
    ),
    route(
        Method::GET,
        below!("/branches/{branch}/protection/required_signatures"),
        "administration=read",
        &[],
        Handler::ReadRepository(settings::get_signatures),
    ),
    route(
        Method::GET,
        below!("/rules/branches/{branch}"),
        "metadata=read",
        PAGES,
        Handler::ChangeRepository(settings::list_rules),
    ),
    route(
        Method::GET,
        below!("/collaborators/{username}/permission"),
        "metadata=read",
        &[],
        Handler::ReadRepository(settings::get_user_permission),
    ),
    route(
        Method::GET,
        below!("/actions/permissions/workflow"),
        "administration=read",
        &[],
        Handler::ReadRepository(settings::workflow_permissions),
    ),
    route(
        Method::GET,
        below!("/actions/secrets"),
        "secrets=read",
        PAGES,
        Handler::ChangeRepository(settings::list_secrets),
    ),
    route(
        Method::GET,
        below!("/actions/organization-secrets"),
        "secrets=read",
        PAGES,
        Handler::ChangeRepository(settings::list_organisation_secrets),
    ),
    route(
        Method::GET,
        below!("/environments/{environment_name}/secrets"),
        "environments=read",
        PAGES,
        Handler::ChangeRepository(settings::list_environment_secrets),
    ),
    route(Method::GET, below!("/environments"), "actions=read", PAGES, Handler::ChangeRepository(environments::list)),
    route(
        Method::GET,
        below!("/environments/{environment_name}"),
        "actions=read",
        &[],
        Handler::ReadRepository(environments::get),
    ),
    route(
        Method::PUT,
        below!("/environments/{environment_name}"),
        "administration=write",
        &[],
        Handler::ChangeRepository(environments::put),
    ),
    route(
        Method::GET,
        below!("/environments/{environment_name}/deployment-branch-policies"),
        "actions=read",
        PAGES,
        Handler::ChangeRepository(policies::list),
    ),
    route(
        Method::POST,
        below!("/environments/{environment_name}/deployment-branch-policies"),
        "administration=write",
        &[],
        Handler::ChangeRepository(policies::create),
    ),
    route(
        Method::DELETE,
        below!("/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}"),
        "administration=write",
        &[],
        Handler::ChangeRepository(policies::delete),
    ),
    route(Method::GET, below!("/issues"), "issues=read", ISSUES, Handler::ChangeRepository(issues::list)),
    route(Method::POST, below!("/issues"), "issues=write", &[], Handler::ChangeRepository(issues::create)),
    route(
        Method::PATCH,
        below!("/issues/{issue_number}"),
        "issues=write",
        &[],
        Handler::ChangeRepository(issues::update),
    ),
    route(Method::GET, below!("/pulls"), "pull_requests=read", PULLS, Handler::ChangeRepository(pulls::list)),
    route(Method::POST, below!("/pulls"), "pull_requests=write", &[], Handler::ChangeRepository(pulls::create)),
    route(
        Method::GET,
        below!("/pulls/{pull_number}"),
        "pull_requests=read",
        &[],
        Handler::ChangeRepository(pulls::get),
    ),
    route(
        Method::PUT,
        below!("/pulls/{pull_number}/merge"),
        "contents=write",
        &[],
        Handler::ChangeRepository(pull_merges::merge),
    ),
    route(
        Method::PATCH,
        below!("/pulls/{pull_number}"),
        "pull_requests=write",
        &[],
        Handler::ChangeRepository(pulls::update),
    ),
    route(
        Method::POST,
        below!("/issues/{issue_number}/labels"),
        "pull_requests=write",
        &[],
        Handler::ChangeRepository(pulls::add_labels),
    ),
    route(
        Method::GET,
        below!("/issues/{issue_number}/comments"),
        "pull_requests=read",
        PAGES,
        Handler::ChangeRepository(comments::list),
    ),
    route(
        Method::POST,
        below!("/issues/{issue_number}/comments"),
        "pull_requests=write",
        &[],
        Handler::ChangeRepository(comments::create),
    ),
    route(
        Method::PATCH,
        below!("/issues/comments/{comment_id}"),
        "pull_requests=write",
        &[],
        Handler::ChangeRepository(comments::update),
    ),
    route(
        Method::DELETE,
        below!("/issues/comments/{comment_id}"),
        "pull_requests=write",
        &[],
        Handler::ChangeRepository(comments::delete),
    ),
    route(Method::GET, "/orgs/{org}", "", &[], Handler::ReadAccount(settings::get_organisation)),
    route(
        Method::GET,
        "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}",
        "members=read",
        &[],
        Handler::ReadRepository(settings::get_team_access),
    ),
    route(Method::GET, "/orgs/{org}/teams/{team_slug}", "members=read", &[], Handler::ReadAccount(accounts::get_team)),
    route(Method::GET, "/users/{username}", "", &[], Handler::ReadAccount(accounts::get_user)),
];

/// Every route of the fake GitHub.
#[must_use]
pub fn routes() -> &'static [ApiRoute] {
    ROUTES
}

/// Finds the route of a request, checks the request, and calls the route's handler. `prefix` precedes the API's paths.
pub fn respond(
    state: &mut FakeGitHubState,
    request: &ReceivedRequest,
    prefix: &str,
    path: &str,
) -> Result<FakeResponse, ContractViolation> {
    check_headers(request)?;
    if path == GRAPHQL {
        return graphql::respond(state, request);
    }
    let path = with_repository_name(&state.data, path);
    let mut at_path = ROUTES.iter().filter_map(|route| Some((route, match_path(route.path, &path)?)));
    let found = at_path.find(|(route, _)| route.method == request.method);
    let Some((route, parameters)) = found else { return Err(ContractViolation::new(404, "Not Found")) };
    let query: Vec<(String, String)> = url::form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
    if let Some((name, _)) = query.iter().find(|(name, _)| !route.query.contains(&name.as_str())) {
        return Err(ContractViolation::new(422, format!("No query {name:?} is known here, saw {:?}", request.query)));
    }
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let mut call = ApiCall {
        api: format!("http://{host}{prefix}"),
        path,
        parameters,
        query,
        body: None,
        now: now(),
        granted: Vec::new(),
        account: state.account(token(request)),
    };

    let grants = match token(request) {
        None if route.permission.is_empty() => None,
        None => return Ok(error(401, "Requires authentication")),
        Some(token) => match state.tokens.get(token) {
            None => return Ok(error(401, "Bad credentials")),
            grants => grants,
        },
    };
    let FakeGitHubData { repositories, renamed, accounts } = &mut state.data;
    let name = format!("{}/{}", call.parameter("owner"), call.parameter("repo")).to_lowercase();
    // GitHub's links to other pages contain the repository's id, not its name.
    let rest = call.path.splitn(5, '/').nth(4).unwrap_or_default();
    if let Some(new_name) = renamed.get(&name) {
        return Ok(repositories::moved(&format!("{}/repositories/{}/{rest}", call.api, id("repository", new_name))));
    }
    call.path = format!("/repositories/{}/{rest}", id("repository", &name));
    let granted: Vec<&str> = if let Handler::ReadAccount(_) = route.handler {
        let owner = format!("{}/", call.parameter("org").to_lowercase());
        let of_owner = grants.into_iter().flatten().filter(|(repository, _)| repository.starts_with(&owner));
        of_owner.flat_map(|(_, granted)| granted).map(String::as_str).collect()
    } else {
        // GitHub answers 404, not 403, for a repository that the token cannot see.
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
    call.granted = granted.iter().map(|&granted| granted.to_owned()).collect();
    call.body = match &*request.body {
        [] => None,
        body => Some(serde_json::from_slice(body).map_err(|_| ContractViolation::new(400, "Problems parsing JSON"))?),
    };
    match (route.handler, repositories.get_mut(&name)) {
        (Handler::ChangeRepository(handle), Some(repository)) => handle(repository, accounts, &call),
        (Handler::ReadRepository(handle), Some(repository)) => Ok(handle(repository, accounts, &call)),
        (Handler::ReadAccount(handle), _) => Ok(handle(accounts, &call)),
        (_, None) => Ok(not_found()),
    }
}

/// Replaces `/repositories/{id}` in a path by the repository's name.
fn with_repository_name(data: &FakeGitHubData, path: &str) -> String {
    let named = path.strip_prefix("/repositories/").and_then(|rest| {
        let end = rest.find('/').unwrap_or(rest.len());
        let (number, rest) = rest.split_at(end);
        let has_number = |repository: &&FakeRepository| id("repository", &repository.name).to_string() == number;
        Some(format!("/repos/{}{rest}", data.repositories.values().find(has_number)?.name))
    });
    named.unwrap_or_else(|| path.to_owned())
}

/// Checks the headers that GitHub requires (user agent), and those that clients get wrong (version, encoding).
fn check_headers(request: &ReceivedRequest) -> Result<(), ContractViolation> {
    let header = |name| request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if header("user-agent").is_none_or(|agent| agent.trim().is_empty()) {
        return Err(ContractViolation::new(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        ));
    }
    if let Some(version) = header("x-github-api-version").filter(|version| version != API_VERSION) {
        return Err(ContractViolation::new(400, format!("Unknown API version {version}")));
    }
    match header("content-type") {
        Some(kind) if !request.body.is_empty() && !kind.starts_with("application/json") => {
            Err(ContractViolation::new(415, format!("The body is {kind}, expected application/json")))
        }
        _ => Ok(()),
    }
}
