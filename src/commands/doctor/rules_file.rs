//! Compares the environments with their rules file, if there is one.

use super::check::{Check, CheckState};
use crate::{
    commands::environments::{
        change::EnvironmentsApi,
        file,
        judge::Occasion,
        state::{CurrentState, RuleCount},
    },
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    values::HumanDuration,
};

/// What `environments` with `mode: check` finds in the rules; the rules that are as the file says are one check.
///
/// # Errors
/// Bad input: a file that cannot be read.
pub fn compare(
    path: &str,
    place: &EnvironmentsApi<'_>,
    timeout: HumanDuration,
    ctx: &CommandContext,
) -> Result<Vec<Check>, CommandError> {
    let Some(found) = ctx.trusted_rules()?.read(path)? else { return Ok(Vec::new()) };
    let desired = file::read(path, &found.bytes)?;
    let state = match CurrentState::look(place, &desired, timeout, ctx) {
        Ok(state) => state,
        Err(error) => {
            return Ok(error.finding().map(|finding| Check::unknown(path, &finding)).into_iter().collect());
        }
    };
    let RuleCount { all, differing } = state.count(&desired);
    let mut checks: Vec<Check> = state
        .check_rules(&desired, Occasion::Check)
        .into_iter()
        .map(Check::from_finding)
        .filter(|check| check.state != CheckState::Ok)
        .map(|check| Check { finding: with_command(check.finding, path, place), ..check })
        .collect();
    let same = Check::ok(path, format!("{} of {all} rules are as the file says", all - differing));
    checks.push(same);
    Ok(checks)
}

/// The judge's next step names a setting; here it is a command.
fn with_command(finding: Finding, path: &str, place: &EnvironmentsApi<'_>) -> Finding {
    let check = format!("{path}: {}", finding.check);
    let command = format!("`promote-gates environments --mode apply --repository {}`", place.repository);
    let next = finding.next.clone().unwrap_or_default();
    let next = if next.is_empty() { command } else { format!("{next}: {command}") };
    Finding { check, ..finding.next(next) }
}
