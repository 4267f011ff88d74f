//! Reads one step: its request, what it expects, and what it captures.

use regex_lite::Regex;
use serde_json::Value as Json;

use super::{Reader, StepDefaults, fields::Fields};
use crate::{
    commands::smoke::checks::{
        expectation::{Capture, CaptureSource, Expectation, StatusSet},
        json_value,
        model::{Step, StepBody},
        template::{JsonTemplate, Reference, Template, is_name},
    },
    condition::Condition,
    config::nodes::{mapping, wrong_shape},
    error::CommandError,
    expression::Expression,
    values::clip,
    world::http::team_session::TeamMethod,
    yaml::{Key, Node, Position, Value},
};

pub const STEP_KEYS: [&str; 14] = [
    "name", "method", "url", "headers", "cookies", "body", "json", "form", "timeout", "follow", "retries", "pause",
    "expect", "capture",
];
pub const EXPECT_KEYS: [&str; 6] = ["status", "within", "jq", "contains", "excludes", "headers"];
pub const CAPTURE_KEYS: [&str; 4] = ["jq", "header", "regex", "secret"];

/// The most characters of a step's name.
const NAME: usize = 100;
/// How often a step can be sent again.
const MOST_RETRIES: usize = 60;
/// The time before a step is sent again, unless it says so.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

impl Reader<'_> {
    pub(super) fn step(&mut self, item: Node, defaults: StepDefaults) -> Result<Step, CommandError> {
        let at = (item.line, item.column);
        if !matches!(item.value, Value::Map(_)) {
            return Err(wrong_shape(self.path, "steps", &item, "a step: a mapping with `url`"));
        }
        let mut found = Fields::new(self.path, "a step", item, &STEP_KEYS)?;
        let method = match found.take("method") {
            Some((key, node)) => self.parsed::<TeamMethod>(&key, &node)?,
            None => TeamMethod::Get,
        };
        let Some((key, node)) = found.take("url") else {
            return Err(self.error("url", at, "not given", "the URL of each step, such as /api/cart"));
        };
        let url = self.url(&key, &node)?;
        let name = match found.take("name") {
            Some((key, node)) => self.name(&key, &node)?,
            None => clip(&format!("{method} {url}"), NAME),
        };
        let body = self.body(&mut found, method)?;
        let headers = self.headers(found.take("headers"))?;
        let cookies = self.templates(found.take("cookies"))?;
        if let Some((name, _)) = cookies.iter().find(|(name, _)| !is_cookie_name(name)) {
            return Err(self.error(
                "cookies",
                at,
                &format!("\"{name}\""),
                "names of cookies, without spaces, `=` and `;`",
            ));
        }
        let timeout = found.take("timeout").map(|(key, node)| self.limit(&key, &node)).transpose()?;
        let follow = found.take("follow").map(|(key, node)| self.count(&key, &node, 20)).transpose()?;
        let retries = found.take("retries").map(|(key, node)| self.count(&key, &node, MOST_RETRIES)).transpose()?;
        let pause = found.take("pause").map(|(key, node)| self.limit(&key, &node)).transpose()?;
        let expect = self.expectation(found.take("expect"))?;
        let captures = self.captures(found.take("capture"))?;
        Ok(Step {
            name,
            method,
            url,
            headers,
            cookies,
            body,
            timeout: timeout.unwrap_or(defaults.timeout),
            follow: follow.unwrap_or(defaults.follow),
            retries: retries.unwrap_or(0),
            pause: pause.unwrap_or(PAUSE),
            expect,
            captures,
        })
    }

    fn name(&self, key: &Key, node: &Node) -> Result<String, CommandError> {
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() && !text.contains(char::is_control) => {
                Ok(clip(text.trim(), NAME))
            }
            _ => Err(wrong_shape(self.path, &key.name, node, "a name on one line")),
        }
    }

    fn url(&mut self, key: &Key, node: &Node) -> Result<Template, CommandError> {
        let template = self.template(&key.name, node)?;
        let text = template.to_string();
        let at = (node.line, node.column);
        let is_captured = matches!(template.first_reference(), Some(Reference::Capture(_)));
        let is_absolute = text.contains("://") || matches!(template.first_reference(), Some(Reference::Env(_)));
        if !text.starts_with('/') && !is_absolute && !is_captured {
            let expected = "a path such as /api/cart below `base-url`, or a whole URL";
            return Err(self.error(&key.name, at, &format!("\"{text}\""), expected));
        }
        if !self.has_base && (text.starts_with('/') || is_captured) {
            let expected =
                "`base-url` in the file, or the setting `target`, for URLs that are only a path or a capture";
            return Err(self.error(&key.name, at, &format!("\"{text}\", and nothing that it is below of"), expected));
        }
        Ok(template)
    }

    fn body(&mut self, found: &mut Fields, method: TeamMethod) -> Result<Option<StepBody>, CommandError> {
        let given: Vec<(Key, Node)> = ["body", "json", "form"].into_iter().filter_map(|key| found.take(key)).collect();
        let [(key, node)] = &given[..] else {
            let Some((key, _)) = given.get(1) else { return Ok(None) };
            let expected = "one of `body`, `json` and `form`";
            return Err(self.error(&key.name, (key.line, key.column), "a second body", expected));
        };
        if !method.takes_body() {
            let actual = format!("a body for {method}");
            let expected = "`method: POST`, or another that has a body";
            return Err(self.error(&key.name, (key.line, key.column), &actual, expected));
        }
        Ok(Some(match key.name.as_str() {
            "form" => StepBody::Form(self.templates(Some((key.clone(), node.clone())))?),
            "json" => StepBody::Json(self.json(key, node)?),
            _ => StepBody::Text(self.template(&key.name, node)?),
        }))
    }

    /// JSON as YAML, or as a text.
    fn json(&mut self, key: &Key, node: &Node) -> Result<JsonTemplate, CommandError> {
        let at = (node.line, node.column);
        let value = match &node.value {
            Value::Text(text) => serde_json::from_str(text).map_err(|error| {
                let expected = "JSON as a text, or as a mapping or a list of YAML";
                self.error(&key.name, at, &format!("no JSON: {error}"), expected)
            })?,
            Value::List(_) | Value::Map(_) => {
                let position = Position { line: node.line, column: node.column };
                let spanned = self.tree.as_ref().and_then(|root| json_value::find(root, position));
                match spanned.map(json_value::json) {
                    Some(Ok(value)) => value,
                    Some(Err(error)) => return Err(self.error(&key.name, at, "no JSON", &error.to_string())),
                    None => return Err(wrong_shape(self.path, &key.name, node, "JSON")),
                }
            }
            Value::Nothing => Json::Null,
        };
        let template = JsonTemplate::parse(value)
            .map_err(|error| self.error(&key.name, at, "a malformed placeholder", &error.to_string()))?;
        template.references().into_iter().try_for_each(|reference| self.resolve(&key.name, at, reference))?;
        Ok(template)
    }

    fn templates(&mut self, found: Option<(Key, Node)>) -> Result<Vec<(String, Template)>, CommandError> {
        let Some((key, node)) = found else { return Ok(Vec::new()) };
        let entries = mapping(self.path, &key.name, node)?;
        entries.into_iter().map(|(key, node)| Ok((key.name.clone(), self.template(&key.name, &node)?))).collect()
    }

    fn expectation(&mut self, found: Option<(Key, Node)>) -> Result<Expectation, CommandError> {
        let Some((_, node)) = found else { return Ok(Expectation::default()) };
        let mut found = Fields::new(self.path, "`expect`", node, &EXPECT_KEYS)?;
        let mut expect = Expectation::default();
        if let Some((key, node)) = found.take("status") {
            let sets = items(node).into_iter().map(|node| self.parsed::<StatusSet>(&key, &node));
            let ranges: Vec<_> = sets.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(|set| set.0).collect();
            if ranges.is_empty() {
                return Err(self.error(&key.name, (key.line, key.column), "an empty list", "at least one status code"));
            }
            expect.status = StatusSet(ranges);
        }
        expect.within = found.take("within").map(|(key, node)| self.limit(&key, &node)).transpose()?;
        if let Some((key, node)) = found.take("jq") {
            expect.conditions = items(node).iter().map(|node| self.condition(&key, node)).collect::<Result<_, _>>()?;
        }
        for (name, texts) in [("contains", &mut expect.contains), ("excludes", &mut expect.excludes)] {
            if let Some((key, node)) = found.take(name) {
                for item in items(node) {
                    if item.value == Value::Text(String::new()) {
                        return Err(wrong_shape(self.path, &key.name, &item, "a text that is not empty"));
                    }
                    texts.push(self.template(&key.name, &item)?);
                }
            }
        }
        let headers = self.templates(found.take("headers"))?;
        expect.headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(expect)
    }

    fn condition(&mut self, key: &Key, node: &Node) -> Result<Condition, CommandError> {
        let Value::Text(text) = &node.value else {
            return Err(wrong_shape(self.path, &key.name, node, "a jq condition such as .status == \"up\""));
        };
        let at = (node.line, node.column);
        let shown = format!("\"{}\"", clip(text, NAME));
        let condition = match self.conditions.get(text) {
            Some(known) => known.clone(),
            None => Condition::with_captures(text).map_err(|error| self.error(&key.name, at, &shown, &error))?,
        };
        self.conditions.insert(text.clone(), condition.clone());
        if let Some(part) = condition.missing_part(self.inputs.subject) {
            let actual = format!("it compares with `$subject.{part}`, and the subject has no {part}");
            return Err(self.error(&key.name, at, &actual, "a subject with every part that the condition names"));
        }
        for name in condition.captures() {
            self.resolve(&key.name, at, &Reference::Capture(name.to_owned()))?;
        }
        Ok(condition)
    }

    fn captures(&mut self, found: Option<(Key, Node)>) -> Result<Vec<Capture>, CommandError> {
        let Some((key, node)) = found else { return Ok(Vec::new()) };
        let entries = mapping(self.path, &key.name, node)?;
        let mut captures = Vec::new();
        for (key, node) in entries {
            captures.push(self.capture(&key, node)?);
        }
        // Only later steps have the values.
        self.captures.extend(captures.iter().map(|capture| capture.name.clone()));
        Ok(captures)
    }

    fn capture(&mut self, key: &Key, node: Node) -> Result<Capture, CommandError> {
        if !is_name(&key.name) {
            let expected = "a name of letters, digits and `_`";
            return Err(self.error(&key.name, (key.line, key.column), "no name of a capture", expected));
        }
        let name = key.name.clone();
        // A text alone is a jq expression.
        if matches!(node.value, Value::Text(_)) {
            let source = CaptureSource::Jq(self.parsed::<Expression>(key, &node)?);
            return Ok(Capture { name, source, secret: false });
        }
        let at = (node.line, node.column);
        let mut found = Fields::new(self.path, &format!("the capture `{name}`"), node, &CAPTURE_KEYS)?;
        let secret = found.take("secret").map(|(key, node)| self.switch(&key, &node)).transpose()?.unwrap_or(false);
        let given: Vec<(Key, Node)> = ["jq", "header", "regex"].into_iter().filter_map(|key| found.take(key)).collect();
        let [(key, node)] = &given[..] else {
            let actual = if given.is_empty() { "no source" } else { "several sources" };
            return Err(self.error(&name, at, actual, "one of `jq`, `header` and `regex`"));
        };
        let source = match (key.name.as_str(), &node.value) {
            ("jq", _) => CaptureSource::Jq(self.parsed::<Expression>(key, node)?),
            ("header", Value::Text(text)) if !text.trim().is_empty() => {
                CaptureSource::Header(text.trim().to_ascii_lowercase())
            }
            ("regex", Value::Text(text)) => CaptureSource::Regex(Regex::new(text).map_err(|error| {
                let expected = "a regular expression, with one group for the value";
                self.error(&key.name, (node.line, node.column), &format!("\"{text}\" ({error})"), expected)
            })?),
            _ => return Err(wrong_shape(self.path, &key.name, node, "one text")),
        };
        Ok(Capture { name, source, secret })
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, key: &Key, node: &Node) -> Result<T, CommandError> {
        let Value::Text(text) = &node.value else { return Err(wrong_shape(self.path, &key.name, node, "one text")) };
        text.trim().parse().map_err(|error: T::Err| {
            let actual = format!("\"{}\"", clip(text, NAME));
            self.error(&key.name, (node.line, node.column), &actual, &error.to_string())
        })
    }
}

/// The items of a list, or one value in its place.
fn items(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        _ => vec![node],
    }
}

fn is_cookie_name(name: &str) -> bool {
    !name.is_empty() && name.is_ascii() && !name.contains(|c: char| c.is_control() || " =;,\"".contains(c))
}
