//! Records of a CSV file, one at a time. A field in quotes may hold separators, doubled quotes and line breaks.

use std::io::BufRead;

use super::{lines::Lines, load_test::ReadError};

/// The most lines that one record may span.
const MOST_LINES: u64 = 10_000;

pub(super) struct Records<R> {
    lines: Lines<R>,
    separator: u8,
}

/// The names of the columns.
pub(super) struct Header(Vec<String>);

impl<R: BufRead> Records<R> {
    pub(super) const fn new(input: R, separator: u8) -> Self {
        Self { lines: Lines::new(input), separator }
    }

    /// The next record that is not empty; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<String>>, ReadError> {
        let mut record = Vec::new();
        let begin = self.lines.number + 1;
        while let Some(line) = self.lines.next()? {
            if !record.is_empty() {
                record.push(b'\n');
            }
            record.extend_from_slice(line);
            let is_open = record.iter().fold(false, |open, byte| open ^ (*byte == b'"'));
            if !is_open && !record.is_empty() {
                return Ok(Some(split(&String::from_utf8_lossy(&record), char::from(self.separator))));
            }
            if self.lines.number - begin > MOST_LINES {
                break;
            }
        }
        if record.is_empty() {
            Ok(None)
        } else {
            Err(ReadError::malformed(format!("line {begin}: a quote without end")))
        }
    }

    /// The next record below these names. One with more fields than names has them in the wrong columns.
    pub(super) fn next_below(&mut self, header: &Header) -> Result<Option<Vec<String>>, ReadError> {
        let record = self.next()?;
        if record.as_ref() == Some(&header.0) {
            let error = self.error("the names of the columns a second time: there are several files in one");
            return Err(
                error.next("give the file of one load test; rows of requests may be joined without the second header")
            );
        }
        let unnamed = |record: &Vec<String>| record.iter().skip(header.0.len()).any(|field| !field.is_empty());
        if record.as_ref().is_some_and(unnamed) {
            let error = self.error("more fields than the file has names for, as with commas in numbers");
            return Err(error.next("let the tool write numbers with a decimal point: set `LC_ALL=C`"));
        }
        Ok(record)
    }

    pub(super) fn error(&self, actual: &str) -> ReadError {
        let cut = if self.lines.ended { "" } else { ", where the file ends" };
        ReadError::malformed(format!("line {}{cut}: {actual}", self.lines.number))
    }
}

impl Header {
    pub(super) const fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    pub(super) fn starts_with(&self, names: &[&str]) -> bool {
        self.0.len() >= names.len() && self.0.iter().zip(names).all(|(own, name)| own == name)
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.position(name).is_some())
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|own| own == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn field<'a>(&self, record: &'a [String], name: &str) -> Option<&'a str> {
        record.get(self.position(name)?).map(String::as_str)
    }
}

fn split(text: &str, separator: char) -> Vec<String> {
    if !text.contains('"') {
        return text.split(separator).map(ToOwned::to_owned).collect();
    }
    let mut fields = vec![String::new()];
    let (mut quoted, mut characters) = (false, text.chars().peekable());
    while let Some(character) = characters.next() {
        let Some(field) = fields.last_mut() else { break };
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            character if character == separator && !quoted => fields.push(String::new()),
            character => field.push(character),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_separators_and_line_breaks() {
        let mut records = Records::new(&b"a,\"b, \"\"c\"\"\nd\",\r\n\r\n1;2\nx,\"y"[..], b',');
        assert_eq!(records.next().unwrap().unwrap(), ["a", "b, \"c\"\nd", ""]);
        assert_eq!(records.next().unwrap().unwrap(), ["1;2"]);
        assert!(records.next().unwrap_err().actual.contains("line 5: a quote without end"));
    }
}
