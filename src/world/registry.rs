//! A registry of images, asked whether two digests are names of the same image, and whether a repository can be read.
//!
//! Sources: OCI distribution-spec v1.1; distribution's `docs/content/spec/auth/token.md` (the challenge).
//!
//! Only manifests and the first tag are read, and each manifest is checked against its digest. The token goes to the host of the image only, over https;
//! over http only on loopback.

mod access;
pub mod manifest;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256, Sha512};

pub use access::RegistryAccess;
use manifest::{DigestComparison, Manifest};

use super::{
    http::{Header, HttpClient, Request},
    url::Url,
};
use crate::{clock::Stopwatch, secret::Secret, subject::Image};

/// How long one comparison may take, with all its requests.
const TIME_LIMIT: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Manifests are limited to 4 MiB by most registries.
const MAX_MANIFEST: u64 = 4 << 20;
const MAX_PLATFORMS: usize = 32;
/// How the error of a refused login begins.
const LOGIN_REFUSED: &str = "the registry refused `registry-token`";
const DOCKER_HUB: &str = "docker.io";
const MANIFESTS: &str = "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// The repository of one image.
#[derive(Clone)]
pub struct Registry {
    http: HttpClient,
    /// `https://ghcr.io`, without a path.
    origin: String,
    repository: String,
    /// Hosts with ports that may get the token.
    trusted: Vec<String>,
    /// `user:token`, or a token alone.
    token: Secret,
}

impl Registry {
    #[must_use]
    pub fn new(http: HttpClient, image: &Image, token: Secret) -> Self {
        let (host, repository) = image.host_and_path();
        let is_loopback = format!("http://{host}").parse().is_ok_and(|url: Url| url.is_loopback());
        // Docker Hub has its own host for manifests, and one for tokens.
        let (host, hub) = match host.as_str() {
            DOCKER_HUB => ("registry-1.docker.io".to_owned(), Some("auth.docker.io:443".to_owned())),
            _ => (host, None),
        };
        let (scheme, port) = if is_loopback { ("http", 80) } else { ("https", 443) };
        let authority = if host.contains(':') { host.clone() } else { format!("{host}:{port}") };
        let trusted = [authority].into_iter().chain(hub).collect();
        Self { http, origin: format!("{scheme}://{host}"), repository, trusted, token }
    }

    /// Whether the repository can be read with this token, or with none if the token is empty. Blocks for at most 20 s.
    #[must_use]
    pub fn access(&self) -> RegistryAccess {
        let session = Session { registry: self, authorization: None, started: Stopwatch::start() };
        session.access().unwrap_or_else(RegistryAccess::Unknown)
    }

    /// Compares two digests of this repository. Blocks for at most 20 s.
    #[must_use]
    pub fn compare(&self, expected: &str, other: &str) -> DigestComparison {
        let session = Session { registry: self, authorization: None, started: Stopwatch::start() };
        session.compare(expected, other).unwrap_or_else(DigestComparison::Unknown)
    }
}

/// One comparison, or one question. Errors are reasons for the user.
struct Session<'a> {
    registry: &'a Registry,
    authorization: Option<Header>,
    started: Stopwatch,
}

impl Session<'_> {
    fn compare(mut self, expected: &str, other: &str) -> Result<DigestComparison, String> {
        let first = self.manifest(expected)?;
        if first.names(other) {
            return Ok(DigestComparison::Same);
        }
        let configs = self.configs(&first)?;
        if configs.values().any(|config| config == other) {
            return Ok(DigestComparison::Same);
        }
        let second = self.manifest(other)?;
        if second.names(expected) {
            return Ok(DigestComparison::Same);
        }
        let other_configs = self.configs(&second)?;
        let shared = configs.values().filter(|config| other_configs.values().any(|other| other == *config)).count();
        if shared == 0 {
            return Ok(DigestComparison::Different);
        }
        // A manifest without an index names no platform.
        let same_platforms = configs == other_configs || first.is_image() || second.is_image();
        if same_platforms && shared == configs.len() && shared == other_configs.len() {
            return Ok(DigestComparison::Same);
        }
        Err(format!("{expected} and {other} are the same image for some platforms only"))
    }

    /// Lists one tag, which needs the same right as a pull.
    fn access(mut self) -> Result<RegistryAccess, String> {
        let Registry { origin, repository, .. } = self.registry;
        let url = parse_url(&format!("{origin}/v2/{repository}/tags/list?n=1"))?;
        let mut response = self.get(url.clone(), None)?;
        if response.status == 401 {
            let challenge = response.header("www-authenticate").unwrap_or_default().to_owned();
            self.authorization = match self.answer(&challenge) {
                Err(error) if error.starts_with(LOGIN_REFUSED) => return Ok(RegistryAccess::Refused(error)),
                answer => answer?,
            };
            response = self.get(url, self.authorization.clone())?;
        }
        Ok(match response.status {
            200 => RegistryAccess::Readable,
            404 => RegistryAccess::Missing,
            status @ (401 | 403) => RegistryAccess::Refused(format!("the registry refused {repository} ({status})")),
            status => RegistryAccess::Unknown(format!("the registry answered {status} for {repository}")),
        })
    }

    /// The digests of the configurations by platform.
    fn configs(&mut self, manifest: &Manifest) -> Result<BTreeMap<String, String>, String> {
        if manifest.is_image() {
            return Ok(BTreeMap::from([(String::new(), manifest.image_config()?)]));
        }
        let platforms: Vec<_> = manifest.platforms().collect();
        if platforms.is_empty() || platforms.len() > MAX_PLATFORMS {
            return Err(format!("an index has {} platforms, expected 1 to {MAX_PLATFORMS}", platforms.len()));
        }
        let mut configs = BTreeMap::new();
        for descriptor in platforms {
            let config = self.manifest(&descriptor.digest)?.image_config()?;
            configs.insert(descriptor.platform.to_string(), config);
        }
        Ok(configs)
    }

    /// Fetches a manifest by its digest.
    fn manifest(&mut self, digest: &str) -> Result<Manifest, String> {
        let Registry { origin, repository, .. } = self.registry;
        let url = parse_url(&format!("{origin}/v2/{repository}/manifests/{digest}"))?;
        let mut response = self.get(url.clone(), self.authorization.clone())?;
        if let (401, None) = (response.status, &self.authorization) {
            let challenge = response.header("www-authenticate").unwrap_or_default().to_owned();
            self.authorization = self.answer(&challenge)?;
            response = self.get(url, self.authorization.clone())?;
        }
        match response.status {
            200 => {}
            404 => return Err(format!("the registry does not have {digest}")),
            401 | 403 => {
                return Err(format!(
                    "the registry refused {digest} ({}): see whether `registry-token` may read {repository}",
                    response.status
                ));
            }
            status => return Err(format!("the registry answered {status} for {digest}")),
        }
        if hash(digest, &response.body).as_deref() != Some(digest) {
            return Err(format!("the registry's manifest {digest} has another digest"));
        }
        serde_json::from_slice(&response.body).map_err(|_| format!("the registry's manifest {digest} cannot be read"))
    }

    /// The header that answers a challenge: `Basic realm="…"`, `Bearer realm="…",service="…",scope="…"`.
    fn answer(&self, challenge: &str) -> Result<Option<Header>, String> {
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return self.basic();
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err("the registry asks for neither `Basic` nor `Bearer` credentials".to_owned());
        }
        let parameters = challenge_parameters(parameters);
        let realm = parameters.get("realm").map(String::as_str).unwrap_or_default();
        let mut query = ::url::form_urlencoded::Serializer::new(String::new());
        for key in ["service", "scope"] {
            if let Some(value) = parameters.get(key) {
                query.append_pair(key, value);
            }
        }
        let separator = if realm.contains('?') { '&' } else { '?' };
        let url = parse_url(&format!("{realm}{separator}{}", query.finish()))?;
        let is_loopback = self.registry.origin.starts_with("http:");
        let is_trusted = self.registry.trusted.contains(&url.authority()) && (url.is_https() || is_loopback);
        if !is_trusted {
            let host = url.authority();
            return Err(format!(
                "the registry sends to {host} for a token, and `registry-token` goes to its own host only"
            ));
        }
        let response = self.get(url, self.basic()?)?;
        if response.status != 200 {
            return Err(format!("{LOGIN_REFUSED} ({})", response.status));
        }
        let answer: TokenAnswer =
            serde_json::from_slice(&response.body).map_err(|_| "the registry's token cannot be read".to_owned())?;
        let token = answer.token.or(answer.access_token).unwrap_or_default();
        header(&format!("Authorization: Bearer {token}")).map(Some)
    }

    /// `None` without a token: the registry is asked as by anyone.
    fn basic(&self) -> Result<Option<Header>, String> {
        let token = self.registry.token.expose();
        if token.is_empty() {
            return Ok(None);
        }
        // GitHub's registry and others ignore the user.
        let pair = if token.contains(':') { token.to_owned() } else { format!("token:{token}") };
        header(&format!("Authorization: Basic {}", BASE64_STANDARD.encode(pair))).map(Some)
    }

    fn get(&self, url: Url, authorization: Option<Header>) -> Result<super::http::Response, String> {
        let left = TIME_LIMIT.checked_sub(self.started.elapsed()).ok_or("the registry took too long")?;
        let mut request =
            Request::get(url).timeout(left.min(REQUEST_TIMEOUT)).max_body(MAX_MANIFEST).header(header(MANIFESTS)?);
        request.headers.extend(authorization);
        self.registry.http.fetch(&request).map_err(|error| format!("the registry: {error}"))
    }
}

/// The error does not quote the text, which may hold a token.
fn header(text: &str) -> Result<Header, String> {
    text.parse().map_err(|_| "the registry's credentials do not fit into a header".to_owned())
}

fn parse_url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("the registry's address: {error}"))
}

/// `key="value",key="value"`.
fn challenge_parameters(text: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches([',', ' ']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parameters.insert(key, value.to_owned());
        rest = after;
    }
    parameters
}

/// The digest of a body, by the algorithm of `digest`.
fn hash(digest: &str, body: &[u8]) -> Option<String> {
    let (algorithm, _) = digest.split_once(':')?;
    let bytes = match algorithm {
        "sha256" => Sha256::digest(body).to_vec(),
        "sha512" => Sha512::digest(body).to_vec(),
        _ => return None,
    };
    let mut text = format!("{algorithm}:");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}
