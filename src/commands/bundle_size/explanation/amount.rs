//! The amount in an explanation, as in `up to +200 kB`. An amount that is not understood must not count as no amount: without one,
//! an explanation covers any growth.

use crate::values::{Bytes, clip};

/// Words before a number that change nothing.
const QUALIFIERS: [&str; 9] =
    ["about", "around", "approximately", "approx.", "approx", "roughly", "circa", "ca.", "another"];
/// How many words after `up to` are searched for a number, at the beginning of a line.
const HEAD_WORDS: usize = 3;
/// The maximum length of what is quoted, in characters.
const QUOTED: usize = 40;
/// What a number may be written with. More than one point is no number, nor is a range.
const OF_NUMBER: [char; 7] = ['.', ',', '\'', '_', '-', '–', '/'];

/// What follows `up to`.
#[derive(Debug, PartialEq, Eq)]
pub enum Amount {
    Size(Bytes),
    /// What is written there.
    Unreadable(String),
}

/// The first amount in a text; `None` if it names none. A number that is no size counts as an amount at the beginning of a line and
/// with a unit of bytes. Elsewhere it is prose: `we moved up to React 19`, `makes it up to 5 ms faster`.
pub fn find_amount(text: &str) -> Option<Amount> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("up").find_map(|(at, up)| {
        let behind =
            lower[at + up.len()..].trim_start_matches(|c: char| c.is_whitespace() || c == '-').strip_prefix("to")?;
        let line = text[..at].rsplit('\n').next().unwrap_or_default();
        let begins_line = !line.contains(char::is_alphanumeric);
        read_amount(&text[text.len() - behind.len()..], begins_line)
    })
}

/// The amount at the beginning of a text.
fn read_amount(text: &str, begins_line: bool) -> Option<Amount> {
    let rest = skip_qualifiers(text);
    let number = rest.find(|c: char| !c.is_ascii_digit() && !OF_NUMBER.contains(&c)).unwrap_or(rest.len());
    let number = rest[..number].trim_end_matches(OF_NUMBER);
    let behind = &rest[number.len()..];
    let unit: String = behind.trim_start_matches(is_mark).chars().take_while(|c| c.is_alphanumeric()).collect();
    let known = if unit.is_empty() { Some("B").filter(|_| ends_number(behind)) } else { known_unit(&unit) };
    if let Some(bytes) = known.and_then(|unit| format!("{number} {unit}").parse().ok()) {
        return Some(Amount::Size(bytes));
    }
    let has_digit = |text: &str| text.contains(char::is_numeric);
    let head = text.split(['\n', ':']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let head = head.split_whitespace().take(HEAD_WORDS).collect::<Vec<_>>().join(" ");
    if begins_line && has_digit(&head) {
        return Some(Amount::Unreadable(clip(&head, QUOTED)));
    }
    (has_digit(number) && is_of_bytes(&unit)).then(|| Amount::Unreadable(clip(&format!("{number} {unit}"), QUOTED)))
}

/// Whether a number without a unit ends here: `5 %` is none of bytes.
fn ends_number(behind: &str) -> bool {
    let is_end = |c: char| is_mark(c) || ":;,.!?)]\"'".contains(c);
    behind.chars().next().is_none_or(is_end) && !behind.trim_start_matches(is_mark).starts_with('%')
}

/// A blank, or a mark of emphasis.
fn is_mark(c: char) -> bool {
    c.is_whitespace() || "*_`".contains(c)
}

/// The text without marks and qualifiers at its beginning.
fn skip_qualifiers(text: &str) -> &str {
    let skip = |text| str::trim_start_matches(text, |c| is_mark(c) || "~≈+:<≤([\"'".contains(c));
    let mut rest = skip(text);
    while let Some(word) = rest.split_whitespace().next()
        && QUALIFIERS.contains(&word.to_lowercase().as_str())
    {
        rest = skip(&rest[word.len()..]);
    }
    rest
}

/// The unit that a text means, in any case.
fn known_unit(text: &str) -> Option<&'static str> {
    Some(match text.to_lowercase().as_str() {
        "b" | "byte" | "bytes" => "B",
        "k" | "kb" => "kB",
        "m" | "mb" => "MB",
        "gb" => "GB",
        "kib" => "KiB",
        "mib" => "MiB",
        "gib" => "GiB",
        _ => return None,
    })
}

/// Whether a unit is one of bytes, be it accepted or not: `kb`, `TB`, `kilobytes`.
fn is_of_bytes(unit: &str) -> bool {
    let lower = unit.to_lowercase();
    let bare = lower.strip_prefix(['k', 'm', 'g', 't']).unwrap_or("");
    known_unit(unit).is_some() || lower.contains("byte") || bare.trim_start_matches('i').starts_with('b')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(bytes: u64) -> Option<Amount> {
        Some(Amount::Size(Bytes(bytes)))
    }

    fn unreadable(written: &str) -> Option<Amount> {
        Some(Amount::Unreadable(written.to_owned()))
    }

    #[test]
    fn an_amount_is_found_however_it_is_written() {
        for (text, bytes) in [
            ("up to +200 kB: the new editor", 200_000),
            ("up to +200 kb: the new editor", 200_000),
            ("up to 200k: the new editor", 200_000),
            ("up to 200KB the new editor", 200_000),
            ("up to ~200 kB: the new editor", 200_000),
            ("up to about 200 kB: the new editor", 200_000),
            ("up to approx. ~ 200 kB: the new editor", 200_000),
            ("up to **200 kB**: the new editor", 200_000),
            ("**up to** `200` kB: the new editor", 200_000),
            ("- *Up to 1.5mb*: the new editor", 1_500_000),
            ("upto 200 kB: the new editor", 200_000),
            ("up to: 200 kB, the new editor", 200_000),
            ("up to 2 mib: the new editor", 2 << 20),
            ("the new editor (Up to 1.5MB)", 1_500_000),
            ("the new editor, up to +4 MiB.", 4 << 20),
            ("the new editor, up to 200", 200),
            ("the new editor, up to 200.", 200),
            ("the editor is up to date, and up to +9 kB larger", 9000),
        ] {
            assert_eq!(find_amount(text), size(bytes), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_no_size_is_not_taken_for_no_amount() {
        for (text, written) in [
            ("up to 200 kilo: the new editor", "200 kilo"),
            ("up to 1,5 MB: the new editor", "1,5 MB"),
            ("up to -200 kB: the new editor", "-200 kB"),
            ("up to 200-300 kB: the new editor", "200-300 kB"),
            ("up to 5 %: the new editor", "5 %"),
            ("up to nearly 200 kB: the new editor", "nearly 200 kB"),
            ("## Why\n- up to v2: the new editor", "v2"),
            ("the new editor, up to 1 TB", "1 TB"),
            ("the new editor, up to 200 kilobytes", "200 kilobytes"),
            ("the new editor, up to 200-300 kB", "200-300 kB"),
        ] {
            assert_eq!(find_amount(text), unreadable(written), "{text}");
        }
    }

    #[test]
    fn prose_is_no_amount() {
        for text in [
            "we moved up to React 19: the new editor needs it",
            "it is up to you to read ticket 71",
            "up to date with React 19, which the new editor needs",
            "the new editor, up to +9 potatoes",
            "makes the new editor up to 5 ms faster",
            "makes the new editor up to 5 % faster",
            "moved up to 19.2.1 of the framework",
            "the setup tool of the new editor needs it",
            "",
        ] {
            assert_eq!(find_amount(text), None, "{text}");
        }
    }
}
