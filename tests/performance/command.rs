//! `performance` with a load test that it runs itself: a shell script that writes prepared results, so no verdict depends on time.

use std::{fmt::Write as _, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    patience::SIGNALLED,
};

const TARGET: &str = "https://staging.example/new";
const BASELINE: &str = "https://staging.example/old";

/// k6's points of 200 requests to each endpoint; the p99 of each is the second figure.
fn points(endpoints: &[(&str, f64)], status: &str) -> String {
    let mut text = String::new();
    for (name, p99) in endpoints {
        for request in 0..200 {
            let value = if request >= 195 { *p99 } else { p99 / 2.0 };
            let tags = json!({ "name": name, "method": "GET", "status": status });
            let data = json!({ "time": "2026-11-30T00:00:00Z", "value": value, "tags": tags });
            writeln!(text, "{}", json!({ "type": "Point", "metric": "http_req_duration", "data": data })).unwrap();
        }
    }
    text
}

/// Writes one line for each run into `runs`, and to stdout the file `new` or `old`. Run 3 of `new` writes `new-3` if it exists.
const LOAD_TEST: &str = r#"
echo "$TARGET" >>runs
side=${TARGET##*/}
run=$(grep -c "$side\$" runs)
if [ -e "$side-$run" ]; then cat "$side-$run"; else cat "$side"; fi
"#;

fn runner(script: &str, target: f64, baseline: f64) -> Runner {
    let runner = Runner::new()
        .input("service", "checkout-service")
        .input("tag", "1.4.2")
        .input("target", TARGET)
        .input("baseline-target", BASELINE)
        .input("command", script);
    runner.write("new", points(&[("/", target)], "200"));
    runner.write("old", points(&[("/", baseline)], "200"));
    runner
}

/// The exit code and the verdict. Outputs, report and summary must agree.
fn end(ended: &Ended) -> (i32, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    (ended.code, &ended.outputs["verdict"])
}

/// The targets of the runs that were made, in order.
fn runs(runner: &Runner) -> Vec<String> {
    let text = std::fs::read_to_string(runner.workspace().join("runs")).unwrap_or_default();
    text.lines().map(|line| line.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_same_speed_passes_after_six_pairs_in_the_order_of_the_coin() {
    let runner = runner(LOAD_TEST, 100.0, 100.0);
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    for (output, value) in [("p99", "100"), ("baseline-p99", "100"), ("ratio", "1"), ("pairs", "6")] {
        assert_eq!(ended.outputs[output], value, "{output}");
    }
    let coin = u64::from_str_radix(&ended.outputs["seed"], 16).expect("a seed");
    let mut order = vec!["old", "new"];
    for pair in 0..6 {
        order.extend(if coin >> pair & 1 == 1 { ["new", "old"] } else { ["old", "new"] });
    }
    assert_eq!(runs(&runner), order, "the warm-up, and then six pairs by the bits of the seed");
    let finding = &ended.report["findings"][0];
    assert_eq!(finding["actual"], "1 times the baseline (1 to 1) after 6 pairs");
    let page = "### ✅ performance: p99 100 ms → 100 ms, ×1 (1 to 1), limit ×1.2\n";
    assert!(ended.summary.starts_with(page), "{}", ended.summary);
    for text in [&ended.summary, &ended.report.to_string()] {
        assert!(text.contains(&format!("coin {}", ended.outputs["seed"])), "{text}");
    }
    let rows = ended.report["tables"][0]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 6, "each pair's figures");
}

#[test]
fn a_slower_target_blocks_after_six_pairs() {
    let runner = runner(LOAD_TEST, 150.0, 100.0);
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(ended.outputs["pairs"], "6");
    assert!(ended.outputs["reason"].contains("1.5 times the baseline"), "{}", ended.outputs["reason"]);
    assert!(ended.outputs["reason"].contains("next: find the commit"), "{}", ended.outputs["reason"]);
}

#[test]
fn what_is_not_decided_after_the_last_pair_is_inconclusive_and_says_what_it_could_have_found() {
    let runner = runner(LOAD_TEST, 110.0, 100.0);
    for run in [2, 4, 6, 8, 10, 12] {
        runner.write(&format!("new-{run}"), points(&[("/", 131.0)], "200"));
    }
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert_eq!((ended.outputs["pairs"].as_str(), runs(&runner).len()), ("12", 26));
    for part in ["after 12 pairs; not decided", "times slower in 90 %", "`min-delta: "] {
        assert!(ended.outputs["reason"].contains(part), "{part} in {}", ended.outputs["reason"]);
    }
    // The difference that the report suggests is one that passes.
    let (_, rest) = ended.outputs["reason"].split_once("`min-delta: ").unwrap();
    let ended = runner.input("min-delta", rest.split('`').next().unwrap()).run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

#[test]
fn another_attempt_needs_more_pairs_to_pass() {
    let runner = runner(LOAD_TEST, 100.0, 100.0).env("GITHUB_RUN_ATTEMPT", "2");
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["pairs"], "12");
    assert!(ended.log.contains("attempt 2, which passes at 2.5 % instead of 5 %"), "{}", ended.log);
    let ended = runner.env("GITHUB_RUN_ATTEMPT", "9").run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("too many attempts"), "{}", ended.outputs["reason"]);
}

#[test]
fn one_slow_endpoint_blocks_although_all_requests_together_are_as_fast_as_before() {
    let runner = runner(LOAD_TEST, 1.0, 1.0);
    let endpoints = |pay: f64| points(&[("/slow", 900.0), ("/pay", pay), ("/more", 900.0)], "200");
    runner.write("old", endpoints(100.0));
    runner.write("new", endpoints(300.0));
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(ended.outputs["pairs"], "12", "of four figures, none blocks after six pairs");
    let finding = |check: &str| {
        let findings = ended.report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == check).map(|finding| finding["verdict"].clone())
    };
    assert_eq!(finding("p99"), Some("passed".into()));
    assert_eq!(finding("p99 of GET /pay"), Some("blocked".into()));
    let ended = runner.input("endpoints", "GET /gone").run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("p99 of GET /gone: not in the results"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_target_whose_requests_fail_blocks_and_such_a_baseline_is_inconclusive() {
    for (side, expected, others) in [("new", (1, "blocked"), 2), ("old", (3, "inconclusive"), 1)] {
        let runner = runner(LOAD_TEST, 100.0, 100.0);
        runner.write(side, points(&[("/", 0.2)], "503"));
        let ended = runner.run(&["performance"]);
        assert_eq!(end(&ended), expected, "{side}: {}", ended.log);
        assert!(ended.outputs["reason"].contains("requests failed"), "{}", ended.outputs["reason"]);
        assert_eq!(runs(&runner).len(), others, "nothing runs after that");
    }
}

#[test]
fn endpoints_that_a_tool_names_by_their_url_are_compared_between_both_targets() {
    let runner = runner(LOAD_TEST, 1.0, 1.0);
    let endpoints = |target: &str, pay: f64| {
        points(&[(&format!("{target}/slow"), 900.0), (&format!("{target}/pay?a=b"), pay), (target, 900.0)], "200")
    };
    runner.write("old", endpoints(BASELINE, 100.0));
    runner.write("new", endpoints(TARGET, 300.0));
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.outputs["reason"].starts_with("p99 of GET /pay?a=b: 3 times"), "{}", ended.outputs["reason"]);

    // A load test that ignores TARGET.
    runner.write("new", endpoints("https://elsewhere.example", 100.0));
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("they are about GET https://elsewhere.example"), "{}", ended.log);

    // One that fails before it comes to /pay.
    runner.write("new", points(&[(&format!("{TARGET}/slow"), 900.0)], "200"));
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("no request on the target"), "{}", ended.log);
}

#[test]
fn a_run_without_a_result_is_inconclusive_and_nothing_runs_after_it() {
    for (script, message) in [
        ("echo boom >&2; exit 99", "exit code 99; its last lines:\nboom"),
        ("no-such-program-anywhere", "exit code 127"),
        ("kill -KILL $$", "ended by signal 9"),
        ("true", "\"stdout\": there is nothing in it"),
        ("echo hello", "\"stdout\": not JSON"),
        ("echo '{\"p99\": 1}'", "`results-query`"),
        ("echo '{\"p99_latency\": 0}'", "a p99 of 0"),
        ("head -c 3000 old", "\"stdout\": "),
    ] {
        let runner = runner(&format!("echo x >>runs; {script}"), 100.0, 100.0);
        let ended = runner.run(&["performance"]);
        assert_eq!(end(&ended), (3, "inconclusive"), "{script}: {}", ended.log);
        let actual = ended.report["findings"][0]["actual"].as_str().unwrap();
        assert!(actual.contains(message), "{script}: {actual}");
        assert!(ended.report["findings"][0]["next"].is_string(), "{script}: {actual}");
        assert_eq!(runs(&runner).len(), 1, "{script}");
    }
}

#[test]
fn a_failure_in_a_later_run_keeps_the_pairs_before_it_in_the_report() {
    let runner = runner(LOAD_TEST, 100.0, 100.0);
    runner.write("new-4", "broken");
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].starts_with("results of pair 3, target: "), "{}", ended.outputs["reason"]);
    assert_eq!(ended.report["tables"][0]["rows"].as_array().map(Vec::len), Some(2), "{}", ended.report);
}

#[test]
fn only_the_file_that_a_run_wrote_counts() {
    let into_file = "out=load/out.json; mkdir -p load; ";
    // A file of before is no result.
    let stale = runner("true", 100.0, 100.0).input("results", "load/out.json");
    stale.write("load/out.json", points(&[("/", 100.0)], "200"));
    let ended = stale.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("load/out.json"), "{}", ended.outputs["reason"]);

    let script = format!("{into_file}({LOAD_TEST}) >$out; echo progress");
    let ended = runner(&script, 100.0, 100.0).input("results", "load/out.json").run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(ended.log.contains("load test │ progress\n"), "{}", ended.log);

    // The second run writes nothing, and the file of the first does not count twice.
    let script = format!("{into_file}[ -e once ] || cp old $out; touch once");
    let ended = runner(&script, 100.0, 100.0).input("results", "load/out.json").run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);

    let folder = runner("true", 100.0, 100.0).input("results", "load");
    folder.write("load/out.json", "x");
    assert_eq!(folder.run(&["performance"]).code, 2);
}

#[test]
fn the_load_test_gets_its_target_and_neither_tokens_nor_inputs() {
    let script = "env | sed 's/^/seen: /' >&2; cat old";
    let runner = runner(script, 100.0, 100.0)
        .input("token", "ghs_hunter2")
        .input("duration", "1m30s")
        .input("env", "KEY=given")
        .env("GITHUB_TOKEN", "ghs_hunter2")
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", "https://runner.example/?hunter2")
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ghs_hunter2")
        .env("KEPT", "yes");
    let ended = runner.run(&["performance"]);
    let seen: Vec<&str> = ended.log.lines().filter_map(|line| line.split("seen: ").nth(1)).collect();
    let expected = format!("TARGET={TARGET}");
    for line in [expected.as_str(), "DURATION=90s", "USERS=10", "KEPT=yes", "KEY=given"] {
        assert!(seen.contains(&line), "{line} in {seen:?}");
    }
    let leaked = |line: &&&str| {
        ["PROMOTE_GATES_", "ACTIONS_ID_TOKEN", "GITHUB_TOKEN", "GITHUB_OUTPUT", "GITHUB_ENV"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    assert_eq!(seen.iter().filter(leaked).collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn argv_runs_without_a_shell() {
    let runner = Runner::new().input("target", TARGET).input("baseline-target", BASELINE).input("argv", "cat\nold");
    runner.write("old", points(&[("/", 100.0)], "200"));
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

#[test]
fn the_time_limits_end_what_runs_and_decide_nothing() {
    let ended = runner("sleep 1000", 100.0, 100.0).input("run-timeout", "500ms").run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("no end within 500ms"), "{}", ended.outputs["reason"]);

    let runner = runner(LOAD_TEST, 100.0, 100.0).input("max-duration", "1ms");
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("would not end within 1ms"), "{}", ended.outputs["reason"]);
    assert_eq!(runs(&runner).len(), 2, "the warm-up");
}

#[test]
fn a_signal_ends_the_load_test_and_leaves_a_report() {
    let runner = runner("echo waiting >&2; exec sleep 1000", 100.0, 100.0);
    let step = runner.start(&["performance"]);
    step.wait_for_line("waiting");
    step.signal(Signal::INT);
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("cancelled by a signal"), "{}", ended.log);
    assert!(SIGNALLED < Duration::from_secs(1000));
}

#[test]
fn bad_input_is_named_and_nothing_runs() {
    let given = || Runner::new().input("command", "touch ran");
    let both = || given().input("target", TARGET).input("baseline-target", BASELINE);
    for (runner, message) in [
        (Runner::new(), "`results`: neither it, nor `target`, nor `command` is given"),
        (Runner::new().input("results", "x.json"), "`baseline`: not given, and `results` is"),
        (both().input("rate", "50"), "`rate`: given, and `command` is"),
        (both().input("headers", "X-Key: k"), "`headers`: given, and `command` is"),
        (given(), "`target`: not given"),
        (given().input("target", TARGET), "`baseline-target`: not given"),
        (both().input("argv", "true"), "`command`, `argv`: both are given"),
        (both().input("baseline", "p99.json"), "`command`, `baseline`: both are given"),
        (both().input("working-directory", "gone"), "`working-directory`: no folder gone"),
        (both().input("max-pairs", "4"), "`max-pairs` (input): \"4\""),
        (both().input("duration", "0s"), "`duration` (input)"),
        (both().input("users", "0"), "`users` (input)"),
        (both().input("min-delta", "5"), "`min-delta` (input): \"5\""),
        (both().input("target", "https://user:key@staging.example"), "`target` (input)"),
        (
            Runner::new().input("argv", "oha\n$TARGET").input("target", TARGET).input("baseline-target", BASELINE),
            "$TARGET stays as it is written",
        ),
    ] {
        let ended = runner.run(&["performance"]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{message}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(message), "{message} in {}", ended.outputs["reason"]);
        assert!(!runner.workspace().join("ran").exists(), "{message}");
    }
}

#[test]
fn hostile_names_and_output_are_escaped() {
    let hostile = "::error::x ##[error]y </td><script>z</script> a|b `c`";
    let runner = runner(LOAD_TEST, 100.0, 100.0);
    for side in ["old", "new"] {
        runner.write(side, points(&[(hostile, 100.0), ("/", 100.0)], "200"));
    }
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(!ended.summary.contains("<script") && !ended.summary.contains("a|b"), "{}", ended.summary);
    assert!(!ended.commands().iter().any(|line| line.starts_with("::error")), "{}", ended.log);

    let ended = runner.input("command", "printf '::error::x\\n##[error]y\\n' >&2; exit 1").run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(!ended.log.contains("##[error]y") && !ended.log.contains("\n::error::x"), "{}", ended.log);
    assert_ne!(ended.report["findings"], Value::Null);
}

/// A report of an earlier job about another release, with this p99.
fn earlier(runner: &Runner, id: u64, tag: &str, verdict: &str, p99: f64) {
    let report = json!({
        "schema": 1, "command": "performance", "version": "0.3.0", "verdict": verdict, "reason": "",
        "subject": { "service": "checkout-service", "tag": tag },
        "started-at": "2026-11-30T00:00:00Z", "finished-at": "2026-11-30T00:10:00Z",
        "run": { "repository": "acme/shop", "id": id, "attempt": 1, "url": "", "job": "job" },
        "outputs": { "figures": json!({ "all": p99 }).to_string() },
    });
    runner.write(&format!("sessions/{id}.json"), report.to_string());
}

/// One target, and sessions of five other releases around 100 ms.
fn session(p99: f64) -> Runner {
    let runner = Runner::new()
        .input("service", "checkout-service")
        .input("tag", "1.4.2")
        .input("target", TARGET)
        .input("command", LOAD_TEST)
        .input("sessions", "sessions/*.json");
    runner.write("new", points(&[("/", p99)], "200"));
    for (id, p99) in [(11, 95.0), (12, 98.0), (13, 100.0), (14, 103.0), (15, 105.0)] {
        earlier(&runner, id, "1.0.0", "passed", p99);
    }
    runner
}

#[test]
fn one_target_is_one_session_and_is_compared_with_earlier_ones() {
    for (p99, expected) in [(100.0, (0, "passed")), (118.0, (3, "inconclusive")), (150.0, (1, "blocked"))] {
        let runner = session(p99);
        let ended = runner.run(&["performance"]);
        assert_eq!(end(&ended), expected, "{p99}: {}", ended.log);
        assert_eq!(runs(&runner).len(), 4, "a warm-up and three runs");
        let figures: Value = serde_json::from_str(&ended.outputs["figures"]).unwrap();
        assert_eq!(figures["all"], p99);
    }
    let runner = session(100.0);
    std::fs::remove_file(runner.workspace().join("sessions/15.json")).unwrap();
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("4 earlier sessions"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_report_of_this_gate_is_a_session_for_the_next_job() {
    let runner = session(100.0);
    for id in 11..=15 {
        std::fs::remove_file(runner.workspace().join(format!("sessions/{id}.json"))).unwrap();
    }
    // The first jobs only measure.
    let mut runner = runner.input("dry-run", "true");
    for (release, p99) in [95.0, 98.0, 100.0, 103.0, 105.0].into_iter().enumerate() {
        runner.write("new", points(&[("/", p99)], "200"));
        runner = runner.input("tag", &format!("1.0.{release}")).env("GITHUB_RUN_ID", &format!("{}", 20 + release));
        let ended = runner.run(&["performance"]);
        assert_eq!(end(&ended), (0, "inconclusive"), "{}", ended.log);
        runner.write(&format!("sessions/{release}.json"), ended.report.to_string());
    }
    runner.write("new", points(&[("/", 100.0)], "200"));
    let runner = runner.input("dry-run", "false").input("tag", "1.4.2").env("GITHUB_RUN_ID", "30");
    let ended = runner.run(&["performance"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

#[test]
fn a_result_that_did_not_pass_makes_another_run_the_next_attempt() {
    let runner = runner(LOAD_TEST, 100.0, 100.0).input("sessions", "sessions/*.json");
    earlier(&runner, 11, "1.4.2", "blocked", 300.0);
    let ended = runner.run(&["performance"]);
    assert_eq!((end(&ended), ended.outputs["pairs"].as_str()), ((0, "passed"), "12"), "{}", ended.log);
    assert!(ended.log.contains("attempt 2, which passes at 2.5 %"), "{}", ended.log);

    earlier(&runner, 11, "1.4.2", "passed", 100.0);
    let ended = runner.run(&["performance"]);
    assert_eq!((end(&ended), ended.outputs["pairs"].as_str()), ((0, "passed"), "6"), "{}", ended.log);

    runner.write("sessions/12.json", "{}");
    let ended = runner.run(&["performance"]);
    assert_eq!(
        end(&ended),
        (3, "inconclusive"),
        "a report that cannot be read may be one that was blocked: {}",
        ended.log
    );
    let ended = Runner::new()
        .input("command", "true")
        .input("target", TARGET)
        .input("sessions", "sessions/*.json")
        .run(&["performance"]);
    assert_eq!(ended.code, 2, "without a release nothing says which sessions are its own: {}", ended.log);
}
