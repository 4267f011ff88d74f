//! `init`: writes the workflows and the config file for a repository, and says what is left to do. It asks nothing, and overwrites
//! nothing.
//!
//! [`repository`] reads the repository; [`manifests`] finds the images in it; [`setup`] settles for what the workflows are written,
//! by the flags where it is not clear; [`workflows`] edits the shipped workflows, and [`pull_request`] those of promotions by pull
//! request; [`plan`](mod@plan) puts it together.

mod config_text;
mod flags;
mod found;
mod gate_steps;
mod hand;
mod manifests;
mod plan;
mod pull_request;
mod push_filter;
mod repository;
mod setup;
mod stage;
mod template;
mod workflows;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    command::{Branding, Command, CommandKind, RunInputs},
    config::{Config, DEFAULT_PATH, DEFAULT_PATHS},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, Output, log::Log},
    subject::Service,
};
pub use flags::Flags;
use plan::{Plan, PlanError, plan};
use repository::read_repository;
use setup::Unclear;
use template::TemplateError;
use workflows::PlannedFile;

/// Settings of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub flags: Flags,
    /// Top folder of the checkout
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub checkout: PathBuf,
    /// Print the files instead of writing them
    #[arg(long)]
    pub dry_run: bool,
}

impl Command for Args {
    const NAME: &'static str = "init";
    const ABOUT: &'static str =
        "Write the workflows and the config file for this repository, and say what is left to do";
    const KIND: CommandKind = CommandKind::Local;
    const BRANDING: Option<Branding> = None;
    const OUTPUTS: &'static [Output] = &[];

    fn run(&self, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
        run(self, inputs, ctx)
    }
}

/// Looks, plans, and writes all files or none.
///
/// # Errors
/// Bad input: something that is not clear, a file that exists and differs. Unobservable: files that cannot be read or written.
fn run(args: &Args, inputs: &RunInputs<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    let found = read_repository(&args.checkout, &ctx.world.groups)?;
    let plan = plan(&args.flags, &found).map_err(|error| match error {
        PlanError::Unclear(unclear) => not_clear(&unclear),
        PlanError::SeveralServices(services) => not_several(&services),
        PlanError::StatusWithoutPullRequests => no_status(),
        PlanError::Template(error) => not_as_shipped(&error),
    })?;
    for file in plan.files.iter().filter(|file| file.path == DEFAULT_PATH) {
        Config::read(inputs.command_table, &file.path, file.text.as_bytes(), None)?;
    }
    let new = new_files(&args.checkout, &plan)?;
    if args.dry_run {
        for file in &new {
            let _group = ctx.log.group(&format!("{} would be written:", file.path));
            ctx.log.say(&file.text);
        }
    } else {
        for file in &new {
            write_new(&args.checkout.join(&file.path), &file.text).map_err(|error| not_written(file, &error))?;
            ctx.log.say(&format!("written: {}", file.path));
        }
    }
    for file in plan.files.iter().filter(|file| !new.contains(file)) {
        ctx.log.say(&format!("is there already: {}", file.path));
    }
    show_steps(&plan, &ctx.log);
    let done = Finding::passed("files").actual(format!("{} new, {} in all", new.len(), plan.files.len()));
    Ok(vec![done].into())
}

fn not_clear(unclear: &[Unclear]) -> CommandError {
    let list =
        |part: &dyn Fn(&Unclear) -> String, between: &str| unclear.iter().map(part).collect::<Vec<_>>().join(between);
    Finding::inconclusive("the repository")
        .actual(list(&|one| format!("{}: {}", one.what, one.actual), "; "))
        .expected("one answer for each of them; nothing was written")
        .next(format!("give {}", list(&|one| format!("`{}`", one.flag), " and ")))
        .bad_input()
}

fn not_several(services: &[Service]) -> CommandError {
    let names: Vec<&str> = services.iter().map(Service::as_str).collect();
    Finding::inconclusive("`approval`")
        .actual(format!("`pull-request`, and there are {} services: {}", names.len(), names.join(", ")))
        .expected("`environment`, or one service: a pull request promotes one; nothing was written")
        .with_origin("flag")
        .next("use `--approval environment`, or name the image of one service with `--image REPOSITORY`")
        .bad_input()
}

fn no_status() -> CommandError {
    Finding::inconclusive("`status-app`")
        .actual("a number, and the approval is that of an environment")
        .expected("`--approval pull-request`: only pull requests have the status; nothing was written")
        .with_origin("flag")
        .next("use `--approval pull-request`, or leave `--status-app` out")
        .bad_input()
}

fn not_as_shipped(TemplateError(error): &TemplateError) -> CommandError {
    Finding::inconclusive("the shipped workflows")
        .actual(error.as_str())
        .expected("workflows as `init` knows them")
        .unobservable()
}

/// The files that are not there yet.
///
/// # Errors
/// Bad input: one is there with another content. Unobservable: one cannot be read.
fn new_files<'p>(top: &Path, plan: &'p Plan) -> Result<Vec<&'p PlannedFile>, CommandError> {
    let (mut new, mut other) = (Vec::new(), Vec::new());
    for file in &plan.files {
        match fs::read(top.join(&file.path)) {
            Ok(bytes) if bytes == file.text.as_bytes() => {}
            Ok(_) => other.push(file.path.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => new.push(file),
            Err(error) => {
                return Err(Finding::inconclusive(file.path.as_str())
                    .actual(error.to_string())
                    .expected("a place for the file")
                    .unobservable());
            }
        }
    }
    // The config file may have the other of its two names.
    let has_config = plan.files.iter().any(|file| file.path == DEFAULT_PATH);
    let names = DEFAULT_PATHS.iter().filter(|name| has_config && **name != DEFAULT_PATH && top.join(name).exists());
    other.extend(names.map(|name| (*name).to_owned()));
    if other.is_empty() {
        return Ok(new);
    }
    Err(Finding::inconclusive("files")
        .actual(format!("{}: there already, with another content", other.join(", ")))
        .expected("files that do not exist: nothing is overwritten, and nothing was written")
        .next("move them away, or compare them with the output of `--dry-run` in a fresh checkout")
        .bad_input())
}

/// Writes a file that does not exist.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn not_written(file: &PlannedFile, error: &io::Error) -> CommandError {
    Finding::inconclusive(file.path.as_str())
        .actual(format!("cannot be written: {error}"))
        .expected("a place that can be written to")
        .next("make the place writable and start it again: what is written already is left as it is")
        .unobservable()
}

fn show_steps(plan: &Plan, log: &Log) {
    if !plan.assumed.is_empty() {
        log.say("\nAssumed:");
        plan.assumed.iter().for_each(|assumed| log.say(&format!("- {assumed}")));
    }
    log.say("\nLeft to do:");
    for (number, step) in (1..).zip(&plan.steps) {
        log.say(&format!("{number}. {}", step.what));
        step.commands.iter().for_each(|command| log.say(&format!("     {command}")));
    }
    log.say("\nCheck what you change with `promote-gates lint`.");
    if plan.files.iter().any(|file| file.path == DEFAULT_PATH) {
        log.say(&format!(
            "To try it without a promotion, add `promote: {{ dry-run: true }}` to {DEFAULT_PATH}: `promote` then shows what it would \
             change, and pushes nothing."
        ));
    }
}
