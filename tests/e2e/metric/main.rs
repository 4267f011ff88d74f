//! `metric` on a real Prometheus, which scrapes a service on loopback, and a real Alertmanager, which gets its alerts.
//!
//! Run by `tests/e2e/metric.sh`, which provides both.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
mod monitoring;

use house::{Ended, Runner};
use monitoring::{Monitoring, TOKEN};
use rustix::process::Signal;

const ERROR_RATE: &str = "error-rate = sum(rate(shop_requests_total{code=\"500\"}[$window])) / \
                          sum(rate(shop_requests_total[$window]))";
const REQUESTS: &str = "requests = sum(increase(shop_requests_total[$window]))";

/// A step that reads once a second, for longer than the two minutes in which a new Alertmanager proves nothing.
fn step(monitoring: &Monitoring) -> Runner {
    Runner::new()
        .input("prometheus", &monitoring.prometheus_url())
        .input("prometheus-headers", &format!("Authorization: Basic {TOKEN}"))
        .input("alertmanager", &monitoring.alertmanager_url())
        .input("window", "10s")
        .input("interval", "1s")
        .input("timeout", "140s")
}

fn assert_end(ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.code, code, "{part}: {}", ended.log);
    let findings = ended.report["findings"].to_string();
    assert!(findings.contains(part), "{part}: {findings}");
}

#[test]
fn a_healthy_service_passes_and_its_errors_block() {
    let monitoring = Monitoring::start();
    let figures = format!("{ERROR_RATE}\n{REQUESTS}");
    let watch = |conditions: &str, duration: &str| {
        step(&monitoring).input("figures", &figures).input("conditions", conditions).input("duration", duration)
    };
    let alerts = |matchers: &str| step(&monitoring).input("conditions", &format!("no alert {matchers}"));
    let conditions = "error-rate <= 1 % with requests >= 100\nno alert {service=\"shop\"}";
    let ended = watch(conditions, "5s").run(&["metric"]);
    assert_end(&ended, 0, "error-rate over 10s is 0 %");
    assert_end(&ended, 0, "no alert fires");

    // The service breaks while the gate watches it.
    let watched = watch("error-rate <= 1 % with requests >= 100", "10m");
    let running = watched.start(&["metric"]);
    running.wait_for_line("reads for 10m");
    monitoring.set_failing(true);
    assert_end(&running.end_within(house::LIMIT), 1, "error-rate over 10s is");
    assert_end(&alerts("{severity=\"page\"}").input("duration", "2m").run(&["metric"]), 1, "HighErrorRate");
    // The other one inhibits it.
    assert_end(&alerts("{severity=\"info\"}").input("duration", "2m").run(&["metric"]), 1, "ErrorsSeen");
    assert_end(&alerts("{service=\"other\"}").run(&["metric"]), 0, "no alert fires");

    monitoring.silence("alertname=HighErrorRate");
    assert_end(&alerts("{severity=\"page\"}").run(&["metric"]), 0, "no alert fires, 1 silenced");
    let unproven = alerts("{severity=\"page\"}").input("watchdog", "{alertname=\"NoSuchAlert\"}");
    assert_end(&unproven.input("timeout", "2s").run(&["metric"]), 3, "is not there either");
}

#[test]
fn what_is_no_figure_is_inconclusive() {
    let monitoring = Monitoring::start();
    for (query, part) in [
        ("sum(", "400"),
        ("no_such_metric", "the result is empty"),
        ("vector(0) / 0", "the value is NaN"),
        ("vector(1) / 0", "the value is +Inf"),
        ("shop_requests_total", "2 series"),
        ("shop_requests_total[1m]", "matrix"),
        ("\"text\"", "string"),
    ] {
        let runner = step(&monitoring).input("figures", &format!("a = {query}")).input("conditions", "a <= 1");
        assert_end(&runner.input("timeout", "1s").run(&["metric"]), 3, part);
    }
}

#[test]
fn a_header_opens_prometheus() {
    let monitoring = Monitoring::start();
    let runner = || step(&monitoring).input("figures", "up = min(up)").input("conditions", "up >= 1");
    assert_end(&runner().run(&["metric"]), 0, "up is 1");
    let ended = runner().input("prometheus-headers", "Authorization: Basic d3Jvbmc6d3Jvbmc=").run(&["metric"]);
    assert_end(&ended, 3, "401");
}

#[test]
fn servers_that_restart_are_read_again() {
    let mut monitoring = Monitoring::start();
    let up = |monitoring: &Monitoring| step(monitoring).input("figures", "up = min(up)").input("conditions", "up >= 1");
    monitoring.stop();
    let runner = up(&monitoring);
    let running = runner.start(&["metric"]);
    running.wait_for_line("not read: ");
    monitoring.start_again();
    assert_end(&running.end_within(house::LIMIT), 0, "readings failed");

    // Both run again, and the watchdog is back before all other alerts have to be.
    monitoring.wait_for_scrapes(5);
    let alerts = |timeout: &str| {
        let runner = step(&monitoring).input("conditions", "no alert {service=\"shop\"}");
        runner.input("timeout", timeout).run(&["metric"])
    };
    assert_end(&alerts("15s"), 3, "Alertmanager started at");

    // A frozen server accepts the connection.
    monitoring.signal_prometheus(Signal::STOP);
    let frozen = up(&monitoring).input("request-timeout", "1s");
    let running = frozen.start(&["metric"]);
    running.wait_for_line("not read: no answer from");
    monitoring.signal_prometheus(Signal::CONT);
    assert_end(&running.end_within(house::LIMIT), 0, "readings failed");
}

#[test]
fn an_alertmanager_without_prometheus_proves_nothing() {
    let mut monitoring = Monitoring::start();
    monitoring.stop_prometheus();
    // Prometheus has said until when the alert fires at most.
    let runner = step(&monitoring).input("conditions", "no alert {service=\"shop\"}").input("timeout", "45s");
    assert_end(&runner.run(&["metric"]), 3, "the one that always fires is not there");
}

#[test]
fn an_error_budget_that_burns_blocks_until_the_short_window_is_calm() {
    let monitoring = Monitoring::start();
    let runner = || {
        step(&monitoring)
            .input("figures", ERROR_RATE)
            .input("conditions", "burn-rate of error-rate at 99 % <= 2 over 1m and 5s")
    };
    assert_end(&runner().run(&["metric"]), 0, "burns at 0");
    monitoring.set_failing(true);
    assert_end(&runner().input("duration", "2m").run(&["metric"]), 1, "over 2 in both windows");
    monitoring.set_failing(false);
    // The long window still has the errors.
    monitoring.wait_for_scrapes(8);
    assert_end(&runner().run(&["metric"]), 0, "and 0 (error-rate over 5s)");
}
