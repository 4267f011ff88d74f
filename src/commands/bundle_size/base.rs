//! Measures the base commit: builds it in its own work tree, outside of the workspace. Inside, a bundler would find the
/// packages of the change in the folders above, and the base would equal the change.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    baseline::Baseline,
    measured::{self, Request},
    store,
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::{BlockingCall, observe_once},
    subject::Commit,
    values::HumanDuration,
    world::{
        files::Glob,
        git::Git,
        process::{self, ProcessGroups, Program},
        trusted::TrustedSource,
    },
};

/// How much of the output of the build is kept, in bytes.
const KEPT: usize = 64 << 10;
/// How much of it a message quotes, in lines.
const QUOTED: usize = 8;
/// The time for checking out and measuring.
const AROUND: Duration = Duration::from_secs(10 * 60);

/// Builds the base commit with `command` and measures it as the bundle is measured.
///
/// # Errors
/// Unobservable: no base commit is known, the build failed or took too long, or it has nothing to measure.
pub fn build(
    command: &str,
    timeout: HumanDuration,
    request: &Request,
    trusted: &TrustedSource,
    ctx: &CommandContext,
) -> Result<Baseline, CommandError> {
    let TrustedSource::Base { commit, git } = trusted else {
        return Err(Finding::inconclusive("`base-command`")
            .actual("the event proposes no change, so there is no base commit")
            .expected("an event `pull_request`, `pull_request_target` or `merge_group`")
            .next("compare only proposed changes, or leave `base-command` out")
            .unobservable());
    };
    let folder = store::folder(ctx);
    let temp = ctx.runner_env.runner_temp.clone().filter(|temp| !is_inside(temp, git.toplevel()));
    let temp = temp.unwrap_or_else(std::env::temp_dir);
    let parent = tempfile::Builder::new().prefix("bundle-base-").tempdir_in(&temp).map_err(|error| {
        Finding::inconclusive(temp.display().to_string())
            .actual(format!("no folder can be made: {error}"))
            .expected("a folder for the base commit")
            .unobservable()
    })?;
    let tree = parent.path().join("base");
    ctx.log.say(&format!("building the base commit {commit} in {}", tree.display()));
    let withheld = &ctx.runner_env.withheld;
    let shell = Program::new("bash").args(["-e", "-o", "pipefail", "-c", command]).in_dir(&tree).keep(KEPT);
    let shell = withheld.iter().fold(shell, Program::unset);
    let job = BaseBuild {
        git: git.clone(),
        commit: commit.clone(),
        tree: tree.clone(),
        shell,
        timeout: timeout.0,
        groups: ctx.world.groups.clone(),
        request: Request { for_baseline: true, ..inside_checkout(request, &folder) },
    };
    let work: BlockingCall<_> = Box::new(move || job.run());
    let built = observe_once(&ctx.execution, timeout.0 + AROUND, [work]);
    git.remove_worktree(&tree);
    let [baseline] = built?;
    let baseline = baseline.unwrap_or_else(|| {
        Err(Finding::inconclusive("`base-command`")
            .actual("the base commit was not measured to the end")
            .unobservable())
    })?;
    Ok(baseline.inside(&folder))
}

/// Whether a folder is in the checkout. A runner's temporary folder is not; one that a job has set may be.
fn is_inside(folder: &Path, checkout: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| folder.starts_with(checkout))
}

/// The same request relative to the top of the checkout, which is at `folder` of the workspace.
fn inside_checkout(request: &Request, folder: &str) -> Request {
    let strip = |pattern: &String| {
        let (mark, path) = pattern.strip_prefix('!').map_or(("", pattern.as_str()), |path| ("!", path));
        let inside = path.strip_prefix(folder).and_then(|path| path.strip_prefix('/')).filter(|_| !folder.is_empty());
        format!("{mark}{}", inside.unwrap_or(path))
    };
    let patterns: Vec<String> = request.how.scope.patterns.iter().map(strip).collect();
    let globs = |patterns: &[String]| patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect::<Vec<Glob>>();
    let stats: Vec<String> = measured::relative_patterns(&request.stats).iter().map(strip).collect();
    let mut how = request.how.clone();
    how.scope.patterns.clone_from(&patterns);
    Request { path: globs(&patterns), stats: globs(&stats), how, ..request.clone() }
}

/// The work of another thread.
struct BaseBuild {
    git: Git,
    commit: Commit,
    tree: PathBuf,
    shell: Program,
    timeout: Duration,
    groups: ProcessGroups,
    request: Request,
}

impl BaseBuild {
    fn run(&self) -> Result<Baseline, CommandError> {
        self.git.add_worktree(&self.tree, &self.commit).map_err(Finding::unobservable)?;
        let output = process::run(&self.shell, &self.groups, self.timeout)
            .map_err(|error| self.failed(error.to_finding().actual))?;
        if !output.status.success() {
            let text = [output.stdout.text(), output.stderr.text()].concat();
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let last = lines[lines.len().saturating_sub(QUOTED)..].join("\n");
            return Err(self.failed(format!("{}; its last lines: {last}", output.status)));
        }
        let measured =
            measured::measure(Path::new(&self.tree), &self.request, None, &[]).map_err(|error| match error {
                CommandError::BadInput(finding) | CommandError::Unobservable(finding) => {
                    self.failed(format!("it ended with success; then {}: {}", finding.check, finding.actual))
                }
                error => error,
            })?;
        let baseline = Baseline::from_bundle(&measured.bundle);
        Ok(Baseline { patterns: Some(measured.patterns), commit: Some(self.commit.to_string()), ..baseline })
    }

    fn failed(&self, actual: String) -> CommandError {
        Finding::inconclusive("`base-command`")
            .actual(actual)
            .expected(format!("a build of the base commit {}", self.commit))
            .next("let the command install and build by itself: the work tree has no packages, no submodules, no LFS files and no untracked files such as `.env`")
            .unobservable()
    }
}
