//! Reads the workflow files of the repository whose environments are checked: in its checkout, or on GitHub.

use std::path::Path;

use super::{
    change::EnvironmentsApi,
    jobs::{WorkflowFile, Workflows},
};
use crate::{
    context::CommandContext,
    finding::Finding,
    observe::read_until_answered,
    values::HumanDuration,
    world::{
        checkout::is_of_other_repository,
        files::{self, Glob},
        git::Git,
    },
};

/// Where GitHub looks for workflows; not in folders below it.
const FOLDER: &str = ".github/workflows";
/// The largest workflow file that is read, in bytes. GitHub's own limit is lower.
const MAX_SIZE: u64 = 1 << 20;

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
    let mut files = Vec::new();
    for name in in_work_tree(&root.join(FOLDER))? {
        let bytes = files::read_bounded(&root.join(FOLDER).join(&name), MAX_SIZE);
        let path = format!("{FOLDER}/{name}");
        let text = bytes.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| Finding::inconclusive(&path).actual("bytes that are not UTF-8"))
        });
        files.push(WorkflowFile { path, text });
    }
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

/// The names of the workflow files in a folder.
fn in_work_tree(folder: &Path) -> Result<Vec<String>, Finding> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let patterns: Vec<Glob> = ["*.yml", "*.yaml"].iter().filter_map(|pattern| pattern.parse().ok()).collect();
    let found = files::find_existing(folder, &patterns)?;
    Ok(found.iter().map(|path| path.to_string_lossy().into_owned()).filter(|name| !name.contains('/')).collect())
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

fn is_workflow(path: &str) -> bool {
    [".yml", ".yaml"].iter().any(|ending| path.ends_with(ending))
}
