//! The JUnit files of a run: only those that it wrote itself.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    slice,
};

use super::{judge::Reports, junit};
use crate::{
    finding::Finding,
    world::files::{self, Glob},
};

/// The largest report that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// The most files, and the most tests in all of them.
const MOST_FILES: usize = 1000;
const MOST_TESTS: usize = 100_000;

/// The files that stood at the reports' places before the run. A report that is the same file afterwards is one of an
/// earlier run, whatever the clocks say.
#[derive(Debug)]
pub struct Before {
    root: PathBuf,
    patterns: Vec<Glob>,
    stamps: HashMap<PathBuf, Stamp>,
}

/// What changes whenever a file is written. The time of its last change of state is left out: that one also moves when
/// somebody gives the folder to another user, as is done after a container wrote there.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        let modified = (file.mtime(), file.mtime_nsec());
        Some(Self { device: file.dev(), inode: file.ino(), bytes: file.size(), modified })
    }
}

impl Before {
    /// Looks at what is there now. `patterns` are relative to `root`.
    ///
    /// # Errors
    /// A pattern that could never name a report: it leads out of the workspace; a link or folder that cannot be read.
    pub fn see(root: &Path, patterns: &[Glob]) -> Result<Self, Finding> {
        let paths = if patterns.is_empty() { Vec::new() } else { files::present(root, patterns)? };
        let stamps = paths.into_iter().filter_map(|path| Some((Stamp::of(&root.join(&path))?, path)));
        let stamps = stamps.map(|(stamp, path)| (path, stamp)).collect();
        Ok(Self { root: root.to_owned(), patterns: patterns.to_vec(), stamps })
    }

    /// Whether there are reports to be read at all.
    pub fn expects(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Reads what the run wrote.
    pub fn read(&self) -> Reports {
        let mut reports = Reports::default();
        for pattern in self.patterns.iter().filter(|pattern| !pattern.removes()) {
            let seen = match files::find(&self.root, slice::from_ref(pattern)) {
                Ok(found) if found.is_empty() => "there is no file in it".to_owned(),
                Ok(_) => continue,
                Err(finding) => finding.actual,
            };
            reports.unusable.push(
                Finding::inconclusive("`junit`")
                    .actual(format!("the command wrote no report at {pattern}: {seen}"))
                    .expected("a JUnit XML report there")
                    .next("have the tests write it; the path is relative to the workspace, not to `working-directory`"),
            );
        }
        match files::present(&self.root, &self.patterns) {
            Ok(paths) if paths.len() > MOST_FILES => reports.unusable.push(too_much(&format!("{} files", paths.len()))),
            Ok(paths) => self.add(&mut reports, &paths),
            Err(finding) => reports.unusable.push(finding),
        }
        reports
    }

    fn add(&self, reports: &mut Reports, paths: &[PathBuf]) {
        let mut tests = 0;
        for path in paths {
            let name = path.display().to_string();
            let whole = self.root.join(path);
            if self.stamps.get(path).is_some_and(|before| Stamp::of(&whole).as_ref() == Some(before)) {
                reports.stale.push(name);
                continue;
            }
            let read = files::read_bounded(&whole, LARGEST)
                .and_then(|bytes| junit::read(&bytes).map_err(|problem| problem.to_finding(&name)));
            match read {
                Ok(suite) => {
                    tests += suite.cases.len();
                    if tests > MOST_TESTS {
                        return reports.unusable.push(too_much(&format!("more than {MOST_TESTS} tests")));
                    }
                    reports.read.push((name, suite));
                }
                Err(finding) => reports.unusable.push(finding),
            }
        }
    }
}

fn too_much(seen: &str) -> Finding {
    Finding::inconclusive("`junit`")
        .actual(seen)
        .expected(format!("at most {MOST_FILES} files and {MOST_TESTS} tests"))
        .next("name the reports of the smoke tests alone")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::files::write_whole;

    const ONE: &str = "<testsuite><testcase name='a'/></testsuite>";

    fn globs(lines: &[&str]) -> Vec<Glob> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    /// What is read by `lines` in a folder that held `before`, after `run` has been there: files read, stale, complaints.
    fn read(
        lines: &[&str],
        before: &[(&str, &str)],
        run: impl FnOnce(&Path),
    ) -> (Vec<String>, Vec<String>, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in before {
            write_whole(&root.path().join(path), text.as_bytes()).unwrap();
        }
        let before = Before::see(root.path(), &globs(lines)).unwrap();
        run(root.path());
        let Reports { read, stale, unusable } = before.read();
        let findings = unusable.iter().map(ToString::to_string).collect();
        (read.into_iter().map(|(name, _)| name).collect(), stale, findings)
    }

    fn write(path: &str, text: &str) -> impl FnOnce(&Path) {
        move |root| fs::write(root.join(path), text).unwrap()
    }

    #[test]
    fn what_the_run_wrote_is_read_and_what_stood_there_is_not() {
        let old = [("r/a.xml", ONE), ("r/b.xml", ONE)];
        let (read_, stale, findings) = read(&["r/*.xml"], &old, |root| {
            write("r/b.xml", "<testsuite><testcase name='b'/><testcase name='c'/></testsuite>")(root);
            write("r/c.xml", ONE)(root);
        });
        assert_eq!((read_, stale), (vec!["r/b.xml".to_owned(), "r/c.xml".to_owned()], vec!["r/a.xml".to_owned()]));
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn a_file_written_anew_counts_though_it_says_the_same() {
        let replaced = |root: &Path| write_whole(&root.join("a.xml"), ONE.as_bytes()).unwrap();
        let rewritten = |root: &Path| {
            write("a.xml", ONE)(root);
            // Where the file system's clock is coarse, no time may have passed since it was staged.
            let file = fs::File::options().write(true).open(root.join("a.xml")).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        };
        assert_eq!(read(&["a.xml"], &[("a.xml", ONE)], replaced).0, ["a.xml"]);
        assert_eq!(read(&["a.xml"], &[("a.xml", ONE)], rewritten).0, ["a.xml"]);
    }

    #[test]
    fn another_mode_makes_no_new_report() {
        use std::os::unix::fs::PermissionsExt as _;
        let moded = |root: &Path| fs::set_permissions(root.join("a.xml"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&["a.xml"], &[("a.xml", ONE)], moded).1, ["a.xml"]);
    }

    #[test]
    fn what_is_missing_or_broken_is_a_complaint_each() {
        let (read_, _, findings) = read(&["a.xml", "no/*.xml", "empty"], &[], |root| {
            write("a.xml", "<testsuite><testcase")(root);
            fs::create_dir(root.join("empty")).unwrap();
        });
        assert_eq!(read_, [""; 0]);
        for (finding, part) in findings.iter().zip([
            "wrote no report at no/*.xml: it names no file; the workspace has a.xml, empty",
            "wrote no report at empty: there is no file in it",
            "a.xml: ",
        ]) {
            assert!(finding.contains(part), "{part} in {finding}");
        }
        assert_eq!(findings.len(), 3);
    }

    #[test]
    fn too_many_files_are_not_read() {
        let (read_, _, findings) = read(&["*.xml"], &[], |root| {
            for number in 0..=MOST_FILES {
                write(&format!("{number}.xml"), ONE)(root);
            }
        });
        assert_eq!((read_.len(), findings.len()), (0, 1));
        assert!(findings[0].contains("1001 files"), "{findings:?}");
    }

    #[test]
    fn too_many_tests_in_several_files_are_a_complaint() {
        let half = format!("<testsuite>{}</testsuite>", "<testcase name='a'/>".repeat(MOST_TESTS / 2 + 1));
        let (read_, _, findings) = read(&["*.xml"], &[], |root| {
            write("1.xml", &half)(root);
            write("2.xml", &half)(root);
        });
        assert_eq!(read_, ["1.xml"]);
        assert!(findings[0].contains("more than 100000 tests"), "{findings:?}");
    }

    #[test]
    fn a_pattern_that_leads_out_is_refused_before_the_run() {
        let root = tempfile::tempdir().unwrap();
        assert!(Before::see(root.path(), &globs(&["/nowhere/else.xml"])).unwrap_err().actual.contains("leads out"));
        assert!(!Before::see(root.path(), &[]).unwrap().expects());
    }
}
