//! The notation of figures: a name, and where its value comes from.
//!
//! ```text
//! error-rate = sum(rate(http_requests_total{code=~"5.."}[$window])) / sum(rate(http_requests_total[$window]))
//! lcp (ms) = https://rum.example.com/api/checkout | [.updated, .p75]
//! lcp baseline = https://rum.example.com/api/checkout?before=7d | .p75
//! ```

use std::{collections::BTreeMap, str::FromStr};

use serde_json::Value;

use super::{condition::RESERVED, unit::MetricUnit, words::Words};
use crate::{
    error::ValueError,
    expression::Expression,
    subject::Subject,
    values::{HumanDuration, closest},
};

/// The longest query in bytes; it is sent in a URL.
const LONGEST: usize = 4 << 10;
/// What stands for the window of time.
const WINDOW: &str = "window";

/// A figure as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureDefinition {
    pub name: String,
    /// Whether it is what the figure of this name is compared with.
    pub is_baseline: bool,
    pub unit: MetricUnit,
    pub query: FigureQuery,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FigureQuery {
    /// A query in PromQL, which gives one value.
    Prometheus(String),
    /// An address, and a jq expression that gives a number, or the list of a time and a number.
    Json { url: String, expression: Expression },
}

/// What the variables of a query stand for.
pub struct Variables {
    parts: BTreeMap<String, String>,
    window: HumanDuration,
}

impl FromStr for FigureDefinition {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut words = Words::new(text);
        let name = words.name(&RESERVED)?.to_owned();
        let is_baseline = words.take_word("baseline");
        let unit = if words.take("(") { unit(&mut words)? } else { MetricUnit::NONE };
        if is_baseline && unit != MetricUnit::NONE {
            return Err(words.error("no unit before it: a baseline has that of its figure"));
        }
        words.expect("=")?;
        let query = words.rest().trim_end();
        if query.is_empty() {
            return Err(words.error("a query in PromQL, or `https://… | JQ`"));
        }
        if query.len() > LONGEST {
            return Err(ValueError::from(format!("a query of {} bytes; accepted are {LONGEST}", query.len())));
        }
        let query = if ["http://", "https://"].iter().any(|scheme| query.starts_with(scheme)) {
            let Some((url, expression)) = query.split_once('|') else {
                return Err(ValueError::new("an address without a jq expression; accepted is `https://… | .p75`"));
            };
            FigureQuery::Json { url: url.trim().to_owned(), expression: Expression::compile(expression.trim())? }
        } else {
            FigureQuery::Prometheus(query.to_owned())
        };
        Ok(Self { name, is_baseline, unit, query })
    }
}

/// The unit in brackets, behind the opening one.
fn unit(words: &mut Words<'_>) -> Result<MetricUnit, ValueError> {
    let rest = words.rest();
    let name = &rest[..rest.find(')').unwrap_or(rest.len())];
    let unit = MetricUnit::parse(name.trim())
        .map_err(|_| words.error(&format!("one of the units {} and `)`", MetricUnit::list())))?;
    words.expect(name)?;
    words.expect(")")?;
    Ok(unit)
}

impl FigureDefinition {
    /// The name of the figure in messages.
    #[must_use]
    pub fn label(&self) -> String {
        if self.is_baseline { format!("{} baseline", self.name) } else { self.name.clone() }
    }

    /// Whether its value is of a window of time that the settings say.
    #[must_use]
    pub fn has_window(&self) -> bool {
        variables_in(self.query.text()).any(|name| name == WINDOW)
    }
}

impl FigureQuery {
    /// The text in which variables are replaced.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Prometheus(query) => query,
            Self::Json { url, .. } => url,
        }
    }
}

impl Variables {
    #[must_use]
    pub fn new(subject: &Subject, window: HumanDuration) -> Self {
        // A subject holds only text, so serialization cannot fail. If it did, every part would be missing.
        let json = serde_json::to_value(subject).unwrap_or_default();
        let parts = json.as_object().into_iter().flatten();
        let parts = parts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        Self { parts, window }
    }

    /// Replaces `$window` and the parts of the subject, such as `$service`. The parts are checked texts without quotes. A `$`
    /// without a name behind it stays: it ends a regular expression, or is a group of `label_replace` (`$1`, `${1}`).
    ///
    /// # Errors
    /// Another name, or a part that the subject does not have.
    pub fn fill(&self, text: &str) -> Result<String, ValueError> {
        const PARTS: [&str; 7] = ["service", "environment", "image", "tag", "digest", "commit", WINDOW];
        let mut parts = text.split('$');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, behind) = part.split_at(name_length(part));
            let value = match name {
                "" => "$".to_owned(),
                WINDOW => self.window.to_string(),
                name => match (self.parts.get(name), PARTS.contains(&name)) {
                    (Some(value), _) => value.clone(),
                    (None, true) => {
                        return Err(ValueError::from(format!(
                            "`${name}`, and the subject has no {name}: give `{name}`"
                        )));
                    }
                    (None, false) => {
                        let hint = closest(name, &PARTS).map(|close| format!("; did you mean `${close}`?"));
                        let known = PARTS.map(|part| format!("`${part}`")).join(", ");
                        return Err(ValueError::from(format!(
                            "`${name}`; accepted are {known}{}",
                            hint.unwrap_or_default()
                        )));
                    }
                },
            };
            filled.push_str(&value);
            filled.push_str(behind);
        }
        Ok(filled)
    }
}

fn variables_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(|part| &part[..name_length(part)])
}

/// The length of the name at the beginning of a text; 0 for the number of a group, as in `label_replace`.
fn name_length(text: &str) -> usize {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if is_name { end } else { 0 }
}

/// The number, and its time if there is one, in the outputs of a jq expression: a number, or `[time, number]` as Prometheus has
/// it, where the time is RFC 3339 or in seconds.
pub fn json_value(outputs: &[Value]) -> Result<(&Value, Option<&Value>), String> {
    match outputs {
        [Value::Array(pair)] => match pair.as_slice() {
            [at, value] => Ok((value, Some(at))),
            _ => Err(format!("gave a list of {} values", pair.len())),
        },
        [value] => Ok((value, None)),
        [] => Err("gave nothing".to_owned()),
        several => Err(format!("gave {} values", several.len())),
    }
}

#[cfg(test)]
mod tests;
