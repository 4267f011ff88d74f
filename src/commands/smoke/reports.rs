//! Reads the reports that the command wrote: files of an earlier run are stale.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    slice,
};

use super::{test_file, test_reports::TestReports};
use crate::{
    finding::Finding,
    world::files::{self, Glob},
};

/// The largest report in bytes.
const LARGEST: u64 = 64 << 20;
/// The most files, and the most tests in all of them.
const MOST_FILES: usize = 1000;
const MOST_TESTS: usize = 100_000;

/// The files that matched the patterns before the command ran. A report that is still the same file afterwards is stale,
/// whatever its modification time.
#[derive(Debug)]
pub struct ReportSnapshot {
    root: PathBuf,
    patterns: Vec<Glob>,
    stamps: HashMap<PathBuf, FileStamp>,
}

/// What changes whenever a file is written. The ctime is left out: it also changes with the owner, for example when a step
/// runs `chown` after a container wrote the file.
#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl FileStamp {
    fn read(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        let modified = (file.mtime(), file.mtime_nsec());
        Some(Self { device: file.dev(), inode: file.ino(), bytes: file.size(), modified })
    }
}

impl ReportSnapshot {
    /// Records the files that match `patterns` now. The patterns are relative to `root`.
    ///
    /// # Errors
    /// A pattern that leads out of the workspace; a link or folder that cannot be read.
    pub fn take(root: &Path, patterns: &[Glob]) -> Result<Self, Finding> {
        let paths = if patterns.is_empty() { Vec::new() } else { files::find_existing(root, patterns)? };
        let stamps = paths.into_iter().filter_map(|path| Some((FileStamp::read(&root.join(&path))?, path)));
        let stamps = stamps.map(|(stamp, path)| (path, stamp)).collect();
        Ok(Self { root: root.to_owned(), patterns: patterns.to_vec(), stamps })
    }

    /// Reads the reports that were written since.
    pub fn read_new(&self) -> TestReports {
        let mut reports = TestReports::default();
        for pattern in self.patterns.iter().filter(|pattern| !pattern.removes()) {
            let reason = match files::find(&self.root, slice::from_ref(pattern)) {
                Ok(found) if found.is_empty() => "it contains no file".to_owned(),
                Ok(_) => continue,
                Err(finding) => finding.actual,
            };
            reports.unusable.push(
                Finding::inconclusive("`junit`")
                    .actual(format!("the command wrote no report at {pattern}: {reason}"))
                    .expected("a report of the tests there")
                    .next("have the tests write it; the path is relative to the workspace, not to `working-directory`"),
            );
        }
        match files::find_existing(&self.root, &self.patterns) {
            Ok(paths) if paths.len() > MOST_FILES => reports.unusable.push(too_much(&format!("{} files", paths.len()))),
            Ok(paths) => self.add(&mut reports, &paths),
            Err(finding) => reports.unusable.push(finding),
        }
        reports
    }

    fn add(&self, reports: &mut TestReports, paths: &[PathBuf]) {
        let mut tests = 0;
        for path in paths {
            let name = path.display().to_string();
            let whole = self.root.join(path);
            if self.stamps.get(path).is_some_and(|before| FileStamp::read(&whole).as_ref() == Some(before)) {
                reports.stale.push(name);
                continue;
            }
            let read = files::read_bounded(&whole, LARGEST)
                .and_then(|bytes| test_file::read(&bytes).map_err(|error| test_file::invalid_report(&name, &error)));
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

fn too_much(actual: &str) -> Finding {
    Finding::inconclusive("`junit`")
        .actual(actual)
        .expected(format!("at most {MOST_FILES} files and {MOST_TESTS} tests"))
        .next("name the reports of the smoke tests alone")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::files::write_atomically;

    const ONE: &str = "<testsuite><testcase name='a'/></testsuite>";

    fn globs(lines: &[&str]) -> Vec<Glob> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    /// Reads the reports that match `lines`, in a folder with the files `before`, after `run` changed it. Returns the valid
    /// reports, the stale ones, and the findings.
    fn read(
        lines: &[&str],
        before: &[(&str, &str)],
        run: impl FnOnce(&Path),
    ) -> (Vec<String>, Vec<String>, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in before {
            write_atomically(&root.path().join(path), text.as_bytes()).unwrap();
        }
        let snapshot = ReportSnapshot::take(root.path(), &globs(lines)).unwrap();
        run(root.path());
        let TestReports { read, stale, unusable } = snapshot.read_new();
        let findings = unusable.iter().map(ToString::to_string).collect();
        (read.into_iter().map(|(name, _)| name).collect(), stale, findings)
    }

    fn write(path: &str, text: &str) -> impl FnOnce(&Path) {
        move |root| fs::write(root.join(path), text).unwrap()
    }

    #[test]
    fn new_reports_are_read_and_earlier_ones_are_stale() {
        let old = [("r/a.xml", ONE), ("r/b.xml", ONE)];
        let (read_, stale, findings) = read(&["r/*.xml"], &old, |root| {
            write("r/b.xml", "<testsuite><testcase name='b'/><testcase name='c'/></testsuite>")(root);
            write("r/c.xml", ONE)(root);
        });
        assert_eq!((read_, stale), (vec!["r/b.xml".to_owned(), "r/c.xml".to_owned()], vec!["r/a.xml".to_owned()]));
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn a_rewritten_report_with_the_same_content_is_new() {
        let replaced = |root: &Path| write_atomically(&root.join("a.xml"), ONE.as_bytes()).unwrap();
        let rewritten = |root: &Path| {
            write("a.xml", ONE)(root);
            // On a file system with a coarse clock, the modification time may be the same as before.
            let file = fs::File::options().write(true).open(root.join("a.xml")).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
        };
        assert_eq!(read(&["a.xml"], &[("a.xml", ONE)], replaced).0, ["a.xml"]);
        assert_eq!(read(&["a.xml"], &[("a.xml", ONE)], rewritten).0, ["a.xml"]);
    }

    #[test]
    fn a_changed_mode_leaves_a_report_stale() {
        use std::os::unix::fs::PermissionsExt as _;
        let moded = |root: &Path| fs::set_permissions(root.join("a.xml"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&["a.xml"], &[("a.xml", ONE)], moded).1, ["a.xml"]);
    }

    #[test]
    fn each_missing_or_broken_report_is_a_finding() {
        let (read_, _, findings) = read(&["a.xml", "no/*.xml", "empty"], &[], |root| {
            write("a.xml", "<testsuite><testcase")(root);
            fs::create_dir(root.join("empty")).unwrap();
        });
        assert_eq!(read_, [""; 0]);
        for (finding, part) in findings.iter().zip([
            "wrote no report at no/*.xml: it names no file; the workspace has a.xml, empty",
            "wrote no report at empty: it contains no file",
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
    fn too_many_tests_in_several_files_are_a_finding() {
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
        let error = ReportSnapshot::take(root.path(), &globs(&["/nowhere/else.xml"])).unwrap_err();
        assert!(error.actual.contains("leads out"));
    }
}
