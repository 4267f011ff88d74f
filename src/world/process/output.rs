//! The output of a child with limits: the end of each stream, and its lines.

/// The most bytes of one line that are reported; the rest is counted and dropped.
pub(super) const MAX_LINE: usize = 16 << 10;

/// The last bytes of a child's output stream, and how many bytes came before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapturedOutput {
    pub bytes: Vec<u8>,
    /// How many bytes came before `bytes` and were not kept.
    pub lost: u64,
}

impl CapturedOutput {
    /// The complete stream; `None` when a part of it was dropped.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (self.lost == 0).then_some(&self.bytes)
    }

    /// The kept bytes as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Keeps the last `keep` bytes of a stream, using at most twice that memory.
pub(super) struct OutputTail {
    kept: CapturedOutput,
    keep: usize,
}

impl OutputTail {
    pub(super) fn new(keep: usize) -> Self {
        Self { kept: CapturedOutput::default(), keep }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.bytes.extend_from_slice(bytes);
        // Cutting only when twice full keeps the cost of moving bytes linear.
        if self.kept.bytes.len() > self.keep.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.kept.bytes.len().saturating_sub(self.keep);
        self.kept.bytes.drain(..surplus);
        self.kept.lost += surplus as u64;
    }

    pub(super) fn take(&mut self) -> CapturedOutput {
        self.cut();
        std::mem::take(&mut self.kept)
    }
}

/// Splits a stream into lines.
#[derive(Default)]
pub(super) struct LineSplitter {
    line: Vec<u8>,
    surplus: usize,
}

impl LineSplitter {
    /// Adds `bytes` and reports each line that they complete, without its LF or CR LF.
    pub(super) fn feed(&mut self, bytes: &[u8], mut report: impl FnMut(String)) {
        let mut pieces = bytes.split(|&byte| byte == b'\n');
        let unfinished = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.extend(piece);
            report(self.take());
        }
        self.extend(unfinished);
    }

    /// Reports the last line, when the stream ended without an LF.
    pub(super) fn finish(&mut self, report: impl FnOnce(String)) {
        if !self.line.is_empty() || self.surplus > 0 {
            report(self.take());
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
        self.surplus += bytes.len() - room;
    }

    fn take(&mut self) -> String {
        let surplus = std::mem::take(&mut self.surplus);
        if surplus == 0 {
            let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
            let text = String::from_utf8_lossy(line).into_owned();
            self.line.clear();
            return text;
        }
        // The limit may fall into the middle of a character, whose first bytes are then left out too.
        let whole = match std::str::from_utf8(&self.line) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.line.len(),
        };
        let surplus = surplus + self.line.len() - whole;
        let text = format!("{}… ({surplus} bytes more)", String::from_utf8_lossy(&self.line[..whole]));
        self.line.clear();
        text
    }
}
