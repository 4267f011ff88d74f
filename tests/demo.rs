//! `demo` as somebody types it, and as data: the verdicts come from running the gates.

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
        self, Ending, Played, Stage,
        story::{Day, Ends, Release, Scene, What},
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

/// The log's words with one space between any two: where a line ends is not what is tested.
fn told(ended: &Ended) -> String {
    ended.log.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a runner gives a step, and inputs that would spoil everything: none of it is for a command that plays at home.
fn spoilt() -> Runner {
    Runner::new().input("dry-run", "true").input("nonsense", "x").input("tag", "9.9.9").env("GIT_DIR", "/nowhere")
}

#[test]
fn the_thursday_ends_as_the_story_says() {
    let runner = spoilt();
    let ended = runner.run(&["demo", "--keep", "here/kept"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let told = told(&ended);
    for line in [
        "checkout-service 1.4.2 ✅ promoted – 1.4.1 → 1.4.2 in commit",
        "catalog-service 1.5.0 ⛔ blocked performance p99 latency: ",
        "frontend 2.0.0 ⛔ blocked bundle-size ",
        "dist/vendor/debug-lib.[hash].js",
        "+4 MB raw",
        "payments-service 1.6.0 ✅ promoted – 1.4.1 → 1.6.0 in commit",
        "inventory-service 1.4.3 ⛔ blocked approval approvals within 20m: ",
        "payments-service 1.6.1 ✅ promoted – 1.6.0 → 1.6.1 in commit",
        "checkout-service rollback ✅ taken back – 1.4.2 → 1.4.1 in commit",
    ] {
        assert!(told.contains(line), "{line} in {}", ended.log);
    }
    let wide = ended.log.lines().filter(|line| !line.contains('/')).find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "it reads well at 100 columns");
    let lines = ended.log.lines().count();
    assert!(lines <= 95, "{lines} lines: it is read in a minute");

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
    assert_eq!(words("Evidence").len(), 2, "of the two that went through the gates");

    let summary = fs::read_to_string(kept.join("summary.md")).unwrap();
    for part in [
        "# checkout-service 1.4.2: promoted\n",
        "# frontend 2.0.0: blocked\n",
        "| Check | Verdict |",
        "debug-lib",
        "# The audit\n",
    ] {
        assert!(summary.contains(part), "{part} in {summary}");
    }

    // Of the step that the demo itself was in: nothing written, nothing said to the runner, nothing passed on.
    assert_eq!((ended.outputs.len(), ended.summary.as_str()), (0, ""));
    assert_eq!(ended.commands(), [""; 0]);
    let own = git(&infra, &["log", "--format=%B", "main"]);
    assert!(
        own.contains("https://github.example/acme/ecommerce-infra/actions/runs/") && !own.contains("/runs/7/"),
        "{own}"
    );
    for token in ["token-of-the-dispatcher", "token-that-reads-sources", "token-of-the-workflow"] {
        assert!(!kept_texts(&kept).any(|text| text.contains(token)), "{token} is masked");
    }
}

/// The texts of all that the steps left behind.
fn kept_texts(kept: &Path) -> impl Iterator<Item = String> {
    let files = walkdir::WalkDir::new(kept.join("runs")).into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).filter_map(|entry| fs::read_to_string(entry.path()).ok())
}

/// Plays a day as a library, by the real binary.
fn play(day: &Day, folder: &Path) -> Played {
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
    demo::play(day, &Stage { folder, program: Path::new(BINARY) }, &ctx).unwrap()
}

/// The Thursday with one of its releases, told in another way.
fn alone(service: &str, change: impl FnOnce(&mut Release)) -> Day {
    let mut day = Day::thursday();
    day.scenes.retain(|scene| scene.service == service && scene.release().is_some());
    change(day.scenes[0].release_mut().unwrap());
    day
}

/// So slow a service in production, in milliseconds, that no load test on a busy machine is slower.
const SLOW: f64 = 60_000.0;

/// The one scene of a day ended like this, which is not what the story says.
#[track_caller]
fn ends_otherwise(day: &Day) -> (Played, Ending) {
    let folder = tempfile::tempdir().unwrap();
    let played = play(day, folder.path());
    let findings = played.findings(day);
    assert_eq!(verdict(&findings), Verdict::Blocked, "the demo says that it did not go as told: {findings:?}");
    let [ending] = &played.endings[..] else { panic!("{played:?}") };
    let ending = ending.clone();
    (played, ending)
}

#[test]
fn a_quick_catalog_is_promoted() {
    let (played, ending) =
        ends_otherwise(&alone("catalog-service", |release| release.slowest = Duration::from_millis(60)));
    assert_eq!(ending.stopped, None);
    assert_eq!(ending.in_production, "ghcr.io/acme/catalog-service:1.5.0");
    assert!(ending.commit.is_some() && played.dispatches == ["catalog-service 1.5.0"], "{played:?}");
}

#[test]
fn neither_whoever_wrote_a_release_approves_it_nor_somebody_who_is_no_reviewer() {
    let day = || Day { p99: SLOW, ..alone("checkout-service", |release| release.approver = release.author) };
    for (reviewers, by) in [
        (vec!["team-lead", "ada"], "independence: "),
        (vec!["team-lead"], "approval: approved by ada, none of its reviewers"),
    ] {
        let (played, ending) = ends_otherwise(&Day { reviewers, ..day() });
        let stopped = ending.stopped.unwrap();
        assert_eq!((stopped.by.as_str(), stopped.verdict), ("approval", Verdict::Blocked), "{stopped:?}");
        assert!(stopped.reason.starts_with(by) && stopped.reason.contains("ada"), "{stopped:?}");
        assert_eq!((ending.commit, ending.in_production), (None, ending.before), "{:?}", played.commits);
    }
}

#[test]
fn a_payload_that_was_changed_on_its_way_is_no_evidence() {
    let forge: fn(Value) -> Value = |payload| {
        let forged = payload.to_string().replace("1.4.2", "6.6.6");
        serde_json::from_str(&forged).unwrap()
    };
    let day = Day { p99: SLOW, ..alone("checkout-service", |release| release.on_the_way = forge) };
    let (played, ending) = ends_otherwise(&day);
    assert_eq!(played.dispatches, ["checkout-service 1.4.2"], "what record sent was right");
    let stopped = ending.stopped.unwrap();
    assert_eq!((stopped.by.as_str(), stopped.verdict), ("evidence", Verdict::Blocked), "{stopped:?}");
    assert!(stopped.reason.contains("job `health` announced sha256"), "{stopped:?}");
    assert_eq!((ending.commit, ending.in_production), (None, ending.before), "{:?}", played.commits);
}

#[test]
fn a_third_emergency_is_over_the_budget_and_each_has_its_issue() {
    let mut day = Day::thursday();
    day.scenes.retain(|scene| matches!(scene.what, What::Emergency { .. }));
    let emergency = day.scenes[0].clone();
    day.scenes = ["1.6.1", "1.6.2", "1.6.3"]
        .into_iter()
        .map(|hotfix| {
            let mut scene = emergency.clone();
            let What::Emergency { tag, .. } = &mut scene.what else { panic!("{scene}") };
            *tag = hotfix;
            Scene { ends: Ends::Runs(hotfix), ..scene }
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let played = play(&day, folder.path());
    let wrong: Vec<String> = played
        .findings(&day)
        .into_iter()
        .filter(|finding| finding.verdict != Verdict::Passed)
        .map(|finding| format!("{}: {}", finding.check, finding.actual))
        .collect();
    let [audit] = &wrong[..] else { panic!("{wrong:?}") };
    assert!(audit.starts_with("the audit: blocked, ") && audit.contains("emergencies: 3"), "{audit}");
    assert_eq!(played.issues.len(), 3, "{:?}", played.issues);
}

#[test]
fn a_folder_in_use_is_refused_and_left_alone() {
    let runner = Runner::new();
    runner.write("full/mine.txt", "x");
    runner.write("file", "x");
    for (keep, seen) in [("full", "full: not empty, it holds mine.txt"), ("file", "file: ")] {
        let ended = runner.run(&["demo", "--keep", keep]);
        assert_eq!(ended.code, 2, "{}", ended.log);
        assert!(ended.log.contains("`keep` (flag): ") && ended.log.contains(seen), "{}", ended.log);
    }
    assert_eq!(fs::read_dir(runner.workspace().join("full")).unwrap().count(), 1);
}

#[test]
fn without_git_it_says_so_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let runner = Runner::new().env("PATH", "/nowhere").env("TMPDIR", &temp.path().display().to_string());
    let ended = runner.run(&["demo"]);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("install git"), "{}", ended.log);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn it_is_found_by_a_name_that_is_close() {
    let ended = Runner::new().run(&["dmeo"]);
    assert!(ended.code == 2 && ended.log.contains("did you mean `demo`?"), "{}", ended.log);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "PATH says where git and sh are")]
fn a_signal_ends_it_with_its_children_and_takes_the_temp_folder_away() {
    let temp = tempfile::tempdir().unwrap();
    let mut demo = Command::new(BINARY)
        .arg("demo")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TMPDIR", temp.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("bundle-size") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended early");
    }
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let code = demo.wait().unwrap().code();
    assert_eq!(code, Some(3), "{rest}");
    assert!(rest.contains("cancelled by a signal"), "{rest}");
    // The rest of the day is not played.
    assert!(!rest.contains("7. INC-2042") && !rest.contains("The day in one table"), "{rest}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "{rest}");
    assert_eq!(at_work_in(temp.path()), Vec::<PathBuf>::new(), "no child is left");
}

/// Programs whose folder is below `folder`, as the system lists them.
fn at_work_in(folder: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .filter(|cwd| cwd.starts_with(folder))
        .collect()
}
