//! The contents of many files by one git process.

use std::ops::ControlFlow;

use super::{checkout::Git, commits::BlobId, names::TreePath, remote::Remote};
use crate::{finding::Finding, subject::Commit, world::process::ProcessStatus};

/// The largest file that is read into memory. A kustomization has a few kilobytes.
const MAX_SIZE: u64 = 4 << 20;
/// How many blobs one fetch asks for.
const FETCHED_AT_ONCE: usize = 10_000;

/// The content of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobContent {
    Bytes(Vec<u8>),
    /// More than is read into memory; its size in bytes.
    TooLarge(u64),
}

impl Git {
    /// Passes the contents of `ids`, in this order, to `receive`. One `git cat-file` reads them; a partial clone fetches those
    /// that it lacks before, in one request for many.
    ///
    /// # Errors
    /// A blob is missing, or could not be fetched.
    pub fn read_blobs(
        &self,
        remote: &Remote,
        ids: &[BlobId],
        receive: &mut dyn FnMut(BlobContent),
    ) -> Result<(), Finding> {
        if ids.is_empty() {
            return Ok(());
        }
        self.fetch_missing(remote, ids)?;
        let mut missing = None;
        let names = ids.iter().map(BlobId::as_str);
        self.read_batch(names, &mut |name, content| match content {
            Some(content) => receive(content),
            None => missing = missing.take().or(Some(name.to_owned())),
        })?;
        match missing {
            Some(name) => Err(Finding::inconclusive("git cat-file").actual(format!("no file {name}"))),
            None => Ok(()),
        }
    }

    /// The contents of many files, in the same order; `None` for a path without a regular file and for a file of more than
    /// 4 MiB. The checkout must hold the commit.
    ///
    /// # Errors
    /// Git failed.
    pub fn read_files(&self, commit: &Commit, paths: &[TreePath]) -> Result<Vec<Option<Vec<u8>>>, Finding> {
        let names: Vec<String> = paths.iter().map(|path| format!("{commit}:{path}")).collect();
        let mut read = Vec::with_capacity(paths.len());
        self.read_batch(names.iter().map(String::as_str), &mut |_, content| {
            read.push(match content {
                Some(BlobContent::Bytes(bytes)) => Some(bytes),
                Some(BlobContent::TooLarge(_)) | None => None,
            });
        })?;
        Ok(read)
    }

    /// Passes each name with its content to `receive`; `None` when no file has this name. No name contains a line break.
    fn read_batch<'a>(
        &self,
        names: impl Iterator<Item = &'a str> + Clone,
        receive: &mut dyn FnMut(&str, Option<BlobContent>),
    ) -> Result<(), Finding> {
        let input: String = names.clone().flat_map(|name| [name, "\n"]).collect();
        if input.is_empty() {
            return Ok(());
        }
        let cat = self.program().args(["cat-file", "--batch"]).stdin(input);
        let (mut parser, mut expected, mut failed) = (BatchParser::default(), names, None);
        self.stream("git cat-file", &cat, &mut |bytes| {
            let result = parser.feed(bytes, &mut |content| {
                if let Some(name) = expected.next() {
                    receive(name, content);
                }
            });
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(text) => {
                    failed = Some(text);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed.or_else(|| expected.next().map(|name| format!("no answer for {name}"))) {
            Some(text) => Err(Finding::inconclusive("git cat-file").actual(self.sanitize(&text))),
            None => Ok(()),
        }
    }

    /// Fetches blobs that a partial clone may lack. Git would send one request for each of them.
    fn fetch_missing(&self, remote: &Remote, ids: &[BlobId]) -> Result<(), Finding> {
        if !self.is_partial(remote)? {
            return Ok(());
        }
        for ids in ids.chunks(FETCHED_AT_ONCE) {
            let wanted: String = ids.iter().flat_map(|id| [id.as_str(), "\n"]).collect();
            // As git itself fetches what a partial clone lacks: negotiating about commits would be of no use.
            let fetch = self
                .program_for(&remote.fetch_url)
                .args(["-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags"])
                .args([
                    "--no-write-fetch-head",
                    "--recurse-submodules=no",
                    "--refmap=",
                    "--filter=blob:none",
                    "--stdin",
                ])
                .args(["--", remote.name()])
                .stdin(wanted);
            let output = self.run(&fetch, self.remote_timeout())?;
            if !output.status.success() {
                return Err(self.unreachable("git fetch", remote, &output));
            }
        }
        Ok(())
    }

    /// Whether the checkout is a partial clone of this remote, which lacks objects until they are needed.
    fn is_partial(&self, remote: &Remote) -> Result<bool, Finding> {
        let key = format!("remote.{}.promisor", remote.name());
        let output =
            self.run(&self.program().args(["config", "--type=bool", "--get", &key]), super::checkout::LOCAL_TIMEOUT)?;
        Ok(output.status == ProcessStatus::Exited(0) && output.stdout.text().trim() == "true")
    }
}

/// The output of `git cat-file --batch`, parsed while git writes it: `<id> SP <type> SP <size> LF <bytes> LF`, or
/// `<name> SP missing LF`; <https://git-scm.com/docs/git-cat-file#_batch_output>.
#[derive(Default)]
struct BatchParser {
    buffer: Vec<u8>,
    /// Of an object that is not kept: what it counts as, and how many bytes are still to come.
    skipped: Option<(Option<BlobContent>, u64)>,
}

impl BatchParser {
    /// Passes every object that is complete now to `receive`: `None` for what is no file.
    fn feed(&mut self, mut bytes: &[u8], receive: &mut dyn FnMut(Option<BlobContent>)) -> Result<(), String> {
        if let Some((content, left)) = self.skipped.take() {
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[taken..];
            let left = left - taken as u64;
            if left > 0 {
                self.skipped = Some((content, left));
                return Ok(());
            }
            receive(content);
        }
        self.buffer.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(end) = self.buffer[from..].iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&self.buffer[from..from + end]);
            let start = from + end + 1;
            if line.ends_with(" missing") {
                receive(None);
                from = start;
                continue;
            }
            let parts = line.rsplit_once(' ').and_then(|(rest, size)| Some((rest, size.parse::<u64>().ok()?)));
            let (rest, size) = parts.ok_or_else(|| line.chars().take(200).collect::<String>())?;
            let is_file = rest.ends_with(" blob");
            let here = self.buffer.len() - start;
            if size > MAX_SIZE || !is_file {
                let content = is_file.then_some(BlobContent::TooLarge(size));
                if (here as u64) <= size {
                    self.buffer.clear();
                    self.skipped = Some((content, size + 1 - here as u64));
                    return Ok(());
                }
                receive(content);
            } else {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if here <= size {
                    break;
                }
                receive(Some(BlobContent::Bytes(self.buffer[start..start + size].to_vec())));
            }
            from = start + usize::try_from(size).unwrap_or(usize::MAX) + 1;
        }
        self.buffer.drain(..from);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_read_whatever_the_pieces_of_the_output() {
        let large = "x".repeat(usize::try_from(MAX_SIZE).unwrap() + 1);
        let output = format!(
            "aa blob 3\na\nb\nbb blob 0\n\ncc blob {}\n{large}\nd e:f missing\nee tree 5\n100\n4\ndd blob 1\nz\n",
            large.len()
        );
        let bytes = |text: &str| Some(BlobContent::Bytes(text.as_bytes().to_vec()));
        let too_large = Some(BlobContent::TooLarge(large.len() as u64));
        let expected = [bytes("a\nb"), bytes(""), too_large, None, None, bytes("z")];
        for pieces in [1, 5, 64 << 10, output.len()] {
            let (mut parser, mut read) = (BatchParser::default(), Vec::new());
            for piece in output.as_bytes().chunks(pieces) {
                parser.feed(piece, &mut |content| read.push(content)).unwrap();
            }
            assert_eq!(read, expected, "{pieces}");
        }
        let unknown = BatchParser::default().feed(b"fatal: no\n", &mut |_| ());
        assert_eq!(unknown, Err("fatal: no".to_owned()));
    }
}
