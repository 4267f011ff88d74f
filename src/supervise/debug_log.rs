//! The debug log: what the program asked, when, and what it decided. On a re-run with debug logging the runner sets
//! `RUNNER_DEBUG=1`; elsewhere `RUST_LOG` turns it on.
//!
//! With `RUNNER_DEBUG` each line is a `::debug::` command: the runner marks it as it marks its own debug lines. With `RUST_LOG`
//! alone the lines are plain, because the runner drops `::debug::` while its debug logging is off.

use std::io::Write as _;

use super::masking;
use crate::{clock::Stopwatch, report::log::harmless, runner_env::RunnerEnv, secret::masked, values::HumanDuration};

/// Starts it, if the environment asks for it.
pub fn start(runner_env: &RunnerEnv) {
    let own = if runner_env.debug { "promote_gates=debug" } else { "off" };
    let commands = runner_env.actions && runner_env.debug;
    let secrets: Vec<String> =
        masking::secrets_of(runner_env).map(|secret| secret.expose().trim().to_owned()).collect();
    let started = Stopwatch::start();
    env_logger::Builder::new()
        .parse_filters(runner_env.log_filter.as_deref().unwrap_or(own))
        .format(move |out, record| {
            if is_unsafe(record.metadata()) {
                return Ok(());
            }
            let at = HumanDuration(started.elapsed());
            let text = format!("{} [{at}] {}", record.level(), record.args());
            writeln!(out, "{}", lines(&text, &secrets, commands))
        })
        .init();
}

/// ureq logs URLs with queries, and headers, below the level of warnings. No log filter may show them.
fn is_unsafe(line: &log::Metadata<'_>) -> bool {
    line.level() > log::Level::Warn && line.target().starts_with("ureq")
}

/// A text as lines of the debug log. What is logged holds no secret; a secret that a server repeats is hidden all the same.
fn lines(text: &str, secrets: &[String], commands: bool) -> String {
    let hidden = secrets.iter().filter(|secret| !secret.is_empty());
    let text = hidden.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
    let text = harmless(&masked(&text));
    if !commands {
        return text;
    }
    // As `escapeData` of `@actions/core`; each line is a separate command.
    text.lines().map(|line| format!("::debug::{}", line.replace('%', "%25"))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_the_http_library_are_never_logged() {
        let line = |target, level| log::Metadata::builder().target(target).level(level).build();
        for target in ["ureq", "ureq::unversioned::transport", "ureq_proto::util"] {
            assert!(is_unsafe(&line(target, log::Level::Debug)), "{target}");
            assert!(!is_unsafe(&line(target, log::Level::Warn)), "{target}");
        }
        assert!(!is_unsafe(&line("promote_gates::reconcile", log::Level::Debug)));
    }

    #[test]
    fn a_line_holds_no_secret_and_one_command() {
        let secrets = ["hunter2".to_owned(), String::new()];
        for (text, plain, command) in [
            ("git fetch", "git fetch", "::debug::git fetch"),
            ("100% of hunter2", "100% of ***", "::debug::100%25 of ***"),
            ("a ghp_0123456789abcdefghij", "a ***", "::debug::a ***"),
            ("a\n::error::b", "a\n: :error::b", "::debug::a\n::debug::: :error::b"),
            ("a\r::error::##[error]b", "a\n: :error::# #[error]b", "::debug::a\n::debug::: :error::# #[error]b"),
        ] {
            assert_eq!(lines(text, &secrets, false), plain, "{text}");
            assert_eq!(lines(text, &secrets, true), command, "{text}");
        }
    }
}
