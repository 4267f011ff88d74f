//! Reads the reports of earlier jobs.

use std::path::Path;

use crate::{
    commands::performance::sessions::EarlierSessions,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    results::ReceivedReports,
    subject::Subject,
    world::files::{self, Glob},
};

/// The sessions in the files that match. A proposed change cannot add any: they are read from the base commit.
///
/// # Errors
/// A pattern that leads out of the workspace, a subject that names no release, a file that is no report.
pub fn read(patterns: &[Glob], subject: &Subject, ctx: &CommandContext) -> Result<EarlierSessions, CommandError> {
    if patterns.is_empty() {
        return Ok(EarlierSessions::default());
    }
    if subject.tag.is_none() && subject.digest.is_none() && subject.commit.is_none() {
        return Err(Finding::inconclusive("`sessions`")
            .actual("given, and none of `tag`, `digest` and `commit` is")
            .expected("which release this is, to tell its own sessions from those of others")
            .next("give `tag`, `digest` or `subject`")
            .bad_input());
    }
    let trusted = ctx.trusted_baselines()?;
    let mut reports = ReceivedReports::default();
    for path in files::find_existing(Path::new("."), patterns).map_err(Finding::bad_input)? {
        let name = path.display().to_string();
        if let Some(file) = trusted.read(&name)? {
            reports.add(&name, &String::from_utf8_lossy(&file.bytes));
        }
    }
    if let Some(unreadable) = reports.unreadable.into_iter().next() {
        return Err(unreadable.next("remove it, or name only reports in `sessions`").unobservable());
    }
    let reports = reports.received.iter().map(|received| &received.report);
    Ok(EarlierSessions::of_reports(reports, subject, ctx.runner_env.run.as_ref()))
}
