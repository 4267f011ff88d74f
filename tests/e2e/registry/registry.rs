//! A registry that asks for a password: docker-registry on loopback, with an nginx in front of it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use promote_gates::report::compact::hex_sha256;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::http::{Method, Request, Response};

use super::nginx::Nginx;

/// As `registry-token` takes it.
pub const PASSWORD: &str = "robot:r3gistry-s3cr3t";

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub struct Registry {
    /// The host and the port of nginx.
    pub host: String,
    _nginx: Nginx,
    shell: Child,
    _folder: TempDir,
}

impl Registry {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let config = folder.path().join("registry.yml");
        let text = json!({
            "version": 0.1,
            "log": { "level": "info", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("data") } },
            "http": { "addr": format!("127.0.0.1:{port}"), "secret": "s", "relativeurls": true },
        });
        fs::write(&config, text.to_string()).expect("a configuration");
        // The shell ends the registry when the pipe closes, which happens even if the tests are killed.
        let script = r#""$@" </dev/null 2>&1 & cat >/dev/null; kill $!; wait"#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(program())
            .arg("serve")
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(shell.stdout.take().expect("piped")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("listening on")), "the registry starts");
        // Reads to the end, so that the registry never blocks on a full pipe.
        thread::spawn(move || lines.for_each(drop));
        let nginx = Nginx::serving(&[&format!(
            "location / {{ auth_basic registry; auth_basic_user_file @folder/password; client_max_body_size 0;
               proxy_set_header Host $http_host; proxy_pass http://127.0.0.1:{port}; }}"
        )]);
        nginx.put("password", &PASSWORD.replace(':', ":{PLAIN}"));
        let registry = Self { host: format!("127.0.0.1:{}", nginx.port(0)), _nginx: nginx, shell, _folder: folder };
        let anonymous = registry.request(Method::GET, "/v2/", "", &[], false);
        assert_eq!(anonymous.status(), 401, "it asks for a password");
        registry
    }

    /// Pushes an image under a tag; returns its digest. `content` distinguishes it from others.
    pub fn push(&self, tag: &str, content: &str) -> String {
        let manifest = self.push_content(content, "amd64");
        self.put_manifest(tag, MANIFEST, &manifest)
    }

    /// Pushes an index of two platforms under a tag; returns its digest and that of its first platform.
    pub fn push_index(&self, tag: &str, content: &str) -> (String, String) {
        let entries = ["amd64", "arm64"].map(|architecture| {
            let manifest = self.push_content(content, architecture);
            let digest = self.put_manifest(architecture, MANIFEST, &manifest);
            let platform = json!({ "architecture": architecture, "os": "linux" });
            json!({ "mediaType": MANIFEST, "digest": digest, "size": manifest.len(), "platform": platform })
        });
        let platform = entries[0]["digest"].as_str().expect("a digest").to_owned();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string();
        (self.put_manifest(tag, INDEX, index.as_bytes()), platform)
    }

    /// The digest of what the registry gives out for a tag or a digest.
    pub fn digest_of(&self, reference: &str) -> String {
        digest(&self.manifest(reference))
    }

    /// The digest of an image's configuration.
    pub fn config_of(&self, reference: &str) -> String {
        let manifest: Value = serde_json::from_slice(&self.manifest(reference)).expect("a manifest");
        manifest["config"]["digest"].as_str().expect("a digest").to_owned()
    }

    fn manifest(&self, reference: &str) -> Vec<u8> {
        let mut response = self.send(Method::GET, &format!("/v2/app/manifests/{reference}"), "", &[]);
        response.body_mut().read_to_vec().expect("a manifest")
    }

    fn push_content(&self, content: &str, architecture: &str) -> Vec<u8> {
        let config = json!({
            "architecture": architecture, "os": "linux", "config": { "Labels": { "content": content } },
            "rootfs": { "type": "layers", "diff_ids": [digest(b"a layer")] },
        });
        let config = config.to_string().into_bytes();
        let described = |media_type: &str, blob: &[u8]| {
            self.push_blob(blob);
            json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len() })
        };
        let (config, layer) = (described(CONFIG, &config), described(LAYER, b"a layer"));
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] })
            .to_string()
            .into_bytes()
    }

    fn push_blob(&self, blob: &[u8]) {
        let begun = self.send(Method::POST, "/v2/app/blobs/uploads/", "", &[]);
        let location = begun.headers()["location"].to_str().expect("a path");
        let digest = digest(blob).replace(':', "%3A");
        self.send(Method::PUT, &format!("{location}&digest={digest}"), "application/octet-stream", blob);
    }

    fn put_manifest(&self, tag: &str, media_type: &str, manifest: &[u8]) -> String {
        self.send(Method::PUT, &format!("/v2/app/manifests/{tag}"), media_type, manifest);
        digest(manifest)
    }

    fn send(&self, method: Method, path: &str, content_type: &str, body: &[u8]) -> Response<ureq::Body> {
        let response = self.request(method, path, content_type, body, true);
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response
    }

    fn request(&self, method: Method, path: &str, kind: &str, body: &[u8], login: bool) -> Response<ureq::Body> {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.host));
        request = request.header("accept", format!("{INDEX}, {MANIFEST}"));
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        if login {
            request = request.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(PASSWORD)));
        }
        agent.run(request.body(body).expect("a request")).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Closing the pipe makes the shell end the registry.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex_sha256(bytes))
}

#[expect(clippy::disallowed_methods, reason = "registry.sh sets the path of docker-registry")]
fn program() -> std::path::PathBuf {
    let path = std::env::var_os("PROMOTE_GATES_E2E_REGISTRY");
    path.unwrap_or_else(|| panic!("PROMOTE_GATES_E2E_REGISTRY is not set: run tests/e2e/registry.sh")).into()
}
