//! A registry on loopback, and images in it: one layer with busybox, and a configuration that makes each image another one.

use std::{fs, path::Path};

use promote_gates::report::compact::hex_sha256;
use serde_json::{Value, json};
use ureq::http::{Method, Request};

use super::control_plane::{Daemon, tool, until};

/// Only the tests are in this network namespace, so the port is free.
pub const REGISTRY: &str = "127.0.0.1:5000";

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub struct Registry {
    _daemon: Daemon,
    layer: Value,
}

impl Registry {
    pub fn start(folder: &Path) -> Self {
        let config = folder.join("registry.yml");
        let text = include_str!("registry.yml")
            .replace("$FOLDER", &folder.display().to_string())
            .replace("$ADDRESS", REGISTRY);
        fs::write(&config, text).expect("a configuration");
        let arguments = ["serve".to_owned(), config.display().to_string()];
        let daemon = Daemon::start(&tool("PROMOTE_GATES_E2E_REGISTRY"), &arguments, &folder.join("registry.log"));
        let base = format!("http://{REGISTRY}/v2/");
        until("registry", || ureq::get(&base).config().proxy(None).build().call().is_ok().then_some(()));
        let layer = fs::read(tool("PROMOTE_GATES_E2E_LAYER")).expect("the layer");
        Self { _daemon: daemon, layer: described(LAYER, &layer) }
    }

    /// Pushes its own image; returns its digest. `content` distinguishes it from the others.
    pub fn push(&self, repository: &str, tag: &str, content: &str) -> String {
        let manifest = self.push_content(repository, content);
        put_manifest(repository, tag, MANIFEST, &manifest)
    }

    /// Pushes an index of one image and an attestation, as a build with provenance does; returns the digest of the index.
    pub fn push_index(&self, repository: &str, tag: &str, content: &str, attestation: &str) -> String {
        let manifest = self.push_content(repository, content);
        let attested = self.push_content(repository, attestation);
        let mut entries = Vec::new();
        for (manifest, architecture, os) in [(manifest, architecture(), "linux"), (attested, "unknown", "unknown")] {
            let digest = put_manifest(repository, &hex_sha256(&manifest)[..12], MANIFEST, &manifest);
            let size = manifest.len();
            let platform = json!({ "architecture": architecture, "os": os });
            entries.push(json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform }));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string();
        put_manifest(repository, tag, INDEX, index.as_bytes())
    }

    /// Pushes the layer and a configuration; returns their manifest.
    fn push_content(&self, repository: &str, content: &str) -> Vec<u8> {
        push_blob(repository, &fs::read(tool("PROMOTE_GATES_E2E_LAYER")).expect("the layer"));
        let config = json!({
            "architecture": architecture(), "os": "linux",
            "config": { "Cmd": ["sleep", "1000000"], "Env": ["PATH=/bin"], "Labels": { "content": content } },
            "rootfs": { "type": "layers", "diff_ids": [self.layer["digest"]] },
        });
        let config = config.to_string().into_bytes();
        push_blob(repository, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config), "layers": [self.layer],
        });
        manifest.to_string().into_bytes()
    }
}

const fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// The descriptor of a blob.
fn described(media_type: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len() })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex_sha256(bytes))
}

fn push_blob(repository: &str, blob: &[u8]) {
    let begun = send(Method::POST, &format!("http://{REGISTRY}/v2/{repository}/blobs/uploads/"), "", &[]);
    let location = begun.headers()["location"].to_str().expect("a URL");
    let separator = if location.contains('?') { '&' } else { '?' };
    let digest = digest(blob).replace(':', "%3A");
    send(Method::PUT, &format!("{location}{separator}digest={digest}"), "application/octet-stream", blob);
}

fn put_manifest(repository: &str, tag: &str, media_type: &str, manifest: &[u8]) -> String {
    send(Method::PUT, &format!("http://{REGISTRY}/v2/{repository}/manifests/{tag}"), media_type, manifest);
    digest(manifest)
}

fn send(method: Method, url: &str, content_type: &str, body: &[u8]) -> ureq::http::Response<ureq::Body> {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let request = Request::builder().method(method).uri(url).header("content-type", content_type).body(body);
    agent.run(request.expect("a request")).unwrap_or_else(|error| panic!("{url}: {error}"))
}
