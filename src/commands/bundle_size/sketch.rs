//! Sketches of contents: a few numbers by which two files are recognised as alike after a rename, a split or a merge.
//!
//! A sketch holds the smallest hashes of all groups of three neighbouring words (`MinHash` with one hash function: Broder, "On the
//! resemblance and containment of documents", 1997). Only words of four or more characters count: minifiers rename variables
//! to shorter ones, and property names and texts stay. For contents without words, such as WebAssembly, the hashes are of
//! windows of bytes.

mod word_bytes;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use word_bytes::{BLOCK, is_in_word};

/// How many hashes a sketch has at most.
const SIZE: usize = 32;
/// Fewer hashes than this tell nothing: licence headers and loaders are alike everywhere.
const FEWEST: usize = 8;
/// Fewer words than this: windows of bytes are compared.
const FEWEST_WORDS: u64 = 64;
/// The shortest word that counts.
const SHORTEST_WORD: usize = 4;
const _: () = assert!(SHORTEST_WORD == 4, "`word_ends` looks at so many bytes before the end of a word");

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

    /// Whether little of one content is in the other, as far as sketches can tell. Two libraries have 3 to 7 % of their words in
    /// common, and the same code by two bundlers has 57 % or more. Of the hashes of the former, an eighth may be shared by chance; a
    /// quarter is not. A small page that names many files shares few windows of bytes with itself once their hashes change.
    #[must_use]
    pub fn is_unlike(&self, other: &Self) -> bool {
        let both = self.hashes.iter().filter(|hash| other.has(**hash)).count();
        let smaller = self.hashes.len().min(other.hashes.len());
        let part = match self.of {
            SketchOf::Words => 4,
            SketchOf::Bytes => 8,
        };
        self.of == other.of && smaller >= FEWEST && both * part < smaller && !self.is_contained(other)
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
    /// How many words there were; not counted any more once there are enough.
    count: u64,
    /// The hash of the word that has not ended yet.
    word: u32,
    /// Its length.
    length: usize,
    /// The hashes of the last two words.
    last: [u32; 2],
    window: u32,
}

impl Sketcher {
    pub fn add(&mut self, piece: &[u8]) {
        let mut rest = piece;
        // Most contents have enough words at their start. Then windows of bytes are not compared.
        if self.count < FEWEST_WORDS && self.length == 0 && has_words(rest, FEWEST_WORDS - self.count) {
            self.count = FEWEST_WORDS;
        }
        // The word of the piece before ends here.
        while (self.count < FEWEST_WORDS || self.length > 0)
            && let Some((byte, behind)) = rest.split_first()
        {
            if self.count < FEWEST_WORDS {
                // Each byte is shifted out after 32 others.
                self.window = (self.window << 1).wrapping_add(BYTE_HASHES[usize::from(*byte)]);
                self.bytes.add(self.window);
            }
            self.add_byte(*byte);
            rest = behind;
        }
        self.add_words(rest);
    }

    /// Adds the words of a text at whose start no word is open. Most of a text is between words or in short ones, and only the others
    /// are looked at byte by byte.
    fn add_words(&mut self, text: &[u8]) {
        // Where the last word begins, if it has not ended.
        let mut open = 0;
        let mut mask_before = 0;
        let (blocks, _) = text.as_chunks::<BLOCK>();
        for (index, block) in blocks.iter().enumerate() {
            let at = index * BLOCK;
            let mask = word_bytes::mask(block);
            let gaps = !mask;
            let mut ends = word_ends(mask, mask_before);
            while ends != 0 {
                let end = ends.trailing_zeros() as usize;
                ends &= ends - 1;
                let gaps = gaps & !(u64::MAX << end);
                let start = if gaps == 0 { open } else { at + BLOCK - gaps.leading_zeros() as usize };
                self.add_word(hash_word(&text[start..at + end]));
            }
            if gaps != 0 {
                open = at + BLOCK - gaps.leading_zeros() as usize;
            }
            mask_before = mask;
        }
        text[open..].iter().for_each(|byte| self.add_byte(*byte));
    }

    fn add_byte(&mut self, byte: u8) {
        if is_in_word(byte) {
            self.word = extend_word(self.word, byte);
            self.length += 1;
        } else {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if self.length >= SHORTEST_WORD {
            self.add_word(self.word);
            self.count += 1;
        }
        (self.word, self.length) = (0, 0);
    }

    #[inline]
    fn add_word(&mut self, word: u32) {
        let [first, second] = self.last;
        self.words.add(mix(first.rotate_left(14) ^ second.rotate_left(7) ^ word));
        self.last = [second, word];
    }

    #[must_use]
    pub fn finish(mut self) -> Sketch {
        self.end_word();
        if self.count >= FEWEST_WORDS {
            Sketch { of: SketchOf::Words, hashes: self.words.finish() }
        } else {
            Sketch { of: SketchOf::Bytes, hashes: self.bytes.finish() }
        }
    }
}

/// The smallest hashes of all that were added.
#[derive(Default)]
struct Smallest {
    /// The smallest ones and others, which are sorted out once there are too many.
    hashes: Vec<u32>,
    /// The largest of the smallest ones once there are enough: only smaller ones count then.
    limit: Option<u32>,
}

impl Smallest {
    #[inline]
    fn add(&mut self, hash: u32) {
        if self.limit.is_none_or(|limit| hash < limit) {
            self.hashes.push(hash);
            if self.hashes.len() >= SIZE * 2 {
                self.sort_out();
            }
        }
    }

    fn sort_out(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.truncate(SIZE);
        self.limit = self.hashes.get(SIZE - 1).copied();
    }

    /// Ascending, without duplicates.
    fn finish(mut self) -> Vec<u32> {
        self.sort_out();
        self.hashes
    }
}

/// Where words end that count, one bit for each byte of a block: a byte that is in no word, behind as many that are in one. `mask`
/// and that of the block before say which bytes are in words.
#[inline]
const fn word_ends(mask: u64, before: u64) -> u64 {
    let pairs = mask & (mask << 1 | before >> (BLOCK - 1));
    let pairs_before = before & before << 1;
    let fours = pairs & (pairs << 2 | pairs_before >> (BLOCK - 2));
    let fours_before = pairs_before & pairs_before << 2;
    !mask & (fours << 1 | fours_before >> (BLOCK - 1))
}

/// Whether at least so many words that count end in a text.
fn has_words(text: &[u8], fewest: u64) -> bool {
    let (blocks, _) = text.as_chunks::<BLOCK>();
    let (mut words, mut before) = (0, 0);
    for block in blocks {
        let mask = word_bytes::mask(block);
        words += u64::from(word_ends(mask, before).count_ones());
        before = mask;
        if words >= fewest {
            return true;
        }
    }
    false
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

#[inline]
fn hash_word(word: &[u8]) -> u32 {
    word.iter().fold(0, |hash, byte| extend_word(hash, *byte))
}

/// As FNV-1a does.
#[inline]
const fn extend_word(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

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
mod tests;
