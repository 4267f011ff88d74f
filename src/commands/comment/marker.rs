//! The hidden first line of a comment, by which later runs find it: `<!-- promote-gates comment=gates run=7.1 sum=… -->`. Text from
//! outside cannot forge it: the page escapes every `<`.

use std::{fmt, str::FromStr};

use crate::{
    error::ValueError,
    report::{Run, compact::hex_sha256},
};

const START: &str = "<!-- promote-gates comment=";
const END: &str = " -->";
/// How many digits of the sum the line has: it distinguishes two texts of one run.
const DIGITS: usize = 16;

/// The name of a comment: a pull request has one comment of each name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentName(String);

impl FromStr for CommentName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("1 to 40 letters, digits, dots, underscores and single hyphens, such as `frontend`");
        let is_accepted = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        // Two hyphens would end the HTML comment for some readers.
        let fits = (1..=40).contains(&text.len()) && text.chars().all(is_accepted) && !text.contains("--");
        if fits && !text.ends_with('-') { Ok(Self(text.to_owned())) } else { Err(ACCEPTED) }
    }
}

impl fmt::Display for CommentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which comment it is, which run wrote it, and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub name: CommentName,
    /// The id and the attempt of the workflow run; GitHub's ids grow within a repository. 0 outside of a run.
    pub run: (u64, u32),
    /// The first digits of the text's sha256, in hex.
    pub sum: String,
}

impl Marker {
    #[must_use]
    pub fn new(name: &CommentName, run: Option<&Run>, page: &str) -> Self {
        let run = run.map_or((0, 0), |run| (run.id, run.attempt));
        let sum = hex_sha256(page.as_bytes())[..DIGITS].to_owned();
        Self { name: name.clone(), run, sum }
    }

    /// Reads the first line of a comment; `None` if no version writes such a line.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        let line = body.lines().next()?.trim_end();
        let mut parts = line.strip_prefix(START)?.strip_suffix(END)?.split(' ');
        let name = parts.next()?.parse().ok()?;
        let (id, attempt) = parts.next()?.strip_prefix("run=")?.split_once('.')?;
        let sum = parts.next()?.strip_prefix("sum=")?.to_owned();
        let run = (id.parse().ok()?, attempt.parse().ok()?);
        parts.next().is_none().then_some(Self { name, run, sum })
    }

    /// The comment with this line above its page.
    #[must_use]
    pub fn above(&self, page: &str) -> String {
        format!("{self}\n{page}")
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, run: (id, attempt), sum } = self;
        write!(f, "{START}{name} run={id}.{attempt} sum={sum}{END}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_is_written() {
        let run = Run { repository: String::new(), id: 7, attempt: 2, url: String::new(), job: String::new() };
        let marker = Marker::new(&"gates".parse().unwrap(), Some(&run), "text");
        assert_eq!(marker.to_string(), "<!-- promote-gates comment=gates run=7.2 sum=982d9e3eb996f559 -->");
        assert_eq!(Marker::parse(&marker.above("### a\nb")), Some(marker.clone()));
        assert_eq!(Marker::parse(&format!("{marker}\r\n### a")), Some(marker.clone()), "as the browser sends it");
        let line = marker.to_string();
        for other in [
            String::new(),
            format!("x\n{line}"),
            format!(" {line}"),
            line.replace("gates run", "a--b run"),
            line.replace("7.2", "seven.2"),
            line.replace(" sum=", " more=1 sum="),
            line.replace(" -->", " x -->"),
            line.replace(" -->", ""),
        ] {
            assert_eq!(Marker::parse(&other), None, "{other}");
        }
        assert_eq!(Marker::new(&marker.name, None, "").run, (0, 0));
    }

    #[test]
    fn names_are_safe_in_a_comment() {
        for (name, fits) in [
            ("gates", true),
            ("a.b_c-d", true),
            ("", false),
            ("a--b", false),
            ("a b", false),
            ("a>", false),
            ("a-", false),
        ] {
            assert_eq!(name.parse::<CommentName>().is_ok(), fits, "{name}");
        }
    }
}
