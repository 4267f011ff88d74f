//! The only reader of the environment: what the runner tells, and the inputs.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use crate::{report::Run, world::secret::Secret};

/// The prefix of the variables that carry inputs: `max-ratio` travels as `PROMOTE_GATES_MAX_RATIO`.
pub const INPUT_PREFIX: &str = "PROMOTE_GATES_";

/// What the environment says, as far as it is set and not empty. Source: GitHub's documentation, "Variables reference".
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Whether a runner reads our output.
    pub actions: bool,
    /// Debug logging was asked for.
    pub debug: bool,
    pub event_name: Option<String>,
    pub event_path: Option<PathBuf>,
    pub repository: Option<String>,
    pub ref_name: Option<String>,
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
    /// What HTTP clients ask for: proxies and certificate authorities, under their names.
    pub network: BTreeMap<String, String>,
    /// `RUST_LOG`.
    pub log_filter: Option<String>,
}

impl Surroundings {
    /// Reads variables. Those that are not UTF-8 are left out: nothing of ours is. What the network needs stays, as something
    /// that cannot be used: without it, more would be trusted than was asked for.
    pub fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
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
            network: all
                .iter()
                .filter(|(name, _)| is_network(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            log_filter: text("RUST_LOG"),
        }
    }

    /// The secrets among the inputs, to be masked before anything else is printed.
    pub fn secrets(&self) -> impl Iterator<Item = Secret> {
        self.inputs.iter().filter(|(key, _)| is_secret(key)).map(|(_, value)| Secret::new(value.clone()))
    }
}

fn is_network(name: &str) -> bool {
    name.starts_with("SSL_CERT_") || name.to_ascii_lowercase().ends_with("_proxy")
}

/// Whether an input holds a token. The vocabulary's test holds this to the settings' types.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    key == "token" || key.ends_with("-token")
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
        let read = Surroundings::read(
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
    fn what_the_network_needs_is_kept_even_when_it_cannot_be_used() {
        let odd = || OsString::from_vec(b"/ca-\xff.pem".to_vec());
        let variables = [
            ("SSL_CERT_FILE", odd()),
            ("https_proxy", "http://p:1".into()),
            ("NO_PROXY", " ".into()),
            ("PROMOTE_GATES_SERVICE", odd()),
        ];
        let read = Surroundings::read(variables.map(|(name, value)| (name.into(), value)));
        let network: Vec<_> = read.network.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(network, [("SSL_CERT_FILE", "/ca-\u{fffd}.pem"), ("https_proxy", "http://p:1")]);
        assert!(read.inputs.is_empty());
    }
}
