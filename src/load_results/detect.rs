//! Which format results have, by what they contain, never by the name of the file.

use std::io::{BufRead, Read as _};

use serde_json::{Deserializer, Value};

use super::{Format, LoadTest, ReadError, k6_points};

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// The results of a load test.
    LoadTest(Box<LoadTest>),
    /// JSON of no known format. Several documents are a list, as jq reads them with `--slurp`.
    Json(Value),
}

/// How much of the beginning is enough to recognize a format.
const HEAD: u64 = 64 << 10;

/// A way to read JSON documents of one format: `None` if a document is of another one.
type Recognizer = fn(&Value) -> Option<Result<LoadTest, ReadError>>;

/// The formats that are one JSON document, those with the most telling names first.
const DOCUMENTS: &[(Format, Recognizer)] = &[];

/// Reads results. With `wanted` only that format is accepted.
///
/// # Errors
/// The bytes are of no known format and no JSON, are cut off, or hold no figures.
pub fn read(mut input: impl BufRead, wanted: Option<Format>) -> Result<Reading, ReadError> {
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head).map_err(|error| ReadError::malformed(error.to_string()))?;
    let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let shape = shape(&head[start..]);
    let whole = head[start..].chain(input);
    let test = match shape {
        Shape::Empty => return Err(ReadError::malformed("there is nothing in it")),
        Shape::K6Points => k6_points::read(whole)?,
        Shape::Document => match document(whole, wanted)? {
            Reading::LoadTest(test) => *test,
            json @ Reading::Json(_) => return Ok(json),
        },
    };
    match wanted {
        Some(wanted) if wanted != test.format => {
            Err(ReadError::malformed(format!("results of {}, not of {wanted}", test.format)))
        }
        _ => Ok(Reading::LoadTest(Box::new(test))),
    }
}

enum Shape {
    Empty,
    K6Points,
    Document,
}

fn shape(head: &[u8]) -> Shape {
    let text = head.trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if text.is_empty() {
        Shape::Empty
    } else if k6_points::recognizes(first_line) {
        Shape::K6Points
    } else {
        Shape::Document
    }
}

fn document(input: impl BufRead, wanted: Option<Format>) -> Result<Reading, ReadError> {
    let values: Result<Vec<Value>, _> = Deserializer::from_reader(input).into_iter().collect();
    let mut values = values.map_err(|error| ReadError::malformed(format!("not JSON: {error}")))?;
    let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
    let mut candidates = DOCUMENTS.iter().filter(|(format, _)| wanted.is_none_or(|wanted| wanted == *format));
    match candidates.find_map(|(_, recognize)| recognize(&value)) {
        Some(test) => Ok(Reading::LoadTest(Box::new(test?))),
        None => Ok(Reading::Json(value)),
    }
}
