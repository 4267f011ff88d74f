//! Every command is complete: its files, registry line, action, documentation and test exist and have its name.

use std::collections::BTreeSet;

use promote_gates::{actions::Action, commands::COMMANDS};

use super::assert_rule;
use crate::repository::{files, find};

/// A command as the registry lists it.
struct ListedCommand {
    name: &'static str,
    /// The folder of its action with a slash at the end; `None` for a local command.
    folder: Option<String>,
}

/// The part of a path below `folder` up to the next slash, without `.rs`.
fn module<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let first = path.strip_prefix(folder)?.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// The missing pieces of commands, and the files that belong to no command. `read` returns the text of a file.
fn incomplete(
    commands: &[ListedCommand],
    paths: &BTreeSet<String>,
    read: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let modules: BTreeSet<String> = commands.iter().map(|command| command.name.replace('-', "_")).collect();
    let mut missing = Vec::new();
    for path in paths.iter().filter(|path| module(path, "src/commands/").is_some_and(|name| !modules.contains(name))) {
        missing.push(format!(
            "{path}: no command of this name is listed; src/commands.rs needs its `pub mod` and its line in `COMMANDS`"
        ));
    }
    let main = read("tests/main.rs").unwrap_or_default();
    let runs = |module: &str| main.lines().any(|line| line == format!("mod {module};"));
    for ListedCommand { name, folder } in commands {
        let module = name.replace('-', "_");
        let source = format!("src/commands/{module}.rs");
        if !paths.contains(&source) {
            missing.push(format!("{name}: no {source}; the name of the file follows from NAME"));
        }
        let test = format!("tests/{module}.rs");
        let below = format!("tests/{module}/");
        let mut tests =
            paths.iter().filter(|path| **path == test || path.starts_with(&below)).filter_map(|path| read(path));
        if !paths.contains(&test) {
            missing.push(format!("{name}: no {test}: a command is tested as a runner starts it"));
        } else if !tests.any(|text| text.contains(&format!("\"{name}\""))) {
            missing.push(format!("{name}: {test} never starts \"{name}\""));
        }
        for file in ["action.yml", "README.md"] {
            let path = folder.as_ref().map(|folder| format!("{folder}{file}"));
            if let Some(path) = path.filter(|path| !paths.contains(path)) {
                missing.push(format!("{name}: no {path}: people find an action by its folder"));
            }
        }
    }
    for path in paths.iter().filter(|path| path.ends_with("action.yml") || path.ends_with("action.yaml")) {
        let folder = path.strip_suffix("action.yml");
        if !commands.iter().any(|command| folder.is_some() && command.folder.as_deref() == folder) {
            missing.push(format!("{path}: belongs to no command"));
        }
    }
    for path in paths.iter().filter(|path| path.starts_with("tests/") && path.matches('/').count() == 1) {
        if let Some(module) = path.strip_prefix("tests/").and_then(|file| file.strip_suffix(".rs"))
            && module != "main"
            && !runs(module)
        {
            missing.push(format!("{path}: never runs; tests/main.rs needs `mod {module};`"));
        }
    }
    missing
}

#[test]
fn every_command_is_complete() {
    let folder = |name: &str| Action::all().find(|action| action.name == name).map(|action| action.folder());
    let commands: Vec<ListedCommand> =
        COMMANDS.iter().map(|entry| ListedCommand { name: entry.name, folder: folder(entry.name) }).collect();
    assert_rule(
        "a command is src/commands/NAME.rs, two lines in src/commands.rs, tests/NAME.rs, and a folder with action.yml and README.md:",
        incomplete(&commands, &files().into_iter().collect(), find),
    );
}

#[test]
fn each_missing_piece_of_a_command_is_reported() {
    const PIECES: [&str; 5] = [
        "src/commands/hello_you.rs",
        "tests/hello_you.rs",
        "tests/main.rs",
        "hello-you/action.yml",
        "hello-you/README.md",
    ];
    let text = |path: &str| {
        let text = if path == "tests/main.rs" { "mod hello_you;\n" } else { "run(&[\"hello-you\"])" };
        PIECES.contains(&path).then(|| text.to_owned())
    };
    let listed = || vec![ListedCommand { name: "hello-you", folder: Some("hello-you/".to_owned()) }];
    let all: BTreeSet<String> = PIECES.into_iter().map(ToOwned::to_owned).collect();
    assert_eq!(incomplete(&listed(), &all, text), Vec::<String>::new());
    for piece in PIECES {
        let without: BTreeSet<String> = all.iter().filter(|path| *path != piece).cloned().collect();
        let found = incomplete(&listed(), &without, |path| text(path).filter(|_| path != piece));
        assert_eq!(found.len(), 1, "{piece}: {found:?}");
    }
    let without_run = incomplete(&listed(), &all, |path| text(path).map(|text| text.replace("hello-you", "hi")));
    assert_eq!(without_run, ["hello-you: tests/hello_you.rs never starts \"hello-you\""]);
    let unlisted = incomplete(&[], &all, text).join("\n");
    assert!(unlisted.contains("src/commands/hello_you.rs: no command of this name is listed"), "{unlisted}");
    assert!(unlisted.contains("hello-you/action.yml: belongs to no command"), "{unlisted}");
}
