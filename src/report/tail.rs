//! Appending to a file that other programs write as well: the whole text, or nothing.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The part of a file after its original content.
pub struct Tail {
    path: PathBuf,
    /// The size of the original content in bytes.
    pub start: u64,
}

impl Tail {
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), start: path.metadata().map_or(0, |metadata| metadata.len()) }
    }

    /// Writes `text` and replaces what an earlier call wrote.
    ///
    /// # Errors
    /// When it cannot be written whole. Nothing of it stays then: half a text may have another meaning.
    pub fn put(&self, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        self.cut(&file)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
        if written.is_err() {
            self.cut(&file)?;
        }
        written
    }

    fn cut(&self, file: &File) -> io::Result<()> {
        // A device or a pipe has no length and cannot be truncated.
        if file.metadata()?.len() > self.start { file.set_len(self.start) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_original_content_stays_and_the_tail_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let first = Tail::of(&path);
        first.put("one\n").unwrap();
        let second = Tail::of(&path);
        for text in ["passed\n", "no\n", ""] {
            second.put(text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("one\n{text}"));
        }
        first.put("two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert!(Tail::of(folder.path()).put("x").is_err());
        assert!(Tail::of(Path::new("/dev/full")).put("x").is_err());
        Tail::of(Path::new("/dev/null")).put("x").unwrap();
    }
}
