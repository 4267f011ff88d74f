//! Prometheus, which scrapes a service on loopback.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::json;
use tempfile::TempDir;

use crate::house::{Ended, Runner};

/// The time limit for Prometheus to start, and to scrape again.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two scrapes: of 100 requests, 97 take up to 50 ms, 2 up to 100 ms, and 1 up to 200 ms. So the p99 is 100 ms.
const BUCKETS: [(&str, u64); 4] = [("0.05", 97), ("0.1", 99), ("0.2", 100), ("+Inf", 100)];

struct Prometheus {
    child: Child,
    port: u16,
    _folder: TempDir,
    _service: LoopbackServer,
    scrapes: Receiver<()>,
}

impl Prometheus {
    fn start() -> Self {
        let (sender, scrapes) = channel();
        let count = AtomicU64::new(0);
        let service = LoopbackServer::start(move |_| {
            let scrape = count.fetch_add(1, Ordering::Relaxed) + 1;
            // The test has ended when nobody receives.
            let _ = sender.send(());
            let buckets = BUCKETS
                .map(|(le, requests)| format!("shop_seconds_bucket{{le=\"{le}\",path=\"/\"}} {}\n", requests * scrape));
            let metrics = format!(
                "# TYPE shop_seconds histogram\n{}shop_seconds_sum 1\nshop_seconds_count {}\n",
                buckets.concat(),
                100 * scrape
            );
            FakeResponse::text(200, "text/plain; version=0.0.4", metrics)
        })
        .expect("a server");
        let folder = tempfile::tempdir().expect("a folder");
        let target = service.url().trim_start_matches("http://");
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: shop\n  static_configs: [{{ targets: ['{target}'] }}]\n"
        );
        fs::write(folder.path().join("prometheus.yml"), config).expect("a config");
        let port = {
            let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
            socket.local_addr().expect("an address").port()
        };
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Prometheus");
        let started = Self { child, port, _folder: folder, _service: service, scrapes };
        (0..5).for_each(|_| started.wait_for_scrape());
        started
    }

    fn wait_for_scrape(&self) {
        self.scrapes.recv_timeout(PATIENCE).expect("Prometheus scrapes");
    }

    /// The gate with the response to a query.
    fn judge(&self, query: &str, unit: &str) -> Ended {
        let encoded: String = query
            .bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect();
        let runner = Runner::new()
            .input("results", &format!("http://127.0.0.1:{}/api/v1/query?query={encoded}", self.port))
            .input("results-unit", unit)
            .input("baseline", "baseline.json");
        runner.write("baseline.json", json!({ "p99_latency": 90 }).to_string());
        runner.run(&["performance"])
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_quantile_and_the_buckets_have_the_same_p99() {
    let prometheus = Prometheus::start();
    for query in [
        "histogram_quantile(0.99, sum by (le) (increase(shop_seconds_bucket[1m])))",
        "sum by (le) (increase(shop_seconds_bucket[1m]))",
        "increase(shop_seconds_bucket[1m])",
    ] {
        let mut ended = prometheus.judge(query, "s");
        // What was scraped last may not be stored yet.
        for _ in 0..10 {
            if ended.code == 0 {
                break;
            }
            prometheus.wait_for_scrape();
            ended = prometheus.judge(query, "s");
        }
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (0, "passed"), "{query}: {}", ended.log);
        let p99: f64 = ended.outputs["p99"].parse().expect("a p99");
        assert!((p99 - 100.0).abs() < 1.5, "{query}: {p99} ms");
    }
    // A range has buckets over time: the difference of each is what was counted.
    let ended = prometheus.judge("shop_seconds_bucket[1m]", "s");
    assert!((ended.outputs["p99"].parse::<f64>().expect("a p99") - 100.0).abs() < 1.5, "{}", ended.log);
}

#[test]
fn what_is_no_value_never_passes() {
    let prometheus = Prometheus::start();
    for (query, text) in [
        ("histogram_quantile(0.99, ", "bad_data"),
        ("histogram_quantile(0.99, sum by (le) (increase(no_such_bucket[1m])))", "the result is empty"),
        ("vector(0) / 0", "NaN"),
        ("vector(1) / 0", "+Inf"),
        ("{__name__=~\"shop_seconds_(sum|count)\"}", "series, not one"),
    ] {
        let ended = prometheus.judge(query, "s");
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (3, "inconclusive"), "{query}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(text), "{query}: {}", ended.outputs["reason"]);
    }
}
