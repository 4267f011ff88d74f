//! The reports that are read and the reports that are sent.

use super::*;

#[test]
fn as_many_of_twelve_maximal_reports_are_sent_as_fit() {
    // The length of text that makes the largest compact report.
    let of_length = |length: usize| {
        let long = "\"\\\n🦀".repeat(length);
        report_with("bundle-size", vec![Finding::passed(&long).expected(&long).actual(&long); 30])
    };
    let size = |report: &Report| json!(output(report)).to_string().len();
    let maximal = (1..60).map(of_length).max_by_key(size).unwrap();
    assert!(size(&maximal) > 6000, "{}", size(&maximal));
    let commands = ["health", "smoke", "performance"].into_iter().chain(["bundle-size"; 9]);
    // Different start times, because equal reports are sent once.
    let reports: Vec<Report> = commands
        .enumerate()
        .map(|(at, command)| {
            let started_at = format!("2026-01-01T00:00:{at:02}Z");
            Report { command: command.to_owned(), started_at, ..maximal.clone() }
        })
        .collect();
    let fake_github = fake_github();
    let ended = record(runner(&fake_github.api_url()), &reports);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let sent = sent_reports(&fake_github);
    assert!((8..12).contains(&sent.len()), "{}", sent.len());
    assert_eq!(sent[..3], outputs(&reports[..3])[..], "the required ones first");
    let left_out = 12 - sent.len();
    assert_eq!(ended.log.matches("no room within GitHub's limit").count(), left_out, "{}", ended.log);
    let effect = ended.report["effects"][0]["detail"].as_str().unwrap();
    assert!(effect.contains(&format!("{} of 12 reports", sent.len())), "{effect}");
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn required_reports_that_do_not_fit_are_not_sent_in_part() {
    let fake_github = fake_github();
    let long = "x".repeat(300);
    let reports: Vec<Report> = (0..16)
        .map(|at| report_with("health", vec![Finding::passed(format!("{at}")).actual(&long).expected(&long); 7]))
        .collect();
    let ended = record(runner(&fake_github.api_url()).input("required", "health"), &reports);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    for part in ["bytes; expected 65535 at most", "the 16 reports of the required gates do not fit"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert_eq!(fake_github.requests(), []);
}

#[test]
fn reports_of_a_matrix_are_read_from_whole_and_compact_files() {
    let fake_github = fake_github();
    let [health, smoke, performance] = passed();
    let step = runner(&fake_github.api_url()).input("reports", "reports/**/*.json\n!reports/old");
    step.write("reports/a/health.json", whole(&health));
    // The format of `echo "$REPORT" >smoke.json`.
    step.write("reports/b/smoke.json", output(&smoke) + "\n");
    step.write("reports/old/smoke.json", output(&report("smoke", Verdict::Blocked)));
    // A report that is in a file and in `results` is sent once.
    let step = step.input("results", &needs(&outputs(&[health.clone(), performance.clone()])));
    let ended = step.run(&["record"]);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(
        sent_reports(&fake_github),
        outputs(&[health, smoke, performance]),
        "the text that the gate's annotation has the hash of"
    );
}

#[test]
fn one_invalid_file_or_one_failed_leg_of_a_matrix_stops_the_dispatch() {
    for (contents, seen) in [
        (b"\xff\xfe".to_vec(), "reports/d.json: no report"),
        (b"{}".to_vec(), "reports/d.json: no report"),
        (whole(&report("health", Verdict::Blocked)).into_bytes(), "health: blocked: check: as seen"),
    ] {
        let fake_github = fake_github();
        let step = runner(&fake_github.api_url()).input("reports", "reports");
        for (name, report) in ["a", "b", "c"].iter().zip(passed()) {
            step.write(&format!("reports/{name}.json"), whole(&report));
        }
        step.write("reports/d.json", contents);
        let ended = step.run(&["record"]);
        assert_ne!(ended.outputs["verdict"], "passed", "{}", ended.log);
        assert!(ended.log.contains(seen), "{seen} in {}", ended.log);
        assert_eq!(fake_github.requests(), []);
    }
}

#[test]
fn the_gates_inside_a_run_are_sent_once() {
    let fake_github = fake_github();
    let mut outer = report_with("run", vec![Finding::passed("all")]);
    outer.reports = passed().into();
    let ended = record(runner(&fake_github.api_url()), std::slice::from_ref(&outer));
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(sent_reports(&fake_github), outputs(&[outer]));
}

#[test]
fn reports_of_another_release_are_not_sent() {
    let fake_github = fake_github();
    let subject = r#"{"service":"frontend","tag":"1.4.2"}"#.parse().unwrap();
    let other = Report { subject, ..report("bundle-size", Verdict::Passed) };
    let stale = Report { run: Some(run(6)), ..report("bundle-size", Verdict::Passed) };
    let further = report("bundle-size", Verdict::Blocked);
    let ended = record(runner(&fake_github.api_url()), &[&passed()[..], &[other, stale, further.clone()]].concat());
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    assert_eq!(sent_reports(&fake_github), outputs(&[&passed()[..], &[further]].concat()));
    assert!(
        ended.log.contains("gate-3`, about another subject: service frontend, not checkout-service"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("gate-4`, of another workflow run"), "{}", ended.log);
}
