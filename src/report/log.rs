//! The job log or terminal. Everything printed goes through here.
//!
//! The runner parses stdout and stderr for workflow commands: `::cmd::` at the start of a line and the legacy `##[cmd]`
//! anywhere in it. Both are broken up in every text; only [`Log`] writes commands.

use std::{
    io::{self, Write},
    sync::Mutex,
};

use crate::{
    finding::{Finding, Verdict},
    report::{
        EffectState, Report,
        notice::{self, ReadyNotice, ReportNotice},
    },
    secret::Secret,
    values::{clip, is_invisible},
};

/// The maximum length of an annotation's message that the runner keeps, in characters.
const LONGEST_MESSAGE: usize = 4096;
/// The maximum number of annotations of one type that GitHub keeps for a step.
const MOST_ANNOTATIONS: usize = 10;

/// An annotation's level, by the runner's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warning,
    Notice,
}

/// A line of a file of the repository. Line and column count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLine<'a> {
    pub file: &'a str,
    pub line: usize,
    pub column: usize,
}

/// Writes lines, groups and annotations; as plain text outside Actions.
pub struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    actions: bool,
}

impl Log {
    /// Writes to stdout. `actions`: a runner reads it, so groups and annotations are workflow commands.
    #[must_use]
    pub fn stdout(actions: bool) -> Self {
        Self::to(Box::new(io::stdout()), actions)
    }

    #[must_use]
    pub fn to(out: Box<dyn Write + Send>, actions: bool) -> Self {
        Self { out: Mutex::new(out), actions }
    }

    /// Prints text without any workflow command in it.
    pub fn say(&self, text: &str) {
        self.write(&harmless(text));
    }

    /// Prints the output of a child process or a server, each line behind `who`.
    pub fn quote(&self, source: &str, text: &str) {
        for line in harmless(text).lines() {
            self.write(&format!("{} │ {line}", harmless_line(source)));
        }
    }

    /// Opens a foldable group; dropping the guard closes it.
    pub fn group(&self, title: &str) -> Group<'_> {
        let title = harmless_line(title);
        self.write(&if self.actions { format!("::group::{}", escape_data(&title)) } else { title });
        Group { log: self }
    }

    /// Makes the runner mask a secret in all further output.
    pub fn mask(&self, secret: &Secret) {
        if self.actions && !secret.expose().is_empty() {
            for line in secret.expose().lines() {
                self.write(&format!("::add-mask::{}", escape_data(line)));
            }
        }
    }

    /// Prints an annotation with a title; outside Actions, one line that starts with the level.
    pub fn annotate(&self, level: Level, title: &str, message: &str) {
        let (command, word) = match level {
            Level::Error => ("error", "error"),
            Level::Warning => ("warning", "warning"),
            Level::Notice => ("notice", "note"),
        };
        let (title, message) = (harmless_line(title), clip(&harmless(message), LONGEST_MESSAGE));
        self.write(&if self.actions {
            format!("::{command} title={}::{}", escape_property(&title), escape_data(&message))
        } else {
            format!("{word}: {title}: {message}")
        });
    }

    /// Prints an annotation of a line as a workflow command, also where no runner is known to read it: a local command prints it
    /// when it is asked to.
    pub fn annotate_line(&self, level: Level, line: &SourceLine<'_>, title: &str, message: &str) {
        let command = match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        let (file, title) = (harmless_line(line.file), harmless_line(title));
        let message = clip(&harmless(message), LONGEST_MESSAGE);
        self.write(&format!(
            "::{command} file={},line={},col={},title={}::{}",
            escape_property(&file),
            line.line,
            line.column,
            escape_property(&title),
            escape_data(&message)
        ));
    }

    /// Prints the report: findings, effects, annotations, and the notice that `evidence` reads later. `fails`: the step fails.
    pub fn report(&self, report: &Report, compact_sha256: &str, fails: bool) {
        self.say(&format!("{} {}", mark(report.verdict), report.headline()));
        self.say(&report.status());
        for finding in &report.findings {
            self.say(&format!("{} {finding}", mark(finding.verdict)));
        }
        for effect in &report.effects {
            self.say(&format!("{} {}: {}", effect_word(effect.state), effect.target, effect.detail));
        }

        if self.actions {
            self.annotate_report(report, compact_sha256, fails);
        }
    }

    /// Only on a runner: a terminal shows the lines above.
    fn annotate_report(&self, report: &Report, compact_sha256: &str, fails: bool) {
        let name = &report.command;
        let bad: Vec<&Finding> = report.findings.iter().filter(|finding| finding.verdict != Verdict::Passed).collect();
        let level = if fails { Level::Error } else { Level::Warning };
        let shown = if bad.len() > MOST_ANNOTATIONS { MOST_ANNOTATIONS - 1 } else { bad.len() };
        for finding in &bad[..shown] {
            self.annotate(level, &format!("{name}: {}", finding.verdict), &finding.to_string());
        }
        if bad.len() > shown {
            self.annotate(
                level,
                name,
                &format!("{} more findings are in the job summary and the report", bad.len() - shown),
            );
        }
        for finding in report.findings.iter().filter(|finding| finding.waived.is_some()).take(MOST_ANNOTATIONS) {
            self.annotate(Level::Warning, &format!("{name}: explained"), &finding.to_string());
        }
        // GitHub keeps it as an annotation of the job's check run. A token that only dispatches cannot write one.
        let notice = ReportNotice {
            command: name.clone(),
            verdict: report.verdict.to_string(),
            sha256: compact_sha256.to_owned(),
            dry_run: report.dry_run,
            subject: Some(report.subject.clone()),
        };
        self.annotate(Level::Notice, notice::TITLE, &notice.to_string());
        if let Some(ready) = ReadyNotice::of(report) {
            self.annotate(Level::Notice, notice::READY, &ready.to_string());
        }
    }

    fn write(&self, lines: &str) {
        let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A closed pipe must not change the verdict: the outputs and the report carry it.
        let _ = writeln!(out, "{lines}").and_then(|()| out.flush());
    }
}

/// An open group of log lines.
pub struct Group<'log> {
    log: &'log Log,
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.log.actions {
            self.log.write("::endgroup::");
        }
    }
}

/// The icon of a verdict.
#[must_use]
pub const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Inconclusive => "❓",
        Verdict::Blocked => "⛔",
    }
}

#[must_use]
pub const fn effect_word(state: EffectState) -> &'static str {
    match state {
        EffectState::Planned => "would do",
        EffectState::Already => "was so already",
        EffectState::Applied => "done",
        EffectState::Refused => "refused",
        EffectState::Unknown => "outcome unknown",
    }
}

/// Makes text harmless for the runner: no workflow command, and control characters (escape sequences too) visible.
#[must_use]
pub fn harmless(text: &str) -> String {
    text.replace("\r\n", "\n").split(['\n', '\r']).map(harmless_line).collect::<Vec<_>>().join("\n")
}

fn harmless_line(line: &str) -> String {
    let visible: String = line.chars().map(|c| if is_invisible(c) { '\u{fffd}' } else { c }).collect();
    // The runner finds the legacy form anywhere in a line.
    let visible = visible.replace("##[", "# #[");
    match visible.trim_start().strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => visible,
    }
}

/// Source: `@actions/core`, `escapeData`.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Source: `@actions/core`, `escapeProperty`.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use super::*;

    /// A log that keeps its output in memory.
    #[derive(Clone, Default)]
    pub struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub fn log(&self, actions: bool) -> Log {
            Log::to(Box::new(self.clone()), actions)
        }

        pub fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "::error::x\n  ::add-mask::y\r::stop-commands::z\n##[error]x a###[error]\n%0A::set-output name=verdict::passed\n\u{1b}[31mred\n\u{200b}::error::q #\u{200b}#[error]r";

    /// What the runner would take for a command: V2 at a line's start, the legacy form anywhere.
    fn commands(text: &str) -> Vec<&str> {
        let plain = |line: &&str| line.chars().filter(|c| !is_invisible(*c)).collect::<String>();
        text.split(['\n', '\r'])
            .filter(|line| plain(line).trim_start().starts_with("::") || plain(line).contains("##["))
            .collect()
    }

    #[test]
    fn foreign_text_holds_no_command() {
        let kept = Kept::default();
        let log = kept.log(true);
        log.say(HOSTILE);
        log.quote("::error::curl", HOSTILE);
        assert_eq!(commands(&kept.text()), Vec::<&str>::new(), "{}", kept.text());
    }

    #[test]
    fn an_annotation_is_one_command_whatever_it_quotes() {
        let kept = Kept::default();
        kept.log(true).annotate(Level::Error, HOSTILE, HOSTILE);
        let text = kept.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("::error title="), "{text}");
        assert!(text.contains("%250A"), "a percent sign is escaped first: {text}");
        assert!(!text.contains("##["));
    }

    #[test]
    fn an_annotation_of_a_line_is_one_command_on_every_machine() {
        let kept = Kept::default();
        let log = kept.log(false);
        log.annotate_line(Level::Error, &SourceLine { file: "a,b:c.yml", line: 3, column: 9 }, "lint", "50 %\n::x");
        log.annotate_line(Level::Error, &SourceLine { file: HOSTILE, line: 1, column: 1 }, HOSTILE, HOSTILE);
        let text = kept.text();
        assert!(text.starts_with("::error file=a%2Cb%3Ac.yml,line=3,col=9,title=lint::50 %25%0A: :x\n"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn a_terminal_sees_words_instead_of_commands() {
        let kept = Kept::default();
        let log = kept.log(false);
        log.mask(&Secret::new("hidden".to_owned()));
        drop(log.group("health"));
        log.annotate(Level::Error, "health: blocked", "503");
        assert_eq!(kept.text(), "health\nerror: health: blocked: 503\n");
    }

    #[test]
    fn eleven_findings_fit_ten_annotations() {
        let kept = Kept::default();
        let mut report = Report::open("smoke", String::new());
        report.close(
            Ok((0..12).map(|n| Finding::blocked(format!("path {n}"))).collect::<Vec<_>>().into()),
            String::new(),
        );
        kept.log(true).report(&report, "0", true);
        let text = kept.text();
        assert_eq!(text.lines().filter(|line| line.starts_with("::error")).count(), 10, "{text}");
        assert!(text.contains("3 more findings"), "{text}");
        assert!(
            text.contains("::notice title=promote-gates::command=smoke verdict=blocked sha256=0 subject={}"),
            "{text}"
        );
    }
}
