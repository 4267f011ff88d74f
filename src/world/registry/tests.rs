use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::{
    sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest},
    world::network::Network,
};

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A registry on loopback with these manifests.
struct FakeRegistry {
    server: LoopbackServer,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Auth {
    None,
    Basic,
    Bearer,
}

/// What `user:s3cr3t` is on the wire.
const BASIC: &str = "Basic dXNlcjpzM2NyM3Q=";

impl FakeRegistry {
    /// `realm` is where tokens are given out, if not here.
    fn start(manifests: &[&Value], auth: Auth, realm: Option<String>) -> Self {
        let bodies: BTreeMap<String, String> =
            manifests.iter().map(|manifest| (digest_of(manifest), manifest.to_string())).collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let server = LoopbackServer::start(move |request| {
            kept.lock().unwrap().push(request.clone());
            let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            let authorization = header("authorization").unwrap_or_default();
            if request.path == "/token" {
                let is_right = authorization == BASIC && request.query == "service=fake&scope=repository%3Ashop%3Apull";
                return if is_right {
                    FakeResponse::json(200, &json!({ "token": "short-lived" }))
                } else {
                    FakeResponse::status(403)
                };
            }
            let host = header("host").unwrap();
            let realm = realm.clone().unwrap_or_else(|| format!("http://{host}/token"));
            let bearer = format!(r#"Bearer realm="{realm}",service="fake",scope="repository:shop:pull""#);
            match auth {
                Auth::Basic if authorization != BASIC => {
                    return FakeResponse::status(401).header("www-authenticate", "Basic realm=\"fake\"");
                }
                Auth::Bearer if authorization != "Bearer short-lived" => {
                    return FakeResponse::status(401).header("www-authenticate", &bearer);
                }
                _ => {}
            }
            let digest = request.path.strip_prefix("/v2/acme/shop/manifests/").unwrap_or_default();
            match bodies.get(digest) {
                Some(body) => FakeResponse::text(200, "application/json", body.clone()),
                None => FakeResponse::status(404),
            }
        })
        .unwrap();
        Self { server, requests }
    }

    fn registry(&self, token: &str) -> Registry {
        let image = format!("{}/acme/shop", self.server.url().strip_prefix("http://").unwrap()).parse().unwrap();
        Registry::new(HttpClient::new(Network::default()), &image, Secret::new(token.to_owned()))
    }

    fn compare(&self, expected: &Value, other: &Value) -> DigestComparison {
        self.registry("user:s3cr3t").compare(&digest_of(expected), &digest_of(other))
    }
}

fn digest_of(manifest: &Value) -> String {
    hash("sha256:", manifest.to_string().as_bytes()).unwrap()
}

fn config_digest(name: &str) -> String {
    hash("sha256:", name.as_bytes()).unwrap()
}

fn image(config: &str, more: &str) -> Value {
    json!({ "config": { "mediaType": OCI_CONFIG, "digest": config_digest(config) }, "annotations": { "built": more } })
}

fn index(platforms: &[(&str, &Value)]) -> Value {
    let entry = |(architecture, manifest): &(&str, &Value)| {
        let os = if *architecture == "unknown" { "unknown" } else { "linux" };
        json!({ "digest": digest_of(manifest), "platform": { "os": os, "architecture": architecture } })
    };
    json!({ "manifests": platforms.iter().map(entry).collect::<Vec<_>>() })
}

#[test]
fn digests_are_of_one_image_if_an_index_holds_the_other_or_all_configurations_are_equal() {
    let (amd, arm) = (image("amd", ""), image("arm", ""));
    let (rebuilt_amd, rebuilt_arm) = (image("amd", "again"), image("arm", "again"));
    let (first, second) = (image("attestation", "1"), image("attestation", "2"));
    let both = index(&[("amd64", &amd), ("arm64", &arm), ("unknown", &first)]);
    let rebuilt = index(&[("amd64", &rebuilt_amd), ("arm64", &rebuilt_arm), ("unknown", &second)]);
    let only_amd = index(&[("amd64", &rebuilt_amd), ("unknown", &second)]);
    let swapped = index(&[("arm64", &rebuilt_amd), ("amd64", &rebuilt_arm)]);
    let new = index(&[("amd64", &image("new amd", "")), ("arm64", &image("new arm", "")), ("unknown", &first)]);
    let (new_amd, new_arm) = (image("new amd", ""), image("new arm", ""));
    let chart = |more: &str| json!({ "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config_digest("") }, "more": more });
    let (one_chart, other_chart) = (chart("1"), chart("2"));
    let empty = index(&[("unknown", &first)]);
    let all = [
        &amd,
        &arm,
        &rebuilt_amd,
        &rebuilt_arm,
        &first,
        &second,
        &both,
        &rebuilt,
        &only_amd,
        &swapped,
        &new,
        &new_amd,
        &new_arm,
        &one_chart,
        &other_chart,
        &empty,
    ];
    let fake = FakeRegistry::start(&all, Auth::None, None);
    for (expected, other, same) in [
        (&both, &amd, Some(true)),
        (&amd, &both, Some(true)),
        (&both, &rebuilt, Some(true)),
        (&amd, &rebuilt_amd, Some(true)),
        (&only_amd, &amd, Some(true)),
        (&amd, &only_amd, Some(true)),
        (&both, &new, Some(false)),
        (&amd, &arm, Some(false)),
        (&both, &only_amd, None),
        (&amd, &rebuilt, None),
        (&both, &swapped, None),
        // An attestation is no image, and is part of no image.
        (&both, &first, Some(false)),
        (&one_chart, &other_chart, None),
        (&both, &empty, None),
    ] {
        let found = match fake.compare(expected, other) {
            DigestComparison::Same => Some(true),
            DigestComparison::Different => Some(false),
            DigestComparison::Unknown(_) => None,
        };
        assert_eq!(found, same, "{expected}\n{other}");
    }
    // Some runtimes report the digest of the configuration only.
    let of_config = fake.registry("t").compare(&digest_of(&both), &config_digest("arm"));
    assert_eq!(of_config, DigestComparison::Same);
    let unknown = fake.registry("t").compare(&digest_of(&both), &config_digest("new arm"));
    assert_eq!(unknown, DigestComparison::Unknown(format!("the registry does not have {}", config_digest("new arm"))));
}

#[test]
fn a_manifest_with_another_digest_is_no_answer() {
    let (amd, forged) = (image("amd", ""), image("forged", ""));
    let body = forged.to_string();
    let server = LoopbackServer::start(move |_| FakeResponse::text(200, "application/json", body.clone())).unwrap();
    let fake = FakeRegistry { server, requests: Arc::default() };
    let DigestComparison::Unknown(reason) = fake.compare(&amd, &forged) else { panic!("it was believed") };
    assert_eq!(reason, format!("the registry's manifest {} has another digest", digest_of(&amd)));
}

#[test]
fn the_token_answers_a_challenge_of_the_registry_itself_only() {
    let (one, other) = (image("amd", "1"), image("amd", "2"));
    for auth in [Auth::Basic, Auth::Bearer] {
        let fake = FakeRegistry::start(&[&one, &other], auth, None);
        assert_eq!(fake.compare(&one, &other), DigestComparison::Same, "{auth:?}");
        let first = fake.requests.lock().unwrap().remove(0);
        assert!(first.headers.get("authorization").is_none(), "no token before a challenge");
        let DigestComparison::Unknown(reason) =
            fake.registry("user:wrong").compare(&digest_of(&one), &digest_of(&other))
        else {
            panic!("{auth:?}")
        };
        assert!(reason.contains("refused") && reason.contains("`registry-token`"), "{reason}");
        assert!(!reason.contains("wrong") && !reason.contains("short-lived"), "{reason}");
    }
    let elsewhere = FakeRegistry::start(&[], Auth::None, None);
    for realm in [format!("{}/token", elsewhere.server.url()), "https://tokens.example/".to_owned(), String::new()] {
        let fake = FakeRegistry::start(&[&one, &other], Auth::Bearer, Some(realm.clone()));
        let DigestComparison::Unknown(reason) = fake.compare(&one, &other) else { panic!("{realm}") };
        assert!(reason.contains("its own host only") || realm.is_empty(), "{reason}");
        assert_eq!(fake.requests.lock().unwrap().len(), 1);
    }
    assert!(elsewhere.requests.lock().unwrap().is_empty());
}

#[test]
fn a_registry_is_asked_over_https_except_on_loopback() {
    for (image, origin, repository, trusted) in [
        ("ghcr.io/acme/shop", "https://ghcr.io", "acme/shop", vec!["ghcr.io:443"]),
        ("registry.example:5000/shop", "https://registry.example:5000", "shop", vec!["registry.example:5000"]),
        (
            "nginx",
            "https://registry-1.docker.io",
            "library/nginx",
            vec!["registry-1.docker.io:443", "auth.docker.io:443"],
        ),
        (
            "index.docker.io/a/b",
            "https://registry-1.docker.io",
            "a/b",
            vec!["registry-1.docker.io:443", "auth.docker.io:443"],
        ),
        ("localhost/shop", "http://localhost", "shop", vec!["localhost:80"]),
        ("127.0.0.1:5000/a/b", "http://127.0.0.1:5000", "a/b", vec!["127.0.0.1:5000"]),
        ("localhost.example/shop", "https://localhost.example", "shop", vec!["localhost.example:443"]),
        ("127.example/shop", "https://127.example", "shop", vec!["127.example:443"]),
    ] {
        let http = HttpClient::new(Network::default());
        let registry = Registry::new(http, &image.parse().unwrap(), Secret::new("t".to_owned()));
        assert_eq!((registry.origin.as_str(), registry.repository.as_str()), (origin, repository), "{image}");
        assert_eq!(registry.trusted, trusted);
    }
}
