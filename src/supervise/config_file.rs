//! Finds and reads the config file. One that the checked-out commit has and that was not read is an error: the settings in
//! force are those of the team, never the defaults by accident.

use std::path::{Path, PathBuf};

use crate::{
    config::{Config, DEFAULT_PATHS},
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    report::compact::hex_sha256,
    secret::Secret,
    settings::{CommandTable, Layer, SettingOrigin, SettingValue},
    world::{
        checkout::{Checkout, Checkouts},
        git::{Commit, TreePath},
        trusted::{BaseAccess, TrustedFile, TrustedSource},
    },
};

/// The settings of the config file, and those that were found in the workspace.
#[derive(Default)]
pub struct Loaded {
    pub config: Config,
    pub found: Layer,
    /// Why no config file was read.
    pub no_config: Option<String>,
}

/// A config file that was read.
struct ConfigText {
    path: String,
    file: TrustedFile,
}

/// A place where the config file may be.
struct Candidate<'a> {
    /// Relative to the working directory.
    path: String,
    /// The checkout that it is in, and its path there.
    tracked: Option<(&'a Checkout, TreePath)>,
}

impl Candidate<'_> {
    /// Its path in a checkout; `None` when it is in another one, or in none.
    fn path_in(&self, checkout: &Checkout) -> Option<&TreePath> {
        self.tracked.as_ref().filter(|(owner, _)| *owner == checkout).map(|(_, path)| path)
    }
}

/// Finds the checkout, then finds and reads the config file.
///
/// # Errors
/// Bad input: a checkout or a config file that was named and is missing, several of them, a config file that the checked-out
/// commit or that of the workflow run has and the workspace lacks, an invalid config file. Unobservable: a checkout that git cannot read, a missing base
/// commit.
pub fn load(command_table: &CommandTable, step: &Layer, ctx: &CommandContext) -> Result<Loaded, CommandError> {
    let text = |key: &str| step.get(key).and_then(|value| value.texts.first()).map(String::as_str);
    let checkouts = Checkouts::find(text("checkout"), &ctx.runner_env, &ctx.world.groups)?;
    let token = text("token").map(|token| {
        let server = ctx.runner_env.server().to_owned();
        (server, Secret::new(token.to_owned()))
    });
    ctx.world.trusted.set_access(BaseAccess { checkout: checkouts.own.clone(), token });
    let mut loaded = Loaded::default();
    if let Some(checkout) = checkouts.found() {
        let folder = checkout.folder.display().to_string();
        ctx.log.say(&format!("the checkout was found in the folder {folder}"));
        loaded.found.insert("checkout".to_owned(), SettingValue { texts: vec![folder], origin: SettingOrigin::Found });
    }
    let trusted = ctx.trusted_rules()?;
    let found = match (text("config"), &trusted) {
        (Some(path), _) => Some(read_named(path, &checkouts, &trusted)?),
        (None, TrustedSource::Base { .. }) => read_from_base(&checkouts, &trusted)?,
        (None, _) => read_from_workspace(&checkouts, &trusted, ctx)?,
    };
    if let Some(ConfigText { path, file }) = found {
        log::debug!("config file {path}{} → sha256 {}", trusted.place(), hex_sha256(&file.bytes));
        let commit = file.commit.map(|commit| commit.to_string());
        loaded.config = Config::read(command_table, &path, &file.bytes, commit)?;
    } else {
        let why = no_config(&checkouts, &trusted);
        ctx.log.say(&format!("{why}; flags, inputs and defaults only"));
        loaded.no_config = Some(why);
    }
    Ok(loaded)
}

/// Why there is no config file.
fn no_config(checkouts: &Checkouts, trusted: &TrustedSource) -> String {
    let names: Vec<String> = match trusted {
        TrustedSource::Base { .. } => checkouts.own.iter().map(Checkout::name).collect(),
        TrustedSource::Workspace | TrustedSource::Nothing => checkouts.all().map(Checkout::name).collect(),
    };
    if names.is_empty() {
        return "no checkout: no config file could be looked for".to_owned();
    }
    format!("no config file in {}{}", names.join(" and "), trusted.place())
}

/// The file that the setting `config` names.
fn read_named(path: &str, checkouts: &Checkouts, trusted: &TrustedSource) -> Result<ConfigText, CommandError> {
    let file = trusted.read(path)?.ok_or_else(|| {
        let finding = Finding::inconclusive("`config`").actual(format!("no file at {path}{}", trusted.place()));
        let finding = finding.expected("an existing config file, by its path from the workspace");
        let folders = checkouts.all().map(|checkout| &checkout.folder).find(|folder| !folder.as_os_str().is_empty());
        match folders {
            Some(folder) => finding.next(format!("the checkout is in a folder: {}", folder.join(path).display())),
            None => finding,
        }
        .bad_input()
    })?;
    Ok(ConfigText { path: path.to_owned(), file })
}

/// The file in the base commit of a proposed change.
fn read_from_base(checkouts: &Checkouts, trusted: &TrustedSource) -> Result<Option<ConfigText>, CommandError> {
    let mut found = Vec::new();
    for candidate in candidates(checkouts) {
        let Some(path) = checkouts.own.as_ref().and_then(|own| candidate.path_in(own)) else { continue };
        let file = trusted.read_in_repository(path)?;
        found.extend(file.map(|file| ConfigText { path: candidate.path, file }));
    }
    only(found, &trusted.place())
}

/// The file in the workspace.
fn read_from_workspace(
    checkouts: &Checkouts,
    trusted: &TrustedSource,
    ctx: &CommandContext,
) -> Result<Option<ConfigText>, CommandError> {
    let candidates = candidates(checkouts);
    let mut found = Vec::new();
    for Candidate { path, .. } in &candidates {
        found.extend(trusted.read(path)?.map(|file| ConfigText { path: path.clone(), file }));
    }
    let found = only(found, "")?;
    for checkout in checkouts.all() {
        let (paths, tree_paths): (Vec<&str>, Vec<TreePath>) = candidates
            .iter()
            .filter(|candidate| found.as_ref().is_none_or(|found| found.path != candidate.path))
            .filter_map(|candidate| Some((candidate.path.as_str(), candidate.path_in(checkout)?.clone())))
            .unzip();
        let unread = |committed: &[TreePath]| {
            let mut all = paths.iter().zip(&tree_paths);
            all.find(|(_, tree_path)| committed.contains(tree_path)).map(|(path, _)| *path)
        };
        let git = checkout.git(&ctx.world.groups);
        match (git.in_head(&tree_paths), &found) {
            (Ok(committed), _) => {
                if let Some(path) = unread(&committed) {
                    return Err(unread_of_head(path, found.as_ref()));
                }
            }
            (Err(finding), Some(_)) => log::debug!("whether the commit has another config file is unknown: {finding}"),
            (Err(finding), None) => return Err(unknown(finding)),
        }
        // Another step may have checked out a commit without the file.
        if found.is_none() && Some(checkout) == checkouts.own.as_ref() {
            let started_by = ctx.runner_env.sha.as_deref().and_then(|sha| sha.parse::<Commit>().ok());
            let Some(commit) = started_by.filter(|commit| git.has_commit(commit).is_ok_and(|has| has)) else {
                continue;
            };
            if let Some(path) = unread(&git.in_commit(&commit, &tree_paths).map_err(unknown)?) {
                return Err(unread_of_start(path, &commit));
            }
        }
    }
    Ok(found)
}

/// The error for a checkout that git cannot read.
fn unknown(finding: Finding) -> CommandError {
    let next = finding.next.clone().unwrap_or_else(|| {
        "let git read the checkout (`git config --global --add safe.directory '*'`, or git 2.38 or later)".to_owned()
    });
    finding.expected("to see whether the checked-out commit has a config file").next(next).unobservable()
}

/// The error for a config file that the checked-out commit has and the workspace lacks.
fn unread_of_head(path: &str, found: Option<&ConfigText>) -> CommandError {
    let finding = Finding::inconclusive(format!("config file {path}"));
    match found {
        Some(other) => finding
            .actual(format!("in the checked-out commit, but not in the workspace, which has {}", other.path))
            .expected("one config file")
            .next("remove one of the two from the repository, or name the one in force in `config`"),
        None => finding
            .actual("in the checked-out commit, but not in the workspace")
            .expected("the config file of the commit")
            .next("add `.github` to `sparse-checkout`, or find the step that removes the file"),
    }
    .bad_input()
}

/// The error for a config file that the commit of the workflow run has and the checked-out commit lacks.
fn unread_of_start(path: &str, commit: &Commit) -> CommandError {
    Finding::inconclusive(format!("config file {path}"))
        .actual(format!("in the commit of this workflow run, {commit}, but not in the checked-out commit"))
        .expected("the config file of the team")
        .next("check out a commit that has it, or name a config file in `config`")
        .bad_input()
}

/// The only one of the files.
fn only(mut found: Vec<ConfigText>, place: &str) -> Result<Option<ConfigText>, CommandError> {
    if found.len() < 2 {
        return Ok(found.pop());
    }
    let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
    Err(Finding::inconclusive("config file")
        .actual(format!("{}{place}", paths.join(" and ")))
        .expected("one config file")
        .next("remove one of them, or name the one in force in `config`")
        .bad_input())
}

/// The places where the config file may be: the working directory and the top of each checkout.
fn candidates(checkouts: &Checkouts) -> Vec<Candidate<'_>> {
    let mut folders: Vec<&Path> = vec![&checkouts.start];
    for checkout in checkouts.all() {
        if !folders.contains(&checkout.top.as_path()) {
            folders.push(&checkout.top);
        }
    }
    let paths = folders.into_iter().flat_map(|folder| DEFAULT_PATHS.iter().map(move |name| folder.join(name)));
    paths
        .map(|path| {
            let inside = checkouts.all().filter_map(|checkout| Some((checkout, checkout.tree_path(&path)?)));
            // A checkout may be in another one.
            let tracked = inside.max_by_key(|(checkout, _)| checkout.top.components().count());
            Candidate { path: relative(&checkouts.start, &path).display().to_string(), tracked }
        })
        .collect()
}

/// A path relative to a folder at or above it, or below the folder of the file; otherwise as it is.
fn relative(start: &Path, path: &Path) -> PathBuf {
    for (up, folder) in start.ancestors().enumerate() {
        // Beyond three levels the absolute path is easier to read.
        if up <= 3
            && let Ok(inside) = path.strip_prefix(folder)
        {
            return std::iter::repeat_n("..", up).collect::<PathBuf>().join(inside);
        }
    }
    path.to_owned()
}
