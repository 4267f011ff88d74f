//! The infra repository: a bare git repository with kustomizations of a few services, and clones of it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The branch with the deployed state.
pub const BRANCH: &str = "main";
/// The services of the example shop.
pub const SERVICES: [&str; 5] =
    ["checkout-service", "catalog-service", "inventory-service", "payments-service", "frontend"];
/// The first tag of every service, in both environments.
pub const FIRST_TAG: &str = "1.4.1";
/// The environments of every service.
pub const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

/// The repository. The caller owns the folder and removes it.
pub struct Infra {
    folder: PathBuf,
    bare: PathBuf,
}

impl Infra {
    /// Creates `infra.git` in `folder` with one commit on [`BRANCH`]: `apps/<service>/base` and, for each environment,
    /// `apps/<service>/overlays/<environment>/kustomization.yaml`.
    ///
    /// # Errors
    /// When a file cannot be written, git is not installed, or git fails.
    pub fn create(folder: &Path, services: &[&str]) -> io::Result<Self> {
        let infra = Self::at(folder);
        let tree = tempfile::tempdir_in(folder)?;
        for service in services {
            write_service(tree.path(), service)?;
        }
        fs::write(tree.path().join("README.md"), README)?;
        infra.git(folder, ["init", "--quiet", "--bare", "--initial-branch", BRANCH, "infra.git"])?;
        // The work tree is a folder outside, so that the repository stays bare.
        for command in [&["add", "--all"][..], &["commit", "--quiet", "--message", "The shop as it runs today"]] {
            let locations = ["--git-dir", "../infra.git", "--work-tree", "."];
            infra.git(tree.path(), locations.iter().chain(command).copied())?;
        }
        // A bare repository has no index; the commit above leaves one behind.
        fs::remove_file(infra.bare.join("index"))?;
        Ok(infra)
    }

    /// Opens the repository in `folder`: a copy of one that was created before.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), bare: folder.join("infra.git") }
    }

    /// The path of the bare repository, which git also accepts as its address.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.bare
    }

    /// Clones [`BRANCH`] into a new folder.
    ///
    /// # Errors
    /// When git fails.
    pub fn clone_to(&self, to: &Path) -> io::Result<()> {
        let [from, to] = [&self.bare, to].map(Path::as_os_str);
        self.git(&self.folder, ["clone".as_ref(), "--quiet".as_ref(), "--branch".as_ref(), BRANCH.as_ref(), from, to])?;
        Ok(())
    }

    /// Reads a file at the tip of [`BRANCH`], by its path in the repository.
    ///
    /// # Errors
    /// When the file does not exist, or git fails.
    pub fn read(&self, path: &str) -> io::Result<String> {
        self.git(&self.bare, ["show".to_owned(), format!("{BRANCH}:{path}")])
    }

    /// The messages of [`BRANCH`]'s commits, newest first.
    ///
    /// # Errors
    /// When git fails.
    pub fn messages(&self) -> io::Result<Vec<String>> {
        let log = self.git(&self.bare, ["log", "-z", "--format=%B", BRANCH])?;
        Ok(log.split_terminator('\0').map(|message| message.trim().to_owned()).collect())
    }

    /// The last commit of a branch; `None` if there is no such branch.
    #[must_use]
    pub fn tip_of(&self, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        let tip = self.git(&self.bare, ["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).ok()?;
        Some(tip.trim().to_owned())
    }

    /// The commits of a branch that another one does not have, oldest first.
    ///
    /// # Errors
    /// When git fails.
    pub fn commits_ahead(&self, base: &str, branch: &str) -> io::Result<Vec<String>> {
        let range = format!("refs/heads/{base}..refs/heads/{branch}");
        let commits = self.git(&self.bare, ["rev-list", "--reverse", &range, "--"])?;
        Ok(commits.lines().map(ToOwned::to_owned).collect())
    }

    /// The message of the last commit of a branch.
    ///
    /// # Errors
    /// When git fails.
    pub fn message_of(&self, branch: &str) -> io::Result<String> {
        let name = format!("refs/heads/{branch}");
        self.git(&self.bare, ["log", "-1", "--format=%B", "--end-of-options", &name])
    }

    /// Merges a branch into another one, as GitHub's `merge`, `squash` or `rebase` does; returns the new commit of the base.
    ///
    /// # Errors
    /// When the changes conflict, or git fails.
    pub fn merge(&self, base: &str, branch: &str, method: &str, message: &str) -> io::Result<String> {
        let [base_ref, head_ref] = [base, branch].map(|name| format!("refs/heads/{name}"));
        let line = |text: String| text.lines().next().unwrap_or_default().to_owned();
        let parent = line(self.git(&self.bare, ["rev-parse", &base_ref])?);
        let tree = line(self.git(&self.bare, ["merge-tree", "--write-tree", &base_ref, &head_ref])?);
        // Of one commit, which is all that a promotion has, a rebase keeps the message.
        let kept = self.message_of(branch)?;
        let message = if method == "rebase" { kept.trim() } else { message };
        let mut arguments = vec!["commit-tree", &tree, "-m", message, "-p", &parent];
        if method == "merge" {
            arguments.extend(["-p", &head_ref]);
        }
        let commit = line(self.git(&self.bare, arguments)?);
        self.git(&self.bare, ["update-ref", &base_ref, &commit, &parent])?;
        Ok(commit)
    }

    /// Whether there is an object of this kind: `tree`, `commit`.
    #[must_use]
    pub fn has(&self, kind: &str, id: &str) -> bool {
        let peeled = format!("{id}^{{{kind}}}");
        self.git(&self.bare, ["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled]).is_ok()
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// When there is no such commit.
    pub fn tree_of(&self, commit: &str) -> io::Result<String> {
        let peeled = format!("{commit}^{{tree}}");
        let id = self.git(&self.bare, ["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled])?;
        Ok(id.trim().to_owned())
    }

    /// Writes a file's content; returns its id.
    ///
    /// # Errors
    /// When git fails.
    pub fn write_blob(&self, text: &str) -> io::Result<String> {
        let id = self.run(&self.bare, ["hash-object", "-w", "--stdin"], &[], text)?;
        Ok(id.trim().to_owned())
    }

    /// Writes a tree: that of `base`, with other files, each as mode, id and path; returns its id.
    ///
    /// # Errors
    /// When git fails.
    pub fn write_tree(&self, base: Option<&str>, files: &[(String, String, String)]) -> io::Result<String> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let index = folder.path().join("index").display().to_string();
        let run = |arguments: &[&str]| self.run(&self.bare, arguments, &[("GIT_INDEX_FILE", &index)], "");
        if let Some(base) = base {
            run(&["read-tree", base])?;
        }
        for (mode, id, path) in files {
            run(&["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{path}")])?;
        }
        Ok(run(&["write-tree"])?.trim().to_owned())
    }

    /// The entries of a tree, each as mode, kind, id and name.
    ///
    /// # Errors
    /// When git fails.
    pub fn list_tree(&self, tree: &str) -> io::Result<Vec<[String; 4]>> {
        let listed = self.git(&self.bare, ["ls-tree", "-z", tree])?;
        let entry = |line: &str| {
            let (meta, name) = line.split_once('\t')?;
            let mut words = meta.split(' ').map(ToOwned::to_owned);
            Some([words.next()?, words.next()?, words.next()?, name.to_owned()])
        };
        Ok(listed.split_terminator('\0').filter_map(entry).collect())
    }

    /// Makes a commit by GitHub that no branch has; returns its id.
    ///
    /// # Errors
    /// When git fails.
    pub fn write_commit(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
        (name, email): (&str, &str),
    ) -> io::Result<String> {
        let arguments = parents.iter().flat_map(|parent| ["-p", *parent]);
        let arguments = ["commit-tree", tree].into_iter().chain(arguments);
        let people = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", "GitHub"),
            ("GIT_COMMITTER_EMAIL", "noreply@github.com"),
        ];
        Ok(self.run(&self.bare, arguments, &people, message)?.trim().to_owned())
    }

    /// Moves a branch to a commit. `false`: that would drop commits of the branch, or another writer moved it meanwhile.
    ///
    /// # Errors
    /// When there is no such branch.
    pub fn move_branch(&self, branch: &str, to: &str) -> io::Result<bool> {
        let tip = self.tip_of(branch).ok_or_else(|| io::Error::other("no such branch"))?;
        if self.git(&self.bare, ["merge-base", "--is-ancestor", &tip, to]).is_err() {
            return Ok(false);
        }
        Ok(self.git(&self.bare, ["update-ref", &format!("refs/heads/{branch}"), to, &tip]).is_ok())
    }

    /// The paths that a branch changes since it left another one.
    ///
    /// # Errors
    /// When git fails.
    pub fn changed_paths(&self, base: &str, branch: &str) -> io::Result<Vec<String>> {
        let range = format!("refs/heads/{base}...refs/heads/{branch}");
        let paths = self.git(&self.bare, ["diff", "--name-only", "-z", &range, "--"])?;
        Ok(paths.split_terminator('\0').map(ToOwned::to_owned).collect())
    }

    /// Runs git without the configuration of the user, the system or the current repository.
    fn git(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
    ) -> io::Result<String> {
        self.run(folder, arguments, &[], "")
    }

    /// The same with more variables, and an input.
    fn run(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
        variables: &[(&str, &str)],
        input: &str,
    ) -> io::Result<String> {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(folder);
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for variable in REDIRECTING {
            git.env_remove(variable);
        }
        git.env("HOME", &self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C");
        for (name, email) in [("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"), ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")] {
            git.env(name, "Platform").env(email, "platform@shop.invalid");
        }
        git.envs(variables.iter().copied());
        let cannot_run = |error: io::Error| io::Error::new(error.kind(), format!("cannot run git: {error}"));
        let mut child = git.spawn().map_err(cannot_run)?;
        // Git reads all of its input before it prints.
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("git ended with {}: {}", output.status, message.trim())));
        }
        String::from_utf8(output.stdout).map_err(io::Error::other)
    }
}

/// Environment variables that point git to another repository, configuration or program: those that
/// `git rev-parse --local-env-vars` lists, and related ones.
const REDIRECTING: [&str; 22] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_SYSTEM",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
    "XDG_CONFIG_HOME",
];

const README: &str = "# What runs where\n\nOne folder per service; a promotion changes one image in one overlay.\n";

fn write_service(tree: &Path, service: &str) -> io::Result<()> {
    let app = tree.join("apps").join(service);
    write(&app.join("base/kustomization.yaml"), &base(service))?;
    write(&app.join("base/deployment.yaml"), &deployment(service))?;
    for environment in ENVIRONMENTS {
        write(&app.join("overlays").join(environment).join("kustomization.yaml"), &overlay(service, environment))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

fn base(service: &str) -> String {
    format!(
        "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
labels:
  - pairs:
      app.kubernetes.io/name: {service}
    includeSelectors: true
resources:
  - deployment.yaml
"
    )
}

fn deployment(service: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {service}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: {service}
          image: {service} # which one: see the overlays
          readinessProbe:
            httpGet: {{ path: /health/ready, port: 8080 }}
"
    )
}

fn overlay(service: &str, environment: &str) -> String {
    let replicas = if environment == "production" { 4 } else { 1 };
    format!(
        "\
# {service} in {environment}. The image is set by promotions; everything else is changed by hand, in a pull request.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {environment}

resources:
  - ../../base

images:
  - name: {service}
    newName: ghcr.io/acme/{service} # our own registry, never a mirror
    newTag: {FIRST_TAG}

replicas:
  - name: {service}
    count: {replicas} # agreed with the platform team
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_an_image_in_every_environment() {
        let folder = tempfile::tempdir().unwrap();
        let infra = Infra::create(folder.path(), &SERVICES).unwrap();
        for service in SERVICES {
            for environment in ENVIRONMENTS {
                let overlay = infra.read(&format!("apps/{service}/overlays/{environment}/kustomization.yaml")).unwrap();
                assert!(overlay.contains(&format!("newName: ghcr.io/acme/{service} #")), "{overlay}");
                assert!(overlay.contains("newTag: 1.4.1\n"), "{overlay}");
            }
            assert!(infra.read(&format!("apps/{service}/base/deployment.yaml")).unwrap().contains("readinessProbe"));
        }
        assert!(infra.read("apps/unknown/base/deployment.yaml").is_err());
        assert_eq!(infra.messages().unwrap(), ["The shop as it runs today"]);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["infra.git"], "no other file is left");
    }

    #[test]
    fn a_push_from_a_clone_arrives_in_the_bare_repository() {
        let folder = tempfile::tempdir().unwrap();
        let infra = Infra::create(folder.path(), &["frontend"]).unwrap();
        let clone = folder.path().join("clone");
        infra.clone_to(&clone).unwrap();
        assert_eq!(infra.git(&clone, ["status", "--porcelain", "--branch"]).unwrap(), "## main...origin/main\n");
        infra.git(&clone, ["commit", "--quiet", "--allow-empty", "--message", "a change"]).unwrap();
        infra.git(&clone, ["push", "--quiet", "origin", "main"]).unwrap();
        assert_eq!(infra.messages().unwrap(), ["a change", "The shop as it runs today"]);
        let again = infra.clone_to(&clone).unwrap_err().to_string();
        assert!(again.contains("already exists"), "{again}");
    }
}
