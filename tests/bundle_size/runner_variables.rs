//! The gate needs none of the variables with which the runner gives actions access to its cache and to its artifacts: GitHub sets them
//! for steps with `uses:` of its own kind only, and `act` sets them everywhere.

use super::{assert_end, shop, step};

#[test]
fn no_variable_of_the_runners_services_changes_anything() {
    let plain = step(&shop(100_000), &[]);
    assert_end(&plain, 0, "passed");
    let variables = ["ACTIONS_CACHE_URL", "ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_URL", "ACTIONS_RUNTIME_TOKEN"];
    let runner = shop(100_000);
    let runner = variables.into_iter().fold(runner, |runner, name| runner.env(name, "http://127.0.0.1:9/never"));
    let ended = step(&runner, &[]);
    assert_end(&ended, 0, "passed");
    for part in ["findings", "tables", "settings", "outputs"] {
        let without_times = |report: &serde_json::Value| {
            let mut part = report[part].clone();
            for finding in part.as_array_mut().into_iter().flatten() {
                finding["evidence"] = serde_json::Value::Null;
            }
            part
        };
        assert_eq!(without_times(&ended.report), without_times(&plain.report));
    }
    assert!(!ended.log.contains("127.0.0.1:9") && !ended.report.to_string().contains("127.0.0.1:9"));
}
