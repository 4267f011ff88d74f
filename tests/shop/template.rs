//! Repositories that are made once in a test process and copied for each test: a copy is a few files, where git would start
//! a dozen processes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use promote_gates::sandbox::infra::Infra;

use super::{ago, dated, git};
use crate::house::temp_dir;

/// The content of a folder by path: `None` for a directory, the bytes of a file.
struct Folder(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Folder {
    fn read(folder: &Path) -> Self {
        let entries = walkdir::WalkDir::new(folder).into_iter().map(|entry| {
            let entry = entry.unwrap();
            let bytes = entry.file_type().is_file().then(|| fs::read(entry.path()).unwrap());
            (entry.path().strip_prefix(folder).unwrap().to_owned(), bytes)
        });
        Self(entries.collect())
    }

    fn write(&self, to: &Path) {
        // A directory sorts before what it holds.
        for (path, bytes) in &self.0 {
            match bytes {
                None => fs::create_dir_all(to.join(path)).unwrap(),
                Some(bytes) => fs::write(to.join(path), bytes).unwrap(),
            }
        }
    }
}

/// Settings of the copies: git does no more than a test needs, and nothing in the background.
const SETTINGS: &str = "[core]\n\tfsync = none\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n";

/// A placeholder in a checkout's configuration for the URL of its repository.
const REMOTE: &str = "@remote@";

/// An infra repository with one commit, and checkouts of it.
pub struct Template {
    infra: Folder,
    /// The commit.
    pub first: String,
    /// By the options of `git clone`.
    checkouts: Mutex<BTreeMap<Vec<String>, Arc<Folder>>>,
}

impl Template {
    /// The template with these services.
    pub fn with_services(services: &[&str]) -> Arc<Self> {
        static ALL: Mutex<BTreeMap<Vec<String>, Arc<Template>>> = Mutex::new(BTreeMap::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(owned(services)).or_insert_with(|| Arc::new(Self::make(services))))
    }

    fn make(services: &[&str]) -> Self {
        let folder = temp_dir();
        let infra = Infra::create(folder.path(), services).unwrap();
        // Long ago, so that later commits can have any date since.
        let first = dated(infra.path(), Some(&ago(500)), &["commit-tree", "main^{tree}", "-m", "The shop"], "");
        for command in [&["update-ref", "refs/heads/main", &first][..], &["repack", "-adq"], &["prune", "--expire=now"]]
        {
            git(infra.path(), command);
        }
        // The sample hooks of git are not needed.
        for entry in fs::read_dir(infra.path().join("hooks")).into_iter().flatten() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        append(&infra.path().join("config"), SETTINGS);
        Self { infra: Folder::read(infra.path()), first, checkouts: Mutex::default() }
    }

    /// Writes the repository as `infra.git` into a folder.
    pub fn infra(&self, folder: &Path) -> Infra {
        self.infra.write(&folder.join("infra.git"));
        Infra::at(folder)
    }

    /// A checkout of `infra`, which was made from this template, in a folder that does not exist yet; `options` are those of
    /// `git clone`. `url` names the repository.
    pub fn checkout(&self, infra: &Infra, url: &str, options: &[&str], to: &Path) {
        let tip = fs::read_to_string(infra.path().join("refs/heads/main")).unwrap();
        if tip.trim_end() != self.first {
            clone(url, options, to);
            return;
        }
        let checkout = {
            let mut checkouts = self.checkouts.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(checkouts.entry(owned(options)).or_insert_with(|| Arc::new(self.cloned(options))))
        };
        checkout.write(to);
        let config = to.join(".git/config");
        fs::write(&config, fs::read_to_string(&config).unwrap().replace(REMOTE, url)).unwrap();
        // The index holds the inodes and times of other files.
        git(to, &["update-index", "-q", "--refresh"]);
    }

    fn cloned(&self, options: &[&str]) -> Folder {
        let folder = temp_dir();
        let infra = self.infra(folder.path());
        let to = folder.path().join("checkout");
        // From a path git would ignore `--depth`.
        clone(&format!("file://{}", infra.path().display()), options, &to);
        git(&to, &["config", "remote.origin.url", REMOTE]);
        append(&to.join(".git/config"), SETTINGS);
        Folder::read(&to)
    }
}

fn clone(url: &str, options: &[&str], to: &Path) {
    let to = to.display().to_string();
    git(Path::new("/"), &[&["clone", "-q", "--template="], options, &[url, &to]].concat());
}

fn append(config: &Path, settings: &str) {
    fs::write(config, fs::read_to_string(config).unwrap() + settings).unwrap();
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
