//! Words that only a few files may use. `clippy.toml` bans some of them, too, by the resolved path; here no attribute can lift the
//! ban.

use promote_gates::commands;

use super::source::{SourceFile, SourceLine, mentions};
use crate::repository::files;

/// One rule.
pub struct WordRule {
    /// The restricted words.
    words: &'static [&'static str],
    /// Whether the rule applies to a line of a file.
    within: fn(&str, &SourceLine) -> bool,
    /// Where the words are allowed: the start of a path, and the reason.
    allowed: &'static [(&'static str, &'static str)],
    why: &'static str,
    /// A file and a line that violate the rule.
    violation: (&'static str, &'static str),
}

const NONE: &[(&str, &str)] = &[];

pub const RULES: [WordRule; 10] = [
    WordRule {
        words: &["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout", "io::stderr"],
        within: in_src,
        allowed: &[("src/report/log.rs", "it escapes text that a runner would read as a command")],
        why: "the runner reads stdout and stderr for commands: print through `report::log`",
        violation: ("src/commands/health.rs", "println!(\"{body}\")"),
    },
    WordRule {
        words: &["env::var", "env::var_os", "env::vars", "env::vars_os", "env::set_var", "env::remove_var"],
        within: in_production,
        allowed: &[("src/main.rs", "passes the environment to `supervise`")],
        why: "the report shows the origin of each setting: take variables from `runner_env::RunnerEnv`",
        violation: ("src/world/git.rs", "use std::env::var_os;"),
    },
    WordRule {
        words: &["thread::sleep", "thread::park_timeout"],
        within: everywhere,
        allowed: NONE,
        why: "a sleeping thread sees no signal, and a test that sleeps is slow or wrong: wait for the event itself",
        violation: ("tests/e2e/runner.rs", "thread::sleep(second)"),
    },
    WordRule {
        words: &["time::sleep", "time::interval"],
        within: everywhere,
        allowed: &[
            ("src/sandbox/", "a slow service waits for a timer of its runtime, which blocks no thread"),
            ("src/world/runtime", "its test shows that timers work there"),
        ],
        why: "only the two loops wait: a source has a `PollInterval`, a write a time limit",
        violation: ("src/commands/smoke.rs", "use tokio::{net, time::{self, sleep}};"),
    },
    WordRule {
        words: &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"],
        // A test may check a bound on real time, with a reason in `#[expect]`.
        within: |_, line| !(line.test && line.excused),
        allowed: &[("src/clock.rs", "the clock")],
        why: "tests set the clock: take the time from `clock`",
        violation: ("src/commands/performance.rs", "let began = std::time::Instant::now();"),
    },
    WordRule {
        words: &["process::Command"],
        within: in_production,
        allowed: &[
            ("src/world/process", "starts children in process groups, bounds and ends them"),
            ("src/sandbox/infra.rs", "creates the repository for the demo and the tests"),
        ],
        why: "a child must have a limit and a process group that a signal ends: start it by `world::process`",
        violation: ("src/commands/promote.rs", "use std::{fs, process::{Command, Stdio}};"),
    },
    WordRule {
        words: &["ureq", "octocrab", "tokio", "kube", "hyper", "hyper_util", "hyper_rustls", "http_body_util"],
        within: in_src,
        allowed: &[("src/world", "the modules that reach outside"), ("src/sandbox", "fake services on loopback")],
        why: "clients stay behind `world`: it bounds, never retries, and asks for a permit before a write",
        violation: ("src/commands/health.rs", "let page = ureq::get(url);"),
    },
    WordRule {
        words: &["reconcile", "Permit"],
        within: |path, _| is_of_gate(path),
        allowed: NONE,
        why: "a gate observes and judges; it writes nothing outside, so `run` may run any of them",
        violation: ("src/commands/bundle_size/sizes.rs", "use crate::reconcile::reconcile;"),
    },
    WordRule {
        words: &["#[ignore]"],
        within: everywhere,
        allowed: NONE,
        why: "an ignored test has its reason: `#[ignore = \"…\"]`",
        violation: ("tests/e2e/runner.rs", "    #[ignore]"),
    },
    WordRule {
        words: &["unimplemented!", "todo!"],
        within: everywhere,
        allowed: NONE,
        why: "unfinished code is left out",
        violation: ("src/commands/run.rs", "    todo!()"),
    },
];

/// Whether a file belongs to a gate, by the names in the registry.
fn is_of_gate(path: &str) -> bool {
    commands::gates().iter().any(|name| {
        let module = format!("src/commands/{}", name.replace('-', "_"));
        path.strip_prefix(&module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    })
}

fn everywhere(_: &str, _: &SourceLine) -> bool {
    true
}

/// Whether a file is part of the program.
fn in_src(path: &str, _: &SourceLine) -> bool {
    path.starts_with("src/") || path.starts_with("crates/")
}

fn in_production(path: &str, line: &SourceLine) -> bool {
    in_src(path, line) && !line.test
}

/// The lines of a file that violate a rule, with the reason.
pub fn violations(rule: &WordRule, source: &SourceFile) -> Vec<String> {
    let path = &source.path;
    if rule.allowed.iter().any(|(start, _)| path.starts_with(start)) {
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
fn every_rule_finds_its_violation_and_spares_the_allowed_files() {
    for rule in &RULES {
        let (path, line) = rule.violation;
        let found = violations(rule, &SourceFile::new(path, line));
        assert!(!found.is_empty() && found[0].contains(rule.why), "{line} in {path}: {found:?}");
        let paths = files();
        for (start, _) in rule.allowed {
            assert!(paths.iter().any(|path| path.starts_with(start)), "{start} is gone");
            assert_eq!(
                violations(rule, &SourceFile::new(&format!("{start}x.rs"), line)),
                Vec::<String>::new(),
                "{line} in {start}"
            );
        }
        assert_eq!(violations(rule, &SourceFile::new(path, &format!("// {line}"))), Vec::<String>::new());
    }
}
