//! Runs a command: resolves its settings, config file and subject, and returns its outcome.

use super::config_file::{self, Loaded};
use crate::{
    command::{CommandEntry, RunInputs},
    config::Config,
    context::CommandContext,
    error::CommandError,
    report::Outcome,
    settings::{self, CommandTable, Layer},
    subject::Subject,
    values::switch,
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
    // Recorded first, so that they hold even when the config file is invalid or cannot be read.
    let text = |key: &str| step.get(key).and_then(|value| value.texts.first());
    ctx.execution.partial.edit(|partial| {
        partial.settings.extend(text("report-file").map(|path| ("report-file".to_owned(), path.clone().into())));
        partial.dry_run = text("dry-run").is_some_and(|text| switch(text) == Ok(true));
    });
    if entry.kind.is_local() {
        let (subject, config) = (&Subject::default(), &Config::default());
        return entry.run_local(&RunInputs { subject, config, step: &step, command_table, commands }, ctx);
    }
    let Loaded { config, found, no_config } = config_file::load(command_table, &step, ctx)?;
    ctx.execution.partial.edit(|partial| {
        partial.config.clone_from(&config.file);
        partial.no_config = no_config;
    });
    let layers = [&step].into_iter().chain(config.layers(name)).chain([&found]);
    let resolved = entry.resolve(command_table, layers, None)?;
    let command = resolved.typed;
    let common = &command.common;
    let mut subject = common.subject.assemble()?;
    if entry.kind.is_about_deployed_commit() {
        subject = ctx.world.complete_subject(subject, &ctx.runner_env)?;
    }
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
