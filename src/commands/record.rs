//! `record`: sends the news that staging is validated to the infra repository, with the gates' reports as evidence; or
//! says which gate is in the way, and sends nothing.

mod payload;

use std::{fmt, path::Path, str::FromStr};

use serde_json::Value;

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    context::CommandContext,
    error::{CommandError, ValueError},
    finding::{Finding, Verdict, verdict},
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{
        Effect, EffectState, Outcome, Output, Report,
        compact::{compact, hex_sha256},
    },
    results::{Reports, this_run},
    secret::Secret,
    subject::Subject,
    values::{HumanDuration, closest},
    world::{
        event::Event,
        files::{self, Glob},
        github::{GitHub, Repository, Sent},
    },
};
use payload::{Payload, Release};

/// The largest file that is read as a report, in bytes. A whole report holds all findings and tables.
const LARGEST_REPORT: u64 = 16 << 20;

/// The gates' reports, and where the news goes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the gates' jobs or steps gave out: the expression `toJSON(needs)` or `toJSON(steps)`
    #[arg(long, value_name = "JSON")]
    pub results: Option<String>,
    /// Files with the gates' reports, for a matrix: paths or globs in the workspace
    #[arg(long, value_name = "GLOB")]
    pub reports: Vec<Glob>,
    /// Gates that must have passed
    #[arg(long, value_name = "GATE", default_values = ["health", "smoke", "performance"])]
    pub required: Vec<String>,
    /// Infra repository that the dispatch is sent to
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Repository,
    /// Type of the `repository_dispatch` event
    #[arg(long, value_name = "TYPE", default_value = "staging-validated")]
    pub event_type: EventType,
    /// Token with Contents: write on the infra repository; `GITHUB_TOKEN` reaches its own repository only
    #[arg(long)]
    pub token: Option<Secret>,
    /// How long GitHub may take to answer
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub timeout: HumanDuration,
}

impl Command for Args {
    const NAME: &'static str = "record";
    const ABOUT: &'static str =
        "Collect the gates' reports and dispatch the validation to the infra repository, or refuse";
    const KIND: CommandKind = CommandKind::Evidence;
    const BRANDING: Option<Branding> = Some(Branding { icon: "send", color: "purple" });
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs.subject, &inputs.software_gates(), ctx)
    }
}

/// The type of a `repository_dispatch` event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType(String);

impl FromStr for EventType {
    type Err = ValueError;

    /// GitHub's API description: 1 to 100 characters. What could break a line is no name.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("an event type: 1 to 100 characters, none of them a control character"))
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Judges the reports, and sends the dispatch once when every required gate passed.
///
/// # Errors
/// Bad input; a required report that does not count, or a payload that GitHub would not take: nothing was sent; what GitHub
/// refused; an answer that was lost, which leaves the dispatch's fate unknown.
fn run(args: &Args, subject: &Subject, gates: &[&str], ctx: &CommandContext) -> Result<Outcome, CommandError> {
    check(args, gates, ctx)?;
    let deploy = match ctx.world.event(&ctx.runner_env)? {
        Event::WorkflowRun(run) => Some(run),
        Event::RepositoryDispatch(_) | Event::Other => None,
    };
    let release = Release::of(subject, this_run(ctx), deploy, ctx.execution.wall())?;
    let reports = gather(args)?;
    let mut findings = reports.require(&args.required, subject, release.run);
    ctx.execution.partial.publish(&findings);
    let decided = decide(args, &release, &reports, &findings);
    if let Ok(payload) = &decided {
        for left_out in &payload.left_out {
            ctx.log.say(&format!("not sent along: {left_out}"));
        }
    }
    let dispatch = Dispatch { args, subject, ctx, findings: &findings, decided };
    let sent = reconcile(&ctx.execution, args.timeout.0, &dispatch)?;
    if let (None, Ok(payload)) = (&sent, &dispatch.decided) {
        let _group = ctx.log.group(&format!("what would be sent to {}", args.repository));
        ctx.log.say(&format!("{:#}", payload.json));
    }
    let news = |word: &str| format!("{} {word} to {} for {subject}", args.event_type, args.repository);
    findings.push(match sent {
        Some(()) => Finding::passed("dispatch").actual(news("sent")),
        None => Finding::inconclusive("dispatch").actual(news("not sent (dry-run)")),
    });
    Ok(findings.into())
}

/// What clap cannot know.
fn check(args: &Args, gates: &[&str], ctx: &CommandContext) -> Result<(), CommandError> {
    if let Some(unknown) = args.required.iter().find(|required| !gates.contains(&required.as_str())) {
        let finding = Finding::inconclusive("`required`").actual(format!("{unknown:?}")).expected(gates.join(", "));
        let finding = finding.did_you_mean(closest(unknown, gates));
        return Err(match ctx.execution.partial.copy().origins.remove("required") {
            Some(origin) => finding.with_origin(origin).bad_input(),
            None => finding.bad_input(),
        });
    }
    if args.timeout.0.is_zero() {
        return Err(Finding::inconclusive("`timeout`")
            .actual("0s")
            .expected("time for GitHub to answer, such as 30s")
            .bad_input());
    }
    if args.token.is_none() && !ctx.execution.dry_run {
        return Err(Finding::inconclusive("`token`")
            .actual("not given")
            .expected(format!("a token with Contents: write on {}", args.repository))
            .next("give the token of an App that is installed there, or a fine-grained one")
            .bad_input());
    }
    Ok(())
}

/// All reports that were handed over.
fn gather(args: &Args) -> Result<Reports, CommandError> {
    if args.results.is_none() && args.reports.is_empty() {
        return Err(Finding::inconclusive("`results`, `reports`")
            .actual("neither is given")
            .expected("the gates' reports")
            .next("add `results: ${{ toJSON(needs) }}` to the step, and the gates' jobs to `needs:` of its job")
            .bad_input());
    }
    let mut reports = args.results.as_deref().map_or_else(|| Ok(Reports::default()), Reports::from_results)?;
    if !args.reports.is_empty() {
        for path in files::find(Path::new("."), &args.reports).map_err(CommandError::BadInput)? {
            let bytes = files::read_bounded(&path, LARGEST_REPORT).map_err(CommandError::BadInput)?;
            take(&mut reports, &path.display().to_string(), &bytes);
        }
    }
    Ok(reports)
}

/// Takes a file for a report. A whole one is cut to the compact one that its gate put out: only that fits into a dispatch,
/// and its sha256 is the one that the gate's annotation holds.
fn take(reports: &mut Reports, source: &str, bytes: &[u8]) {
    match serde_json::from_slice::<Report>(bytes) {
        Ok(whole) if whole.full_sha256.is_none() => reports.take(source, &compact(&whole, &hex_sha256(bytes)).text),
        // Whatever wrote the output to a file ended it with a line break. What is not UTF-8 is not JSON either.
        _ => reports.take(source, String::from_utf8_lossy(bytes).trim()),
    }
}

/// The payload, or why nothing is sent.
fn decide(args: &Args, release: &Release, reports: &Reports, findings: &[Finding]) -> Result<Payload, Finding> {
    match verdict(findings) {
        Verdict::Passed => Payload::compose(release, &args.event_type.0, &reports.received, &args.required),
        worst => Err(Finding::new("dispatch", worst)
            .actual("nothing was sent")
            .expected(format!("reports that count and passed, of {}", args.required.join(", ")))),
    }
}

/// One `repository_dispatch`. It cannot be read back, so it is sent once at most.
struct Dispatch<'a> {
    args: &'a Args,
    subject: &'a Subject,
    ctx: &'a CommandContext,
    /// One for each required gate.
    findings: &'a [Finding],
    decided: Result<Payload, Finding>,
}

impl Dispatch<'_> {
    fn unknown(&self, why: &str) -> Finding {
        Finding::inconclusive("dispatch").actual(why).expected("GitHub's answer that it was taken").next(format!(
            "it may have arrived, and receivers deduplicate by evidence: look at the runs of {} before this is run again",
            self.args.repository
        ))
    }
}

impl Change for Dispatch<'_> {
    type Base = GitHub;
    type Edit = Value;
    type Done = ();
    const READS_BACK: bool = false;

    fn effect(&self) -> Effect {
        let Args { repository, event_type, .. } = self.args;
        let evidence = self.decided.as_ref().map(|payload| format!(" with {payload}")).unwrap_or_default();
        Effect {
            target: repository.to_string(),
            detail: format!("{event_type} for {}{evidence}", self.subject),
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<GitHub, CommandError> {
        self.ctx.github(self.args.token.as_ref(), self.args.timeout)
    }

    fn plan(&self, _: &GitHub) -> Plan<Value, ()> {
        match &self.decided {
            Ok(payload) => Plan::Write(payload.json.clone()),
            Err(finding) => Plan::Refuse(finding.clone()),
        }
    }

    fn write(&self, permit: &Permit, github: &GitHub, payload: &Value) -> WriteOutcome<()> {
        // All that the report will say when a signal ends the command before there is an answer.
        let unanswered = self.unknown("sent, not yet answered");
        self.ctx.execution.partial.publish(&[self.findings, &[unanswered]].concat());
        let sent = github.dispatch(permit, &self.args.repository, &self.args.event_type.0, payload);
        self.ctx.execution.partial.publish(self.findings);
        match sent {
            Sent::Done(()) => WriteOutcome::Done(()),
            Sent::Refused(refusal) => WriteOutcome::Refused(refusal.to_finding("dispatch")),
            Sent::NotSent { why } => {
                let finding = Finding::inconclusive("dispatch").actual(why).expected("a connection to GitHub");
                WriteOutcome::Refused(finding.next("nothing was sent: run this job again"))
            }
            Sent::Unknown { why } => WriteOutcome::Unknown(self.unknown(&why)),
        }
    }
}

#[cfg(test)]
mod tests;
