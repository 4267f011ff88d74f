//! Locust.

use crate::{
    house::Runner,
    pairs::measure,
    results::{judge, output, p99, requests, understood},
    service::Service,
};

/// Users that send 20 requests per second each.
const LOCUSTFILE: (&str, &str) = (
    "locustfile.py",
    "from locust import FastHttpUser, constant_throughput, task\n\n\
     class Shopper(FastHttpUser):\n    wait_time = constant_throughput(20)\n\n    @task\n    def home(self):\n        self.client.get('/')\n",
);

/// Runs Locust; its JSON is in `run.json`, its CSV in `run_stats.csv`.
fn run(url: &str) -> Runner {
    let runner = Runner::new();
    runner.write(LOCUSTFILE.0, LOCUSTFILE.1);
    let options = "--headless -u 10 -r 10 -t 4s --csv run --exit-code-on-error 0 --json";
    output(&runner, &format!("locust {options} --host {url} >run.json"));
    runner
}

fn file(runner: &Runner, name: &str) -> Vec<u8> {
    std::fs::read(runner.workspace().join(name)).expect("a file of Locust")
}

#[test]
fn both_outputs_of_locust_are_understood() {
    understood(|url| {
        let runner = run(url);
        vec![("Locust, JSON", file(&runner, "run.json")), ("Locust, CSV", file(&runner, "run_stats.csv"))]
    });
}

#[test]
fn the_figures_are_those_of_locust() {
    let service = Service::slower(1.0);
    let runner = run(service.url());
    let ended = judge(&file(&runner, "run.json"));
    let (sent, failed) = requests(&ended);
    // Locust ends its users while they wait for a response.
    assert!(service.requests() - sent <= 10 && failed == 0, "{sent} of {}", service.requests());
    let csv = String::from_utf8(file(&runner, "run_stats.csv")).expect("text");
    let mut rows = csv.lines();
    let column = rows.next().and_then(|header| header.split(',').position(|name| name == "99%")).expect("a column");
    let own: f64 = rows.last().and_then(|row| row.split(',').nth(column)?.parse().ok()).expect("a p99");
    // From 100 ms on, Locust rounds to two digits, and the ranks of both may be one apart.
    let rounding = if own >= 100.0 { 10.0 } else { 2.0 };
    assert!((p99(&ended) - own).abs() <= rounding, "{} and {own}", p99(&ended));
}

#[test]
fn two_speeds_are_told_apart() {
    // Locust needs a second to start its users.
    measure("Locust", &[LOCUSTFILE], &[1.0, 3.0], 6);
}
