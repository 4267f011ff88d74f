//! `run`: several gates in order, in one process, from the config file.

use crate::{
    command::{Branding, Command, CommandKind, ParsedGate, RunInputs},
    context::CommandContext,
    error::CommandError,
    execution::Execution,
    finding::{Figures, Finding, Verdict},
    report::{Outcome, Output, Report, partial::PartialReport},
    settings::{Layer, SettingOrigin, SettingValue},
    subject::Subject,
    values::clip,
};

/// The maximum length of a gate's figures in characters; its own report has them whole.
const LONGEST_FIGURES: usize = 160;
/// The maximum length of the title in characters.
const LONGEST_TITLE: usize = 180;

/// Settings of `run`. The gates come from `gates:` in the config file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run only these gates of the config file, in the file's order
    #[arg(long, value_name = "GATE")]
    pub only: Vec<String>,
}

impl Command for Args {
    const NAME: &'static str = "run";
    const ABOUT: &'static str =
        "Run the gates of the config file in one step, in order, and stop at the first that does not pass";
    const KIND: CommandKind = CommandKind::GateRunner;
    const BRANDING: Option<Branding> = Some(Branding { icon: "shield", color: "blue" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, ctx)
    }
}

/// A gate whose settings are resolved.
struct ReadyGate {
    gate: ParsedGate,
    name: String,
    subject: Subject,
    /// Its report with settings and subject, before it runs.
    partial: Report,
}

/// Resolves the settings of every gate before the first one runs, then runs them in order up to the first that does not pass.
///
/// # Errors
/// Bad input in any entry, before the first gate has run; [`CommandError::Cancelled`].
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let ready = prepare(args, inputs, ctx)?;
    // When no gate counts, `run` must not report a pass that counts: it is in dry-run too.
    let all_dry = ready.iter().all(|gate| gate.partial.dry_run);
    ctx.execution.partial.edit(|partial| partial.dry_run |= all_dry);
    let mut outcome = Outcome::default();
    let mut remaining = ready.iter().map(|gate| gate.name.clone()).collect::<Vec<_>>().into_iter();
    for ReadyGate { gate, name, subject, mut partial } in ready {
        remaining.next();
        let group = ctx.log.group(&format!("{name} {subject}"));
        partial.started_at = ctx.execution.wall();
        let dry_run = partial.dry_run;
        let execution = Execution { partial: PartialReport::new(partial), dry_run, ..ctx.execution.clone() };
        let inner = CommandContext { execution, ..ctx.clone() };
        let end = gate.run(&RunInputs { subject: &subject, ..*inputs }, &inner);
        let cancelled = matches!(end, Err(CommandError::Cancelled));
        let mut report = inner.execution.partial.copy();
        report.close(end, ctx.execution.wall());
        ctx.log.say(&format!("{} {name}: {}", crate::report::log::mark(report.verdict), report.reason));
        drop(group);
        let verdict = report.verdict;
        outcome.findings.push(as_finding(&report, &name, all_dry));
        outcome.reports.push(report.clone());
        ctx.execution.partial.publish(&outcome.findings);
        ctx.execution.partial.edit(|partial| {
            let digest = report.subject.digest.clone().filter(|_| report.subject.tag == partial.subject.tag);
            partial.subject.digest = partial.subject.digest.take().or(digest);
            partial.reports.push(report);
        });
        let stops = cancelled || (verdict != Verdict::Passed && !dry_run);
        if stops {
            let why = format!("not run: {name} did not pass");
            let not_run = |skipped| Finding::inconclusive(skipped).actual(&why).figures(Figures::now(&why));
            outcome.findings.extend(remaining.by_ref().map(not_run));
            ctx.execution.partial.publish(&outcome.findings);
        }
        if cancelled {
            return Err(CommandError::Cancelled);
        }
        if stops {
            break;
        }
    }
    // The partial report holds the gates' reports for the case of a signal. From here on the outcome holds them.
    ctx.execution.partial.edit(|partial| partial.reports.clear());
    outcome.title = Some(title(&outcome.reports, all_dry));
    Ok(outcome)
}

/// The report of one gate as a finding of `run`. A gate in dry-run does not count, unless all gates are in dry-run.
fn as_finding(report: &Report, gate: &str, all_dry: bool) -> Finding {
    let uncounted = report.dry_run && !all_dry;
    let figures = clip(&report.main_figures(), LONGEST_FIGURES);
    if uncounted {
        let verdict = format!("{} in dry-run, not counted", report.verdict);
        let finding = Finding::passed(gate).actual(format!("{verdict}: {}", report.reason));
        return finding.figures(Figures::now(format!("{verdict}: {figures}")));
    }
    let finding = Finding::new(gate, report.verdict);
    if report.verdict == Verdict::Passed {
        let finding = finding.actual(format!("passed: {}", report.reason)).figures(Figures::now(figures));
        let waived = report.findings.iter().find_map(|finding| finding.waived.clone());
        return Finding { waived, ..finding };
    }
    // The worst finding comes first.
    let next = report.findings.first().and_then(|finding| finding.next.clone());
    let reason = match &next {
        // It would be said twice.
        Some(next) => report.reason.replacen(&format!("; next: {next}"), "", 1),
        None => report.reason.clone(),
    };
    let finding = finding.actual(format!("{}: {reason}", report.verdict));
    let finding = finding.figures(Figures::now(format!("{}: {figures}", report.verdict)));
    Finding { next, ..finding }
}

/// The title of a run whose gates all passed: `run: 3 of 3 gates passed · p99 88 ms, limit 360 ms`.
fn title(reports: &[Report], all_dry: bool) -> String {
    let counted: Vec<&Report> = reports.iter().filter(|report| all_dry || !report.dry_run).collect();
    let passed = counted.iter().filter(|report| report.verdict == Verdict::Passed).count();
    let mut title = format!("run: {passed} of {} gates passed", counted.len());
    let uncounted = reports.len() - counted.len();
    if uncounted > 0 {
        title.push_str(&format!(", {uncounted} in dry-run not counted"));
    }
    for report in counted {
        let findings = &report.findings;
        // What passed only by an explanation comes before what was measured.
        let explained = findings.iter().find(|finding| finding.waived.is_some());
        let shown = explained.or_else(|| findings.iter().find(|finding| finding.figures.is_some()));
        let Some(finding) = shown else { continue };
        let explained = if finding.waived.is_some() { ", explained" } else { "" };
        let part = format!(" · {}{explained}", finding.headline());
        if title.chars().count() + part.chars().count() <= LONGEST_TITLE {
            title.push_str(&part);
        }
    }
    title
}

/// Resolves the settings and the subject of every gate that `only` selects.
fn prepare(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Vec<ReadyGate>, CommandError> {
    let config = inputs.config;
    let path = config.file.as_ref().map_or(crate::config::DEFAULT_PATH, |file| file.path.as_str());
    if let Some(unknown) = args.only.iter().find(|only| !config.gates.iter().any(|entry| entry.gate == **only)) {
        return Err(Finding::inconclusive("`only`")
            .actual(format!("\"{unknown}\""))
            .expected(format!("gates that `gates:` of {path} lists"))
            .bad_input());
    }
    let shared: Layer = shared_layer(inputs);
    let ready: Vec<ReadyGate> = config
        .gates
        .iter()
        .filter(|entry| args.only.is_empty() || args.only.contains(&entry.gate))
        .map(|entry| {
            let layers = [&shared, &entry.settings].into_iter().chain(config.layers(&entry.gate));
            let resolved = inputs.resolve_gate(&entry.gate, layers, &entry.location)?;
            let gate = resolved.typed;
            let subject = gate.common().subject.assemble().map_err(|error| with_location(error, &entry.location))?;
            let mut partial = ctx.execution.partial.copy();
            partial.command.clone_from(&entry.gate);
            partial.subject = subject.clone();
            partial.settings = resolved.settings;
            partial.origins = resolved.origins;
            partial.units = resolved.units;
            partial.dry_run = gate.common().dry_run || ctx.execution.dry_run;
            Ok(ReadyGate { gate, name: entry.gate.clone(), subject, partial })
        })
        .collect::<Result<_, CommandError>>()?;
    if ready.is_empty() {
        return Err(Finding::inconclusive("`gates`")
            .actual(format!("no gate in {path}"))
            .expected("a list of gates")
            .next("add for instance `gates: [bundle-size, health]` and their settings")
            .bad_input());
    }
    Ok(ready)
}

/// The subject and `dry-run` of `run`, which apply to each of its gates.
fn shared_layer(inputs: &RunInputs<'_>) -> Layer {
    let mut shared = Layer::new();
    if !inputs.subject.is_empty() {
        let text = serde_json::to_string(inputs.subject).unwrap_or_default();
        shared.insert("subject".to_owned(), SettingValue { texts: vec![text], origin: SettingOrigin::Run });
    }
    shared.extend(inputs.step.get("dry-run").map(|value| ("dry-run".to_owned(), value.clone())));
    shared
}

fn with_location(error: CommandError, location: &str) -> CommandError {
    match error {
        CommandError::BadInput(finding) => finding.with_origin(location).bad_input(),
        error => error,
    }
}
