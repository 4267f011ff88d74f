//! The files that receive the report: job summary, report file, step outputs.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    path::PathBuf,
};

use clap::ValueEnum as _;

use crate::{
    context::CommandContext,
    finding::Finding,
    report::{
        Report,
        compact::{self, Compact},
        outputs,
        summary::{self, SummaryStyle},
        tail::Tail,
    },
};

/// The files that exist on this machine.
pub(super) struct Files {
    summary: Option<Tail>,
    style: SummaryStyle,
    report: io::Result<Option<PathBuf>>,
    outputs: Option<Tail>,
    /// The outputs of this command only.
    own_outputs: BTreeMap<&'static str, String>,
}

impl Files {
    pub(super) fn new(ctx: &CommandContext, report: &Report, own_outputs: BTreeMap<&'static str, String>) -> Self {
        Self {
            summary: ctx.runner_env.summary.as_deref().map(Tail::of),
            style: summary_style(report),
            report: report_file(ctx, report),
            outputs: ctx.runner_env.output.as_deref().map(Tail::of),
            own_outputs,
        }
    }

    /// Writes all files and replaces what an earlier call wrote. Returns the compact report, and a finding for each file that
    /// could not be written whole.
    pub(super) fn write(&self, report: &Report) -> (Compact, Vec<Finding>) {
        let mut lost = Vec::new();
        let mut record = |file: &str, error: &io::Error| {
            lost.push(Finding::inconclusive(file).actual(error.to_string()).expected("to be written"));
        };
        if let Some(file) = &self.summary
            && let Err(error) = summary::put(file, report, self.style)
        {
            record("job summary", &error);
        }
        let full = to_json(report);
        let mut written = None;
        match &self.report {
            Ok(None) => {}
            Ok(Some(path)) => match fs::write(path, &full) {
                Ok(()) => written = Some(path),
                Err(error) => {
                    record("report file", &error);
                    // Leave no half report. A device cannot be emptied and needs not be.
                    let _ = fs::write(path, "");
                }
            },
            Err(error) => record("report file", error),
        }
        let is_complete = written.is_some() || matches!(self.report, Ok(None));
        let small =
            compact::compact(report, &if is_complete { compact::hex_sha256(full.as_bytes()) } else { String::new() });
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
                record("outputs", &error);
            }
        }
        (small, lost)
    }
}

fn to_json(report: &Report) -> String {
    // A report holds strings, numbers and lists: serializing cannot fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// What `summary` asks for. A report of bad input, whose settings are not known, is written in full.
fn summary_style(report: &Report) -> SummaryStyle {
    let text = report.settings.get("summary").and_then(|style| style.as_str()).unwrap_or_default();
    SummaryStyle::from_str(text, false).unwrap_or_default()
}

/// Creates the report file: the one that `report-file` names, or on a runner one in its temp folder.
fn report_file(ctx: &CommandContext, report: &Report) -> io::Result<Option<PathBuf>> {
    if let Some(path) = report.settings.get("report-file").and_then(|path| path.as_str()) {
        let path = PathBuf::from(path);
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
    // Two steps of one job may run the same command: each gets its own file.
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
