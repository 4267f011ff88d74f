//! Which inputs hold secrets: they are masked before anything else is printed.

use crate::{
    runner_env::{KUBECONFIG, RunnerEnv, holds_headers, is_secret},
    secret::Secret,
    world::{cluster, http},
};

/// The secrets among the inputs (tokens, the values of headers, the credentials in a kubeconfig), and the token with which the job
/// asks for one that GitHub signs.
pub fn secrets_of(runner_env: &RunnerEnv) -> impl Iterator<Item = Secret> {
    let inputs = &runner_env.inputs;
    let tokens = inputs
        .iter()
        .filter(|(key, _)| is_secret(key) && *key != KUBECONFIG)
        .map(|(_, value)| Secret::new(value.clone()));
    let headers = inputs.iter().filter(|(key, _)| holds_headers(key)).flat_map(|(_, value)| value.lines());
    let kubeconfigs = inputs.iter().filter(|(key, _)| *key == KUBECONFIG);
    let oidc = runner_env.oidc.iter().map(|request| request.token.clone());
    tokens
        .chain(oidc)
        .chain(headers.flat_map(http::header_secrets))
        .chain(kubeconfigs.flat_map(|(_, text)| cluster::secrets_of(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(inputs: &[(&str, &str)]) -> Vec<String> {
        let inputs = inputs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let runner_env = RunnerEnv { inputs, ..RunnerEnv::default() };
        let mut secrets: Vec<String> = secrets_of(&runner_env).map(|secret| secret.expose().to_owned()).collect();
        secrets.sort();
        secrets
    }

    #[test]
    fn tokens_and_header_values_are_secrets() {
        let secrets = secrets(&[
            ("token", "t0ken"),
            ("source-token", "s0urce"),
            ("headers", "Accept: text/plain\nX-Key: h1dden\r\n\n"),
            ("baseline-headers", "Authorization: Bearer b4se"),
            ("tag", "1.4.2"),
        ]);
        assert_eq!(secrets, ["Bearer b4se", "b4se", "h1dden", "s0urce", "t0ken"]);
    }

    #[test]
    fn the_secrets_in_a_kubeconfig_are_secrets_also_in_base64() {
        // users: [{name: u, user: {token: s3cr3t-token}}]
        let encoded = "dXNlcnM6IFt7bmFtZTogdSwgdXNlcjoge3Rva2VuOiBzM2NyM3QtdG9rZW59fV0K";
        assert_eq!(secrets(&[("kubeconfig", encoded)]), [encoded, "s3cr3t-token"]);
        assert_eq!(secrets(&[("kubeconfig", "users:\n- user: {token: s3cr3t-token}\n")]), ["s3cr3t-token"]);
        assert_eq!(secrets(&[("kubeconfig", "~/.kube/config")]), [""; 0]);
    }
}
