//! A Kubernetes control plane on loopback: etcd, API server, controller manager, and kwok in place of kubelets.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::api::Api;

/// The time limit for programs to start.
const TIME_LIMIT: Duration = Duration::from_mins(5);

/// The token of the administrator; it must not occur in any output.
pub const ADMIN: &str = "s3cr3t-admin";
/// The token of an account that has only the permissions that a test grants.
pub const GATE: &str = "s3cr3t-gate";

pub struct ControlPlane {
    folder: TempDir,
    port: u16,
    /// The fields drop in this order.
    kubelets: Option<Daemon>,
    controllers: Option<Daemon>,
    server: Option<Daemon>,
    _etcd: Daemon,
    etcd_url: String,
    /// Additional flags of the API server.
    flags: Vec<String>,
    pub api: Api,
}

/// A background program that ends with the tests, even if they are killed.
pub struct Daemon {
    shell: Child,
    pid: Pid,
}

impl Daemon {
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> Self {
        // The shell kills the program when the pipe closes, which happens even if the tests are killed.
        let script = r#""$@" </dev/null >"$LOG" 2>&1 & echo $!; cat >/dev/null; kill -KILL $! 2>/dev/null; wait"#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(program)
            .args(arguments)
            .env("LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A separate group, so that a signal to the tests' group does not reach it.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut line).expect("a pid");
        let pid = line.trim().parse().ok().and_then(Pid::from_raw).expect("a pid");
        Self { shell, pid }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("signal it");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Closing the pipe makes the shell kill the program; this process must not signal a pid that may be reused.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The control plane for all tests that do not stop it; each uses its own namespace.
pub fn shared() -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(ControlPlane::start)
}

#[expect(clippy::disallowed_methods, reason = "cluster.sh sets the paths of the programs")]
pub fn tool(name: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(|| panic!("{name} is not set: run tests/e2e/cluster.sh"), PathBuf::from)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// Polls until `look` returns a value; panics after a minute.
#[expect(clippy::disallowed_methods, reason = "a time limit for external programs")]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let (never, wait) = std::sync::mpsc::channel::<()>();
    let began = Instant::now();
    loop {
        if let Some(value) = look() {
            drop(never);
            return value;
        }
        assert!(began.elapsed() < TIME_LIMIT, "no {what} within {TIME_LIMIT:?}");
        let _ = wait.recv_timeout(Duration::from_millis(20));
    }
}

impl ControlPlane {
    pub fn start() -> Self {
        Self::start_with(Vec::new())
    }

    /// Starts with additional flags for the API server.
    pub fn start_with(flags: Vec<String>) -> Self {
        let mut control_plane = Self::start_without_nodes(flags);
        control_plane.start_kubelets();
        control_plane
    }

    /// Starts without kwok, with additional flags for the API server.
    pub fn start_without_nodes(flags: Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let etcd_url = format!("http://127.0.0.1:{client}");
        let etcd = [
            format!("--data-dir={}", at("etcd").display()),
            format!("--listen-client-urls={etcd_url}"),
            format!("--advertise-client-urls={etcd_url}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
            format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
            format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
            "--unsafe-no-fsync".to_owned(),
        ];
        let etcd = Daemon::start(&tool("PROMOTE_GATES_E2E_ETCD"), &etcd, &at("etcd.log"));
        fs::write(at("tokens.csv"), format!("{ADMIN},admin,1,\"system:masters\"\n{GATE},gate,2\n")).expect("tokens");
        let server = start_server(folder.path(), &etcd_url, port, &flags);
        let authority = until("certificate of the API server", || {
            let authority = fs::read(at("tls/apiserver.crt")).ok()?;
            (!authority.is_empty()).then_some(authority)
        });
        let api = Api::new(port, &authority, ADMIN);
        let ready = || api.try_get("/readyz").is_ok().then_some(());
        until(&format!("API server that is ready, see {}", at("server.log").display()), ready);
        let mut control_plane = Self {
            folder,
            port,
            kubelets: None,
            controllers: None,
            server: Some(server),
            _etcd: etcd,
            etcd_url,
            flags,
            api,
        };
        control_plane.start_controllers();
        control_plane
    }

    /// The path of a file of this control plane; `admin.kubeconfig` is the administrator's.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kubernetes(name: &str) -> PathBuf {
        tool("PROMOTE_GATES_E2E_KUBERNETES").join(name)
    }

    fn start_controllers(&mut self) {
        let kubeconfig = self.at("admin.kubeconfig");
        fs::write(&kubeconfig, self.kubeconfig(ADMIN, "default")).expect("a kubeconfig");
        let controllers = [
            format!("--kubeconfig={}", kubeconfig.display()),
            "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller".to_owned(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            "--concurrent-deployment-syncs=10".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        let program = Self::kubernetes("kube-controller-manager");
        self.controllers = Some(Daemon::start(&program, &controllers, &self.at("controllers.log")));
    }

    fn start_kubelets(&mut self) {
        let quoted = |template: &str| Value::from(template).to_string();
        let stages = include_str!("kubelet/stages.yaml")
            .replace("$READY", &quoted(include_str!("kubelet/ready.yaml.tpl")))
            .replace("$UNREADY", &quoted(include_str!("kubelet/unready.yaml.tpl")))
            .replace("$CRASH", &quoted(include_str!("kubelet/crash.yaml.tpl")))
            .replace("$FOLDER", &self.folder.path().display().to_string());
        fs::write(self.at("kubelet.yaml"), stages).expect("the stages");
        fs::write(self.at("now.log"), "listening on :8080\n").expect("a log");
        let lines: String = (1..=30).map(|line| format!("2026-01-01T00:00:00Z stdout F line {line}\n")).collect();
        let lines = format!("{lines}2026-01-01T00:00:00Z stdout F ::error::x DB_PASSWORD=hunter2 ##[error]y\n");
        fs::write(self.at("previous.log"), lines).expect("a log");
        let port = free_port();
        let kubelets = [
            format!("--kubeconfig={}", self.at("admin.kubeconfig").display()),
            format!("--config={}", self.at("kubelet.yaml").display()),
            "--manage-all-nodes=true".to_owned(),
            "--node-ip=127.0.0.1".to_owned(),
            format!("--node-port={port}"),
            format!("--server-address=127.0.0.1:{port}"),
            format!("--tls-cert-file={}", self.at("tls/apiserver.crt").display()),
            format!("--tls-private-key-file={}", self.at("tls/apiserver.key").display()),
        ];
        let program = tool("PROMOTE_GATES_E2E_KWOK");
        self.kubelets = Some(Daemon::start(&program, &kubelets, &self.at("kubelets.log")));
        let node =
            json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node", "labels": { "on": "node" } } });
        self.api.create("/api/v1/nodes", &node);
        until("node that is ready", || {
            let node = self.api.get("/api/v1/nodes/node");
            (node["status"]["phase"] == "Running").then_some(())
        });
    }

    /// A kubeconfig with one context, `test`.
    pub fn kubeconfig(&self, token: &str, namespace: &str) -> String {
        let authority = self.at("tls/apiserver.crt").display().to_string();
        let config: Value = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "plane", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port), "certificate-authority": authority } }],
            "users": [{ "name": "user", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "plane", "user": "user", "namespace": namespace } }],
        });
        config.to_string()
    }

    /// Creates a namespace.
    pub fn namespace(&self, name: &str) -> String {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        self.api.create("/api/v1/namespaces", &namespace);
        name.to_owned()
    }

    /// The TLS address of the API server.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate authority of the API server, as PEM.
    pub fn authority(&self) -> Vec<u8> {
        fs::read(self.at("tls/apiserver.crt")).expect("it has one")
    }

    /// Compacts etcd, so that no watch can start at an earlier resource version.
    pub fn compact(&self) {
        // The resource version of a new list is etcd's current revision.
        let version = self.api.get("/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"].clone();
        let url = format!("{}/v3/kv/compaction", self.etcd_url);
        let request = json!({ "revision": version, "physical": true }).to_string();
        ureq::post(&url).config().proxy(None).build().send(request).expect("etcd compacts");
    }

    pub fn server(&self) -> &Daemon {
        self.server.as_ref().expect("a running server")
    }

    pub fn kill_server(&mut self) {
        self.server = None;
    }

    pub fn restart_server(&mut self) {
        self.server = Some(start_server(self.folder.path(), &self.etcd_url, self.port, &self.flags));
    }
}

fn start_server(folder: &Path, etcd_url: &str, port: u16, flags: &[String]) -> Daemon {
    // The API server requires a signing key for service accounts.
    let key = folder.join("service-account.pem");
    fs::write(&key, include_str!("service-account.pem")).expect("a key");
    let key = key.display();
    let defaults = [
        format!("--etcd-servers={etcd_url}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", folder.join("tls").display()),
        format!("--token-auth-file={}", folder.join("tokens.csv").display()),
        format!("--client-ca-file={}/tests/e2e/cluster/clients/ca.pem", env!("CARGO_MANIFEST_DIR")),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={key}"),
        format!("--service-account-signing-key-file={key}"),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        // No controller here removes the taint of a new node.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        // Debian's etcd is too old for streaming lists, and clients that try them lose seconds.
        "--feature-gates=WatchList=false".to_owned(),
    ];
    let server: Vec<String> = defaults.into_iter().chain(flags.iter().cloned()).collect();
    Daemon::start(&ControlPlane::kubernetes("kube-apiserver"), &server, &folder.join("server.log"))
}
