//! The only reader of the environment: what the runner tells, and the inputs.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use crate::report::Run;

/// The prefix of the variables that carry inputs: `max-ratio` travels as `PROMOTE_GATES_MAX_RATIO`.
pub const INPUT_PREFIX: &str = "PROMOTE_GATES_";

/// The input that holds secrets among what may be known, or is only a path.
pub const KUBECONFIG: &str = "kubeconfig";

/// The variables that name the runner's files of commands: whoever writes there sets outputs of the step, or the
/// environment of those that follow. Source: GitHub's documentation, "Workflow commands".
const COMMAND_FILES: [&str; 5] = ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

/// What the environment says, as far as it is set and not empty. Source: GitHub's documentation, "Variables reference".
#[derive(Debug, Default)]
pub struct RunnerEnv {
    /// Whether a runner reads our output.
    pub actions: bool,
    /// Debug logging was asked for.
    pub debug: bool,
    pub event_name: Option<String>,
    pub event_path: Option<PathBuf>,
    pub repository: Option<String>,
    pub ref_name: Option<String>,
    /// The full one: `refs/heads/main`.
    pub git_ref: Option<String>,
    /// The runner's name, as the jobs of a workflow run tell it.
    pub runner_name: Option<String>,
    pub actor: Option<String>,
    pub server_url: Option<String>,
    pub api_url: Option<String>,
    pub workspace: Option<PathBuf>,
    pub output: Option<PathBuf>,
    pub summary: Option<PathBuf>,
    pub runner_temp: Option<PathBuf>,
    pub run: Option<Run>,
    /// Inputs by setting key (`max-ratio`), with those that are not empty.
    pub inputs: BTreeMap<String, String>,
    /// Names of the variables that are not for a child that runs foreign code: inputs, tokens among them, and the runner's
    /// files of commands.
    pub withheld: Vec<OsString>,
    /// What HTTP clients ask for: proxies and certificate authorities, under their names.
    pub network: BTreeMap<String, String>,
    /// `RUST_LOG`.
    pub log_filter: Option<String>,
    /// Where kubectl looks for a kubeconfig: `KUBECONFIG`, and the home folder.
    pub kubeconfig: Option<String>,
    pub home: Option<PathBuf>,
    /// Host and port of the API server, as every pod is told.
    pub in_cluster: Option<(String, String)>,
    /// `PATH`, for children that get nothing else of ours.
    pub search_path: Option<String>,
}

impl RunnerEnv {
    /// Reads variables. Those that are not UTF-8 are left out: nothing of ours is. What the network needs stays, as something
    /// that cannot be used: without it, more would be trusted than was asked for.
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
            runner_name: text("RUNNER_NAME"),
            actor: text("GITHUB_ACTOR"),
            api_url: text("GITHUB_API_URL"),
            workspace: path("GITHUB_WORKSPACE"),
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            runner_temp: path("RUNNER_TEMP"),
            run: run(&all, server_url.as_deref()),
            server_url,
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
        }
    }

    /// What is left for a command that plays at home: nothing of the runner, its files and the inputs included.
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

/// Whether an input holds a token. The vocabulary's test holds this to the settings' types.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    key == "token" || key.ends_with("-token") || key == KUBECONFIG
}

/// Whether an input holds headers, one a line. The vocabulary's test holds this to the settings' types.
#[must_use]
pub fn holds_headers(key: &str) -> bool {
    key == "headers" || key.ends_with("-headers")
}

/// The name of the variable that carries an input.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{INPUT_PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"))
}

fn run(all: &BTreeMap<String, String>, server_url: Option<&str>) -> Option<Run> {
    let repository = all.get("GITHUB_REPOSITORY")?.clone();
    let id = all.get("GITHUB_RUN_ID")?.parse().ok()?;
    let attempt = all.get("GITHUB_RUN_ATTEMPT").and_then(|attempt| attempt.parse().ok()).unwrap_or(1);
    let server = server_url.unwrap_or("https://github.com").trim_end_matches('/');
    let url = format!("{server}/{repository}/actions/runs/{id}/attempts/{attempt}");
    Some(Run { repository, id, attempt, url, job: all.get("GITHUB_JOB").cloned().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn inputs_keep_their_names_and_empty_ones_are_absent() {
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
    fn what_holds_tokens_or_takes_commands_is_withheld_whatever_it_holds() {
        let odd = OsString::from_vec(b"PROMOTE_GATES_\xff".to_vec());
        let names = ["GITHUB_OUTPUT", "PROMOTE_GATES_TOKEN", "Promote_Gates_X", "GITHUB_TOKEN", "PATH", "XGITHUB_ENV"];
        let read =
            RunnerEnv::read(names.map(OsString::from).into_iter().chain([odd.clone()]).map(|name| (name, "".into())));
        assert_eq!(read.withheld, ["GITHUB_OUTPUT".into(), "PROMOTE_GATES_TOKEN".into(), odd]);
    }

    #[test]
    fn what_the_network_needs_is_kept_even_when_it_cannot_be_used() {
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
