//! A condition on the body of an answer: jq, in which `$subject` is the release under promotion.

use std::{fmt, str::FromStr};

use serde_json::Value;

use crate::{
    expression::{self, Expression},
    subject::Subject,
};

const SUBJECT: &str = "$subject";

/// What a subject may hold.
const PARTS: [&str; 6] = ["service", "environment", "image", "tag", "digest", "commit"];

/// A condition that compiled. `$subject` stands in it with one of its parts only, `$subject.tag`, so that it is known
/// beforehand which parts it needs: one that is missing would be `null`, and equal to whatever the body lacks as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    expression: Expression,
    parts: Vec<&'static str>,
}

impl Condition {
    /// A part that it names and `subject` lacks.
    #[must_use]
    pub fn lacks(&self, subject: &Subject) -> Option<&'static str> {
        let subject = as_json(subject);
        self.parts.iter().copied().find(|part| subject.get(part).is_none())
    }

    /// Whether it holds for a body. Blocks for at most ten seconds and a bit.
    ///
    /// # Errors
    /// When it does not: false, neither true nor false, a body that is no JSON. Raw: the words may be the body's.
    pub fn hold(&self, body: &[u8], subject: &Subject) -> Result<(), String> {
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
    // Texts only: it cannot fail to serialize; if it did, every part would be missing.
    serde_json::to_value(subject).unwrap_or_default()
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expression = Expression::with_variables(text, &[SUBJECT])
            .map_err(|error| format!("a jq condition that compiles ({error})"))?;
        Ok(Self { parts: parts(text)?, expression })
    }
}

/// The parts of the subject that a condition names. What only looks like one, in a text or a comment, is taken for one:
/// it asks for too much, never for too little.
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
        format!("`{SUBJECT}` with one of its parts behind it: {parts}")
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
    fn every_part_of_a_subject_can_be_compared_with() {
        let whole = subject(WHOLE);
        let known: Vec<String> = as_json(&whole).as_object().unwrap().keys().cloned().collect();
        assert_eq!(known, PARTS);
        for part in PARTS {
            let condition = condition(&format!(".it == $subject.{part}"));
            assert_eq!(condition.lacks(&whole), None);
            assert_eq!(condition.lacks(&Subject::default()), Some(part));
            let body = json!({ "it": as_json(&whole)[part] }).to_string();
            assert_eq!(condition.hold(body.as_bytes(), &whole), Ok(()), "{part}");
            assert!(condition.hold(br#"{"it": "other"}"#, &whole).is_err(), "{part}");
        }
    }

    #[test]
    fn a_condition_that_does_not_hold_says_what_it_saw() {
        let tag = subject(r#"{"tag":"1.4.2"}"#);
        for (text, body, why) in [
            (".version == $subject.tag", r#"{"version": "1.4.1"}"#, "is false: `.version` is the string \"1.4.1\""),
            (".version == $subject.tag", r#"{"status": "up"}"#, "is false: the input has no key \"version\""),
            ("[.a] == [1]", "{}", "the condition is false"),
            (".ready", r#"{"ready": "yes"}"#, "`.ready` gave \"yes\", expected true or false"),
            (".ready", "{}", "`.ready` gave null, expected true or false"),
            (".ready.now", r#"{"ready": 1}"#, "`.ready.now` failed"),
            (".ready", "<html>Sign in", "its body is not JSON"),
            (".ready", "", "its body is not JSON: there is nothing in it"),
        ] {
            let said = condition(text).hold(body.as_bytes(), &tag).expect_err(text);
            assert!(said.contains(why), "{text} on {body}: {said}");
        }
        assert_eq!(condition(".version == $subject.tag").hold(br#"{"version": "1.4.2"}"#, &tag), Ok(()));
    }

    #[test]
    fn what_both_sides_lack_is_known_beforehand() {
        let only_tag = subject(r#"{"tag":"1.4.2"}"#);
        for (text, lacks) in [
            (".commit == $subject.commit", Some("commit")),
            ("[.tag, .digest] == [$subject.tag,$subject.digest]", Some("digest")),
            (r#""v\($subject.service)" == .v"#, Some("service")),
            (".version == $subject.tag", None),
            (".a as $subjects | $subjects == 1", None),
            (".status == \"ready\"", None),
        ] {
            assert_eq!(condition(text).lacks(&only_tag), lacks, "{text}");
        }
    }

    #[test]
    fn a_subject_without_its_part_is_refused() {
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
