//! Reads the baseline, and writes the current sizes to it.

use std::path::Path;

use serde_json::Value;

use super::{baseline::Baseline, measured::Measured, sizes::Compression};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Effect, EffectState},
    subject::Subject,
    values::Bytes,
    world::{
        files::{read_bounded, write_atomically},
        trusted::TrustedSource,
    },
};

/// The largest existing baseline, in bytes, that is compared with the new one before it is overwritten.
const LARGEST_BASELINE: u64 = 32 << 20;

/// The folder of the checkout, relative to the working directory.
pub fn folder(ctx: &CommandContext) -> String {
    ctx.world.trusted.checkout_folder().to_string_lossy().into_owned()
}

/// The baseline; `None` when no file exists.
///
/// # Errors
/// Bad input: a malformed baseline. Unobservable: a file that cannot be read.
pub fn read(path: &str, trusted: &TrustedSource, ctx: &CommandContext) -> Result<Option<Baseline>, CommandError> {
    let Some(file) = trusted.read(path)? else { return Ok(None) };
    let name = format!("{path}{}", trusted.place());
    let baseline = Baseline::parse(&name, &file.bytes).map_err(Finding::bad_input)?;
    Ok(Some(baseline.inside(&folder(ctx))))
}

/// The baseline in a file of the workspace, which an earlier step put there. With a base commit, it has to be that of this commit:
/// the file itself proves nothing.
///
/// # Errors
/// As [`read`]; unobservable when there is no file, or one of another commit.
pub fn read_file(path: &str, trusted: &TrustedSource, ctx: &CommandContext) -> Result<Option<Baseline>, CommandError> {
    let baseline = read(path, &TrustedSource::Workspace, ctx)?;
    let TrustedSource::Base { commit: base, .. } = trusted else { return Ok(baseline) };
    let next = "measure the base commit: give `base-command`, or let each push to the base branch write the file";
    let other = |actual: String| {
        Finding::inconclusive(path).actual(actual).expected(format!("the sizes of the base commit {base}")).next(next)
    };
    match baseline {
        None => Err(other("no such file".to_owned()).unobservable()),
        Some(baseline) if baseline.commit.as_deref() == Some(base.as_str()) => Ok(Some(baseline)),
        Some(Baseline { commit: Some(commit), .. }) => Err(other(format!("the sizes of {commit}")).unobservable()),
        Some(_) => Err(other("sizes without a commit".to_owned()).unobservable()),
    }
}

/// The result of writing a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaselineWrite {
    /// The file holds the current sizes.
    UpToDate,
    /// Nothing was written in dry-run.
    Planned,
}

/// Writes the current sizes to the baseline file in the workspace. A file that already holds them is left alone: a new date
/// is not worth a commit.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    file: &str,
    judged: Compression,
    subject: &Subject,
    measured: &Measured,
    trusted: &TrustedSource,
    ctx: &CommandContext,
) -> Result<BaselineWrite, Finding> {
    let path = Path::new(file);
    let subject = match serde_json::to_value(subject) {
        Ok(Value::Object(parts)) if !parts.is_empty() => Some(parts),
        _ => None,
    };
    let bundle = &measured.bundle;
    // A baseline is as good without its commit; a comparison that needs it says so.
    let commit = ctx.world.trusted.checked_out(&ctx.world.groups).ok().flatten();
    let new = Baseline {
        subject,
        commit: commit.map(|commit| commit.to_string()),
        patterns: Some(measured.patterns.clone()),
        measured_at: Some(ctx.execution.wall()),
        ..Baseline::from_bundle(bundle)
    };
    let new = new.outside(&folder(ctx));
    let old = read_bounded(path, LARGEST_BASELINE).and_then(|bytes| Baseline::parse(file, &bytes));
    let note = match trusted {
        TrustedSource::Workspace | TrustedSource::Nothing => "",
        TrustedSource::Base { .. } => "; on a pull request they count once they are merged",
    };
    let effect = |state| Effect {
        target: file.to_owned(),
        detail: format!("the current sizes, {}{note}", describe(judged, measured)),
        state,
    };
    if old.is_ok_and(|old| old.same_sizes(&new)) {
        ctx.execution.partial.begin_effect(effect(EffectState::Already));
        return Ok(BaselineWrite::UpToDate);
    }
    if ctx.execution.dry_run {
        ctx.execution.partial.begin_effect(effect(EffectState::Planned));
        return Ok(BaselineWrite::Planned);
    }
    let index = ctx.execution.partial.begin_effect(effect(EffectState::Unknown));
    let writing = ctx.execution.writes.begin();
    let written = write_atomically(path, new.to_json().as_bytes());
    drop(writing);
    let state = if written.is_ok() { EffectState::Applied } else { EffectState::Refused };
    ctx.execution.partial.update_effect(index, effect(state));
    written.map(|()| BaselineWrite::UpToDate)
}

/// `1.05 MB gzip in 12 files`
#[must_use]
pub fn describe(judged: Compression, measured: &Measured) -> String {
    let total = measured.bundle.total().bytes(judged);
    format!("{} {} in {}", Bytes(total), judged.word(), measured.bundle.count())
}
