use std::sync::Arc;

use clap::FromArgMatches as _;
use jiff::Timestamp;

use super::*;
use crate::{
    clock::{Clock, Moment, WakeSignal},
    commands::command_table,
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

/// A bundle of one file that does not compress.
fn bundle_of(bytes: u64) -> Bundle {
    let sizes = sizes::Sizes { raw: bytes, gzip: bytes };
    Bundle::from_files([bundle::BundleFile { path: "a.js".to_owned(), sizes, sha256: String::new() }])
}

#[test]
fn a_signal_ends_the_measuring() {
    let execution = Execution { clock: Arc::new(CancellingClock), ..test_execution() };
    let ctx = CommandContext { execution, ..test_context() };
    // Enough files that measuring does not end before the signal.
    let result = run(&args(&[("path", "src"), ("allow-first", "true")]), &Subject::default(), &ctx);
    assert_eq!(result, Err(CommandError::Cancelled));
    assert_eq!(ctx.execution.partial.copy().effects, [], "nothing was written");
}

#[test]
fn the_table_title_says_whether_a_file_grew() {
    let titles = |before, now| -> Vec<String> {
        let outcome = compare(&args(&[("path", "dist")]), &bundle_of(now), &Baseline::from_bundle(&bundle_of(before)));
        outcome.tables.into_iter().map(|table| table.title).collect()
    };
    assert_eq!(titles(100, 101), ["Files that grew most"]);
    assert_eq!(titles(100, 99), ["Files that changed"]);
    assert_eq!(titles(100, 100), Vec::<String>::new(), "nothing to show");
}
