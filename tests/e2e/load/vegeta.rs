//! vegeta: every report and encoding, of the same attack.

use crate::{
    house::Runner,
    pairs::measure,
    results::{json, judge, output, p99, requests, understood},
    service::Service,
};

/// Attacks, and keeps what vegeta saw in `attack.bin`.
fn attack(url: &str) -> Runner {
    let runner = Runner::new();
    output(&runner, &format!("echo 'GET {url}' | vegeta attack -rate 300 -duration 2s >attack.bin"));
    runner
}

#[test]
fn every_report_of_vegeta_is_understood() {
    understood(|url| {
        let runner = attack(url);
        let report = |script: &str| output(&runner, &format!("{script} <attack.bin"));
        vec![
            ("vegeta, JSON", report("vegeta report -type=json")),
            ("vegeta, text", report("vegeta report")),
            ("vegeta, requests in JSON", report("vegeta encode -to json")),
            ("vegeta, requests in CSV", report("vegeta encode -to csv")),
        ]
    });
}

#[test]
fn the_figures_are_those_of_vegeta() {
    let service = Service::slower(1.0);
    let runner = attack(service.url());
    let report = output(&runner, "vegeta report -type=json <attack.bin");
    let ended = judge(&report);
    assert_eq!(requests(&ended), (service.requests(), 0), "{}", ended.log);
    let own = json(&report)["latencies"]["99th"].as_f64().expect("a p99") / 1e6;
    assert!((p99(&ended) / own - 1.0).abs() < 1e-9, "{} and {own}", p99(&ended));
    // vegeta estimates its percentiles.
    let exact = p99(&judge(&output(&runner, "vegeta encode -to json <attack.bin")));
    assert!((exact / own - 1.0).abs() < 0.1, "{exact} and {own}");
    // Only the range is known: it is within the limit, or it is not.
    let histogram = |buckets: &str| output(&runner, &format!("vegeta report -type='hist[{buckets}]' <attack.bin"));
    assert_eq!(judge(&histogram("0,50ms,360ms,1h")).code, 0);
    assert_eq!(judge(&histogram("0,50ms,1h")).code, 3);
}

#[test]
fn two_speeds_are_told_apart() {
    measure("vegeta", &[], &[1.0, 3.0], 2);
}
