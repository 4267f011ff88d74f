//! Reads the files that commits changed, and compares them with what the messages claim.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use super::{
    entry::{LedgerEntry, UnprovenClaim},
    infra_repo::InfraRepo,
    layout::OwnedFile,
    promotion::Promotion,
    proof::{EntryChange, ProvenChange, Unproven, prove},
    version::{FileVersion, OverlayVersion},
};
use crate::{
    finding::Finding,
    world::git::{BlobId, CommitSummary, FileChange, LoggedCommit, MergedCommits},
};

/// A file that a commit changed, before and after it, as one service's image is in it.
pub struct ExaminedChange<'c> {
    pub commit: &'c LoggedCommit,
    pub owned: &'c OwnedFile,
    pub before: Rc<OverlayVersion>,
    pub after: Rc<OverlayVersion>,
}

/// The claims of commits, newest first.
#[derive(Debug, Default)]
pub struct CheckedClaims {
    pub entries: Vec<LedgerEntry>,
    pub unproven: Vec<UnprovenClaim>,
}

/// What a commit's claim about a changed file is worth.
pub type ClaimResult = Result<ProvenChange, Unproven>;

/// A claim in a message.
struct Claim {
    promotion: Promotion,
    /// The files of its service and environment.
    files: Vec<OwnedFile>,
    /// The commit with the message, when a merge brought it in.
    brought: Option<CommitSummary>,
    /// One for each of the files that was changed and read.
    results: Vec<(OwnedFile, ClaimResult)>,
}

/// A claim about a changed file, and what it is worth.
pub struct FileClaim<'c> {
    pub promotion: &'c Promotion,
    pub result: &'c ClaimResult,
}

impl Claim {
    fn about_file(&self, owned: &OwnedFile) -> Option<FileClaim<'_>> {
        let (_, result) = self.results.iter().find(|(file, _)| file == owned)?;
        Some(FileClaim { promotion: &self.promotion, result })
    }

    /// What the commit changed: every file that it changed has to have the claimed image now, and one of them the image before.
    fn changes(results: Vec<(OwnedFile, ClaimResult)>) -> Result<Vec<EntryChange>, Unproven> {
        let mut proven = Vec::new();
        for (_, result) in results {
            match result {
                Ok(change) => proven.push(change),
                Err(Unproven::Unchanged) => {}
                Err(why) => return Err(why),
            }
        }
        match proven.first() {
            None => Err(Unproven::Unchanged),
            Some(first) if !proven.iter().any(|proven| proven.had_previous) => Err(first.differing()),
            Some(_) => Ok(proven.into_iter().map(|proven| proven.change).collect()),
        }
    }
}

/// The files that did not exist before the commits examined so far.
pub type MissingFiles = BTreeSet<String>;

/// Whose image a file has, as far as its path says.
pub type Owners<'o> = &'o dyn Fn(&str) -> Vec<OwnedFile>;

/// Checks what the messages of `commits`, which are newest first, claim; `is_wanted` selects the claims. A merge counts with the
/// messages that it brought in, and what they claim has to be what the merge changed. Also passes every changed file that has an
/// owner, by `owners` or by a claim, to `visit`, with the claims about it. `missing` is empty for the first commits of a history,
/// and kept for the next.
///
/// One git process reads all files. A commit is dropped as soon as its files were read, and of the files only one version each is
/// kept: a ledger of years has tens of thousands of promotions.
///
/// # Errors
/// Git failed.
pub fn check_claims(
    repo: &InfraRepo,
    commits: Vec<LoggedCommit>,
    is_wanted: &dyn Fn(&Promotion) -> bool,
    owners: Owners<'_>,
    missing: &mut MissingFiles,
    visit: &mut dyn FnMut(&ExaminedChange<'_>, &[FileClaim<'_>]),
) -> Result<CheckedClaims, Finding> {
    let is_relevant = |summary: &CommitSummary| promotion_of(summary, is_wanted).is_some();
    let merged = repo.git.merged_commits(&repo.remote, &repo.branch, &commits, &is_relevant)?;
    let wanted = wanted_versions(&commits);
    let mut examination = Examination {
        repo,
        is_wanted,
        owners,
        visit,
        merged,
        left: commits.into_iter(),
        open: None,
        read: VecDeque::new(),
        last: BTreeMap::new(),
        missing,
        checked: CheckedClaims::default(),
    };
    // Commits without any file to read, such as one that changed a link to another link.
    examination.advance();
    repo.git.read_blobs(&repo.remote, &wanted, &mut |content| {
        examination.read.push_back(Rc::new(FileVersion::new(content)));
        examination.advance();
    })?;
    Ok(examination.checked)
}

fn promotion_of(summary: &CommitSummary, is_wanted: &dyn Fn(&Promotion) -> bool) -> Option<Promotion> {
    Promotion::from_trailers(summary).filter(is_wanted)
}

/// The versions of files that have to be read, in the order in which the examination takes them. The version before a commit is
/// mostly the one after the next older commit, and read once.
fn wanted_versions(commits: &[LoggedCommit]) -> Vec<BlobId> {
    let (mut last, mut wanted) = (BTreeMap::<&str, &BlobId>::new(), Vec::new());
    for FileChange { path, before, after } in commits.iter().flat_map(|commit| &commit.changes) {
        wanted.extend(after.iter().filter(|after| last.get(path.as_str()) != Some(after)).cloned());
        wanted.extend(before.iter().cloned());
        match before {
            Some(before) => last.insert(path, before),
            None => last.remove(path.as_str()),
        };
    }
    wanted
}

/// Goes through commits while git reads the versions of their files.
struct Examination<'e> {
    repo: &'e InfraRepo,
    is_wanted: &'e dyn Fn(&Promotion) -> bool,
    owners: Owners<'e>,
    visit: &'e mut dyn FnMut(&ExaminedChange<'_>, &[FileClaim<'_>]),
    merged: MergedCommits,
    left: std::vec::IntoIter<LoggedCommit>,
    open: Option<OpenCommit>,
    /// Versions that were read and not taken yet.
    read: VecDeque<Rc<FileVersion>>,
    /// The version of each path that was taken last.
    last: BTreeMap<String, (BlobId, Rc<FileVersion>)>,
    missing: &'e mut MissingFiles,
    checked: CheckedClaims,
}

/// A commit some of whose files were not read yet.
struct OpenCommit {
    commit: LoggedCommit,
    claims: Vec<Claim>,
    /// How many of its changes were examined.
    examined: usize,
}

impl Examination<'_> {
    /// Goes on as far as the versions that were read allow.
    fn advance(&mut self) {
        while let Some(mut open) = self.open.take().or_else(|| self.left.next().map(|commit| self.open(commit))) {
            if !self.examine(&mut open) {
                self.open = Some(open);
                return;
            }
            self.close(open);
        }
    }

    fn open(&mut self, commit: LoggedCommit) -> OpenCommit {
        let claim = |summary: &CommitSummary, brought: Option<CommitSummary>| {
            let promotion = promotion_of(summary, self.is_wanted)?;
            let files = self.repo.layout.all_files(&promotion.service, &promotion.environment);
            Some(Claim { promotion, files, brought, results: Vec::new() })
        };
        let mut claims: Vec<Claim> = claim(&commit.summary, None).into_iter().collect();
        let brought = self.merged.remove(&commit.summary.commit).unwrap_or_default();
        claims.extend(brought.into_iter().filter_map(|commit| claim(&commit, Some(commit.clone()))));
        OpenCommit { commit, claims, examined: 0 }
    }

    /// Examines the changes whose versions were read; whether these are all.
    fn examine(&mut self, OpenCommit { commit, claims, examined }: &mut OpenCommit) -> bool {
        for FileChange { path, before, after } in &commit.changes[*examined..] {
            let cached = self.last.get(path).filter(|(id, _)| Some(id) == after.as_ref());
            let cached = cached.map(|(_, version)| Rc::clone(version));
            let missing = usize::from(after.is_some() && cached.is_none()) + usize::from(before.is_some());
            if self.read.len() < missing {
                return false;
            }
            *examined += 1;
            let mut next = |id: &Option<BlobId>| match id {
                Some(_) => self.read.pop_front().unwrap_or_else(|| Rc::new(FileVersion::no_file())),
                None => Rc::new(FileVersion::no_file()),
            };
            let after = cached.unwrap_or_else(|| next(after));
            let version = next(before);
            match before {
                Some(id) => drop(self.last.insert(path.clone(), (id.clone(), Rc::clone(&version)))),
                None => drop(self.last.remove(path)),
            }
            for owned in self.owned_files(claims, path) {
                let (before, after) = (version.images(&owned.file.image), after.images(&owned.file.image));
                let changed = ExaminedChange { commit, owned: &owned, before, after };
                for claim in claims.iter_mut().filter(|claim| claim.files.contains(&owned)) {
                    let result = check_claim(self.repo, claim, &changed);
                    claim.results.push((owned.clone(), result));
                }
                let about = claims.iter().filter_map(|claim| claim.about_file(&owned));
                (self.visit)(&changed, &about.collect::<Vec<_>>());
            }
        }
        true
    }

    /// Whose images the file at a path has in the commit that is examined. The file of an earlier layout counts only while none of
    /// the present files existed: it deployed nothing since.
    fn owned_files(&self, claims: &[Claim], path: &str) -> Vec<OwnedFile> {
        let claimed =
            claims.iter().flat_map(|claim| claim.files.iter().filter(|owned| owned.file.path == path).cloned());
        let mut files: Vec<OwnedFile> = Vec::new();
        for owned in claimed.chain((self.owners)(path)) {
            let OwnedFile { service, environment, is_former, .. } = &owned;
            let present = self.repo.layout.files(service, environment);
            let counts = !is_former || present.iter().all(|file| self.missing.contains(&file.path));
            if counts && !files.contains(&owned) {
                files.push(owned);
            }
        }
        files
    }

    /// Records what the claims of a commit are worth, and drops the commit.
    fn close(&mut self, OpenCommit { commit: LoggedCommit { summary, parents, changes, .. }, claims, .. }: OpenCommit) {
        let is_merge = parents.len() > 1;
        let mut proven: Vec<Vec<EntryChange>> = Vec::new();
        for FileChange { path, before, .. } in changes {
            match before {
                Some(_) => drop(self.missing.remove(&path)),
                None => drop(self.missing.insert(path)),
            }
        }
        for Claim { promotion, brought, results, .. } in claims {
            match Claim::changes(results) {
                // Two messages of one merge about the same change: it is one promotion.
                Ok(changes) if proven.contains(&changes) => {}
                Ok(changes) => {
                    if is_merge {
                        proven.push(changes.clone());
                    }
                    let (commit, committed_at) = (summary.commit.clone(), summary.at);
                    self.checked.entries.push(LedgerEntry { commit, committed_at, promotion, changes });
                }
                Err(why) => {
                    // The merge's time: that of the commit is from before it came to the branch.
                    let commit =
                        brought.map_or_else(|| summary.clone(), |commit| CommitSummary { at: summary.at, ..commit });
                    self.checked.unproven.push(UnprovenClaim { commit, promotion, why });
                }
            }
        }
    }
}

fn check_claim(repo: &InfraRepo, claim: &Claim, changed: &ExaminedChange<'_>) -> ClaimResult {
    let unreadable = |why: &str| Unproven::Unreadable(why.to_owned());
    let before = changed.before.entries().map_err(unreadable)?;
    let after = changed.after.entries().map_err(unreadable)?;
    let proven =
        prove(&claim.promotion, &changed.owned.file, before, after, repo.images.get(&claim.promotion.service))?;
    // Of several files, some may have had another image before.
    let is_only = claim.files.iter().filter(|owned| !owned.is_former).count() < 2;
    if is_only && !proven.had_previous { Err(proven.differing()) } else { Ok(proven) }
}
