//! The files that differ between two commits.

use super::{checkout::Git, commits::FileChange, log::parse_change};
use crate::{finding::Finding, subject::Commit};

impl Git {
    /// The files that differ between two commits, which the checkout must have. A file that was moved is one that was removed and
    /// one that was added.
    ///
    /// # Errors
    /// Git failed.
    pub fn changes_between(&self, from: &Commit, to: &Commit) -> Result<Vec<FileChange>, Finding> {
        const CHECK: &str = "git diff-tree";
        let diff = self.program().args(["diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev"]);
        let diff = diff.args(["--ignore-submodules=none", from.as_str(), to.as_str(), "--"]);
        // A partial clone may fetch the folders.
        let output = self.successful_output(CHECK, self.run(&diff, self.remote_timeout())?)?;
        parse_changes(&output).map_err(|text| Finding::inconclusive(CHECK).actual(self.sanitize(&text)))
    }
}

/// `:<modes and ids> NUL <path> NUL`, for each file; <https://git-scm.com/docs/git-diff-tree#_raw_output_format>.
fn parse_changes(output: &[u8]) -> Result<Vec<FileChange>, String> {
    let mut changes = Vec::new();
    let mut tokens = output.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    while let Some(meta) = tokens.next() {
        if meta.is_empty() && tokens.next().is_none() {
            break;
        }
        let blobs = meta.strip_prefix(':').and_then(parse_change);
        let (Some((before, after)), Some(path)) = (blobs, tokens.next().filter(|path| !path.is_empty())) else {
            return Err(meta.chars().take(200).collect());
        };
        changes.push(FileChange { path: path.into_owned(), before, after });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_versions() {
        let (a, b, none) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let output = format!(
            ":100644 100644 {a} {b} M\0x y.yaml\0:000000 100755 {none} {b} A\0new\0:120000 000000 {a} {none} D\0link\0\
             :100644 160000 {a} {b} T\0module\0"
        );
        let changes = parse_changes(output.as_bytes()).unwrap();
        let shown = |change: &FileChange| {
            let has = [&change.before, &change.after].map(Option::is_some);
            (change.path.clone(), has)
        };
        let expected =
            [("x y.yaml", [true, true]), ("new", [false, true]), ("link", [true, false]), ("module", [true, false])];
        assert_eq!(changes.iter().map(shown).collect::<Vec<_>>(), expected.map(|(path, has)| (path.to_owned(), has)));
        assert_eq!(parse_changes(b""), Ok(Vec::new()));
        for other in ["fatal: no\0", ":1 2 3\0x\0", &format!(":100644 100644 {a} {b} M\0"), "\0x\0"] {
            assert!(parse_changes(other.as_bytes()).is_err(), "{other:?}");
        }
    }
}
