//! The end of a file that others have written to as well: it is ours whole, or not at all.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// What comes behind that which a file held at first.
pub struct Tail {
    path: PathBuf,
    /// Bytes that were there before.
    pub start: u64,
}

impl Tail {
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), start: path.metadata().map_or(0, |metadata| metadata.len()) }
    }

    /// Writes `text`, in place of what an earlier call wrote.
    ///
    /// # Errors
    /// When it cannot be written whole. Then nothing of it is left: half of it may say something else.
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
        // A device or a pipe has no length, and cannot be cut.
        if file.metadata()?.len() > self.start { file.set_len(self.start) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_there_stays_and_what_is_ours_is_replaced() {
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
