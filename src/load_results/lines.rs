//! Lines of a text of any length, one at a time.

use std::io::{BufRead, Read as _};

use super::load_test::ReadError;

/// The longest line in bytes: a CSV field may hold an error's whole text.
const LONGEST: u64 = 16 << 20;

/// A text that is read by lines.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    /// The number of the line that was read last, from 1.
    pub(super) number: u64,
    /// Whether that line ended with a line break; only the last one may lack it.
    pub(super) ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0, ended: true }
    }

    /// The next line without its line break; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, ReadError> {
        self.line.clear();
        let read = self.input.by_ref().take(LONGEST).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| ReadError::unreadable(&error))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.ended = self.line.ends_with(b"\n");
        if !self.ended && read as u64 == LONGEST {
            return Err(ReadError::malformed(format!("line {} is longer than 16 MiB", self.number)));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }
}
