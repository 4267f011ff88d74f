//! Words that code may use in a few files only. `clippy.toml` bans some of them too, by what they resolve to; here they fail
//! in `cargo test` already, and no attribute lifts the ban.

use promote_gates::commands;

use super::source::{Line, Source, mentions};
use crate::repository::files;

/// One rule.
pub struct Rule {
    /// What must not be mentioned.
    words: &'static [&'static str],
    /// Where the rule holds.
    within: fn(&str, &Line) -> bool,
    /// Where the words are allowed: the beginning of a path, and the reason.
    rooms: &'static [(&'static str, &'static str)],
    why: &'static str,
    /// A file and a line that break the rule.
    breach: (&'static str, &'static str),
}

const NONE: &[(&str, &str)] = &[];

pub const RULES: [Rule; 10] = [
    Rule {
        words: &["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout", "io::stderr"],
        within: in_src,
        rooms: &[("src/report/log.rs", "it escapes what a runner would read as a command")],
        why: "the runner reads stdout and stderr for commands: print through `report::log`",
        breach: ("src/commands/health.rs", "println!(\"{body}\")"),
    },
    Rule {
        words: &["env::var", "env::var_os", "env::vars", "env::vars_os", "env::set_var", "env::remove_var"],
        within: in_production,
        rooms: &[("src/main.rs", "hands the environment to `supervise`")],
        why: "the report shows where each setting comes from: take variables from `runner_env::RunnerEnv`",
        breach: ("src/world/git.rs", "use std::env::var_os;"),
    },
    Rule {
        words: &["thread::sleep", "thread::park_timeout"],
        within: everywhere,
        rooms: NONE,
        why: "a sleeping thread sees no signal, and a test that sleeps is slow or wrong: wait for the event itself",
        breach: ("tests/e2e/runner.rs", "thread::sleep(second)"),
    },
    Rule {
        words: &["time::sleep", "time::interval"],
        within: everywhere,
        rooms: &[
            ("src/sandbox/", "a slow service waits for a timer of its runtime, which blocks no thread"),
            ("src/world/runtime", "its test shows that timers work there"),
        ],
        why: "only the two loops wait: a source has a `PollInterval`, a write a time limit",
        breach: ("src/commands/smoke.rs", "use tokio::{net, time::{self, sleep}};"),
    },
    Rule {
        words: &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"],
        // A test may check a bound on real time, with a reason in `#[expect]`.
        within: |_, line| !(line.test && line.excused),
        rooms: &[("src/clock.rs", "the clock")],
        why: "tests set the clock: take the time from `clock`",
        breach: ("src/commands/performance.rs", "let began = std::time::Instant::now();"),
    },
    Rule {
        words: &["process::Command"],
        within: in_production,
        rooms: &[
            ("src/world/process", "children in groups of their own, bounded, ended as a whole"),
            ("src/sandbox/infra.rs", "creates the repository for the demo and the tests"),
        ],
        why: "a child must have a limit and a process group that a signal ends: start it by `world::process`",
        breach: ("src/commands/promote.rs", "use std::{fs, process::{Command, Stdio}};"),
    },
    Rule {
        words: &["ureq", "octocrab", "tokio", "kube", "hyper", "hyper_util", "hyper_rustls", "http_body_util"],
        within: in_src,
        rooms: &[("src/world", "the modules that reach outside"), ("src/sandbox", "fake services on loopback")],
        why: "clients stay behind `world`: it bounds, never retries, and asks for a permit before a write",
        breach: ("src/commands/health.rs", "let page = ureq::get(url);"),
    },
    Rule {
        words: &["reconcile", "Permit"],
        within: |path, _| is_of_gate(path),
        rooms: NONE,
        why: "a gate observes and judges; it writes nothing outside, so `run` may run any of them",
        breach: ("src/commands/bundle_size/sizes.rs", "use crate::reconcile::reconcile;"),
    },
    Rule {
        words: &["#[ignore]"],
        within: everywhere,
        rooms: NONE,
        why: "an ignored test has its reason: `#[ignore = \"…\"]`",
        breach: ("tests/e2e/runner.rs", "    #[ignore]"),
    },
    Rule {
        words: &["unimplemented!", "todo!"],
        within: everywhere,
        rooms: NONE,
        why: "unfinished code is left out",
        breach: ("src/commands/run.rs", "    todo!()"),
    },
];

/// Whether a file belongs to a gate, by the names in the registry.
fn is_of_gate(path: &str) -> bool {
    commands::gates().iter().any(|name| {
        let module = format!("src/commands/{}", name.replace('-', "_"));
        path.strip_prefix(&module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    })
}

fn everywhere(_: &str, _: &Line) -> bool {
    true
}

fn in_src(path: &str, _: &Line) -> bool {
    path.starts_with("src/")
}

fn in_production(path: &str, line: &Line) -> bool {
    in_src(path, line) && !line.test
}

/// Where a file breaks a rule, with the rule.
pub fn breaches(rule: &Rule, source: &Source) -> Vec<String> {
    let path = &source.path;
    if rule.rooms.iter().any(|(room, _)| path.starts_with(room)) {
        return Vec::new();
    }
    let lines = source.lines.iter().filter(|line| (rule.within)(path, line));
    lines
        .filter_map(|line| {
            let word = rule.words.iter().find(|word| mentions(&line.code, word))?;
            Some(format!("{path}:{}: `{word}`: {}", line.number, rule.why))
        })
        .collect()
}

#[test]
fn every_rule_finds_its_breach_and_leaves_its_rooms_alone() {
    for rule in &RULES {
        let (path, line) = rule.breach;
        let found = breaches(rule, &Source::new(path, line));
        assert!(!found.is_empty() && found[0].contains(rule.why), "{line} in {path}: {found:?}");
        let paths = files();
        for (room, _) in rule.rooms {
            assert!(paths.iter().any(|path| path.starts_with(room)), "{room} is gone");
            assert_eq!(
                breaches(rule, &Source::new(&format!("{room}x.rs"), line)),
                Vec::<String>::new(),
                "{line} in {room}"
            );
        }
        assert_eq!(breaches(rule, &Source::new(path, &format!("// {line}"))), Vec::<String>::new());
    }
}
