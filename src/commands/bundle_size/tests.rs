use std::sync::Arc;

use clap::FromArgMatches as _;
use jiff::Timestamp;

use super::*;
use crate::{
    clock::{Clock, Moment, WakeSignal},
    commands::{bundle_size::explanation::known::KnownExplanation, command_table},
    context::tests::test_context,
    execution::{Execution, tests::test_execution},
    settings::{Layer, SettingOrigin, SettingValue, resolve},
};

/// A clock that cancels the command at its first wait.
struct CancellingClock;

impl Clock for CancellingClock {
    fn now(&self) -> Moment {
        Moment::ZERO
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn park(&self, wake: &WakeSignal, _: Option<Moment>) {
        wake.cancel();
    }
}

/// The arguments that these settings give.
fn args(settings: &[(&str, &str)]) -> Args {
    let given = |text: &str| SettingValue { texts: vec![text.to_owned()], origin: SettingOrigin::Flag };
    let layer: Layer = settings.iter().map(|(key, text)| ((*key).to_owned(), given(text))).collect();
    resolve(&command_table(), "bundle-size", [&layer], None, Args::from_arg_matches)
        .unwrap_or_else(|error| panic!("{error:?}"))
        .typed
}

/// A bundle of files with these sizes, which do not compress.
fn bundle_of(sizes: &[u64]) -> Bundle {
    Bundle::from_files(sizes.iter().enumerate().map(|(index, bytes)| bundle::BundleFile {
        path: format!("{index}.js"),
        sizes: sizes::Sizes { raw: *bytes, compressed: *bytes },
        ..bundle::BundleFile::default()
    }))
}

#[test]
fn a_signal_ends_the_measuring() {
    let execution = Execution { clock: Arc::new(CancellingClock), ..test_execution() };
    let ctx = CommandContext { execution, ..test_context() };
    // Enough files that measuring does not end before the signal.
    let result = run(&args(&[("path", "src/**/*.rs"), ("allow-first", "true")]), &Subject::default(), &ctx);
    assert_eq!(result, Err(CommandError::Cancelled));
    assert_eq!(ctx.execution.partial.copy().effects, [], "nothing was written");
}

/// The title, whether it is open, and the number of rows of each table.
fn tables(before: &[u64], now: &[u64], settings: &[(&str, &str)]) -> Vec<(String, bool, usize)> {
    let baseline = Baseline::from_bundle(&bundle_of(before));
    let args = args(&[&[("path", "dist")], settings].concat());
    let scope = Scope { patterns: vec!["dist".to_owned()], groups: Vec::new() };
    let packages = packages::Packages::default();
    let explanation = KnownExplanation::of_input(args.limits.explanation.as_deref(), "");
    let rules = Rules { check: "bundle", limits: &args.limits, scope: &scope, explanation, packages: &packages };
    let outcome = compare(&args, &rules, &bundle_of(now), &baseline, None);
    outcome.tables.into_iter().map(|table| (table.title, table.open, table.rows.len())).collect()
}

#[test]
fn the_table_title_says_whether_a_file_grew() {
    assert_eq!(tables(&[100], &[101], &[]), [("Files that grew most (gzip)".to_owned(), false, 2)]);
    assert_eq!(tables(&[100], &[99], &[("compression", "raw")]), [("Files that changed (raw)".to_owned(), false, 2)]);
    assert_eq!(tables(&[100], &[100], &[]), [], "nothing to show");
}

#[test]
fn the_files_of_a_bundle_over_its_limit_are_shown_open() {
    let title = || "Files that grew most (gzip)".to_owned();
    assert_eq!(tables(&[100], &[200], &[]), [(title(), true, 1)]);
    assert_eq!(tables(&[100], &[200], &[("explanation", "the editor moved in here")]), [(title(), true, 1)]);
    assert_eq!(tables(&[100; 5], &[200; 5], &[]), [(title(), true, 5)]);
    let all = |title: &str, rows| (title.to_owned(), false, rows);
    assert_eq!(
        tables(&[100; 6], &[200; 6], &[]),
        [(title(), true, OPEN_FILES + 1), all("All 6 files that changed", 7)],
        "one row sums up the other files, and the checks show the total"
    );
    assert_eq!(tables(&[100; 12], &[200; 12], &[])[1], all("10 of 12 files that changed", 12));
    assert_eq!(tables(&[100; 12], &[200; 12], &[("top", "2")]), [(title(), true, 3)]);
    assert_eq!(tables(&[100; 12], &[101; 12], &[]), [(title(), false, 12)]);
}
