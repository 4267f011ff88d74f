//! One file is one file across builds: the content hash in its name becomes `[hash]`.
//!
//! Bundlers write hashes in few alphabets and lengths, and nothing but their looks tells them from words. A text is taken
//! for a hash after a `.`, `-`, `~` (or `_`, for hex), or when it is all there is before the extension:
//!
//! | looks | written by |
//! |---|---|
//! | hex with a digit and a letter, 8 or more | webpack, Next, Create React App, Angular up to 16, Parcel, Vite up to 3 |
//! | the same, 4 to 7 long (after `-` not a word and a number: `step-ab12`) | webpack `[contenthash:4]` |
//! | exactly 8 of base64url, base36 or base32 that do not read as words | Rollup, Vite (`-` and `_` included), Parcel, Bun |
//! | exactly 8 capitals and digits | esbuild, Angular since 17 |
//! | 9 or more letters and digits that change their kind every second or third character | Rollup `[hash:12]`, Next's build ids |
//! | 8 or more digits | time stamps |
//!
//! Words stay: all small letters (`dashboard`), camel case in syllables (`HomePage`), a word with a number (`es2015`), and
//! versions (`5.3.2`). So does a hash that looks like one, 2.4 % of Vite's (the tests measure each style); [`pair`] finds nearly
//! all of those.
//!
//! Nothing is hidden either way. Files that fall on one name are added up, so a total never changes; a hash that was not
//! recognised shows as one file gone and one new, with the same sum.

use std::collections::BTreeMap;

/// What stands for a hash.
pub const MARK: &str = "[hash]";

/// What separates the words of a file name's part.
const BETWEEN: [char; 2] = ['-', '~'];

/// The length of a hash that Rollup, Vite, esbuild and Bun write unless told otherwise.
const USUAL: usize = 8;

/// A path with `/` between its parts, each hash in it replaced by [`MARK`]. Applying it twice changes nothing more.
#[must_use]
pub fn canonical(path: &str) -> String {
    let (folders, file) = path.rsplit_once('/').map_or((None, path), |(folders, file)| (Some(folders), file));
    let mut name = String::with_capacity(path.len());
    for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
        name.push_str(if is_folder_hash(folder) { MARK } else { folder });
        name.push('/');
    }
    let (stem, extension) = split_extension(file);
    name + &canonical_stem(stem) + extension
}

/// `app.min` and `.js`; a leading dot starts no extension.
fn split_extension(file: &str) -> (&str, &str) {
    file.rfind('.').filter(|at| *at > 0).map_or((file, ""), |at| file.split_at(at))
}

fn canonical_stem(stem: &str) -> String {
    let mut parts = stem.split('.');
    let first = parts.next().unwrap_or_default();
    let mut name = canonical_part(first, true);
    for part in parts {
        name.push('.');
        name += &if is_hash(part, '.') { MARK.to_owned() } else { canonical_part(part, false) };
    }
    if name.contains(MARK) {
        return name;
    }
    // A leading text is the name as a rule (chunk ids of Next look like hashes, too), unless there is no other.
    let word = first.split(BETWEEN).next().unwrap_or_default();
    for lead in [first, word] {
        if is_leading_hash(lead) {
            return format!("{MARK}{}", &stem[lead.len()..]);
        }
    }
    name
}

/// What stands between two dots. `first`: before the first dot.
fn canonical_part(part: &str, first: bool) -> String {
    let mut name = String::with_capacity(part.len());
    for (at, word) in part.split_inclusive(BETWEEN).enumerate() {
        let bare = word.trim_end_matches(BETWEEN);
        let before = if at == 0 { '.' } else { '-' };
        let kept = if (at > 0 || !first) && is_hash(bare, before) {
            name.push_str(MARK);
            bare.len()
        } else if let Some((head, _)) =
            bare.rsplit_once('_').filter(|(head, tail)| !head.is_empty() && is_long_hex(tail))
        {
            name.push_str(head);
            name.push('_');
            name.push_str(MARK);
            bare.len()
        } else {
            0
        };
        name.push_str(&word[kept..]);
    }
    // A base64url hash may hold the dash that separates it: then only its length tells where it starts.
    match usual_tail(part) {
        Some(tail) if !name.contains(MARK) && is_hash(tail, '-') => part[..part.len() - tail.len()].to_owned() + MARK,
        _ => name,
    }
}

/// The last eight characters, where a dash stands before them and something before that.
fn usual_tail(part: &str) -> Option<&str> {
    let at = part.len().checked_sub(USUAL).filter(|at| *at > 1)?;
    part.get(at..).filter(|_| part.as_bytes()[at - 1] == b'-')
}

/// `before`: what separates the text from what came before, `.` or `-`.
fn is_hash(text: &str, before: char) -> bool {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.len() >= USUAL;
    }
    if is_hex(text) {
        return match text.len() {
            0..4 => false,
            4..USUAL => text.bytes().all(|b| !b.is_ascii_uppercase()) && (before == '.' || !is_numbered(text)),
            _ => true,
        };
    }
    match text.len() {
        USUAL => text.bytes().all(is_base64url) && !are_words(text),
        9..=64 => text.bytes().all(|b| b.is_ascii_alphanumeric()) && is_mixed(text),
        _ => false,
    }
}

/// At the start of a file name there is more reason to see a word, such as `OTPInput.js`.
fn is_leading_hash(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphabetic());
    text.len() >= USUAL && is_hash(text, '-') && (!letters || is_capitals(text) || kinds(text) > 1)
}

/// A folder named by a hash alone: hex, or the 21 base64url characters of a build id.
fn is_folder_hash(text: &str) -> bool {
    is_long_hex(text) || text.len() == 21 && text.bytes().all(is_base64url) && has_digit(text) && kinds(text) > 6
}

fn is_long_hex(text: &str) -> bool {
    text.len() >= USUAL && is_hex(text)
}

/// Hex digits of one case, a figure and a letter among them: `decade` and `2024` are none.
fn is_hex(text: &str) -> bool {
    let all = |letters: std::ops::RangeInclusive<u8>| text.bytes().all(|b| b.is_ascii_digit() || letters.contains(&b));
    (all(b'a'..=b'f') || all(b'A'..=b'F')) && has_digit(text) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Letters, then a number: `ab12`.
fn is_numbered(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_capitals(text: &str) -> bool {
    text.len() == USUAL && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// Holds a digit, and no kind lasts three characters on average: half of what camel case does.
fn is_mixed(text: &str) -> bool {
    has_digit(text) && kinds(text) * 3 > text.len()
}

/// How many runs of one kind a text has: digits, capitals, small letters with the capitals before them, the rest.
fn kinds(text: &str) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'A'..=b'Z' => 1,
        b'a'..=b'z' => 2,
        _ => 3,
    };
    let changes = text
        .as_bytes()
        .windows(2)
        .map(|pair| (kind(pair[0]), kind(pair[1])))
        .filter(|&(a, b)| a != b && (a, b) != (1, 2));
    usize::from(!text.is_empty()) + changes.count()
}

/// Whether eight characters are what a person would write after a dash. Capitals are not: that is how esbuild's hashes look.
fn are_words(text: &str) -> bool {
    let words = || text.split(['-', '_']);
    if words().any(str::is_empty) {
        return text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    }
    !is_capitals(text) && words().all(is_word)
}

/// Whether a text of letters and digits is what a person would write between two dashes.
fn is_word(text: &str) -> bool {
    let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = text.len() - letters.len();
    if letters.is_empty() {
        return number <= 4;
    }
    if letters.bytes().all(|b| b.is_ascii_lowercase()) {
        return number == 0 || letters.len() > 2 && number <= 3 && is_readable(letters);
    }
    if letters.bytes().all(|b| b.is_ascii_uppercase()) {
        return number == 0 && (2..=4).contains(&letters.len());
    }
    if letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        return number <= 2 && is_camel_case(letters);
    }
    number == 0 && has_number_inside(letters)
}

/// `404pages`, `mp3audio`, `utf8text`: one short number before or between small letters.
fn has_number_inside(text: &str) -> bool {
    let head = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let start = head.trim_end_matches(|c: char| c.is_ascii_digit());
    let (number, tail) = (head.len() - start.len(), &text[head.len()..]);
    let fits = if start.is_empty() { number <= 3 && tail.len() > 2 } else { number <= 2 };
    fits && start.bytes().all(|b| b.is_ascii_lowercase()) && is_readable(start) && is_readable(tail)
}

/// `HomePage`, `userInfo`, `pdfUtils`: syllables, at most one of them an abbreviation without a vowel.
fn is_camel_case(text: &str) -> bool {
    let starts: Vec<usize> =
        text.bytes().enumerate().filter(|(at, b)| *at == 0 || b.is_ascii_uppercase()).map(|(at, _)| at).collect();
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    let mut abbreviations = 0;
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).all(|hump| {
        let abbreviation = hump.len() <= 4 && !hump.bytes().any(is_vowel);
        abbreviations += usize::from(abbreviation);
        hump.len() > 1 && if abbreviation { abbreviations == 1 } else { is_readable(hump) }
    })
}

/// A vowel somewhere and no five consonants in a row; up to two letters are always fine.
fn is_readable(letters: &str) -> bool {
    let consonants = letters.as_bytes().split(|b| is_vowel(*b)).map(<[u8]>::len).max().unwrap_or_default();
    letters.len() < 3 || consonants < letters.len().min(5)
}

const fn is_vowel(byte: u8) -> bool {
    matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// What is one file in both builds: its canonical names, largest first. One side is empty for a file that is gone or new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    pub before: Vec<&'a str>,
    pub now: Vec<&'a str>,
}

/// Finds each file of the baseline among those of now, by canonical names with their sizes in bytes.
///
/// Equal names belong together. So do those that differ only in a text that may be a hash after all, because it reads as a
/// word or because hashing was switched on between the builds: all of them where one holds the mark, else one to one, the
/// largest with the largest. Every name comes out exactly once.
pub fn pair<'a>(
    before: impl IntoIterator<Item = (&'a str, u64)>,
    now: impl IntoIterator<Item = (&'a str, u64)>,
) -> Vec<Pair<'a>> {
    let mut gone: BTreeMap<&str, u64> = before.into_iter().collect();
    let mut pairs = Vec::new();
    let mut families: BTreeMap<String, [Vec<(u64, &str)>; 2]> = BTreeMap::new();
    for (name, size) in now {
        if !name.contains(MARK) && gone.remove(name).is_some() {
            pairs.push(Pair { before: vec![name], now: vec![name] });
        } else {
            families.entry(family(name)).or_default()[1].push((size, name));
        }
    }
    for (name, size) in gone {
        families.entry(family(name)).or_default()[0].push((size, name));
    }
    for sides in families.into_values() {
        let marked = sides.iter().flatten().any(|(_, name)| name.contains(MARK));
        let [before, now] = sides.map(|mut side| {
            side.sort_by(|a, b| b.cmp(a));
            side.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        });
        if marked {
            pairs.push(Pair { before, now });
            continue;
        }
        let at = |side: &[&'a str], index: usize| side.get(index).copied().into_iter().collect();
        let length = before.len().max(now.len());
        pairs.extend((0..length).map(|index| Pair { before: at(&before, index), now: at(&now, index) }));
    }
    pairs
}

/// The canonical name without its hash, or without the last text that may be one.
fn family(name: &str) -> String {
    let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
    if let Some(at) = file.rfind(MARK) {
        let head = file[..at].trim_end_matches(['.', '-', '_', '~']);
        return format!("{folder}{head}{}", &file[at + MARK.len()..]);
    }
    let (stem, extension) = split_extension(file);
    let mut end = stem.len();
    for part in stem.rsplit('.') {
        let start = end - part.len();
        let last = part.rsplit(BETWEEN).next().unwrap_or_default();
        for text in [usual_tail(part).unwrap_or(part), last] {
            if may_be_hash(text) {
                let head = stem[..end - text.len()].trim_end_matches(['.', '-', '~']);
                return format!("{folder}{head}{}{extension}", &stem[end..]);
            }
        }
        end = start.saturating_sub(1);
    }
    name.to_owned()
}

/// The shape of a hash in some style, whether or not it reads as a word; plain small letters only when they are hex.
fn may_be_hash(text: &str) -> bool {
    let hex = text.len() >= 4 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let usual = text.len() == USUAL && text.bytes().all(is_base64url) && !text.bytes().all(|b| b.is_ascii_lowercase());
    let long = (9..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) && has_digit(text);
    hex || usual || long
}

#[cfg(test)]
mod tests;
