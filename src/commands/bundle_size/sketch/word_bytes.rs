//! Which bytes are parts of words, for 64 of them at a time: eight bytes are compared in one number, without a branch, so that this is
//! as fast in a binary that is built to be small.

/// How many bytes are looked at together.
pub const BLOCK: usize = 64;

/// The highest bit of each of eight bytes.
const HIGHEST: u64 = each(0x80);

/// One bit for each byte, the lowest for the first: whether it is a letter or a digit of ASCII, `_` or `$`.
#[inline]
pub fn mask(block: &[u8; BLOCK]) -> u64 {
    let (eights, _) = block.as_chunks::<8>();
    eights.iter().rev().fold(0, |mask, eight| mask << 8 | mask_of_eight(u64::from_le_bytes(*eight)))
}

/// Whether a byte is a part of a word.
#[inline]
pub const fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

#[inline]
fn mask_of_eight(bytes: u64) -> u64 {
    let low = bytes & !HIGHEST;
    // Neither letter becomes another character, nor another character a letter.
    let found = within(low | each(0x20), b'a', b'z')
        | within(low, b'0', b'9')
        | within(low, b'_', b'_')
        | within(low, b'$', b'$');
    // The highest bits move next to each other: the products of the other bits are all above them or below.
    ((found & !bytes & HIGHEST) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The highest bit of each byte says whether its other seven, all that `low` has, are at least `first` and at most `last`.
#[inline]
const fn within(low: u64, first: u8, last: u8) -> u64 {
    (low + each(0x80 - first)) & !(low + each(0x7f - last))
}

/// Eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_each_byte_of_a_word() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                for other in [b'(', b'x', 0xff] {
                    let mut block = [other; BLOCK];
                    block[at] = byte;
                    let expected =
                        block.iter().rev().fold(0_u64, |mask, byte| mask << 1 | u64::from(is_in_word(*byte)));
                    assert_eq!(mask(&block), expected, "{byte} at {at} beside {other}");
                }
            }
        }
    }
}
