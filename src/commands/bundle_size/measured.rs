//! Measures what a comparison needs, on its own thread.

use std::{path::Path, sync::Arc, time::Duration};

use super::{
    baseline::Baseline,
    bundle::{Bundle, BundleFile, Compressor},
    measure::{self, Measuring, Sketched},
    packages::{self, Packages},
    scope::Scope,
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::{BlockingCall, observe_once},
    values::HumanDuration,
    world::files::{self, Glob},
};

/// How long measuring may take: a gigabyte takes less than a minute.
const TIME_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The patterns relative to the workspace, so that they hold for another checkout, too.
#[must_use]
pub fn relative_patterns(patterns: &[Glob]) -> Vec<String> {
    let root = std::fs::canonicalize(".").map(|root| format!("{}/", root.display())).unwrap_or_default();
    let relative = |pattern: &Glob| {
        let written = pattern.to_string();
        written.strip_prefix(root.as_str()).filter(|_| !root.is_empty()).map_or(written.clone(), ToOwned::to_owned)
    };
    patterns.iter().map(relative).collect()
}

/// What was measured.
pub struct Measured {
    /// The files that `path` names.
    pub bundle: Bundle,
    /// The files that only the baseline's patterns name.
    pub before: Vec<BundleFile>,
    /// The lines of `path`.
    pub patterns: Vec<String>,
    /// The packages, as far as they are known.
    pub packages: Packages,
}

impl Measured {
    /// Everything that can be compared with the baseline.
    #[must_use]
    pub fn compared(&self) -> Bundle {
        let files = Bundle::from_files(self.bundle.files.iter().chain(&self.before).cloned()).files;
        Bundle { files, ..self.bundle.clone() }
    }
}

/// What is to be measured.
#[derive(Clone)]
pub struct Request {
    pub path: Vec<Glob>,
    pub how: Measuring,
    pub stats: Vec<Glob>,
    /// Whether the baseline is trusted for the sizes of contents that did not change: one that a job put into the workspace is not.
    pub reuse: bool,
    /// What each content is like is measured for all files, not only for those that changed.
    pub for_baseline: bool,
}

/// Measures the bundle on another thread, so that a signal ends the command at once.
///
/// # Errors
/// Those of [`measure::measure`]; unobservable when it takes too long.
pub fn measure_bundle(
    request: Request,
    baseline: Option<&Baseline>,
    ctx: &CommandContext,
) -> Result<Measured, CommandError> {
    let patterns = baseline.and_then(|baseline| baseline.patterns.clone());
    let patterns = patterns.filter(|before| *before != request.how.scope.patterns);
    let known = baseline.map(|baseline| baseline.files.clone()).unwrap_or_default();
    let mut request = request;
    if let Some(baseline) = baseline.filter(|_| request.reuse)
        && baseline.compressor == Compressor::of(request.how.compression)
    {
        let files = baseline.files.iter().filter(|file| !file.sha256.is_empty());
        request.how.known = Arc::new(files.map(|file| (file.sha256.clone(), file.clone())).collect());
    }
    let measure: BlockingCall<_> = Box::new(move || measure(Path::new("."), &request, patterns, &known));
    let [measured] = observe_once(&ctx.execution, TIME_LIMIT, [measure])?;
    measured.unwrap_or_else(|| {
        Err(Finding::inconclusive("`path`")
            .actual("the files were not measured to the end")
            .expected(format!("a bundle that takes less than {}", HumanDuration(TIME_LIMIT)))
            .next("name only what is shipped in `path`")
            .unobservable())
    })
}

/// Measures the bundle below `root`, and what `patterns`, those of the baseline, name besides. `known` are the files of the
/// baseline.
///
/// # Errors
/// Those of [`measure::measure`].
pub fn measure(
    root: &Path,
    request: &Request,
    patterns: Option<Vec<String>>,
    known: &[BundleFile],
) -> Result<Measured, CommandError> {
    let Request { path, how, stats, for_baseline, .. } = request;
    let sketched = if *for_baseline { Sketched::All } else { Sketched::beside(known) };
    let how = Measuring { sketched, ..how.clone() };
    let scope = &how.scope;
    let mut bundle = measure::measure(root, path, &how).map_err(|error| named("path", error))?;
    let mut before = Bundle::from_files([]);
    if let Some(patterns) = patterns {
        let scope = Scope { patterns, groups: scope.groups.clone() };
        before = measure::measure_as_before(root, &Measuring { scope, ..how.clone() })?;
        before.files.retain(|file| !bundle.files.iter().any(|own| own.path == file.path));
    }
    let find_stats = || files::find(root, stats).map_err(|finding| named("stats", finding.bad_input()));
    let named = if stats.is_empty() { Vec::new() } else { find_stats()? };
    let packages = packages::find::find(root, &bundle, &named);
    bundle.packages = packages.bytes();
    Ok(Measured { bundle, before: before.files, patterns: scope.patterns.clone(), packages })
}

/// Bad input with the name of its setting.
fn named(setting: &str, error: CommandError) -> CommandError {
    match error {
        CommandError::BadInput(finding) => {
            let check = format!("`{setting}`: {}", finding.check);
            CommandError::BadInput(Finding { check, ..finding })
        }
        error => error,
    }
}
