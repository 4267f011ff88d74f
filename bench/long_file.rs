//! `bench/edit`: how long the edit of a long values file takes.
//!
//! Exits with 1 if a goal is missed. bench/README.md says how to read what it prints.

#![expect(clippy::expect_used, reason = "the benchmark fails if its environment cannot be set up")]
#![expect(clippy::disallowed_macros, reason = "a program for people, not a step of a job")]

#[expect(dead_code, reason = "shared with the other benchmarks")]
mod goals;

use std::{env, process::ExitCode};

use promote_gates::{
    clock::Stopwatch,
    image_fields::{FileDocuments, ImageFields, NewRelease, set},
};

use goals::Goals;

const BAD_INPUT: u8 = 2;
const LINES: usize = 10_000;
/// The most that one edit may take, in milliseconds.
const LIMIT: f64 = 20.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runs = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(101),
        ["--runs", number] => number.parse().ok().filter(|runs| *runs > 0),
        _ => None,
    };
    let Some(runs) = runs else {
        eprintln!("bench/edit: unknown arguments {arguments:?}; expected `--runs NUMBER`, at least 1");
        return BAD_INPUT.into();
    };
    let mut goals = Goals::default();
    for (name, team) in [("ASCII", "team"), ("comments in Cyrillic", "команда")] {
        let text = values_file(team);
        let reading = median(runs, || drop(FileDocuments::read(&text).expect("a readable file")));
        let editing = median(runs, || edit(&text));
        println!("{LINES} lines, {} kB, {name}: edited in {editing:.2} ms, read in {reading:.2} ms", text.len() / 1000);
        goals.at_most(LIMIT, editing, &format!("edit of {LINES} lines, {name}: ms"));
    }
    println!("\ngoals:");
    for line in goals.lines() {
        println!("  {line}");
    }
    u8::from(goals.missed()).into()
}

/// Helm values of many services, with comments and both styles.
fn values_file(team: &str) -> String {
    let text: String = (0..LINES / 8)
        .map(|service| {
            format!(
                "service-{service}:\n  # of {team} {service}\n  image:\n    repository: ghcr.io/acme/service-{service}\n    \
                 tag: \"1.4.{service}\" # set by promotions\n  env:\n    - {{name: A, value: 'b'}}\n    - {{name: C, value: \"d\"}}\n"
            )
        })
        .collect();
    assert_eq!(text.lines().count(), LINES);
    text
}

/// Sets a tag near the end, with the proof that nothing else has changed.
fn edit(text: &str) {
    let fields =
        ImageFields { tag: Some(".service-1200.image.tag".parse().expect("a path")), ..ImageFields::default() };
    let image = "ghcr.io/acme/service-1200".parse().expect("an image");
    let release = NewRelease { tag: Some("1.5.0"), digest: None };
    let (edited, _) = set(text, &fields, &image, release, false).expect("an edit");
    assert!(edited.changed && edited.text.len() == text.len() - 3, "another edit");
}

/// The median time in milliseconds.
fn median(runs: usize, run: impl Fn()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let began = Stopwatch::start();
            run();
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
