//! Which format results have, by what they contain, never by the name of the file.

use std::io::{BufRead, BufReader, Read as _};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use super::{
    ab_csv, artillery, autocannon,
    csv::{Header, Records},
    document::{self, Top},
    gatling, gatling_log, jmeter, jmeter_xml, k6_csv, k6_points, k6_summary, latencies,
    lighthouse::{self, PageLoads},
    load_test::{Format, LoadTest, ReadError},
    locust, oha, plain, prometheus, reports, unsupported, vegeta,
};
use crate::values::clip;

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// The results of a load test.
    LoadTest(Box<LoadTest>),
    /// Page loads.
    PageLoads(PageLoads),
    /// JSON of no known format. Several documents are a list, as jq reads them with `--slurp`.
    Json(Value),
}

/// How much of the beginning is enough to recognize a format, in bytes.
const HEAD: u64 = 64 << 10;
/// The largest JSON document that is held in memory, in bytes. Files with a line for each request may be larger.
const LARGEST_DOCUMENT: u64 = 256 << 20;
/// The largest report for people, in bytes.
const LARGEST_REPORT: u64 = 4 << 20;

/// Reads a JSON document of one format: `None` if it is of another one.
type Recognizer = fn(&Value) -> Option<Result<LoadTest, ReadError>>;

/// The formats that are one JSON document, those with the most telling names first.
const DOCUMENTS: &[(Format, Recognizer)] = &[
    (Format::K6, k6_summary::recognize),
    (Format::Oha, oha::recognize),
    (Format::Vegeta, vegeta::recognize),
    (Format::Autocannon, autocannon::recognize),
    (Format::Artillery, artillery::recognize),
    (Format::Gatling, gatling::recognize),
    (Format::Jmeter, jmeter::recognize),
    (Format::Locust, locust::recognize),
    (Format::Locust, locust::recognize_web),
    (Format::Prometheus, prometheus::recognize),
    (Format::Latencies, latencies::recognize),
    (Format::Plain, plain::recognize),
];

/// Reads results, also those that gzip compressed. With `wanted` only that format is accepted.
///
/// # Errors
/// The bytes are of no known format and no JSON, are cut off, or hold no figures.
pub fn read(mut input: impl BufRead, wanted: Option<Format>) -> Result<Reading, ReadError> {
    let head = beginning(&mut input)?;
    if head.starts_with(b"\x1f\x8b") {
        let mut unpacked = BufReader::new(MultiGzDecoder::new(head.chain(input)));
        let head = beginning(&mut unpacked)?;
        return read_unpacked(&head, unpacked, wanted);
    }
    read_unpacked(&head, input, wanted)
}

fn beginning(input: &mut impl BufRead) -> Result<Vec<u8>, ReadError> {
    let mut head = Vec::new();
    input.take(HEAD).read_to_end(&mut head).map_err(|error| ReadError::unreadable(&error))?;
    Ok(head)
}

fn read_unpacked(head: &[u8], input: impl BufRead, wanted: Option<Format>) -> Result<Reading, ReadError> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err(ReadError::utf_16());
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if let Some(error) = unsupported::recognize_binary(head) {
        return Err(error);
    }
    let test = match Shape::of(head)? {
        Shape::K6Points => k6_points::read(head.chain(input)),
        Shape::VegetaHits => vegeta::read_hits(head.chain(input)),
        Shape::VegetaCsv => vegeta::read_csv(Records::new(head.chain(input), b',')),
        Shape::Numbers => latencies::read_lines(head.chain(input)),
        Shape::JtlXml => jmeter_xml::read(head.chain(input)),
        Shape::GatlingLog => gatling_log::read(head.chain(input)),
        Shape::Csv(kind, separator) => read_csv(kind, Records::new(head.chain(input), separator)),
        Shape::Report(format) => {
            let mut text = Vec::new();
            let read = head.chain(input).take(LARGEST_REPORT).read_to_end(&mut text);
            read.map_err(|error| ReadError::unreadable(&error))?;
            reports::read(format, &without_colours(&String::from_utf8_lossy(&text)))
        }
        Shape::Document => match read_document(head, input, wanted)? {
            Reading::LoadTest(test) => Ok(*test),
            other @ (Reading::PageLoads(_) | Reading::Json(_)) => return Ok(other),
        },
    }?;
    match wanted {
        Some(wanted) if wanted != test.format => {
            Err(ReadError::malformed(format!("results of {}, not of {wanted}", test.format))
                .next(format!("leave `format` out, or give the results of {wanted}")))
        }
        _ => Ok(Reading::LoadTest(Box::new(test))),
    }
}

enum Shape {
    K6Points,
    VegetaHits,
    VegetaCsv,
    Numbers,
    JtlXml,
    GatlingLog,
    Csv(CsvKind, u8),
    Report(Format),
    Document,
}

#[derive(Clone, Copy)]
enum CsvKind {
    K6,
    Locust,
    LocustHistory,
    Oha,
    Hey,
    Jtl,
    AbPercentiles,
    AbRequests,
}

impl Shape {
    fn of(head: &[u8]) -> Result<Self, ReadError> {
        let text = head.trim_ascii_start();
        let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        Ok(match text.first() {
            None => return Err(ReadError::malformed("there is nothing in it")),
            Some(b'{') if k6_points::recognizes(first_line) => Self::K6Points,
            Some(b'{') if vegeta::recognizes(first_line) => Self::VegetaHits,
            Some(b'{' | b'[') => Self::Document,
            Some(b'<') if jmeter_xml::recognizes(text) => Self::JtlXml,
            _ if gatling_log::recognizes(first_line) => Self::GatlingLog,
            _ if vegeta::recognizes_csv(first_line) => Self::VegetaCsv,
            _ if latencies::recognizes(first_line) => Self::Numbers,
            _ => {
                if let Some((kind, separator)) = csv_kind(first_line) {
                    return Ok(Self::Csv(kind, separator));
                }
                let text = without_colours(&String::from_utf8_lossy(text));
                match (reports::recognize(&text), unsupported::recognize_text(&text)) {
                    (Some(format), _) => Self::Report(format),
                    (None, Some(error)) => return Err(error),
                    (None, None) => Self::Document,
                }
            }
        })
    }
}

/// A text without the codes by which a terminal shows colours.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split("\x1b[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        // A code ends with its first letter.
        plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).unwrap_or_default());
    }
    plain
}

fn csv_kind(first_line: &[u8]) -> Option<(CsvKind, u8)> {
    [b',', b';', b'\t'].into_iter().find_map(|separator| {
        let header = Header::new(Records::new(first_line, separator).next().ok()??);
        let kinds = [
            (header.starts_with(k6_csv::HEADER), CsvKind::K6),
            (locust::has_figures(&header), CsvKind::Locust),
            (header.starts_with(locust::HISTORY), CsvKind::LocustHistory),
            (header.starts_with(oha::CSV), CsvKind::Oha),
            (header.starts_with(HEY), CsvKind::Hey),
            (jmeter::is_jtl(&header), CsvKind::Jtl),
            (header.starts_with(ab_csv::PERCENTILES), CsvKind::AbPercentiles),
            (header.starts_with(ab_csv::REQUESTS), CsvKind::AbRequests),
        ];
        kinds.into_iter().find_map(|(is, kind)| is.then_some((kind, separator)))
    })
}

/// The first columns of hey's CSV.
const HEY: &[&str] = &["response-time", "DNS+dialup", "DNS"];

fn read_csv(kind: CsvKind, mut records: Records<impl BufRead>) -> Result<LoadTest, ReadError> {
    let header = Header::new(records.next()?.unwrap_or_default());
    match kind {
        CsvKind::K6 => k6_csv::read(records, &header),
        CsvKind::Locust => locust::read_csv(records, &header),
        CsvKind::LocustHistory => Err(locust::history()),
        CsvKind::Oha => oha::read_csv(records, &header),
        CsvKind::Hey => oha::read_answered(Format::Hey, records, &header, ["response-time", "status-code"]),
        CsvKind::Jtl => jmeter::read_jtl(records, &header),
        CsvKind::AbPercentiles => ab_csv::read_percentiles(records),
        CsvKind::AbRequests => ab_csv::read_requests(records, &header),
    }
}

fn read_document(head: &[u8], input: impl BufRead, wanted: Option<Format>) -> Result<Reading, ReadError> {
    let mut bounded = head.chain(input).take(LARGEST_DOCUMENT);
    let top = document::read(&mut bounded);
    if bounded.limit() == 0 {
        return Err(ReadError::too_large());
    }
    let top = top.map_err(|error| not_json(head, &error))?;
    let value = match top {
        Top::Numbers(samples, None) => return Ok(Reading::LoadTest(Box::new(latencies::read_list(*samples)))),
        Top::Numbers(_, Some((position, value))) => return Err(latencies::bad_element(position, &value)),
        Top::Json(value) => value,
    };
    if wanted.is_none_or(|wanted| wanted == Format::Lighthouse)
        && let Some(loads) = lighthouse::recognize(&value)
    {
        return loads.map(Reading::PageLoads);
    }
    let mut candidates = DOCUMENTS.iter().filter(|(format, _)| wanted.is_none_or(|wanted| wanted == *format));
    match candidates.find_map(|(_, recognize)| recognize(&value)) {
        Some(test) => Ok(Reading::LoadTest(Box::new(test?))),
        None => match (wanted, several_results(&value).or_else(|| unsupported::recognize(&value))) {
            (None, Some(error)) => Err(error),
            (Some(wanted), _) => Err(ReadError::malformed(format!("JSON, but not of {wanted}"))
                .next(format!("leave `format` out, or give the results of {wanted}"))),
            (None, None) => Ok(Reading::Json(value)),
        },
    }
}

/// Why a text is no document; what it is says its beginning, unless it looks like one.
fn not_json(head: &[u8], error: &serde_json::Error) -> ReadError {
    if error.is_data() {
        return ReadError::malformed(error.to_string());
    }
    let head = head.trim_ascii_start();
    if head.starts_with(b"{") || head.starts_with(b"[") {
        return ReadError::malformed(format!("not JSON: {error}"));
    }
    let text = String::from_utf8_lossy(&head[..head.len().min(200)]);
    let first_line = clip(text.lines().next().unwrap_or_default().trim(), 60);
    let next = "give the file that the load test writes for programs, in JSON or CSV, and nothing before it; the formats are in \
                the README of `performance`";
    ReadError::malformed(format!("not JSON: {error}; it begins with {first_line:?}")).next(next)
}

/// Several documents of one tool: which of them counts is not known.
fn several_results(value: &Value) -> Option<ReadError> {
    let documents = value.as_array().filter(|documents| documents.len() > 1)?;
    let of_a_tool = DOCUMENTS.iter().filter(|(format, _)| !matches!(format, Format::Latencies | Format::Plain));
    let recognizes = |recognize: &Recognizer| documents.iter().all(|document| recognize(document).is_some());
    let (format, _) = of_a_tool.into_iter().find(|(_, recognize)| recognizes(recognize))?;
    Some(ReadError::several(documents.len(), *format))
}
