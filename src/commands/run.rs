//! `run`: several gates in order, in one process, from the config file.

use crate::{
    commands::Gate,
    config::Config,
    context::CommandContext,
    error::CommandError,
    execution::Execution,
    finding::{Finding, Verdict},
    report::{Outcome, Report, partial::PartialReport},
    settings::{self, CommandTable, Given, Layer, Origin},
    subject::Subject,
};

/// `run` takes its gates from the config file's `gates:`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run only these of the config file's gates, in its order
    #[arg(long, value_name = "GATE")]
    pub only: Vec<String>,
}

/// What its gates are resolved from.
pub struct Told<'a> {
    pub command_table: &'a CommandTable,
    pub config: &'a Config,
    /// The flags and inputs of `run` itself.
    pub top: &'a Layer,
}

/// A gate that was resolved, with what it was set to.
struct Ready {
    gate: Gate,
    name: String,
    subject: Subject,
    partial: Report,
}

/// Resolves every entry before any runs, then runs them in order up to the first that does not pass.
///
/// # Errors
/// Bad input in any entry, before the first gate has run; [`CommandError::Cancelled`].
pub fn run(args: &Args, subject: &Subject, told: &Told<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let ready = prepare(args, subject, told, ctx)?;
    // Nothing would count, so nothing may be said to have passed: shadow mode for all of it.
    let all_dry = ready.iter().all(|ready| ready.partial.dry_run);
    ctx.execution.partial.edit(|partial| partial.dry_run |= all_dry);
    let mut outcome = Outcome::default();
    let mut names = ready.iter().map(|ready| ready.name.clone()).collect::<Vec<_>>().into_iter();
    for Ready { gate, name, subject, mut partial } in ready {
        names.next();
        let group = ctx.log.group(&format!("{name} {subject}"));
        partial.started_at = ctx.execution.wall();
        let dry_run = partial.dry_run;
        let execution = Execution { partial: PartialReport::new(partial), dry_run, ..ctx.execution.clone() };
        let inner = CommandContext { execution, ..ctx.clone() };
        let end = gate.judge(&subject, &inner);
        let cancelled = matches!(end, Err(CommandError::Cancelled));
        let mut report = inner.execution.partial.copy();
        report.close(end, ctx.execution.wall());
        ctx.log.say(&format!("{} {name}: {}", crate::report::log::mark(report.verdict), report.reason));
        drop(group);
        let verdict = report.verdict;
        outcome.findings.push(as_finding(&report, all_dry));
        outcome.reports.push(report.clone());
        ctx.execution.partial.publish(&outcome.findings);
        ctx.execution.partial.edit(|partial| partial.reports.push(report));
        if cancelled {
            return Err(CommandError::Cancelled);
        }
        if verdict != Verdict::Passed && !dry_run {
            break;
        }
    }
    for skipped in names {
        outcome
            .findings
            .push(Finding::inconclusive(skipped).actual("not run: a gate before it did not pass").expected("passed"));
    }
    // The draft held them for the case of a signal; the outcome brings them now.
    ctx.execution.partial.edit(|partial| partial.reports.clear());
    Ok(outcome)
}

/// One gate's report as one finding of `run`. A gate in dry-run counts for nothing, so it does not decide here either,
/// unless there is none that does.
fn as_finding(report: &Report, all_dry: bool) -> Finding {
    let uncounted = report.dry_run && !all_dry;
    let finding = Finding::new(&report.command, if uncounted { Verdict::Passed } else { report.verdict });
    let finding = finding.expected("passed");
    if uncounted {
        return finding.actual(format!("{} in dry-run, not counted: {}", report.verdict, report.reason));
    }
    match report.findings.iter().find_map(|finding| finding.waived.clone()) {
        Some(waived) => finding.actual(format!("{}: {}", report.verdict, report.reason)).waived(waived),
        None => finding.actual(format!("{}: {}", report.verdict, report.reason)),
    }
}

fn prepare(args: &Args, subject: &Subject, told: &Told<'_>, ctx: &CommandContext) -> Result<Vec<Ready>, CommandError> {
    let Told { command_table, config, top } = told;
    let place = config.file.as_ref().map_or(crate::config::DEFAULT_PATH, |file| file.path.as_str());
    if let Some(unknown) = args.only.iter().find(|only| !config.gates.iter().any(|entry| entry.gate == **only)) {
        return Err(Finding::inconclusive("`only`")
            .actual(format!("\"{unknown}\""))
            .expected(format!("gates that `gates:` of {place} lists"))
            .bad_input());
    }
    // What was said to `run` about the subject and dry-run goes for each of its gates.
    let shared: Layer = common_of(top, subject);
    let ready: Vec<Ready> = config
        .gates
        .iter()
        .filter(|entry| args.only.is_empty() || args.only.contains(&entry.gate))
        .map(|entry| {
            let layers = [&shared, &entry.settings].into_iter().chain(config.layers(&entry.gate));
            let resolved = settings::resolve::<Gate>(command_table, &entry.gate, layers, Some(&entry.place))?;
            let gate = resolved.typed;
            let subject = gate.common().subject.assemble().map_err(|error| located(error, &entry.place))?;
            let mut partial = ctx.execution.partial.copy();
            partial.command.clone_from(&entry.gate);
            partial.subject = subject.clone();
            partial.settings = resolved.settings;
            partial.origins = resolved.origins;
            partial.dry_run = gate.common().dry_run || ctx.execution.dry_run;
            Ok(Ready { gate, name: entry.gate.clone(), subject, partial })
        })
        .collect::<Result<_, CommandError>>()?;
    if ready.is_empty() {
        return Err(Finding::inconclusive("`gates`")
            .actual(format!("no gate in {place}"))
            .expected("a list of gates")
            .next("add for instance `gates: [bundle-size, health]` and their settings")
            .bad_input());
    }
    Ok(ready)
}

fn common_of(top: &Layer, subject: &Subject) -> Layer {
    let mut shared = Layer::new();
    if !subject.is_empty() {
        let text = serde_json::to_string(subject).unwrap_or_default();
        shared.insert("subject".to_owned(), Given { texts: vec![text], origin: Origin::Run });
    }
    shared.extend(top.get("dry-run").map(|given| ("dry-run".to_owned(), given.clone())));
    shared
}

fn located(error: CommandError, place: &str) -> CommandError {
    match error {
        CommandError::BadInput(finding) => finding.with_origin(place).bad_input(),
        error => error,
    }
}
