//! Words that must not stand in code outside of their room. `clippy.toml` bans some of them as well, by what they resolve
//! to; here they fail in `cargo test` already, and nobody can exempt himself.

use super::source::{Line, Source, mentions};

/// One rule.
pub struct Rule {
    /// What must not be mentioned.
    words: &'static [&'static str],
    /// Where the rule holds.
    within: fn(&str, &Line) -> bool,
    /// Where the words may stand all the same: the beginning of a path, and the reason.
    rooms: &'static [(&'static str, &'static str)],
    /// What is taken for none of the words: a path that holds one.
    harmless: &'static [&'static str],
    why: &'static str,
    /// A file and a line that break the rule.
    breach: (&'static str, &'static str),
}

const NONE: &[(&str, &str)] = &[];

pub const RULES: [Rule; 11] = [
    Rule {
        words: &["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout", "io::stderr"],
        within: in_src,
        rooms: &[("src/report/log.rs", "it escapes what a runner would read as a command")],
        harmless: &[],
        why: "the runner reads stdout and stderr for commands: print through `report::log`",
        breach: ("src/gates/health.rs", "println!(\"{body}\")"),
    },
    Rule {
        words: &["env::var", "env::var_os", "env::vars", "env::vars_os", "env::set_var", "env::remove_var"],
        within: in_production,
        rooms: &[("src/cli.rs", "the reader of the environment"), ("src/main.rs", "hands the environment to it")],
        harmless: &[],
        why: "a setting is resolved once and told with its origin: take it from `cli::Surroundings`",
        breach: ("src/world/git.rs", "use std::env::var_os;"),
    },
    Rule {
        words: &["thread::sleep", "thread::park_timeout"],
        within: everywhere,
        rooms: NONE,
        harmless: &[],
        why: "a sleeper hears no signal, and a test that sleeps is slow or wrong: wait for what should happen",
        breach: ("tests/e2e/runner.rs", "thread::sleep(second)"),
    },
    Rule {
        words: &["time::sleep", "time::interval"],
        within: everywhere,
        rooms: &[
            ("src/sandbox/", "a slow service is slow by a timer of its runtime, which blocks nobody"),
            ("src/world/runtime", "its test shows that timers work in there"),
        ],
        harmless: &[],
        why: "only the two loops wait: a source tells its `Pace`, a write its limit",
        breach: ("src/gates/smoke.rs", "use tokio::{net, time::{self, sleep}};"),
    },
    Rule {
        words: &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"],
        // A test may hold a bound on real time, when it says so.
        within: |_, line| !(line.test && line.excused),
        rooms: &[("src/world/clock.rs", "the clock")],
        harmless: &[],
        why: "tests leap the clock: ask `world::clock` for the time",
        breach: ("src/gates/performance.rs", "let began = std::time::Instant::now();"),
    },
    Rule {
        words: &["process::Command"],
        within: in_production,
        rooms: &[
            ("src/world/process", "children in groups of their own, bounded, ended as a whole"),
            ("src/sandbox/infra.rs", "makes the repository that the commands are then shown on"),
        ],
        harmless: &[],
        why: "a child must have a limit and a process group that a signal ends: start it by `world::process`",
        breach: ("src/chain/promote.rs", "use std::{fs, process::{Command, Stdio}};"),
    },
    Rule {
        words: &["ureq", "octocrab", "tokio", "kube", "hyper", "hyper_util", "hyper_rustls", "http_body_util"],
        within: in_src,
        rooms: &[
            ("src/world", "the rooms that reach outside"),
            ("src/sandbox", "the outside itself, played on loopback"),
        ],
        harmless: &[],
        why: "clients stay behind `world`: it bounds, never retries, and asks for a permit before a write",
        breach: ("src/gates/health.rs", "let page = ureq::get(url);"),
    },
    Rule {
        words: &["converge", "Permit"],
        within: |path, _| path.starts_with("src/gates"),
        rooms: NONE,
        harmless: &[],
        why: "a gate looks and judges; it writes nothing outside, so `run` can hold any of them",
        breach: ("src/gates/smoke.rs", "use crate::converge::converge;"),
    },
    Rule {
        words: &["world", "desk", "std::fs", "std::net", "std::process"],
        within: |path, line| (path.ends_with("/judge.rs") || path.ends_with("/growth.rs")) && !line.test,
        rooms: NONE,
        harmless: &["world::clock::Moment"],
        why: "judging is pure: everything it knows is in `Seen`, so that a table of cases can test it",
        breach: ("src/gates/health/judge.rs", "use crate::world::http::Client;"),
    },
    Rule {
        words: &["#[ignore]"],
        within: everywhere,
        rooms: NONE,
        harmless: &[],
        why: "a test that does not run says why: `#[ignore = \"…\"]`",
        breach: ("tests/e2e/runner.rs", "    #[ignore]"),
    },
    Rule {
        words: &["unimplemented!", "todo!"],
        within: everywhere,
        rooms: NONE,
        harmless: &[],
        why: "what is not there yet is not half there: leave it out",
        breach: ("src/run.rs", "    todo!()"),
    },
];

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
            let code = rule.harmless.iter().fold(line.code.clone(), |code, harmless| code.replace(harmless, ""));
            let word = rule.words.iter().find(|word| mentions(&code, word))?;
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
        for (room, _) in rule.rooms {
            assert_eq!(
                breaches(rule, &Source::new(&format!("{room}x.rs"), line)),
                Vec::<String>::new(),
                "{line} in {room}"
            );
        }
        assert_eq!(breaches(rule, &Source::new(path, &format!("// {line}"))), Vec::<String>::new());
    }
}
