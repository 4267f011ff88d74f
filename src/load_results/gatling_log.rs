//! Gatling's `simulation.log` as text, of version 2 up to 3.10: a row for each request, in milliseconds. A failed one has the
//! status `KO`.

use std::io::BufRead;

use jiff::Timestamp;

use super::{
    lines::Lines,
    load_test::{Format, LoadTest, ReadError, Unit},
    samples::SamplesByEndpoint,
};

/// Whether a text begins as Gatling's log does.
pub(super) fn recognizes(first_line: &[u8]) -> bool {
    [&b"RUN\t"[..], b"ASSERTION\t"].iter().any(|start| first_line.starts_with(start))
}

pub(super) fn read(input: impl BufRead) -> Result<LoadTest, ReadError> {
    let (mut samples, mut lines, mut last) = (SamplesByEndpoint::default(), Lines::new(input), None);
    while let Some(line) = lines.next()? {
        let text = String::from_utf8_lossy(line);
        if !text.starts_with("REQUEST\t") {
            continue;
        }
        let fields: Vec<&str> = text.split('\t').collect();
        let Some(request) = request(&fields) else {
            let cut = if lines.ended { "" } else { ", where the file ends" };
            return Err(ReadError::malformed(format!("line {}{cut}: no request with its times", lines.number)));
        };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one request")]
        let elapsed = (request.ended - request.began) as f64;
        samples.of(&request.name).record(elapsed, request.failed);
        last = last.max(Some(request.ended));
    }
    let cut = samples.cut;
    let (all, endpoints) = samples.into_figures();
    let mut test = LoadTest::new(Format::Gatling, Some(Unit::Milliseconds), all);
    test.endpoints = endpoints;
    test.endpoints_cut = cut;
    test.measured_at = last.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    Ok(test)
}

struct Request {
    /// The groups around the request, and its name.
    name: String,
    began: i64,
    ended: i64,
    failed: bool,
}

/// The versions have different columns before these: groups, name, begin, end, status.
fn request(fields: &[&str]) -> Option<Request> {
    fields.windows(5).skip(1).find_map(|window| {
        let [groups, name, began, ended, status] = window else { return None };
        let failed = match *status {
            "OK" => false,
            "KO" => true,
            _ => return None,
        };
        let (began, ended): (i64, i64) = (began.parse().ok()?, ended.parse().ok()?);
        let groups: Vec<&str> = groups.split(',').filter(|group| !group.is_empty()).collect();
        let name = groups.iter().chain([name]).copied().collect::<Vec<_>>().join(" / ");
        (ended >= began && began > 0).then_some(Request { name, began, ended, failed })
    })
}
