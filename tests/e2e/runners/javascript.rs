//! jest, vitest, mocha, Node's own runner, Playwright's runner and bats.

use crate::{Story, play};

const PASSES: &str = "it('logs in', () => {}); describe('checkout', () => { it('pays', () => {}); });";
const FAILS: &str =
    "describe('checkout', () => { it('pays', () => { throw new Error('got 500'); }); it('ships', () => {}); });";
const SKIPS: &str =
    "it('logs in', () => {}); it.skip('pays', () => {}); describe.skip('later', () => { it('ships', () => {}); });";
const SKIPS_ALL: &str = "it.skip('logs in', () => {}); it.skip('pays', () => {});";
const BROKEN: &str = "it('logs in', () => {}); }";
const SAME_NAMES: &str = "for (const n of [1, 2]) { it('pays', () => { if (n === 1) throw new Error('first'); }); }";
const COLOURS: &str = "it('pays', () => { throw new Error('\\u001b[31mred\\u001b[0m <b> & \\u0001 end'); });";

fn story<'a>(name: &'a str, files: &'a [(&'a str, &'a str)], verdict: &'a str, says: &'a [&'a str]) -> Story<'a> {
    Story { name, files, verdict, says }
}

#[test]
fn jest() {
    let setup = "beforeAll(() => { throw new Error('no database'); }); it('pays', () => {});";
    let flaky = "jest.retryTimes(2); let n = 0; it('pays', () => { n += 1; if (n < 2) throw new Error('first'); });";
    let todo = "it('logs in', () => {}); it.todo('pays');";
    let each = "it.each([[1], [2]])('pays %i', (n) => { expect(n).toBe(1); });";
    play(
        "jest",
        "JEST_JUNIT_OUTPUT_FILE=r.xml npx jest --ci --config '{}' --reporters=jest-junit",
        "r.xml",
        &[
            story("passes", &[("a.test.js", PASSES)], "passed", &["tests: 2 ran, none failed"]),
            story(
                "fails",
                &[("a.test.js", FAILS)],
                "blocked",
                &["tests: 1 of 2 failed", "checkout pays: Error: got 500"],
            ),
            story("skips", &[("a.test.js", SKIPS)], "passed", &["tests: 1 ran, none failed, 2 skipped"]),
            story("skips all", &[("a.test.js", SKIPS_ALL)], "inconclusive", &["tests: none ran, 2 skipped"]),
            story("broken beside good", &[("a.test.js", PASSES), ("b.test.js", BROKEN)], "blocked", &["exit code 1"]),
            story("setup fails", &[("a.test.js", setup)], "blocked", &["no database"]),
            story("flaky", &[("a.test.js", flaky)], "passed", &["tests: 1 ran"]),
            // The report has no mark for it.
            story("to do", &[("a.test.js", todo)], "passed", &["tests: 2 ran"]),
            story("each", &[("a.test.js", each)], "blocked", &["pays 2: "]),
            story("same names", &[("a.test.js", SAME_NAMES)], "blocked", &["tests: 1 of 2 failed"]),
            story("colours", &[("a.test.js", COLOURS)], "blocked", &["pays: Error: red <b> & "]),
            story("no tests", &[("a.test.js", "")], "blocked", &["exit code 1"]),
            story("no files", &[("a.js", PASSES)], "blocked", &["exit code 1"]),
        ],
    );
}

#[test]
fn vitest() {
    let setup = "beforeAll(() => { throw new Error('no database'); }); it('pays', () => {});";
    let flaky = "let n = 0; it('pays', { retry: 2 }, () => { n += 1; if (n < 2) throw new Error('first'); });";
    let todo = "it('logs in', () => {}); it.todo('pays');";
    let expected = "it('logs in', () => {}); it.fails('pays', () => { throw new Error('known'); });";
    play(
        "vitest",
        "npx vitest run --globals --reporter=junit --outputFile=r.xml",
        "r.xml",
        &[
            story("passes", &[("a.test.js", PASSES)], "passed", &["tests: 2 ran, none failed"]),
            story("fails", &[("a.test.js", FAILS)], "blocked", &["tests: 1 of 2 failed", "got 500"]),
            story("skips", &[("a.test.js", SKIPS)], "passed", &["tests: 1 ran, none failed, 2 skipped"]),
            story("skips all", &[("a.test.js", SKIPS_ALL)], "inconclusive", &["tests: none ran, 2 skipped"]),
            story("broken beside good", &[("a.test.js", PASSES), ("b.test.js", BROKEN)], "blocked", &["exit code 1"]),
            story("setup fails", &[("a.test.js", setup)], "blocked", &["no database"]),
            story("flaky", &[("a.test.js", flaky)], "passed", &["tests: 1 ran"]),
            story("to do", &[("a.test.js", todo)], "passed", &["tests: 1 ran"]),
            story("expected to fail", &[("a.test.js", expected)], "passed", &["tests: 2 ran"]),
            story("same names", &[("a.test.js", SAME_NAMES)], "blocked", &["tests: 1 of 2 failed"]),
            story("colours", &[("a.test.js", COLOURS)], "blocked", &["red <b> & "]),
            story("no files", &[("a.js", PASSES)], "blocked", &["exit code 1"]),
        ],
    );
}

#[test]
fn mocha() {
    let setup = "before(() => { throw new Error('no database'); }); it('pays', () => {}); it('ships', () => {});";
    let flaky = "let n = 0; it('pays', function () { this.retries(2); n += 1; if (n < 2) throw new Error('first'); });";
    let pending = "it('logs in', () => {}); it('pays');";
    let in_test = "it('logs in', () => {}); it('pays', function () { this.skip(); });";
    play(
        "mocha",
        "npx mocha --reporter mocha-junit-reporter --reporter-options mochaFile=r.xml a.js",
        "r.xml",
        &[
            story("passes", &[("a.js", PASSES)], "passed", &["tests: 2 ran, none failed"]),
            story("fails", &[("a.js", FAILS)], "blocked", &["tests: 1 of 2 failed", "checkout pays: got 500"]),
            story("skips", &[("a.js", SKIPS)], "passed", &["tests: 1 ran, none failed, 2 skipped"]),
            story("skips all", &[("a.js", SKIPS_ALL)], "inconclusive", &["tests: none ran, 2 skipped"]),
            story("broken", &[("a.js", BROKEN)], "blocked", &["exit code 1"]),
            story("setup fails", &[("a.js", setup)], "blocked", &["no database"]),
            story("flaky", &[("a.js", flaky)], "passed", &["tests: 1 ran"]),
            story("pending", &[("a.js", pending)], "passed", &["tests: 1 ran, none failed, 1 skipped"]),
            story("skipped within", &[("a.js", in_test)], "passed", &["tests: 1 ran, none failed, 1 skipped"]),
            story("same names", &[("a.js", SAME_NAMES)], "blocked", &["tests: 1 of 2 failed"]),
            story("colours", &[("a.js", COLOURS)], "blocked", &["red <b> & "]),
            story("no tests", &[("a.js", "")], "inconclusive", &["tests: none ran"]),
        ],
    );
}

const NODE: &str = "const { it, describe, before } = require('node:test');\n";

#[test]
fn node_in_junit_and_in_tap() {
    let with = |text: &str| format!("{NODE}{text}");
    let (passes, fails, skips, broken) = (with(PASSES), with(FAILS), with(SKIPS), with(BROKEN));
    let todo = with("it('logs in', () => {}); it('pays', { todo: true }, () => { throw new Error('known'); });");
    let setup = with("before(() => { throw new Error('no database'); }); it('pays', () => {});");
    let colours = with(COLOURS);
    let nested = with(
        "describe('shop', () => { describe('checkout', () => { it('pays', () => { throw new Error('x'); }); }); });",
    );
    for (reporter, report) in [("junit", "r.xml"), ("tap", "r.tap")] {
        play(
            &format!("node, {reporter}"),
            &format!("node --test --test-reporter={reporter} --test-reporter-destination={report} a.test.js"),
            report,
            &[
                story("passes", &[("a.test.js", &passes)], "passed", &["tests: 2 ran, none failed"]),
                story("fails", &[("a.test.js", &fails)], "blocked", &["tests: 1 of 2 failed", "got 500"]),
                story("skips", &[("a.test.js", &skips)], "passed", &["tests: 1 ran, none failed"]),
                story("broken", &[("a.test.js", &broken)], "blocked", &["exit code 1"]),
                story("to do fails", &[("a.test.js", &todo)], "passed", &["tests: 1 ran, none failed, 1 skipped"]),
                story("setup fails", &[("a.test.js", &setup)], "blocked", &["exit code 1"]),
                story("colours", &[("a.test.js", &colours)], "blocked", &["red <b> &"]),
                story("nested", &[("a.test.js", &nested)], "blocked", &["tests: 1 of 1 failed"]),
            ],
        );
    }
}

const PLAYWRIGHT: &str = "const { test, expect } = require('@playwright/test');\n";

#[test]
fn playwright() {
    let with = |text: &str| format!("{PLAYWRIGHT}{text}");
    let passes =
        with("test('logs in', async () => {}); test.describe('checkout', () => { test('pays', async () => {}); });");
    let fails = with("test('pays', async () => { expect(500).toBe(200); }); test('ships', async () => {});");
    let skips = with(
        "test('logs in', async () => {}); test.skip('pays', async () => {}); test.fixme('ships', async () => {});",
    );
    let flaky = with("test('pays', async ({}, info) => { expect(info.retry).toBe(1); });");
    let timeout = with("test('pays', async () => { test.setTimeout(200); await new Promise(() => {}); });");
    let hook = with("test.beforeAll(async () => { throw new Error('no database'); }); test('pays', async () => {});");
    let broken = with("test('pays', async () => {}); }");
    let two = "module.exports = { projects: [{ name: 'one' }, { name: 'two' }] };";
    let config = "module.exports = { retries: 1 };";
    play(
        "playwright",
        "PLAYWRIGHT_JUNIT_OUTPUT_NAME=r.xml npx playwright test --reporter=junit",
        "r.xml",
        &[
            story("passes", &[("a.spec.js", &passes)], "passed", &["tests: 2 ran, none failed"]),
            story("fails", &[("a.spec.js", &fails)], "blocked", &["tests: 1 of 2 failed", "toBe"]),
            story("skips", &[("a.spec.js", &skips)], "passed", &["tests: 1 ran, none failed, 2 skipped"]),
            story(
                "flaky",
                &[("a.spec.js", &flaky), ("playwright.config.js", config)],
                "passed",
                &["1 failed, then passed: a.spec.js › pays"],
            ),
            story("times out", &[("a.spec.js", &timeout)], "blocked", &["Test timeout of 200ms exceeded"]),
            story("hook fails", &[("a.spec.js", &hook)], "blocked", &["no database"]),
            story("broken", &[("a.spec.js", &broken)], "blocked", &["exit code 1"]),
            story(
                "projects",
                &[("a.spec.js", &fails), ("playwright.config.js", two)],
                "blocked",
                &["tests: 2 of 4 failed", "pays (one)", "pays (two)"],
            ),
            story("no tests", &[("a.js", &passes)], "blocked", &["exit code 1"]),
        ],
    );
}

#[test]
fn bats_in_junit_and_in_tap() {
    for (command, report) in [
        ("node_modules/bats/bin/bats --report-formatter junit --output . a.bats", "report.xml"),
        ("node_modules/bats/bin/bats --formatter tap a.bats > r.tap", "r.tap"),
    ] {
        play(
            "bats",
            command,
            report,
            &[
                story(
                    "passes",
                    &[("a.bats", "@test \"logs in\" { true; }\n@test \"pays\" { true; }\n")],
                    "passed",
                    &["2 ran"],
                ),
                story("fails", &[("a.bats", "@test \"pays\" { false; }\n")], "blocked", &["tests: 1 of 1 failed"]),
                story(
                    "skips",
                    &[("a.bats", "@test \"logs in\" { true; }\n@test \"pays\" { skip later; }\n")],
                    "passed",
                    &["1 ran, none failed, 1 skipped"],
                ),
                story("broken", &[("a.bats", "@test \"pays\" { (( ; }\n")], "blocked", &["exit code 1"]),
            ],
        );
    }
}
