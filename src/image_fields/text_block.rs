//! The text of a block scalar (`|`), line by line where it is in the file.

use crate::yaml::{Position, splices::line_start, tree::SpannedNode};

/// The text of a literal block scalar, and the places of its lines.
pub struct BlockText<'t> {
    pub value: &'t str,
    /// For each line of the value its start in the file's text, indentation included; `None` for a blank line.
    lines: Vec<Option<usize>>,
    /// The position of the first line that is not blank, and its number in the value.
    first: Position,
    skipped: usize,
    indent: usize,
}

impl<'t> BlockText<'t> {
    /// `None` when the lines of the value are not those of the file, as in a folded scalar.
    pub fn of(text: &str, node: &'t SpannedNode) -> Option<Self> {
        let (value, _) = node.scalar()?;
        let indent = node.position.column - 1;
        let skipped = value.len() - value.trim_start_matches('\n').len();
        let mut lines = vec![None; skipped];
        let mut start = line_start(text, node.start);
        for line in value[skipped..].strip_suffix('\n').unwrap_or(&value[skipped..]).split('\n') {
            let rest = text.get(start..)?;
            let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
            let written = rest[..length].trim_end_matches(['\r', '\n']);
            let is_same = written.get(indent..) == Some(line) && written[..indent].bytes().all(|byte| byte == b' ');
            let is_blank = line.trim_matches('\n').is_empty() && written.bytes().all(|byte| byte == b' ');
            if !is_same && !is_blank {
                return None;
            }
            lines.push(is_same.then_some(start));
            start += length;
        }
        Some(Self { value, lines, first: node.position, skipped, indent })
    }

    /// Where a byte of the value is in the file's text.
    pub fn offset(&self, inner: usize) -> Option<usize> {
        let line = self.value[..inner].matches('\n').count();
        let column = inner - line_start(self.value, inner);
        Some(self.lines.get(line).copied()?? + self.indent + column)
    }

    /// The position in the file of a position in the value.
    pub fn position(&self, inner: Position) -> Position {
        let line = (self.first.line + inner.line).saturating_sub(1 + self.skipped);
        Position { line, column: inner.column + self.indent }
    }
}
