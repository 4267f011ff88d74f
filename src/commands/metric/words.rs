//! Reads a line of a setting word by word. An error names the column, what is there, and what is accepted.

use crate::{
    error::ValueError,
    values::{HumanDuration, clip, decimal::Decimal, nonzero_duration},
};

/// Characters of the text at the place of an error.
const FOUND_CHARS: usize = 24;

/// A line, and how far it is read.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

impl<'a> Words<'a> {
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is not read yet, without blanks before it.
    pub fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let blanks = rest.len() - rest.trim_start().len();
        self.at += blanks;
        &self.text[self.at..]
    }

    /// Takes the next characters if they are `symbol`.
    pub fn take(&mut self, symbol: &str) -> bool {
        let is_next = self.rest().starts_with(symbol);
        if is_next {
            self.at += symbol.len();
        }
        is_next
    }

    /// Takes the next word if it is `word`: `no` is not the beginning of `no-errors`.
    pub fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.rest().strip_prefix(word).is_some_and(|behind| !behind.starts_with(is_name_char));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// # Errors
    /// Something else is next.
    pub fn expect(&mut self, symbol: &str) -> Result<(), ValueError> {
        if self.take(symbol) { Ok(()) } else { Err(self.error(&format!("`{symbol}`"))) }
    }

    /// # Errors
    /// Something else is next.
    pub fn expect_word(&mut self, word: &str) -> Result<(), ValueError> {
        if self.take_word(word) { Ok(()) } else { Err(self.error(&format!("`{word}`"))) }
    }

    /// The name of a figure: letters, digits, `-`, `_` and `.`, beginning with a letter, and none of `reserved`.
    ///
    /// # Errors
    /// Something else is next.
    pub fn name(&mut self, reserved: &[&str]) -> Result<&'a str, ValueError> {
        let rest = self.rest();
        let name = &rest[..rest.find(|c| !is_name_char(c)).unwrap_or(rest.len())];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(self.error("the name of a figure, such as `error-rate`"));
        }
        if reserved.contains(&name) {
            return Err(self.error(&format!("the name of a figure; `{name}` is a word of the conditions")));
        }
        self.at += name.len();
        Ok(name)
    }

    /// A number of at least zero in plain notation.
    ///
    /// # Errors
    /// Something else is next.
    pub fn number(&mut self) -> Result<Decimal, ValueError> {
        let rest = self.rest();
        let number = &rest[..rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len())];
        let is_plain = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.');
        let value = number.parse().ok().filter(|_| is_plain);
        let value = value.ok_or_else(|| self.error("a number of at least 0, such as `0.5`"))?;
        self.at += number.len();
        Ok(value)
    }

    /// A duration over zero, such as `5m`.
    ///
    /// # Errors
    /// Something else is next.
    pub fn duration(&mut self) -> Result<HumanDuration, ValueError> {
        let rest = self.rest();
        let text = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())];
        let is_whole = text.ends_with(|c: char| c.is_ascii_alphabetic());
        let duration = nonzero_duration(text).ok().filter(|_| is_whole);
        let duration = duration.ok_or_else(|| self.error("a duration over 0 with its unit, such as `5m`"))?;
        self.at += text.len();
        Ok(duration)
    }

    /// A text in double quotes, in which `\"` and `\\` stand for `"` and `\`; returned as it is written, with its quotes.
    ///
    /// # Errors
    /// Something else is next, or the text does not end.
    pub fn quoted(&mut self) -> Result<&'a str, ValueError> {
        let rest = self.rest();
        if !rest.starts_with('"') {
            return Err(self.error("a text in double quotes"));
        }
        let mut is_escaped = false;
        for (index, c) in rest.char_indices().skip(1) {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    self.at += index + 1;
                    return Ok(&rest[..=index]);
                }
                _ => {}
            }
        }
        Err(self.error("a text that ends with a double quote"))
    }

    /// # Errors
    /// There is more, and `expected` could be next as well.
    pub fn expect_end(&mut self, expected: &str) -> Result<(), ValueError> {
        if self.rest().is_empty() {
            return Ok(());
        }
        let expected = if expected.is_empty() { "the end".to_owned() } else { format!("{expected} or the end") };
        Err(self.error(&expected))
    }

    /// The error for what is next.
    pub fn error(&mut self, expected: &str) -> ValueError {
        let rest = self.rest();
        let column = self.text[..self.at].chars().count() + 1;
        let word = rest.split_whitespace().next().unwrap_or_default();
        let found = if word.is_empty() { "the end".to_owned() } else { format!("{:?}", clip(word, FOUND_CHARS)) };
        ValueError::from(format!("in column {column} there is {found}, accepted is {expected}"))
    }
}
