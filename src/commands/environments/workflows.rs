//! Reads the workflow files of the repository whose environments are checked: in its checkout, or on GitHub.

use std::path::Path;

use super::{change::EnvironmentsApi, jobs::Workflows};
use crate::{
    context::CommandContext,
    finding::Finding,
    observe::read_until_answered,
    values::HumanDuration,
    workflow::{
        WorkflowFile,
        files::{FOLDER, is_workflow, read_folder},
    },
    world::{checkout::is_of_other_repository, git::Git},
};

/// The workflow files of the checkout, if it is of the repository and has some; otherwise those of the default branch.
///
/// # Errors
/// They cannot be listed.
pub fn read_workflows(
    place: &EnvironmentsApi<'_>,
    limit: HumanDuration,
    ctx: &CommandContext,
) -> Result<Workflows, Finding> {
    let own = ctx.runner_env.repository.as_deref().unwrap_or_default();
    if own.eq_ignore_ascii_case(&place.repository.to_string())
        && let Some(found) = in_checkout(place, ctx)?
    {
        return Ok(found);
    }
    on_github(place, limit, ctx)
}

/// `None`: there is no checkout of this repository, or it has no workflows.
fn in_checkout(place: &EnvironmentsApi<'_>, ctx: &CommandContext) -> Result<Option<Workflows>, Finding> {
    let checkout = ctx.world.trusted.checkout();
    let git = checkout.map(|checkout| checkout.git(&ctx.world.groups));
    if let Some(git) = &git
        && is_of_other_repository(git, Some(&place.repository.to_string()))?
    {
        return Ok(None);
    }
    let root = checkout.map_or(Path::new("."), |checkout| &checkout.top);
    let mut files = read_folder(root, FOLDER)?;
    for path in git.as_ref().map(in_commit).transpose()?.unwrap_or_default() {
        if files.iter().all(|file| file.path != path) {
            let missing =
                Finding::inconclusive(&path).actual("in the commit that is checked out, and not in the workspace");
            let missing = missing.expected("a checkout with all workflows");
            let text =
                Err(missing
                    .next(format!("add `{FOLDER}` to `sparse-checkout`, or find the step that removes the file")));
            files.push(WorkflowFile { path, text });
        }
    }
    Ok((!files.is_empty()).then(|| Workflows { place: "the checkout".to_owned(), files }))
}

/// The paths of the workflow files in the commit that is checked out; none before the first commit.
fn in_commit(git: &Git) -> Result<Vec<String>, Finding> {
    let Some(head) = git.head()? else { return Ok(Vec::new()) };
    let folder = FOLDER.parse().map_err(|error: String| Finding::inconclusive(FOLDER).actual(error))?;
    let listed = git.list(&head.commit, Some(&folder))?;
    Ok(listed.into_iter().map(|(name, _)| format!("{FOLDER}/{name}")).filter(|path| is_workflow(path)).collect())
}

fn on_github(place: &EnvironmentsApi<'_>, limit: HumanDuration, ctx: &CommandContext) -> Result<Workflows, Finding> {
    let EnvironmentsApi { github, repository } = *place;
    let (execution, limit) = (&ctx.execution, limit.0);
    let paths = read_until_answered(execution, limit, || github.files_in(repository, FOLDER))?;
    if paths.is_none() {
        // GitHub answers 404, too, when the token may not read contents. Then this read fails as well.
        read_until_answered(execution, limit, || github.protected_branches(repository))?;
    }
    let read = |path: String| {
        let text = read_until_answered(execution, limit, || github.file_text(repository, &path));
        WorkflowFile { path, text }
    };
    let files = paths.into_iter().flatten().filter(|path| is_workflow(path)).map(read).collect();
    Ok(Workflows { place: format!("the default branch of {repository}"), files })
}
