//! A condition on the body of a response, in jq. `$subject` is the release under promotion; in a file of checks, `$captures` has
//! what earlier steps captured.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde_json::Value;

use crate::{
    expression::{self, Expression},
    subject::Subject,
    values::clip,
};

const SUBJECT: &str = "$subject";
const CAPTURES: &str = "$captures";
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
    /// The names behind `$captures`; `None`: the condition cannot use it.
    captures: Option<Vec<String>>,
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
    /// A condition that may also use `$captures` with a name, as in `$captures.cart`.
    ///
    /// # Errors
    /// It does not compile, or uses a variable without a name behind it. The text says what is accepted.
    pub fn with_captures(text: &str) -> Result<Self, String> {
        let condition = Self::compile(text, &[SUBJECT, CAPTURES])?;
        let names = names_behind(CAPTURES, text).map(|name| (!name.is_empty()).then(|| name.to_owned()));
        let names: Option<Vec<String>> = names.collect();
        let names =
            names.ok_or_else(|| format!("`{CAPTURES}` followed by the name of a capture: `{CAPTURES}.cart`"))?;
        Ok(Self { captures: Some(names), ..condition })
    }

    fn compile(text: &str, variables: &'static [&'static str]) -> Result<Self, String> {
        let expression = Expression::with_variables(text, variables)
            .map_err(|error| format!("a jq condition that compiles ({error})"))?;
        Ok(Self { parts: parts(text)?, comparison: Comparison::parse(text), captures: None, expression })
    }

    /// The names behind `$captures`. A name in a string or a comment counts as well.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.captures.iter().flatten().map(String::as_str)
    }

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
        self.check_with(body, subject, &BTreeMap::new())
    }

    /// [`Condition::check`] with the values of captures.
    ///
    /// # Errors
    /// The same, and a capture without a value.
    pub fn check_with(&self, body: &[u8], subject: &Subject, captures: &BTreeMap<String, Value>) -> Result<(), String> {
        if let Some(name) = self.captures().find(|name| !captures.contains_key(*name)) {
            return Err(format!("`{CAPTURES}.{name}` was not captured"));
        }
        let body = expression::parse(body).map_err(|error| format!("its body is {error}"))?;
        let mut values = vec![as_json(subject)];
        if self.captures.is_some() {
            let entries = captures.iter().map(|(name, value)| (name.clone(), value.clone()));
            values.push(Value::Object(entries.collect()));
        }
        match self.expression.holds_with(&body, &values) {
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
        Self::compile(text, &[SUBJECT])
    }
}

/// The name behind each use of a variable, without its point; empty where there is none.
fn names_behind<'a>(variable: &'static str, text: &'a str) -> impl Iterator<Item = &'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let uses = text.split(variable).skip(1).filter(move |rest| !rest.starts_with(is_name));
    uses.map(move |rest| {
        let name = rest.strip_prefix('.').unwrap_or_default();
        &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())]
    })
}

/// The fields of the subject that a condition uses. A field in a string or a comment counts as well: the result may contain
/// too many fields, never too few.
fn parts(text: &str) -> Result<Vec<&'static str>, String> {
    names_behind(SUBJECT, text)
        .map(|name| PARTS.into_iter().find(|part| *part == name))
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
    fn captures_are_compared_by_their_names_only() {
        let captures = BTreeMap::from([("cart".to_owned(), json!("c-7")), ("n".to_owned(), json!(2))]);
        let check = |text: &str, body: &str| {
            let condition = Condition::with_captures(text).unwrap();
            condition.check_with(body.as_bytes(), &subject(r#"{"tag":"1"}"#), &captures)
        };
        assert_eq!(
            check(".id == $captures.cart and (.items | length) == $captures.n", r#"{"id":"c-7","items":[1,2]}"#),
            Ok(())
        );
        assert!(check(".id == $captures.cart", r#"{"id":"c-8"}"#).is_err());
        assert_eq!(check(".tag == $subject.tag", r#"{"tag":"1"}"#), Ok(()));
        assert!(check(".gone == $captures.gone", "{}").unwrap_err().contains("`$captures.gone` was not captured"));
        for text in ["$captures == .", "$captures | .cart == null", "$captures[\"cart\"] == .id"] {
            assert!(Condition::with_captures(text).unwrap_err().contains("`$captures.cart`"), "{text}");
        }
        assert!(".id == $captures.cart".parse::<Condition>().is_err(), "elsewhere there are none");
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
