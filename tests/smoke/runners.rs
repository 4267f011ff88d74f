//! Reports of real runners, each with the exit code that its runner ended with.

use super::{end, runner};

/// The report `name` of the samples, XML unless it is a file's name, written by a command that ends with `code`: exit code and
/// log of the gate.
fn judged(name: &str, code: i32) -> (i32, String) {
    let file = if name.contains('.') { name.to_owned() } else { format!("{name}.xml") };
    let report = format!("{}/tests/samples/junit/{file}", env!("CARGO_MANIFEST_DIR"));
    let runner = runner(&format!("cp '{report}' r.xml; exit {code}")).input("junit", "r.xml");
    let ended = runner.run(&["smoke"]);
    (end(&ended).0, ended.log)
}

#[test]
fn each_report_is_understood_as_its_runner_means_it() {
    for (name, code, expected, says) in [
        ("bats_a.tap", 1, 1, &["tests: 1 of 2 failed, 1 skipped", "fails: `@test"][..]),
        (
            "behave_a",
            1,
            1,
            &[
                "tests: 2 of 5 failed, 1 skipped",
                "fails: got 500",
                "undefined: Failing step: Given nothing of the kind",
            ],
        ),
        ("nose2_a", 1, 1, &["tests: 2 of 3 failed, 3 skipped", "test_fail: AssertionError: 1 != 2"]),
        ("perl_a.tap", 2, 1, &["tests: 2 of 4 failed, 1 skipped", "pays: got: '500'", "cart › removes: got: '1'"]),
        ("pytest_subtests", 0, 0, &["tests: 2 ran, none failed"]),
        ("pytest_subtest_fails", 1, 1, &["tests: 1 of 3 failed", "assert 1 != 1"]),
        ("tape_a.tap", 1, 1, &["tests: 1 of 2 failed, 1 skipped", "pays: Error: pays"]),
        ("vitest_a.tap", 1, 1, &["tests: 1 of 4 failed, 1 skipped", "a.test.js › cart › pays: expected 1 to be 2"]),
        ("xmlrunner_a", 1, 1, &["tests: 3 of 4 failed, 2 skipped", "T › test_sub (i=1): 1 == 1", "Unexpected success"]),
        ("bats_a", 1, 1, &["tests: 1 of 2 failed, 1 skipped", "a.bats › fails: `@test"]),
        ("bun_a", 1, 1, &["tests: 2 of 4 failed, 2 skipped", "checkout › bad: x"]),
        ("gotestsum_p", 1, 1, &["tests: 2 of 4 failed, 1 skipped", "x/p › TestFail/sub_case/π: p_test.go:4: boom red"]),
        ("gotestsum_rerun", 0, 0, &["tests: 2 ran, none failed"]),
        ("jest_a", 1, 1, &["1 skipped", "Error: expect(received).toEqual(expected)"]),
        ("jest_brokenplusok", 1, 1, &["exit code 1, though its reports show no failure"]),
        ("jest_retry", 0, 0, &["tests: 1 ran, none failed"]),
        ("mocha_a", 2, 1, &["tests: 2 of 4 failed, 2 skipped", "they count 1 more tests than the 4 that are shown"]),
        ("mocha_half", 0, 0, &["tests: 2 ran, none failed, 2 skipped"]),
        ("newman_c", 1, 1, &["tests: 4 of 5 failed: LoginWorks › body, Down › status 200, Down and 1 more"]),
        ("newman_n", 0, 3, &["tests: none ran"]),
        ("node_a", 1, 1, &["tests: 3 of 5 failed, 2 skipped", "inner fails: x"]),
        (
            "phpunit_a",
            2,
            1,
            &["tests: 4 of 8 failed, 2 skipped: ATest › testFail", "`ATest › testFail` Failed asserting"],
        ),
        ("playwright_a", 1, 1, &["tests: 2 of 8 failed, 4 skipped", "fails (api)", "4 failed, then passed"]),
        (
            "playwright_flaky",
            0,
            0,
            &[
                "tests: 2 ran, none failed",
                "2 failed, then passed: flaky.spec.js › flaky (api), flaky.spec.js › flaky (api2)",
            ],
        ),
        ("playwright_timeout", 1, 1, &["tests: 2 of 4 failed", "Test timeout of 300ms exceeded."]),
        ("pytest_a", 1, 1, &["tests: 4 of 9 failed, 2 skipped", "`test_a › test_fail` AssertionError: boom red"]),
        ("pytest_reruns", 0, 0, &["tests: 1 ran, none failed", "1 failed, then passed: test_flaky"]),
        ("robot_t", 1, 1, &["tests: 1 of 2 failed, 1 skipped", "Pay Works: 1 != 2"]),
        ("surefire_A", 1, 1, &["tests: 2 of 8 failed, 2 skipped", "1 failed, then passed: ATest › flaky"]),
        ("surefire_C", 0, 0, &["tests: 2 ran, none failed", "1 failed, then passed: CTest › flaky; first: first"]),
        ("vitest_a", 1, 1, &["tests: 1 of 3 failed, 2 skipped", "expected 1 to be 2"]),
    ] {
        let (code, log) = judged(name, code);
        assert_eq!(code, expected, "{name}: {log}");
        for part in says {
            assert!(log.contains(part), "{name}: {part} in {log}");
        }
        assert!(!log.contains("[31m"), "{name}: {log}");
    }
}
