//! Surefire of Maven, which repeats tests that fail.

use crate::{Story, play};

const POM: &str = include_str!("../tools/runners/surefire/pom.xml");

/// A class of tests, with counters that outlive a repeated attempt.
fn class(body: &str) -> String {
    format!(
        "import static org.junit.jupiter.api.Assertions.*;\nimport org.junit.jupiter.api.*;\n\
         import org.junit.jupiter.params.ParameterizedTest;\nimport org.junit.jupiter.params.provider.ValueSource;\n\
         class ShopTest {{\n  static int attempts = 0;\n  {body}\n}}\n"
    )
}

#[test]
fn surefire() {
    let passes = class("@Test void opens() {}\n  @Test void pays() {}");
    let fails = class("@Test void opens() {}\n  @Test void pays() { assertEquals(200, 402); }");
    let flaky = class(
        "@Test void opens() {}\n  @Test void pays() { if (attempts++ < 1) throw new IllegalStateException(\"first <&>\"); }",
    );
    let skips = class(
        "@Test void opens() {}\n  @Test @Disabled(\"later\") void pays() {}\n  @Test void aborts() { Assumptions.assumeTrue(false, \"no card\"); }",
    );
    let setup = class(
        "@BeforeAll static void start() { throw new IllegalStateException(\"no database\"); }\n  @Test void pays() {}",
    );
    let parameters = class("@ParameterizedTest @ValueSource(ints = {1, 2}) void pays(int n) { assertEquals(1, n); }");
    let broken = class("@Test void pays() { return 1; }");
    for (name, text, verdict, says) in [
        ("passes", &passes, "passed", &["tests: 2 ran, none failed"][..]),
        ("fails", &fails, "blocked", &["tests: 1 of 2 failed", "ShopTest › pays: expected: <200> but was: <402>"]),
        (
            "flaky",
            &flaky,
            "passed",
            &["tests: 2 ran, none failed", "1 failed, then passed: ShopTest › pays; first: first <&>"],
        ),
        ("skips", &skips, "passed", &["tests: 1 ran, none failed, 2 skipped"]),
        ("setup fails", &setup, "blocked", &["no database"]),
        ("parameters", &parameters, "blocked", &["tests: 1 of 2 failed"]),
        ("broken", &broken, "blocked", &["exit code 1"]),
    ] {
        let files = [("pom.xml", POM), ("src/test/java/ShopTest.java", text.as_str())];
        play(
            "surefire",
            "mvn -o -q -B -Dmaven.repo.local=\"$RUNNERS/maven\" test",
            "target/surefire-reports/*.xml",
            &[Story { name, files: &files, verdict, says }],
        );
    }
}
