//! Sketches of contents: a few numbers by which two files are recognised as alike after a rename, a split or a merge.
//!
//! A sketch holds the smallest hashes of all groups of three neighbouring words (`MinHash` with one hash function: Broder, "On the
//! resemblance and containment of documents", 1997). Only words of four or more characters count: minifiers rename variables
//! to shorter ones, and property names and texts stay. For contents without words, such as WebAssembly, the hashes are of
//! windows of bytes.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// How many hashes a sketch has at most.
const SIZE: usize = 32;
/// Fewer hashes than this tell nothing: licence headers and loaders are alike everywhere.
const FEWEST: usize = 8;
/// Fewer words than this: windows of bytes are compared.
const FEWEST_WORDS: u64 = 64;
/// The shortest word that counts.
const SHORTEST_WORD: usize = 4;

/// The sketch of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    of: SketchOf,
    /// Ascending, without duplicates.
    hashes: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SketchOf {
    Words,
    Bytes,
}

impl Sketch {
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut sketcher = Sketcher::default();
        sketcher.add(content);
        sketcher.finish()
    }

    #[must_use]
    pub fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// Whether the content is large enough to be compared.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        self.hashes.len() >= FEWEST
    }

    /// Whether at least half of what both contents hold is in both.
    #[must_use]
    pub fn resemblance(&self, other: &Self) -> Option<Share> {
        let mut all: Vec<u32> = self.hashes.iter().chain(&other.hashes).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.truncate(SIZE);
        let both = all.iter().filter(|hash| self.has(**hash) && other.has(**hash)).count();
        (self.of == other.of).then_some(Share { part: both, whole: all.len() }).filter(Share::is_at_least_half)
    }

    /// Whether at least half of the smaller content is in the other one.
    #[must_use]
    pub fn is_contained(&self, other: &Self) -> bool {
        // Both sketches are complete up to this hash.
        let end = self.end().min(other.end());
        let below = |sketch: &Self| sketch.hashes.iter().filter(|hash| **hash <= end).count();
        let both = self.hashes.iter().filter(|hash| **hash <= end && other.has(**hash)).count();
        let smaller = below(self).min(below(other));
        let enough = self.hashes.len().min(other.hashes.len()) >= FEWEST && smaller >= 3;
        self.of == other.of && enough && both * 2 >= smaller
    }

    /// Whether hardly anything of one content is in the other, as far as sketches can tell.
    #[must_use]
    pub fn is_unlike(&self, other: &Self) -> bool {
        let both = self.hashes.iter().filter(|hash| other.has(**hash)).count();
        let smaller = self.hashes.len().min(other.hashes.len());
        self.of == other.of && smaller >= FEWEST && both * 8 < smaller && !self.is_contained(other)
    }

    fn has(&self, hash: u32) -> bool {
        self.hashes.binary_search(&hash).is_ok()
    }

    fn end(&self) -> u32 {
        self.hashes.last().copied().filter(|_| self.hashes.len() == SIZE).unwrap_or(u32::MAX)
    }
}

/// How much of two contents is in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    part: usize,
    whole: usize,
}

impl Share {
    const fn is_at_least_half(&self) -> bool {
        self.whole >= FEWEST && self.part * 2 >= self.whole
    }

    /// In parts of 32, for ordering.
    #[must_use]
    pub const fn in_parts(&self) -> usize {
        self.part * SIZE / self.whole
    }
}

/// Makes a sketch of a content that is read in pieces.
#[derive(Default)]
pub struct Sketcher {
    words: Smallest,
    bytes: Smallest,
    count: u64,
    word: u32,
    length: usize,
    last: [u32; 2],
    window: u32,
}

impl Sketcher {
    pub fn add(&mut self, piece: &[u8]) {
        for &byte in piece {
            // With enough words, windows of bytes are not compared.
            if self.count < FEWEST_WORDS {
                // Each byte is shifted out after 32 others.
                self.window = (self.window << 1).wrapping_add(BYTE_HASHES[usize::from(byte)]);
                self.bytes.add(self.window);
            }
            if IN_WORDS[usize::from(byte)] {
                // As FNV-1a does.
                self.word = (self.word ^ u32::from(byte)).wrapping_mul(0x0100_0193);
                self.length += 1;
            } else {
                self.end_word();
            }
        }
    }

    fn end_word(&mut self) {
        if self.length >= SHORTEST_WORD {
            let [first, second] = self.last;
            self.words.add(mix(first.rotate_left(14) ^ second.rotate_left(7) ^ self.word));
            self.last = [second, self.word];
            self.count += 1;
        }
        (self.word, self.length) = (0, 0);
    }

    #[must_use]
    pub fn finish(mut self) -> Sketch {
        self.end_word();
        if self.count >= FEWEST_WORDS {
            Sketch { of: SketchOf::Words, hashes: self.words.hashes }
        } else {
            Sketch { of: SketchOf::Bytes, hashes: self.bytes.hashes }
        }
    }
}

/// The smallest hashes of all that were added, ascending.
#[derive(Default)]
struct Smallest {
    hashes: Vec<u32>,
    /// The largest of them once there are enough; only smaller ones count then.
    limit: Option<u32>,
}

impl Smallest {
    #[inline]
    fn add(&mut self, hash: u32) {
        if self.limit.is_none_or(|limit| hash < limit) {
            self.insert(hash);
        }
    }

    fn insert(&mut self, hash: u32) {
        if let Err(at) = self.hashes.binary_search(&hash) {
            self.hashes.insert(at, hash);
            self.hashes.truncate(SIZE);
            self.limit = self.hashes.get(SIZE - 1).copied();
        }
    }
}

/// The hash of each byte.
const BYTE_HASHES: [u32; 256] = {
    let mut hashes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        hashes[byte as usize] = mix(byte);
        byte += 1;
    }
    hashes
};

/// Whether a byte is part of a word.
const IN_WORDS: [bool; 256] = {
    let mut in_words = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        in_words[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
        byte += 1;
    }
    in_words
};

/// The finalizer of `MurmurHash3`: neighbouring values get unrelated hashes.
#[inline]
const fn mix(value: u32) -> u32 {
    let value = (value ^ value >> 16 ^ 0x9e37_79b9).wrapping_mul(0x85eb_ca6b);
    let value = (value ^ value >> 13).wrapping_mul(0xc2b2_ae35);
    value ^ value >> 16
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = match self.of {
            SketchOf::Words => 'w',
            SketchOf::Bytes => 'b',
        };
        let bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
        serializer.serialize_str(&format!("{kind}{}", STANDARD_NO_PAD.encode(bytes)))
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let of = match text.as_bytes().first() {
            Some(b'w') => SketchOf::Words,
            Some(b'b') => SketchOf::Bytes,
            _ => return Err(D::Error::custom("a sketch begins with `w` or `b`")),
        };
        let bytes = STANDARD_NO_PAD.decode(&text.as_bytes()[1..]).map_err(D::Error::custom)?;
        let (hashes, rest) = bytes.as_chunks::<4>();
        let hashes: Vec<u32> = hashes.iter().map(|hash| u32::from_be_bytes(*hash)).collect();
        if !rest.is_empty() || hashes.len() > SIZE || hashes.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(D::Error::custom("a sketch has at most 32 ascending hashes"));
        }
        Ok(Self { of, hashes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distinct words, as minified code has them between its punctuation.
    fn text(words: usize, seed: u64) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..words).map(|_| format!("{:04x}(", random.u32(0x1000..0xffff_ffff))).collect()
    }

    fn alike(one: &str, other: &str) -> (bool, bool) {
        let [one, other] = [one, other].map(|text| Sketch::of(text.as_bytes()));
        (one.resemblance(&other).is_some(), one.is_contained(&other))
    }

    #[test]
    fn alike_are_contents_that_share_most_of_their_words() {
        for seed in 0..50 {
            let page = text(2000, seed);
            assert_eq!(alike(&page, &page), (true, true));
            let changed = page.replacen('7', "8", 50);
            assert!(alike(&page, &changed).0, "{seed}");
            // A minifier renames the variables.
            let [one, other] = ["a", "bc"].map(|name| page.replace('(', &format!("({name},")));
            assert_eq!(alike(&one, &other), (true, true), "{seed}");
            assert_eq!(alike(&page, &text(2000, seed + 1000)), (false, false), "{seed}");
            let [page, changed, other] =
                [page, changed, text(2000, seed + 1000)].map(|text| Sketch::of(text.as_bytes()));
            assert!(page.is_unlike(&other) && !page.is_unlike(&changed), "{seed}");
        }
    }

    #[test]
    fn the_parts_are_contained_in_the_whole() {
        let mut found = 0;
        for seed in 0..50 {
            let parts: Vec<String> = (0..4).map(|part| text(1500, seed * 10 + part)).collect();
            let whole = Sketch::of(parts.concat().as_bytes());
            let contained = parts.iter().filter(|part| Sketch::of(part.as_bytes()).is_contained(&whole)).count();
            found += contained;
            assert!(!Sketch::of(text(1500, seed + 9000).as_bytes()).is_contained(&whole), "{seed}");
        }
        assert!(found >= 190, "{found} of 200 parts");
    }

    #[test]
    fn short_contents_tell_nothing() {
        assert_eq!(alike("\"use strict\";", "\"use strict\";"), (true, true), "the windows of bytes");
        assert_eq!(alike("a", "a"), (false, false));
        assert_eq!(alike("", ""), (false, false));
    }

    #[test]
    fn bytes_without_words_are_compared_by_windows() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut noise = |length| std::iter::repeat_with(|| random.u8(128..)).take(length).collect::<Vec<u8>>();
        let (one, other) = (noise(20_000), noise(20_000));
        let moved = [&one[..10_000], &[1, 2, 3], &one[10_000..]].concat();
        assert!(Sketch::of(&one).resemblance(&Sketch::of(&moved)).is_some());
        assert_eq!(Sketch::of(&one).resemblance(&Sketch::of(&other)), None);
    }

    #[test]
    fn pieces_do_not_matter_and_a_sketch_is_read_back() {
        let content = text(500, 5);
        let mut sketcher = Sketcher::default();
        content.as_bytes().chunks(7).for_each(|piece| sketcher.add(piece));
        let sketch = sketcher.finish();
        assert_eq!(sketch, Sketch::of(content.as_bytes()));
        let written = serde_json::to_string(&sketch).expect("JSON");
        assert_eq!(serde_json::from_str::<Sketch>(&written).expect("a sketch"), sketch);
        for bad in ["\"\"", "\"x\"", "\"wAAAA\"", "\"w!\"", "\"wAAAAAQAAAAE\"", "7"] {
            assert!(serde_json::from_str::<Sketch>(bad).is_err(), "{bad}");
        }
    }
}
