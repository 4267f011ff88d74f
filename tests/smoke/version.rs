//! The version of the service under test, before the tests and after them.

use promote_gates::sandbox::{
    server::{FakeResponse, LoopbackServer},
    staging::Staging,
};

use super::{end, runner};

#[test]
fn tests_of_another_version_do_not_count() {
    for (deployed, expected, says) in [
        ("1.4.2", (0, "passed"), "version after the tests: version 1.4.2"),
        (
            "1.4.1",
            (3, "inconclusive"),
            "version before the tests: version 1.4.1, another version; expected version 1.4.2",
        ),
    ] {
        let staging = Staging::start().unwrap();
        staging.deploy("checkout-service", deployed);
        let url = format!("{}/checkout-service/health/ready", staging.url());
        let runner = runner("touch ran").input("version-endpoint", &url);
        let ended = runner.run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert!(ended.log.contains(says), "{says} in {}", ended.log);
        assert_eq!(runner.workspace().join("ran").exists(), deployed == "1.4.2", "no tests against another version");
    }
}

#[test]
fn a_deployment_during_the_tests_is_seen() {
    let answers = std::sync::atomic::AtomicUsize::new(0);
    let server = LoopbackServer::start(move |_| {
        let version = ["1.4.2", "1.4.3"][answers.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(1)];
        FakeResponse::json(200, &serde_json::json!({ "version": version }))
    })
    .unwrap();
    let ended = runner("true").input("version-endpoint", server.url()).run(&["smoke"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("version after the tests: version 1.4.3, another version"), "{}", ended.log);
}

#[test]
fn a_version_that_cannot_be_seen_is_inconclusive() {
    let server = LoopbackServer::start(|_| FakeResponse::status(404)).unwrap();
    let ended = runner("touch ran").input("version-endpoint", server.url()).run(&["smoke"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("version before the tests: not seen: answered 404"), "{}", ended.log);
}
