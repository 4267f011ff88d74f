//! Texts of a file of checks with placeholders: `{{ env.TOKEN }}`, `{{ subject.tag }}`, and `{{ cart }}`, which an earlier step
//! captured.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde_json::Value;

use crate::{error::ValueError, secret::Secret, world::url::percent_encode};

/// A text with placeholders. `Display` shows it as written, without values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Reference),
}

/// What a placeholder names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// A variable of the environment.
    Env(String),
    /// A part of the release under promotion.
    Subject(String),
    /// A value that an earlier step captured.
    Capture(String),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env.{name}"),
            Self::Subject(part) => write!(f, "subject.{part}"),
            Self::Capture(name) => f.write_str(name),
        }
    }
}

/// The values of placeholders.
#[derive(Clone, Debug, Default)]
pub struct TemplateValues {
    pub env: BTreeMap<String, Secret>,
    /// The parts of the subject.
    pub subject: BTreeMap<String, String>,
    pub captures: BTreeMap<String, Value>,
}

impl TemplateValues {
    fn get(&self, reference: &Reference) -> Option<Value> {
        match reference {
            Reference::Env(name) => self.env.get(name).map(|secret| secret.expose().into()),
            Reference::Subject(part) => self.subject.get(part).map(|text| text.as_str().into()),
            Reference::Capture(name) => self.captures.get(name).cloned(),
        }
    }

    fn text(&self, reference: &Reference) -> Result<String, NoValue> {
        match self.get(reference) {
            Some(Value::String(text)) => Ok(text),
            Some(value) => Ok(value.to_string()),
            None => Err(NoValue(reference.to_string())),
        }
    }
}

/// A placeholder without a value: the step that captures it did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoValue(pub String);

impl Template {
    /// What its placeholders name.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(reference) => Some(reference),
            Part::Text(_) => None,
        })
    }

    /// What it begins with, if that is a placeholder.
    #[must_use]
    pub fn first_reference(&self) -> Option<&Reference> {
        match self.parts.first() {
            Some(Part::Value(reference)) => Some(reference),
            _ => None,
        }
    }

    /// The text with its values as they are.
    ///
    /// # Errors
    /// A placeholder without a value.
    pub fn render(&self, values: &TemplateValues) -> Result<String, NoValue> {
        self.join(values, |_, text| text)
    }

    /// A URL: a value that it begins with stays as it is, and any other is encoded, so that it stays one part of a path or query.
    ///
    /// # Errors
    /// A placeholder without a value.
    pub fn render_url(&self, values: &TemplateValues) -> Result<String, NoValue> {
        self.join(values, |index, text| if index == 0 { text } else { percent_encode(&text) })
    }

    fn join(&self, values: &TemplateValues, encode: impl Fn(usize, String) -> String) -> Result<String, NoValue> {
        let part = |(index, part): (usize, &Part)| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Value(reference) => values.text(reference).map(|text| encode(index, text)),
        };
        self.parts.iter().enumerate().map(part).collect()
    }

    /// A value of a JSON document: one placeholder alone keeps the type of what was captured.
    fn render_json(&self, values: &TemplateValues) -> Result<Value, NoValue> {
        match &self.parts[..] {
            [Part::Value(reference)] => values.get(reference).ok_or_else(|| NoValue(reference.to_string())),
            _ => self.render(values).map(Value::String),
        }
    }
}

/// A JSON document with a template in each of its texts.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
    /// A number, true, false, null.
    Other(Value),
}

impl JsonTemplate {
    /// # Errors
    /// A text with a malformed placeholder.
    pub fn parse(value: Value) -> Result<Self, ValueError> {
        Ok(match value {
            Value::String(text) => Self::Text(text.parse()?),
            Value::Array(items) => Self::List(items.into_iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| Ok((key, Self::parse(value)?)));
                Self::Object(entries.collect::<Result<_, ValueError>>()?)
            }
            other => Self::Other(other),
        })
    }

    /// What its placeholders name.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        match self {
            Self::Text(template) => template.references().collect(),
            Self::List(items) => items.iter().flat_map(Self::references).collect(),
            Self::Object(entries) => entries.iter().flat_map(|(_, value)| value.references()).collect(),
            Self::Other(_) => Vec::new(),
        }
    }

    /// # Errors
    /// A placeholder without a value.
    pub fn render(&self, values: &TemplateValues) -> Result<Value, NoValue> {
        Ok(match self {
            Self::Text(template) => template.render_json(values)?,
            Self::List(items) => items.iter().map(|item| item.render(values)).collect::<Result<_, _>>()?,
            Self::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((key.clone(), value.render(values)?)));
                Value::Object(entries.collect::<Result<_, NoValue>>()?)
            }
            Self::Other(value) => value.clone(),
        })
    }
}

/// Whether a text can be the name of a capture or a variable.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl FromStr for Template {
    type Err = ValueError;

    fn from_str(source: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "placeholders such as `{{ env.TOKEN }}`, `{{ subject.tag }}`, or `{{ cart }}` for a value that an earlier step captured",
        );
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inner, after) = after.split_once("}}").ok_or(ACCEPTED)?;
            let reference = match inner.trim().split_once('.') {
                Some(("env", name)) if is_name(name) => Reference::Env(name.to_owned()),
                Some(("subject", part)) if is_name(part) => Reference::Subject(part.to_owned()),
                None if is_name(inner.trim()) => Reference::Capture(inner.trim().to_owned()),
                _ => return Err(ACCEPTED),
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Value(reference));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { source: source.to_owned(), parts })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> TemplateValues {
        TemplateValues {
            env: [("TOKEN".to_owned(), Secret::new("s3 cr/3t".to_owned()))].into(),
            subject: [("tag".to_owned(), "1.4.2".to_owned())].into(),
            captures: [("cart".to_owned(), json!(7)), ("next".to_owned(), json!("/a b?c=d&e"))].into(),
        }
    }

    fn template(text: &str) -> Template {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn placeholders_get_their_values() {
        for (text, rendered, url) in [
            ("plain } {x}", "plain } {x}", "plain } {x}"),
            ("Bearer {{ env.TOKEN }}", "Bearer s3 cr/3t", "Bearer s3%20cr%2F3t"),
            ("{{env.TOKEN}}", "s3 cr/3t", "s3 cr/3t"),
            ("/carts/{{ cart }}?v={{ subject.tag }}", "/carts/7?v=1.4.2", "/carts/7?v=1.4.2"),
            ("/go?to={{ next }}", "/go?to=/a b?c=d&e", "/go?to=%2Fa%20b%3Fc%3Dd%26e"),
            ("", "", ""),
        ] {
            let template = template(text);
            assert_eq!(template.render(&values()).as_deref(), Ok(rendered), "{text}");
            assert_eq!(template.render_url(&values()).as_deref(), Ok(url), "{text}");
            assert_eq!(template.to_string(), text);
        }
        assert_eq!(template("{{ gone }}").render(&values()), Err(NoValue("gone".to_owned())));
        assert_eq!(template("{{ env.GONE }}").render(&values()), Err(NoValue("env.GONE".to_owned())));
        assert_eq!(template("{{ next }}/x").first_reference(), Some(&Reference::Capture("next".to_owned())));
        assert_eq!(template("/x/{{ next }}").first_reference(), None);
    }

    #[test]
    fn a_malformed_placeholder_is_refused() {
        for text in [
            "{{",
            "{{ cart",
            "{{ }}",
            "{{ env. }}",
            "{{ env.A B }}",
            "{{ secrets.TOKEN }}",
            "{{ 1a }}",
            "${{ env.{{ a }} }}",
        ] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
    }

    #[test]
    fn json_keeps_types_and_no_value_becomes_structure() {
        let json = json!({ "cart": "{{ cart }}", "note": "no {{ cart }}", "token": ["{{ env.TOKEN }}"], "n": 1.5, "none": null });
        let template = JsonTemplate::parse(json).unwrap();
        assert_eq!(
            template.render(&values()).unwrap(),
            json!({ "cart": 7, "note": "no 7", "token": ["s3 cr/3t"], "n": 1.5, "none": null })
        );
        assert_eq!(template.references().len(), 3);
        let quote = TemplateValues { captures: [("q".to_owned(), json!("\",\"admin\":\"1"))].into(), ..values() };
        let rendered = JsonTemplate::parse(json!({ "q": "x{{ q }}" })).unwrap().render(&quote).unwrap();
        assert_eq!(rendered, json!({ "q": "x\",\"admin\":\"1" }));
    }
}
