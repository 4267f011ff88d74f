//! Reports of real test runners: each runs small suites, and `smoke` has to understand each report as the runner means it.
//!
//! Run by `tests/e2e/runners.sh`, which installs the runners.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

mod golang;
#[path = "../../house.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod house;
mod java;
mod javascript;
mod newman;
mod python;

use std::{env, os::unix::fs::symlink, path::PathBuf};

use house::Runner;

/// No suite here takes this long.
pub const LIMIT: std::time::Duration = std::time::Duration::from_mins(5);

/// One suite of one runner, and what `smoke` has to say about it.
struct Story<'a> {
    name: &'a str,
    files: &'a [(&'a str, &'a str)],
    verdict: &'a str,
    /// Texts that the log has to contain.
    says: &'a [&'a str],
}

/// The folder with the installed runners.
#[expect(clippy::disallowed_methods, reason = "the script that runs the tests says where they are")]
fn installed() -> PathBuf {
    PathBuf::from(
        env::var_os("PROMOTE_GATES_E2E_RUNNERS").expect("tests/e2e/runners.sh sets PROMOTE_GATES_E2E_RUNNERS"),
    )
}

/// Runs each suite with `command`, which writes its report to `report`.
fn play(runner: &str, command: &str, report: &str, stories: &[Story<'_>]) {
    for Story { name, files, verdict, says } in stories {
        let step = Runner::new().input("service", "shop").input("command", command).input("junit", report);
        symlink(installed().join("node_modules"), step.workspace().join("node_modules")).expect("a link");
        for (path, text) in *files {
            step.write(path, text);
        }
        let step = step.env("RUNNERS", &installed().display().to_string());
        let ended = step.run(&["smoke"]);
        assert_eq!(ended.outputs["verdict"], *verdict, "{runner}, {name}: {}", ended.log);
        for part in *says {
            assert!(ended.log.contains(part), "{runner}, {name}: {part} in {}", ended.log);
        }
        let exit = ended.report["findings"].to_string();
        assert!(*verdict != "passed" || exit.contains("exit code 0"), "{runner}, {name}: {}", ended.log);
    }
}
