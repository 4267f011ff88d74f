//! The gates on a runner, each with a release that it passes and one that it stops: steps with real summaries.

use std::fmt::Write as _;

use promote_gates::{
    report::compact::hex_sha256,
    sandbox::{github::FakeGitHub, staging::Staging},
};
use serde_json::json;

use crate::house::{Ended, Runner};

pub const SERVICE: &str = "checkout-service";
/// The tag under promotion.
pub const TAG: &str = "1.4.2";

/// The commits of the service, oldest first: the one in production, then those of the release.
pub const COMMITS: [(&str, &str); 3] =
    [("alice", "Show the total in the cart"), ("bob", "Accept coupons"), ("alice", "Round the tax once")];

/// The id of the commit with this message.
pub fn sha(message: &str) -> String {
    hex_sha256(message.as_bytes())[..40].to_owned()
}

/// A job of the validating run, for the release.
fn job(name: &str) -> Runner {
    Runner::new()
        .env("GITHUB_JOB", name)
        .input("service", SERVICE)
        .input("environment", "staging")
        .input("image", &format!("ghcr.io/acme/{SERVICE}"))
        .input("tag", TAG)
        .input("commit", &sha(COMMITS[2].1))
}

/// `health` of a staging environment that runs this version.
pub fn health(version: &str) -> Ended {
    let staging = Staging::start().expect("a free port");
    staging.deploy(SERVICE, version);
    job("health")
        .input("endpoints", &format!("{}/{SERVICE}/health/ready", staging.url()))
        .input("condition", ".version == $subject.tag")
        .input("interval", "20ms")
        .run(&["health"])
}

/// `smoke` with so many test cases, so many of which failed.
pub fn smoke(cases: usize, failed: usize) -> Ended {
    let mut report = "<testsuites><testsuite name='smoke'>".to_owned();
    for number in 1..=cases {
        let failure = "<failure message='expected status 200, got 500'>at pay (tests/orders.spec.ts:41)</failure>";
        let failure = if number <= failed { failure } else { "" };
        let case = write!(report, "<testcase classname='orders' name='order {number} is paid'>{failure}</testcase>");
        case.expect("a string grows");
    }
    let runner = job("smoke");
    runner.write("report", report + "</testsuite></testsuites>");
    let command = format!("mkdir results; cp report results/smoke.xml; exit {}", i32::from(failed > 0));
    runner.input("command", &command).input("junit", "results/*.xml").run(&["smoke"])
}

/// `smoke` with a command that wrote no results.
pub fn smoke_without_results() -> Ended {
    job("smoke").input("command", "echo 42 tests passed").input("junit", "results/*.xml").run(&["smoke"])
}

/// `performance` with this p99, and one of 100 ms as the baseline; in milliseconds.
pub fn performance(p99: u32) -> Ended {
    let runner = job("performance").input("results", "load-results.json").input("baseline", "production.json");
    runner.write("load-results.json", format!("{{\"p99_latency\": {p99}}}"));
    runner.write("production.json", "{\"p99_latency\": 100}");
    runner.run(&["performance"])
}

/// `performance` compared with the last promotions, around 100 ms.
#[expect(clippy::disallowed_methods, reason = "sessions are as old as they are")]
pub fn performance_with_store() -> Ended {
    let points: String = (1..=1000)
        .map(|request| {
            let latency = if request > 985 { 119.0 } else { 20.0 + f64::from(request) / 20.0 };
            json!({
                "metric": "http_req_duration", "type": "Point",
                "data": {
                    "time": jiff::Timestamp::now().to_string(), "value": latency,
                    "tags": { "name": "/cart", "method": "GET", "status": "200", "expected_response": "true" },
                },
            })
            .to_string()
                + "\n"
        })
        .collect();
    let sessions = [("1.3.0", 96.0), ("1.3.1", 104.0), ("1.4.0", 99.0), ("1.4.1", 101.0), ("1.4.1-hotfix.2", 100.0)];
    let sessions = sessions.iter().zip(1..).map(|((tag, p99), run)| {
        json!({
            "subject": { "environment": "staging", "tag": tag },
            "verdict": "passed",
            "measured-at": jiff::Timestamp::now(),
            "promoted-at": jiff::Timestamp::now(),
            "run": { "repository": "acme/shop", "id": run, "attempt": 1 },
            "figures": {
                "all": p99, "requests": 1000, "failures": 1,
                "percentiles": { "50": 45.0, "90": 64.0, "95": 66.0, "100": 130.0 },
            },
        })
    });
    let store = json!({ "schema": 1, "service": SERVICE, "sessions": sessions.collect::<Vec<_>>() });
    let runner = job("performance").input("results", "points.json").input("baseline-store", "baselines.json");
    runner.write("points.json", points);
    runner.write("baselines.json", store.to_string());
    runner.run(&["performance"])
}

/// `bundle-size` of a bundle of 130 kB that grew by a kilobyte, and with the debug library of 4 MB by 827 kB.
pub fn bundle_size(with_debug_library: bool) -> Ended {
    bundle_size_on(&job("bundle-size").input("path", "dist"), with_debug_library)
}

fn bundle_size_on(runner: &Runner, with_debug_library: bool) -> Ended {
    for (file, bytes) in [("app.3f2a91cc.js", 90_000), ("vendor.77aa01de.js", 38_000), ("index.5e1d2c3b.css", 2_000)] {
        runner.write(&format!("dist/{file}"), noise(bytes));
    }
    let first = runner.run(&["bundle-size", "--allow-first"]);
    assert_eq!(first.code, 0, "{}", first.log);
    runner.write("dist/app.3f2a91cc.js", noise(91_000));
    if with_debug_library {
        // As much of it compresses as of real code.
        runner.write("dist/debug-library.9c1bd0aa.js", [noise(822_000), vec![b' '; 3_178_000]].concat());
    }
    runner.run(&["bundle-size"])
}

/// `comment` behind a `bundle-size` that blocked and a `smoke` that passed: the verdict of the gate, with the comment in place of its
/// summary.
pub fn comment() -> Ended {
    let (repository, token) = ("acme/shop", "ghs_writesComments");
    let fake_github = FakeGitHub::start().expect("a free port");
    fake_github.create(repository);
    fake_github.grant(token, repository, &["pull_requests=write"]);
    let number = fake_github.open_pull_request(repository, "Accept coupons", "", &[]);
    // Its report is there as long as its job.
    let gate = job("bundle-size").input("path", "dist");
    let blocked = bundle_size_on(&gate, true);
    let results = json!({
        "bundle-size": { "outputs": blocked.outputs },
        "smoke": { "outputs": smoke(42, 0).outputs },
    });
    let runner = job("comment");
    let event = runner.workspace().with_file_name("event.json");
    let side = json!({ "ref": "main", "sha": sha(COMMITS[0].1) });
    let content = json!({ "pull_request": { "number": number, "base": side, "head": side } });
    std::fs::write(&event, content.to_string()).expect("an event");
    let ended = runner
        .env("GITHUB_API_URL", &fake_github.api_url())
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", &event.display().to_string())
        .input("token", token)
        .input("results", &results.to_string())
        .run(&["comment"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let [comment] = &fake_github.comments(repository, number)[..] else { panic!("one comment: {}", ended.log) };
    Ended { summary: comment.body.clone(), ..blocked }
}

/// Reproducible bytes that do not compress; a longer sequence starts with the shorter one.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}
