use std::time::Duration;

use super::*;
use crate::commands::smoke::{
    bounds::TEXT,
    test_suite::{TestCase, TestOutcome, TestSuite, UncountedTests},
};

fn good(text: &str) -> TestSuite {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn bad(bytes: impl AsRef<[u8]>) -> String {
    read(bytes.as_ref()).expect_err("not a report").to_string()
}

/// The number of tests, of tests that ran, and the name and headline of each failure.
fn summary(suite: &TestSuite) -> (usize, usize, Vec<(&str, &str)>) {
    (
        suite.cases.len(),
        suite.ran(),
        suite.failed().map(|(case, failure)| (case.name.as_str(), failure.headline())).collect(),
    )
}

#[test]
fn a_report_of_pytest_is_read() {
    let suite = good(include_str!("samples/pytest.xml"));
    let failed = vec![
        ("tests.smoke.test_checkout.TestCart › test_add[a<b&c-1]", "AssertionError: assert 503 == 200"),
        ("tests.smoke.test_checkout › test_teardown", "failed on teardown with \"OSError: gone\""),
    ];
    assert_eq!(summary(&suite), (6, 4, failed));
    let TestOutcome::Failed(failure) = &suite.cases[1].outcome else { panic!("passed") };
    assert_eq!(failure.message, "AssertionError: assert 503 == 200\n +  where 503 = <Response [503]>.status_code");
    assert!(
        failure.text.starts_with("self = <tests.") && failure.text.ends_with("test_checkout.py:14: AssertionError")
    );
    assert_eq!(suite.cases[2].outcome, TestOutcome::Skipped);
    assert_eq!(suite.cases[1].time, Some(Duration::from_millis(12)));
}

#[test]
fn a_report_of_jest_junit_is_read() {
    let suite = good(include_str!("samples/jest.xml"));
    let headline = "Error: expect(received).toBe(expected) // Object.is equality";
    assert_eq!(summary(&suite), (4, 3, vec![("checkout pays by card", headline)]));
}

#[test]
fn a_report_of_surefire_is_read() {
    let suite = good(include_str!("samples/surefire.xml"));
    let failed = vec![
        ("com.acme.CheckoutIT › pays", "expected: <200> but was: <402>"),
        ("com.acme.CheckoutIT › ships", "Connection refused"),
    ];
    assert_eq!(summary(&suite), (5, 4, failed));
    assert_eq!(suite.cases[0].time, Some(Duration::from_millis(1_200_500)));
    assert!(matches!(suite.cases[4].outcome, TestOutcome::Flaky(_)), "a flaky test passed in the end");
}

#[test]
fn a_report_of_go_junit_report_is_read() {
    let suite = good(include_str!("samples/go.xml"));
    assert_eq!(
        summary(&suite),
        (3, 2, vec![("github.com/acme/shop/smoke › TestCart/empty_cart", "cart_test.go:11: got 500, want 200")])
    );
}

#[test]
fn a_report_of_playwright_is_read() {
    let suite = good(include_str!("samples/playwright.xml"));
    let name = "checkout.spec.ts › checkout › pays by card";
    assert_eq!(summary(&suite), (3, 2, vec![(name, "checkout.spec.ts:12:7 pays by card")]));
    let (_, failure) = suite.failed().next().expect("one");
    assert!(failure.text.contains("Error: expect(locator).toBeVisible() failed"));
}

#[test]
fn a_report_of_mocha_junit_reporter_is_read() {
    let suite = good(include_str!("samples/mocha.xml"));
    assert_eq!(summary(&suite), (3, 2, vec![("checkout pays by card", "expected 402 to equal 200")]));
    assert_eq!(suite.cases[1].file.as_deref(), Some("/app/test/checkout.js"));
}

#[test]
fn nothing_ran_when_there_are_no_tests_or_only_skipped_ones() {
    for none in ["<testsuites/>", "<testsuite tests='7'></testsuite>", "<testsuites><testsuite name='a'/></testsuites>"]
    {
        assert_eq!(summary(&good(none)), (0, 0, vec![]), "{none}");
    }
    let skipped = "<testcase name='a'><skipped/></testcase>";
    let nested = format!(
        "<testsuites skipped='2'><testsuite skipped='2'>{skipped}<testsuite skipped='1'>{skipped}</testsuite></testsuite></testsuites>"
    );
    for all in [
        nested.as_str(),
        // gtest uses attributes, others only the totals.
        "<testsuites disabled='1'><testsuite disabled='1'><testcase name='a' status='notrun' result='suppressed'/></testsuite></testsuites>",
        "<testsuite tests='2' skipped='2'><testcase name='a'/><testcase name='b'/></testsuite>",
        "<testsuite skipped='9'><testcase name='a'/></testsuite>",
    ] {
        assert_eq!(good(all).ran(), 0, "{all}");
    }
    let one = "<testsuites><testsuite skipped='1'><testcase name='a'/></testsuite><testsuite><testcase name='b'/></testsuite></testsuites>";
    assert_eq!(good(one).ran(), 1);
}

#[test]
fn a_failure_is_found_at_any_depth() {
    for (text, name) in [
        (
            "<testsuites><testsuite><testsuite><testcase name='x'><failure/></testcase></testsuite></testsuite></testsuites>",
            "x",
        ),
        ("<testsuite><group><testcase name='x'><wrap><error/></wrap></testcase></group></testsuite>", "x"),
        ("<testsuites><testcase name='x'><skipped/><failure/></testcase></testsuites>", "x"),
        ("<testsuite failures='1'><testcase name='x' status='failed'/></testsuite>", "x"),
        ("<testsuite name='x'><testcase name='a'/><error message='beforeAll failed'/></testsuite>", "x"),
        ("<j:testsuite xmlns:j='urn:j'><j:testcase name='x'><j:failure/></j:testcase></j:testsuite>", "x"),
        ("<testsuite>\n<testcase><failure/></testcase></testsuite>", "test 1, which has no name"),
    ] {
        let suite = good(text);
        assert_eq!(suite.failed().map(|(case, _)| case.name.as_str()).collect::<Vec<_>>(), [name], "{text}");
    }
    // Output and repeated attempts may hold anything.
    for inert in ["system-out", "system-err", "properties", "rerunFailure", "flakyError"] {
        let text = format!(
            "<testsuite><testcase name='a'><{inert}><failure/><testcase/><skipped/></{inert}></testcase></testsuite>"
        );
        assert_eq!(summary(&good(&text)), (1, 1, vec![]), "{text}");
    }
}

#[test]
fn failures_that_stand_only_in_the_totals_are_failures() {
    let case = "<testcase name='a'><failure message='no'/></testcase>";
    let failed = |text: &str| {
        let suite = good(text);
        let failed: Vec<String> =
            suite.failed().map(|(case, failure)| format!("{}: {}", case.name, failure.headline())).collect();
        failed
    };
    assert_eq!(failed(&format!("<testsuite failures='0' errors='0'>{case}</testsuite>")), ["a: no"]);
    let around = |totals: &str, inner: &str| {
        format!("<testsuites {totals}>\n <testsuite name='s' {inner}>{case}</testsuite></testsuites>")
    };
    assert_eq!(failed(&around("failures='1'", "failures='1'")), ["a: no"]);
    // One test can fail twice.
    let twice =
        "<testsuite failures='1' errors='1'><testcase name='a'><failure message='no'/><error/></testcase></testsuite>";
    assert_eq!(failed(twice), ["a: no"]);
    let more = "its totals count 1 more failures and errors than the report shows";
    assert_eq!(failed(&around("failures='1'", "failures='2'")), ["a: no".to_owned(), format!("s: {more}")]);
    assert_eq!(failed(&around("errors='1' failures='1'", "")), ["a: no".to_owned(), format!("the report: {more}")]);
    assert_eq!(failed("<testsuite errors='1'/>"), [format!("the report: {more}")]);
    let newman = "<testsuites><testsuite name='Login' errors='1'><system-err>Iteration: 0\nError: connect ECONNREFUSED</system-err>\
                  <testcase name='b'><system-err>unrelated</system-err></testcase></testsuite></testsuites>";
    assert_eq!(failed(newman), ["Login: Error: connect ECONNREFUSED"]);
    assert!(bad("<testsuite failures='-1'/>").contains("failures=\"-1\"; expected a number"));
}

#[test]
fn tests_that_stand_only_in_the_totals_are_skipped_or_missing() {
    let cases = |n: usize| "<testcase name='x'/>".repeat(n);
    let uncounted =
        |skipped_unlisted, skipped_unmarked, missing| UncountedTests { skipped_unlisted, skipped_unmarked, missing };
    for (text, expected) in [
        (format!("<testsuite tests='4' skipped='2'>{}</testsuite>", cases(2)), uncounted(2, 0, 0)),
        (
            format!("<testsuites tests='4' skipped='2'><testsuite tests='4'>{}</testsuite></testsuites>", cases(2)),
            uncounted(2, 0, 0),
        ),
        (format!("<testsuite tests='4' skipped='2'>{}</testsuite>", cases(4)), uncounted(0, 2, 0)),
        (format!("<testsuite tests='10'>{}</testsuite>", cases(1)), uncounted(0, 0, 9)),
        (format!("<testsuite tests='10' skipped='3'>{}</testsuite>", cases(1)), uncounted(3, 0, 6)),
        (format!("<testsuites tests='10'><testsuite>{}</testsuite></testsuites>", cases(1)), uncounted(0, 0, 9)),
        // newman counts requests at the top.
        (
            format!(
                "<testsuites tests='4'><testsuite tests='1'>{0}</testsuite><testsuite tests='2'>{0}{0}</testsuite></testsuites>",
                cases(1)
            ),
            uncounted(0, 0, 0),
        ),
        // pytest counts the subtests that passed.
        (
            format!(
                "<testsuites name='pytest tests'><testsuite name='pytest' tests='4'>{}</testsuite></testsuites>",
                cases(1)
            ),
            uncounted(0, 0, 0),
        ),
        (
            format!(
                "<testsuites name='tests'><testsuite name='pytest' tests='4'>{}</testsuite></testsuites>",
                cases(1)
            ),
            uncounted(0, 0, 3),
        ),
        // Catch2 counts assertions.
        (format!("<testsuite tests='17' hostname='tbd'>{}</testsuite>", cases(1)), uncounted(0, 0, 0)),
        (format!("<testsuite>{}</testsuite>", cases(3)), uncounted(0, 0, 0)),
    ] {
        assert_eq!(good(&text).uncounted, expected, "{text}");
    }
}

#[test]
fn a_test_that_passed_when_it_was_repeated_is_flaky() {
    for (text, flaky) in [
        ("<testsuite><testcase name='a'><flakyFailure message='first'/></testcase></testsuite>", vec![("a", "first")]),
        (
            "<testsuite><testcase name='a'><flakyError message='x'>at b</flakyError></testcase></testsuite>",
            vec![("a", "x")],
        ),
        (
            "<testsuite><testcase name='a'><failure message='no'/><rerunFailure message='still'/></testcase></testsuite>",
            vec![],
        ),
        ("<testsuite tests='1'><testcase name='a'/><testcase name='a'/></testsuite>", vec![("a", "")]),
        ("<testsuite tests='2'><testcase name='a'/><testcase name='a'/></testsuite>", vec![]),
        (
            "<testsuite><testcase name='a'><system-out>[[ATTACHMENT|../a-api/error-context.md]]</system-out></testcase></testsuite>",
            vec![("a", "")],
        ),
        (
            "<testsuite><testcase name='a'><system-out>[[ATTACHMENT|../a-api-retry1/trace.zip]]</system-out></testcase></testsuite>",
            vec![("a", "")],
        ),
        (
            "<testsuite><testcase name='a'><system-out>[[ATTACHMENT|../a-api/video.webm]]</system-out></testcase></testsuite>",
            vec![],
        ),
    ] {
        let suite = good(text);
        let found: Vec<_> = suite.flaky().map(|(case, failure)| (case.name.as_str(), failure.headline())).collect();
        assert_eq!(found, flaky, "{text}");
    }
}

#[test]
fn what_is_to_do_may_fail() {
    let todo = "<testsuite><testcase name='a'><skipped type='todo'/><failure message='x'/></testcase></testsuite>";
    assert_eq!(summary(&good(todo)), (1, 0, vec![]));
    let torn_down =
        "<testsuite><testcase name='a'><skipped type='pytest.skip'/><error message='x'/></testcase></testsuite>";
    assert_eq!(summary(&good(torn_down)), (1, 1, vec![("a", "x")]));
}

#[test]
fn several_projects_are_told_apart() {
    let text = |one: &str, other: &str| {
        let suite =
            |host: &str| format!("<testsuite name='pay.spec.js' hostname='{host}'><testcase name='pays'/></testsuite>");
        format!("<testsuites>{}{}</testsuites>", suite(one), suite(other))
    };
    let names = |text: &str| good(text).cases.iter().map(TestCase::full_name).collect::<Vec<_>>();
    assert_eq!(names(&text("chromium", "webkit")), ["pays (chromium)", "pays (webkit)"]);
    assert_eq!(names(&text("runner", "runner")), ["pays", "pays"]);
}

#[test]
fn names_are_trimmed_and_characters_that_xml_cannot_hold_are_replaced() {
    let one =
        |attributes: &str| good(&format!("<testsuite><testcase {attributes}/></testsuite>")).cases[0].name.clone();
    assert_eq!(one("classname=' pays' name=' pays'"), "pays");
    assert_eq!(one("name='a&#0;b&#xD800;c&#65;'"), "a\u{fffd}b\u{fffd}cA");
    assert_eq!(one("name='red \u{1b}[31mline'"), "red line");
    let text = "<testsuite><testcase name='a'><failure>x&#0;y</failure></testcase></testsuite>";
    assert_eq!(good(text).failed().next().unwrap().1.text, "x\u{fffd}y");
}

#[test]
fn the_class_is_left_out_if_the_name_contains_it() {
    for (class, name, expected) in [
        ("a.B", "c", "a.B › c"),
        ("", "c", "c"),
        ("c", "c", "c"),
        ("api", "rapid", "api › rapid"),
        ("log", "login works", "log › login works"),
        ("login", "login works", "login works"),
        ("works", "login works", "login works"),
    ] {
        let suite = good(&format!("<testsuite><testcase classname='{class}' name='{name}'/></testsuite>"));
        assert_eq!(suite.cases[0].name, expected);
    }
}

#[test]
fn text_is_unescaped_once_and_truncated() {
    let one = |body: &str| {
        good(&format!("<testsuite><testcase name='a'>{body}</testcase></testsuite>"))
            .failed()
            .next()
            .expect("one")
            .1
            .clone()
    };
    let failure = one(
        "<failure message='&lt;a&gt; &amp;amp; &#x41;&#66;&quot;&apos;'>&lt;<![CDATA[&lt;<b>]]>&#10;<i>x</i><!-- y --></failure>",
    );
    assert_eq!((failure.message.as_str(), failure.text.as_str()), ("<a> &amp; AB\"'", "<&lt;<b>\nx"));
    // Raw, whatever it holds: the sinks escape.
    let raw = "::error::x ##[error]x %0A::set-output </td>";
    assert_eq!(one(&format!("<failure><![CDATA[{raw}]]></failure>")).text, raw);

    let long = "é&#10;".repeat(TEXT);
    let failure = one(&format!("<failure message='{long}'>{long}</failure>"));
    for text in [failure.message, failure.text] {
        assert!(text.ends_with('…') && text.starts_with("é\né\n") && text.len() <= TEXT + '…'.len_utf8());
    }
    assert_eq!(one("<failure>\n  \n  first\nsecond</failure>").headline(), "first");
    assert_eq!(one("<failure/>").headline(), "");
}

#[test]
fn times_are_read_or_left_out() {
    let time = |text: &str| good(&format!("<testsuite><testcase name='a' time='{text}'/></testsuite>")).cases[0].time;
    assert_eq!(time("1,234.5"), Some(Duration::from_millis(1_234_500)));
    for none in ["", "-1", "NaN", "inf", "1e400", "soon"] {
        assert_eq!(time(none), None, "{none}");
    }
}

#[test]
fn other_encodings_than_utf8_are_named() {
    let body = "<testsuite><testcase name='ä'/></testsuite>";
    for head in [
        "",
        "\u{feff}",
        "<?xml version='1.0' encoding='utf-8'?>",
        "\u{feff}<?xml version=\"1.1\" encoding=\"UTF8\"?>\n",
    ] {
        assert_eq!(good(&format!("{head}{body}")).cases[0].name, "ä");
    }
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?>\n<testsuite name='\xe4'/>";
    assert_eq!(bad(latin), "is in the encoding \"ISO-8859-1\"; only UTF-8 is read");
    assert_eq!(
        bad("<?xml version='1.0' encoding='latin1'?><testsuite/>"),
        "is in the encoding \"latin1\"; only UTF-8 is read"
    );
    assert_eq!(bad(b"<testsuite>\n \xe4\xb6"), "line 2, column 2: is not UTF-8 from here on");
    let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for wide in [wide.clone(), [&[0xff, 0xfe], &wide[..]].concat()] {
        assert!(bad(wide).contains("UTF-16"));
    }
}

#[test]
fn an_incomplete_report_is_refused_with_line_and_column() {
    for (text, expected) in [
        ("", "is empty"),
        (" \n<!-- nothing -->", "is empty"),
        ("{\"tests\": 3}", "line 1, column 1: text outside of the document"),
        ("<html><body>502</body></html>", "line 1, column 1: <html>; expected <testsuites> or <testsuite>"),
        (
            "<testsuite>\n<testcase name='ä'/>\n",
            "line 3, column 1: the file ends before its elements do: it was cut off",
        ),
        (
            "<testsuite>\n<testcase name='ä'><failure>x",
            "line 2, column 30: the file ends before its elements do: it was cut off",
        ),
        (
            "<testsuite/><testsuite/>",
            "line 1, column 13: <testsuite> after the end: the file holds more than one document",
        ),
        ("<testsuite/>\nwarning: x", "line 1, column 13: text outside of the document"),
        (
            "<testsuite><testcase><testcase/></testcase></testsuite>",
            "line 1, column 22: <testcase> inside of a <testcase>",
        ),
    ] {
        assert_eq!(bad(text), expected);
    }
    for (text, place) in [
        ("<testsuite>\n<testcase name='ä", "line 2, column 1: "),
        ("<testsuite>\n<testcase name='a'><![CDATA[x", "line 2, column 20: "),
        ("<testsuite>\n</testcase>", "line 2, column 1: "),
        ("<testsuite></testsuite></testsuite>", "line 1, column 24: "),
        ("<testsuite><testcase name=a/></testsuite>", "line 1, column 12: "),
        ("<testsuite><testcase name='a' name='b'/></testsuite>", "line 1, column 12: "),
        ("<testsuite><failure>a & b</failure></testsuite>", "line 1, column "),
    ] {
        let error = bad(text);
        assert!(error.starts_with(place), "{error}: {text}");
    }
    // Each prefix of a report is refused, such as the file of a killed test runner.
    let whole = include_str!("samples/surefire.xml").trim_end();
    for end in (0..whole.len()).filter(|&end| whole.is_char_boundary(end)) {
        assert!(read(&whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
    }
}

#[test]
fn custom_entities_are_refused() {
    let lol = "<?xml version='1.0'?>\n<!DOCTYPE lolz [<!ENTITY a 'lol'><!ENTITY b '&a;&a;'>]>\n<testsuite name='&b;'/>";
    assert!(bad(lol).starts_with("line 2, column 1: a DOCTYPE"), "{}", bad(lol));
    let external =
        "<!DOCTYPE t [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>\n<testsuite><testcase name='&f;'/></testsuite>";
    assert!(bad(external).starts_with("line 1, column 1: a DOCTYPE"), "{}", bad(external));
    assert!(bad("<testsuite><failure>&lol;</failure></testsuite>").contains("the entity &lol;"));
    assert!(bad("<testsuite name='&lol;'/>").contains("lol"));
    assert!(bad("<testsuite><failure>&nbsp;</failure></testsuite>").contains("&nbsp;"));
}

#[test]
fn size_depth_and_width_are_bounded() {
    let deep = |levels: usize| "<testsuite>".repeat(levels) + &"</testsuite>".repeat(levels);
    assert_eq!(good(&deep(100)).ran(), 0);
    assert!(bad(deep(101)).contains("deeper than 100"));
    let wide = (0..101).fold(String::from("<testsuite"), |text, number| format!("{text} a{number}=''")) + "/>";
    assert!(bad(wide).contains("more than 100 attributes"));
    let many = format!("<testsuite>{}</testsuite>", "<testcase/>".repeat(100_001));
    assert!(bad(many).contains("more than 100000 tests"));
}
