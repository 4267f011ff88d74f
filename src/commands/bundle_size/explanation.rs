//! What counts as an explanation of a growth: text that a person wrote, not what a template left there.

mod amount;
pub mod args;
pub mod known;
pub mod section;
pub mod source;
mod templates;

use crate::values::Bytes;
use amount::{Amount, find_amount};

/// The fewest letters of an explanation.
const FEWEST_LETTERS: usize = 15;
/// The fewest different letters.
const FEWEST_DIFFERENT: usize = 5;
/// Words that stand for no answer.
const FILLERS: [&str; 10] = ["n/a", "na", "none", "nothing", "tbd", "todo", "null", "undefined", "nil", "wip"];
/// Why a text does not count.
const BLANK: &str = "does not count: it is empty without comments, template and fillers, or has fewer than 15 letters";

/// Why a growth is intended, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub text: String,
    /// The raw bytes of new code that it explains; `None` if it names no amount.
    pub amount: Option<Bytes>,
    /// Who wrote it, as far as GitHub shows that.
    pub by: Option<String>,
}

impl Explanation {
    /// Reads an explanation. `template` is the text of the repository's pull request template, whose lines do not count.
    ///
    /// # Errors
    /// Why the text does not count: too little is left of it, or it names an amount that is no size.
    pub fn read(text: &str, template: &str) -> Result<Self, String> {
        let text = own_words(text, template).ok_or(BLANK)?;
        let amount = match find_amount(&text) {
            None => None,
            Some(Amount::Size(bytes)) => Some(bytes),
            Some(Amount::Unreadable(written)) => {
                return Err(format!(
                    "does not count: `up to {written}` is no size; accepted is a number with B, kB, MB, GB, KiB, MiB or GiB, as in \
                     `up to +200 kB`"
                ));
            }
        };
        Ok(Self { text, amount, by: None })
    }

    /// The text, and who wrote it.
    #[must_use]
    pub fn with_writer(&self) -> String {
        self.by.as_ref().map_or_else(|| self.text.clone(), |by| format!("{} ({by})", self.text))
    }

    /// Whether it explains this much new code.
    #[must_use]
    pub fn covers(&self, added: u64) -> bool {
        self.amount.is_none_or(|Bytes(amount)| added <= amount)
    }
}

/// The lines of a text that its author wrote and not its template; `None` if too little is left.
#[must_use]
pub fn own_words(text: &str, template: &str) -> Option<String> {
    let visible = |text: &str| without_comments(text).chars().filter(|c| !is_invisible(*c)).collect::<String>();
    let template: Vec<String> = visible(template).lines().map(plain).collect();
    let text = visible(text);
    let written = |line: &&str| !is_form(line) && !template.contains(&plain(line));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).filter(written).collect();
    Some(lines.join("\n")).filter(|text| is_meaningful(text))
}

/// The text without HTML comments; one that never ends hides the rest.
fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Whether a character is not shown: formatting, fillers and controls.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    ) || c.is_control() && c != '\n'
}

/// Whether a line is of a form: a heading, a box to tick, a rule, a label without an answer, an image.
fn is_form(line: &str) -> bool {
    let line = line.trim();
    let item = line.trim_start_matches(['-', '*', '+', '>', ' ']);
    let is_box = ["[ ]", "[x]", "[X]", "[]"].iter().any(|tick| item.starts_with(tick));
    let bare = item.trim_matches(['*', '_', '`', ' ']);
    let is_image = bare.starts_with("![") || bare.starts_with("[![");
    line.starts_with('#') || is_box || is_image || bare.ends_with([':', '?']) || !bare.contains(char::is_alphanumeric)
}

/// A line for comparison with those of a template.
fn plain(line: &str) -> String {
    line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_meaningful(text: &str) -> bool {
    // Addresses are no explanation by themselves, and neither is the amount.
    let words = text.split_whitespace().filter(|word| !word.contains("://")).filter(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        !FILLERS.contains(&bare.as_str())
    });
    let letters: Vec<char> =
        words.flat_map(str::chars).filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    letters.len() >= FEWEST_LETTERS && different.len() >= FEWEST_DIFFERENT
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str =
        "## What\n<!-- say why -->\nDescribe what this pull request changes.\n- [ ] I have tested it\n";

    #[test]
    fn an_explanation_is_what_a_person_wrote() {
        for (text, expected) in [
            ("the new editor needs it", Some("the new editor needs it")),
            ("  the new editor,\n\n  see ticket 71 ", Some("the new editor,\nsee ticket 71")),
            ("## Why\nthe editor moved in from the other app", Some("the editor moved in from the other app")),
            ("新しいエディターを追加したので大きくなりました", Some("新しいエディターを追加したので大きくなりました")),
            (
                "<!-- Please describe what this does and why -->\n\n## Checklist\n- [ ] tested\n- [x] documented in full\n",
                None,
            ),
            ("<!-- an open comment hides the rest of the description", None),
            ("Describe what this pull request changes.\n## What", None),
            ("**describe what this pull request changes**", None),
            ("Reason for the growth of the bundle:", None),
            ("Why does the bundle grow so much?", None),
            ("n/a", None),
            ("N/A N/A none TBD n/a n/a n/a n/a", None),
            ("because", None),
            ("aaaaaaaaaaaaaaaaaaaa", None),
            ("......................", None),
            ("1234567890 1234567890", None),
            ("https://acme.example/a/long/address/only", None),
            ("![a picture of the new editor](x.png)", None),
            ("\u{200b}\u{2060}\u{feff}\u{3164}\u{e0041}", None),
            ("s\u{200b}h\u{200b}o\u{200b}rt", None),
            ("", None),
        ] {
            let read = Explanation::read(text, TEMPLATE).ok().map(|explanation| explanation.text);
            assert_eq!(read.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_amount_binds_the_explanation() {
        let bound = Explanation::read("up to +200 kB: the editor moved in here", "").unwrap();
        assert!(bound.covers(200_000) && !bound.covers(200_001));
        assert!(Explanation::read("the editor moved in here", "").unwrap().covers(u64::MAX));
        let misread = Explanation::read("up to 200 kilo: the editor moved in here", "").unwrap_err();
        assert!(misread.contains("`up to 200 kilo` is no size") && misread.contains("`up to +200 kB`"), "{misread}");
    }
}
