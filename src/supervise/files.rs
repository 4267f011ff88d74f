//! The files that a report goes to: the step's summary, the report file, the step's outputs.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    path::PathBuf,
};

use crate::{
    context::CommandContext,
    finding::Finding,
    report::{
        Report,
        compact::{self, Compact},
        outputs, summary,
        tail::Tail,
    },
};

/// Those of them that the runner gives.
pub(super) struct Files {
    summary: Option<Tail>,
    report: io::Result<Option<PathBuf>>,
    outputs: Option<Tail>,
    /// Of the command.
    own_outputs: BTreeMap<&'static str, String>,
}

impl Files {
    pub(super) fn new(ctx: &CommandContext, report: &Report, own_outputs: BTreeMap<&'static str, String>) -> Self {
        Self {
            summary: ctx.runner_env.summary.as_deref().map(Tail::of),
            report: report_file(ctx, report),
            outputs: ctx.runner_env.output.as_deref().map(Tail::of),
            own_outputs,
        }
    }

    /// Writes them all, in place of what they were told before. Gives the compact report, and a finding for each file
    /// that could not be written whole.
    pub(super) fn tell(&self, report: &Report) -> (Compact, Vec<Finding>) {
        let mut lost = Vec::new();
        let mut note = |what: &str, error: &io::Error| {
            lost.push(Finding::inconclusive(what).actual(error.to_string()).expected("to be written"));
        };
        if let Some(file) = &self.summary
            && let Err(error) = summary::put(file, report)
        {
            note("job summary", &error);
        }
        let full = to_json(report);
        let mut written = None;
        match &self.report {
            Ok(None) => {}
            Ok(Some(path)) => match fs::write(path, &full) {
                Ok(()) => written = Some(path),
                Err(error) => {
                    note("report file", &error);
                    // Half of it is no report. A device cannot be emptied, and needs not.
                    let _ = fs::write(path, "");
                }
            },
            Err(error) => note("report file", error),
        }
        let there = written.is_some() || matches!(self.report, Ok(None));
        let small = compact::compact(report, &if there { compact::hex_sha256(full.as_bytes()) } else { String::new() });
        if let Some(file) = &self.outputs {
            let path = written.map(|path| path.to_string_lossy()).unwrap_or_default();
            let mut all = vec![
                ("verdict", report.verdict.word()),
                ("reason", report.reason.as_str()),
                ("report", small.text.as_str()),
                ("report-path", &path),
            ];
            all.extend(self.own_outputs.iter().map(|(key, value)| (*key, value.as_str())));
            if let Err(error) = outputs::put(file, &all) {
                note("outputs", &error);
            }
        }
        (small, lost)
    }
}

fn to_json(report: &Report) -> String {
    // Strings, numbers and lists of them: it cannot fail to serialize.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The file the whole report goes to, made new: the one that was asked for, or on a runner one below its temp folder.
fn report_file(ctx: &CommandContext, report: &Report) -> io::Result<Option<PathBuf>> {
    if let Some(asked) = report.settings.get("report-file").and_then(|path| path.as_str()) {
        let path = PathBuf::from(asked);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent)?;
        }
        OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        return Ok(Some(path));
    }
    let Some(temp) = &ctx.runner_env.runner_temp else {
        return Ok(None);
    };
    let folder = temp.join("promote-gates");
    fs::create_dir_all(&folder)?;
    // Two steps of one job may run the same command: each gets a file of its own.
    for number in 1.. {
        let name =
            if number == 1 { format!("{}.json", report.command) } else { format!("{}-{number}.json", report.command) };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(Some(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
