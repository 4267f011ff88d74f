//! Every sample of every format: cut off anywhere, without its figures, with figures that are none.

use serde_json::Value;

use super::*;

const DOCUMENTS: [(&str, &[u8]); 12] = [
    sample!("k6/summary.json"),
    sample!("locust/run.json"),
    sample!("oha/report.json"),
    sample!("autocannon/ok.json"),
    sample!("autocannon/mix.json"),
    sample!("artillery/report.json"),
    sample!("vegeta/ok.json"),
    sample!("vegeta/mix.json"),
    sample!("jmeter/statistics.json"),
    sample!("gatling/stats.json"),
    sample!("locust/mix.json"),
    sample!("locust/refused.json"),
];

const OTHERS: [(&str, &[u8]); 15] = [
    sample!("k6/out.ndjson"),
    sample!("locust/stats.csv"),
    sample!("locust/mix_stats.csv"),
    sample!("locust/history.csv"),
    sample!("vegeta/mix.ndjson"),
    sample!("vegeta/mix.csv"),
    sample!("vegeta/mix.txt"),
    sample!("vegeta/mix.hdr"),
    sample!("jmeter/results.jtl"),
    sample!("wrk/ok.txt"),
    sample!("wrk/mix.txt"),
    sample!("hey/ok.txt"),
    sample!("hey/mix.csv"),
    sample!("ab/ok.txt"),
    sample!("ab/mix.txt"),
];

/// Some lengths up to that of the sample: all near its end, and others all over it.
fn lengths(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let (length, step) = (bytes.len(), (bytes.len() / 200).max(1));
    (0..length).filter(move |at| at % step == 0 || length - at < 40)
}

#[test]
fn a_document_that_is_cut_off_is_refused() {
    for (path, bytes) in DOCUMENTS {
        let bytes = bytes.trim_ascii_end();
        for length in lengths(bytes) {
            let error = read(&bytes[..length], None).expect_err(path);
            assert_eq!(error.kind, ReadErrorKind::Malformed, "{path} {length}: {error:?}");
        }
    }
}

#[test]
fn lines_and_reports_that_are_cut_off_never_count_more() {
    for (path, bytes) in OTHERS {
        let whole = read(bytes, None).ok();
        for length in lengths(bytes) {
            let cut = read(&bytes[..length], None);
            let (Ok(Reading::LoadTest(cut)), Some(Reading::LoadTest(whole))) = (cut, &whole) else { continue };
            assert!(cut.all.requests <= whole.all.requests, "{path} {length}: {cut:?}");
            assert!(
                cut.all.least_p99()
                    <= whole.all.percentiles.last().map(|slowest| slowest.latency).max(whole.all.least_p99()),
                "{path} {length}: {cut:?}"
            );
        }
    }
}

#[test]
fn nothing_of_a_sample_is_no_result() {
    for bytes in [&b""[..], b" \n", b"\xef\xbb\xbf", b"\0\0\0\0", b"\x1f\x8b", b"<html></html>", b"\xff\xfe\0"] {
        assert!(read(bytes, None).is_err(), "{bytes:?}");
    }
}

/// Changes every value below a key that holds a p99.
fn spoil(value: &mut Value, by: &Value) -> usize {
    const KEYS: [&str; 7] = ["p(99)", "p99", "99th", "pct3ResTime", "percentiles4", "99%", "p99_latency"];
    match value {
        Value::Object(entries) => entries
            .iter_mut()
            .map(|(key, value)| {
                if !KEYS.contains(&key.as_str()) {
                    return spoil(value, by);
                }
                match value {
                    Value::Object(inner) => inner.values_mut().for_each(|value| *value = by.clone()),
                    value => *value = by.clone(),
                }
                1
            })
            .sum(),
        Value::Array(list) => list.iter_mut().map(|value| spoil(value, by)).sum(),
        _ => 0,
    }
}

#[test]
fn a_p99_that_is_no_latency_is_none() {
    for (path, bytes) in DOCUMENTS {
        for by in [
            Value::Null,
            (-5).into(),
            "NaN".into(),
            "Infinity".into(),
            "".into(),
            true.into(),
            Value::Array(Vec::new()),
        ] {
            let mut document: Value = serde_json::from_slice(bytes).unwrap();
            // Locust has a histogram instead.
            if spoil(&mut document, &by) == 0 {
                assert!(path.starts_with("locust/"), "{path}");
                continue;
            }
            match read(document.to_string().as_bytes(), None) {
                Ok(Reading::LoadTest(test)) => {
                    assert!(matches!(test.all.p99, P99::Missing { .. }), "{path} with {by}: {:?}", test.all.p99);
                }
                Ok(Reading::PageLoads(_) | Reading::Json(_)) => panic!("{path} with {by} is not recognized"),
                Err(_) => {}
            }
        }
    }
}

#[test]
fn a_line_whose_latency_is_no_number_is_refused() {
    for ((path, bytes), column, separator) in [
        (sample!("hey/mix.csv"), 0, ','),
        (sample!("vegeta/mix.csv"), 2, ','),
        (sample!("jmeter/results.jtl"), 1, ','),
        (sample!("locust/stats.csv"), 2, ','),
    ] {
        for by in ["NaN", "-1", "", "x", "inf"] {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
            let mut fields: Vec<&str> = lines[1].split(separator).collect();
            fields[column] = by;
            lines[1] = fields.join(&separator.to_string());
            let error = read(lines.join("\n").as_bytes(), None).expect_err(path);
            assert_eq!(error.kind, ReadErrorKind::Malformed, "{path} with {by:?}");
        }
    }
    let k6 = String::from_utf8(sample!("k6/out.ndjson").1.to_vec()).unwrap();
    let at = k6.find("\"metric\":\"http_req_duration\",\"type\":\"Point\"").unwrap();
    let value = at + k6[at..].find("\"value\":").unwrap() + 8;
    let end = value + k6[value..].find(',').unwrap();
    for by in ["NaN", "-1", "\"x\"", "null", "1e999"] {
        let text = format!("{}{by}{}", &k6[..value], &k6[end..]);
        assert_eq!(read(text.as_bytes(), None).expect_err(by).kind, ReadErrorKind::Malformed, "{by}");
    }
}

#[test]
fn many_names_are_bounded() {
    let rows = (0..2_000).map(|row| format!("1796000000000,{row},name {row},true\n"));
    let file = format!("timeStamp,elapsed,label,success\n{}", rows.collect::<String>());
    let test = read_test(file.as_bytes());
    assert_eq!((test.all.requests, test.endpoints.len(), test.endpoints_cut), (Some(2_000), 500, true));
    assert_eq!(test.all.least_p99(), "1979".parse().ok());
}
