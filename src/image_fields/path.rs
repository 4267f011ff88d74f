//! The path of a field in a document: `.image.tag`, `.spec.containers[name=app].image`.

use std::{fmt, str::FromStr};

use crate::{
    error::ValueError,
    subject::{Environment, Service},
};

/// The steps from the top of a document to a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// `.key`, `["a.key"]`
    Key(String),
    /// `[0]`
    Index(usize),
    /// `[name=app]`: the item of a list that has this value at this key; `[metadata.name=app]` for a key in a mapping.
    Item { keys: Vec<String>, value: String },
}

/// The most steps; files of Kubernetes need some twenty.
const MAX_STEPS: usize = 50;

impl FieldPath {
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path with the names of a service and an environment in the place of `{service}` and `{environment}`.
    #[must_use]
    pub fn filled(&self, service: &Service, environment: &Environment) -> Self {
        let fill =
            |text: &str| text.replace("{service}", service.as_str()).replace("{environment}", environment.as_str());
        let filled = self.0.iter().map(|step| match step {
            Step::Key(key) => Step::Key(fill(key)),
            Step::Index(index) => Step::Index(*index),
            Step::Item { keys, value } => {
                Step::Item { keys: keys.iter().map(|key| fill(key)).collect(), value: fill(value) }
            }
        });
        Self(filled.collect())
    }

    /// Whether a name is still to be filled in.
    #[must_use]
    pub fn mentions(&self, placeholder: &str) -> bool {
        self.0.iter().any(|step| match step {
            Step::Key(key) => key.contains(placeholder),
            Step::Index(_) => false,
            Step::Item { keys, value } => {
                value.contains(placeholder) || keys.iter().any(|key| key.contains(placeholder))
            }
        })
    }

    /// The path without its first steps.
    pub(super) fn without_steps(&self, first: usize) -> Self {
        Self(self.0[first..].to_vec())
    }

    /// The path of the first `count` steps.
    pub(super) fn first_steps(&self, count: usize) -> Self {
        Self(self.0[..count].to_vec())
    }

    /// The first `count` steps, for a message.
    pub(super) fn up_to(&self, count: usize) -> String {
        match self.first_steps(count).to_string() {
            empty if empty.is_empty() => "the top of the document".to_owned(),
            path => format!("`{path}`"),
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| step.fmt(f))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if is_bare(key) => write!(f, ".{key}"),
            Self::Key(key) => write!(f, "[{}]", quoted(key)),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Item { keys, value } => {
                let value = if value.contains(['[', ']', '"', '\'']) { quoted(value) } else { value.clone() };
                write!(f, "[{}={value}]", keys.join("."))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether a key needs no quotes in a path.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_bare_character)
}

/// Braces stand for the names to fill in. A `/` is in the keys of annotations, a `$` in some charts.
fn is_bare_character(character: char) -> bool {
    character.is_alphanumeric() || "_-{}/$@".contains(character)
}

impl FromStr for FieldPath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a path such as `.image.tag`, `.containers[name=app].image`, `.list[0].tag` or `.values[\"a.key\"].tag`",
        );
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if steps.len() == MAX_STEPS {
                return Err(ACCEPTED);
            }
            let (step, after) = read_step(rest).ok_or(ACCEPTED)?;
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() { Err(ACCEPTED) } else { Ok(Self(steps)) }
    }
}

/// The first step of a text, and what is behind it.
fn read_step(text: &str) -> Option<(Step, &str)> {
    let text = match text.strip_prefix('.') {
        // `.[0]` is `[0]`.
        Some(rest) if !rest.starts_with('[') => {
            if rest.starts_with(['"', '\'']) {
                let (key, rest) = read_quoted(rest)?;
                return Some((Step::Key(key), rest));
            }
            let end = rest.find(|c| !is_bare_character(c)).unwrap_or(rest.len());
            let (key, rest) = rest.split_at(end);
            return (!key.is_empty()).then(|| (Step::Key(key.to_owned()), rest));
        }
        Some(rest) => rest,
        None => text,
    };
    let inside = text.strip_prefix('[')?;
    if inside.starts_with(['"', '\'']) {
        let (key, rest) = read_quoted(inside)?;
        return Some((Step::Key(key), rest.strip_prefix(']')?));
    }
    let end = inside.find([']', '='])?;
    let (name, rest) = inside.split_at(end);
    if let Some(rest) = rest.strip_prefix(']') {
        let is_index = !name.is_empty() && name.len() < 7 && name.bytes().all(|byte| byte.is_ascii_digit());
        return Some((Step::Index(name.parse().ok().filter(|_| is_index)?), rest));
    }
    let (value, rest) = match rest.strip_prefix('=')? {
        quoted if quoted.starts_with(['"', '\'']) => read_quoted(quoted)?,
        bare => {
            let end = bare.find([']', '['])?;
            (bare[..end].to_owned(), &bare[end..])
        }
    };
    let keys: Vec<String> = name.split('.').map(ToOwned::to_owned).collect();
    let is_complete = !value.is_empty() && keys.iter().all(|key| is_bare(key));
    Some((Step::Item { keys, value }, rest.strip_prefix(']').filter(|_| is_complete)?))
}

/// A text in quotes, in which a backslash stands before a quote or a backslash; and what is behind it.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    let mut value = String::new();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next().map(|(_, next)| next).filter(|next| *next == quote || *next == '\\')?),
            end if end == quote => return Some((value, &text[at + 1..])).filter(|(value, _)| !value.is_empty()),
            character if character.is_control() => return None,
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_and_written() {
        let key = |key: &str| Step::Key(key.to_owned());
        let item = |keys: &[&str], value: &str| Step::Item {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            value: value.to_owned(),
        };
        for (text, steps, written) in [
            (".image.tag", vec![key("image"), key("tag")], ".image.tag"),
            ("$.image.tag", vec![key("image"), key("tag")], ".image.tag"),
            (".a[0][12].b", vec![key("a"), Step::Index(0), Step::Index(12), key("b")], ".a[0][12].b"),
            ("[0].tag", vec![Step::Index(0), key("tag")], "[0].tag"),
            (".[0].tag", vec![Step::Index(0), key("tag")], "[0].tag"),
            (".c[name=app].image", vec![key("c"), item(&["name"], "app"), key("image")], ".c[name=app].image"),
            (
                ".p[name=image.tag].value",
                vec![key("p"), item(&["name"], "image.tag"), key("value")],
                ".p[name=image.tag].value",
            ),
            (
                "[path=/spec/template/spec/containers/0/image].value",
                vec![item(&["path"], "/spec/template/spec/containers/0/image"), key("value")],
                "[path=/spec/template/spec/containers/0/image].value",
            ),
            (
                ".i[metadata.name='a]b'].c",
                vec![key("i"), item(&["metadata", "name"], "a]b"), key("c")],
                ".i[metadata.name=\"a]b\"].c",
            ),
            (".values[\"a.b/c\"].tag", vec![key("values"), key("a.b/c"), key("tag")], ".values[\"a.b/c\"].tag"),
            (
                ".data.\"values.yaml\".tag",
                vec![key("data"), key("values.yaml"), key("tag")],
                ".data[\"values.yaml\"].tag",
            ),
            (".env['it\\'s']", vec![key("env"), key("it's")], ".env[\"it's\"]"),
            (".{environment}.tag", vec![key("{environment}"), key("tag")], ".{environment}.tag"),
        ] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!((path.steps(), path.to_string().as_str()), (&steps[..], written), "{text}");
            assert_eq!(path.to_string().parse::<FieldPath>().unwrap(), path, "{text}");
        }
        let long = ".a".repeat(51);
        for text in [
            "",
            "$",
            ".",
            "image",
            "image.tag",
            ".a..b",
            ".a.",
            ".a[",
            ".a[]",
            ".a[-1]",
            ".a[1",
            ".a[x]",
            ".a[=x]",
            ".a[x=]",
            ".a[x=y",
            ".a b",
            ".a[\"b]",
            ".a[\"\"]",
            ".a['b'",
            ".a[\"b\nc\"]",
            ".a[.x=1]",
            ".a*",
            ".a[*]",
            ".a[\"b\\c\"]",
            &long,
        ] {
            assert!(text.parse::<FieldPath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_filled_into_steps_not_into_the_text() {
        let path: FieldPath = ".{environment}[app={service}].tag".parse().unwrap();
        let filled = path.filled(&"shop".parse().unwrap(), &"prod.eu".parse().unwrap());
        assert_eq!(filled.to_string(), "[\"prod.eu\"][app=shop].tag");
        assert!(path.mentions("{environment}") && path.mentions("{service}") && !filled.mentions("{"));
    }
}
