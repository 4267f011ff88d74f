//! What a file of a bundle is: code that a browser runs, which is judged, or something else, which is listed.

use std::collections::BTreeMap;

use super::sizes::signed;
use crate::values::Bytes;

/// The kind of a file, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    Script,
    Style,
    WebAssembly,
    Page,
    Image,
    Font,
    SourceMap,
    Compressed,
    Other,
}

impl FileKind {
    #[must_use]
    pub fn of(path: &str) -> Self {
        let Some((_, extension)) = file_name(path).rsplit_once('.') else { return Self::Other };
        match extension.to_ascii_lowercase().as_str() {
            "js" | "mjs" | "cjs" => Self::Script,
            "css" => Self::Style,
            "wasm" => Self::WebAssembly,
            "html" | "htm" => Self::Page,
            "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" | "ico" | "bmp" => Self::Image,
            "woff" | "woff2" | "ttf" | "otf" | "eot" => Self::Font,
            "map" => Self::SourceMap,
            "gz" | "br" | "zst" => Self::Compressed,
            _ => Self::Other,
        }
    }

    /// Whether a browser loads it to show a page, and runs or parses it.
    #[must_use]
    pub const fn is_judged(self) -> bool {
        matches!(self, Self::Script | Self::Style | Self::WebAssembly | Self::Page)
    }

    /// Whether it is executed.
    #[must_use]
    pub const fn is_code(self) -> bool {
        matches!(self, Self::Script | Self::WebAssembly)
    }

    /// The name of several, in a table.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Script => "scripts",
            Self::Style => "style sheets",
            Self::WebAssembly => "WebAssembly modules",
            Self::Page => "pages",
            Self::Image => "images",
            Self::Font => "fonts",
            Self::SourceMap => "source maps",
            Self::Compressed => "compressed copies",
            Self::Other => "other files",
        }
    }
}

/// What is listed, before and now, as rows of a table: kind, files, bytes before, bytes now, growth.
#[must_use]
pub fn listed_rows(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Vec<Vec<String>> {
    let mut kinds: BTreeMap<FileKind, (u64, u64, usize)> = BTreeMap::new();
    for (path, raw) in before {
        let sum = &mut kinds.entry(FileKind::of(path)).or_default().0;
        *sum = sum.saturating_add(*raw);
    }
    for (path, raw) in now {
        let kind = kinds.entry(FileKind::of(path)).or_default();
        (kind.1, kind.2) = (kind.1.saturating_add(*raw), kind.2 + 1);
    }
    let row = |(kind, (before, now, files)): (FileKind, (u64, u64, usize))| {
        let growth = signed(i128::from(now) - i128::from(before));
        vec![kind.plural().to_owned(), files.to_string(), Bytes(before).to_string(), Bytes(now).to_string(), growth]
    };
    kinds.into_iter().map(row).collect()
}

/// The file that a compressed file is a copy of, by its name: `app.js` of `app.js.br`.
#[must_use]
pub fn original(path: &str) -> Option<&str> {
    (FileKind::of(path) == FileKind::Compressed).then(|| path.rsplit_once('.')).flatten().map(|(original, _)| original)
}

/// The last part of a path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_has_an_original() {
        for (path, expected) in [
            ("dist/a.js.br", Some("dist/a.js")),
            ("a.wasm.GZ", Some("a.wasm")),
            ("a.zst", Some("a")),
            ("a.js", None),
            ("br", None),
        ] {
            assert_eq!(original(path), expected, "{path}");
        }
    }

    #[test]
    fn the_extension_says_the_kind() {
        for (path, kind, judged) in [
            ("dist/a.JS", FileKind::Script, true),
            ("a.min.mjs", FileKind::Script, true),
            ("a.css", FileKind::Style, true),
            ("a.wasm", FileKind::WebAssembly, true),
            ("index.html", FileKind::Page, true),
            ("a.js.map", FileKind::SourceMap, false),
            ("a.js.br", FileKind::Compressed, false),
            ("a.js/photo.jpg", FileKind::Image, false),
            ("a.woff2", FileKind::Font, false),
            ("js", FileKind::Other, false),
            ("x.js/LICENSE", FileKind::Other, false),
            ("", FileKind::Other, false),
        ] {
            assert_eq!((FileKind::of(path), FileKind::of(path).is_judged()), (kind, judged), "{path}");
        }
    }
}
