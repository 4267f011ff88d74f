//! `demo` as somebody types it, and as data: the verdicts come from running the gates.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use promote_gates::{
    cli::Surroundings,
    demo::{self, Ending, Played, Stage, story::Day},
    desk::{Desk, Draft},
    report::{Report, log::Log},
    verdict::{Verdict, verdict},
    world::clock::SystemClock,
};
use rustix::process::{Pid, Signal, kill_process};

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
    let ended = runner.start(&["demo", "--keep", "here/kept"]).end_within(Duration::from_secs(15));
    assert_eq!(ended.code, 0, "{}", ended.log);
    let told = told(&ended);
    for line in [
        "checkout-service 1.4.2 ✅ promoted –",
        "catalog-service 1.5.0 ⛔ blocked performance p99 latency: ",
        "frontend 2.0.0 ⛔ blocked bundle-size ",
        "dist/vendor/debug-lib.[hash].js",
        "+4 MB raw",
    ] {
        assert!(told.contains(line), "{line} in {}", ended.log);
    }
    let wide = ended.log.lines().filter(|line| !line.contains('/')).find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "it reads well at 100 columns");

    let kept = runner.workspace().join("here/kept").canonicalize().unwrap();
    let infra = kept.join("infra.git");
    for path in [&infra, &kept.join("summary.md")] {
        assert!(ended.log.contains(&path.display().to_string()), "{}", ended.log);
    }
    let log = git(&infra, &["log", "--format=%s", "main"]);
    assert_eq!(log, "promote(production): checkout-service → 1.4.2\nThe shop as it runs today\n");
    let trailers = git(&infra, &["log", "-1", "--format=%(trailers:only)", "main"]);
    for trailer in ["Service: checkout-service", "Environment: production", "Triggered-by: team-lead"] {
        assert!(trailers.lines().any(|line| line == trailer), "{trailers}");
        assert!(told.contains(trailer), "{}", ended.log);
    }

    let summary = fs::read_to_string(kept.join("summary.md")).unwrap();
    for part in
        ["# checkout-service 1.4.2: promoted\n", "# frontend 2.0.0: blocked\n", "| Check | Verdict |", "debug-lib"]
    {
        assert!(summary.contains(part), "{part} in {summary}");
    }

    // Of the step that the demo itself was in: nothing written, nothing said to the runner, nothing passed on.
    assert_eq!((ended.outputs.len(), ended.summary.as_str()), (0, ""));
    assert_eq!(ended.commands(), [""; 0]);
    let own = git(&infra, &["log", "-1", "--format=%B", "main"]);
    assert!(own.contains("https://github.example/acme/shop/actions/runs/") && !own.contains("/runs/7/"), "{own}");
    assert!(!kept_texts(&kept).any(|text| text.contains("token-of-the-dispatcher")), "the token is masked");
}

/// The texts of all that the steps left behind.
fn kept_texts(kept: &Path) -> impl Iterator<Item = String> {
    let files = walkdir::WalkDir::new(kept.join("releases")).into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).filter_map(|entry| fs::read_to_string(entry.path()).ok())
}

/// Plays a day as a library, by the real binary.
fn play(day: &Day, folder: &Path) -> Played {
    #[expect(clippy::disallowed_methods, reason = "PATH says where git and sh are")]
    let search_path = std::env::var("PATH").ok();
    let desk = Desk {
        clock: Arc::new(SystemClock::new()),
        bell: Arc::default(),
        log: Arc::new(Log::to(Box::new(std::io::sink()), false)),
        world: Arc::default(),
        surroundings: Arc::new(Surroundings { search_path, ..Surroundings::default() }),
        draft: Draft::new(Report::open("demo", String::new())),
        dry_run: false,
    };
    demo::play(day, &Stage { folder, program: Path::new(BINARY) }, &desk).unwrap()
}

#[test]
fn a_quick_catalog_is_promoted_and_then_the_story_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let mut day = Day::thursday();
    day.releases.retain(|release| release.service == "catalog-service");
    day.releases[0].slowest = Duration::from_millis(60);
    let played = play(&day, folder.path());
    let [Ending { stopped: None, promoted: Some(promoted), in_production }] = &played.endings[..] else {
        panic!("{played:?}")
    };
    assert_eq!(in_production, "ghcr.io/acme/catalog-service:1.5.0");
    assert_eq!(git(&played.infra, &["rev-parse", "main"]).trim(), promoted.commit);
    let findings = played.findings(&day);
    assert_eq!(verdict(&findings), Verdict::Blocked, "the demo says that it did not go as told");
    let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        shown[0].starts_with("catalog-service 1.5.0: promoted") && shown[0].contains("blocked by performance"),
        "{shown:?}"
    );
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
#[expect(clippy::disallowed_methods, reason = "a bound on real time, and PATH")]
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
    let sent = Instant::now();
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let code = demo.wait().unwrap().code();
    assert!(sent.elapsed() < Duration::from_secs(2), "{:?}", sent.elapsed());
    assert_eq!(code, Some(3), "{rest}");
    assert!(rest.contains("cancelled by a signal"), "{rest}");
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
