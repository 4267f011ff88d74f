//! The output of `git log --raw`, parsed while git writes it.

use jiff::Timestamp;

use super::commits::{BlobId, FileChange, Trailers};
use crate::subject::Commit;

/// One commit: this mark, then id, parents, seconds, author, title and trailers, each on its line; behind a second mark the
/// whole message without its title.
pub(super) const FORMAT: &str = "--format=%x01%H%n%P%n%ct%n%an%n%s%n%(trailers:only=true,unfold=true)%x02%b";
const MARK: char = '\u{1}';
const BODY: char = '\u{2}';

/// A commit as git prints it.
#[derive(Debug)]
pub(super) struct PrintedCommit {
    pub commit: Commit,
    pub parents: Vec<Commit>,
    /// `None` for a time that no calendar has, such as milliseconds in the place of seconds.
    pub at: Option<Timestamp>,
    pub author: String,
    pub title: String,
    pub trailers: Trailers,
    pub changes: Vec<FileChange>,
}

/// Splits the output at its NULs. A commit is complete when the next one begins, or at the end.
pub(super) struct LogParser<'w> {
    /// Whether a changed path is wanted.
    is_wanted: &'w dyn Fn(&str) -> bool,
    token: Vec<u8>,
    commit: Option<PrintedCommit>,
    /// The blobs before and after of the file whose path comes next.
    change: Option<(Option<BlobId>, Option<BlobId>)>,
}

/// Output that is not of `git log`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnexpectedOutput(pub String);

impl<'w> LogParser<'w> {
    pub(super) const fn new(is_wanted: &'w dyn Fn(&str) -> bool) -> Self {
        Self { is_wanted, token: Vec::new(), commit: None, change: None }
    }

    /// Adds output, and passes each commit that it completes to `report`. Returns false when `report` did: it wants no more.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        report: &mut dyn FnMut(PrintedCommit) -> bool,
    ) -> Result<bool, UnexpectedOutput> {
        let mut pieces = bytes.split(|&byte| byte == 0);
        let unfinished = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.token.extend_from_slice(piece);
            let token = std::mem::take(&mut self.token);
            let complete = self.read_token(&token).map_err(|()| UnexpectedOutput(excerpt(&token)))?;
            if let Some(commit) = complete
                && !report(commit)
            {
                return Ok(false);
            }
            // The memory is used again.
            self.token = token;
            self.token.clear();
        }
        self.token.extend_from_slice(unfinished);
        Ok(true)
    }

    /// The last commit.
    pub(super) fn finish(self) -> Result<Option<PrintedCommit>, UnexpectedOutput> {
        match (self.token.is_empty(), &self.change) {
            (true, None) => Ok(self.commit),
            _ => Err(UnexpectedOutput(excerpt(&self.token))),
        }
    }

    /// Reads a token; returns the commit before it when it begins another one.
    fn read_token(&mut self, token: &[u8]) -> Result<Option<PrintedCommit>, ()> {
        if let Some((before, after)) = self.change.take() {
            let path = String::from_utf8_lossy(token);
            if let Some(commit) = self.commit.as_mut().filter(|_| (self.is_wanted)(&path)) {
                commit.changes.push(FileChange { path: path.into_owned(), before, after });
            }
            return Ok(None);
        }
        // An empty line separates the message from the files.
        let text = String::from_utf8_lossy(token.strip_prefix(b"\n").unwrap_or(token));
        if let Some(meta) = text.strip_prefix(':') {
            self.change = Some(parse_change(meta).ok_or(())?);
            return Ok(None);
        }
        let commit = text.strip_prefix(MARK).and_then(parse_commit).ok_or(())?;
        Ok(self.commit.replace(commit))
    }
}

/// `<mode> SP <mode> SP <id> SP <id> SP <status>`; <https://git-scm.com/docs/diff-format#_raw_output_format>.
pub(super) fn parse_change(text: &str) -> Option<(Option<BlobId>, Option<BlobId>)> {
    let words: Vec<&str> = text.split(' ').collect();
    let [mode_before, mode_after, before, after, _status] = words[..] else { return None };
    Some((BlobId::of_file(mode_before, before), BlobId::of_file(mode_after, after)))
}

fn parse_commit(text: &str) -> Option<PrintedCommit> {
    let mut lines = text.splitn(6, '\n');
    let commit = lines.next()?.parse().ok()?;
    let parents = lines.next()?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let at = lines.next()?.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let (author, title) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    let rest = lines.next().unwrap_or_default();
    let (trailers, body) = rest.split_once(BODY).unwrap_or((rest, ""));
    let trailers = Trailers::of_message(trailers, body);
    Some(PrintedCommit { commit, parents, at, author, title, trailers, changes: Vec::new() })
}

fn excerpt(token: &[u8]) -> String {
    String::from_utf8_lossy(&token[..token.len().min(200)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\u{1}1111111111111111111111111111111111111111\n2222222222222222222222222222222222222222\n\
        1700000000\nA\nlast\nService: shop\nnote:  a b\n\0\n\
        :100644 100755 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb M\0\u{1}odd\nname\0\
        :160000 100644 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb T\0no\0\
        \u{1}2222222222222222222222222222222222222222\n\n1700000000000\n\n\n\0";

    fn parsed(pieces: usize, most: usize) -> Vec<PrintedCommit> {
        let is_wanted = |path: &str| path != "no";
        let (mut parser, mut commits) = (LogParser::new(&is_wanted), Vec::new());
        for piece in OUTPUT.as_bytes().chunks(pieces) {
            let mut report = |commit| {
                commits.push(commit);
                commits.len() < most
            };
            if !parser.feed(piece, &mut report).unwrap() {
                return commits;
            }
        }
        commits.extend(parser.finish().unwrap());
        commits
    }

    #[test]
    fn commits_are_read_whatever_the_pieces_of_the_output() {
        for pieces in [1, 7, 10_000] {
            let commits = parsed(pieces, 9);
            let [last, first] = &commits[..] else { panic!("{commits:?}") };
            assert_eq!((last.author.as_str(), last.title.as_str(), last.parents.len()), ("A", "last", 1));
            let trailers = [("Service", "shop"), ("note", "a b")];
            assert!(last.trailers.iter().eq(trailers), "{last:?}");
            let [change] = &last.changes[..] else { panic!("{last:?}") };
            assert_eq!(change.path, "\u{1}odd\nname");
            assert!(change.before.as_ref().unwrap().as_str().starts_with("aaa"), "{change:?}");
            assert_eq!((first.at, first.parents.len(), first.changes.len()), (None, 0, 0), "a time out of range");
        }
        assert_eq!(parsed(10_000, 1).len(), 1);
    }

    #[test]
    fn other_output_is_an_error() {
        for output in ["x\0", ":1 2 3\0", "\u{1}main\n\n1\nA\nx\n\0"] {
            let mut parser = LogParser::new(&|_| true);
            assert!(parser.feed(output.as_bytes(), &mut |_| true).is_err(), "{output}");
        }
        let mut cut = LogParser::new(&|_| true);
        cut.feed(&OUTPUT.as_bytes()[..OUTPUT.len() - 1], &mut |_| true).unwrap();
        assert!(cut.finish().is_err());
    }
}
