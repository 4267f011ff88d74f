//! A condition on the body of a response, in jq. `$subject` is the release under promotion.

use std::{fmt, str::FromStr};

use serde_json::Value;

use crate::{
    expression::{self, Expression},
    subject::Subject,
    values::clip,
};

const SUBJECT: &str = "$subject";
/// Characters of a compared value that are shown.
const COMPARED_CHARS: usize = 24;

/// The fields of a subject.
const PARTS: [&str; 6] = ["service", "environment", "image", "tag", "digest", "commit"];

/// A condition that compiled. It uses `$subject` only with a field, as in `$subject.tag`, so that the fields it needs are
/// known before the first request: a missing field would be `null`, and equal to a key that the body lacks as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    expression: Expression,
    parts: Vec<&'static str>,
    comparison: Option<Comparison>,
}

/// What a condition such as `.version == $subject.tag` compares: a key of the body with a field of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparison {
    /// The keys from the root of the body.
    path: Vec<String>,
    part: &'static str,
}

impl Comparison {
    /// `None`: the condition has another form.
    fn parse(text: &str) -> Option<Self> {
        let (one, other) = text.split_once("==")?;
        let (path, part) = if one.trim().starts_with('.') { (one, other) } else { (other, one) };
        let part = part.trim().strip_prefix(SUBJECT)?.strip_prefix('.')?;
        let is_name = |key: &&str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let keys: Vec<&str> = path.trim().strip_prefix('.')?.split('.').collect();
        let part = PARTS.into_iter().find(|known| *known == part)?;
        keys.iter().all(is_name).then(|| Self { path: keys.into_iter().map(ToOwned::to_owned).collect(), part })
    }

    /// `version 1.4.2`
    fn describe(&self, value: &str) -> String {
        let key = self.path.last().map_or("", String::as_str);
        format!("{key} {}", clip(value, COMPARED_CHARS))
    }
}

impl Condition {
    /// A field that the condition needs and `subject` lacks.
    #[must_use]
    pub fn missing_part(&self, subject: &Subject) -> Option<&'static str> {
        let subject = as_json(subject);
        self.parts.iter().copied().find(|part| subject.get(part).is_none())
    }

    /// What the condition compares with the subject, as a body has it: `version 1.4.1`. The text is the service's.
    #[must_use]
    pub fn compared(&self, body: &[u8]) -> Option<String> {
        let comparison = self.comparison.as_ref()?;
        let body = expression::parse(body).ok()?;
        match comparison.path.iter().try_fold(&body, |value, key| value.get(key))? {
            Value::String(text) => Some(comparison.describe(text)),
            Value::Number(number) => Some(comparison.describe(&number.to_string())),
            _ => None,
        }
    }

    /// What the condition compares, as the subject has it: `version 1.4.2`.
    #[must_use]
    pub fn wanted(&self, subject: &Subject) -> Option<String> {
        let comparison = self.comparison.as_ref()?;
        Some(comparison.describe(as_json(subject).get(comparison.part)?.as_str()?))
    }

    /// Evaluates the condition for a body. Blocks for little more than ten seconds at most.
    ///
    /// # Errors
    /// The condition is false, or neither true nor false, or the body is not JSON. The text may quote the body.
    pub fn check(&self, body: &[u8], subject: &Subject) -> Result<(), String> {
        let body = expression::parse(body).map_err(|error| format!("its body is {error}"))?;
        match self.expression.holds_with(&body, &[as_json(subject)]) {
            Ok(true) => Ok(()),
            Ok(false) => Err(match self.expression.explain(&body) {
                Some(found) => format!("the condition is false: {found}"),
                None => "the condition is false".to_owned(),
            }),
            Err(problem) => Err(problem.to_string()),
        }
    }
}

fn as_json(subject: &Subject) -> Value {
    // A subject holds only text, so serialization cannot fail. If it did, every field would be missing.
    serde_json::to_value(subject).unwrap_or_default()
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expression = Expression::with_variables(text, &[SUBJECT])
            .map_err(|error| format!("a jq condition that compiles ({error})"))?;
        Ok(Self { parts: parts(text)?, comparison: Comparison::parse(text), expression })
    }
}

/// The fields of the subject that a condition uses. A field in a string or a comment counts as well: the result may contain
/// too many fields, never too few.
fn parts(text: &str) -> Result<Vec<&'static str>, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let uses = text.split(SUBJECT).skip(1).filter(|rest| !rest.starts_with(is_name));
    uses.map(|rest| {
        let name = rest.strip_prefix('.').unwrap_or_default();
        let name = &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())];
        PARTS.into_iter().find(|part| *part == name)
    })
    .collect::<Option<_>>()
    .ok_or_else(|| {
        let parts = PARTS.map(|part| format!("`{SUBJECT}.{part}`")).join(", ");
        format!("`{SUBJECT}` followed by one of its parts: {parts}")
    })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(text: &str) -> Condition {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn subject(text: &str) -> Subject {
        text.parse().unwrap()
    }

    const WHOLE: &str = r#"{"service":"shop","environment":"staging","image":"ghcr.io/acme/shop","tag":"1.10",
        "digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "commit":"0123456789abcdef0123456789abcdef01234567"}"#;

    #[test]
    fn every_field_of_the_subject_can_be_compared() {
        let whole = subject(WHOLE);
        let known: Vec<String> = as_json(&whole).as_object().unwrap().keys().cloned().collect();
        assert_eq!(known, PARTS);
        for part in PARTS {
            let condition = condition(&format!(".it == $subject.{part}"));
            assert_eq!(condition.missing_part(&whole), None);
            assert_eq!(condition.missing_part(&Subject::default()), Some(part));
            let body = json!({ "it": as_json(&whole)[part] }).to_string();
            assert_eq!(condition.check(body.as_bytes(), &whole), Ok(()), "{part}");
            assert!(condition.check(br#"{"it": "other"}"#, &whole).is_err(), "{part}");
        }
    }

    #[test]
    fn an_unfulfilled_condition_says_what_it_found() {
        let tag = subject(r#"{"tag":"1.4.2"}"#);
        for (text, body, expected) in [
            (".version == $subject.tag", r#"{"version": "1.4.1"}"#, "is false: `.version` is the string \"1.4.1\""),
            (".version == $subject.tag", r#"{"status": "up"}"#, "is false: the input has no key \"version\""),
            ("[.a] == [1]", "{}", "the condition is false"),
            (".ready", r#"{"ready": "yes"}"#, "`.ready` gave \"yes\", expected true or false"),
            (".ready", "{}", "`.ready` gave null, expected true or false"),
            (".ready.now", r#"{"ready": 1}"#, "`.ready.now` failed"),
            (".ready", "<html>Sign in", "its body is not JSON"),
            (".ready", "", "its body is not JSON: there is nothing in it"),
        ] {
            let error = condition(text).check(body.as_bytes(), &tag).expect_err(text);
            assert!(error.contains(expected), "{text} on {body}: {error}");
        }
        assert_eq!(condition(".version == $subject.tag").check(br#"{"version": "1.4.2"}"#, &tag), Ok(()));
    }

    #[test]
    fn a_compared_value_is_named_as_the_body_and_the_subject_have_it() {
        let body = br#"{"version": "1.4.1", "build": {"number": 7, "tags": []}}"#;
        let subject = subject(r#"{"tag":"1.4.2"}"#);
        for (text, compared, wanted) in [
            (".version == $subject.tag", Some("version 1.4.1"), Some("version 1.4.2")),
            ("$subject.tag==.build.number", Some("number 7"), Some("number 1.4.2")),
            (".build.tags == $subject.tag", None, Some("tags 1.4.2")),
            (".version == $subject.commit", Some("version 1.4.1"), None),
            (".version == \"v\" + $subject.tag", None, None),
            (".version | startswith($subject.tag)", None, None),
            (".ready", None, None),
        ] {
            let condition = condition(text);
            assert_eq!(condition.compared(body).as_deref(), compared, "{text}");
            assert_eq!(condition.wanted(&subject).as_deref(), wanted, "{text}");
        }
        assert_eq!(condition(".version == $subject.tag").compared(b"<html>"), None);
    }

    #[test]
    fn a_missing_field_is_known_before_the_first_request() {
        let only_tag = subject(r#"{"tag":"1.4.2"}"#);
        for (text, missing) in [
            (".commit == $subject.commit", Some("commit")),
            ("[.tag, .digest] == [$subject.tag,$subject.digest]", Some("digest")),
            (r#""v\($subject.service)" == .v"#, Some("service")),
            (".version == $subject.tag", None),
            (".a as $subjects | $subjects == 1", None),
            (".status == \"ready\"", None),
        ] {
            assert_eq!(condition(text).missing_part(&only_tag), missing, "{text}");
        }
    }

    #[test]
    fn subject_without_a_known_field_is_rejected() {
        for text in [
            "$subject == .",
            "$subject | .tag == null",
            "$subject.version == .version",
            "$subject[\"tag\"] == .version",
            "$subject.tags == 1",
            ". as $subject | true",
            "$subject as {tag: $t} | .version == $t",
        ] {
            let error = text.parse::<Condition>().expect_err(text);
            assert!(error.contains("`$subject.tag`") && error.contains("`$subject.commit`"), "{text}: {error}");
        }
        for text in ["$ subject | .tag == null", "$tag == .version", "$subject.tag ==", "", "$__prog_args == 1"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
    }
}
