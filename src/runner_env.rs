//! The only reader of environment variables: the runner's own and the inputs.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use crate::{report::Run, secret::Secret};

/// The prefix of the variables that carry inputs: `PROMOTE_GATES_MAX_RATIO` is the input `max-ratio`.
pub const INPUT_PREFIX: &str = "PROMOTE_GATES_";

/// The input that is a path, or a text in which only some values are secret.
pub const KUBECONFIG: &str = "kubeconfig";

/// The variables that name the runner's command files: a program that writes there sets outputs of the step or the
/// environment of later steps. Source: GitHub's documentation, "Workflow commands".
const COMMAND_FILES: [&str; 5] = ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

/// The variables with which a job asks for a token that GitHub signs. A child that has them could sign what it likes.
pub const OIDC_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub const OIDC_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// The prefix of the variables with which actions reach the runner's own services, tokens among them.
const RUNNER_PREFIX: &str = "ACTIONS_";

/// How a job asks for a token that GitHub signs. The runner sets it in jobs with `permissions: id-token: write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcRequest {
    pub url: String,
    pub token: Secret,
}

/// The server of workflows, unless the runner names another.
pub const DEFAULT_SERVER: &str = "https://github.com";

/// The environment variables that are set and not empty. Source: GitHub's documentation, "Variables reference".
#[derive(Debug, Default)]
pub struct RunnerEnv {
    /// A runner reads the output.
    pub actions: bool,
    /// The runner's debug logging is on.
    pub debug: bool,
    pub event_name: Option<String>,
    pub event_path: Option<PathBuf>,
    pub repository: Option<String>,
    pub ref_name: Option<String>,
    /// The full ref: `refs/heads/main`.
    pub git_ref: Option<String>,
    /// The commit that started the workflow: on a pull request its merge commit.
    pub sha: Option<String>,
    /// The runner's name, as in the jobs of a workflow run.
    pub runner_name: Option<String>,
    pub actor: Option<String>,
    pub server_url: Option<String>,
    pub api_url: Option<String>,
    pub graphql_url: Option<String>,
    pub workspace: Option<PathBuf>,
    pub output: Option<PathBuf>,
    pub summary: Option<PathBuf>,
    pub runner_temp: Option<PathBuf>,
    pub run: Option<Run>,
    pub oidc: Option<OidcRequest>,
    /// The inputs that are not empty, by setting key (`max-ratio`).
    pub inputs: BTreeMap<String, String>,
    /// The variables that a child process with code from outside must not get: inputs (tokens among them) and the runner's
    /// command files.
    pub withheld: Vec<OsString>,
    /// Proxies and certificate authorities for HTTP clients, by variable.
    pub network: BTreeMap<String, String>,
    /// `RUST_LOG`.
    pub log_filter: Option<String>,
    /// Where kubectl looks for a kubeconfig: `KUBECONFIG`, and the home folder.
    pub kubeconfig: Option<String>,
    pub home: Option<PathBuf>,
    /// Host and port of the API server inside a pod.
    pub in_cluster: Option<(String, String)>,
    /// `PATH`, for child processes that inherit nothing else.
    pub search_path: Option<String>,
    /// The variables of the job, for the team's file of checks, which names those that it uses. Without inputs, command files and
    /// the runner's own tokens.
    pub variables: BTreeMap<String, Secret>,
}

impl RunnerEnv {
    /// The address of the GitHub server that the workflow runs on.
    #[must_use]
    pub fn server(&self) -> &str {
        self.server_url.as_deref().unwrap_or(DEFAULT_SERVER)
    }

    /// Reads the variables and skips those that are not UTF-8. A network variable stays, as an unusable value: to ignore it could
    /// widen what is trusted.
    pub fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables: Vec<(OsString, OsString)> = variables.into_iter().collect();
        let withheld = variables.iter().map(|(name, _)| name).filter(|name| is_withheld(name)).cloned().collect();
        let all: BTreeMap<String, String> = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                let lossy = is_network(&name).then(|| value.to_string_lossy().into_owned());
                Some((name, lossy.or_else(|| value.into_string().ok())?))
            })
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        let text = |name: &str| all.get(name).cloned();
        let path = |name: &str| all.get(name).map(PathBuf::from);
        let server_url = text("GITHUB_SERVER_URL");
        Self {
            actions: all.get("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            debug: all.get("RUNNER_DEBUG").is_some_and(|value| value == "1"),
            event_name: text("GITHUB_EVENT_NAME"),
            event_path: path("GITHUB_EVENT_PATH"),
            repository: text("GITHUB_REPOSITORY"),
            ref_name: text("GITHUB_REF_NAME"),
            git_ref: text("GITHUB_REF"),
            sha: text("GITHUB_SHA"),
            runner_name: text("RUNNER_NAME"),
            actor: text("GITHUB_ACTOR"),
            api_url: text("GITHUB_API_URL"),
            graphql_url: text("GITHUB_GRAPHQL_URL"),
            workspace: path("GITHUB_WORKSPACE"),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            runner_temp: path("RUNNER_TEMP"),
            run: run(&all, server_url.as_deref()),
            server_url,
            oidc: text(OIDC_URL).zip(text(OIDC_TOKEN)).map(|(url, token)| OidcRequest {
                url: url.trim().to_owned(),
                token: Secret::new(token.trim().to_owned()),
            }),
            inputs: all
                .iter()
                .filter_map(|(name, value)| {
                    let key = name.strip_prefix(INPUT_PREFIX)?;
                    Some((key.to_ascii_lowercase().replace('_', "-"), value.clone()))
                })
                .collect(),
            withheld,
            network: all
                .iter()
                .filter(|(name, _)| is_network(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            log_filter: text("RUST_LOG"),
            kubeconfig: text("KUBECONFIG"),
            home: path("HOME"),
            in_cluster: text("KUBERNETES_SERVICE_HOST").zip(text("KUBERNETES_SERVICE_PORT")),
            search_path: text("PATH"),
            variables: all
                .iter()
                .filter(|(name, _)| !is_withheld(OsStr::new(name)) && !name.starts_with(RUNNER_PREFIX))
                .map(|(name, value)| (name.clone(), Secret::new(value.clone())))
                .collect(),
        }
    }

    /// The environment of a local command: without the runner, its files and the inputs.
    #[must_use]
    pub fn local(self) -> Self {
        let Self { debug, log_filter, search_path, .. } = self;
        Self { debug, log_filter, search_path, ..Self::default() }
    }
}

fn is_withheld(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(INPUT_PREFIX.as_bytes()) || COMMAND_FILES.iter().any(|file| name == *file)
}

fn is_network(name: &str) -> bool {
    name.starts_with("SSL_CERT_") || name.to_ascii_lowercase().ends_with("_proxy")
}

/// Whether an input is a token. A test compares this with the types of the settings.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    key == "token" || key.ends_with("-token") || key == KUBECONFIG
}

/// Whether an input holds headers, one per line. A test compares this with the types of the settings.
#[must_use]
pub fn holds_headers(key: &str) -> bool {
    key == "headers" || key.ends_with("-headers")
}

/// The variable that carries an input.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{INPUT_PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"))
}

fn run(all: &BTreeMap<String, String>, server_url: Option<&str>) -> Option<Run> {
    let repository = all.get("GITHUB_REPOSITORY")?.clone();
    let id = all.get("GITHUB_RUN_ID")?.parse().ok()?;
    let attempt = all.get("GITHUB_RUN_ATTEMPT").and_then(|attempt| attempt.parse().ok()).unwrap_or(1);
    let server = server_url.unwrap_or(DEFAULT_SERVER).trim_end_matches('/');
    let url = format!("{server}/{repository}/actions/runs/{id}/attempts/{attempt}");
    Some(Run { repository, id, attempt, url, job: all.get("GITHUB_JOB").cloned().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn inputs_keep_their_names_and_empty_ones_are_skipped() {
        let read = RunnerEnv::read(
            [
                ("PROMOTE_GATES_MAX_RATIO", "1.3"),
                ("PROMOTE_GATES_SERVICE", " \n"),
                ("GITHUB_REPOSITORY", "acme/shop"),
                ("GITHUB_RUN_ID", "7"),
                ("GITHUB_RUN_ATTEMPT", "2"),
            ]
            .map(|(name, value)| (name.into(), value.into())),
        );
        assert_eq!(read.inputs.into_iter().collect::<Vec<_>>(), [("max-ratio".to_owned(), "1.3".to_owned())]);
        assert_eq!(read.run.unwrap().url, "https://github.com/acme/shop/actions/runs/7/attempts/2");
        assert_eq!(variable("max-ratio"), "PROMOTE_GATES_MAX_RATIO");
    }

    #[test]
    fn inputs_and_command_files_are_withheld_from_children() {
        let odd = OsString::from_vec(b"PROMOTE_GATES_\xff".to_vec());
        let names = ["GITHUB_OUTPUT", "PROMOTE_GATES_TOKEN", "Promote_Gates_X", "GITHUB_TOKEN", "PATH", "XGITHUB_ENV"];
        let read =
            RunnerEnv::read(names.map(OsString::from).into_iter().chain([odd.clone()]).map(|name| (name, "".into())));
        assert_eq!(read.withheld, ["GITHUB_OUTPUT".into(), "PROMOTE_GATES_TOKEN".into(), odd]);
    }

    #[test]
    fn the_variables_of_the_job_are_kept_without_those_of_the_runner() {
        let names =
            ["SHOP_TOKEN", "PROMOTE_GATES_TOKEN", "GITHUB_OUTPUT", "ACTIONS_RUNTIME_TOKEN", OIDC_TOKEN, "GITHUB_SHA"];
        let read = RunnerEnv::read(names.map(|name| (name.into(), "s3cr3t".into())));
        assert_eq!(read.variables.keys().collect::<Vec<_>>(), ["GITHUB_SHA", "SHOP_TOKEN"]);
        assert!(!format!("{:?}", read.variables).contains("s3cr3t"));
        assert!(read.local().variables.is_empty());
    }

    #[test]
    fn network_variables_are_kept_even_when_they_are_not_utf8() {
        let odd = || OsString::from_vec(b"/ca-\xff.pem".to_vec());
        let variables = [
            ("SSL_CERT_FILE", odd()),
            ("https_proxy", "http://p:1".into()),
            ("NO_PROXY", " ".into()),
            ("PROMOTE_GATES_SERVICE", odd()),
        ];
        let read = RunnerEnv::read(variables.map(|(name, value)| (name.into(), value)));
        let network: Vec<_> = read.network.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(network, [("SSL_CERT_FILE", "/ca-\u{fffd}.pem"), ("https_proxy", "http://p:1")]);
        assert!(read.inputs.is_empty());
    }
}
