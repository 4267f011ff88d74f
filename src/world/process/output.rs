//! What a child says, within bounds: the end of a stream, and its lines.

/// The most bytes of one line that are told; the rest of it is counted, not kept.
pub(super) const LINE: usize = 16 << 10;

/// A stream of a child: its last bytes, and how many came before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    pub bytes: Vec<u8>,
    /// How many bytes came before `bytes` and were not kept.
    pub lost: u64,
}

impl Captured {
    /// All that the child said, or `None` when not all of it was kept.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (self.lost == 0).then_some(&self.bytes)
    }

    /// The kept bytes as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Keeps the last `keep` bytes of what is pushed, in at most twice the room.
pub(super) struct Tail {
    kept: Captured,
    keep: usize,
}

impl Tail {
    pub(super) fn new(keep: usize) -> Self {
        Self { kept: Captured::default(), keep }
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

    pub(super) fn take(&mut self) -> Captured {
        self.cut();
        std::mem::take(&mut self.kept)
    }
}

/// Cuts a stream into lines.
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    surplus: usize,
}

impl Lines {
    /// Tells each line that `bytes` complete, without its LF or CR LF.
    pub(super) fn feed(&mut self, bytes: &[u8], mut tell: impl FnMut(String)) {
        let mut pieces = bytes.split(|&byte| byte == b'\n');
        let unfinished = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.extend(piece);
            tell(self.take());
        }
        self.extend(unfinished);
    }

    /// Tells the last line, when the stream ended without an LF.
    pub(super) fn end(&mut self, tell: impl FnOnce(String)) {
        if !self.line.is_empty() || self.surplus > 0 {
            tell(self.take());
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.line.len()).min(bytes.len());
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
        // The cut may have gone through a character: leave its first bytes out too.
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
