//! Prometheus with basic authentication, Alertmanager, and a service that both know.

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// The time limit for a scrape.
const PATIENCE: Duration = Duration::from_mins(2);
/// Requests between two scrapes.
const REQUESTS: u64 = 100;
/// `gate:staging-reader` in base64.
pub const TOKEN: &str = "Z2F0ZTpzdGFnaW5nLXJlYWRlcg==";
/// The same password, by bcrypt.
const PASSWORD: &str = "$2b$05$abcdefghijklmnopqrstuuzv5ZY9VK53HdADtVMVLhtG/eGEjnzfW";

const RULES: &str = r#"
groups:
- name: shop
  interval: 1s
  rules:
  - { alert: Watchdog, expr: vector(1), labels: { severity: none } }
  - alert: HighErrorRate
    expr: sum(rate(shop_requests_total{code="500"}[10s])) > 0
    labels: { service: shop, severity: page }
  - alert: ErrorsSeen
    expr: sum(rate(shop_requests_total{code="500"}[10s])) > 0
    labels: { service: shop, severity: info }
"#;

/// An alert that pages inhibits those that inform.
const ROUTES: &str = "
route: { receiver: none }
receivers: [{ name: none }]
inhibit_rules: [{ source_matchers: [severity=page], target_matchers: [severity=info], equal: [service] }]
";

pub struct Monitoring {
    prometheus: Option<Child>,
    alertmanager: Option<Child>,
    ports: [u16; 2],
    folder: TempDir,
    is_failing: Arc<AtomicBool>,
    scrapes: Receiver<()>,
    _service: LoopbackServer,
}

impl Monitoring {
    pub fn start() -> Self {
        let (sender, scrapes) = channel();
        let is_failing = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&is_failing);
        let counts = Mutex::new([0_u64; 2]);
        let service = LoopbackServer::start(move |_| {
            let [good, bad] = {
                let mut counts = counts.lock().expect("no panic");
                counts[usize::from(failing.load(Ordering::Relaxed))] += REQUESTS;
                *counts
            };
            // The test has ended when its receiver is gone.
            let _ = sender.send(());
            let metrics = format!(
                "# TYPE shop_requests_total counter\nshop_requests_total{{code=\"200\"}} {good}\nshop_requests_total{{code=\"500\"}} {bad}\n"
            );
            FakeResponse::text(200, "text/plain; version=0.0.4", metrics)
        })
        .expect("a server");
        let folder = tempfile::tempdir().expect("a folder");
        let ports = [free_port(), free_port()];
        let target = service.url().trim_start_matches("http://");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [rules.yml]\n\
             alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{}'] }}] }}] }}\n\
             scrape_configs: [{{ job_name: shop, static_configs: [{{ targets: ['{target}'] }}] }}]\n",
            ports[1]
        );
        let users = format!("basic_auth_users: {{ gate: '{PASSWORD}' }}\n");
        for (file, text) in [
            ("prometheus.yml", config.as_str()),
            ("rules.yml", RULES),
            ("web.yml", &users),
            ("alertmanager.yml", ROUTES),
        ] {
            fs::write(folder.path().join(file), text).expect("a config");
        }
        let (prometheus, alertmanager) = (None, None);
        let mut started = Self { prometheus, alertmanager, ports, folder, is_failing, scrapes, _service: service };
        started.start_again();
        started.wait_for_scrapes(5);
        started
    }

    #[expect(clippy::disallowed_methods, reason = "tests/e2e/metric.sh says where the programs are")]
    pub fn start_again(&mut self) {
        let [prometheus, alertmanager] = self.ports;
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let alertmanager_program = env::var_os("PROMOTE_GATES_ALERTMANAGER").expect("tests/e2e/metric.sh sets it");
        self.prometheus = Some(spawn(
            Path::new("prometheus"),
            &[
                format!("--config.file={}", path("prometheus.yml")),
                format!("--web.config.file={}", path("web.yml")),
                format!("--storage.tsdb.path={}", path("data")),
                format!("--web.listen-address=127.0.0.1:{prometheus}"),
                "--rules.alert.resend-delay=2s".to_owned(),
            ],
        ));
        self.alertmanager = Some(spawn(
            Path::new(&alertmanager_program),
            &[
                format!("--config.file={}", path("alertmanager.yml")),
                format!("--storage.path={}", path("alerts")),
                format!("--web.listen-address=127.0.0.1:{alertmanager}"),
                "--cluster.listen-address=".to_owned(),
            ],
        ));
    }

    pub fn stop(&mut self) {
        self.stop_prometheus();
        end(&mut self.alertmanager);
    }

    pub fn stop_prometheus(&mut self) {
        end(&mut self.prometheus);
    }

    /// It accepts connections, and answers none of them, until `SIGCONT`.
    pub fn signal_prometheus(&self, signal: Signal) {
        let child = self.prometheus.as_ref().expect("it runs");
        rustix::process::kill_process(Pid::from_child(child), signal).expect("a signal that arrives");
    }

    /// Silences the alerts with this label and value.
    pub fn silence(&self, matcher: &str) {
        let url = format!("--alertmanager.url={}", self.alertmanager_url());
        let status = Command::new("amtool")
            .args([&url, "silence", "add", matcher, "--author=carol", "--comment=known", "--duration=1h"])
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("amtool, which comes with Alertmanager").success(), "the silence is accepted");
    }

    pub fn prometheus_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    pub fn alertmanager_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Whether requests fail from now on.
    pub fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Relaxed);
    }

    pub fn wait_for_scrapes(&self, count: usize) {
        // Those that came before do not count.
        self.scrapes.try_iter().for_each(drop);
        for _ in 0..count {
            self.scrapes.recv_timeout(PATIENCE).expect("Prometheus scrapes");
        }
    }
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        self.stop();
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").port()
}

fn spawn(program: &Path, arguments: &[String]) -> Child {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a program that starts")
}
