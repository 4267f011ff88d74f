//! `JMeter`: JTL files in XML, read as a stream. A sample below the root counts as a row of the CSV does; what it holds inside are
//! redirects and embedded resources, which its time includes. Only a transaction holds samples that count.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event},
};

use super::{
    jmeter::{JtlTotals, Sample, boolean, is_success, is_transaction},
    load_test::{Format, LoadTest, ReadError},
};

/// The longest element or text in bytes: a sample may hold the whole response.
const LONGEST: u64 = 16 << 20;
/// The deepest nesting of elements.
const DEPTH: usize = 100;

/// Whether a text begins as a JTL file in XML does.
pub(super) fn recognizes(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.trim_start().starts_with('<') && text.contains("<testResults")
}

pub(super) fn read(input: impl BufRead) -> Result<LoadTest, ReadError> {
    let mut reader = Reader::from_reader(Metered { input, taken: 0 });
    let (mut totals, mut buffer, mut roots) = (JtlTotals::default(), Vec::new(), 0);
    let mut open: Vec<OpenElement> = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().taken = 0;
        let at = reader.buffer_position();
        let event = reader.read_event_into(&mut buffer).map_err(|error| malformed(at, &error.to_string()))?;
        match event {
            Event::Start(start) => {
                roots += usize::from(open.is_empty());
                let element =
                    begin(&start, open.last().copied(), &mut totals).map_err(|error| malformed(at, &error))?;
                open.push(element);
                if open.len() > DEPTH {
                    return Err(malformed(at, "elements nest too deeply"));
                }
            }
            Event::Empty(start) => {
                roots += usize::from(open.is_empty());
                begin(&start, open.last().copied(), &mut totals).map_err(|error| malformed(at, &error))?;
            }
            Event::End(_) => drop(open.pop()),
            Event::Text(text) if open.last() == Some(&OpenElement::Url) => totals.add_url(&text),
            Event::DocType(_) => return Err(malformed(at, "a DOCTYPE, which JMeter does not write")),
            Event::Eof if open.is_empty() && roots == 1 => return Ok(totals.into_test()),
            Event::Eof if open.is_empty() && roots > 1 => return Err(ReadError::several(roots, Format::Jmeter)),
            Event::Eof => return Err(malformed(at, "the file ends before its elements do: it was cut off")),
            _ => {}
        }
    }
}

fn malformed(at: u64, actual: &str) -> ReadError {
    ReadError::malformed(format!("byte {at}: {actual}"))
}

/// An open element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenElement {
    Root,
    Transaction,
    Sample,
    /// The URL of a sample that counts.
    Url,
    Other,
}

/// Counts the sample that an element is, if it is one.
fn begin(start: &BytesStart<'_>, parent: Option<OpenElement>, totals: &mut JtlTotals) -> Result<OpenElement, String> {
    let name = start.name();
    Ok(match (parent, name.as_ref()) {
        (None, "testResults") => OpenElement::Root,
        (None, name) => return Err(format!("<{name}>; expected <testResults>")),
        (Some(OpenElement::Root | OpenElement::Transaction), "httpSample" | "sample") => add(start, totals)?,
        (Some(OpenElement::Sample), "java.net.URL") => OpenElement::Url,
        _ => OpenElement::Other,
    })
}

fn add(start: &BytesStart<'_>, totals: &mut JtlTotals) -> Result<OpenElement, String> {
    let attribute = |name: &str| -> Result<String, String> {
        let found = start.try_get_attribute(name).map_err(|error| error.to_string())?;
        let value = found.map(|attribute| unescape(&attribute.value).map(Cow::into_owned)).transpose();
        Ok(value.map_err(|error| error.to_string())?.unwrap_or_default())
    };
    let (time, success) = (attribute("t")?, attribute("s")?);
    // JMeter may be told to leave it out.
    let success = if success.is_empty() { is_success(&attribute("rc")?) } else { boolean(&success) };
    let (Some(elapsed), Some(success)) = (super::load_test::latency(&time), success) else {
        return Err("a sample without a latency in `t`, or with neither true nor false in `s`".to_owned());
    };
    let (label, started, is_transaction) = (attribute("lb")?, attribute("ts")?, is_transaction(&attribute("rm")?));
    totals.add(&Sample { label: &label, elapsed, success, started: &started, is_transaction });
    Ok(if is_transaction { OpenElement::Transaction } else { OpenElement::Sample })
}

/// A source of which each element and each text may take so many bytes: the parser keeps one in memory.
struct Metered<R> {
    input: R,
    /// Bytes since the last element or text.
    taken: u64,
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken > LONGEST {
            return Err(io::Error::other("an element or a text of more than 16 MiB"));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, read: usize) {
        self.taken += read as u64;
        self.input.consume(read);
    }
}
