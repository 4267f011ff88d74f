//! Files as shells, terminals and spreadsheets change them.

use super::*;

/// Reports for people, each with the mark that makes two of them several.
const REPORTS: [(&str, &[u8]); 6] = [
    sample!("ab/ok.txt"),
    sample!("hey/ok.txt"),
    sample!("wrk/ok.txt"),
    sample!("vegeta/mix.txt"),
    sample!("vegeta/mix.hdr"),
    sample!("hey/mix.txt"),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn colours_and_line_ends_change_nothing() {
    for (path, bytes) in REPORTS {
        let plain = read_test(bytes);
        let windows = text(bytes).replace('\n', "\r\n");
        assert_eq!(read_test(windows.as_bytes()), plain, "{path}");
        let half = |line: &str| line.char_indices().nth(line.chars().count() / 2).map_or(0, |(at, _)| at);
        let coloured = text(bytes).lines().fold(String::new(), |all, line| {
            let (left, right) = line.split_at(half(line));
            format!("{all}\u{1b}[1;32m{left}\u{1b}[0m{right}\n")
        });
        assert_eq!(read_test(coloured.as_bytes()), plain, "{path}");
    }
}

#[test]
fn several_results_in_one_file_are_refused() {
    for (path, bytes) in REPORTS {
        let twice = format!("{}\n{}", text(bytes), text(bytes));
        let error = read(twice.as_bytes(), None).expect_err(path);
        assert!(error.actual.starts_with("2 results of ") && error.next.contains(">>"), "{path}: {error:?}");
    }
    for (path, bytes) in [
        sample!("k6/summary.json"),
        sample!("locust/run.json"),
        sample!("oha/report.json"),
        sample!("autocannon/ok.json"),
        sample!("artillery/report.json"),
        sample!("vegeta/ok.json"),
        sample!("jmeter/statistics.json"),
        sample!("gatling/stats.json"),
    ] {
        let one = read_test(bytes);
        let twice = [bytes, b"\n", bytes].concat();
        let error = read(&twice[..], None).expect_err(path);
        assert_eq!(error.actual, format!("2 results of {} in one file", one.format), "{path}");
    }
    for (path, bytes) in [sample!("locust/stats.csv"), sample!("jmeter/results.jtl"), sample!("hey/mix.csv")] {
        let error = read(&[bytes, bytes].concat()[..], None).expect_err(path);
        assert!(error.actual.contains("a second time") && error.next.contains("one load test"), "{path}: {error:?}");
    }
    // Rows of requests belong together: a load test may have several machines.
    let requests = read_test(sample!("vegeta/mix.ndjson").1).all.requests.unwrap();
    let both = [sample!("vegeta/mix.ndjson").1, sample!("vegeta/mix.ndjson").1].concat();
    assert_eq!(read_test(&both).all.requests, Some(2 * requests));
}

#[test]
fn numbers_with_a_decimal_comma_are_refused() {
    // The mean has one, so the 99 % would be the column before.
    let stats = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,98%,99%,100%\n\
                 GET,/,500,0,20,MEAN,70,110,130\n,Aggregated,500,0,20,MEAN,70,110,130\n";
    assert_eq!(read_test(stats.replace("MEAN", "22.5").as_bytes()).all.least_p99(), "110".parse().ok());
    let error = read(stats.replace("MEAN", "22,5").as_bytes(), None).unwrap_err();
    assert!(error.actual.contains("more fields") && error.next.contains("decimal point"), "{error:?}");
    // A separator at the end of a row is none.
    let jtl = "timeStamp,elapsed,label,success\n1796000000000,10,a,true,\n";
    assert_eq!(read_test(jtl.as_bytes()).all.requests, Some(1));
    for (path, bytes) in [sample!("hey/ok.txt"), sample!("wrk/ok.txt")] {
        let line = text(bytes).lines().find(|line| line.trim().starts_with("99%")).unwrap().to_owned();
        let P99::Missing { why, next } =
            read_test(text(bytes).replace(&line, &line.replace('.', ",")).as_bytes()).all.p99
        else {
            panic!("{path}")
        };
        assert!(why.contains("the 99 % line has") && next.contains("LC_ALL=C"), "{path}: {why}; {next}");
    }
}

#[test]
fn utf_16_without_a_mark_and_binary_files_are_named() {
    let utf_16 = |bytes: &[u8]| text(bytes).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for bytes in [sample!("oha/report.json").1, sample!("wrk/ok.txt").1, sample!("locust/stats.csv").1] {
        let error = read(&utf_16(bytes)[..], None).unwrap_err();
        assert!(error.actual.contains("UTF-16") && error.next.contains("utf8"), "{error:?}");
    }
    let vegeta = b"\x7f\xff\x81\x03\x01\x01\x06Result\x01\xff\x82\x00\x01\x0a\x01\x06Attack\x01\x0c\x00";
    let gatling = b"\0\0\0\0\x06\x33.14.9\0\0\0\x09acme.Shop\0\0\x01\x99";
    for (bytes, what, next) in [
        (&vegeta[..], "vegeta's results", "vegeta report -type=json"),
        (&gatling[..], "simulation.log in binary form", "stats.json"),
        (b"PK\x03\x04\x14\0\x08\x08 results.json and more", "a binary file", "JSON"),
    ] {
        let error = read(bytes, None).expect_err(what);
        assert!(error.actual.contains(what) && error.next.contains(next), "{what}: {error:?}");
    }
}

#[test]
fn a_key_that_occurs_twice_is_refused() {
    let summary = |more: &str| {
        format!(r#"{{"metrics":{{"http_reqs":{{"count":900}},"http_req_duration":{{"p(99)":60,"max":90{more}}}}}}}"#)
    };
    assert_eq!(read_test(summary("").as_bytes()).all.least_p99(), "60".parse().ok());
    let error = read(summary(",\"p(99)\":6").as_bytes(), None).unwrap_err();
    assert!(error.actual.contains(r#"the key "p(99)" occurs twice"#), "{error:?}");
}

#[test]
fn what_is_no_document_is_named_by_its_beginning() {
    let error = read(&b"npm warn deprecated\n{\"p99_latency\": 5}"[..], None).unwrap_err();
    assert!(error.actual.contains("it begins with \"npm warn deprecated\""), "{error:?}");
    let cut = read(&b"{\"p99_latency\": "[..], None).unwrap_err();
    assert!(!cut.actual.contains("begins"), "{cut:?}");
}
