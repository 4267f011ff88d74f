//! JUnit reports: which of them count, the verdict, and that their text is escaped.

use super::{HOSTILE, end, runner};
use crate::house::{Ended, Runner};

/// A step whose command writes `report` to `results/r.xml` and ends with `code`.
fn step_writing(report: &str, code: i32) -> Runner {
    let runner =
        runner(&format!("mkdir -p results; cp report results/r.xml; exit {code}")).input("junit", "results/*.xml");
    runner.write("report", report);
    runner
}

fn suite(cases: &str) -> String {
    format!("<testsuites><testsuite name='smoke'>{cases}</testsuite></testsuites>")
}

const GOOD: &str = "<testcase classname='account' name='login'/>";
const BAD: &str = "<testcase classname='checkout' name='pays by card' file='checkout.spec.ts'>\
                   <failure message='expected 200, got 500'>at checkout.spec.ts:7</failure></testcase>";
const SKIPPED: &str = "<testcase name='later'><skipped/></testcase>";

/// Asserts that text from outside added no workflow command, no output and no markup.
pub fn assert_escaped(ended: &Ended) {
    for command in ended.commands() {
        let own_commands = [
            "::group::smoke: ",
            "::endgroup::",
            "::error title=smoke%3A ",
            "::warning title=smoke%3A explained::",
            "::notice title=promote-gates::command=smoke ",
        ];
        assert!(own_commands.iter().any(|own| command.starts_with(own)), "{command}");
        assert!(!command.contains("##["), "{command}");
    }
    let outputs: Vec<_> = ended.outputs.keys().filter(|key| *key != "tests").collect();
    assert_eq!(outputs, ["reason", "report", "report-path", "verdict"]);
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"]);
    assert_eq!(ended.outputs["reason"].lines().count(), 1, "{:?}", ended.outputs["reason"]);
    for markup in ["<script", "</td", "a|b", "`c`", "**d", "\u{1b}"] {
        assert!(!ended.summary.contains(markup), "{markup} in {}", ended.summary);
    }
    for row in ended.summary.lines().filter(|line| line.starts_with('|')) {
        assert!((2..=5).contains(&row.matches('|').count()), "{row}");
    }
}

#[test]
fn reports_and_exit_code_decide_together() {
    for (cases, code, expected, message) in [
        ([GOOD, SKIPPED].concat(), 0, (0, "passed"), "1 ran, none failed, 1 skipped"),
        ([GOOD, BAD].concat(), 1, (1, "blocked"), "checkout › pays by card: expected 200, got 500; expected passed"),
        ([GOOD, BAD].concat(), 0, (1, "blocked"), "1 of 2 failed"),
        (GOOD.to_owned(), 2, (1, "blocked"), "exit code 2, though its reports show no failure"),
        (String::new(), 0, (3, "inconclusive"), "tests: none ran"),
        (SKIPPED.to_owned(), 0, (3, "inconclusive"), "none ran, 1 skipped"),
    ] {
        let ended = step_writing(&suite(&cases), code).run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert!(ended.log.contains(message), "{message} in {}", ended.log);
    }
}

#[test]
fn a_failing_test_is_named_in_all_outputs() {
    let ended = step_writing(&suite(&[GOOD, BAD].concat()), 1).run(&["smoke"]);
    assert!(ended.outputs["reason"].starts_with("tests: 1 of 2 failed; expected "), "{:?}", ended.outputs);
    let errors: Vec<&str> = ended.commands().into_iter().filter(|command| command.starts_with("::error")).collect();
    for (error, part) in errors.iter().zip(["tests: 1 of 2 failed", "checkout › pays by card: expected 200, got 500"])
    {
        assert!(error.starts_with(&format!("::error title=smoke%3A blocked::{part}")), "{errors:?}");
    }
    let page = "### ⛔ smoke: tests 1 of 2 failed, limit all pass: <code>checkout › pays by card</code> \
                expected 200, got 500 (and 2 more)\n";
    assert!(ended.summary.starts_with(page), "{}", ended.summary);
    let table = "<details><summary>Failing tests</summary>\n\n| Test | File | Message |\n| --- | --- | --- |\n\
                 | checkout › pays by card | checkout.spec.ts | expected 200, got 500 |\n";
    assert!(ended.summary.contains(table), "{}", ended.summary);
    assert_eq!(ended.report["findings"][1]["evidence"][0]["source"], "results/r.xml");
}

#[test]
fn of_many_failing_tests_the_total_comes_first() {
    let cases = |n| format!("<testcase name='t{n}'><failure message='connection refused'/></testcase>");
    let ended = step_writing(&suite(&(0..20_000).map(cases).collect::<String>()), 1).run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let total = "tests: 20,000 of 20,000 failed: t0, t1, t2 and 19,997 more; expected ";
    assert!(ended.outputs["reason"].starts_with(total), "{:?}", ended.outputs);
    let first_error = ended.commands().into_iter().find(|command| command.starts_with("::error")).unwrap();
    assert!(first_error.contains(total), "{first_error}");
    let table = "**Failing tests (3 of 20,000)**\n\n| Test | File | Message |\n";
    assert!(ended.summary.contains(table), "{}", ended.summary);
}

#[test]
fn a_missing_broken_or_stale_report_is_inconclusive() {
    let whole = suite(GOOD);
    let missing = runner("true").input("junit", "results/*.xml");
    let broken = step_writing(&whole[..whole.len() - 5], 0);
    let old = runner("true").input("junit", "results/r.xml");
    old.write("results/r.xml", &whole);
    let one_old = step_writing(&whole, 0);
    one_old.write("results/old.xml", &whole);
    for (runner, message) in [
        (missing, "the command wrote no report at results/*.xml: it names no file"),
        (broken, "results/r.xml: line 1, column"),
        (old, "of an earlier run, not written by this one: results/r.xml"),
        (one_old, "of an earlier run, not written by this one: results/old.xml"),
    ] {
        let ended = runner.run(&["smoke"]);
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains(message), "{message} in {}", ended.log);
    }
}

#[test]
fn a_rewritten_report_counts() {
    let runner = step_writing(&suite(GOOD), 0);
    runner.write("results/r.xml", suite(BAD));
    let ended = runner.run(&["smoke"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

#[test]
fn a_report_from_before_a_timeout_is_read() {
    let script = "cp report r.xml; exec sleep 1000";
    for (cases, named) in [(suite(GOOD), false), (suite(&[GOOD, BAD].concat()), true)] {
        let runner = runner(script).input("junit", "r.xml").input("timeout", "1s");
        runner.write("report", cases);
        let ended = runner.run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        assert_eq!(ended.log.contains("checkout › pays by card"), named, "{}", ended.log);
    }
}

#[test]
fn a_test_that_passes_at_the_second_run_is_flaky() {
    let script = "if [ -e again ]; then cp good r.xml; else touch again; cp bad r.xml; exit 1; fi";
    for (retries, expected) in [("1", (0, "passed")), ("0", (1, "blocked"))] {
        let runner = runner(script).input("junit", "r.xml").input("retries", retries);
        runner.write("bad", suite(&[GOOD, BAD].concat()));
        runner.write(
            "good",
            suite(&[GOOD, "<testcase classname='checkout' name='pays by card' file='checkout.spec.ts'/>"].concat()),
        );
        let ended = runner.run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert_eq!(
            ended.log.contains("1 failed, then passed: checkout › pays by card"),
            retries == "1",
            "{}",
            ended.log
        );
    }
}

#[test]
fn critical_tests_must_have_run() {
    for (critical, expected, message) in [
        ("login\naccount › *", (0, "passed"), "1 ran"),
        ("pays*", (3, "inconclusive"), "pays*: not among the 1 tests that ran"),
        ("later", (3, "inconclusive"), "later: skipped"),
    ] {
        let ended = step_writing(&suite(&[GOOD, SKIPPED].concat()), 0).input("critical", critical).run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert!(ended.log.contains(message), "{message} in {}", ended.log);
    }
}

#[test]
fn hostile_reports_are_escaped() {
    let escaped: String = HOSTILE
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("&#{};", u32::from(c)) })
        .collect();
    let attributes = format!("name='{escaped}' classname='{escaped}' file='{escaped}'");
    for (cases, code) in [
        (format!("<testcase {attributes}><failure message='{escaped}'>{escaped}</failure></testcase>"), 3),
        (format!("<testcase {attributes}><failure>{escaped}</failure></testcase>"), 3),
        (format!("<testcase {attributes}><flakyFailure message='{escaped}'>{escaped}</flakyFailure></testcase>"), 3),
        (format!("<testcase {attributes}/>"), 3),
        (format!("<testcase {attributes}><failure {attributes}>"), 3),
    ] {
        let ended = step_writing(&suite(&cases), 0).input("critical", "none such").run(&["smoke"]);
        assert_escaped(&ended);
        assert_eq!(ended.code, code, "{}", ended.log);
    }
    let named = runner("cp report '::error::x ##[error] a|b `c`.xml'").input("junit", "*.xml");
    for report in [suite(BAD), "broken ##[error]".to_owned()] {
        named.write("report", report);
        assert_escaped(&named.run(&["smoke"]));
    }
}
