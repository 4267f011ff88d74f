//! Why a file cannot be read or edited safely.

use std::fmt;

use yaml_tree::Position;

use crate::finding::Finding;

/// The finding, and its position in the file. Texts are raw: they may repeat what the file contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditError {
    /// `None` when the requested change is unusable, not the file.
    pub position: Option<Position>,
    /// Its check names the part of the file: `images[1].newTag`, `.image.tag`, `the file`.
    pub finding: Finding,
}

impl EditError {
    #[must_use]
    pub fn at(position: Position, part: impl Into<String>) -> Self {
        Self { position: Some(position), finding: Finding::inconclusive(part) }
    }

    #[must_use]
    pub fn of_change(part: impl Into<String>) -> Self {
        Self { position: None, finding: Finding::inconclusive(part) }
    }

    #[must_use]
    pub fn duplicate_key(key: &str, first: Position, second: Position) -> Self {
        Self::at(second, format!("key `{key}`"))
            .actual(format!("it occurs twice in one mapping, first on line {}", first.line))
            .expected("each key once")
            .next("take one of the two out")
    }

    #[must_use]
    pub fn actual(self, actual: impl Into<String>) -> Self {
        Self { finding: self.finding.actual(actual), ..self }
    }

    #[must_use]
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { finding: self.finding.expected(expected), ..self }
    }

    #[must_use]
    pub fn next(self, next: impl Into<String>) -> Self {
        Self { finding: self.finding.next(next), ..self }
    }

    /// The finding with the place in `file` as its origin. Files in other languages are no YAML.
    #[must_use]
    pub fn to_finding(self, file: &str) -> Finding {
        let origin = self.position.map_or_else(|| file.to_owned(), |at| format!("{file}:{}:{}", at.line, at.column));
        let finding = match language(file) {
            Some(language) => self.finding.next(format!(
                "{language} is not edited: keep the image in a YAML or JSON file that it reads, and name that one"
            )),
            None => self.finding,
        };
        finding.with_origin(origin)
    }
}

/// The language of a file that is neither YAML nor JSON, by the end of its name.
fn language(file: &str) -> Option<&'static str> {
    let (_, end) = file.rsplit_once('.')?;
    Some(match end {
        "jsonnet" | "libsonnet" => "Jsonnet",
        "cue" => "CUE",
        "tf" | "tfvars" | "hcl" => "HCL",
        "toml" => "TOML",
        "k" => "KCL",
        "env" | "properties" | "ini" => "a list of settings",
        _ => return None,
    })
}

impl fmt::Display for EditError {
    /// One line without the file's name: `images[0].newTag (line 4, column 11): a list; expected …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => self.finding.clone().with_origin(position).fmt(f),
            None => self.finding.fmt(f),
        }
    }
}
