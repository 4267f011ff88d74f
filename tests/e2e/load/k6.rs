//! k6, where it is installed.

use crate::{
    house::Runner,
    pairs::measure,
    results::{judge, output, p99, requests, understood},
    service::Service,
};

const SCRIPT: (&str, &str) = (
    "load.js",
    "import http from 'k6/http';\n\n\
     export const options = {\n  scenarios: { shop: { executor: 'constant-arrival-rate', rate: 200, duration: __ENV.DURATION,\n    \
     preAllocatedVUs: __ENV.USERS * 5 } },\n  summaryTrendStats: ['avg', 'med', 'max', 'p(99)', 'count'],\n};\n\n\
     export default function () {\n  http.get(__ENV.TARGET);\n}\n",
);

/// Runs k6; the requests are in `points.json` and `points.csv`, the summary in `summary.json`.
fn run(url: &str) -> Runner {
    let runner = Runner::new();
    runner.write(SCRIPT.0, SCRIPT.1);
    let outputs = "--out json=points.json --out csv=points.csv --summary-export summary.json";
    output(&runner, &format!("TARGET={url} DURATION=3s USERS=10 k6 run --quiet {outputs} load.js"));
    runner
}

fn file(runner: &Runner, name: &str) -> Vec<u8> {
    std::fs::read(runner.workspace().join(name)).expect("a file of k6")
}

#[test]
fn every_output_of_k6_is_understood() {
    understood(|url| {
        let runner = run(url);
        [("k6, points", "points.json"), ("k6, CSV", "points.csv"), ("k6, summary", "summary.json")]
            .map(|(format, name)| (format, file(&runner, name)))
            .to_vec()
    });
}

#[test]
fn the_figures_are_those_of_k6() {
    let service = Service::slower(1.0);
    let runner = run(service.url());
    let points = judge(&file(&runner, "points.json"));
    assert_eq!(requests(&points), (service.requests(), 0), "{}", points.log);
    let summary = judge(&file(&runner, "summary.json"));
    assert_eq!(requests(&summary), (service.requests(), 0), "{}", summary.log);
    assert!((p99(&points) / p99(&summary) - 1.0).abs() < 0.02, "{} and {}", p99(&points), p99(&summary));
}

#[test]
fn two_speeds_are_told_apart() {
    measure("k6", &[SCRIPT], &[1.0, 3.0], 3);
}
