//! Runs a command: resolves its settings, config file and subject, and returns its outcome.

use crate::{
    command::{CommandEntry, RunInputs},
    config::{self, Config},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::{Outcome, compact::hex_sha256},
    settings::{self, CommandTable, Layer},
    subject::Subject,
};

/// Resolves inputs, config file, typed arguments and subject, and runs the command. The partial report gets each of them as soon
/// as it is known.
///
/// # Errors
/// Bad input, or those of the command.
pub fn execute(
    commands: &'static [CommandEntry],
    command_table: &CommandTable,
    name: &str,
    flags: &Layer,
    ctx: &CommandContext,
) -> Result<Outcome, CommandError> {
    let Some(entry) = commands.iter().find(|entry| entry.name == name) else {
        return Err(settings::no_command(command_table).bad_input());
    };
    let mut step = settings::input_layer(command_table, name, &ctx.runner_env.inputs)?;
    // A flag overrides an input: it is the more deliberate one.
    step.extend(flags.clone());
    if let Some(path) = step.get("report-file").and_then(|value| value.texts.first()) {
        // Recorded first, so that the report is written there even when the config file is invalid.
        ctx.execution
            .partial
            .edit(|partial| drop(partial.settings.insert("report-file".to_owned(), path.clone().into())));
    }
    if entry.kind.is_local() {
        let (subject, config) = (&Subject::default(), &Config::default());
        return entry.run_local(&RunInputs { subject, config, step: &step, command_table, commands }, ctx);
    }
    let config = load_config(command_table, &step, ctx)?;
    ctx.execution.partial.edit(|partial| partial.config.clone_from(&config.file));
    let resolved = entry.resolve(command_table, [&step].into_iter().chain(config.layers(name)), None)?;
    let command = resolved.typed;
    let common = &command.common;
    let subject = ctx.world.complete_subject(common.subject.assemble()?, &ctx.runner_env)?;
    ctx.execution.partial.edit(|partial| {
        partial.settings = resolved.settings;
        partial.origins = resolved.origins;
        partial.units = resolved.units;
        partial.dry_run = common.dry_run;
        partial.subject = subject.clone();
    });
    let ctx = ctx.with_dry_run(common.dry_run);
    command.run(&RunInputs { subject: &subject, config: &config, step: &step, command_table, commands }, &ctx)
}

fn load_config(command_table: &CommandTable, step: &Layer, ctx: &CommandContext) -> Result<Config, CommandError> {
    let given = step.get("config").and_then(|value| value.texts.first());
    let path = given.map_or(config::DEFAULT_PATH, String::as_str);
    let trusted = ctx.trusted()?;
    match trusted.read(path)? {
        Some(file) => {
            log::debug!("config file {path}{} → sha256 {}", trusted.place(), hex_sha256(&file.bytes));
            Config::read(command_table, path, &file.bytes, file.commit.map(|commit| commit.to_string()))
        }
        None if given.is_some() => Err(Finding::inconclusive("`config`")
            .actual(format!("no file at {path}{}", trusted.place()))
            .expected("an existing config file")
            .bad_input()),
        None => {
            ctx.log.say(&format!("no config file at {path}{}: flags, inputs and defaults only", trusted.place()));
            Ok(Config::default())
        }
    }
}
