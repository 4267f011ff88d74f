//! Reads a report of tests in the format that its content has: `JUnit` XML, TRX or TAP.

use std::str;

use super::{bounds::SIZE, junit, tap, test_suite::TestSuite, trx};
use crate::{error::ValueError, finding::Finding};

/// How far into a file the root of a TRX report is looked for.
const HEAD: usize = 4096;

/// Reads one report.
///
/// # Errors
/// It is larger than 64 MiB, in another encoding than UTF-8, in no format that is known, or not complete.
pub fn read(bytes: &[u8]) -> Result<TestSuite, ValueError> {
    if bytes.len() > SIZE {
        return Err(ValueError::new("is larger than 64 MiB"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match str::from_utf8(bytes) {
        Ok(text) if is_trx(text) => trx::read(text),
        Ok(text) if tap::is_tap(text) => tap::read(text),
        _ => junit::read(bytes),
    }
}

/// Whether the first element is that of a TRX report.
fn is_trx(text: &str) -> bool {
    let head = &text[..text.floor_char_boundary(HEAD)];
    let element = head.match_indices('<').find(|(at, _)| !head[at + 1..].starts_with(['?', '!']));
    element.is_some_and(|(at, _)| {
        let name = &head[at + 1..];
        name.strip_prefix("TestRun").is_some_and(|rest| rest.starts_with([' ', '>', '/', '\n', '\r', '\t']))
    })
}

/// The finding on a file that [`read`] refused.
#[must_use]
pub fn invalid_report(file: &str, error: &ValueError) -> Finding {
    Finding::inconclusive(file)
        .actual(error.to_string())
        .expected("a complete report in UTF-8: JUnit XML, TRX or TAP")
        .next("see that the test runner ended by itself and wrote its report to this path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        for (text, ran) in [
            ("<testsuite><testcase name='a'/></testsuite>", 1),
            (
                "\u{feff}<?xml version='1.0'?>\n<!-- x --><TestRun><Results><UnitTestResult testName='a' outcome='Passed'/></Results></TestRun>",
                1,
            ),
            ("TAP version 13\n1..2\nok 1\nok 2\n", 2),
            ("\n# by prove\n1..1\nok 1 - a\n", 1),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).ran(), ran, "{text}");
        }
        for bad in ["", "{}", "<html/>", "<TestRunner/>", "all good"] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(read(&vec![b' '; SIZE + 1]).unwrap_err().to_string(), "is larger than 64 MiB");
    }

    #[test]
    fn an_invalid_report_is_named_with_the_next_step() {
        let error = read(b"<html/>").expect_err("not a report");
        let finding = invalid_report("junit.xml", &error);
        assert_eq!(finding.check, "junit.xml");
        assert!(finding.to_string().contains("line 1, column 1: <html>"), "{finding}");
    }
}
