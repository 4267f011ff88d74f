//! `demo` as a person starts it, and with changed days as a library: all verdicts come from the real gates.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use promote_gates::{
    clock::SystemClock,
    commands::demo::{
        self, ChangeResult, DayResult, DemoPaths,
        release_day::{ChangeKind, ExpectedResult, PlannedChange, PlannedRelease, ReleaseDay},
    },
    context::CommandContext,
    execution::Execution,
    finding::{Verdict, verdict},
    report::{Report, log::Log, partial::PartialReport},
    runner_env::RunnerEnv,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::house::{Ended, Runner};

const BINARY: &str = env!("CARGO_BIN_EXE_promote-gates");

/// The log with single spaces for any white space, so that no test depends on line breaks.
fn unwrapped_log(ended: &Ended) -> String {
    ended.log.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A runner with inputs that would fail a gate. A local command must ignore the runner and all inputs.
fn runner_with_bad_inputs() -> Runner {
    Runner::new().input("dry-run", "true").input("nonsense", "x").input("tag", "9.9.9").env("GIT_DIR", "/nowhere")
}

/// Runs the day. Where other work keeps the machine from sending its load, `performance` says so and decides nothing: then once more.
fn run_day() -> (Runner, Ended) {
    let run = || {
        let runner = runner_with_bad_inputs();
        let ended = runner.run(&["demo", "--keep", "here/kept"]);
        (runner, ended)
    };
    let first = run();
    if first.1.code == 0 || !unwrapped_log(&first.1).contains("this machine was late with its requests") {
        return first;
    }
    run()
}

#[test]
fn each_change_has_its_expected_result() {
    let (runner, ended) = run_day();
    assert_eq!(ended.code, 0, "{}", ended.log);
    let log = unwrapped_log(&ended);
    for line in [
        "checkout-service 1.4.2 ✅ promoted – 1.4.1 → 1.4.2 in commit",
        "catalog-service 1.5.0 ⛔ blocked performance p99: ",
        "frontend 2.0.0 ⛔ blocked bundle-size ",
        "dist/vendor/debug-lib.[hash].js",
        "+4 MB raw",
        "payments-service 1.6.0 ✅ promoted – 1.4.1 → 1.6.0 in commit",
        "inventory-service 1.4.3 ⛔ blocked approval approvals within 20m: ",
        "payments-service 1.6.1 ✅ promoted – 1.6.0 → 1.6.1 in commit",
        "checkout-service rollback ✅ rolled back – 1.4.2 → 1.4.1 in commit",
    ] {
        assert!(log.contains(line), "{line} in {}", ended.log);
    }
    let wide = ended.log.lines().filter(|line| !line.contains('/')).find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "no line is longer than 100 columns");
    let lines = ended.log.lines().count();
    assert!(lines <= 95, "{lines} lines: too long to read in a minute");

    let kept = runner.workspace().join("here/kept").canonicalize().unwrap();
    let infra = kept.join("infra.git");
    for path in [&infra, &kept.join("summary.md")] {
        assert!(ended.log.contains(&path.display().to_string()), "{}", ended.log);
    }
    let trailers =
        |name: &str| git(&infra, &["log", "--reverse", &format!("--format=%(trailers:key={name},valueonly)"), "main"]);
    let words = |name: &str| trailers(name).split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(words("Promotion-kind"), ["normal", "normal", "emergency", "rollback"]);
    assert_eq!(words("Approved-by"), ["team-lead", "team-lead", "on-call", "on-call"]);
    assert_eq!(words("Incident"), ["INC-2041", "INC-2042"]);
    assert_eq!(words("Evidence").len(), 2, "one for each promotion through the gates");

    let summary = fs::read_to_string(kept.join("summary.md")).unwrap();
    for part in [
        "# checkout-service 1.4.2: promoted\n",
        "# frontend 2.0.0: blocked\n",
        "| Check |",
        "debug-lib",
        "# The audit\n",
        "The evidence is signed by GitHub for run 10",
    ] {
        assert!(summary.contains(part), "{part} in {summary}");
    }

    // The demo writes no outputs and no summary, prints no workflow commands, and passes no runner variables on.
    assert_eq!((ended.outputs.len(), ended.summary.as_str()), (0, ""));
    assert_eq!(ended.commands(), [""; 0]);
    let messages = git(&infra, &["log", "--format=%B", "main"]);
    assert!(
        messages.contains("https://github.example/acme/ecommerce-infra/actions/runs/")
            && !messages.contains("/runs/7/"),
        "{messages}"
    );
    for token in
        ["token-of-the-dispatcher", "token-that-reads-sources", "token-of-the-workflow", "request-token-of-job-"]
    {
        assert!(!kept_texts(&kept).any(|text| text.contains(token)), "{token} is masked");
    }
}

/// The text of each file that the steps wrote.
fn kept_texts(kept: &Path) -> impl Iterator<Item = String> {
    let files = walkdir::WalkDir::new(kept.join("runs")).into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).filter_map(|entry| fs::read_to_string(entry.path()).ok())
}

/// Plays a day through the library; the steps run the real binary.
fn play(day: &ReleaseDay, folder: &Path) -> DayResult {
    #[expect(clippy::disallowed_methods, reason = "PATH says where git and sh are")]
    let search_path = std::env::var("PATH").ok();
    let ctx = CommandContext {
        execution: Execution::new(
            Arc::new(SystemClock::new()),
            PartialReport::new(Report::open("demo", String::new())),
        ),
        log: Arc::new(Log::to(Box::new(std::io::sink()), false)),
        world: Arc::default(),
        runner_env: Arc::new(RunnerEnv { search_path, ..RunnerEnv::default() }),
    };
    demo::play(day, &DemoPaths { folder, program: Path::new(BINARY) }, &ctx).unwrap()
}

/// The Thursday with only the release of one service, which `edit` changes.
fn day_with_one_release(service: &str, edit: impl FnOnce(&mut PlannedRelease)) -> ReleaseDay {
    let mut day = ReleaseDay::thursday();
    day.changes.retain(|change| change.service == service && change.release().is_some());
    edit(day.changes[0].release_mut().unwrap());
    day
}

/// A latency of production that a release on a busy machine hardly exceeds, and that is not ten times that on a quiet one, which would
/// be taken for a mistake.
const SLOW: Duration = Duration::from_millis(300);

/// Plays a day with one change, whose result must differ from the expected one.
#[track_caller]
fn play_unexpected(day: &ReleaseDay) -> (DayResult, ChangeResult) {
    let folder = tempfile::tempdir().unwrap();
    let result = play(day, folder.path());
    let findings = result.findings(day);
    assert_eq!(verdict(&findings), Verdict::Blocked, "an unexpected result blocks: {findings:?}");
    let [change] = &result.changes[..] else { panic!("{result:?}") };
    let change = change.clone();
    (result, change)
}

#[test]
fn a_quick_catalog_is_promoted() {
    let (result, change) = play_unexpected(&day_with_one_release("catalog-service", |release| {
        release.max_latency = Duration::from_millis(60);
    }));
    assert_eq!(change.failed_step, None);
    assert_eq!(change.image_after, "ghcr.io/acme/catalog-service:1.5.0");
    assert!(change.commit.is_some() && result.dispatches == ["catalog-service 1.5.0"], "{result:?}");
}

#[test]
fn an_approval_by_the_author_or_by_a_non_reviewer_blocks() {
    let day = || ReleaseDay {
        baseline_latency: SLOW,
        ..day_with_one_release("checkout-service", |release| release.approver = release.author)
    };
    for (reviewers, reason) in [
        (vec!["team-lead", "ada"], "independence: "),
        (vec!["team-lead"], "approval: approved by ada, none of its reviewers"),
    ] {
        let (result, change) = play_unexpected(&ReleaseDay { reviewers, ..day() });
        let step = change.failed_step.unwrap();
        assert_eq!((step.command.as_str(), step.verdict), ("approval", Verdict::Blocked), "{step:?}");
        assert!(step.reason.starts_with(reason) && step.reason.contains("ada"), "{step:?}");
        assert_eq!((change.commit, change.image_after), (None, change.image_before), "{:?}", result.commits);
    }
}

#[test]
fn an_altered_payload_is_blocked_by_evidence() {
    let forge: fn(Value) -> Value = |payload| {
        let forged = payload.to_string().replace("1.4.2", "6.6.6");
        serde_json::from_str(&forged).unwrap()
    };
    let day = day_with_one_release("checkout-service", |release| release.alter_payload = forge);
    let (result, change) = play_unexpected(&ReleaseDay { baseline_latency: SLOW, ..day });
    assert_eq!(result.dispatches, ["checkout-service 1.4.2"], "record sent the real payload");
    let step = change.failed_step.unwrap();
    assert_eq!((step.command.as_str(), step.verdict), ("evidence", Verdict::Blocked), "{step:?}");
    assert!(step.reason.contains("proof: signed with `aud` promote-gates:"), "{step:?}");
    assert_eq!((change.commit, change.image_after), (None, change.image_before), "{:?}", result.commits);
}

#[test]
fn a_third_emergency_exceeds_the_budget_and_each_has_an_issue() {
    let mut day = ReleaseDay::thursday();
    day.changes.retain(|change| matches!(change.kind, ChangeKind::Emergency { .. }));
    let emergency = day.changes[0].clone();
    day.changes = ["1.6.1", "1.6.2", "1.6.3"]
        .into_iter()
        .map(|hotfix| {
            let mut change = emergency.clone();
            let ChangeKind::Emergency { tag, .. } = &mut change.kind else { panic!("{change}") };
            *tag = hotfix;
            PlannedChange { expected: ExpectedResult::Deployed(hotfix), ..change }
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let result = play(&day, folder.path());
    let failed: Vec<String> = result
        .findings(&day)
        .into_iter()
        .filter(|finding| finding.verdict != Verdict::Passed)
        .map(|finding| format!("{}: {}", finding.check, finding.actual))
        .collect();
    let [audit] = &failed[..] else { panic!("{failed:?}") };
    assert!(audit.starts_with("the audit: blocked, ") && audit.contains("emergencies: 3"), "{audit}");
    assert_eq!(result.issues.len(), 3, "{:?}", result.issues);
}

#[test]
fn a_folder_in_use_is_refused_and_unchanged() {
    let runner = Runner::new();
    runner.write("full/mine.txt", "x");
    runner.write("file", "x");
    for (keep, message) in [("full", "full: not empty, it holds mine.txt"), ("file", "file: ")] {
        let ended = runner.run(&["demo", "--keep", keep]);
        assert_eq!(ended.code, 2, "{}", ended.log);
        assert!(ended.log.contains("`keep` (flag): ") && ended.log.contains(message), "{}", ended.log);
    }
    assert_eq!(fs::read_dir(runner.workspace().join("full")).unwrap().count(), 1);
}

#[test]
fn without_git_the_error_says_to_install_it_and_no_folder_stays() {
    let temp = tempfile::tempdir().unwrap();
    let runner = Runner::new().env("PATH", "/nowhere").env("TMPDIR", &temp.path().display().to_string());
    let ended = runner.run(&["demo"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("install git"), "{}", ended.log);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn a_misspelled_demo_is_suggested() {
    let ended = Runner::new().run(&["dmeo"]);
    assert!(ended.code == 2 && ended.log.contains("did you mean `demo`?"), "{}", ended.log);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "PATH says where git and sh are")]
fn a_signal_ends_the_demo_and_its_children_and_removes_the_temp_folder() {
    let temp = tempfile::tempdir().unwrap();
    let mut demo = Command::new(BINARY)
        .arg("demo")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TMPDIR", temp.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("bundle-size") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the demo ended early");
    }
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    let code = demo.wait().unwrap().code();
    assert_eq!(code, Some(3), "{rest}");
    assert!(rest.contains("cancelled by a signal"), "{rest}");
    // The rest of the day is not played.
    assert!(!rest.contains("7. INC-2042") && !rest.contains("The day in one table"), "{rest}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "{rest}");
    assert_eq!(working_folders_below(temp.path()), Vec::<PathBuf>::new(), "no child is left");
}

/// The working folders, below `folder`, of all running processes.
fn working_folders_below(folder: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .filter(|cwd| cwd.starts_with(folder))
        .collect()
}
