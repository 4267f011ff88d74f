//! `mode: import`: writes the file from what GitHub has. It changes nothing on GitHub, and never replaces a file.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use super::{
    actual::ActualEnvironment,
    change::EnvironmentsApi,
    desired::DeployableBranches,
    export::{ExportedEnvironment, render},
    file,
    plan::plan,
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::read_until_answered,
    report::{Effect, EffectState, Outcome},
    subject::EnvironmentName,
};

/// Reads every environment, and writes them down.
///
/// # Errors
/// Bad input: the file exists. Unobservable: GitHub does not list the environments, or has none; a file that cannot be written.
pub fn run(path: &str, place: &EnvironmentsApi<'_>, ctx: &CommandContext) -> Result<Outcome, CommandError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(exists(path));
    }
    let EnvironmentsApi { github, repository } = *place;
    let names = read_until_answered(&ctx.execution, Duration::MAX, || github.environment_names(repository));
    let names = names.map_err(Finding::unobservable)?;
    let (mut environments, mut findings, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        match read(&name, place, ctx) {
            Ok(environment) => {
                findings.push(Finding::passed(name.as_str()).actual("read, with all of its rules"));
                environments.push(environment);
            }
            Err(finding) => {
                unseen.push((name.clone(), format!("{}: {}", finding.check, finding.actual)));
                findings.push(finding.for_check(name).expected("an environment that can be read, for the file"));
            }
        }
    }
    if environments.is_empty() {
        let finding = Finding::inconclusive("environments")
            .actual(format!("none of {repository} can be written down: no file was written"))
            .expected("at least one environment");
        findings.push(finding.next(format!(
            "make one, and import it: `gh api --method PUT repos/{repository}/environments/production`"
        )));
        return Ok(findings.into());
    }
    let text = render(&repository.to_string(), &environments, &unseen);
    prove(path, &text, &environments)?;
    let count = environments.len();
    let detail = format!("{count} of {} environments, as GitHub has them", count + unseen.len());
    let mut effect = Effect { target: path.to_owned(), detail, state: EffectState::Planned };
    if ctx.execution.dry_run {
        let _group = ctx.log.group("what would be written");
        ctx.log.say(&text);
        let finding =
            Finding::inconclusive(path).actual("dry-run: nothing was written").next("run it without `dry-run`");
        findings.push(finding);
    } else {
        write_new(path, &text)?;
        effect.state = EffectState::Applied;
    }
    let changed = (effect.state == EffectState::Applied).to_string();
    ctx.execution.partial.begin_effect(effect);
    let outputs = [("differences", "0".to_owned()), ("changed", changed)].into();
    let title = format!("environments: {count} written to {path}");
    Ok(Outcome { findings, outputs, title: Some(title), ..Outcome::default() })
}

fn read(name: &str, place: &EnvironmentsApi<'_>, ctx: &CommandContext) -> Result<ExportedEnvironment, Finding> {
    let EnvironmentsApi { github, repository } = *place;
    let name: EnvironmentName = name.parse().map_err(|error: crate::error::ValueError| {
        Finding::inconclusive("its name").actual(format!("{name:?}")).expected(error.to_string())
    })?;
    read_until_answered(&ctx.execution, Duration::MAX, || {
        let found = github.environment(repository, &name)?;
        let found = found
            .ok_or_else(|| Finding::inconclusive("GitHub's API").actual("it lists the environment, and has none"))?;
        let actual = ActualEnvironment::from_protection(&found);
        let actual = if actual.branches == DeployableBranches::Custom {
            actual.with_patterns(github.branch_policies(repository, &name)?)
        } else {
            actual
        };
        Ok(ExportedEnvironment { name: name.clone(), actual, has_custom_rules: found.has_custom_rules })
    })
}

/// Proves that the file asks for no change before it is written.
fn prove(path: &str, text: &str, environments: &[ExportedEnvironment]) -> Result<(), CommandError> {
    let desired = file::read(path, text.as_bytes())?;
    let is_same = desired.len() == environments.len()
        && desired.iter().zip(environments).all(|(desired, environment)| {
            desired.name == environment.name && plan(desired, Some(&environment.actual)).is_empty()
        });
    if is_same {
        return Ok(());
    }
    Err(Finding::inconclusive(path)
        .actual("read back, it would change an environment: nothing was written")
        .expected("a file that asks for no change")
        .next("please report it, with the names and rules of the environments")
        .unobservable())
}

fn exists(path: &str) -> CommandError {
    Finding::inconclusive("`file`")
        .actual(format!("{path} exists, and is never replaced"))
        .expected("a path where no file is")
        .next("compare it with GitHub by `mode: plan`, or name another `file`")
        .bad_input()
}

fn write_new(path: &str, text: &str) -> Result<(), CommandError> {
    let write = || -> io::Result<()> {
        if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => {
            Finding::inconclusive(path).actual(error.to_string()).expected("a file that can be written").unobservable()
        }
    })
}
