//! Files of load tests that have no p99: each is named, with what to give instead.

use super::*;

#[test]
fn reports_without_a_p99_say_what_to_give_instead() {
    let k6 = "     checks.........................: 100.00% ✓ 800      ✗ 0\n   ✓ http_req_duration..............: avg=22.9ms min=2.8ms \
              med=20.08ms max=97.85ms p(90)=38.1ms p(95)=47.37ms\n     http_reqs......................: 800     99.1/s\n";
    let autocannon = "Running 3s test @ http://127.0.0.1:8791\n10 connections\n\n│ Stat    │ 2.5% │ 50%  │ 97.5% │ 99%  │ Avg     │ Stdev \
                      │ Max   │\n│ Latency │ 3 ms │ 9 ms │ 26 ms │ 30 ms │ 9.9 ms │ 6.1 ms │ 70 ms │\n│ Req/Sec │ 900 │\n";
    let ghz = "\nSummary:\n  Name:\t\tshop.Cart.Add\n  Count:\t600\n  Total:\t400.47 ms\n  Slowest:\t16.16 ms\n\nResponse time histogram:\n  \
               0.234 [1] |\n\nLatency distribution:\n  95 % in 11.00 ms \n  99 % in 12.62 ms \n\nStatus code distribution:\n  [OK]  600 responses\n";
    let siege = "Transactions:\t\t         600 hits\nAvailability:\t\t      100.00 %\nElapsed time:\t\t        6.02 secs\nLongest transaction:\t\
                 \t        0.21\n";
    let metrics = "# HELP http_request_duration_seconds Latency.\n# TYPE http_request_duration_seconds histogram\n\
                   http_request_duration_seconds_bucket{le=\"0.1\"} 980\n";
    for (text, what, next) in [
        (k6, "k6's summary for people", "--summary-export"),
        ("Method,Name,Error,Occurrences\nGET,/,HTTPError('500'),9\n", "Locust's file of failures", "_stats.csv"),
        ("Count,Message,Traceback,Nodes\n", "Locust's file of exceptions", "_stats.csv"),
        ("Type     Name      # reqs      # fails |    Avg\nGET  /   800  0(0.00%) |  20\n", "Locust's table", "--json"),
        (
            "Summary report @ 10:00:00(+0000)\n\nhttp.response_time:\n  p99: .... 64.7\n",
            "Artillery's report",
            "--output",
        ),
        (autocannon, "autocannon's tables", "autocannon --json"),
        (
            "Bombarding http://a with 9 request(s)\nDone!\nStatistics        Avg\n",
            "bombardier's report",
            "--format=json",
        ),
        (ghz, "ghz's report", "--format=json"),
        ("var stats = {\n    type: \"GROUP\",\nname: \"All Requests\",\n", "Gatling's stats.js", "stats.json"),
        ("====\n---- Global Information ----\n> request count 400 (OK=400)\n", "Gatling's report", "js/stats.json"),
        (
            "summary =  270 in 00:00:30 =  9.0/s Avg:  20 Min: 3 Max: 97 Err: 0 (0.00%)\n",
            "JMeter's summary",
            "results.jtl",
        ),
        (
            "Label,# Samples,Average,Median,90% Line,95% Line,99% Line\nTOTAL,9,1,1,1,1,1\n",
            "aggregate report",
            "results.jtl",
        ),
        (
            "1796000000000,39,home,200,OK,tg 1-1,text,true,11,36\n",
            "without the names of its columns",
            "print_field_names",
        ),
        (siege, "siege's report", "vegeta"),
        (
            "Target URL: http://a\nEffective rps: 613\n\nPercentage of requests served within a certain time\n  99%  32 ms\n",
            "loadtest's report",
            "p99_latency",
        ),
        (metrics, "as Prometheus scrapes them", "query API"),
        (
            "label,concurrency,throughput,succ,fail,avg_rt,perc_99.0\n,10,800,800,0,0.02,0.06\n",
            "in CSV, in seconds",
            "kpi.jtl",
        ),
        ("<?xml version='1.0'?>\n<FinalStatus><Group label=\"\"/></FinalStatus>\n", "in XML, in seconds", "kpi.jtl"),
        ("<!DOCTYPE html>\n<title>k6 report</title>\n", "a web page", "JSON or CSV"),
    ] {
        let error = read(text.as_bytes(), None).expect_err(what);
        assert!(error.actual.contains(what) && error.next.contains(next), "{what}: {error:?}");
    }
    for (document, what) in [
        (r#"{"simulation":"acme.Shop","assertions":[{"actualValue":[0.1]}]}"#, "assertions.json"),
        (r#"{"transactions":600,"availability":100.00,"longest_transaction":0.21}"#, "siege's report"),
    ] {
        assert!(read(document.as_bytes(), None).expect_err(what).actual.contains(what), "{what}");
    }
}

#[test]
fn a_jtl_file_tells_failed_requests_by_one_of_two_columns() {
    let with = |names: &str, rows: &str| format!("{names}\n{rows}");
    let codes = with(
        "timeStamp,elapsed,label,responseCode",
        "1,10,a,200\n1,20,a,302\n1,30,a,503\n1,40,a,Non HTTP response code: java.net.X\n",
    );
    let test = read_test(codes.as_bytes());
    assert_eq!((test.format, test.all.requests, test.all.failures), (Format::Jmeter, Some(4), Some(2)));
    let success = with("elapsed,label,success", "10,a,True\n20,a,False\n30,a,TRUE\n");
    let test = read_test(success.as_bytes());
    assert_eq!((test.format, test.all.requests, test.all.failures), (Format::Jmeter, Some(3), Some(1)));
    let neither = read(with("timeStamp,elapsed,label,bytes", "1,10,a,9\n").as_bytes(), None).unwrap_err();
    assert!(neither.actual.contains("`success` and `responseCode`") && neither.next.contains("save"), "{neither:?}");
    // A row that is cut off before its success is not one with a response code.
    let cut = with("elapsed,label,responseCode,success", "10,a,200,true\n20,a,200");
    assert_eq!(read(cut.as_bytes(), None).unwrap_err().kind, ReadErrorKind::Malformed);
    let xml = |attributes: &str| {
        format!("<testResults version=\"1.2\"><httpSample t=\"9\" lb=\"a\" {attributes}/></testResults>")
    };
    for (attributes, failures) in [("rc=\"200\"", 0), ("rc=\"404\"", 1), ("rc=\"404\" s=\"true\"", 0)] {
        assert_eq!(read_test(xml(attributes).as_bytes()).all.failures, Some(failures), "{attributes}");
    }
}

#[test]
fn several_jtl_files_in_xml_as_one_are_refused() {
    let one = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testResults version=\"1.2\">\n\
               <httpSample t=\"9\" lb=\"a\" s=\"true\"/>\n</testResults>\n";
    assert_eq!(read_test(one.as_bytes()).all.requests, Some(1));
    for (text, number) in [
        (one.repeat(2), "2 results of JMeter"),
        (one.repeat(3), "3 results of JMeter"),
        (format!("{one}<testResults/>"), "2 results of JMeter"),
    ] {
        let error = read(text.as_bytes(), None).unwrap_err();
        assert!(error.actual.starts_with(number) && error.expected.contains("one load test"), "{error:?}");
    }
}
