//! A table or a list of a page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A table beside the findings, such as the files that grew most. Without columns it is a list; of one item, a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    pub title: String,
    /// A link beside the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The main result rather than a detail: shown unfolded, and before the checks when they passed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
    pub columns: Vec<String>,
    /// The indices of the columns that hold figures: they are aligned on the right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<usize>,
    pub rows: Vec<Vec<Cell>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(switch: &bool) -> bool {
    !*switch
}

/// A cell: text, or a link with its own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    Text(String),
    Link(Link),
}

/// A link whose address the program made itself, or has checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    pub text: String,
    /// `https://…` or `http://…`; anything else is shown as text.
    pub url: String,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl PartialEq<&str> for Cell {
    fn eq(&self, text: &&str) -> bool {
        self.text() == *text
    }
}

impl Cell {
    pub fn link(text: impl Into<String>, url: impl Into<String>) -> Self {
        Self::Link(Link { text: text.into(), url: url.into() })
    }

    /// A link, or the text alone where no address is known.
    pub fn maybe_link(text: impl Into<String>, url: Option<String>) -> Self {
        match url {
            Some(url) => Self::link(text, url),
            None => Self::Text(text.into()),
        }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Link(Link { text, .. }) => text,
        }
    }
}

impl Table {
    /// A folded table.
    #[must_use]
    pub fn new<R, C>(title: impl Into<String>, columns: &[&str], rows: R) -> Self
    where
        R: IntoIterator<Item: IntoIterator<Item = C>>,
        C: Into<Cell>,
    {
        let rows = rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect();
        let columns = columns.iter().map(ToString::to_string).collect();
        Self { title: title.into(), columns, rows, ..Self::default() }
    }

    /// An open list; of one item, a sentence behind the title.
    #[must_use]
    pub fn list<R, C>(title: impl Into<String>, items: R) -> Self
    where
        R: IntoIterator<Item: IntoIterator<Item = C>>,
        C: Into<Cell>,
    {
        Self { open: true, ..Self::new(title, &[], items) }
    }

    #[must_use]
    pub fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Aligns columns with figures on the right.
    #[must_use]
    pub fn figures(self, columns: &[usize]) -> Self {
        Self { figures: columns.to_vec(), ..self }
    }

    #[must_use]
    pub fn linked(self, text: impl Into<String>, url: Option<String>) -> Self {
        Self { link: url.map(|url| Link { text: text.into(), url }), ..self }
    }
}
