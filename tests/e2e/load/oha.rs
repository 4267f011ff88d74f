//! oha.

use crate::{
    house::Runner,
    pairs::measure,
    results::{assert_healthy, json, judge, output, p99, requests, understood},
    service::Service,
};

#[test]
fn every_output_of_oha_is_understood() {
    understood(|url| {
        let run = |format: &str| {
            output(&Runner::new(), &format!("oha --no-tui --output-format {format} -n 600 -c 10 -q 400 {url}"))
        };
        vec![("oha, JSON", run("json")), ("oha, CSV", run("csv")), ("oha, text", run("text"))]
    });
}

#[test]
fn the_figures_are_those_of_oha() {
    let service = Service::slower(1.0);
    let script = format!("oha --no-tui --output-format json -n 600 -c 10 -q 400 {}", service.url());
    let report = output(&Runner::new(), &script);
    let ended = judge(&report);
    assert_healthy("oha", &ended);
    assert_eq!(requests(&ended), (service.requests(), 0));
    let own = json(&report)["latencyPercentiles"]["p99"].as_f64().expect("a p99") * 1e3;
    assert!((p99(&ended) / own - 1.0).abs() < 1e-9, "{} and {own}", p99(&ended));
}

#[test]
fn three_speeds_are_told_apart() {
    measure("oha", &[], &[1.0, 1.5, 3.0], 2);
}
