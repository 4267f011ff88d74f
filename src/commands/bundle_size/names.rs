//! Canonical file names, equal across builds: the content hash in a name becomes `[hash]`.
//!
//! Bundlers write hashes in few alphabets and lengths, and only their shape distinguishes them from words. A text counts as
//! a hash after a `.`, `-`, `~` (or `_`, for hex), or when it is the whole name before the extension:
//!
//! | shape | written by |
//! |---|---|
//! | hex with a digit and a letter, 8 or more | webpack, Rspack, Next, Create React App, Angular up to 16, Parcel, Vite up to 3, Trunk |
//! | the same, 4 to 7 long (after `-` not a word and a number: `step-ab12`) | webpack `[contenthash:4]` |
//! | exactly 8 of base64url, base36 or base32 that do not read as words | Rollup, Vite (`-` and `_` included), Parcel, Bun |
//! | exactly 8 capitals and digits | esbuild, Angular since 17 |
//! | 9 or more letters and digits that change their kind every second or third character | Rollup `[hash:12]`, Next's build ids |
//! | 13 of lower-case letters, digits, `-` and `_`, not letters alone, as a whole name or after `turbopack-` | Turbopack (Next since 16) |
//! | 8 or more digits | time stamps |
//!
//! Words stay: lower-case letters (`dashboard`), camel case in syllables (`HomePage`), a word with a number (`es2015`), and
//! versions (`5.3.2`). A hash that reads as a word stays too, as 2.4 % of Vite's do (the tests measure each style);
//! [`pair_names`] matches nearly all of those.
//!
//! A mistake either way keeps the total. The sizes of files with the same canonical name are added up; a hash that was not
//! recognised shows as one removed and one new file.

use std::collections::BTreeMap;

/// Replaces a hash in a canonical name.
pub const HASH_MARK: &str = "[hash]";

/// The separators of words between two dots of a file name.
const WORD_SEPARATORS: [char; 2] = ['-', '~'];

/// The name of the file with which Turbopack starts.
const TURBOPACK: &str = "turbopack-";

/// The default length of a hash of Rollup, Vite, esbuild and Bun.
const USUAL_LENGTH: usize = 8;

/// Replaces each hash in a path with [`HASH_MARK`]. Idempotent.
#[must_use]
pub fn canonical_name(path: &str) -> String {
    let (folders, file) = path.rsplit_once('/').map_or((None, path), |(folders, file)| (Some(folders), file));
    let mut name = String::with_capacity(path.len());
    for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
        name.push_str(if is_folder_hash(folder) { HASH_MARK } else { folder });
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
    let (lead, whole) = stem.strip_prefix(TURBOPACK).map_or(("", stem), |rest| (TURBOPACK, rest));
    if is_turbopack_hash(whole) {
        return format!("{lead}{HASH_MARK}");
    }
    let mut parts = stem.split('.');
    let first = parts.next().unwrap_or_default();
    let mut name = canonical_part(first, true);
    for part in parts {
        name.push('.');
        name += &if is_hash(part, '.') { HASH_MARK.to_owned() } else { canonical_part(part, false) };
    }
    if name.contains(HASH_MARK) {
        return name;
    }
    // The first text is usually the name, even if it looks like a hash (chunk ids of Next do), unless it is the only text.
    let word = first.split(WORD_SEPARATORS).next().unwrap_or_default();
    for lead in [first, word] {
        if is_leading_hash(lead) {
            return format!("{HASH_MARK}{}", &stem[lead.len()..]);
        }
    }
    name
}

/// The canonical form of a text between two dots. `first`: it is the one before the first dot.
fn canonical_part(part: &str, first: bool) -> String {
    let mut name = String::with_capacity(part.len());
    for (at, word) in part.split_inclusive(WORD_SEPARATORS).enumerate() {
        let bare = word.trim_end_matches(WORD_SEPARATORS);
        let before = if at == 0 { '.' } else { '-' };
        let kept = if (at > 0 || !first) && is_hash(bare, before) {
            name.push_str(HASH_MARK);
            bare.len()
        } else if let Some((hash, tail)) = bare.split_once('_').filter(|_| at > 0 || !first)
            && is_long_hex(hash)
            && tail.bytes().all(|b| b.is_ascii_alphabetic())
        {
            // wasm-bindgen writes `shop_bg.wasm`, and Trunk puts the hash before the underscore.
            name.push_str(HASH_MARK);
            hash.len()
        } else if let Some((head, _)) =
            bare.rsplit_once('_').filter(|(head, tail)| !head.is_empty() && is_long_hex(tail))
        {
            name.push_str(head);
            name.push('_');
            name.push_str(HASH_MARK);
            bare.len()
        } else {
            0
        };
        name.push_str(&word[kept..]);
    }
    // A base64url hash may itself contain a dash: then only its length gives its start.
    match usual_tail(part) {
        Some(tail) if !name.contains(HASH_MARK) && is_hash(tail, '-') => {
            part[..part.len() - tail.len()].to_owned() + HASH_MARK
        }
        _ => name,
    }
}

/// The last eight characters, if a dash and another text precede them.
fn usual_tail(part: &str) -> Option<&str> {
    let at = part.len().checked_sub(USUAL_LENGTH).filter(|at| *at > 1)?;
    part.get(at..).filter(|_| part.as_bytes()[at - 1] == b'-')
}

/// Whether `text` has the shape of a hash. `before`: the separator before it, `.` or `-`.
fn is_hash(text: &str, before: char) -> bool {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.len() >= USUAL_LENGTH;
    }
    if is_hex(text) {
        return match text.len() {
            0..4 => false,
            4..USUAL_LENGTH => text.bytes().all(|b| !b.is_ascii_uppercase()) && (before == '.' || !is_numbered(text)),
            _ => true,
        };
    }
    match text.len() {
        USUAL_LENGTH => text.bytes().all(is_base64url) && !are_words(text),
        9..=64 => text.bytes().all(|b| b.is_ascii_alphanumeric()) && is_mixed(text),
        _ => false,
    }
}

/// Whether a name is a hash of Turbopack: with a digit or an underscore, and neither of words, as `react-dom-202` is, nor a word
/// and a hash, as `main-bx_z12-a` is.
fn is_turbopack_hash(text: &str) -> bool {
    let word = usual_tail(text).map(|tail| &text[..text.len() - tail.len() - 1]);
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'~');
    text.len() == 13
        && text.bytes().all(fits)
        && text.bytes().any(|b| !b.is_ascii_lowercase() && b != b'-')
        && !(text.contains(['-', '_']) && text.split(['-', '_']).all(is_word))
        && !word.is_some_and(|word| word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Whether the start of a file name is a hash. Stricter than [`is_hash`], since words such as `OTPInput` are more likely.
fn is_leading_hash(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphabetic());
    text.len() >= USUAL_LENGTH && is_hash(text, '-') && (!letters || is_capitals(text) || count_runs(text) > 1)
}

/// Whether the name of a folder is a hash: hex, or the 21 base64url characters of a build id.
fn is_folder_hash(text: &str) -> bool {
    is_long_hex(text) || text.len() == 21 && text.bytes().all(is_base64url) && has_digit(text) && count_runs(text) > 6
}

fn is_long_hex(text: &str) -> bool {
    text.len() >= USUAL_LENGTH && is_hex(text)
}

/// Whether `text` is hex of one case with at least one digit and one letter; so `decade` and `2024` are not hex.
fn is_hex(text: &str) -> bool {
    let all = |letters: std::ops::RangeInclusive<u8>| text.bytes().all(|b| b.is_ascii_digit() || letters.contains(&b));
    (all(b'a'..=b'f') || all(b'A'..=b'F')) && has_digit(text) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether `text` is letters, then a number: `ab12`.
fn is_numbered(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_capitals(text: &str) -> bool {
    text.len() == USUAL_LENGTH && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

/// Whether `text` has a digit and changes its kind of character more often than every third one, twice as often as camel
/// case.
fn is_mixed(text: &str) -> bool {
    has_digit(text) && count_runs(text) * 3 > text.len()
}

/// Counts the runs of one kind of character: digits, capitals, lower-case letters with the capitals before them, others.
fn count_runs(text: &str) -> usize {
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

/// Whether eight characters read as words after a dash. Capitals do not, since esbuild's hashes look like that.
fn are_words(text: &str) -> bool {
    let words = || text.split(['-', '_']);
    if words().any(str::is_empty) {
        return text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    }
    !is_capitals(text) && words().all(is_word)
}

/// Whether a text of letters and digits reads as a word between two dashes.
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

/// Whether a text is lower-case letters with one short number before or inside them: `404pages`, `mp3audio`, `utf8text`.
fn has_number_inside(text: &str) -> bool {
    let head = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let start = head.trim_end_matches(|c: char| c.is_ascii_digit());
    let (number, tail) = (head.len() - start.len(), &text[head.len()..]);
    let fits = if start.is_empty() { number <= 3 && tail.len() > 2 } else { number <= 2 };
    fits && start.bytes().all(|b| b.is_ascii_lowercase()) && is_readable(start) && is_readable(tail)
}

/// Whether a text is camel case in syllables, at most one of them an abbreviation without a vowel: `HomePage`, `pdfUtils`.
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

/// Whether letters contain a vowel and no five consonants in a row. Up to two letters are always readable.
fn is_readable(letters: &str) -> bool {
    let consonants = letters.as_bytes().split(|b| is_vowel(*b)).map(<[u8]>::len).max().unwrap_or_default();
    letters.len() < 3 || consonants < letters.len().min(5)
}

const fn is_vowel(byte: u8) -> bool {
    matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// The canonical names of one file in the baseline and now, largest first. One side is empty for a new or a removed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePair<'a> {
    pub before: Vec<&'a str>,
    pub now: Vec<&'a str>,
}

/// Matches the files of the baseline with the current ones, by canonical names with their sizes in bytes.
///
/// Equal names match. So do names that differ only in a text that may be a hash: one that reads as a word, or one that only
/// one build has because hashing was switched on between them. If one of these names contains the mark, all of them form one
/// pair; otherwise they are paired one to one, the largest with the largest. Every name is returned exactly once.
pub fn pair_names<'a>(
    before: impl IntoIterator<Item = (&'a str, u64)>,
    now: impl IntoIterator<Item = (&'a str, u64)>,
) -> Vec<NamePair<'a>> {
    let mut removed: BTreeMap<&str, u64> = before.into_iter().collect();
    let mut pairs = Vec::new();
    let mut groups: BTreeMap<String, [Vec<(u64, &str)>; 2]> = BTreeMap::new();
    for (name, size) in now {
        if !name.contains(HASH_MARK) && removed.remove(name).is_some() {
            pairs.push(NamePair { before: vec![name], now: vec![name] });
        } else {
            groups.entry(name_without_hash(name)).or_default()[1].push((size, name));
        }
    }
    for (name, size) in removed {
        groups.entry(name_without_hash(name)).or_default()[0].push((size, name));
    }
    for sides in groups.into_values() {
        let marked = sides.iter().flatten().any(|(_, name)| name.contains(HASH_MARK));
        let [before, now] = sides.map(|mut side| {
            side.sort_by(|a, b| b.cmp(a));
            side.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        });
        if marked {
            pairs.push(NamePair { before, now });
            continue;
        }
        let at = |side: &[&'a str], index: usize| side.get(index).copied().into_iter().collect();
        let length = before.len().max(now.len());
        pairs.extend((0..length).map(|index| NamePair { before: at(&before, index), now: at(&now, index) }));
    }
    pairs
}

/// The canonical name without its hash, or without the last text that may be one.
pub fn name_without_hash(name: &str) -> String {
    let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
    if let Some(at) = file.rfind(HASH_MARK) {
        let head = file[..at].trim_end_matches(['.', '-', '_', '~']);
        return format!("{folder}{head}{}", &file[at + HASH_MARK.len()..]);
    }
    let (stem, extension) = split_extension(file);
    let mut end = stem.len();
    for part in stem.rsplit('.') {
        let start = end - part.len();
        let last = part.rsplit(WORD_SEPARATORS).next().unwrap_or_default();
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

/// Whether a text has the shape of a hash, even if it reads as a word. Lower-case letters alone only if they are hex.
fn may_be_hash(text: &str) -> bool {
    let hex = text.len() >= 4 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let usual =
        text.len() == USUAL_LENGTH && text.bytes().all(is_base64url) && !text.bytes().all(|b| b.is_ascii_lowercase());
    let long = (9..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) && has_digit(text);
    hex || usual || long
}

#[cfg(test)]
mod tests;
