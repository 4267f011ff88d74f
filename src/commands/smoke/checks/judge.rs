//! Judges one response by what its step expects, and takes the values for later steps. Pure.

use std::time::Duration;

use serde_json::Value;

use super::{
    expectation::{Capture, CaptureSource, Expectation},
    redactor::Redactor,
    template::TemplateValues,
};
use crate::{
    expression,
    subject::Subject,
    values::{HumanDuration, clip, figures::elapsed},
};

/// The most characters of a text in a reason.
const QUOTED: usize = 120;

/// A response, as a step sees it.
pub struct SeenResponse<'a> {
    pub status: u16,
    /// By names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    pub took: Duration,
    /// Where a redirect that was not followed leads to, without its query.
    pub redirect: Option<&'a str>,
}

impl SeenResponse<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The reasons why a response is not as expected; none: it is. They have no secrets.
#[must_use]
pub fn judge(
    expect: &Expectation,
    seen: &SeenResponse<'_>,
    values: &TemplateValues,
    subject: &Subject,
    redactor: &Redactor,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if !expect.status.contains(seen.status) {
        let redirect = seen.redirect.map(|to| format!(", a redirect to {}", redactor.hide(to))).unwrap_or_default();
        let hint = if redirect.is_empty() { "" } else { "; `follow` follows redirects" };
        reasons.push(format!("answered {}{redirect}; expected {}{hint}", seen.status, expect.status));
        // The page of an error meets no other condition either.
        return reasons;
    }
    for (name, wanted) in &expect.headers {
        let shown = clip(&wanted.to_string(), QUOTED);
        match (seen.header(name), wanted.render(values)) {
            (_, Err(no_value)) => reasons.push(format!("`{}` was not captured", no_value.0)),
            (Some(value), Ok(text)) if value.contains(&text) => {}
            (Some(value), Ok(_)) => {
                let value = clip(&redactor.hide(value), QUOTED);
                reasons.push(format!("the header `{name}` is \"{value}\"; expected \"{shown}\" in it"));
            }
            (None, Ok(_)) => reasons.push(format!("it has no header `{name}`; expected one with \"{shown}\"")),
        }
    }
    let text = String::from_utf8_lossy(seen.body);
    for (wanted, present) in
        expect.contains.iter().map(|text| (text, true)).chain(expect.excludes.iter().map(|text| (text, false)))
    {
        let shown = clip(&wanted.to_string(), QUOTED);
        match wanted.render(values) {
            Err(no_value) => reasons.push(format!("`{}` was not captured", no_value.0)),
            Ok(wanted) if text.contains(&wanted) == present => {}
            Ok(_) if present => reasons.push(format!("its body does not contain \"{shown}\"")),
            Ok(_) => reasons.push(format!("its body contains \"{shown}\", which is excluded")),
        }
    }
    for condition in &expect.conditions {
        if let Err(reason) = condition.check_with(seen.body, subject, &values.captures) {
            reasons.push(format!("{}; expected `{condition}`", redactor.hide(&reason)));
        }
    }
    if let Some(limit) = expect.within.filter(|limit| seen.took > *limit) {
        reasons.push(format!("took {}; expected at most {}", elapsed(seen.took), HumanDuration(limit)));
    }
    reasons
}

/// The value of a capture.
///
/// # Errors
/// It matched nothing, or no single value. The reason has no secrets.
pub fn captured(capture: &Capture, seen: &SeenResponse<'_>, redactor: &Redactor) -> Result<Value, String> {
    let failed =
        |why: String| format!("`{}` was not captured by {}: {}", capture.name, capture.source, redactor.hide(&why));
    match &capture.source {
        CaptureSource::Header(name) => {
            let value = seen.header(name).filter(|value| !value.trim().is_empty());
            value.map(Value::from).ok_or_else(|| failed("the response has no such header".to_owned()))
        }
        CaptureSource::Regex(regex) => {
            let text = String::from_utf8_lossy(seen.body);
            let group = regex.captures(&text).and_then(|groups| groups.get(1).or_else(|| groups.get(0)));
            let found = group.map(|group| group.as_str()).filter(|text| !text.is_empty());
            found.map(Value::from).ok_or_else(|| failed("it matches nothing in the body".to_owned()))
        }
        CaptureSource::Jq(expression) => {
            let body = expression::parse(seen.body).map_err(|error| failed(format!("the body is {error}")))?;
            let outputs = expression.evaluate(&body).map_err(|error| failed(error.to_string()))?;
            match &outputs[..] {
                [Value::String(text)] if text.is_empty() => Err(failed("it gave an empty text".to_owned())),
                [value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))] => Ok(value.clone()),
                [] | [Value::Null] => Err(failed("it matches nothing in the body".to_owned())),
                [_] => Err(failed("it gave a list or an object, expected a single value".to_owned())),
                _ => Err(failed(format!("it gave {} values, expected one", outputs.len()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::smoke::checks::expectation::StatusSet;

    const SEEN: SeenResponse<'_> =
        SeenResponse { status: 200, headers: &[], body: b"{}", took: Duration::from_millis(80), redirect: None };

    fn reasons(expect: &Expectation, seen: &SeenResponse<'_>) -> Vec<String> {
        let values =
            TemplateValues { captures: [("cart".to_owned(), "c-7".into())].into(), ..TemplateValues::default() };
        let subject = r#"{"tag":"1.4.2"}"#.parse().unwrap();
        judge(expect, seen, &values, &subject, &Redactor::default())
    }

    fn expect() -> Expectation {
        Expectation::default()
    }

    #[test]
    fn every_rule_has_two_sides() {
        let headers = [("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
        let body = |body: &'static [u8]| SeenResponse { body, headers: &headers, ..SEEN };
        let template = |text: &str| text.parse().unwrap();
        for (expect, seen, reason) in [
            (expect(), SeenResponse { status: 204, ..SEEN }, ""),
            (expect(), SeenResponse { status: 500, ..SEEN }, "answered 500; expected 200 to 299"),
            (
                expect(),
                SeenResponse { status: 302, redirect: Some("http://a/login"), ..SEEN },
                "answered 302, a redirect to http://a/login; expected 200 to 299; `follow` follows redirects",
            ),
            (
                Expectation { status: "404".parse::<StatusSet>().unwrap(), ..expect() },
                SeenResponse { status: 404, ..SEEN },
                "",
            ),
            (Expectation { within: Some(Duration::from_millis(80)), ..expect() }, SEEN, ""),
            (
                Expectation { within: Some(Duration::from_millis(79)), ..expect() },
                SEEN,
                "took 80 ms; expected at most 79ms",
            ),
            (Expectation { contains: vec![template("cart {{ cart }}")], ..expect() }, body(b"your cart c-7"), ""),
            (
                Expectation { contains: vec![template("cart {{ cart }}")], ..expect() },
                body(b"your cart c-8"),
                "its body does not contain \"cart {{ cart }}\"",
            ),
            (Expectation { contains: vec![template("{{ gone }}")], ..expect() }, body(b""), "`gone` was not captured"),
            (Expectation { excludes: vec![template("sign in")], ..expect() }, body(b"welcome"), ""),
            (
                Expectation { excludes: vec![template("sign in")], ..expect() },
                body(b"please sign in"),
                "its body contains \"sign in\", which is excluded",
            ),
            (
                Expectation { conditions: vec![".version == $subject.tag".parse().unwrap()], ..expect() },
                body(br#"{"version":"1.4.2"}"#),
                "",
            ),
            (
                Expectation { conditions: vec![".version == $subject.tag".parse().unwrap()], ..expect() },
                body(br#"{"version":"1.4.1"}"#),
                "the condition is false: `.version` is the string \"1.4.1\"; expected `.version == $subject.tag`",
            ),
            (
                Expectation { conditions: vec![".ok".parse().unwrap()], ..expect() },
                body(b"<html>"),
                "its body is not JSON",
            ),
            (
                Expectation { headers: vec![("content-type".to_owned(), template("text/html"))], ..expect() },
                body(b""),
                "",
            ),
            (
                Expectation { headers: vec![("content-type".to_owned(), template("json"))], ..expect() },
                body(b""),
                "the header `content-type` is \"text/html; charset=utf-8\"; expected \"json\" in it",
            ),
            (
                Expectation { headers: vec![("location".to_owned(), template("/"))], ..expect() },
                body(b""),
                "it has no header `location`; expected one with \"/\"",
            ),
        ] {
            let found = reasons(&expect, &seen);
            match reason {
                "" => assert_eq!(found, [""; 0], "{expect:?}"),
                _ => assert!(found.len() == 1 && found[0].starts_with(reason), "{reason}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_capture_is_one_value_that_is_there() {
        let headers = [("location".to_owned(), "/orders/9".to_owned()), ("empty".to_owned(), " ".to_owned())];
        let seen = SeenResponse {
            headers: &headers,
            body: br#"{"id": 7, "name": "x", "ok": false, "list": [1, 2], "none": null, "blank": ""}"#,
            ..SEEN
        };
        let jq = |text: &str| CaptureSource::Jq(text.parse().unwrap());
        let regex = |text: &str| CaptureSource::Regex(regex_lite::Regex::new(text).unwrap());
        let header = |name: &str| CaptureSource::Header(name.to_owned());
        for (source, expected) in [
            (jq(".id"), Ok("7")),
            (jq(".name"), Ok("\"x\"")),
            (jq(".ok"), Ok("false")),
            (jq(".none"), Err("matches nothing")),
            (jq(".gone"), Err("matches nothing")),
            (jq("empty"), Err("matches nothing")),
            (jq(".blank"), Err("empty text")),
            (jq(".list"), Err("a list or an object")),
            (jq(".list[]"), Err("2 values")),
            (jq(".id.x"), Err("failed")),
            (regex("\"id\": (\\d+)"), Ok("\"7\"")),
            (regex("na.e"), Ok("\"name\"")),
            (regex("nope"), Err("matches nothing")),
            (header("location"), Ok("\"/orders/9\"")),
            (header("empty"), Err("no such header")),
            (header("gone"), Err("no such header")),
        ] {
            let capture = Capture { name: "it".to_owned(), source, secret: false };
            match (captured(&capture, &seen, &Redactor::default()), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value.to_string(), expected),
                (Err(reason), Err(part)) => {
                    assert!(reason.starts_with("`it` was not captured by ") && reason.contains(part), "{reason}");
                }
                (other, expected) => panic!("{}: {other:?}, expected {expected:?}", capture.source),
            }
        }
        let html = SeenResponse { body: b"<html>", ..seen };
        let capture = Capture { name: "it".to_owned(), source: jq(".id"), secret: false };
        assert!(captured(&capture, &html, &Redactor::default()).unwrap_err().contains("the body is not JSON"));
    }
}
